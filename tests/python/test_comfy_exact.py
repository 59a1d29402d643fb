# SPDX-License-Identifier: Apache-2.0
"""How exact comfy-kitchen's operations on ditune are."""

from __future__ import annotations

from typing import Any

import comfy_kitchen as ck
import pytest
import torch
from comfy_kitchen.registry import registry
from comfy_layers import DTYPES, PRODUCERS, K, M, N, calls, eager, error, exact, hadamard, layer, random, rms_norm


@pytest.mark.parametrize("residual", [False, True], ids=["", "residual"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("producer", PRODUCERS.values(), ids=PRODUCERS)
def test_int8_linear_is_as_close_to_float64_as_the_eager_backend(
    producer: dict[str, Any], dtype: torch.dtype, residual: bool
) -> None:
    """Both round the rows to int8, which is nearly all of the error, so the ratio is near 1: in float32 they differ by
    rounding ties alone. In bf16 and f16 eager rounds between the steps, too, which makes ditune up to 18 % better;
    chance makes it 0.7 % worse once, hence the 1 %."""
    options = layer(dtype, group=producer.get("convrot_groupsize", 0)) | producer
    x = random(2, M, K * (2 if producer.get("input_act") == "swiglu" else 1), dtype=dtype)
    if producer.get("input_act") == "rms_norm":
        options["input_act_weight"] = random(K, dtype=dtype, seed=3)
    if residual:
        options |= {"residual": random(2, M, N, dtype=dtype, seed=4), "residual_scale": random(N, dtype=dtype, seed=5)}
    reference = exact(x, options)
    with calls() as names:
        y = ck.int8_linear(x, **options)
    assert names == ["int8_linear"]
    assert y.dtype == dtype and y.shape == (2, M, N)
    theirs = error(eager(ck.int8_linear, x, **options), reference)
    assert error(y, reference) <= 1.01 * theirs, (error(y, reference), theirs)
    assert error(y, reference) < 0.02


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_int8_linear_takes_scalar_scales_and_no_bias(per_channel: bool, bias: bool) -> None:
    options = layer(torch.bfloat16, per_channel=per_channel)
    options["bias"] = options["bias"] if bias else None
    x = random(M, K, dtype=torch.bfloat16)
    with calls() as names:
        y = ck.int8_linear(x, **options)
    assert names
    assert error(y, exact(x, options)) <= 1.01 * error(eager(ck.int8_linear, x, **options), exact(x, options))


def test_int8_linear_takes_views() -> None:
    options = layer(torch.bfloat16)
    x = random(K, M, dtype=torch.bfloat16).T
    weight = options["weight"].T.contiguous().T
    assert torch.equal(ck.int8_linear(x, **(options | {"weight": weight})), ck.int8_linear(x.contiguous(), **options))


@pytest.mark.parametrize("rms", [True, False])
@pytest.mark.parametrize("convrot", [True, False])
def test_modulated_linears_are_as_close_to_float64_as_the_eager_backend(rms: bool, convrot: bool) -> None:
    dtype = torch.bfloat16
    options = layer(dtype, group=256 if convrot else 0)
    x, norm, scale = random(1, M, K, dtype=dtype), random(K, dtype=dtype, seed=3), random(1, 1, K, dtype=dtype, seed=4)
    arguments = options | {"convrot": convrot}
    if rms:
        function, arguments = ck.int8_linear_rms_modulated, arguments | {"norm_weight": norm, "norm_eps": 1e-6}
    else:
        function = ck.int8_linear_modulated
    rows = rms_norm(x, norm) if rms else x.double()
    reference = exact(rows * (1 + scale.double()), options | {"convrot": convrot, "convrot_groupsize": 256})
    with calls() as names:
        y = function(x, modulation_scale=scale, **arguments)
    assert names == [function.__name__]
    assert error(y, reference) <= 1.01 * error(eager(function, x, modulation_scale=scale, **arguments), reference)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_quantize_int8_rowwise_is_off_by_one_at_most(dtype: torch.dtype) -> None:
    """eager divides by the scale, ditune multiplies by 127 / absmax, which differs at ties alone in float32. In bf16
    and f16 eager rounds its scale and the quotient to that type, which moves a value by up to 127 * 2^-8 = 0.5 steps
    (bf16), so that it is off by one more often. Scales agree."""
    x = random(2, M, K, dtype=dtype)
    with calls() as names:
        q, scale = ck.quantize_int8_rowwise(x)
    assert names == ["quantize_int8_rowwise"]
    q_eager, scale_eager = eager(ck.quantize_int8_rowwise, x)
    assert q.dtype == torch.int8 and q.shape == x.shape
    assert torch.equal(scale, scale_eager) and scale.shape == (2, M, 1)
    off = (q.int() - q_eager.int()).abs()
    assert off.max() <= 1
    assert off.float().mean() < {torch.float32: 1e-4, torch.float16: 0.05, torch.bfloat16: 0.25}[dtype]
    ideal = (x.double() / (x.double().abs().amax(-1, keepdim=True) / 127)).round()
    assert (q.double() - ideal).abs().max() <= 1
    assert (q.double() != ideal).double().mean() < 1e-3  # ties, which a short significand of x makes


def test_a_row_of_zeros_has_the_scale_0() -> None:
    q, scale = ck.quantize_int8_rowwise(torch.zeros(2, K))
    assert not q.any() and not scale.any()


@pytest.mark.parametrize("group", [16, 64, 256])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_quantize_int8_convrot_weight(dtype: torch.dtype, group: int) -> None:
    weight = random(N, K, dtype=dtype)
    with calls() as names:
        q, scale = torch.ops.comfy_kitchen.quantize_int8_convrot_weight(weight, group)
    assert names == ["quantize_int8_convrot_weight"]
    assert scale.shape == (N, 1)
    reference = weight.double()
    back = torch.ops.comfy_kitchen.dequantize_int8_convrot_weight(q, scale, group)
    quantized = eager(torch.ops.comfy_kitchen.quantize_int8_convrot_weight, weight, group)
    theirs = torch.ops.comfy_kitchen.dequantize_int8_convrot_weight(*quantized, group)
    assert error(back, reference) <= 1.01 * error(theirs, reference)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_rotate_int8_convrot_weight(dtype: torch.dtype) -> None:
    weight = random(N, K, dtype=dtype)
    with calls() as names:
        kwargs = {"weight": weight, "group_size": 256}
        rotated = registry.get_implementation("rotate_int8_convrot_weight", kwargs=kwargs)(**kwargs)
    assert names == ["rotate_int8_convrot_weight"]
    assert rotated.dtype == dtype
    assert error(rotated, hadamard(weight, 256)) < 2**-9  # rounded once


def test_rotating_float32_alone_goes_to_the_next_backend() -> None:
    kwargs = {"weight": random(N, K), "group_size": 256}
    assert registry.get_capable_backend("rotate_int8_convrot_weight", kwargs) == "eager"
