# SPDX-License-Identifier: Apache-2.0
"""Norms outside of blocks, in one launch: of rows so wide that PyTorch's passes over them are a part of the step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ditune.torch import ops
from ditune.torch.fuse.layers import of_norm
from ditune.torch.fuse.subclass import Mixin, subclass_of

_norms: dict[str, tuple[str, ...]] = {}  # of a model's class: the paths


def fuses_norms(model: str, *paths: str) -> None:
    """Registers norm modules of a class of models, by its name with its module's."""
    _norms[model] = paths


class FusedNorm(Mixin):
    """What a fused RMSNorm or LayerNorm is: its values are rounded once, in the end."""

    def forward(self, x: Tensor) -> Any:
        if x.dtype not in (torch.bfloat16, torch.float16) or torch.is_autocast_enabled(x.device.type):
            return super().forward(x)
        return ops.quantize_s8(x, **of_norm(self), out_dtype=x.dtype)[0]


def fuse_norms(model: nn.Module) -> None:
    """In place: a state_dict and the modules' names stay."""
    for path in _norms.get(f"{type(model).__module__}.{type(model).__qualname__}", ()):
        norm = model.get_submodule(path)
        if not isinstance(norm, FusedNorm) and "forward" not in norm.__dict__:
            norm.__class__ = subclass_of(FusedNorm, type(norm))
