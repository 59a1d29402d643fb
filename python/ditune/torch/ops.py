# SPDX-License-Identifier: Apache-2.0
"""The operations: docs/numerics.md of ditune defines each to the rounding step, the same bits on GPU and CPU.

All take tensors of any leading dimensions: rows are all of them but the last. They are for inference: a backward
through them raises. On a GPU they run on the current stream and may be captured in a CUDA graph, once the same call
has run outside of the capture.

Strides: of `x`, `x2`, `branch`, `weight`, `residual` and `out` rows may be apart, as those of a view of a packed tensor
are, if the distance of rows is a multiple of 16 bytes (8 elements, where that is more). Other inputs are copied. `out`
is refused unless it can be written as it is.
"""

from __future__ import annotations

from typing import Literal, overload

import torch
from torch import Tensor

from ditune.torch import _run
from ditune.torch._operators import is_direct  # and registers torch.ops.ditune

Norm = Literal["none", "rms", "layer"]
HeadNorm = Literal["none", "rms", "layer", "rms_head"]
Rope = Literal["none", "half", "pairs"]
InputAct = Literal["none", "gelu_tanh", "gelu_erf", "silu", "swiglu", "swiglu_interleaved"]
OutputOp = Literal["none", "gelu_tanh", "gelu_erf", "silu", "sigmoid", "swiglu"]

_QUANTIZE_S8 = torch.ops.ditune.quantize_s8.default
_NORM_ROPE = torch.ops.ditune.norm_rope_.default
_GEMM_S8 = torch.ops.ditune.gemm_s8.default
_GEMM_S8_OUT = torch.ops.ditune.gemm_s8_out.default
_LINEAR = torch.ops.ditune.linear.default


@overload
def quantize_s8(
    x: Tensor,
    *,
    branch: None = None,
    norm: HeadNorm = "none",
    norm_weight: Tensor | None = None,
    norm_bias: Tensor | None = None,
    norm_weight_plus_one: bool = False,
    eps: float = 1e-6,
    scale: Tensor | None = None,
    shift: Tensor | None = None,
    scale_plus_one: bool = True,
    rows_per_image: int | None = None,
    index: Tensor | None = None,
    act: InputAct = "none",
    x2: Tensor | None = None,
    smooth: Tensor | None = None,
    rotate: int = 1,
    static_scale: Tensor | None = None,
    head: int = 0,
    rope: Rope = "none",
    angles: Tensor | None = None,
    out_dtype: torch.dtype = torch.int8,
) -> tuple[Tensor, Tensor]: ...


@overload
def quantize_s8(
    x: Tensor,
    *,
    branch: Tensor,
    gate: Tensor | None = None,
    branch_norm_weight: Tensor | None = None,
    norm: HeadNorm = "none",
    norm_weight: Tensor | None = None,
    norm_bias: Tensor | None = None,
    norm_weight_plus_one: bool = False,
    eps: float = 1e-6,
    scale: Tensor | None = None,
    shift: Tensor | None = None,
    scale_plus_one: bool = True,
    rows_per_image: int | None = None,
    index: Tensor | None = None,
    act: InputAct = "none",
    smooth: Tensor | None = None,
    rotate: int = 1,
    static_scale: Tensor | None = None,
    head: int = 0,
    rope: Rope = "none",
    angles: Tensor | None = None,
    out_dtype: torch.dtype = torch.int8,
) -> tuple[Tensor, Tensor, Tensor]: ...


def quantize_s8(
    x: Tensor,
    *,
    branch: Tensor | None = None,
    gate: Tensor | None = None,
    branch_norm_weight: Tensor | None = None,
    norm: HeadNorm = "none",
    norm_weight: Tensor | None = None,
    norm_bias: Tensor | None = None,
    norm_weight_plus_one: bool = False,
    eps: float = 1e-6,
    scale: Tensor | None = None,
    shift: Tensor | None = None,
    scale_plus_one: bool = True,
    rows_per_image: int | None = None,
    index: Tensor | None = None,
    act: InputAct = "none",
    x2: Tensor | None = None,
    smooth: Tensor | None = None,
    rotate: int = 1,
    static_scale: Tensor | None = None,
    head: int = 0,
    rope: Rope = "none",
    angles: Tensor | None = None,
    out_dtype: torch.dtype = torch.int8,
) -> tuple[Tensor, ...]:
    """What a GEMM's int8 rows are made of, in one pass over `x` [..., K] (bf16, f16 or f32), each step optional:

    1. `branch` [..., K], of x's dtype, is added: `h = x + branch`, or `h = x + gate * branch`, or with
       `branch_norm_weight` [K] `h = x + gate * rms_norm(branch) * branch_norm_weight`. h is rounded to x's dtype,
       returned, and goes on.
    2. `norm` "rms" or "layer" with `eps`, `norm_weight` [K] (`1 + norm_weight` with `norm_weight_plus_one`) and
       `norm_bias` [K]; or "rms_head", of each `head` of 16, 32, 64, 128 or 256 columns alone, with these of K columns.
    3. Modulation: `* (1 + scale) + shift`; shift may be left out; `* scale` with `scale_plus_one=False`, without shift.
       `gate`, `scale` and `shift` are [K] for all rows, or [T, K] (also [T, 1, K]), one row for `rows_per_image`
       consecutive rows of x (left out: the rows of x over T), or row `index[m]` of them with `index` int32 [...]. An
       index beyond the table is not looked for.
    4. `act` "gelu_tanh", "gelu_erf", "silu"; with "swiglu" x is [..., 2 K], gate and up side by side, with
       "swiglu_interleaved" in turns. With `x2` the columns of x, taken as they are, are followed by those of x2, and
       act is applied to x2 alone; x2 goes with no branch, norm or modulation.
    5. `* smooth` [K].
    6. `rope` of each `head`: "half" turns columns i and i + head / 2, "pairs" 2 i and 2 i + 1, by the `angles` float32
       [positions, head] (also [..., head]) of the row's position: cosine and sine of each pair in turns. The rows of x
       are the positions, again and again. It goes without `rotate`.
    7. `rotate` 16, 64 or 256: the regular Hadamard matrix over groups of that many columns.
    8. Quantization: `q = rint(v * 127 / absmax)` of each row with `scale = absmax / 127` [...] float32, or with
       `static_scale` float32 [1] `q = rint(v / static_scale)`. `out_dtype` bf16 or f16 leaves it out.

    `gate`, `scale`, `shift`, the weights, the bias and `smooth` have x's dtype, or float32; if both occur, all are
    converted to float32, which costs a launch each.

    Returns (q, scale), with a branch (q, scale, h). scale is `static_scale` where that is given, and an empty tensor
    where out_dtype is not int8. Raises UsageError.
    """
    arguments = (
        x,
        branch,
        gate,
        branch_norm_weight,
        norm_weight,
        norm_bias,
        scale,
        shift,
        index,
        x2,
        smooth,
        static_scale,
        angles,
        norm,
        norm_weight_plus_one,
        eps,
        scale_plus_one,
        rows_per_image,
        act,
        rotate,
        out_dtype,
        head,
        rope,
    )
    made: list[Tensor] = (_run.quantize_s8 if is_direct(arguments[: _run.QUANTIZE_TENSORS]) else _QUANTIZE_S8)(
        *arguments
    )
    q, *others = made
    if static_scale is not None:
        return (q, static_scale, *others)
    if out_dtype != torch.int8:
        return (q, x.new_empty(0, dtype=torch.float32), *others)
    return (q, *others)


def norm_rope_(
    x: Tensor,
    *,
    head: int = 0,
    norm: Literal["none", "rms", "rms_head"] = "rms_head",
    norm_weight: Tensor | None = None,
    rope: Rope = "none",
    angles: Tensor | None = None,
    eps: float = 1e-6,
) -> Tensor:
    """The norm and the rotary embedding of `quantize_s8`, in place and in one launch; returns x.

    x [..., K] is bf16 or f16, also the part of a packed qkv that q and k are. `norm_weight` [K] has that of each head.
    Raises UsageError.
    """
    arguments = (x, norm_weight, angles, norm, head, rope, eps)
    (_run.norm_rope_ if is_direct(arguments[:3]) else _NORM_ROPE)(*arguments)
    return x


def gemm_s8(
    x: Tensor,
    weight: Tensor,
    x_scale: Tensor | None,
    weight_scale: Tensor | None,
    bias: Tensor | None = None,
    *,
    op: OutputOp = "none",
    from_column: int = 0,
    residual: Tensor | None = None,
    gate: Tensor | None = None,
    rows_per_gate: int | None = None,
    gate_index: Tensor | None = None,
    out_dtype: torch.dtype = torch.bfloat16,
    out: Tensor | None = None,
) -> Tensor:
    """`residual + gate * op((x @ weight.T) * x_scale * weight_scale + bias)`: x int8 [..., K], weight int8 [N, K].

    x_scale float32 has a value for each row of x, or one; weight_scale float32 [N] ([N, 1]), or one; bias [N] is bf16,
    f16 or f32. `op` "gelu_tanh", "gelu_erf", "silu" or "sigmoid" is applied to columns from `from_column` on; with
    "swiglu" the rows of weight, its scales and bias are interleaved (gate 0, up 0, gate 1, ...), and the result has N/2
    columns. residual [..., N] is bf16, f16 or f32; gate, of the residual's dtype, is [N] or [G, N] (also [G, 1, N]),
    one row for `rows_per_gate` consecutive rows of x (left out: the rows of x over G), or row `gate_index[m]` with
    gate_index int32 [...]. An index beyond the table is not looked for.

    out_dtype is bf16, f16, f32, or int32: the sums themselves, without scales and all else. `out`, of this dtype, is
    written instead of a new tensor; it may be `residual` itself. Raises UsageError.
    """
    added = (x, weight, x_scale, weight_scale, bias, residual, gate, gate_index)
    options = (op, from_column, rows_per_gate, out_dtype)
    if out is None:
        made: Tensor = (_run.gemm_s8 if is_direct(added) else _GEMM_S8)(*added, *options)
        return made
    _GEMM_S8_OUT(*added, out, *options)
    return out


def linear(
    x: Tensor,
    weight: Tensor,
    weight_scale: Tensor,
    bias: Tensor | None = None,
    *,
    norm: Norm = "none",
    norm_weight: Tensor | None = None,
    norm_bias: Tensor | None = None,
    norm_weight_plus_one: bool = False,
    eps: float = 1e-6,
    scale: Tensor | None = None,
    shift: Tensor | None = None,
    scale_plus_one: bool = True,
    rows_per_image: int | None = None,
    index: Tensor | None = None,
    act: InputAct = "none",
    x2: Tensor | None = None,
    smooth: Tensor | None = None,
    rotate: int = 1,
    static_scale: Tensor | None = None,
    op: OutputOp = "none",
    from_column: int = 0,
    residual: Tensor | None = None,
    gate: Tensor | None = None,
    rows_per_gate: int | None = None,
    gate_index: Tensor | None = None,
    out_dtype: torch.dtype | None = None,
) -> Tensor:
    """`torch.nn.functional.linear` in int8: quantize_s8 of x [..., K], then gemm_s8 with weight int8 [N, K].

    The options from norm to static_scale are those of `quantize_s8`, what comes before the multiplication; those from
    op to gate_index are those of `gemm_s8`, what comes behind it. out_dtype is x's dtype if it is left out. Where
    several layers take the same x, quantize it once by `quantize_s8` and call `gemm_s8` for each. Raises UsageError.
    """
    arguments = (
        x,
        weight,
        weight_scale,
        bias,
        norm_weight,
        norm_bias,
        scale,
        shift,
        index,
        x2,
        smooth,
        static_scale,
        residual,
        gate,
        gate_index,
        norm,
        norm_weight_plus_one,
        eps,
        scale_plus_one,
        rows_per_image,
        act,
        rotate,
        op,
        from_column,
        rows_per_gate,
        out_dtype,
    )
    made: Tensor = (_run.linear if is_direct(arguments[: _run.LINEAR_TENSORS]) else _LINEAR)(*arguments)
    return made
