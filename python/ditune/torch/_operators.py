# SPDX-License-Identifier: Apache-2.0
"""torch.ops.ditune: schemas, and kernels of the dispatch keys. `ditune.torch.ops` has the functions for people.

Schemas have no defaults: their arguments come as one tuple, so that a call is found by few steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ditune.errors import DituneError
from ditune.torch import _gemm, _quantize, _run
from ditune.torch._tensors import described, refuse, same_device

_PARAMETERS = "Tensor? norm_weight, Tensor? norm_bias, Tensor? scale, Tensor? shift, Tensor? index, "
_INPUTS = _PARAMETERS + "Tensor? x2, Tensor? smooth, Tensor? static_scale, "
_PROLOGUE = (
    "str norm, bool norm_weight_plus_one, float eps, bool scale_plus_one, SymInt? rows_per_image, str act, int rotate, "
)
_ADDED = "Tensor? residual, Tensor? gate, Tensor? gate_index, "
_EPILOGUE = "str op, int from_column, SymInt? rows_per_gate, "
_FACTORS = "Tensor x, Tensor weight, Tensor? x_scale, Tensor? weight_scale, Tensor? bias, "
SCHEMAS = {
    "quantize_s8": "(Tensor x, Tensor? branch, Tensor? gate, Tensor? branch_norm_weight, "
    + f"{_INPUTS}Tensor? angles, {_PROLOGUE}ScalarType out_dtype, int head, str rope) -> Tensor[]",
    "norm_rope_": "(Tensor(a!) x, Tensor? norm_weight, Tensor? angles, str norm, int head, str rope, float eps) -> ()",
    "gemm_s8": f"({_FACTORS}{_ADDED}{_EPILOGUE}ScalarType out_dtype) -> Tensor",
    "gemm_s8_out": f"({_FACTORS}{_ADDED}Tensor(a!) out, {_EPILOGUE}ScalarType out_dtype) -> ()",
    "linear": "(Tensor x, Tensor weight, Tensor weight_scale, Tensor? bias, "
    + f"{_INPUTS}{_ADDED}{_PROLOGUE}{_EPILOGUE}ScalarType? out_dtype) -> Tensor",
}

_PLAIN = frozenset((Tensor, torch.nn.Parameter, type(None)))  # what no subclass of Tensor has a say in


def _fake_quantize(*arguments: Any) -> list[Tensor]:
    x, branch, x2, static_scale = (arguments[i] for i in (0, _quantize.BRANCH, _quantize.X2, _quantize.STATIC))
    same_device(_quantize.NAMES, arguments[: _run.QUANTIZE_TENSORS])
    act, _, out_dtype, *_ = arguments[-5:]
    q = x.new_empty((*x.shape[:-1], _quantize.columns_of(x, x2, act)), dtype=out_dtype)
    made = [q]
    if out_dtype == torch.int8 and static_scale is None:
        made.append(x.new_empty(x.shape[:-1], dtype=torch.float32))
    return made if branch is None else [*made, x.new_empty(x.shape)]


def _fake_gemm(*arguments: Any) -> Tensor:
    same_device(_gemm.NAMES[:-1], arguments[: _run.GEMM_TENSORS])
    x, weight, op, out_dtype = arguments[0], arguments[1], arguments[-4], arguments[-1]
    if weight.dim() != 2 or weight.shape[1] != x.shape[-1]:
        refuse("weight", weight, f"int8 [N, {x.shape[-1]}], of the columns of x")
    made: Tensor = x.new_empty((*x.shape[:-1], _gemm.columns_of(weight, op)), dtype=out_dtype)
    return made


def _fake_linear(*arguments: Any) -> Tensor:
    same_device(_run.LINEAR_NAMES, arguments[: _run.LINEAR_TENSORS])
    x, weight, x2, act, op = arguments[0], arguments[1], arguments[9], arguments[-6], arguments[-4]
    if weight.dim() != 2 or weight.shape[1] != _quantize.columns_of(x, x2, act):
        refuse("weight", weight, f"int8 [N, K], of the columns of x, which is {described(x)}")
    made: Tensor = x.new_empty((*x.shape[:-1], _gemm.columns_of(weight, op)), dtype=arguments[-1] or x.dtype)
    return made


def _has_tangent(argument: Any) -> bool:
    return isinstance(argument, Tensor) and forward_ad.unpack_dual(argument).tangent is not None  # type: ignore[no-untyped-call]


def _without_backward(name: str, operator: Any) -> Callable[..., Any]:
    """The kernel of the key Autograd: what needs a gradient gets a result whose backward raises, and what has a tangent
    none.

    What is written in place is no result that a backward would come to: that raises at once.
    """

    def refuse_gradient() -> NoReturn:
        raise DituneError(
            f"{name} has no backward: ditune is for inference (call it under torch.no_grad(), or detach its inputs)"
        )

    class Backwardless(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *arguments: Any) -> Any:
            with torch._C._AutoDispatchBelowAutograd():
                made = operator(*arguments)
            return tuple(made) if isinstance(made, list) else made

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            refuse_gradient()

    def kernel(*arguments: Any) -> Any:
        if forward_ad._current_level >= 0 and any(map(_has_tangent, arguments)):
            raise DituneError(f"{name} has no derivative: ditune is for inference (detach its inputs)")
        if torch.is_grad_enabled() and any(isinstance(each, Tensor) and each.requires_grad for each in arguments):
            if operator._schema.is_mutable:
                refuse_gradient()
            made: Any = Backwardless.apply(*arguments)
            return list(made) if isinstance(made, tuple) else made
        with torch._C._AutoDispatchBelowAutograd():
            return operator(*arguments)

    return kernel


def is_direct(tensors: tuple[Any, ...]) -> bool:
    """Whether only the kernel of x's device would see a call: the dispatcher takes 5 us for so many arguments."""
    x = tensors[0]
    if (
        torch.compiler.is_compiling()
        or not _PLAIN.issuperset(map(type, tensors))
        or forward_ad._current_level >= 0
        or torch._C._len_torch_dispatch_stack()
        or torch._C._functorch.maybe_current_level() is not None
        or torch._C._get_tracing_state() is not None
        or torch.autograd.profiler._is_profiler_enabled
        or x.is_meta
        or x.is_neg()
    ):
        return False
    if torch.is_grad_enabled():
        for tensor in tensors:
            if tensor is not None and tensor.requires_grad:
                return False
    return True


def _register() -> Any:
    library: Any = torch.library.Library("ditune", "DEF")  # type: ignore[no-untyped-call]
    fakes = {
        "quantize_s8": _fake_quantize,
        "norm_rope_": lambda *arguments: None,
        "gemm_s8": _fake_gemm,
        "gemm_s8_out": lambda *arguments: None,
        "linear": _fake_linear,
    }
    for name, schema in SCHEMAS.items():
        library.define(name + schema, tags=(torch.Tag.needs_fixed_stride_order, torch.Tag.pt2_compliant_tag))
        for key in ("CPU", "CUDA"):
            library.impl(name, getattr(_run, name), key)
        torch.library.register_fake(f"ditune::{name}", fakes[name], lib=library)
        library.impl(name, _without_backward(name, getattr(torch.ops.ditune, name).default), "Autograd")
    return library


LIBRARY = _register()  # its end would take the operators with it
