# SPDX-License-Identifier: Apache-2.0
"""Calls, prepared once for tensors of the same shapes, strides, dtypes and device, and then only given addresses.

A call's struct of arguments is written and read between two statements, so each thread has calls of its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from ditune._library import Args, QuantizeArgs, check
from ditune._problem import AnyProblem, format_problem
from ditune.errors import UsageError
from ditune.torch._tensors import ALIGNMENT, Fix, Key, contiguous, refuse, row_stride

MOST_CALLS = 4096  # of a thread: the rows of x vary in some programs without end

_T = TypeVar("_T")
_INVALID_HANDLE = 2  # DITUNE_INVALID_HANDLE: the runtime was closed

_OVERLAP = re.compile(r"(\w+) and (\w+) overlap")  # of operands, as ditune.h names them

_recordings: list[Callable[[str, torch.device], object]] = []
_generation = 0


class Call:
    """One problem with its arguments, whose pointers are set before each launch."""

    __slots__ = (
        "args",
        "columns",
        "device",
        "fixes",
        "in_place",
        "launch",
        "lead",
        "names",
        "pointers",
        "problem",
        "reference",
        "renew",
        "rows",
        "text",
    )

    def __init__(
        self, problem: AnyProblem, args: Args | QuantizeArgs, device: torch.device, names: Sequence[str]
    ) -> None:
        self.problem, self.args, self.device = problem, args, device
        self.names = names  # by position: what people call the tensors
        self.reference = ctypes.byref(args)
        self.launch: Callable[[], int]  # set by ditune.torch._devices
        self.renew: Callable[[Call], None] | None = None  # sets `launch` anew, where that is of a runtime
        self.fixes: list[tuple[int, Fix]] = []  # by position: what brings a tensor into a form that kernels read
        self.pointers: list[tuple[int, str]] = []  # by position: the member of args that has its address
        self.lead: torch.Size = torch.Size()  # dimensions of the result but the last
        self.columns = 0  # of the result
        self.in_place = False  # whether the result is a tensor that was given
        self.rows = 0
        self.text: str | None = None

    def take_rows(self, position: int, member: str, tensor: Tensor | None) -> None:
        """A matrix: its distance of rows goes to `member`, or it will be copied."""
        if tensor is None:
            return
        stride = row_stride(tensor)
        if stride is None:
            self.fixes.append((position, contiguous))
        setattr(self.args, member, tensor.shape[-1] if stride is None else stride)

    def take_vector(self, position: int, tensor: Tensor) -> None:
        if not tensor.is_contiguous():
            self.fixes.append((position, contiguous))

    def take_index(self, name: str, position: int, index: Tensor) -> None:
        if index.dtype != torch.int32 or index.numel() != self.rows:
            refuse(name, index, f"int32 with a value for each of the {self.rows} rows of x")
        self.take_vector(position, index)

    def point(self, tensors: Sequence[Tensor | None]) -> Sequence[Tensor | None] | None:
        """Sets the pointers. The tensors that must live until the launch; None if one is not aligned."""
        if self.fixes:
            fixed = list(tensors)
            for position, fix in self.fixes:
                fixed[position] = fix(fixed[position])  # type: ignore[arg-type]
            tensors = fixed
        args, bits = self.args, 0
        for position, name in self.pointers:
            address = tensors[position].data_ptr()  # type: ignore[union-attr]
            bits |= address
            setattr(args, name, address)
        return None if bits & (ALIGNMENT - 1) else tensors

    def run(self) -> None:
        if _recordings:
            self._record()
        if self.rows:
            status = self.launch()
            if status:
                self._failed(status)

    def operation(self) -> str:
        """The text form: "gemm_s8:m=1,n=2,k=3"."""
        if self.text is None:
            self.text = format_problem(self.problem)
        return self.text

    def _failed(self, status: int) -> None:
        """Once more if somebody closed the runtime, which is opened again; else raises."""
        if status == _INVALID_HANDLE and self.renew:
            self.renew(self)
            status = self.launch()
        try:
            check(status)
        except UsageError as error:
            raise UsageError(_OVERLAP.sub(self._named, str(error))) from None

    def _named(self, overlap: re.Match[str]) -> str:
        names = {member: self.names[position] for position, member in self.pointers}
        return "{} and {} overlap".format(*(names.get(member, member) for member in overlap.groups()))

    def _record(self) -> None:
        if self.rows:
            for take in _recordings:
                take(self.operation(), self.device)


class _Calls(threading.local):
    def __init__(self) -> None:
        self.generation = 0
        self.of: dict[Key, Any] = {}


_calls = _Calls()


def evict(cache: dict[Any, Any], most: int) -> None:
    """Drops the older half of a full cache."""
    if len(cache) >= most:
        for key in list(itertools.islice(cache, most // 2)):
            cache.pop(key, None)  # another thread may evict, too


def find(key: Key) -> Any | None:
    """What this thread prepared for it, if it did since the last `forget`."""
    if _calls.generation != _generation:
        _calls.of, _calls.generation = {}, _generation
    return _calls.of.get(key)


def keep(key: Key, call: _T) -> _T:
    evict(_calls.of, MOST_CALLS)
    _calls.of[key] = call
    return call


def forget() -> None:
    """Prepares all calls anew, in every thread: the runtime was opened again."""
    global _generation
    _generation += 1


@contextlib.contextmanager
def recording(take: Callable[[str, torch.device], object]) -> Iterator[None]:
    """Tells the text form and the device of each operation that runs in it."""
    _recordings.append(take)
    try:
        yield
    finally:
        _recordings[:] = [each for each in _recordings if each is not take]


@contextlib.contextmanager
def record() -> Iterator[dict[str, torch.device]]:
    """The text forms of all operations that run in it, in the order of their first runs, and where each ran first."""
    operations: dict[str, torch.device] = {}
    with recording(operations.setdefault):
        yield operations
