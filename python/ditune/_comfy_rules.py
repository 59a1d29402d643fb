# SPDX-License-Identifier: Apache-2.0
"""What ditune takes of comfy-kitchen's operations. All else goes to the next backend, for the reason that a rule names.

The registry's errors show these reasons.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from comfy_kitchen.constraints import FunctionConstraints, ParamConstraint, ValidationResult
from torch import Tensor

import ditune.torch as ops
from ditune._problem import MAX_K
from ditune.errors import DituneError, NotPreparedError

log = logging.getLogger(__name__)

FLOATS = frozenset({torch.bfloat16, torch.float16, torch.float32})
GROUPS = (16, 64, 256)

# ditune's activation by input_act; rms_norm is a norm there.
INPUT_ACTS = {None: "none", "none": "none", "gelu_tanh": "gelu_tanh", "swiglu": "swiglu", "rms_norm": "none"}

OK = ValidationResult.ok()  # one for all: rules run at each call
Kwargs = Mapping[str, Any]
Rule = Callable[[Kwargs], ValidationResult]


@functools.cache
def _device_failure(device: torch.device) -> str:
    """Why ditune cannot run on a GPU, found out by a tiny call; empty if it can. A capture in progress raises."""
    if torch.cuda.get_device_capability(device) < (8, 0):
        return "compute capability below 8.0"
    try:
        ops.quantize_s8(torch.zeros(1, 16, dtype=torch.bfloat16, device=device))
    except NotPreparedError:
        raise
    except DituneError as error:
        log.warning("ditune is not in use on %s: %s", device, error)
        return str(error)
    return ""


def _is_off(value: Any) -> bool:
    """Whether an argument asks for nothing: a default of the kind that an optional feature has."""
    return value is None or (isinstance(value, (bool, int, float)) and not value) or value == "none"


def check_known(known: frozenset[str], kwargs: Kwargs) -> ValidationResult:
    """An argument of a later comfy-kitchen is taken only where it asks for nothing."""
    for name in kwargs.keys() - known:
        value = kwargs[name]
        if isinstance(value, Tensor) or not _is_off(value):
            return ValidationResult.fail(name, "an argument that ditune does not know")
    return OK


def _check_group(group: Any, k: int) -> ValidationResult:
    if group not in GROUPS or k % group:
        return ValidationResult.fail("group_size", f"must be one of {GROUPS} and divide K, got {group} and K = {k}")
    return OK


def _check_rows(name: str, x: Tensor) -> ValidationResult:
    """Of a tensor that is quantized by rows."""
    if x.dim() < 1 or not x.shape[-1]:
        return ValidationResult.fail(name, f"shape {list(x.shape)} has no columns")
    failure = _device_failure(x.device) if x.is_cuda else ""
    return ValidationResult.fail(name, failure) if failure else OK


def _first_failure(results: Iterable[ValidationResult]) -> ValidationResult:
    return next((result for result in results if result is not OK), OK)


def _quantize_rule(x: str, known: frozenset[str]) -> Rule:
    """Of the operations that make int8 or rotated rows of the tensor named x."""

    def checks(kwargs: Kwargs) -> Iterable[ValidationResult]:
        yield check_known(known, kwargs)
        if (kwargs.get("stochastic_rounding") or 0) > 0:
            yield ValidationResult.fail("stochastic_rounding", "ditune rounds to nearest")
        rows = kwargs[x]
        yield _check_rows(x, rows)
        if rows.shape[-1] > MAX_K:
            yield ValidationResult.fail(x, f"rows of {rows.shape[-1]} are too long")
        if "group_size" in kwargs:
            yield _check_group(kwargs["group_size"], rows.shape[-1])

    return lambda kwargs: _first_failure(checks(kwargs))


def _check_vector(kwargs: Kwargs, name: str, sizes: tuple[int, ...]) -> ValidationResult:
    """An optional operand that has a value for each column, or for all."""
    value = kwargs.get(name)
    if value is None:
        return OK
    if value.numel() not in sizes:
        return ValidationResult.fail(name, f"has {value.numel()} values, not {' or '.join(map(str, sizes))}")
    if value.device != kwargs["x"].device:
        return ValidationResult.fail(name, f"is on {value.device}, x on {kwargs['x'].device}")
    return OK


def _check_residual(kwargs: Kwargs, n: int) -> ValidationResult:
    residual = kwargs.get("residual")
    if residual is None:
        return OK
    if kwargs.get("residual_scale") is None:
        return ValidationResult.fail("residual_scale", "is required by a residual")
    if residual.shape != (*kwargs["x"].shape[:-1], n) or residual.device != kwargs["x"].device:
        return ValidationResult.fail("residual", f"is {list(residual.shape)} on {residual.device}, unlike the output")
    return _check_vector(kwargs, "residual_scale", (n,))


def _linear_rule(known: frozenset[str]) -> Rule:
    """Of int8_linear and what is fused before it. A caller may ask with some of the arguments alone."""

    def checks(kwargs: Kwargs) -> Iterable[ValidationResult]:
        yield check_known(known, kwargs)
        x, weight, act = kwargs["x"], kwargs["weight"], kwargs.get("input_act")
        yield _check_rows("x", x)
        if act not in INPUT_ACTS:
            yield ValidationResult.fail("input_act", f"{act!r} is not among ditune's activations")
        if act == "rms_norm" and kwargs.get("input_act_weight") is None:
            yield ValidationResult.fail("input_act_weight", "is required by rms_norm")
        if weight.dim() != 2 or not weight.numel() or weight.device != x.device:
            yield ValidationResult.fail("weight", f"shape {list(weight.shape)} on {weight.device}, x on {x.device}")
        n, k = weight.shape
        if x.shape[-1] != k * (2 if act == "swiglu" else 1) or k > MAX_K:
            yield ValidationResult.fail("x", f"rows of {x.shape[-1]} do not fit a weight of K = {k}")
        if kwargs.get("convrot"):
            yield _check_group(kwargs.get("convrot_groupsize", 256), k)
        yield _check_vector(kwargs, "weight_scale", (1, n))
        yield _check_vector(kwargs, "bias", (n,))
        for name in ("input_act_weight", "norm_weight", "modulation_scale"):
            yield _check_vector(kwargs, name, (k,))
        yield _check_residual(kwargs, n)

    return lambda kwargs: _first_failure(checks(kwargs))


_QUANTIZE = frozenset({"x", "stochastic_rounding"})
_CONVROT = frozenset({"weight", "group_size", "stochastic_rounding"})
_LINEAR = frozenset({"x", "weight", "weight_scale", "bias", "out_dtype", "convrot", "convrot_groupsize"})
_INPUT_ACT = frozenset({"input_act", "input_act_weight", "input_act_eps", "residual", "residual_scale"})
_MODULATED = frozenset({"modulation_scale"})
_RMS = frozenset({"norm_weight", "norm_eps"})
_TENSORS = frozenset(  # of floats; out_dtype is checked against the same types
    {"x", "weight_scale", "bias", "out_dtype", "input_act_weight", "residual", "residual_scale"}
    | {"modulation_scale", "norm_weight"}
)


def capabilities(devices: Iterable[str] = ("cuda", "cpu")) -> dict[str, FunctionConstraints]:
    """What ditune takes, by operation, as the registry asks for it."""

    def constraints(rule: Rule, types: dict[str, frozenset[torch.dtype]]) -> FunctionConstraints:
        params = {name: ParamConstraint(dtypes=dtypes) for name, dtypes in types.items()}
        return FunctionConstraints(params=params, default_devices=frozenset(devices), call_rules=(rule,))

    def linear(known: frozenset[str]) -> FunctionConstraints:
        types = dict.fromkeys(sorted(known & _TENSORS), FLOATS)
        return constraints(_linear_rule(known), types | {"weight": frozenset({torch.int8})})

    half = frozenset({torch.bfloat16, torch.float16})  # rows that are rotated alone are stored as one of these
    return {
        "quantize_int8_rowwise": constraints(_quantize_rule("x", _QUANTIZE), {"x": FLOATS}),
        "quantize_int8_convrot_weight": constraints(_quantize_rule("weight", _CONVROT), {"weight": FLOATS}),
        "rotate_int8_convrot_weight": constraints(_quantize_rule("weight", _CONVROT), {"weight": half}),
        "int8_linear": linear(_LINEAR | _INPUT_ACT),
        "int8_linear_modulated": linear(_LINEAR | _MODULATED),
        "int8_linear_rms_modulated": linear(_LINEAR | _MODULATED | _RMS),
    }
