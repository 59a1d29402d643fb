# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import builtins
import pathlib
import shutil
import signal
import sys
from typing import Any

import ditune
import ditune.torch
import pytest
import torch
from ditune._library import Args
from ditune._problem import make_problem
from ditune._runtime import _open_runtimes
from ditune.errors import CudaError, DituneError, UsageError
from ditune.torch import _runtime
from ditune.torch._calls import Call
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
    text = 'no GPU here (name the one that is meant: --gpu "RTX 3090" or --arch sm_86)'
    monkeypatch.setenv("DITUNE_PROGRAM", write_program(tmp_path / "p", f"error({text!r}); sys.exit(2)"))
    with pytest.raises(UsageError, match=r'\(name the one that is meant: gpu="RTX 3090" or gpu="sm_86"\)$'):
        ditune.torch.tune(model, x, database=tmp_path / "a.db", progress=False)
    monkeypatch.setenv("DITUNE_PROGRAM", str(tmp_path / "none"))
    with pytest.raises(DituneError, match=r"none cannot be run: .*\(install ditune anew, or set DITUNE_PROGRAM\)"):
        ditune.torch.tune(model, x, database=tmp_path / "a.db", progress=False)


@pytest.mark.parametrize("words", ["--trials 1 --strategy 'random'", ["--trials", "1", "--strategy", "random"]])
def test_options_are_words_or_a_line(
    words: Any, model: nn.Module, x: torch.Tensor, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = write_program(tmp_path / "p", "for each in operations: say(each, done=True, config='c')")
    monkeypatch.setenv("DITUNE_PROGRAM", program)
    ditune.torch.tune(model, x, database=tmp_path / "a.db", options=words, progress=False)
    assert calls_of(program)[0].startswith("tune --progress json --trials 1 --strategy random --db ")
    with pytest.raises(UsageError, match=r"^options='--trials \"1' are no words: .* \(give a list of words\)$"):
        ditune.torch.tune(model, x, options='--trials "1')


@pytest.mark.parametrize("seconds", [-3, float("inf"), float("nan")])
def test_a_budget_is_a_number_of_seconds(seconds: float, model: nn.Module, x: torch.Tensor) -> None:
    with pytest.raises(UsageError, match=r"^time_budget=.* \(give seconds, or None for as long as it takes\)$"):
        ditune.torch.tune(model, x, time_budget=seconds)


def test_a_gpu_may_be_an_arch(model: nn.Module, x: torch.Tensor, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "a.db"
    tuned = ditune.torch.tune(model, x, database=file, gpu="sm_90", options="--trials 1", progress=False)
    assert len(tuned) == 4
    assert ditune.runtime(file).lookup(tuned[0], gpu="sm_90").match == "exact"
    with pytest.raises(UsageError, match=r"unsupported arch 'sm_1' \("):
        ditune.torch.tune(model, x, database=file, gpu="sm_1", progress=False)


def write_program(file: pathlib.Path, code: str) -> str:
    """In place of ditune; it keeps what it is asked for in FILE.calls, and can `say` what became of an operation."""
    file.write_text(
        f"#!{sys.executable}\nimport json, sys, time\n"
        f"with open({str(file)!r} + '.calls', 'a') as calls: calls.write(' '.join(sys.argv[1:]) + '\\n')\n"
        "operations = [word for before, word in zip(sys.argv, sys.argv[1:]) if before == '--operation']\n"
        "def say(operation, **state): print(json.dumps({'operation': operation, **state}), file=sys.stderr)\n"
        "def error(message): print('ditune: error:', message, file=sys.stderr)\n" + code
    )
    file.chmod(0o755)
    return str(file)


def calls_of(program: str) -> list[str]:
    return pathlib.Path(program + ".calls").read_text().splitlines()


def test_one_process_tunes_all(
    model: nn.Module, x: torch.Tensor, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = write_program(tmp_path / "p", "for each in operations: say(each, done=True, config='c')")
    monkeypatch.setenv("DITUNE_PROGRAM", program)
    tuned = ditune.torch.tune(model, x, database=tmp_path / "a.db", time_budget=90.4, progress=False)
    words = " ".join(f"--operation {operation}" for operation in tuned)
    options = f"tune --progress json --db {tmp_path}/a.db {words} --budget 90s --strict-budget"
    assert len(tuned) == 4 and calls_of(program) == [options]


ZERO, ONE = torch.device("cuda", 0), torch.device("cuda", 1)


def test_each_device_has_a_process_and_its_part_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("ditune.torch.tuning.time.monotonic", lambda: now)
    operations = [("a", ZERO), ("b", ONE), ("c", ZERO), ("d", ZERO)]
    of_each = ditune.torch.tuning._of_each_device(ditune.torch.tuning._targets(operations, None), 100)
    words = "--device 0 --operation a --operation c --operation d --budget 75s --strict-budget"
    assert next(of_each) == words.split()
    now += 40
    assert next(of_each) == ["--device", "1", "--operation", "b", "--budget", "60s", "--strict-budget"]
    of_each = ditune.torch.tuning._of_each_device(ditune.torch.tuning._targets(operations, "H100"), None)
    assert [words[:2] for words in of_each] == [["--gpu", "H100"]]


class OnBoth(nn.Module):
    """An operation on two GPUs, which need not be there, and one on the second alone."""

    def forward(self, x: torch.Tensor) -> None:
        for device, m in ((ZERO, 1), (ONE, 1), (ONE, 2), (ZERO, 1)):
            call = Call(make_problem("gemm_s8", m=m, n=16, k=16), Args(), device, ())
            call.rows, call.launch = m, lambda: 0
            call.run()


def test_an_operation_on_two_devices_is_tuned_on_both(
    x: torch.Tensor, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = (f"gemm_s8:m={m},n=16,k=16" for m in (1, 2))
    assert ditune.torch.tuning.problems(OnBoth(), x) == [(one, ZERO), (one, ONE), (two, ONE)]
    program = write_program(tmp_path / "p", "for each in operations: say(each, done=True, config='c')")
    monkeypatch.setenv("DITUNE_PROGRAM", program)
    assert ditune.torch.tune(OnBoth(), x, database=tmp_path / "a.db", progress=False) == (one, two)
    options = f"tune --progress json --db {tmp_path}/a.db --device"
    assert calls_of(program) == [f"{options} 0 --operation {one}", f"{options} 1 --operation {one} --operation {two}"]
    ditune.torch.tune(OnBoth(), x, database=tmp_path / "a.db", gpu="H100", progress=False)
    assert calls_of(program)[2:] == [
        f"tune --progress json --db {tmp_path}/a.db --gpu H100 --operation {one} --operation {two}"
    ]
    assert not caplog.messages
    write_program(tmp_path / "p", "say(operations[-1], done=True, config='c')")
    assert ditune.torch.tune(OnBoth(), x, database=tmp_path / "a.db", progress=False) == (two,)
    assert "the time is up: 2 of 3 operations are tuned" in caplog.text


def test_records_in_use_serve_behind_those_that_were_tuned(
    model: nn.Module, x: torch.Tensor, database: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, packaged = (tmp_path / name for name in ("one.db", "two.db", "packaged.db"))
    shutil.copy(database, packaged)
    monkeypatch.setattr("ditune._runtime.PACKAGED", packaged)
    write_program(tmp_path / "p", "import shutil; shutil.copy(FROM, sys.argv[sys.argv.index('--db') + 1])")
    program = tmp_path / "p"
    program.write_text(program.read_text().replace("FROM", repr(str(database))))
    monkeypatch.setenv("DITUNE_PROGRAM", str(program))

    def tune(file: pathlib.Path | None) -> None:
        ditune.torch.tune(model, x, database=file, progress=False)

    def in_use() -> list[pathlib.Path]:
        (runtime,) = [each for each in _open_runtimes if each._current == _runtime.runtime_handle()]
        return [pathlib.Path(file) for file in runtime.databases]

    tune(one)
    assert in_use() == [one, packaged]
    tune(two)
    tune(two)
    assert in_use() == [two, one, packaged]
    tune(one)
    assert in_use() == [one, two, packaged]
    ditune.torch.use_databases(database)
    monkeypatch.setenv("DITUNE_DB", str(two))
    write_program(tmp_path / "p", "")
    tune(None)
    assert in_use() == [two, database]
    ditune.torch.use_databases()
    tune(None)
    monkeypatch.setenv("DITUNE_DB", str(one))
    assert in_use() == [one, packaged], "the default, whichever it is"


def test_what_was_tuned_when_the_time_was_up(
    model: nn.Module, x: torch.Tensor, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = write_program(
        tmp_path / "p",
        "say(operations[0], done=False, tried=0, trials=8, trying='c')\nsay(operations[0], done=True, config='c')\n"
        "say(operations[2], done=True, config='c')\nprint('ditune: the time is up', file=sys.stderr)\nsys.exit(1)",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DITUNE_PROGRAM", program)
        tuned = ditune.torch.tune(model, x, database=tmp_path / "a.db", time_budget=0.1, progress=False)
    assert tuned == ("quantize_s8:m=10,k=64,rotate=16", "quantize_s8:m=10,k=128,rotate=16")
    assert "the time is up: 2 of 4 operations are tuned" in caplog.text
    assert "--budget 1s" in calls_of(program)[0]


def test_what_cannot_be_tuned_is_raised_when_the_others_are(
    model: nn.Module, x: torch.Tensor, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = write_program(
        tmp_path / "p", "error('no variant of A (do this)')\nerror('no variant of B (do that)')\nsys.exit(1)"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DITUNE_PROGRAM", program)
        with pytest.raises(DituneError, match=r"^no variant of A \(do this\); 1 more in the log$"):
            ditune.torch.tune(model, x, database=tmp_path / "a.db", progress=False)
        write_program(tmp_path / "p", "sys.exit(7)")
        with pytest.raises(DituneError, match=r"^ditune tune ended with 7 \("):
            ditune.torch.tune(model, x, database=tmp_path / "a.db", progress=False)
    assert "no variant of B (do that)" in caplog.text


def test_a_device_that_fails_leaves_the_others_their_turn(
    model: nn.Module, x: torch.Tensor, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = write_program(tmp_path / "p", "if '0' in sys.argv: error('lost (reset it)'); sys.exit(3)")
    monkeypatch.setenv("DITUNE_PROGRAM", program)
    monkeypatch.setattr("ditune.torch.tuning._of_each_device", lambda *_: [["--device", "0"], ["--device", "1"]])
    with pytest.raises(CudaError, match=r"^lost \(reset it\)$"):
        ditune.torch.tune(model, x, database=tmp_path / "a.db", progress=False)
    assert [call[-1] for call in calls_of(program)] == ["0", "1"]


def test_the_bar_shows_the_best_time_and_what_is_tried(
    model: nn.Module, x: torch.Tensor, tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = write_program(
        tmp_path / "p",
        "for each in operations:\n"
        "    say(each, done=False, tried=8, trials=64, trying='mma_s8:x', best_us=12.3456)\n"
        "    say(each, done=True, config='c', best_us=12.3456)\n",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DITUNE_PROGRAM", program)
        patch.setenv("TQDM_MININTERVAL", "0")
        ditune.torch.tune(model, x, database=tmp_path / "a.db")
    shown = capfd.readouterr().err
    assert "quantize_s8:m=10,k=64,rotate=16, best 12.35 us, 8/64 mma_s8:x" in shown
    assert "4/4" in shown


def test_ctrl_c_waits_for_the_program(model: nn.Module, x: torch.Tensor, tmp_path: pathlib.Path) -> None:
    """It gets the signal, too, says a lot, and stores what it has."""
    program = tmp_path / "program"
    program.write_text(
        # Half a second later the parent waits for it, also on a busy machine.
        "#!/bin/sh\ntrap : INT\nsleep 0.5\nkill -INT $PPID\nsleep 1\nyes ditune: working | head -c 300000 >&2\n"
        f"touch {tmp_path}/stored\nexit 130\n"
    )
    program.chmod(0o755)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    try:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setenv("DITUNE_PROGRAM", str(program))
            ditune.torch.tune(model, x, database=tmp_path / "a.db", progress=False)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (tmp_path / "stored").exists()
