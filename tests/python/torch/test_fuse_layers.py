# SPDX-License-Identifier: Apache-2.0
"""Joined layers and sums, which fused blocks are made of."""

from __future__ import annotations

from typing import Any

import ditune.torch
import pytest
import torch
import torch.nn.functional as F
from ditune.errors import UsageError
from ditune.torch import Int8Linear
from ditune.torch.fuse import Sum
from ditune.torch.fuse.layers import join
from torch import nn

pytestmark = pytest.mark.usefixtures("inference")

WIDTH = 128


def test_joining() -> None:
    layers = [Int8Linear.from_float(nn.Linear(WIDTH, size), rotate=16) for size in (64, 96, 32)]
    layers[1].weight_scale = layers[1].weight_scale.mean()
    joined, parts = join(layers, op="silu", first=1)
    x = torch.randn(3, WIDTH)
    wanted = [layer(x) if i == 0 else F.silu(layer(x)) for i, layer in enumerate(layers)]
    torch.testing.assert_close(joined(x), torch.cat(wanted, -1))
    assert all(torch.equal(part(x), layer(x)) for part, layer in zip(parts, layers, strict=True))
    gate, up = (Int8Linear.from_float(nn.Linear(WIDTH, 64, bias=False)) for _ in range(2))
    joined, parts = join([gate, up], op="swiglu")
    torch.testing.assert_close(joined(x), F.silu(gate(x)) * up(x))
    assert torch.equal(parts[1](x), up(x)) and torch.equal(parts[0].dequantize(), gate.dequantize())
    both = Int8Linear.from_float(nn.Linear(WIDTH, 128))
    joined, parts = join([both], op="swiglu")
    torch.testing.assert_close(joined(x), F.silu(both(x)[:, :64]) * both(x)[:, 64:])
    assert torch.equal(parts[0](x), both(x)) and torch.equal(parts[0].state_dict()["weight"], both.weight)
    other, parts = join([Int8Linear.from_float(nn.Linear(WIDTH, 128))], op="swiglu")
    parts[0].load_state_dict(both.state_dict())
    assert torch.equal(other(x), joined(x))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ([{"rotate": 16}, {}], "another rotation"),
        ([{"smooth": torch.ones(WIDTH)}, {}], "smoothed by other factors"),
        ([{"op": "silu"}, {}], "op=silu of its own"),
        ([{"device": "meta"}, {}], "on meta"),
    ],
)
def test_layers_that_cannot_share_a_quantization(options: list[Any], why: str) -> None:
    layers = [Int8Linear.from_float(nn.Linear(WIDTH, 64), **each) for each in options]
    with pytest.raises(UsageError, match=why):
        join(layers)


def test_only_some_biases_or_sizes() -> None:
    with pytest.raises(UsageError, match="only some have a bias"):
        join([Int8Linear(64, 64), Int8Linear(64, 64, bias=False)])
    with pytest.raises(UsageError, match="not of one size"):
        join([Int8Linear(64, 64), Int8Linear(64, 32)], op="swiglu")
    with pytest.raises(UsageError, match="not of one size"):
        join([Int8Linear(64, 65)], op="swiglu")


def test_smoothed_layers_share_it() -> None:
    smooth = torch.rand(WIDTH) + 0.5
    layers = [Int8Linear.from_float(nn.Linear(WIDTH, 64), smooth=smooth) for _ in range(2)]
    joined, parts = join(layers)
    x = torch.randn(3, WIDTH)
    torch.testing.assert_close(joined(x)[:, 64:], layers[1](x))
    state = parts[0].state_dict()
    parts[0].load_state_dict(state)
    with pytest.raises(RuntimeError, match="smooth is not that of this fused layer"):
        parts[0].load_state_dict({**state, "smooth": smooth})


def test_sums() -> None:
    x, y, gate, norm = (torch.randn(2, 5, WIDTH), torch.randn(2, 5, WIDTH), torch.randn(2, 1, WIDTH), nn.RMSNorm(WIDTH))
    norm.weight.normal_()
    torch.testing.assert_close(Sum(x, y).value(), x + y)
    torch.testing.assert_close(Sum(x, y, gate).value(), x + gate * y)
    torch.testing.assert_close(Sum(x, y, gate, norm).value(), x + gate * norm(y))
    torch.testing.assert_close(Sum(x, y, None, norm) + x, x + norm(y) + x)
    half = torch.bfloat16
    with ditune.torch.record() as operations:
        Sum(x.to(half), y.to(half), gate.to(half)).value()
    assert list(operations) == ["quantize_s8:m=10,k=128,residual=gate,table=image,out=bf16"], "not quantized"
    layer = join([Int8Linear.from_float(nn.Linear(WIDTH, 64), op="none")], op="silu")[0]
    h, made = layer.add(Sum(x, y, gate), norm=norm)
    torch.testing.assert_close(h, x + gate * y)
    assert torch.equal(made, layer(h, norm=norm)) and layer.add(x)[0] is x


def test_state_dict_is_checked() -> None:
    part = join([Int8Linear.from_float(nn.Linear(64, 64), rotate=16)])[1][0]
    state = part.state_dict()
    part.load_state_dict({**state, "weight_scale": torch.tensor(0.5)})
    assert part.weight_scale.eq(0.5).all()
    for name, wrong, why in (
        ("weight", torch.zeros(64, 32, dtype=torch.int8), r"weight is torch.int8 \[64, 32\]"),
        ("weight", torch.zeros(64, 64), "weight is torch.float32"),
        ("comfy_quant", Int8Linear(64, 64).comfy_quant, "rotated otherwise"),
        ("more", torch.zeros(1), "Unexpected"),
    ):
        with pytest.raises(RuntimeError, match=why):
            part.load_state_dict({**state, name: wrong})
    with pytest.raises(RuntimeError, match="Missing"):
        part.load_state_dict({"weight": state["weight"]})
