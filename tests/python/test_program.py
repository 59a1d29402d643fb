# SPDX-License-Identifier: Apache-2.0
"""The console command, with a script that tells what it was given in place of the program."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

STAND_IN = """#!/bin/sh
echo "pid $$"
for word; do echo "word '$word'"; done
echo "nvrtc $DITUNE_NVRTC"
case $1 in
  fail) exit 7 ;;
  die) kill -TERM $$ ;;
esac
"""


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> pathlib.Path:
    file = tmp_path / "stand-in"
    file.write_text(STAND_IN)
    file.chmod(0o755)
    monkeypatch.setenv("DITUNE_PROGRAM", str(file))
    monkeypatch.setenv("DITUNE_NVRTC", "/opt/libnvrtc.so.13")
    return file


def ditune(*arguments: str) -> tuple[subprocess.Popen[str], str, str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "ditune", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    out, error = process.communicate()
    return process, out, error


def test_the_program_takes_the_place_of_python(stand_in: pathlib.Path) -> None:
    process, out, error = ditune("lookup", "two words", "", "--json")
    words = "word 'lookup'\nword 'two words'\nword ''\nword '--json'\n"
    assert (process.returncode, out, error) == (0, f"pid {process.pid}\n{words}nvrtc /opt/libnvrtc.so.13\n", "")


def test_exit_codes_and_signals(stand_in: pathlib.Path) -> None:
    assert ditune("fail")[0].returncode == 7
    assert ditune("die")[0].returncode == -signal.SIGTERM


def test_nvrtc_of_nvidias_packages(
    stand_in: pathlib.Path, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "site" / "nvidia" / "cu99" / "lib" / "libnvrtc.so.99"
    file.parent.mkdir(parents=True)
    file.touch()
    monkeypatch.delenv("DITUNE_NVRTC")
    monkeypatch.setenv("PYTHONPATH", f"{os.environ['PYTHONPATH']}{os.pathsep}{tmp_path / 'site'}")
    assert f"nvrtc {file}\n" in ditune("list")[1]


def test_a_missing_program(stand_in: pathlib.Path) -> None:
    stand_in.unlink()
    process, out, error = ditune("list")
    assert (process.returncode, out) == (3, "")
    assert re.fullmatch(r"ditune: error: \S+ is not there or cannot be run \(install ditune anew, .*\)\n", error)


def test_doctor_tells_of_pythons_pieces(stand_in: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DITUNE_DB", "/data/tuning.db")
    python, program = ditune("doctor")[1].split("\n\n")
    rows = {line.split("  ")[0]: line for line in python.splitlines()}
    assert list(rows) == [
        "WHAT",
        "Python",
        "package ditune",
        "torch",
        "diffusers",
        "comfy-kitchen",
        "package's NVRTC",
        "DITUNE_DB",
    ]
    assert rows["package's NVRTC"].endswith("/opt/libnvrtc.so.13, by DITUNE_NVRTC")
    assert rows["DITUNE_DB"].endswith("/data/tuning.db")
    assert program.startswith("pid ")
    assert ditune("doctor", "--help")[1].startswith("pid ")


def test_doctor_of_the_real_program() -> None:
    process, out, _ = ditune("doctor")
    assert process.returncode in (0, 1)  # 1: there is no NVRTC
    assert "WHAT TO DO\nPython" in out
    assert "WHAT TO DO\ndriver" in out


def test_the_real_program_says_its_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", ditune("--version")[1])
    process, out, error = ditune("nonsense")
    assert (process.returncode, out) == (2, "")
    assert error.startswith("ditune: error: unknown command 'nonsense'")


def test_a_closed_standard_output(stand_in: pathlib.Path) -> None:
    run = subprocess.run(f"'{sys.executable}' -m ditune doctor >&-", shell=True, stderr=subprocess.PIPE, check=False)
    assert b"Traceback" not in run.stderr
