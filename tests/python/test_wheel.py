# SPDX-License-Identifier: Apache-2.0
"""The wheel that scripts/wheel builds, or that DITUNE_WHEEL names, installed where there is nothing else."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
import zipfile

import pytest
from helpers import ROOT

pytestmark = pytest.mark.wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    if "DITUNE_WHEEL" not in os.environ:
        # Nothing here asks how fast it is, and to optimize it takes minutes.
        unoptimized = ["-Cbuild-dir=build/wheel_test", "-Ccmake.define.CMAKE_CXX_FLAGS_RELEASE=-O0"]
        folder = tmp_path_factory.mktemp("dist")
        subprocess.run([ROOT / "scripts" / "wheel", folder, *unoptimized], check=True)
        (built,) = folder.glob("ditune-*.whl")
        return built
    return pathlib.Path(os.environ["DITUNE_WHEEL"])


@pytest.fixture(scope="module")
def venv(wheel: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("wheel") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", "--no-index", wheel], check=True)
    return folder


def run(venv: pathlib.Path, name: str, *arguments: str) -> str:
    """What a program of the venv prints, with nothing of this checkout in its environment."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("DITUNE_", "PYTHON"))}
    command = [str(venv / "bin" / name), *arguments]
    return subprocess.check_output(command, env=environment, cwd=venv, text=True)


def version() -> str:
    found = re.search(r"project\(ditune VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())
    assert found
    return found[1]


def test_name(wheel: pathlib.Path) -> None:
    assert wheel.name == f"ditune-{version()}-py3-none-manylinux_2_35_x86_64.whl"


def test_contents(wheel: pathlib.Path) -> None:
    """The package, the two binaries and the license, and no header, archive or document."""
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {file.relative_to(ROOT / "python") for file in (ROOT / "python").rglob("*") if file.is_file()}
    expected = {str(file) for file in sources if "__pycache__" not in file.parts}
    expected |= {"ditune/bin/ditune", "ditune/lib/libditune.so"}
    metadata = (
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
        "licenses/THIRD_PARTY_LICENSES.txt",
    )
    assert names == expected | {f"ditune-{version()}.dist-info/{name}" for name in metadata}
    assert "ditune/py.typed" in names


def test_installed(venv: pathlib.Path) -> None:
    assert run(venv, "ditune", "--version") == f"{version()}\n"
    assert run(venv, "python", "-m", "ditune", "--version") == f"{version()}\n"
    assert run(venv, "python", "-c", "import ditune; print(ditune.__version__)") == f"{version()}\n"
    operation = "gemm_s8:m=64,n=128,k=64"
    found = run(venv, "ditune", "lookup", "--operation", operation, "--gpu", "RTX 3090", "--json")
    look_up = f"import ditune; print(ditune.Runtime([]).lookup('{operation}', gpu='RTX 3090').config)"
    config = run(venv, "python", "-c", look_up).strip()
    assert config.startswith("mma_s8:")
    assert config in found
    packaged = "import ditune; print(ditune.runtime().lookup('gemm_s8:m=6144,n=4608,k=4608', gpu='NVIDIA H200').match)"
    assert run(venv, "python", "-c", packaged) == "exact\n"


def test_uninstalled(venv: pathlib.Path) -> None:
    run(venv, "pip", "uninstall", "--quiet", "--yes", "ditune")
    assert not list(venv.glob("lib/python*/site-packages/ditune*"))
    assert not (venv / "bin" / "ditune").exists()
