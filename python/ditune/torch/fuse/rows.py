# SPDX-License-Identifier: Apache-2.0
"""Linear layers of packed sequences, most of whose rows are zero: those of another kind of token."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ditune.torch.fuse.masks import may_ask
from ditune.torch.fuse.subclass import Mixin


class ZeroRows(Mixin):
    """A linear layer that computes the tokens from the first to the last one with a value other than zero. What it
    makes of the others is its bias. Which these are is asked in each forward, which waits for the GPU; not under
    capture or compilation, where all are computed."""

    bias: Tensor | None

    def forward(self, x: Tensor) -> Any:
        if x.dim() != 3 or (torch.is_grad_enabled() and x.requires_grad) or not may_ask(x):
            return super().forward(x)
        tokens = x.any(-1).any(0).nonzero().flatten()
        first, last = (int(tokens[0]), int(tokens[-1]) + 1) if len(tokens) else (0, 0)
        if last - first == x.shape[1]:
            return super().forward(x)
        made = super().forward(x[:, first:last])
        whole = made.new_zeros(x.shape[0], x.shape[1], made.shape[-1])
        if self.bias is not None:
            whole += self.bias
        whole[:, first:last] = made
        return whole
