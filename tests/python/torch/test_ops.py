# SPDX-License-Identifier: Apache-2.0
"""The operations on the CPU: what each option does, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ditune.torch
import pytest
import torch
import torch.nn.functional as F
from ditune.errors import UsageError
from tensors import BF16, K, M, N, draw, weights
from torch import Tensor


def dequantized(made: tuple[Tensor, ...]) -> Tensor:
    return made[0].float() * made[1][..., None]


def hadamard(group: int) -> Tensor:
    four = torch.tensor([[1.0, 1, 1, -1], [1, 1, -1, 1], [1, -1, 1, 1], [-1, 1, 1, 1]])
    matrix: Tensor = four
    while matrix.shape[0] < group:
        matrix = torch.kron(matrix, four)
    made: Tensor = matrix / group**0.5
    return made


def assert_near(made: Tensor, wanted: Tensor, step: float = 0.01) -> None:
    """Within one step of int8."""
    assert made.shape == wanted.shape
    assert (made - wanted).abs().max() <= step * wanted.abs().max()


class TestQuantize:
    def test_rows_and_scales(self) -> None:
        x = draw(2, 3, K, dtype=torch.float32)
        q, scale = ditune.torch.quantize_s8(x)
        assert q.dtype == torch.int8 and q.shape == x.shape and scale.shape == (2, 3)
        assert torch.equal(scale, x.abs().amax(-1) / 127)
        assert torch.equal(q, torch.round(x * (127 / x.abs().amax(-1, keepdim=True))).to(torch.int8))

    @pytest.mark.parametrize("dtype", [BF16, torch.float16, torch.float32])
    def test_norms_weights_and_modulation(self, dtype: torch.dtype) -> None:
        x, w, b, s, t = (draw(*shape, dtype=dtype) for shape in [(M, K), (K,), (K,), (K,), (K,)])
        made = ditune.torch.quantize_s8(
            x, norm="layer", norm_weight=w, norm_bias=b, scale=s, shift=t, eps=1e-5, smooth=w.abs()
        )
        wanted = F.layer_norm(x.float(), (K,), w.float(), b.float(), 1e-5) * (1 + s.float()) + t.float()
        assert_near(dequantized(made), wanted * w.abs().float())
        made = ditune.torch.quantize_s8(
            x, norm="rms", norm_weight=w, norm_weight_plus_one=True, scale=s, scale_plus_one=False
        )
        assert_near(dequantized(made), F.rms_norm(x.float(), (K,), 1 + w.float(), 1e-6) * s.float())

    def test_parameters_of_two_dtypes(self) -> None:
        x, w, s = draw(M, K), draw(K), draw(K, dtype=torch.float32)
        made = ditune.torch.quantize_s8(x, norm="rms", norm_weight=w, scale=s)
        wanted = ditune.torch.quantize_s8(x, norm="rms", norm_weight=w.float(), scale=s)
        assert all(map(torch.equal, made, wanted))

    def test_branch_gate_and_its_norm(self) -> None:
        x, y, g, w = draw(2, M, K), draw(2, M, K), draw(K), draw(K)
        *_, h = ditune.torch.quantize_s8(x, branch=y)
        assert torch.equal(h, x + y)
        *_, h = ditune.torch.quantize_s8(x, branch=y, gate=g)
        torch.testing.assert_close(h, x + g * y, rtol=0.02, atol=0.02)
        q, scale, h = ditune.torch.quantize_s8(x, branch=y, gate=g, branch_norm_weight=w, norm="rms")
        torch.testing.assert_close(h, x + g * F.rms_norm(y, (K,), w, 1e-6), rtol=0.05, atol=0.05)
        assert all(map(torch.equal, (q, scale), ditune.torch.quantize_s8(h, norm="rms")))

    def test_tables_by_image_and_by_index(self) -> None:
        x, s, t = draw(2, 4, K), draw(2, K), draw(2, 1, K)
        by_image = ditune.torch.quantize_s8(x, scale=s, shift=t[:, 0])
        alone = [ditune.torch.quantize_s8(x[i], scale=s[i], shift=t[i, 0]) for i in range(2)]
        assert torch.equal(by_image[0], torch.stack([q for q, _ in alone]))
        assert all(map(torch.equal, by_image, ditune.torch.quantize_s8(x, scale=s, shift=t, rows_per_image=4)))
        index = torch.tensor([[0, 0, 0, 0], [1, 1, 1, 1]], dtype=torch.int32)
        assert all(map(torch.equal, by_image, ditune.torch.quantize_s8(x, scale=s, shift=t, index=index)))

    def test_chunks_of_one_modulation(self) -> None:
        x, m = draw(2, 4, K), draw(2, 6 * K)
        shift, scale, *_ = m.chunk(6, dim=-1)
        made = ditune.torch.quantize_s8(x, norm="layer", scale=scale, shift=shift)
        wanted = ditune.torch.quantize_s8(x, norm="layer", scale=scale.contiguous(), shift=shift.contiguous())
        assert all(map(torch.equal, made, wanted))

    def test_activations_and_two_buffers(self) -> None:
        x, x2 = draw(M, K), draw(M, 2 * K)
        assert_near(dequantized(ditune.torch.quantize_s8(x, act="gelu_tanh")), F.gelu(x.float(), approximate="tanh"))
        gate, up = x2.float().chunk(2, -1)
        assert_near(dequantized(ditune.torch.quantize_s8(x2, act="swiglu")), F.silu(gate) * up)
        made = dequantized(ditune.torch.quantize_s8(x, x2=x2, act="swiglu"))
        assert_near(made, torch.cat([x.float(), F.silu(gate) * up], -1))

    @pytest.mark.parametrize("group", [16, 64])
    def test_rotation(self, group: int) -> None:
        x = draw(M, 2 * K)
        wanted = (x.float().view(M, -1, group) @ hadamard(group)).flatten(-2)
        assert_near(dequantized(ditune.torch.quantize_s8(x, rotate=group)), wanted)

    def test_static_scale_and_no_quantization(self) -> None:
        x, scale = draw(M, K), torch.tensor([0.02])
        q, given = ditune.torch.quantize_s8(x, static_scale=scale)
        assert given is scale
        assert torch.equal(q, (x.float() * (1 / scale)).clamp(-127, 127).round().to(torch.int8))
        h, none = ditune.torch.quantize_s8(x, norm="rms", out_dtype=BF16)
        assert h.dtype == BF16 and none.numel() == 0
        torch.testing.assert_close(h, F.rms_norm(x, (K,), None, 1e-6), rtol=0.01, atol=0.01)


class TestGemm:
    def test_scales_bias_and_dtypes(self) -> None:
        (w, sw), (x, _) = weights(), weights(M)
        sx, sums = torch.rand(M), x.double() @ w.double().T
        for dtype in (BF16, torch.float16, torch.float32):
            for bias in (None, draw(N), draw(N, dtype=torch.float32)):
                made = ditune.torch.gemm_s8(x, w, sx, sw[:, None], bias, out_dtype=dtype)
                wanted = sums * sx[:, None] * sw + (0 if bias is None else bias)
                torch.testing.assert_close(made, wanted.to(dtype), rtol=1e-2, atol=1e-3)
        one = torch.tensor(0.5)
        made = ditune.torch.gemm_s8(x, w, one, one, out_dtype=torch.float32)
        assert torch.equal(made, (sums / 4).float())
        assert torch.equal(ditune.torch.gemm_s8(x, w, None, None, out_dtype=torch.int32), sums.int())

    def test_op_from_a_column(self) -> None:
        (w, sw), (x, _), sx = weights(), weights(M), torch.rand(M) / 100
        plain = ditune.torch.gemm_s8(x, w, sx, sw, out_dtype=torch.float32)
        made = ditune.torch.gemm_s8(x, w, sx, sw, op="silu", from_column=16, out_dtype=torch.float32)
        assert torch.equal(made[:, :16], plain[:, :16])
        torch.testing.assert_close(made[:, 16:], F.silu(plain[:, 16:]))
        made = ditune.torch.gemm_s8(x, w, sx, sw, op="swiglu", out_dtype=torch.float32)
        torch.testing.assert_close(made, F.silu(plain[:, ::2]) * plain[:, 1::2])

    def test_residual_and_gates(self) -> None:
        (w, sw), sx = weights(), torch.rand(2, 3) / 100
        x, r, g = torch.randint(-127, 128, (2, 3, K), dtype=torch.int8), draw(2, 3, N), draw(2, 1, N)
        plain = ditune.torch.gemm_s8(x, w, sx, sw, out_dtype=torch.float32)
        made = ditune.torch.gemm_s8(x, w, sx, sw, residual=r, gate=g)
        torch.testing.assert_close(made, (r.float() + g.float() * plain).bfloat16(), rtol=0.01, atol=0.01)
        index = torch.tensor([0, 0, 0, 1, 1, 1], dtype=torch.int32)
        assert torch.equal(made, ditune.torch.gemm_s8(x, w, sx, sw, residual=r, gate=g, gate_index=index))
        assert torch.equal(made[0], ditune.torch.gemm_s8(x[0], w, sx[0], sw, residual=r[0], gate=g[0]))

    def test_out_may_be_the_residual(self) -> None:
        (w, sw), (x, _), sx, r = weights(), weights(M), torch.rand(M) / 100, draw(M, N)
        wanted = ditune.torch.gemm_s8(x, w, sx, sw, residual=r)
        version = r._version
        assert ditune.torch.gemm_s8(x, w, sx, sw, residual=r, out=r) is r
        assert torch.equal(r, wanted) and r._version > version
        packed = torch.zeros(M, 3 * N, dtype=BF16)
        ditune.torch.gemm_s8(x, w, sx, sw, out=packed[:, N : 2 * N])
        assert torch.equal(packed[:, N : 2 * N], ditune.torch.gemm_s8(x, w, sx, sw)) and not packed[:, :N].any()


class TestLinear:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"rotate": 16},
            {"norm": "rms", "norm_weight": draw(K), "scale": draw(K)},
            {"act": "silu", "smooth": draw(K), "op": "gelu_erf"},
            {"static_scale": torch.tensor([0.05])},
            {"residual": draw(2, 3, N), "gate": draw(2, N)},
            {"out_dtype": torch.float32},
        ],
    )
    def test_is_both_operations(self, options: dict[str, Any]) -> None:
        x, (w, sw), bias = draw(2, 3, K), weights(), draw(N)
        behind = {key: options[key] for key in ("op", "residual", "gate", "out_dtype") if key in options}
        q, scale = ditune.torch.quantize_s8(x, **{key: options[key] for key in options if key not in behind})
        wanted = ditune.torch.gemm_s8(q, w, scale, sw, bias, **{"out_dtype": BF16, **behind})
        assert torch.equal(ditune.torch.linear(x, w, sw, bias, **options), wanted)
        with torch.no_grad():  # which leaves out the dispatcher
            assert torch.equal(ditune.torch.linear(x, w, sw, bias, **options), wanted)

    def test_no_rows(self) -> None:
        w, sw = weights()
        assert ditune.torch.linear(draw(0, K), w, sw).shape == (0, N)
        assert ditune.torch.quantize_s8(draw(2, 0, K))[1].shape == (2, 0)
        assert ditune.torch.linear(draw(2, 0, K), w, sw, residual=draw(2, 0, N)).shape == (2, 0, N)
        per_image: dict[str, Any] = {"scale": draw(0, 1, K), "residual": draw(0, 2, N), "gate": draw(0, 1, N)}
        assert ditune.torch.linear(draw(0, 2, K), w, sw, **per_image).shape == (0, 2, N)

    def test_views(self) -> None:
        """Rows of a packed tensor, rows too near to be read as they are, columns apart, and addresses that are odd."""
        w, sw = weights()
        packed = draw(2, 5, 3 * K)
        for x in (
            packed[..., K : 2 * K],
            packed[:, 1:3, :K],
            packed[..., 3 : K + 3],
            packed[..., ::3],
            packed.transpose(0, 1)[..., :K],
            draw(K).expand(3, K),
            draw(3 * K + 1)[1:].view(3, K),
        ):
            assert torch.equal(ditune.torch.linear(x, w, sw), ditune.torch.linear(x.contiguous().clone(), w, sw))
            assert torch.equal(ditune.torch.quantize_s8(x)[0], ditune.torch.quantize_s8(x.contiguous().clone())[0])
        wide, bias = torch.randint(-127, 128, (N, K + 3), dtype=torch.int8), draw(N + 1)
        wanted = ditune.torch.linear(packed[..., :K], wide[:, 1 : K + 1].contiguous(), sw, bias[1:].clone())
        assert torch.equal(ditune.torch.linear(packed[..., :K], wide[:, 1 : K + 1], sw, bias[1:]), wanted)


W, SW = weights()
RELU: Any = "relu"
INDEX = torch.tensor([0, 1, 0, 2, 0, 0], dtype=torch.int32)


def overlapping(options: Callable[[Tensor, Tensor], dict[str, Any]]) -> None:
    """Two matrices of which one begins in the other."""
    memory = draw(2 * N, N)
    ditune.torch.gemm_s8(W, W, SW, SW, **options(memory[:N], memory[8 : N + 8]))


REFUSED: list[tuple[str, Any]] = [
    ("x is int8 [6, 64] on cpu (give bfloat16", lambda: ditune.torch.linear(W[:M], W, SW)),
    ("weight is bfloat16 [48, 64] on cpu (give int8", lambda: ditune.torch.linear(draw(M, K), draw(N, K), SW)),
    ("weight is int8 [48, 64] on cpu (give int8 [N, 32]", lambda: ditune.torch.linear(draw(M, 32), W, SW)),
    ("K = 0 is out of range", lambda: ditune.torch.linear(draw(M, 0), W[:, :0], SW)),
    ("weight_scale is float32 [47]", lambda: ditune.torch.linear(draw(M, K), W, SW[1:])),
    ("weight_scale is bfloat16 [48]", lambda: ditune.torch.linear(draw(M, K), W, SW.bfloat16())),
    ("bias is bfloat16 [47]", lambda: ditune.torch.linear(draw(M, K), W, SW, draw(N - 1))),
    ("weight is int8 [48, 64] on meta (give it on cpu", lambda: ditune.torch.linear(draw(M, K), W.to("meta"), SW)),
    ("quantize_s8 has no act='relu' (give none, gelu_tanh", lambda: ditune.torch.linear(draw(M, K), W, SW, act=RELU)),
    ("gemm_s8 has no op='relu'", lambda: ditune.torch.linear(draw(M, K), W, SW, op=RELU)),
    ("rotate = 32 is no Hadamard group", lambda: ditune.torch.linear(draw(M, K), W, SW, rotate=32)),
    ("K = 48 is no multiple of rotate=64", lambda: ditune.torch.quantize_s8(draw(M, 48), rotate=64)),
    ("norm_weight is bfloat16 [48]", lambda: ditune.torch.quantize_s8(draw(M, K), norm="rms", norm_weight=draw(48))),
    (
        "norm_weight is float64 [64] on cpu (give bfloat16 or float32)",
        lambda: ditune.torch.quantize_s8(draw(M, K), norm="rms", norm_weight=draw(K, dtype=torch.float64)),
    ),
    ("norm_weight and norm_bias go with a norm", lambda: ditune.torch.quantize_s8(draw(M, K), norm_weight=draw(K))),
    ("norm_bias goes with", lambda: ditune.torch.quantize_s8(draw(M, K), norm="layer", norm_bias=draw(K))),
    ("norm with x2", lambda: ditune.torch.quantize_s8(draw(M, K), norm="rms", x2=draw(M, K), act="silu")),
    ("branch with act='swiglu'", lambda: ditune.torch.quantize_s8(draw(M, K), branch=draw(M, K), act="swiglu")),
    ("scale with act='swiglu'", lambda: ditune.torch.linear(draw(M, 2 * K), W, SW, scale=draw(K), act="swiglu")),
    ("head=16 with rotate=16", lambda: ditune.torch.quantize_s8(draw(M, K), norm="rms_head", head=16, rotate=16)),
    ("shift goes with a scale", lambda: ditune.torch.quantize_s8(draw(M, K), shift=draw(K))),
    ("branch is bfloat16 [5, 64]", lambda: ditune.torch.quantize_s8(draw(M, K), branch=draw(5, K))),
    ("gate and branch_norm_weight go with", lambda: ditune.torch.quantize_s8(draw(M, K), gate=draw(K))),  # type: ignore[call-overload]
    ("6 rows of x are no multiple of 4", lambda: ditune.torch.quantize_s8(draw(M, K), scale=draw(4, K))),
    ("index is int64 [6]", lambda: ditune.torch.quantize_s8(draw(M, K), scale=draw(4, K), index=torch.zeros(M).long())),
    ("residual is bfloat16 [6, 64]", lambda: ditune.torch.linear(draw(M, K), W, SW, residual=draw(M, K))),
    (
        "residual is float32 [] on cpu (give [6, 48])",
        lambda: ditune.torch.gemm_s8(W[:M], W, SW[:M], SW, residual=torch.tensor(1.0)),
    ),
    ("x2 is bfloat16 [] on cpu", lambda: ditune.torch.quantize_s8(draw(K), x2=draw(1)[0], act="silu")),
    ("x2 is bfloat16 [] on cpu", lambda: ditune.torch.linear(draw(K), W, SW, x2=draw(1)[0], act="silu")),
    ("gate goes with a residual", lambda: ditune.torch.linear(draw(M, K), W, SW, gate=draw(N))),
    ("gate is float32 [48]", lambda: ditune.torch.linear(draw(M, K), W, SW, residual=draw(M, N), gate=SW)),
    ("x_scale is left out", lambda: ditune.torch.gemm_s8(W, W, None, SW)),
    ("weight_scale with out_dtype=torch.int32", lambda: ditune.torch.gemm_s8(W, W, None, SW, out_dtype=torch.int32)),
    (
        "op with out_dtype=torch.int32",
        lambda: ditune.torch.gemm_s8(W, W, None, None, op="silu", out_dtype=torch.int32),
    ),
    (
        "residual with out_dtype=torch.int32",
        lambda: ditune.torch.gemm_s8(W, W, None, None, residual=draw(N, N), out_dtype=torch.int32),
    ),
    ("out_dtype is torch.int32 (give", lambda: ditune.torch.linear(draw(M, K), W, SW, out_dtype=torch.int32)),
    ("an even number of rows", lambda: ditune.torch.linear(draw(M, K), W[1:], SW[1:], op="swiglu")),
    ("from_column=48 and 48 columns", lambda: ditune.torch.linear(draw(M, K), W, SW, op="silu", from_column=48)),
    ("from_column=-1 and 48 columns", lambda: ditune.torch.linear(draw(M, K), W, SW, op="silu", from_column=-1)),
    ("from_column=8 with op='none'", lambda: ditune.torch.linear(draw(M, K), W, SW, from_column=8)),
    ("out and residual overlap", lambda: overlapping(lambda out, other: {"out": out, "residual": other})),
    ("out and bias overlap", lambda: overlapping(lambda out, other: {"out": out, "bias": other[0]})),
    (
        "gate_index[3] = 2 is out of range",
        lambda: ditune.torch.linear(draw(M, K), W, SW, residual=draw(M, N), gate=draw(2, N), gate_index=INDEX),
    ),
    ("out is bfloat16 [48, 47]", lambda: ditune.torch.gemm_s8(W, W, SW, SW, out=draw(N, N - 1))),
    ("with strides (49, 1)", lambda: ditune.torch.gemm_s8(W, W, SW, SW, out=draw(N, N + 1)[:, :N])),
    (
        "out is bfloat16 [48, 48] on cpu (give it at a multiple of 16",
        lambda: ditune.torch.gemm_s8(W, W, SW, SW, out=draw(N * N + 1)[1:].view(N, N)),
    ),
    ("rotate=0 is no Hadamard group", lambda: ditune.torch.linear(draw(M, K), W, SW, rotate=0)),
    (
        "rows_per_image with index",
        lambda: ditune.torch.quantize_s8(draw(M, K), scale=draw(3, K), index=INDEX, rows_per_image=2),
    ),
    (
        "gate_index goes with a gate, and without rows_per_gate",
        lambda: ditune.torch.linear(
            draw(M, K), W, SW, residual=draw(M, N), gate=draw(3, N), gate_index=INDEX, rows_per_gate=2
        ),
    ),
    ("x is float32 [] on cpu (give it of one dimension or more", lambda: ditune.torch.linear(torch.tensor(1.0), W, SW)),
    ("scale is float32 [3] on cpu (give float32 [48, 1]", lambda: ditune.torch.dequantize_weight(W, SW[:3])),
    ("weight is bfloat16 [6, 64] on cpu (give int8", lambda: ditune.torch.dequantize_weight(draw(M, K), SW)),
    ("smooth is float32 [4] on cpu", lambda: ditune.torch.dequantize_weight(W, SW, smooth=torch.ones(4))),
    ("out_dtype is torch.int64", lambda: ditune.torch.gemm_s8(W, W, SW, SW, out_dtype=torch.int64)),
    ("static_scale is float64 [1]", lambda: ditune.torch.quantize_s8(draw(M, K), static_scale=torch.ones(1).double())),
]


@pytest.mark.parametrize(("message", "call"), REFUSED, ids=[message for message, _ in REFUSED])
def test_refused_by_name(message: str, call: Any) -> None:
    with pytest.raises(UsageError) as error:
        call()
    text = str(error.value)
    assert message in text and "\n" not in text and text.endswith(")")


def test_negative_views_are_what_they_stand_for() -> None:
    x = torch.randn(3, K)
    weight, scale = ditune.torch.quantize_weight(torch.randn(N, K))
    negative = torch._neg_view(x)
    assert torch.equal(ditune.torch.linear(negative, weight, scale), ditune.torch.linear(-x, weight, scale))
