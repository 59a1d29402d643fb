# SPDX-License-Identifier: Apache-2.0
"""comfy-kitchen's INT8 operations on ditune: `import ditune.comfy` registers the backend `ditune` ahead of the others.

What ditune does not take goes to the next backend, by the registry's own constraints.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import torch
from comfy_kitchen.constraints import FunctionConstraints
from comfy_kitchen.registry import registry
from torch import Tensor

import ditune.torch as ops
from ditune._comfy_rules import INPUT_ACTS, Kwargs, check_known
from ditune._comfy_rules import capabilities as capabilities
from ditune._library import library
from ditune.errors import DituneError, UsageError

BACKEND = "ditune"


# ---- The operations, named and called as the registry's others are ----


def _refuse_unknown(kwargs: Kwargs) -> None:
    """Of calls that the registry did not check."""
    result = check_known(frozenset(), kwargs)
    if not result.success:
        raise UsageError(f"ditune does not know the argument {result.failed_param} (call it through comfy_kitchen)")


def quantize_int8_rowwise(x: Tensor, stochastic_rounding: int | None = 0, **kwargs: Any) -> tuple[Tensor, Tensor]:
    """int8 rows and their scales [..., 1]. A row of zeros has the scale 0."""
    _refuse_unknown(kwargs)
    q, scale = ops.quantize_s8(x)
    return q, scale.unsqueeze(-1)


def quantize_int8_convrot_weight(
    weight: Tensor, group_size: int, stochastic_rounding: int | None = 0, **kwargs: Any
) -> tuple[Tensor, Tensor]:
    """The rotated weight's int8 rows and their scales [N, 1]."""
    _refuse_unknown(kwargs)
    q, scale = ops.quantize_s8(weight, rotate=group_size)
    return q, scale.unsqueeze(-1)


def rotate_int8_convrot_weight(weight: Tensor, group_size: int, **kwargs: Any) -> Tensor:
    """The rotated weight, in its own type."""
    _refuse_unknown(kwargs)
    rotated, _ = ops.quantize_s8(weight, rotate=group_size, out_dtype=weight.dtype)
    return rotated


def _linear(x: Tensor, weight: Tensor, weight_scale: Tensor, bias: Tensor | None, **options: Any) -> Tensor:
    options["out_dtype"] = options["out_dtype"] or x.dtype
    return ops.linear(x, weight, weight_scale.reshape(-1).float(), bias, **options)


def int8_linear(
    x: Tensor,
    weight: Tensor,
    weight_scale: Tensor,
    bias: Tensor | None = None,
    out_dtype: torch.dtype | None = None,
    convrot: bool = False,
    convrot_groupsize: int = 256,
    input_act: str | None = None,
    input_act_weight: Tensor | None = None,
    input_act_eps: float = 0.0,
    residual: Tensor | None = None,
    residual_scale: Tensor | None = None,
    **kwargs: Any,
) -> Tensor:
    """`residual + residual_scale * linear(act(x))` in two kernels, in float32 and rounded once at the end."""
    _refuse_unknown(kwargs)
    norm: dict[str, Any] = {}
    if input_act == "rms_norm" and input_act_weight is not None:
        norm = {"norm": "rms", "norm_weight": input_act_weight.reshape(-1).to(x.dtype), "eps": input_act_eps}
    epilogue: dict[str, Any] = {}
    if residual is not None and residual_scale is not None:
        epilogue = {"residual": residual, "gate": residual_scale.reshape(-1).to(residual.dtype)}
    return _linear(
        x,
        weight,
        weight_scale,
        bias,
        act=INPUT_ACTS[input_act],
        rotate=convrot_groupsize if convrot else 1,
        out_dtype=out_dtype,
        **norm,
        **epilogue,
    )


def int8_linear_modulated(
    x: Tensor,
    modulation_scale: Tensor,
    weight: Tensor,
    weight_scale: Tensor,
    bias: Tensor | None = None,
    out_dtype: torch.dtype | None = None,
    convrot: bool = False,
    convrot_groupsize: int = 256,
    **kwargs: Any,
) -> Tensor:
    """`linear(x * (1 + modulation_scale))`"""
    _refuse_unknown(kwargs)
    return _linear(
        x,
        weight,
        weight_scale,
        bias,
        scale=modulation_scale.reshape(-1).to(x.dtype),
        rotate=convrot_groupsize if convrot else 1,
        out_dtype=out_dtype,
    )


def int8_linear_rms_modulated(
    x: Tensor,
    norm_weight: Tensor,
    norm_eps: float,
    modulation_scale: Tensor,
    weight: Tensor,
    weight_scale: Tensor,
    bias: Tensor | None = None,
    out_dtype: torch.dtype | None = None,
    convrot: bool = False,
    convrot_groupsize: int = 256,
    **kwargs: Any,
) -> Tensor:
    """`linear(rms_norm(x) * (1 + modulation_scale))`"""
    _refuse_unknown(kwargs)
    return _linear(
        x,
        weight,
        weight_scale,
        bias,
        norm="rms",
        norm_weight=norm_weight.reshape(-1).to(x.dtype),
        eps=norm_eps,
        scale=modulation_scale.reshape(-1).to(x.dtype),
        rotate=convrot_groupsize if convrot else 1,
        out_dtype=out_dtype,
    )


# ---- The registration ----


def register(devices: Iterable[str] = ("cuda", "cpu")) -> None:
    """Puts ditune before the backends that are there. `import ditune.comfy` does it; again is harmless.

    comfy_kitchen.disable_backend("ditune") turns it off, comfy_kitchen.use_backend("eager") for a block of code.
    """
    if "call_rules" not in FunctionConstraints.__dataclass_fields__:
        raise DituneError("comfy-kitchen is too old: its registry has no call_rules (pip install -U comfy-kitchen)")
    if torch.version.hip:
        raise DituneError("this torch is built for ROCm (ditune needs an NVIDIA GPU)")
    library()  # now, rather than in the first call of an operation
    registry.register(BACKEND, sys.modules[__name__], capabilities(devices))
    registry.set_priority([BACKEND, *(name for name in registry._priority if name != BACKEND)])


register()
