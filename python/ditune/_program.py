# SPDX-License-Identifier: Apache-2.0
"""The program `ditune` of the package, run in place of this process; `doctor` is told what Python has."""

from __future__ import annotations

import contextlib
import os
import pathlib
import platform
import sys
from typing import NoReturn

from ditune import _nvrtc

# The packages that ditune works with, and what each is for.
_PEERS = {
    "torch": "ditune.torch needs 2.9 or newer: pip install torch",
    "diffusers": "ditune.diffusers needs it",
    "comfy-kitchen": "ditune.comfy needs it",
}


_FAILED = 3  # the program's exit code where the machine failed it


def program_file() -> pathlib.Path:
    """$DITUNE_PROGRAM, or that of the package."""
    named = os.environ.get("DITUNE_PROGRAM")
    return pathlib.Path(named) if named else pathlib.Path(__file__).parent / "bin" / "ditune"


def _version(package: str) -> str | None:
    from importlib import metadata  # slow to import, and of use to doctor alone

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _nvrtc_found() -> str:
    named = os.environ.get("DITUNE_NVRTC")
    if named:
        return f"{named}, by DITUNE_NVRTC"
    file = _nvrtc.find()
    if not file:
        return "none of NVIDIA's packages, so the loader's"
    return f"{_nvrtc.package_of(file) or file.name} ({file})"


def findings() -> list[tuple[str, str, str]]:
    """What, found, and what to do: the part of `ditune doctor` that only Python knows."""
    package = f"{_version('ditune') or 'not installed'} ({pathlib.Path(__file__).parent})"
    rows = [("Python", platform.python_version(), ""), ("package ditune", package, "")]
    for name, remedy in _PEERS.items():
        version = _version(name)
        rows.append((name, version or "none", "" if version else remedy))
    rows.append(("package's NVRTC", _nvrtc_found(), ""))
    rows.append(("DITUNE_DB", os.environ.get("DITUNE_DB") or "not set", ""))
    return rows


def _table(rows: list[tuple[str, str, str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "\n".join(f"{what:{widths[0]}}  {found:{widths[1]}}  {remedy}".rstrip() for what, found, remedy in rows)


def _is_doctor(arguments: list[str]) -> bool:
    return arguments[:1] == ["doctor"] and not {"-h", "--help"} & set(arguments)


def run(arguments: list[str]) -> NoReturn:
    """Becomes the program: exit code, standard files and signals are its own."""
    file = program_file()
    if not os.access(file, os.X_OK):
        error = f"{file} is not there or cannot be run (install ditune anew, or set DITUNE_PROGRAM)"
        print(f"ditune: error: {error}", file=sys.stderr)
        sys.exit(_FAILED)
    if _is_doctor(arguments) and sys.stdout:
        with contextlib.suppress(OSError):  # where nothing can be written, the program says so
            print(_table([("WHAT", "FOUND", "WHAT TO DO"), *findings()]), end="\n\n", flush=True)
    nvrtc = _nvrtc.chosen()
    if nvrtc:
        os.environ["DITUNE_NVRTC"] = nvrtc
    os.execv(file, ["ditune", *arguments])
