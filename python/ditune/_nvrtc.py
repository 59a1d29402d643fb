# SPDX-License-Identifier: Apache-2.0
"""The NVRTC that NVIDIA's wheels brought, as torch's requirements do, found without importing torch."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pathlib
import re
import sys
from collections.abc import Iterable

# libnvrtc.so.12 and libnvrtc.so.12.9.86, not libnvrtc.alt.so.12.
_NAME = re.compile(r"libnvrtc\.so\.([0-9.]+)")


def _folders() -> Iterable[pathlib.Path]:
    """Where a libnvrtc may be: NVIDIA's wheels for CUDA 12 and 13, then conda's environment."""
    spec = importlib.util.find_spec("nvidia")
    for root in spec.submodule_search_locations or () if spec else ():
        yield pathlib.Path(root, "cuda_nvrtc", "lib")
        yield from pathlib.Path(root).glob("cu[0-9]*/lib")
    yield pathlib.Path(sys.prefix, "lib")


def version_of(file: pathlib.Path) -> tuple[int, ...]:
    """As its name has it: (12,) of libnvrtc.so.12; () if it is no libnvrtc."""
    match = _NAME.fullmatch(file.name)
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def candidates() -> list[pathlib.Path]:
    """Each libnvrtc that is installed, the newest first."""
    files = [file for folder in _folders() for file in folder.glob("libnvrtc.so.*") if version_of(file)]
    return sorted(files, key=version_of, reverse=True)


def driver_cuda() -> int | None:
    """The newest major version of CUDA that the driver runs; None where there is no driver."""
    try:
        version = ctypes.c_int(0)
        status: int = ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(version))
    except (OSError, AttributeError):
        return None
    return version.value // 1000 if status == 0 and version.value else None


def package_of(file: pathlib.Path) -> str:
    """The wheel that a candidate is of, with its version: "nvidia-cuda-nvrtc 13.2.86"; "" of conda's."""
    folder = file.parent.parent.name
    name = "nvidia-cuda-nvrtc-cu12" if folder == "cuda_nvrtc" else "nvidia-cuda-nvrtc"
    if file.parent.parent.parent.name != "nvidia":
        return ""
    from importlib import metadata  # slow to import, and of use to doctor alone

    try:
        return f"{name} {metadata.version(name)}"
    except metadata.PackageNotFoundError:
        return ""


def find() -> pathlib.Path | None:
    """The newest one that the driver runs kernels of; None leaves the choice to the loader.

    A kernel that NVRTC 13 compiled does not load on a driver of CUDA 12, so that one is passed over there.
    """
    files = candidates()
    if len({version_of(file)[0] for file in files}) > 1 and (newest := driver_cuda()):
        files = [file for file in files if version_of(file)[0] <= newest]
    return files[0] if files else None


def chosen() -> str | None:
    """The file to open: $DITUNE_NVRTC, else `find`."""
    named = os.environ.get("DITUNE_NVRTC")
    if named:
        return named
    found = find()
    return str(found) if found else None
