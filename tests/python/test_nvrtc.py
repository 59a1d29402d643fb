# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import importlib
import pathlib
import sys

import pytest
from ditune import _nvrtc


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> pathlib.Path:
    """The only folder that packages are found in, and an environment with no lib."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", [str(folder)])
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    monkeypatch.delitem(sys.modules, "nvidia", raising=False)
    monkeypatch.delenv("DITUNE_NVRTC", raising=False)
    monkeypatch.setattr(_nvrtc, "driver_cuda", lambda: None)
    importlib.invalidate_caches()
    return folder


def install(folder: pathlib.Path, *names: str) -> list[pathlib.Path]:
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / name for name in names]
    for file in files:
        file.touch()
    return files


def test_none(site: pathlib.Path) -> None:
    assert _nvrtc.candidates() == []
    assert _nvrtc.find() is None
    assert _nvrtc.chosen() is None


def test_the_newest_first(site: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (cu12, *_) = install(
        site / "nvidia" / "cuda_nvrtc" / "lib",
        "libnvrtc.so.12",
        "libnvrtc.alt.so.12",
        "libnvrtc-builtins.so.12.9",
        "libnvrtc.so",
    )
    assert _nvrtc.candidates() == [cu12]
    (cu13,) = install(site / "nvidia" / "cu13" / "lib", "libnvrtc.so.13")
    (conda,) = install(tmp_path / "prefix" / "lib", "libnvrtc.so.12.9.86")
    assert _nvrtc.candidates() == [cu13, conda, cu12]
    assert _nvrtc.find() == cu13


def test_what_the_driver_does_not_run_is_passed_over(site: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cu12,) = install(site / "nvidia" / "cuda_nvrtc" / "lib", "libnvrtc.so.12")
    (cu13,) = install(site / "nvidia" / "cu13" / "lib", "libnvrtc.so.13")
    monkeypatch.setattr(_nvrtc, "driver_cuda", lambda: 12)
    assert _nvrtc.find() == cu12
    monkeypatch.setattr(_nvrtc, "driver_cuda", lambda: 13)
    assert _nvrtc.find() == cu13
    monkeypatch.setattr(_nvrtc, "driver_cuda", lambda: 11)
    assert _nvrtc.find() is None


def test_the_environment_goes_first(site: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site / "nvidia" / "cu13" / "lib", "libnvrtc.so.13")
    monkeypatch.setenv("DITUNE_NVRTC", "/opt/libnvrtc.so.12")
    assert _nvrtc.chosen() == "/opt/libnvrtc.so.12"


def test_the_package_of_a_file(site: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (cu12,) = install(site / "nvidia" / "cuda_nvrtc" / "lib", "libnvrtc.so.12")
    assert _nvrtc.package_of(cu12) == ""
    (metadata,) = install(site / "nvidia_cuda_nvrtc_cu12-12.9.86.dist-info", "METADATA")
    metadata.write_text("Metadata-Version: 2.1\nName: nvidia-cuda-nvrtc-cu12\nVersion: 12.9.86\n")
    assert _nvrtc.package_of(cu12) == "nvidia-cuda-nvrtc-cu12 12.9.86"
    (conda,) = install(tmp_path / "prefix" / "lib", "libnvrtc.so.12.9.86")
    assert _nvrtc.package_of(conda) == ""


def test_the_driver_is_asked_without_failing() -> None:
    assert _nvrtc.driver_cuda() is None or _nvrtc.driver_cuda() >= 12  # type: ignore[operator]
