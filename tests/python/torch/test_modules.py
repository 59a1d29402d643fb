# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable

import accelerate
import ditune.torch.weights
import pytest
import torch
import torch.nn.functional as F
from ditune.errors import UsageError
from ditune.torch import Int8Linear
from ditune.torch.modules import comfy_quant
from torch import Tensor, nn

K, N = 256, 96


def float_linear(dtype: torch.dtype = torch.bfloat16, bias: bool = True) -> nn.Linear:
    return nn.Linear(K, N, bias, dtype=dtype)


def same(a: Int8Linear, b: Int8Linear, x: Tensor | None = None) -> None:
    x = torch.randn(3, K, dtype=torch.bfloat16) if x is None else x
    assert torch.equal(a(x), b(x)) and a.extra_repr() == b.extra_repr()


def relative(made: Tensor, wanted: Tensor) -> float:
    made, wanted = made.detach().float(), wanted.detach().float()
    return float((made - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("rotate", [1, 16, 64, 256])
@pytest.mark.parametrize("smoothed", [False, True])
def test_from_float(rotate: int, smoothed: bool) -> None:
    linear, x = float_linear(), torch.randn(2, 5, K, dtype=torch.bfloat16)
    x[..., 7] *= 20  # an outlier, which rotation and smoothing are for
    smooth = x.abs().amax((0, 1)).float() ** 0.5 if smoothed else None
    layer = Int8Linear.from_float(linear, rotate=rotate, smooth=smooth)
    assert layer.weight.dtype == torch.int8 and layer.weight_scale.shape == (N, 1)
    assert relative(layer.dequantize(), linear.weight) < 0.015
    assert relative(layer(x), linear(x)) < (0.02 if rotate > 1 or smoothed else 0.05)


def test_weights_are_rounded_to_nearest_of_absmax() -> None:
    linear = float_linear(torch.float32)
    layer = Int8Linear.from_float(linear)
    scale = linear.weight.abs().amax(1, keepdim=True) / 127
    assert torch.equal(layer.weight_scale, scale)
    assert torch.equal(layer.weight, (linear.weight / scale).round().to(torch.int8))
    with torch.no_grad():
        linear.weight[3] = 0
    layer = Int8Linear.from_float(linear)
    assert layer.weight_scale[3] == 0 and not layer.weight[3].any()


def test_rotation_is_that_of_the_operation() -> None:
    """Rotated weights and rotated activations give what neither gives: up to quantization."""
    weight, x = torch.randn(N, K), torch.randn(4, K)
    for group in (16, 64, 256):
        rotated, _ = ditune.torch.quantize_s8(x, rotate=group, out_dtype=torch.float16)
        made = rotated.float() @ ditune.torch.weights.rotate_columns(weight, group).T
        torch.testing.assert_close(made, x @ weight.T, rtol=0.02, atol=0.1)


def test_op_and_more_options() -> None:
    linear, x = float_linear(), torch.randn(3, K, dtype=torch.bfloat16)
    layer = Int8Linear.from_float(linear, op="gelu_tanh", from_column=32)
    plain = linear(x).float()
    wanted = torch.cat([plain[:, :32], F.gelu(plain[:, 32:], approximate="tanh")], -1)
    assert relative(layer(x), wanted) < 0.02
    residual = torch.randn(3, N, dtype=torch.bfloat16)
    assert relative(layer(x, norm="rms", residual=residual), residual + layer(F.rms_norm(x, (K,)))) < 0.02


@pytest.mark.parametrize("shape", [(), (N,), (N, 1)])
def test_from_quantized(shape: tuple[int, ...]) -> None:
    weight, bias = torch.randint(-127, 128, (N, K), dtype=torch.int8), torch.randn(N, dtype=torch.bfloat16)
    scale = torch.rand(shape) / 100
    layer, x = Int8Linear.from_quantized(weight, scale, bias), torch.randn(3, K, dtype=torch.bfloat16)
    assert layer.weight.data_ptr() == weight.data_ptr()
    wanted = F.linear(x.float(), weight.float() * scale.reshape(-1, 1), bias.float())
    assert relative(layer(x), wanted) < 0.02


def test_state_dict_round_trip() -> None:
    layer = Int8Linear.from_float(float_linear(), rotate=64, smooth=torch.rand(K) + 0.5)
    state = layer.state_dict()
    assert sorted(state) == ["bias", "comfy_quant", "smooth", "weight", "weight_scale"]
    config = json.loads(bytes(state["comfy_quant"].tolist()))
    assert config == {"format": "int8_tensorwise", "convrot": True, "convrot_groupsize": 64}
    for assign in (False, True):
        other = Int8Linear(K, N, rotate=64, smooth=True, dtype=torch.bfloat16)
        other.load_state_dict(state, assign=assign)
        same(layer, other)
    on_meta = Int8Linear(K, N, smooth=True, device="meta", dtype=torch.bfloat16)  # the rotation is the checkpoint's
    on_meta.load_state_dict(state, assign=True)
    same(layer, on_meta)


def test_weights_at_odd_addresses_are_copied_once() -> None:
    """As those of a safetensors file are, which lie in the file."""
    layer, odd = Int8Linear.from_float(float_linear()), torch.empty(N * K + 1, dtype=torch.int8)[1:].view(N, K)
    state = {**layer.state_dict(), "weight": odd.copy_(layer.weight)}
    on_meta = Int8Linear(K, N, device="meta", dtype=torch.bfloat16)
    on_meta.load_state_dict(state, assign=True)
    given = Int8Linear.from_quantized(odd, layer.weight_scale, layer.bias)
    for other in (on_meta, given):
        assert other.weight.data_ptr() % 16 == 0
        same(layer, other)


def test_loads_one_scale_and_no_comfy_quant() -> None:
    layer = Int8Linear(K, N, bias=False)
    layer.load_state_dict({"weight": torch.ones(N, K, dtype=torch.int8), "weight_scale": torch.tensor([0.5])})
    assert layer.weight_scale.shape == ()
    torch.testing.assert_close(layer(torch.ones(1, K)), torch.full((1, N), K / 2))
    with pytest.raises(UsageError, match=r"^the layer is of the format 'nvfp4' \(give"):
        layer.load_state_dict({**layer.state_dict(), "comfy_quant": torch.tensor(list(b'{"format": "nvfp4"}'))})
    with pytest.raises(UsageError, match=r"^comfy_quant of up.0 cannot be read: "):
        wrong = {f"up.0.{name}": tensor for name, tensor in layer.state_dict().items()}
        wrong["up.0.comfy_quant"] = torch.tensor(list(b"{"))
        nn.ModuleDict({"up": nn.Sequential(layer)}).load_state_dict(wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"weight": torch.zeros(N, K)}, r"weight is float32 .*int8 \[\d+, \d+\]: load float weights before quantize_"),
        ({"weight": torch.zeros(N, 2 * K, dtype=torch.int8)}, "weight is int8 "),
        ({"weight_scale": torch.ones(3)}, r"weight_scale is float32 \[3\]"),
        ({"comfy_quant": comfy_quant(256)}, "has 64 columns, but is rotated by 256 in the checkpoint"),
    ],
)
def test_a_refused_state_dict_leaves_the_layer(wrong: dict[str, torch.Tensor], message: str) -> None:
    layer, x = Int8Linear.from_float(nn.Linear(64, N), rotate=64), torch.randn(3, 64)
    wanted = layer(x)
    others = Int8Linear.from_float(nn.Linear(64, N), rotate=16).state_dict()
    with pytest.raises(UsageError, match=message):
        layer.load_state_dict({**others, **wrong})
    assert torch.equal(layer(x), wanted)
    layer.load_state_dict({"comfy_quant": others["comfy_quant"]}, strict=False)  # a rotation without its weight
    assert torch.equal(layer(x), wanted)


INT8, SCALE = torch.zeros(N, K, dtype=torch.int8), torch.ones(N)
REFUSED: list[tuple[str, Callable[[], object]]] = [
    (r"smooth is float32 \[4\]", lambda: Int8Linear.from_quantized(INT8, SCALE, smooth=torch.ones(4))),
    ("bias is int32", lambda: Int8Linear.from_quantized(INT8, SCALE, torch.ones(N, dtype=torch.int32))),
    ("has no op='relu'", lambda: Int8Linear.from_quantized(INT8, SCALE, op="relu")),  # type: ignore[arg-type]
    ("from_column=100 and 64 columns", lambda: Int8Linear(64, 64, op="silu", from_column=100)),
    ("dtype is torch.float64", lambda: Int8Linear.from_float(nn.Linear(64, 64).double())),
    ("an even number of rows", lambda: Int8Linear(64, 63, op="swiglu")),
]


@pytest.mark.parametrize(("message", "make"), REFUSED)
def test_refused_when_it_is_made(message: str, make: Callable[[], object]) -> None:
    with pytest.raises(UsageError, match=message):
        make()


def test_conversions_leave_int8_and_scales() -> None:
    layer = Int8Linear.from_float(float_linear(torch.float32), smooth=torch.rand(K) + 0.5)
    assert layer.smooth is not None
    scale, smooth = layer.weight_scale.clone(), layer.smooth.clone()
    for convert in (lambda m: m.to(torch.bfloat16), lambda m: m.half(), lambda m: m.double(), lambda m: m.float()):
        assert convert(layer) is layer  # type: ignore[no-untyped-call]
        assert layer.weight.dtype == torch.int8 and layer.comfy_quant.dtype == torch.uint8
        assert torch.equal(layer.weight_scale, scale) and torch.equal(layer.smooth, smooth)
    layer.type(torch.bfloat16)
    assert layer.weight.dtype == torch.int8 and layer.comfy_quant.dtype == torch.uint8
    assert layer.bias is not None and layer.bias.dtype == torch.bfloat16
    assert layer.to("meta").weight_scale.is_meta


def test_copies_and_pickles() -> None:
    layer = Int8Linear.from_float(float_linear(), rotate=16)
    same(layer, copy.deepcopy(layer))
    same(layer, pickle.loads(pickle.dumps(layer)))


def test_a_device_that_is_given_is_taken_whatever_the_default() -> None:
    linear = float_linear()
    with torch.device("meta"):
        assert Int8Linear(K, N).comfy_quant.is_meta
        layers = (Int8Linear(K, N, rotate=16, device="cpu"), Int8Linear.from_float(linear, rotate=16))
    for layer in layers:
        assert not any(tensor.is_meta for tensor in layer.state_dict().values())
    same(layers[1], Int8Linear.from_float(linear, rotate=16))


def test_compiles_and_autocasts() -> None:
    layer, x = Int8Linear.from_float(float_linear(torch.float32), rotate=16), torch.randn(3, K)
    torch._dynamo.reset()
    with torch.no_grad():
        assert torch.equal(torch.compile(layer, fullgraph=True, backend="aot_eager")(x), layer(x))
        with torch.autocast("cpu", torch.bfloat16):
            assert layer(x).dtype == torch.bfloat16
        assert layer(x).dtype == torch.float32
        assert layer.to("meta")(x.to("meta")).dtype == torch.float32


def test_accelerate_offloads_weights() -> None:
    """It moves parameters alone: what stays on the GPU between calls is a scale for each channel."""
    model = nn.Sequential(Int8Linear.from_float(float_linear(), rotate=16, smooth=torch.rand(K) + 0.5))
    x = torch.randn(3, K, dtype=torch.bfloat16)
    wanted = model(x)
    accelerate.cpu_offload(model, torch.device("cpu"))
    for _ in range(2):
        stays = [name for name, tensor in model[0].state_dict().items() if not tensor.is_meta]
        assert stays == ["weight_scale", "smooth", "comfy_quant"]
        assert torch.equal(model(x), wanted)
    accelerate.hooks.remove_hook_from_submodules(model)
    assert not any(tensor.is_meta for tensor in model.state_dict().values()) and torch.equal(model(x), wanted)


def test_weights_are_parameters_that_are_not_trained() -> None:
    model = nn.Sequential(nn.Linear(K, K), Int8Linear.from_float(float_linear(torch.float32)))
    assert [name for name, each in model.named_parameters() if not each.requires_grad] == ["1.weight", "1.bias"]
    model.requires_grad_(False).train()
    torch.optim.AdamW(model.parameters(), weight_decay=1.0).step()
    with pytest.raises(RuntimeError, match="floating point"):
        model.requires_grad_(True)
    for each in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert isinstance(each[1].weight, nn.Parameter) and not each[1].weight.requires_grad


def test_repr_and_refusals() -> None:
    layer = Int8Linear.from_float(float_linear(bias=False), rotate=64, op="silu")
    assert repr(layer) == f"Int8Linear(in_features={K}, out_features={N}, bias=False, rotate=64, op=silu)"
    with pytest.raises(UsageError, match=r"rotate=64 and 96 columns \(give"):
        Int8Linear.from_float(nn.Linear(96, 8), rotate=64)
    with pytest.raises(UsageError, match=r"weight is float32 \[96, 256\] on cpu \(give int8"):
        Int8Linear.from_quantized(torch.randn(N, K), torch.ones(N))
    with pytest.raises(UsageError, match=r"x is int8 \[2, 256\] on cpu \(give bfloat16"):
        layer(layer.weight[:2])
