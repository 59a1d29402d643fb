# SPDX-License-Identifier: Apache-2.0
"""tune: the problems of a model's pass, tuned by the program `ditune tune`, and used from then on.

One process tunes all operations of a device: to start it takes seconds.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import math
import os
import re
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ditune import _nvrtc, _program
from ditune._runtime import default_database
from ditune.errors import STATUS_ERRORS, DituneError, UsageError
from ditune.torch._calls import recording
from ditune.torch._runtime import use_first

_logger = logging.getLogger("ditune")

_STATUS_OF_EXIT = {2: 1, 3: 6}  # wrong request; the machine failed
_BAD_ANSWER = 1  # the program's exit code where an operation has no winner

_ITS_GPU = re.compile(r'--gpu ("[^"]*") or --arch (\w+)')  # what its errors ask for, which is `gpu` of tune

_Target = tuple[str, ...]  # options of `ditune tune` that name a GPU
_Take = Callable[[Mapping[str, Any]], None]  # of an object of `ditune tune --progress json` (docs/tuning.md)


def problems(model: nn.Module, example_inputs: Any) -> list[tuple[str, torch.device]]:
    """The text forms of all operations of one pass, with each device that they ran on. A mapping is keywords, a
    sequence arguments."""
    operations: dict[tuple[str, torch.device], None] = {}
    with torch.no_grad(), recording(lambda operation, device: operations.setdefault((operation, device))):
        if isinstance(example_inputs, Mapping):
            model(**example_inputs)
        elif isinstance(example_inputs, (tuple, list)):
            model(*example_inputs)
        else:
            model(example_inputs)
    return list(operations)


def tune(
    model: nn.Module,
    example_inputs: Any,
    *,
    database: str | os.PathLike[str] | None = None,
    time_budget: float | None = None,
    gpu: str | None = None,
    options: str | Sequence[str] = (),
    progress: bool = True,
) -> tuple[str, ...]:
    """Runs the model once, tunes each operation that it needs on each device that it ran on, and uses the records from
    then on, before those that are in use. The text forms of operations that have a winner now, also from before.

    example_inputs: as the model is called; a mapping is keywords, a tuple or list arguments. Sizes count: tune with
    those that you will run.
    database: the file of records; left out: $DITUNE_DB, or the default one. What it has already takes no time.
    time_budget: seconds for all of them together, each an equal part of what is left. But for the first on each device
    none begins when they are over; an operation takes some seconds at least. The same call goes on from there.
    gpu: the name of a GPU that is not here ("RTX 3090"), or its arch ("sm_86"): predicted by the cost model, not
    measured. Left out: the one that the model ran on.
    options: more words for `ditune tune`, like ("--trials", "16") or "--trials 16".
    progress: a bar of tqdm, or where that is not installed a line for each operation, on standard error.

    A Ctrl-C ends it after the batch at work, and what was found by then is stored. Raises DituneError; where operations
    fail, once the others are tuned.
    """
    more_words = _words(options)  # before the model runs
    if time_budget is not None and not 0 <= time_budget < math.inf:
        raise UsageError(f"time_budget={time_budget} (give seconds, or None for as long as it takes)")
    of_target = _targets(problems(model, example_inputs), gpu)
    if not of_target:
        raise UsageError("the pass ran no operation of ditune (call quantize_ first)")
    wanted = Counter(operation for its in of_target.values() for operation in its)
    command = [str(_program.program_file()), "tune", "--progress", "json", *more_words]
    command += [] if database is None else ["--db", os.fspath(database)]
    tuned, errors = Counter[str](), list[DituneError]()
    try:
        with _shown(wanted.total(), progress) as show:
            for more in _of_each_device(of_target, time_budget):
                its = set[str]()
                try:
                    _run([*command, *more], functools.partial(_take, its, show))
                except DituneError as error:
                    errors.append(error)
                tuned.update(its)
    finally:
        _reopen(database)
    if errors:
        raise errors[0]
    if tuned.total() < wanted.total():
        _logger.warning("the time is up: %d of %d operations are tuned", tuned.total(), wanted.total())
    return tuple(operation for operation, count in wanted.items() if tuned[operation] == count)


def _take(tuned: set[str], show: _Take, state: Mapping[str, Any]) -> None:
    if "config" in state:
        tuned.add(state["operation"])
    show(state)


def _words(options: str | Sequence[str]) -> Sequence[str]:
    """A string's as the shell has them."""
    if not isinstance(options, str):
        return options
    try:
        return shlex.split(options)
    except ValueError as error:
        raise UsageError(f"options={options!r} are no words: {error} (give a list of words)") from error


def _targets(operations: Iterable[tuple[str, torch.device]], gpu: str | None) -> dict[_Target, list[str]]:
    """The operations of each GPU."""
    of_target: dict[_Target, dict[str, None]] = {}
    for operation, device in operations:
        of_target.setdefault(_target(device, gpu), {})[operation] = None
    return {target: list(its) for target, its in of_target.items()}


def _of_each_device(of_target: Mapping[_Target, Sequence[str]], time_budget: float | None) -> Iterator[list[str]]:
    """Options: a device, its operations, and its part of the time that is left when its turn comes."""
    end, left = time.monotonic() + (time_budget or 0), sum(map(len, of_target.values()))
    for target, its in of_target.items():
        words = [*target, *(word for operation in its for word in ("--operation", operation))]
        if time_budget is not None:
            seconds = (end - time.monotonic()) * len(its) / left
            words += ["--budget", f"{max(1, round(seconds))}s", "--strict-budget"]
        yield words
        left -= len(its)


def _target(device: torch.device, gpu: str | None) -> _Target:
    if gpu is not None:
        return ("--arch" if gpu.startswith("sm_") else "--gpu", gpu)
    return ("--device", str(device.index)) if device.type == "cuda" else ()


def _run(command: Sequence[str], take: _Take) -> None:
    nvrtc = _nvrtc.chosen()
    environment = {**os.environ, **({"DITUNE_NVRTC": nvrtc} if nvrtc else {})}
    try:
        child = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise DituneError(
            f"{command[0]} cannot be run: {error} (install ditune anew, or set DITUNE_PROGRAM)"
        ) from error
    assert child.stderr
    try:
        errors = _listen(child.stderr, take)
        child.wait()
    except BaseException as stopped:
        if not isinstance(stopped, KeyboardInterrupt):  # the child has a Ctrl-C, too, and stores what it has
            child.terminate()
        child.communicate()
        raise
    if child.returncode == 0 or (child.returncode == _BAD_ANSWER and not errors):  # or the time was up
        return
    for more in errors[1:]:
        _logger.error(more)
    message = errors[0] if errors else f"ditune tune ended with {child.returncode} (ditune doctor says what is missing)"
    if len(errors) > 1:
        message += f"; {len(errors) - 1} more in the log"
    raise STATUS_ERRORS.get(_STATUS_OF_EXIT.get(child.returncode, 0), DituneError)(message)


def _listen(lines: Iterable[str], take: _Take) -> list[str]:
    """The errors that the program tells."""
    errors = []
    for line in lines:
        if line.startswith("{"):
            take(json.loads(line))
        elif line.startswith("ditune: error: "):
            error = line.rstrip("\n").removeprefix("ditune: error: ")
            errors.append(_ITS_GPU.sub(r'gpu=\1 or gpu="\2"', error))
        else:
            _logger.info(line.rstrip("\n").removeprefix("ditune: note: "))
    return errors


@contextlib.contextmanager
def _shown(operations: int, progress: bool) -> Iterator[_Take]:
    if not progress:
        yield lambda state: None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError:
        tqdm = None
    if tqdm is None:
        yield _lines(operations)
        return
    with tqdm(total=operations, desc="ditune tune") as bar:

        def show(state: Mapping[str, Any]) -> None:
            if state["done"]:
                bar.update()
            else:
                bar.set_postfix_str(_described(state))

        yield show


def _described(state: Mapping[str, Any]) -> str:
    best = [f"best {state['best_us']:.4g} us"] if "best_us" in state else []
    return ", ".join([state["operation"], *best, f"{state['tried']}/{state['trials']} {state['trying']}"])


def _lines(operations: int) -> _Take:
    done, last = 0, ""

    def show(state: Mapping[str, Any]) -> None:
        nonlocal done, last
        if state["done"]:
            done += 1
        elif state["operation"] != last:
            last = state["operation"]
            print(f"ditune: tuning {done + 1} of {operations}: {last}", file=sys.stderr, flush=True)

    return show


def _reopen(database: str | os.PathLike[str] | None) -> None:
    """Reads what was stored, if anything was."""
    file = default_database() if database is None else database
    if file is not None and os.path.exists(file):
        use_first(file)
