# SPDX-License-Identifier: Apache-2.0
"""What tests share."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tune(database: pathlib.Path, *operations: str, gpu: str = "RTX 3090") -> None:
    """Stores a winner for each: predicted, since no GPU is needed for that."""
    select = [word for operation in operations for word in ("--operation", operation)]
    command = [os.environ["DITUNE_PROGRAM"], "tune", *select, "--gpu", gpu, "--trials", "1", "--db", str(database)]
    subprocess.run(command, check=True, capture_output=True)


def script(text: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A Python process of its own."""
    command = [sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
