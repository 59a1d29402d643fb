# SPDX-License-Identifier: Apache-2.0
"""Norms in one launch: of rows so wide that PyTorch's passes over them are a part of the step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ditune.torch import ops
from ditune.torch.fuse.layers import of_norm
from ditune.torch.fuse.subclass import Mixin


class FusedNorm(Mixin):
    """What a fused RMSNorm or LayerNorm is: its values are rounded once, in the end."""

    def forward(self, x: Tensor) -> Any:
        if x.dtype not in (torch.bfloat16, torch.float16) or torch.is_autocast_enabled(x.device.type):
            return super().forward(x)
        return ops.quantize_s8(x, **of_norm(self), out_dtype=x.dtype)[0]
