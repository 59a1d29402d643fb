# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import builtins
import pathlib
from typing import Any

import ditune
import ditune.torch
import pytest
import torch
from ditune.errors import DituneError, UsageError
from ditune.torch import _runtime
from torch import nn

OPTIONS = {"gpu": "RTX 3090", "options": ("--trials", "1")}


@pytest.fixture
def model() -> nn.Module:
    layers = nn.Sequential(nn.Linear(64, 128, bias=False), nn.Linear(128, 64, bias=False))
    return ditune.torch.quantize_(layers.bfloat16(), rotate=16)


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(2, 5, 64, dtype=torch.bfloat16)


@pytest.fixture(autouse=True)
def default_records_again() -> Any:
    yield
    ditune.torch.use_databases()


def test_tunes_what_a_pass_needs(
    model: nn.Module, x: torch.Tensor, tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tuning.db"
    ditune.torch.use_databases(compile=False)
    before = model(x)
    tuned = ditune.torch.tune(model, x, database=file, time_budget=60, **OPTIONS)  # type: ignore[arg-type]
    assert tuned == (
        "quantize_s8:m=10,k=64,rotate=16",
        "gemm_s8:m=10,n=128,k=64",
        "quantize_s8:m=10,k=128,rotate=16",
        "gemm_s8:m=10,n=64,k=128",
    )
    shown = capfd.readouterr()
    assert "ditune tune: 100%" in shown.err and not shown.out
    runtime = ditune.runtime(file, compile=False)  # as it was
    assert _runtime.runtime_handle() == runtime.handle
    assert {runtime.lookup(operation, gpu="RTX 3090").match for operation in tuned} == {"exact"}
    assert torch.equal(model(x), before)


@pytest.mark.parametrize("form", ["mapping", "arguments"])
def test_takes_inputs_as_the_model_does(model: nn.Module, x: torch.Tensor, form: str) -> None:
    given: Any = {"input": x} if form == "mapping" else (x,)
    assert len(ditune.torch.tuning.problems(model, given)) == 4


def test_lines_without_tqdm(
    model: nn.Module,
    x: torch.Tensor,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    load = builtins.__import__

    def without_tqdm(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("tqdm"):
            raise ImportError(name)
        return load(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_tqdm)
    ditune.torch.tune(model[:1], x, database=tmp_path / "a.db", **OPTIONS)  # type: ignore[index, arg-type]
    lines = capfd.readouterr().err.splitlines()
    assert lines[1] == "ditune: tuning 2 of 2: gemm_s8:m=10,n=128,k=64"


def test_refusals(model: nn.Module, x: torch.Tensor, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"ran no operation of ditune \(call quantize_ first\)"):
        ditune.torch.tune(nn.Linear(2, 2), torch.zeros(1, 2), progress=False)
    with pytest.raises(UsageError, match="RTX 1") as error:
        ditune.torch.tune(model, x, database=tmp_path / "a.db", gpu="RTX 1", progress=False)
    assert "\n" not in str(error.value)
    monkeypatch.setenv("DITUNE_PROGRAM", str(tmp_path / "none"))
    with pytest.raises(DituneError, match=r"none cannot be run: .*\(install ditune anew, or set DITUNE_PROGRAM\)"):
        ditune.torch.tune(model, x, database=tmp_path / "a.db", progress=False)


def test_none_begins_when_the_time_is_up(
    model: nn.Module, x: torch.Tensor, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $* >> {tmp_path}/calls\nsleep 0.4\n")
    program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DITUNE_PROGRAM", str(program))
        tuned = ditune.torch.tune(model, x, database=tmp_path / "a.db", time_budget=0.6, progress=False)
    assert tuned == ("quantize_s8:m=10,k=64,rotate=16", "gemm_s8:m=10,n=128,k=64")
    assert len((tmp_path / "calls").read_text().splitlines()) == 2
    assert "the time is up: 2 of 4 operations are tuned" in caplog.text


def test_ctrl_c_waits_for_the_program(model: nn.Module, x: torch.Tensor, tmp_path: pathlib.Path) -> None:
    """It gets the signal, too, says a lot, and stores what it has."""
    program = tmp_path / "program"
    program.write_text(
        # Half a second later the parent waits for it, also on a busy machine.
        "#!/bin/sh\ntrap : INT\nsleep 0.5\nkill -INT $PPID\nsleep 1\nyes ditune: working | head -c 300000 >&2\n"
        f"touch {tmp_path}/stored\nexit 130\n"
    )
    program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setenv("DITUNE_PROGRAM", str(program))
        ditune.torch.tune(model, x, database=tmp_path / "a.db", progress=False)
    assert (tmp_path / "stored").exists()
