# SPDX-License-Identifier: Apache-2.0
"""Random tensors of a small layer, for tests."""

from __future__ import annotations

import torch
from torch import Tensor

M, N, K = 6, 48, 64
BF16 = torch.bfloat16


def draw(*shape: int, dtype: torch.dtype = BF16) -> Tensor:
    return torch.randn(*shape, dtype=dtype)


def weights(n: int = N, k: int = K) -> tuple[Tensor, Tensor]:
    """int8 weights and their scales."""
    return torch.randint(-127, 128, (n, k), dtype=torch.int8), torch.rand(n) / 50 + 0.01
