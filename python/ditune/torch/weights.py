# SPDX-License-Identifier: Apache-2.0
"""Weights of a linear layer as int8 and a float32 scale for each output channel, rotated and smoothed before."""

from __future__ import annotations

import torch
from torch import Tensor

from ditune.errors import UsageError
from ditune.torch._tensors import refuse

GROUPS = (256, 64, 16)  # columns of a Hadamard group

_CHUNK = 1 << 24  # values that are converted to float32 at once: 64 MiB


def rotate_columns(matrix: Tensor, group: int) -> Tensor:
    """float32 [..., K] times the regular Hadamard matrix over each `group` columns: docs/numerics.md, the rotation."""
    if group not in GROUPS:
        raise UsageError(f"rotate={group} is no Hadamard group (give 16, 64 or 256, or 1 for none)")
    if matrix.shape[-1] % group:
        raise UsageError(
            f"{matrix.shape[-1]} columns are no multiple of rotate={group} (give a group that divides them)"
        )
    digits = group.bit_length() // 2  # to base 4
    values = matrix.float().reshape(*matrix.shape[:-1], -1, *(4,) * digits)
    for digit in range(1, digits + 1):
        x0, x1, x2, x3 = values.unbind(-digit)
        total = (x0 + x1) + (x2 + x3)
        values = total.unsqueeze(-digit) - 2 * values
    rotated: Tensor = (values / group**0.5).flatten(-digits).flip(-1).flatten(-2)
    return rotated


def quantize_weight(weight: Tensor, *, rotate: int = 1, smooth: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """weight [N, K] as int8, and its scales float32 [N, 1]: absmax / 127 of each row, rounded to nearest.

    `smooth` [K] multiplies the columns (it divides the activations), then they are rotated in groups of `rotate`. Rows
    are converted a few at a time: beside the weight and the result there are at most some 100 MB.
    """
    if not weight.is_floating_point() or weight.dim() != 2 or weight.shape[1] == 0:
        refuse("weight", weight, "a floating-point [N, K] of one column or more")
    if smooth is not None and smooth.numel() != weight.shape[1]:
        refuse("smooth", smooth, f"[{weight.shape[1]}]")
    q = torch.empty(weight.shape, dtype=torch.int8, device=weight.device)
    scale = torch.empty((weight.shape[0], 1), dtype=torch.float32, device=weight.device)
    rows = max(1, _CHUNK // weight.shape[1])
    most = torch.full((), 127.0, device=weight.device)  # on a GPU, torch divides by a number in Python inexactly
    for first in range(0, weight.shape[0], rows):
        part = weight.detach()[first : first + rows].float()
        if smooth is not None:
            part = part * smooth.detach().to(part).reshape(-1)
        if rotate != 1:
            part = rotate_columns(part, rotate)
        largest = part.abs().amax(-1, keepdim=True) / most
        scale[first : first + rows] = largest
        part = part / torch.where(largest == 0, 1, largest)
        q[first : first + rows] = part.round_().clamp_(-127, 127).to(torch.int8)
    return q, scale


def dequantize_weight(weight: Tensor, scale: Tensor, *, rotate: int = 1, smooth: Tensor | None = None) -> Tensor:
    """The float32 [N, K] that int8 weights [N, K] stand for, not rotated and not smoothed. scale: float32 of each row,
    or one."""
    if weight.dtype != torch.int8 or weight.dim() != 2:
        refuse("weight", weight, "int8 [N, K]")
    if not scale.is_floating_point() or scale.numel() not in (1, weight.shape[0]):
        refuse("scale", scale, f"float32 [{weight.shape[0]}, 1], or one value")
    if smooth is not None and smooth.numel() != weight.shape[1]:
        refuse("smooth", smooth, f"[{weight.shape[1]}]")
    values = weight.float() * scale.reshape(-1, 1)
    if rotate != 1:
        values = rotate_columns(values, rotate)  # its own inverse
    return values if smooth is None else values / smooth.reshape(-1)
