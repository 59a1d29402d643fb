# SPDX-License-Identifier: Apache-2.0
"""What the operators do with real tensors, on the CPU and on a GPU: find the prepared call, allocate, launch.

Every call of a layer comes here, so this is written for few Python steps: one key finds a call that was prepared. The
operators' arguments are tensors first, then what is no tensor, in the order of NAMES and of Prologue and Epilogue.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ditune.errors import UsageError
from ditune.torch import _gemm, _quantize
from ditune.torch._calls import Call, find, keep
from ditune.torch._gemm import Epilogue
from ditune.torch._quantize import Prologue
from ditune.torch._tensors import ALIGNMENT, aligned, described, key_of, refuse

LINEAR_NAMES = ("x", *_gemm.NAMES[1:2], *_gemm.NAMES[3:5], *_quantize.NAMES[4 : _quantize.ANGLES], *_gemm.NAMES[5:8])
QUANTIZE_TENSORS, GEMM_TENSORS, LINEAR_TENSORS = len(_quantize.NAMES), len(_gemm.NAMES) - 1, len(LINEAR_NAMES)
_OUT_DTYPE = Prologue._fields.index("out_dtype")
_NONE = (None,) * (_quantize.ANGLES - _quantize.WEIGHT - 1)


def quantize_s8(*arguments: Any) -> list[Tensor]:
    """[q, scale unless it is given or there is none, h if there is a branch]"""
    tensors, options = arguments[:QUANTIZE_TENSORS], arguments[QUANTIZE_TENSORS:]
    key = ("quantize", key_of(tensors), options)
    call: Call | None = find(key)
    if call is None:
        call = keep(key, _quantize.prepare(tensors, Prologue(*options)))
    alive = call.point(tensors)
    if alive is None:
        return quantize_s8(*map(aligned, tensors), *options)
    x, args = tensors[0], call.args
    q = torch.empty((*call.lead, call.columns), dtype=options[_OUT_DTYPE], device=x.device)
    args.q = q.data_ptr()
    made = [q]
    if q.dtype is torch.int8 and tensors[_quantize.STATIC] is None:
        scale = torch.empty(call.lead, dtype=torch.float32, device=x.device)
        args.scale = scale.data_ptr()
        made.append(scale)
    if tensors[_quantize.BRANCH] is not None:
        h = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        args.h = h.data_ptr()
        made.append(h)
    call.run()
    return made


def norm_rope_(*arguments: Any) -> None:
    """x is written."""
    x, weight, angles, norm, head, rope, eps = arguments
    if x.data_ptr() % ALIGNMENT:
        refuse("x", x, f"it at a multiple of {ALIGNMENT} bytes, not at {x.data_ptr():#x}")
    tensors = (x, None, None, None, weight, *_NONE, angles)
    key = ("norm_rope", key_of((x, weight, angles)), norm, head, rope, eps)
    call: Call | None = find(key)
    if call is None:
        prologue = Prologue(norm, False, eps, True, None, "none", 1, x.dtype, head, rope)
        call = keep(key, _quantize.prepare_in_place(tensors, prologue))
    alive = call.point(tensors)
    if alive is None:
        norm_rope_(x, aligned(weight), aligned(angles), norm, head, rope, eps)
        return
    call.run()
    if not x.is_inference():
        torch.autograd.graph.increment_version(x)


def gemm_s8(*arguments: Any) -> Tensor:
    tensors, options = arguments[:GEMM_TENSORS], arguments[GEMM_TENSORS:]
    key = ("gemm", key_of(tensors), options)
    call: Call | None = find(key)
    if call is None:
        call = keep(key, _gemm.prepare((*tensors, None), Epilogue(*options)))
    alive = call.point(tensors)
    if alive is None:
        return gemm_s8(*map(aligned, tensors), *options)
    out = torch.empty((*call.lead, call.columns), dtype=options[-1], device=tensors[0].device)
    call.args.y = out.data_ptr()
    call.run()
    return out


def gemm_s8_out(*arguments: Any) -> None:
    """The last tensor is written; it may be the residual."""
    tensors, options = arguments[: GEMM_TENSORS + 1], arguments[GEMM_TENSORS + 1 :]
    out = tensors[_gemm.OUT]
    if out.data_ptr() % ALIGNMENT:
        refuse("out", out, f"it at a multiple of {ALIGNMENT} bytes, not at {out.data_ptr():#x}")
    key = ("gemm_out", key_of(tensors), options)
    call: Call | None = find(key)
    if call is None:
        call = keep(key, _gemm.prepare(tensors, Epilogue(*options)))
    alive = call.point(tensors)
    if alive is None:
        gemm_s8_out(*map(aligned, tensors), *options)
        return
    call.run()
    if not out.is_inference():
        torch.autograd.graph.increment_version(out)


class _Linear(NamedTuple):
    """The two calls of a linear layer, and the memory between them: q, then from `scales` on its scales."""

    quantize: Call
    gemm: Call
    scales: int
    size: int  # bytes
    out_dtype: torch.dtype


def linear(*arguments: Any) -> Tensor:
    tensors, options = arguments[:LINEAR_TENSORS], arguments[LINEAR_TENSORS:]
    key = ("linear", key_of(tensors), options)
    calls: _Linear | None = find(key)
    if calls is None:
        calls = keep(key, _prepare_linear(tensors, options))
    first, second, scales, size, out_dtype = calls
    x, weight, weight_scale, bias = tensors[:4]
    static_scale, residual, gate, gate_index = tensors[11:]
    before = first.point((x, None, None, None, *tensors[4:12]))
    behind = second.point((None, weight, static_scale, weight_scale, bias, residual, gate, gate_index))
    if before is None or behind is None:
        return linear(*map(aligned, tensors), *options)
    device = first.device
    between = torch.empty(size, dtype=torch.int8, device=device)
    address = between.data_ptr()
    first.args.q = second.args.x = address
    if static_scale is None:
        first.args.scale = second.args.sx = address + scales
    out = torch.empty((*second.lead, second.columns), dtype=out_dtype, device=device)
    second.args.y = out.data_ptr()
    first.run()
    second.run()
    return out


def _prepare_linear(tensors: tuple[Tensor | None, ...], options: tuple[Any, ...]) -> _Linear:
    x, weight, weight_scale, bias = tensors[:4]
    static_scale, residual, gate, gate_index = tensors[11:]
    assert x is not None and weight is not None
    op, from_column, rows_per_gate, out_dtype = options[7:]
    if out_dtype == torch.int32:
        raise UsageError("out_dtype is torch.int32 (give torch.bfloat16, float16 or float32; gemm_s8 gives the sums)")
    prologue = Prologue._make((*options[:7], torch.int8, 0, "none"))
    columns = _quantize.columns_of(x, tensors[9], prologue.act)
    if weight.dim() != 2 or weight.shape[1] != columns:
        refuse("weight", weight, f"int8 [N, {columns}], of the columns of x, which is {described(x)}")
    first = _quantize.prepare((x, None, None, None, *tensors[4:12], None), prologue)
    q = torch.empty((*first.lead, columns), dtype=torch.int8, device=x.device)
    scale = torch.empty(first.lead, dtype=torch.float32, device=x.device) if static_scale is None else static_scale
    epilogue = Epilogue(op, from_column, rows_per_gate, out_dtype or x.dtype)
    behind = (q, weight, scale, weight_scale, bias, residual, gate, gate_index, None)
    second = _gemm.prepare(behind, epilogue)
    own = {_gemm.X} if static_scale is not None else {_gemm.X, _gemm.X_SCALE}
    second.pointers = [(position, member) for position, member in second.pointers if position not in own]
    scales = -(-first.rows * columns // ALIGNMENT) * ALIGNMENT
    return _Linear(first, second, scales, scales + 4 * first.rows, epilogue.out_dtype)
