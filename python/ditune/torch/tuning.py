# SPDX-License-Identifier: Apache-2.0
"""tune: the problems of a model's pass, tuned by the program `ditune tune`, and used from then on."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ditune import _nvrtc, _program
from ditune.errors import STATUS_ERRORS, DituneError, UsageError
from ditune.torch._calls import record
from ditune.torch._runtime import compiles, use_databases

_logger = logging.getLogger("ditune")

_STATUS_OF_EXIT = {2: 1, 3: 6}  # wrong request; the machine failed


def problems(model: nn.Module, example_inputs: Any) -> dict[str, torch.device]:
    """The text forms of all operations of one pass, and where each ran. A mapping is keywords, a sequence arguments."""
    with torch.no_grad(), record() as operations:
        if isinstance(example_inputs, Mapping):
            model(**example_inputs)
        elif isinstance(example_inputs, (tuple, list)):
            model(*example_inputs)
        else:
            model(example_inputs)
    return operations


def tune(
    model: nn.Module,
    example_inputs: Any,
    *,
    database: str | os.PathLike[str] | None = None,
    time_budget: float | None = None,
    gpu: str | None = None,
    options: Sequence[str] = (),
    progress: bool = True,
) -> tuple[str, ...]:
    """Runs the model once, tunes each operation that it needs, and uses the records from then on. Their text forms.

    example_inputs: as the model is called; a mapping is keywords, a tuple or list arguments. Sizes count: tune with
    those that you will run.
    database: the file of records; left out: $DITUNE_DB, or the default one. What it has already takes no time.
    time_budget: seconds for all of them together, each an equal part of what is left. None begins when they are over;
    an operation takes some seconds at least. The same call goes on from there.
    gpu: the name of a GPU that is not here ("RTX 3090"): predicted by the cost model, not measured. Left out: the one
    that the model ran on.
    options: more words for `ditune tune`, like ("--trials", "16").
    progress: a bar of tqdm, or where that is not installed a line for each operation, on standard error.

    A Ctrl-C ends it after the batch at work, and what was found by then is stored. Raises DituneError.
    """
    operations = problems(model, example_inputs)
    if not operations:
        raise UsageError("the pass ran no operation of ditune (call quantize_ first)")
    started, tuned = time.monotonic(), list[str]()
    try:
        for operation in _shown(list(operations), progress):
            command = [str(_program.program_file()), "tune", "--operation", operation, *options]
            command += _target(operations[operation], gpu)
            command += [] if database is None else ["--db", os.fspath(database)]
            if time_budget is not None:
                left = time_budget - (time.monotonic() - started)
                if left <= 0 and tuned:
                    _logger.warning("the time is up: %d of %d operations are tuned", len(tuned), len(operations))
                    break
                command += ["--budget", f"{max(1, round(left / (len(operations) - len(tuned))))}s"]
            _run(command)
            tuned.append(operation)
    finally:
        _reopen(database)
    return tuple(tuned)


def _target(device: torch.device, gpu: str | None) -> list[str]:
    if gpu is not None:
        return ["--gpu", gpu]
    return ["--device", str(device.index)] if device.type == "cuda" else []


def _run(command: Sequence[str]) -> None:
    nvrtc = _nvrtc.chosen()
    environment = {**os.environ, **({"DITUNE_NVRTC": nvrtc} if nvrtc else {})}
    try:
        child = subprocess.Popen(command, env=environment, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    except OSError as error:
        raise DituneError(
            f"{command[0]} cannot be run: {error} (install ditune anew, or set DITUNE_PROGRAM)"
        ) from error
    try:
        _, errors = child.communicate()
    except KeyboardInterrupt:  # the child has it, too, and stores what it has
        child.communicate()
        raise
    if child.returncode:
        lines = [line for line in errors.splitlines() if line.startswith("ditune: error: ")]
        message = (
            lines[-1].removeprefix("ditune: error: ") if lines else f"{' '.join(command)} ended with {child.returncode}"
        )
        raise STATUS_ERRORS.get(_STATUS_OF_EXIT.get(child.returncode, 0), DituneError)(message)


def _shown(operations: list[str], progress: bool) -> Iterator[str]:
    if not progress:
        yield from operations
        return
    try:
        from tqdm.auto import tqdm
    except ImportError:
        for number, operation in enumerate(operations):
            print(f"ditune: tuning {number + 1} of {len(operations)}: {operation}", file=sys.stderr, flush=True)
            yield operation
        return
    with tqdm(total=len(operations), desc="ditune tune") as bar:
        for operation in operations:
            bar.set_postfix_str(operation)
            yield operation
            bar.update()


def _reopen(database: str | os.PathLike[str] | None) -> None:
    """Reads what was stored, if anything was."""
    if database is None or os.path.exists(database):
        use_databases(database, compile=compiles())
