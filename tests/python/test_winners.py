# SPDX-License-Identifier: Apache-2.0
"""The winners that the package carries: `scripts/gpu-check BUILD OUT package` makes them anew."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import ditune
import pytest
from ditune import _program, _runtime
from helpers import ROOT

WINNERS = ROOT / "python" / "ditune" / "winners.db"


def test_each_is_used_with_its_kernel(tmp_path: Path) -> None:
    """From a folder that nobody may write to, by templates as they are today."""
    folder = tmp_path / "packaged"
    folder.mkdir()
    file = shutil.copy(WINNERS, folder)
    folder.chmod(0o555)
    list_all = [str(_program.program_file()), "list", "--json", "--db", file]
    rows = json.loads(subprocess.run(list_all, check=True, capture_output=True).stdout)
    assert len(rows) > 20 and {row["source"] for row in rows} == {"measured"}
    with ditune.Runtime(file) as runtime:
        assert runtime.skipped_rows() == 0
        for row in rows:
            assert runtime.lookup(row["operation"], gpu=row["device"]).match == "exact", row["operation"]
    assert [path.name for path in folder.iterdir()] == [WINNERS.name]


def test_counts_behind_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_runtime, "PACKAGED", WINNERS)
    assert _runtime.database_files(None) == (str(WINNERS),)
    own = tmp_path / "own.db"
    own.touch()
    monkeypatch.setenv("DITUNE_DB", str(own))
    assert _runtime.database_files(None) == (str(own), str(WINNERS))
    assert _runtime.database_files(own) == (str(own),)


def test_is_small() -> None:
    assert WINNERS.stat().st_size < 10_000_000
