# SPDX-License-Identifier: Apache-2.0
"""The folder for ComfyUI's custom_nodes."""

from __future__ import annotations

import importlib.util
import logging
import pathlib
import sys
from typing import Any

import ditune.comfy
import pytest
from ditune.errors import DituneError

FOLDER = pathlib.Path(__file__).parents[2] / "comfyui" / "ditune" / "__init__.py"


def start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, missing: str = ""
) -> tuple[Any, list[str]]:
    """Loads the folder as ComfyUI does, where the module named missing cannot be imported."""
    if missing:
        monkeypatch.setitem(sys.modules, missing, None)
    caplog.set_level(logging.INFO)
    spec = importlib.util.spec_from_file_location("custom_nodes_x_ditune", FOLDER)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, [record.getMessage() for record in caplog.records if record.getMessage().startswith("ditune")]


def test_the_folder_registers_and_says_so(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    module, messages = start(monkeypatch, caplog)
    assert module.NODE_CLASS_MAPPINGS == {}
    assert len(messages) == 1 and "INT8 layers run on ditune" in messages[0]


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("ditune", "not installed (pip install . in a clone"),
        ("comfy_kitchen", "comfy-kitchen is not installed"),
        ("ditune.comfy", "install ditune and comfy-kitchen anew"),
    ],
)
def test_the_folder_tells_what_is_missing_in_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, missing: str, message: str
) -> None:
    module, messages = start(monkeypatch, caplog, missing)
    assert module.NODE_CLASS_MAPPINGS == {}
    assert len(messages) == 1 and message in messages[0] and "\n" not in messages[0]


def test_the_folder_survives_a_registration_that_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delitem(sys.modules, "ditune.comfy")
    monkeypatch.setattr("ditune._library.library_file", lambda: pathlib.Path("/nowhere/libditune.so"))
    monkeypatch.setattr("ditune._library.library", ditune._library.library.__wrapped__)
    _, messages = start(monkeypatch, caplog)
    assert len(messages) == 1 and "/nowhere/libditune.so cannot be loaded" in messages[0]


def test_an_old_comfy_kitchen_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    old = dataclasses.make_dataclass("FunctionConstraints", ["params"])
    monkeypatch.setattr(ditune.comfy, "FunctionConstraints", old)
    with pytest.raises(DituneError, match="too old"):
        ditune.comfy.register()
