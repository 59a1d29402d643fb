# SPDX-License-Identifier: Apache-2.0
"""Tensors as the C ABI takes them: rows of one distance, aligned to 16 bytes; and errors that say what was given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, overload

import torch
from torch import Tensor

from ditune.errors import UsageError

ALIGNMENT = 16  # bytes, of every pointer

Fix = Callable[[Tensor], Tensor]
Key = tuple[Any, ...]


def dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def described(tensor: Tensor) -> str:
    """ "int8 [64, 128] on cuda:0" """
    return f"{dtype_name(tensor.dtype)} {list(tensor.shape)} on {tensor.device}"


def refuse(name: str, tensor: Tensor, wanted: str) -> NoReturn:
    raise UsageError(f"{name} is {described(tensor)} (give {wanted})")


def key_of(tensors: Iterable[Tensor | None]) -> Key:
    """What a prepared call depends on: everything but the addresses."""
    return tuple([None if t is None else (t.shape, t.stride(), t.dtype, t.device) for t in tensors])


def same_device(names: Sequence[str], tensors: Sequence[Tensor | None]) -> torch.device:
    """The one device of those that are given; the first one is."""
    first = tensors[0]
    assert first is not None
    for name, tensor in zip(names, tensors, strict=True):
        if tensor is not None and tensor.device != first.device:
            refuse(name, tensor, f"it on {first.device}, where {names[0]} is")
    return first.device


def is_autocast(device: torch.device) -> bool:
    """Whether autocast is on there: torch raises for meta."""
    return device.type != "meta" and torch.is_autocast_enabled(device.type)


def rows_of(tensor: Tensor) -> int:
    """Of all dimensions but the last."""
    rows = 1
    for size in tensor.shape[:-1]:
        rows *= size
    return rows


def row_stride(tensor: Tensor) -> int | None:
    """Elements from row to row, if kernels can read them: packed, or a multiple of 16 bytes and of 8 elements."""
    columns = tensor.shape[-1]
    if tensor.numel() == 0:
        return columns
    if tensor.stride(-1) != 1 and columns > 1:
        return None
    stride: int | None = None  # of the dimensions so far, from the last to the first
    expected = 0
    for size, step in zip(reversed(tensor.shape[:-1]), reversed(tensor.stride()[:-1]), strict=True):
        if size == 1:
            continue
        if stride is None:
            stride, expected = step, step
        elif step != expected:
            return None
        expected *= size
    if stride is None or stride == columns:
        return columns
    multiple = max(8, ALIGNMENT // tensor.element_size())
    return stride if stride >= columns and stride % multiple == 0 else None


def contiguous(tensor: Tensor) -> Tensor:
    return tensor.contiguous()


def float_contiguous(tensor: Tensor) -> Tensor:
    return tensor.float().contiguous()


@overload
def aligned(tensor: Tensor) -> Tensor: ...


@overload
def aligned(tensor: None) -> None: ...


def aligned(tensor: Tensor | None) -> Tensor | None:
    """The same values where kernels can read them."""
    if tensor is None or tensor.data_ptr() % ALIGNMENT == 0:
        return tensor
    return tensor.clone(memory_format=torch.contiguous_format)
