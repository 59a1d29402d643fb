# SPDX-License-Identifier: Apache-2.0
"""gemm_s8: a prepared call from tensors, checked by name, and its run."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ditune._library import GEMM_WORDS, Args, Problem
from ditune.errors import UsageError
from ditune.torch import _devices
from ditune.torch._calls import Call
from ditune.torch._quantize import X_WORDS, per_row, word
from ditune.torch._tensors import described, refuse, row_stride, rows_of, same_device

OUT_WORDS = {**X_WORDS, torch.int32: "s32"}

# By position: of the tensors of a call, and of the members of ditune_args that have their addresses.
NAMES = ("x", "weight", "x_scale", "weight_scale", "bias", "residual", "gate", "gate_index", "out")
MEMBERS = ("x", "w", "sx", "sw", "bias", "r", "g", "gate_index", "y")
X, WEIGHT, X_SCALE, WEIGHT_SCALE, BIAS, RESIDUAL, GATE, GATE_INDEX, OUT = range(9)

Tensors = tuple[Tensor | None, ...]


class Epilogue(NamedTuple):
    """What is no tensor."""

    op: str
    from_column: int
    rows_per_gate: int | None
    out_dtype: torch.dtype


def columns_of(weight: Tensor, op: str) -> int:
    """Of the result."""
    columns: int = weight.shape[0]
    return columns // 2 if op == "swiglu" else columns


def prepare(tensors: Tensors, e: Epilogue) -> Call:
    """Raises UsageError where shapes, dtypes or devices do not fit."""
    x, weight = tensors[X], tensors[WEIGHT]
    assert x is not None and weight is not None
    device = same_device(NAMES, tensors)
    _check_factors(x, weight)
    _check_op(weight, tensors[RESIDUAL], e)
    rows, columns = rows_of(x), columns_of(weight, e.op)
    problem = Problem(m=rows, n=weight.shape[0], k=weight.shape[1], from_=e.from_column, **_words(tensors, e))
    call = Call(problem, Args(ldy=columns), device, NAMES)
    call.rows, call.columns, call.lead = rows, columns, x.shape[:-1]
    call.take_rows(X, "ldx", x)
    call.take_rows(WEIGHT, "ldw", weight)
    _take_scales(call, tensors)
    _take_residual(call, tensors, e)
    _take_out(call, tensors[OUT], e)
    call.pointers = [(i, MEMBERS[i]) for i, tensor in enumerate(tensors) if tensor is not None]
    _devices.prepare(call)
    return call


def _check_factors(x: Tensor, weight: Tensor) -> None:
    if x.dtype != torch.int8 or x.dim() == 0:
        refuse("x", x, "int8 [..., K], as quantize_s8 makes it")
    if weight.dtype != torch.int8 or weight.dim() != 2 or weight.shape[1] != x.shape[-1] or weight.shape[0] == 0:
        refuse("weight", weight, f"int8 [N, {x.shape[-1]}], of the columns of x")


def _check_op(weight: Tensor, residual: Tensor | None, e: Epilogue) -> None:
    if e.out_dtype == torch.int32:
        given = {"op": e.op != "none", "from_column": e.from_column != 0, "residual": residual is not None}
        for name in (name for name, is_given in given.items() if is_given):
            raise UsageError(f"{name} with out_dtype=torch.int32, which is the sums alone (leave it out)")
    check_op(e.op, e.from_column, weight.shape[0])


def check_op(op: str, from_column: int, columns: int) -> None:
    """Of a layer of so many columns, which are the rows of its weight. Raises UsageError."""
    word("gemm_s8", GEMM_WORDS, "op", op)
    if op == "swiglu" and columns % 2:
        raise UsageError(
            f"weight has {columns} rows and op='swiglu' (give an even number of rows: gate, up, gate, ...)"
        )
    if from_column and not 0 < from_column < columns:
        raise UsageError(f"from_column={from_column} and {columns} columns (give the first one that op is for)")
    if from_column and op in ("none", "swiglu"):
        raise UsageError(f"from_column={from_column} with op={op!r} (it goes with an op of single columns, as silu)")


def _words(tensors: Tensors, e: Epilogue) -> dict[str, int]:
    if e.out_dtype not in OUT_WORDS:
        raise UsageError(f"out_dtype is {e.out_dtype} (give torch.bfloat16, float16, float32 or int32)")
    x, weight, bias, residual, gate = (tensors[i] for i in (X, WEIGHT, BIAS, RESIDUAL, GATE))
    assert x is not None and weight is not None
    for name, tensor in (("bias", bias), ("residual", residual)):
        if tensor is not None and tensor.dtype not in X_WORDS:
            refuse(name, tensor, "bfloat16, float16 or float32")
    if gate is not None and residual is None:
        raise UsageError("gate goes with a residual (give residual, or leave gate out)")
    words = {
        "sx": "tensor" if _is_one(tensors[X_SCALE], rows_of(x)) else "token",
        "sw": "tensor" if _is_one(tensors[WEIGHT_SCALE], weight.shape[0]) else "channel",
        "bias": "none" if bias is None else X_WORDS[bias.dtype],
        "op": e.op,
        "residual": "none" if residual is None else X_WORDS[residual.dtype],
        "gate": _gate_word(tensors),
        "out": OUT_WORDS[e.out_dtype],
    }
    return {field: word("gemm_s8", GEMM_WORDS, field, value) for field, value in words.items()}


def _is_one(scale: Tensor | None, count: int) -> bool:
    """One value for a whole tensor, rather than one for each row."""
    return scale is not None and scale.numel() == 1 and count != 1


def _gate_word(tensors: Tensors) -> str:
    gate = tensors[GATE]
    if gate is None:
        return "none"
    if tensors[GATE_INDEX] is not None:
        return "index"
    return "channel" if rows_of(gate) == 1 else "table"


def _take_scales(call: Call, tensors: Tensors) -> None:
    sums = call.problem.out == GEMM_WORDS["out"].index("s32")
    weight = tensors[WEIGHT]
    assert weight is not None
    for position, count in ((X_SCALE, call.rows), (WEIGHT_SCALE, weight.shape[0]), (BIAS, weight.shape[0])):
        tensor = tensors[position]
        if tensor is None:
            if position != BIAS and not sums:
                raise UsageError(f"{NAMES[position]} is left out (give it, or out_dtype=torch.int32)")
            continue
        if sums:
            raise UsageError(f"{NAMES[position]} with out_dtype=torch.int32, which is the sums alone (leave it out)")
        if position != BIAS and tensor.dtype != torch.float32:
            refuse(NAMES[position], tensor, f"float32 [{count}], or one value")
        if tensor.numel() != count and (position == BIAS or tensor.numel() != 1):
            refuse(NAMES[position], tensor, f"[{count}]" + ("" if position == BIAS else ", or one value"))
        call.take_vector(position, tensor)


def _take_residual(call: Call, tensors: Tensors, e: Epilogue) -> None:
    residual, gate, index = tensors[RESIDUAL], tensors[GATE], tensors[GATE_INDEX]
    if index is not None and (gate is None or e.rows_per_gate is not None):
        raise UsageError("gate_index goes with a gate, and without rows_per_gate (leave one of them out)")
    if residual is None:
        return
    if residual.shape != (*call.lead, call.columns):
        refuse("residual", residual, str([*call.lead, call.columns]))
    call.take_rows(RESIDUAL, "ldr", residual)
    if gate is None:
        return
    if (
        gate.dtype != residual.dtype
        or gate.dim() == 0
        or gate.shape[-1] != call.columns
        or (gate.numel() == 0 and call.rows)
    ):
        refuse("gate", gate, f"[{call.columns}] or [G, {call.columns}], of the residual's dtype {residual.dtype}")
    call.take_rows(GATE, "ldg", gate)
    gates = rows_of(gate)
    if index is not None:
        call.take_index("gate_index", GATE_INDEX, index)
        call.args.gates = gates
    elif gates > 1:
        call.args.gates = gates
        call.args.rows_per_gate = per_row("rows_per_gate", e.rows_per_gate, gates, call.rows)


def _take_out(call: Call, out: Tensor | None, e: Epilogue) -> None:
    if out is None:
        return
    shape = (*call.lead, call.columns)
    if out.shape != shape or out.dtype != e.out_dtype:
        refuse("out", out, f"{e.out_dtype} {list(shape)}".removeprefix("torch."))
    stride = row_stride(out)
    if stride is None:
        raise UsageError(
            f"out is {described(out)} with strides {out.stride()} (give rows apart by multiples of 16 bytes)"
        )
    call.args.ldy = stride
    call.in_place = True
