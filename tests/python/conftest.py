# SPDX-License-Identifier: Apache-2.0
"""Tests run on python/ of this checkout and the preset dev's build; DITUNE_LIBRARY and DITUNE_PROGRAM name others."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import pytest
from helpers import ROOT, tune

BUILD = ROOT / "build" / "dev"

# For this process, and for those that tests start.
os.environ.setdefault("DITUNE_LIBRARY", str(BUILD / "runtime" / "libditune.so"))
os.environ.setdefault("DITUNE_PROGRAM", str(BUILD / "cli" / "ditune"))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT / "python"), os.environ.get("PYTHONPATH")]))


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """No test sees the records of whoever runs it."""
    monkeypatch.delenv("DITUNE_DB", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "no_data"))
    monkeypatch.setattr("ditune._runtime.PACKAGED", tmp_path / "no_winners.db")


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Records of one layer and of one producer on an RTX 3090."""
    file = tmp_path_factory.mktemp("records") / "tuning.db"
    tune(file, "gemm_s8:m=64,n=128,k=64,bias=bf16", "quantize_s8:m=64,k=128,norm=rms")
    return file


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Several take longer for models as small as these, where others are at work, too."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
