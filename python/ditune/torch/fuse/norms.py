# SPDX-License-Identifier: Apache-2.0
"""Norms: which modules compute what a launch can compute in their place. And norms that are a launch of their own: of
rows so wide that PyTorch's passes over them are a part of the step."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor, nn

from ditune.errors import UsageError
from ditune.torch import ops
from ditune.torch._tensors import is_autocast
from ditune.torch.fuse.subclass import Mixin

# What is known by the function that computes it, since a name like RMSNorm says little: Gemma's multiplies by 1 + w.
_FORWARDS = {
    f"{nn.LayerNorm.__module__}.LayerNorm.forward": "layer",
    f"{nn.RMSNorm.__module__}.RMSNorm.forward": "rms",
    "diffusers.models.normalization.FP32LayerNorm.forward": "layer",
    "diffusers.models.normalization.RMSNorm.forward": "rms",
}
_kinds: dict[type, str] = {}  # of classes that were looked at


def of_norm(norm: nn.Module | None) -> dict[str, Any]:
    """The options of quantize_s8 that compute what a norm module does; its weights are read where they are."""
    if norm is None:
        return {}
    return {
        "norm": norm_kind(norm),
        "norm_weight": norm.weight,
        "norm_bias": getattr(norm, "bias", None),
        "eps": torch.finfo(torch.float32).eps if norm.eps is None else norm.eps,
    }


def of_branch_norm(norm: nn.Module) -> dict[str, Any]:
    """Those that compute it of a branch. Raises UsageError unless it is an RMSNorm without a bias."""
    its = of_norm(norm)
    if its["norm"] != "rms" or its["norm_bias"] is not None:
        bias = "" if its["norm_bias"] is None else " with a bias"
        raise UsageError(f"the norm of a sum is {_class_name(norm)}{bias} (only RMSNorm without a bias can be fused)")
    return {"branch_norm_weight": its["norm_weight"], "eps": its["eps"]}


def norm_kind(norm: nn.Module) -> str:
    """Raises UsageError if the module computes something else than a norm of the last dimension that is known."""
    kind = _kinds.get(type(norm)) or _FORWARDS.get(_forward_name(type(norm)))
    if kind is None:
        raise UsageError(f"{_class_name(norm)} is no norm that can be fused (use LayerNorm or RMSNorm of torch.nn)")
    if len(shape_of(norm)) != 1:
        raise UsageError(f"a norm is of {len(shape_of(norm))} dimensions (only one of the last one can be fused)")
    _kinds[type(norm)] = kind
    return kind


def shape_of(norm: Any) -> tuple[int, ...]:
    """Of what is normalized."""
    shape: tuple[int, ...] = norm.normalized_shape if hasattr(norm, "normalized_shape") else norm.dim
    return shape


def _class_name(norm: nn.Module) -> str:
    return f"{type(norm).__module__}.{type(norm).__qualname__}"


def _forward_name(norm_class: type) -> str:
    """Of the function, with its module; a fused norm's is that of the class that it was."""
    owner = next(each for each in norm_class.__mro__ if "forward" in vars(each) and not issubclass(each, Mixin))
    forward = vars(owner)["forward"]
    return f"{getattr(forward, '__module__', '')}.{getattr(forward, '__qualname__', '')}"


class FusedNorm(Mixin):
    """What a fused RMSNorm or LayerNorm is: its values are rounded once, in the end."""

    @classmethod
    def takes(cls, module: nn.Module) -> bool:
        with contextlib.suppress(UsageError):
            return bool(norm_kind(module))
        return False

    def forward(self, x: Tensor) -> Any:
        if x.dtype not in (torch.bfloat16, torch.float16) or is_autocast(x.device):
            return super().forward(x)
        return ops.quantize_s8(x, **of_norm(self), out_dtype=x.dtype)[0]
