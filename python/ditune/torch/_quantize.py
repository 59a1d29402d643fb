# SPDX-License-Identifier: Apache-2.0
"""quantize_s8: a prepared call from tensors, checked by name, and its run."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ditune._library import QUANTIZE_WORDS, QuantizeArgs, QuantizeProblem
from ditune.errors import UsageError
from ditune.torch import _devices
from ditune.torch._calls import Call
from ditune.torch._tensors import (
    Fix,
    contiguous,
    described,
    dtype_name,
    float_contiguous,
    refuse,
    row_stride,
    rows_of,
    same_device,
)

X_WORDS = {torch.bfloat16: "bf16", torch.float16: "f16", torch.float32: "f32"}
OUT_WORDS = {torch.int8: "s8", torch.bfloat16: "bf16", torch.float16: "f16"}

# By position: of the tensors of a call, and of the members of ditune_quantize_args that have their addresses.
NAMES = (
    "x",
    "branch",
    "gate",
    "branch_norm_weight",
    "norm_weight",
    "norm_bias",
    "scale",
    "shift",
    "index",
    "x2",
    "smooth",
    "static_scale",
    "angles",
)
MEMBERS = ("x", "y", "g", "w1", "w", "b", "s", "t", "index", "x2", "c", "scale", "r")
X, BRANCH, GATE, BRANCH_NORM, WEIGHT, BIAS, SCALE, SHIFT, INDEX, X2, SMOOTH, STATIC, ANGLES = range(13)
_VECTORS = (BRANCH_NORM, WEIGHT, BIAS, SMOOTH)  # [K]
_TABLES = (GATE, SCALE, SHIFT)  # [K] or [T, K]

Tensors = tuple[Tensor | None, ...]


class Prologue(NamedTuple):
    """What is no tensor."""

    norm: str
    norm_weight_plus_one: bool
    eps: float
    scale_plus_one: bool
    rows_per_image: int | None
    act: str
    rotate: int
    out_dtype: torch.dtype
    head: int = 0
    rope: str = "none"


def word(kind: str, words: dict[str, tuple[str, ...]], field: str, value: str) -> int:
    try:
        return words[field].index(value)
    except ValueError:
        raise UsageError(f"{kind} has no {field}={value!r} (give {', '.join(words[field])})") from None


def columns_of(x: Tensor, x2: Tensor | None, act: str) -> int:
    """K: of what is quantized."""
    halves = 2 if act in ("swiglu", "swiglu_interleaved") else 1
    if x.dim() == 0:
        refuse("x", x, "it of one dimension or more: [..., K]")
    if x2 is not None and x2.dim() == 0:
        refuse("x2", x2, f"it of the dtype and the rows of x, which is {described(x)}")
    last = x if x2 is None else x2
    if last.shape[-1] % halves != 0:
        refuse("x" if x2 is None else "x2", last, f"an even number of columns: act is {act}")
    made: int = last.shape[-1] // halves
    return made if x2 is None else x.shape[-1] + made


def prepare(tensors: Tensors, p: Prologue) -> Call:
    """Raises UsageError where shapes, dtypes or devices do not fit."""
    x = tensors[X]
    assert x is not None
    device = same_device(NAMES, tensors)
    _check_rows(x, tensors)
    columns = columns_of(x, tensors[X2], p.act)
    problem = QuantizeProblem(
        m=rows_of(x),
        k=columns,
        rotate=p.rotate,
        head=p.head,
        split=0 if tensors[X2] is None else x.shape[-1],
        **_words(x, tensors, p),
    )
    call = Call(problem, QuantizeArgs(eps=p.eps, ldq=columns, ldh=columns), device, NAMES)
    call.rows, call.columns, call.lead = rows_of(x), columns, x.shape[:-1]
    for position, member in ((X, "ldx"), (BRANCH, "ldy"), (X2, "ldx2")):
        call.take_rows(position, member, tensors[position])
    fix = _parameters(problem, x, tensors)
    for position in _VECTORS:
        _take_vector(call, position, tensors[position], fix)
    _take_tables(call, tensors, p, fix)
    _take_rest(call, tensors, p)
    _take_angles(call, tensors[ANGLES], p)
    call.pointers = [(i, MEMBERS[i]) for i, tensor in enumerate(tensors) if tensor is not None]
    _devices.prepare(call)
    return call


def _words(x: Tensor, tensors: Tensors, p: Prologue) -> dict[str, int]:
    """Fields of the problem that are words, but what depends on parameters' dtypes and tables."""
    if p.out_dtype not in OUT_WORDS:
        raise UsageError(f"out_dtype is {p.out_dtype} (give torch.int8, torch.bfloat16 or torch.float16)")
    if p.rotate == 0:  # what the C ABI takes for 1
        raise UsageError("rotate=0 is no Hadamard group (give 16, 64 or 256, or 1 for none)")
    has = [tensor is not None for tensor in tensors]
    if has[SHIFT] and not (has[SCALE] and p.scale_plus_one):
        raise UsageError("shift goes with a scale and scale_plus_one=True (give a scale of zeros)")
    if (has[GATE] or has[BRANCH_NORM]) and not has[BRANCH]:
        raise UsageError("gate and branch_norm_weight go with a branch (give branch, or leave them out)")
    if has[BRANCH_NORM] and not has[GATE]:
        raise UsageError("branch_norm_weight goes with a gate (give a gate of ones)")
    _check_steps(has, p)
    words = {
        "x": X_WORDS[x.dtype],
        "residual": "gate_rms" if has[BRANCH_NORM] else "gate" if has[GATE] else "add" if has[BRANCH] else "none",
        "norm": p.norm,
        "weight": "none" if not has[WEIGHT] else "plus_one" if p.norm_weight_plus_one else "plain",
        "bias": "plain" if has[BIAS] else "none",
        "modulate": _modulation(has, p),
        "act": p.act,
        "smooth": "on" if has[SMOOTH] else "off",
        "scale": "tensor" if has[STATIC] else "token",
        "out": OUT_WORDS[p.out_dtype],
        "rope": p.rope,
    }
    return {field: word("quantize_s8", QUANTIZE_WORDS, field, value) for field, value in words.items()}


def _check_steps(has: list[bool], p: Prologue) -> None:
    """Of a norm and its parameters, and what has no columns like x's."""
    if p.norm == "none" and (has[WEIGHT] or has[BIAS]):
        raise UsageError("norm_weight and norm_bias go with a norm (give norm='rms' or 'layer', or leave them out)")
    if has[BIAS] and not has[WEIGHT]:
        raise UsageError("norm_bias goes with a norm_weight (give a norm_weight of ones)")
    if p.head and p.rotate != 1:
        raise UsageError(f"head={p.head} with rotate={p.rotate} (leave one of them out)")
    if not has[X2] and p.act not in ("swiglu", "swiglu_interleaved"):
        return
    given = {"branch": has[BRANCH], "norm": p.norm != "none", "scale": has[SCALE], "rope": p.rope != "none"}
    for name in (name for name, is_given in given.items() if is_given):
        raise UsageError(f"{name} with {'x2' if has[X2] else f'act={p.act!r}'} (leave one of them out)")


def _modulation(has: list[bool], p: Prologue) -> str:
    if not has[SCALE]:
        return "none"
    return "scale1_shift" if has[SHIFT] else "scale1" if p.scale_plus_one else "scale"


def _check_rows(x: Tensor, tensors: Tensors) -> None:
    if x.dtype not in X_WORDS or x.dim() == 0:
        refuse("x", x, "bfloat16, float16 or float32 [..., K]")
    branch, x2 = tensors[BRANCH], tensors[X2]
    if branch is not None and (branch.shape != x.shape or branch.dtype != x.dtype):
        refuse("branch", branch, f"it like x, which is {described(x)}")
    if x2 is not None and (x2.shape[:-1] != x.shape[:-1] or x2.dtype != x.dtype):
        refuse("x2", x2, f"it of the dtype and the rows of x, which is {described(x)}")


def _parameters(problem: QuantizeProblem, x: Tensor, tensors: Tensors) -> Fix | None:
    """Sets the type that all parameters have; what brings each to it, if they are not of one type yet."""
    given = [(i, tensors[i]) for i in (*_VECTORS, *_TABLES) if tensors[i] is not None]
    for i, tensor in given:
        assert tensor is not None
        if tensor.dtype not in X_WORDS:
            refuse(NAMES[i], tensor, " or ".join(dict.fromkeys((dtype_name(x.dtype), "float32"))))
    if all(tensor is not None and tensor.dtype == x.dtype for _, tensor in given):
        return None
    problem.parameters = QUANTIZE_WORDS["parameters"].index("f32")
    return float_contiguous


def _take_vector(call: Call, position: int, tensor: Tensor | None, fix: Fix | None) -> None:
    if tensor is None:
        return
    if tensor.numel() != call.columns:
        refuse(NAMES[position], tensor, f"[{call.columns}]")
    if fix and tensor.dtype != torch.float32:
        call.fixes.append((position, fix))
    else:
        call.take_vector(position, tensor)


def _take_tables(call: Call, tensors: Tensors, p: Prologue, fix: Fix | None) -> None:
    """Of gate, scale and shift: as many rows each, of one distance."""
    tables = [(i, tensor) for i in _TABLES if (tensor := tensors[i]) is not None]
    if not tables:
        return
    rows = rows_of(tables[0][1])
    for i, tensor in tables:
        if (
            tensor.dim() == 0
            or tensor.shape[-1] != call.columns
            or rows_of(tensor) != rows
            or (rows == 0 and call.rows)
        ):
            refuse(NAMES[i], tensor, f"[{call.columns}] or [T, {call.columns}], of gate, scale and shift the same T")
    strides = {row_stride(tensor) for _, tensor in tables}
    call.args.ldt = call.columns
    converts = [fix if fix and tensor.dtype != torch.float32 else None for _, tensor in tables]
    if len(strides) == 1 and None not in strides and not any(converts):
        call.args.ldt = strides.pop()
    else:
        call.fixes += [(i, convert or contiguous) for (i, _), convert in zip(tables, converts, strict=True)]
    index = tensors[INDEX]
    if index is not None:
        if p.rows_per_image is not None:
            raise UsageError("rows_per_image with index (leave one of them out)")
        call.take_index("index", INDEX, index)
        _set_table(call, "index", rows)
    elif rows > 1:
        _set_table(call, "image", rows)
        call.args.rows_per_image = per_row("rows_per_image", p.rows_per_image, rows, call.rows)


def _set_table(call: Call, table: str, rows: int) -> None:
    call.problem.table = QUANTIZE_WORDS["table"].index(table)
    call.args.tables = rows


def per_row(name: str, given: int | None, tables: int, rows: int) -> int:
    """How many consecutive rows of x each row of a table is for."""
    if given is None:
        if rows % tables:
            raise UsageError(f"{rows} rows of x are no multiple of {tables} rows of a table (give {name})")
        return max(1, rows // tables)
    if given < 1 or tables * given < rows:
        raise UsageError(f"{name}={given} and {tables} rows of a table, but {rows} rows of x (give more)")
    return given


def _take_rest(call: Call, tensors: Tensors, p: Prologue) -> None:
    if tensors[INDEX] is not None and all(tensors[i] is None for i in _TABLES):
        raise UsageError("index goes with a gate or a scale (leave it out)")
    static = tensors[STATIC]
    if static is None:
        return
    if static.dtype != torch.float32 or static.numel() != 1:
        refuse("static_scale", static, "float32 [1]")
    if p.out_dtype != torch.int8:
        raise UsageError(f"static_scale with out_dtype={p.out_dtype} (leave one of them out)")


def _take_angles(call: Call, angles: Tensor | None, p: Prologue) -> None:
    if (p.norm == "rms_head" or p.rope != "none") != (p.head > 0):
        raise UsageError(f"head={p.head}, norm={p.norm!r}, rope={p.rope!r} (give head with norm='rms_head' or a rope)")
    if (angles is None) != (p.rope == "none"):
        raise UsageError(f"rope={p.rope!r} {'without' if angles is None else 'with'} angles (give both or none)")
    if angles is None:
        return
    positions = rows_of(angles)
    if angles.dtype != torch.float32 or angles.dim() == 0 or angles.shape[-1] != p.head or positions == 0:
        refuse("angles", angles, f"float32 [positions, {p.head}], cosine and sine of each pair of a head in turns")
    if call.rows % positions:
        refuse("angles", angles, f"a row for each position: the {call.rows} rows of x are no multiple of its rows")
    call.take_rows(ANGLES, "ldr", angles)
    call.args.positions = positions


def prepare_in_place(tensors: Tensors, p: Prologue) -> Call:
    """Of a call whose result takes the place of x. Raises UsageError."""
    x = tensors[X]
    assert x is not None
    if x.dtype not in (torch.bfloat16, torch.float16):
        refuse("x", x, "bfloat16 or float16 [..., K]: it is written in place")
    if row_stride(x) is None:
        raise UsageError(f"x is {described(x)} with strides {x.stride()} (give rows apart by multiples of 16 bytes)")
    call = prepare(tensors, p)
    call.args.ldq = call.args.ldx
    call.in_place = True
    call.pointers.append((X, "q"))
    return call
