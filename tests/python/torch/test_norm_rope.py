# SPDX-License-Identifier: Apache-2.0
"""Norm and rotary embedding of heads, in place and before a quantization, on the CPU."""

from __future__ import annotations

from typing import Any

import ditune.torch
import pytest
import torch
import torch.nn.functional as F
from ditune.errors import UsageError
from tensors import BF16, M, draw
from torch import Tensor

HEAD, HEADS = 32, 4


def heads_of(x: Tensor, head: int) -> Tensor:
    return x.view(*x.shape[:-1], -1, head)


def rms(x: Tensor, w: Tensor, eps: float = 1e-6) -> Tensor:
    return F.rms_norm(x.double(), x.shape[-1:], w.double(), eps)


def turned(x: Tensor, angles: Tensor, rope: str) -> Tensor:
    """x [S, heads, head] float64, angles [S, head]."""
    cos, sin = angles.double()[:, None, ::2], angles.double()[:, None, 1::2]
    a, b = x.chunk(2, -1) if rope == "half" else (x[..., ::2], x[..., 1::2])
    pair = [a * cos - b * sin, b * cos + a * sin]
    return torch.cat(pair, -1) if rope == "half" else torch.stack(pair, -1).flatten(-2)


def unit(positions: int, head: int) -> Tensor:
    """Angles."""
    turns = torch.polar(torch.ones(positions, head // 2), torch.randn(positions, head // 2))
    return torch.view_as_real(turns).flatten(1)


@pytest.mark.parametrize("rope", ["half", "pairs"])
@pytest.mark.parametrize("dtype", [BF16, torch.float16])
def test_in_place_in_a_packed_tensor(rope: Any, dtype: torch.dtype) -> None:
    k = 2 * HEADS * HEAD
    qkv, w, angles = draw(2, M, k // 2 * 3, dtype=dtype), draw(k, dtype=dtype), unit(M, HEAD)
    before, version = qkv.clone(), qkv._version
    x = qkv[..., :k]
    options: dict[str, Any] = {"head": HEAD, "norm_weight": w, "rope": rope, "angles": angles, "eps": 1e-5}
    assert ditune.torch.norm_rope_(x, **options) is x and qkv._version > version
    assert torch.equal(qkv[..., k:], before[..., k:])
    for made, old in zip(x, before[..., :k], strict=True):
        heads = rms(heads_of(old, HEAD), torch.ones(HEAD), 1e-5)
        wanted = turned(heads * w.double().view(-1, HEAD), angles, rope).flatten(1)
        torch.testing.assert_close(made.double(), wanted, rtol=0.01, atol=0.01)
    same = ditune.torch.quantize_s8(before[..., :k], norm="rms_head", out_dtype=dtype, **options)[0]
    assert torch.equal(same, x)


def test_each_step_alone() -> None:
    x, w, angles = draw(M, 64), draw(64), unit(M, 16)
    made = ditune.torch.norm_rope_(x.clone(), head=16, norm="none", rope="half", angles=angles)
    wanted = turned(heads_of(x.double(), 16), angles, "half").flatten(1)
    torch.testing.assert_close(made.double(), wanted, rtol=0.01, atol=0.01)
    made = ditune.torch.norm_rope_(x.clone(), norm="rms", norm_weight=w)
    torch.testing.assert_close(made.double(), rms(x, w), rtol=0.01, atol=0.01)
    made = ditune.torch.norm_rope_(x.clone(), head=16)
    wanted = rms(heads_of(x, 16), torch.ones(16)).flatten(1)
    torch.testing.assert_close(made.double(), wanted, rtol=0.01, atol=0.01)


def test_positions_of_several_images() -> None:
    x, angles = draw(2, M, 64), unit(2 * M, 16).view(2, M, 16)
    made = ditune.torch.norm_rope_(x.clone(), head=16, rope="pairs", angles=angles)
    for each, old, its in zip(made, x, angles, strict=True):
        assert torch.equal(each, ditune.torch.norm_rope_(old.clone(), head=16, rope="pairs", angles=its))
    parts = unit(3 * M, 48)[:M, 16:32]
    both = [ditune.torch.norm_rope_(x.clone(), head=16, rope="half", angles=a) for a in (parts, parts.clone())]
    assert torch.equal(*both)


def test_int8_rows() -> None:
    x, angles = draw(M, 64, dtype=torch.float32), unit(M, 16)
    made = ditune.torch.quantize_s8(x, norm="rms_head", head=16, rope="half", angles=angles)
    heads = rms(heads_of(x, 16), torch.ones(16))
    wanted = turned(heads, angles, "half").flatten(1)
    assert (made[0] * made[1][:, None] - wanted).abs().max() < 0.01 * wanted.abs().max()


def test_no_rows() -> None:
    assert ditune.torch.norm_rope_(draw(0, 64), head=16, rope="half", angles=unit(M, 16)).shape == (0, 64)


@pytest.mark.parametrize(
    ("message", "x", "options"),
    [
        (r"x is float32 .* \(give bfloat16 or float16", draw(M, 64, dtype=torch.float32), {"head": 16}),
        (r"x is .* with strides \(1, 6\) \(give rows apart by", draw(64, M).T, {"head": 16}),
        (r"it at a multiple of 16 bytes", draw(M, 72)[:, 1:65], {"head": 16}),
        (r"head=0, norm='rms_head', rope='none' \(give head with", draw(M, 64), {"head": 0}),
        (r"head=16, norm='rms', rope='none' \(give head with", draw(M, 64), {"head": 16, "norm": "rms"}),
        (r"rope='half' without angles \(give both", draw(M, 64), {"head": 16, "rope": "half"}),
        (r"rope='none' with angles \(give both", draw(M, 64), {"head": 16, "angles": unit(M, 16)}),
        (r"angles is float32 \[6, 32\]", draw(M, 64), {"head": 16, "rope": "half", "angles": unit(M, 32)}),
        (r"angles is bfloat16", draw(M, 64), {"head": 16, "rope": "half", "angles": unit(M, 16).bfloat16()}),
        (r"the 6 rows of x are no multiple", draw(M, 64), {"head": 16, "rope": "half", "angles": unit(M + 1, 16)}),
        (r"norm_weight is bfloat16 \[16\]", draw(M, 64), {"head": 16, "norm_weight": draw(16)}),
        (r"quantize_s8 has no rope='turn'", draw(M, 64), {"head": 16, "rope": "turn", "angles": unit(M, 16)}),
        (r"head = 24 is no size of a head", draw(M, 48), {"head": 24}),
    ],
)
def test_refused_by_name(message: str, x: Tensor, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=message):
        ditune.torch.norm_rope_(x, **options)


def test_what_overlaps_is_named() -> None:
    x = draw(M, 64)
    with pytest.raises(UsageError, match=r"x and norm_weight overlap \(give each memory of its own\)"):
        ditune.torch.norm_rope_(x, head=16, norm_weight=x[1])
