# SPDX-License-Identifier: Apache-2.0
"""Joined layers and sums, which fused blocks are made of."""

from __future__ import annotations

import re
from typing import Any

import ditune.torch
import pytest
import torch
import torch.nn.functional as F
from diffusers.models.normalization import RMSNorm
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
        ([{"device": "meta"}, {"device": "meta"}], "weights are on meta"),
        ([{}, {"device": "meta"}], "on cpu and meta"),
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


def test_sums_of_norms_without_weights() -> None:
    x, y, gate = torch.randn(3, WIDTH), torch.randn(3, WIDTH), torch.randn(WIDTH)
    norm = nn.RMSNorm(WIDTH, elementwise_affine=False)
    torch.testing.assert_close(Sum(x, y, gate, norm).value(), x + gate * norm(y))
    torch.testing.assert_close(Sum(x, y, None, norm).value(), x + norm(y))


LAYER_NORM, RMS_NORM = (f"{each.__module__}.{each.__name__}" for each in (nn.LayerNorm, RMSNorm))


@pytest.mark.parametrize(
    ("norm", "why"),
    [
        (nn.LayerNorm(WIDTH), f"the norm of a sum is {LAYER_NORM} with a bias (only RMSNorm"),
        (nn.LayerNorm(WIDTH, bias=False), f"the norm of a sum is {LAYER_NORM} (only RMSNorm"),
        (RMSNorm(WIDTH, eps=1e-6, bias=True), f"the norm of a sum is {RMS_NORM} with a bias (only RMSNorm"),
        (nn.BatchNorm1d(WIDTH), "BatchNorm1d is no norm that can be fused"),
    ],
)
def test_sums_of_other_norms_are_refused(norm: nn.Module, why: str) -> None:
    x, layer = torch.randn(3, WIDTH), join([Int8Linear.from_float(nn.Linear(WIDTH, 64))])[0]
    sum = Sum(x, x, None, norm)
    for compute in (sum.value, lambda: layer(sum)):
        with pytest.raises(UsageError, match=re.escape(why)):
            compute()


def test_a_sum_has_the_eps_of_the_norm_behind_it() -> None:
    x, layer = torch.randn(3, WIDTH), join([Int8Linear.from_float(nn.Linear(WIDTH, 64))])[0]
    sum = Sum(x, x, None, nn.RMSNorm(WIDTH, 1e-2))
    with pytest.raises(UsageError, match=r"the norm of a Sum has eps=0.01 and the one behind it eps=1e-06, but both"):
        layer(sum, norm=nn.RMSNorm(WIDTH, 1e-6))
    for other in (nn.RMSNorm(WIDTH, 1e-2), None):
        torch.testing.assert_close(layer(sum, norm=other)[0], sum.value())
    assert torch.equal(layer(Sum(x, x), norm=nn.LayerNorm(WIDTH))[0], x + x)


def test_what_a_layer_does_not_take_is_refused() -> None:
    x, layer = torch.randn(3, WIDTH), join([Int8Linear.from_float(nn.Linear(WIDTH, WIDTH))])[0]
    for options in ({"residual": x}, {"gate": x[0]}, {"out_dtype": torch.bfloat16}):
        with pytest.raises(UsageError, match=rf"^{next(iter(options))} with a Sum \(give its value\(\), or leave"):
            layer(Sum(x, x), **options)
    with pytest.raises(UsageError, match=r"^gate goes with a residual \(give residual, or leave gate out\)$"):
        layer(x, gate=x[0])
    half = x[0].to(torch.bfloat16)
    assert torch.equal(layer(x, residual=x, gate=half), layer(x, residual=x, gate=half.float()))


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
    no_json = {"up.0.comfy_quant": torch.tensor(list(b"{"))}
    with pytest.raises(UsageError, match=r"^comfy_quant of up.0 cannot be read: .* \(write the checkpoint anew\)$"):
        part._load_from_state_dict(no_json, "up.0.", {}, True, [], [], [])
