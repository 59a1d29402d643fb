# SPDX-License-Identifier: Apache-2.0
"""Tokens and their modulation as broadcasting pairs them: the operations go by rows."""

from __future__ import annotations

from typing import overload

import torch
from torch import Tensor

from ditune.torch.fuse.layers import Sum


@overload
def even(x: Tensor, modulation: Tensor) -> tuple[Tensor, Tensor]: ...


@overload
def even(x: Tensor | Sum, modulation: Tensor) -> tuple[Tensor | Sum, Tensor]: ...


def even(x: Tensor | Sum, modulation: Tensor) -> tuple[Tensor | Sum, Tensor]:
    """Both of one batch, where one of them has a batch of 1. modulation: [B, ...], or [D] for all."""
    batch, tokens = modulation.shape[0], _tokens(x)
    if modulation.dim() == 1 or batch == tokens.shape[0]:
        return x, modulation
    batch = max(batch, tokens.shape[0])
    modulation = _of_batch(modulation, batch)
    return x if isinstance(x, Sum) else _of_batch(x, batch), modulation


def rows_of_halves(index: Tensor | None, x: Tensor | Sum, modulation: Tensor) -> Tensor | None:
    """The row of each token of x [B, S, D] in a modulation [2 T, D], T of 1 or B. index, int32 [B, S] or [1, S], is the
    half of the modulation, 0 or 1."""
    if index is None:
        return None
    batch, images = _tokens(x).shape[0], modulation.shape[0] // 2
    if index.shape[0] != batch:
        index = _of_batch(index, batch)
    if images == 1:
        return index
    return index * images + torch.arange(images, dtype=index.dtype, device=index.device)[:, None]


def _tokens(x: Tensor | Sum) -> Tensor:
    return x.x if isinstance(x, Sum) else x


def _of_batch(x: Tensor, batch: int) -> Tensor:
    return x.expand(batch, *x.shape[1:]).contiguous()
