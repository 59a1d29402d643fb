# SPDX-License-Identifier: Apache-2.0
"""The backend of comfy-kitchen, under the real comfy-kitchen: what it takes, what it leaves, and how exact it is."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import comfy_kitchen as ck
import ditune.comfy
import pytest
import torch
from comfy_kitchen.registry import BackendRegistry, registry
from ditune.errors import DituneError, UsageError
from torch import Tensor

FOLDER = pathlib.Path(__file__).parents[2] / "comfyui" / "ditune" / "__init__.py"
M, N, K = 33, 72, 512
DTYPES = [torch.bfloat16, torch.float16, torch.float32]


@contextlib.contextmanager
def calls() -> Iterator[list[str]]:
    """The operations that run on ditune meanwhile."""
    names: list[str] = []
    patch = pytest.MonkeyPatch()

    def count(name: str, function: Any) -> Any:
        def counted(*args: Any, **kwargs: Any) -> Any:
            names.append(name)
            return function(*args, **kwargs)

        return counted

    for name in ditune.comfy.capabilities():
        patch.setattr(ditune.comfy, name, count(name, getattr(ditune.comfy, name)))
    try:
        yield names
    finally:
        patch.undo()


def random(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0, spread: float = 1.0) -> Tensor:
    return (torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * spread).to(dtype)


def hadamard(x: Tensor, group: int) -> Tensor:
    """Rotated rows in float64, by the matrix itself."""
    h4 = torch.tensor([[1, 1, 1, -1], [1, 1, -1, 1], [1, -1, 1, 1], [-1, 1, 1, 1]], dtype=torch.float64)
    h = h4
    while h.shape[0] < group:
        h = torch.kron(h, h4)
    rotated: Tensor = x.double().reshape(*x.shape[:-1], -1, group) @ (h / group**0.5)
    return rotated.reshape(x.shape)


def layer(dtype: torch.dtype, *, per_channel: bool = True, group: int = 0) -> dict[str, Any]:
    """int8_linear's arguments beside x."""
    weight = random(N, K, seed=1, spread=K**-0.5).double()
    if group:
        weight = hadamard(weight, group)
    scale = weight.abs().amax(dim=1, keepdim=True) / 127 if per_channel else weight.abs().amax() / 127
    quantized = (weight / scale).round().clamp(-127, 127).to(torch.int8)
    bias = random(N, dtype=dtype, seed=2)
    return {"weight": quantized, "weight_scale": scale.float(), "bias": bias, "out_dtype": dtype}


def exact(x: Tensor, options: dict[str, Any]) -> Tensor:
    """int8_linear in float64: nothing is rounded but the weight."""
    y: Tensor
    y, act = x.double(), options.get("input_act")
    if act == "gelu_tanh":
        y = torch.nn.functional.gelu(y, approximate="tanh")
    elif act == "swiglu":
        gate, up = y.chunk(2, dim=-1)
        y = torch.nn.functional.silu(gate) * up
    elif act == "rms_norm":
        y = rms_norm(y, options["input_act_weight"], options["input_act_eps"])
    if options.get("convrot"):
        y = hadamard(y, options["convrot_groupsize"])
    y = y @ (options["weight"].double() * options["weight_scale"].double()).T
    if options.get("bias") is not None:
        y = y + options["bias"].double()
    if options.get("residual") is not None:
        y = options["residual"].double() + options["residual_scale"].double() * y
    return y


def rms_norm(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    return x.double() / (x.double().square().mean(-1, keepdim=True) + eps).sqrt() * weight.double()


def error(y: Tensor, reference: Tensor) -> float:
    return float((y.double() - reference).norm() / reference.norm())


def eager(function: Any, *args: Any, **kwargs: Any) -> Any:
    with ck.use_backend("eager"):
        return function(*args, **kwargs)


# ---- Dispatch ----


def test_is_ahead_of_the_other_backends() -> None:
    assert registry._priority[0] == "ditune"
    assert registry._priority.count("ditune") == 1
    assert ck.list_backends()["ditune"]["available"]
    assert registry._priority[1:] == BackendRegistry()._priority  # their order is as it was


def test_registering_again_changes_nothing() -> None:
    before = list(registry._priority)
    ditune.comfy.register()
    assert registry._priority == before


def test_has_a_function_of_the_registrys_signature_for_each_operation() -> None:
    import inspect

    from comfy_kitchen.backends import eager as theirs

    for name in ditune.comfy.capabilities():
        ours = inspect.signature(getattr(ditune.comfy, name)).parameters
        assert list(inspect.signature(getattr(theirs, name)).parameters) == [p for p in ours if p != "kwargs"] or (
            name == "rotate_int8_convrot_weight"
        )
        assert "kwargs" in ours


def test_calls_of_comfy_kitchen_run_on_ditune() -> None:
    x, options = random(M, K, dtype=torch.bfloat16), layer(torch.bfloat16)
    with calls() as names:
        ck.int8_linear(x, **options)
        ck.quantize_int8_rowwise(x)
        torch.ops.comfy_kitchen.int8_linear(x, options["weight"], options["weight_scale"], None, 2)
    assert names == ["int8_linear", "quantize_int8_rowwise", "int8_linear"]


@pytest.mark.parametrize("convrot", [False, True])
def test_a_quantized_tensor_of_comfy_kitchen_runs_on_ditune(convrot: bool) -> None:
    from comfy_kitchen.tensor import QuantizedTensor

    weight = random(N, K, dtype=torch.bfloat16, spread=K**-0.5)
    x = random(M, K, dtype=torch.bfloat16, seed=1)
    with calls() as names:
        quantized = QuantizedTensor.from_float(weight, "TensorWiseINT8Layout", per_channel=True, convrot=convrot)
        y = torch.nn.functional.linear(x, quantized)
    assert names == ["quantize_int8_convrot_weight" if convrot else "quantize_int8_rowwise", "int8_linear"]
    assert error(y, x.double() @ weight.double().T) < 0.02


def test_a_fused_norm_and_modulation_of_comfy_kitchen_runs_on_ditune() -> None:
    from comfy_kitchen.tensor import QuantizedTensor
    from comfy_kitchen.tensor.int8 import TensorWiseINT8Layout

    weight = QuantizedTensor.from_float(random(N, K, dtype=torch.bfloat16), "TensorWiseINT8Layout", per_channel=True)
    x = random(1, M, K, dtype=torch.bfloat16, seed=1)
    norm, scale = random(K, dtype=torch.bfloat16, seed=2), random(1, 1, K, dtype=torch.bfloat16, seed=3)
    with calls() as names:
        y = TensorWiseINT8Layout.fused_rms_modulated(x, weight, None, norm, 1e-6, scale)
    assert names == ["int8_linear_rms_modulated"]
    rows = rms_norm(x, norm) * (1 + scale.double())
    assert error(y, rows @ weight.dequantize().double().T) < 0.02


# ---- What falls through ----


def fallen(function: Any, *args: Any, **kwargs: Any) -> Any:
    with calls() as names:
        result = function(*args, **kwargs)
    assert not names
    return result


@pytest.mark.parametrize(
    "change",
    [
        {"input_act": "situ"},
        {"convrot": True, "convrot_groupsize": 4},
        {"residual": random(1, N), "residual_scale": random(N)},  # broadcast
        {"residual": random(M, N), "residual_scale": random(M, N)},
    ],
    ids=["situ", "group 4", "residual row", "residual scale for each row"],
)
def test_what_ditune_does_not_take_goes_to_the_next_backend(change: dict[str, Any]) -> None:
    options = layer(torch.float32) | change
    x = random(M, 2 * K if change.get("input_act") else K)
    y = fallen(ck.int8_linear, x, **options)
    assert torch.equal(y, eager(ck.int8_linear, x, **options))


def test_stochastic_rounding_goes_to_the_next_backend() -> None:
    x = random(M, K)
    q, _ = fallen(ck.quantize_int8_rowwise, x, 7)
    assert torch.equal(q, eager(ck.quantize_int8_rowwise, x, 7)[0])


def test_no_rows_are_taken_too() -> None:
    """eager fails on them."""
    assert ck.int8_linear(random(0, K), **layer(torch.float32)).shape == (0, N)
    assert ck.quantize_int8_rowwise(random(0, K))[1].shape == (0, 1)


def test_a_wrong_request_gets_comfy_kitchens_own_error() -> None:
    with pytest.raises(ValueError, match="inner dimensions"):
        fallen(ck.int8_linear, random(M, K + 8), **layer(torch.float32))


def test_weights_of_another_type_are_not_taken() -> None:
    kwargs = {"x": random(M, K), **layer(torch.float32)}
    result = registry.validate_backend_for_call("ditune", "int8_linear", kwargs | {"weight": kwargs["weight"].float()})
    assert result.failed_param == "weight"


def test_the_registry_tells_why() -> None:
    kwargs = {"x": random(M, 2 * K), **layer(torch.float32), "input_act": "situ"}
    result = registry.validate_backend_for_call("ditune", "int8_linear", kwargs)
    assert (result.failed_param, result.failure_reason) == ("input_act", "'situ' is not among ditune's activations")


@pytest.mark.parametrize("value", [torch.zeros(1), 1, 0.5, True, "tanh"])
def test_an_argument_of_a_later_comfy_kitchen_goes_to_a_backend_that_knows_it(value: Any) -> None:
    kwargs = {"x": random(M, K), **layer(torch.float32), "output_act": value}
    assert registry.get_capable_backend("int8_linear", kwargs) == "eager"
    with pytest.raises(UsageError, match="output_act"):
        ditune.comfy.int8_linear(**kwargs)


@pytest.mark.parametrize("value", [None, 0, 0.0, False, "none"])
def test_an_argument_of_a_later_comfy_kitchen_that_asks_for_nothing_is_taken(value: Any) -> None:
    kwargs = {"x": random(M, K), **layer(torch.float32), "output_act": value}
    assert registry.get_capable_backend("int8_linear", kwargs) == "ditune"
    assert ditune.comfy.int8_linear(**kwargs).shape == (M, N)


def test_can_be_turned_off() -> None:
    ck.disable_backend("ditune")
    try:
        fallen(ck.int8_linear, random(M, K), **layer(torch.float32))
    finally:
        ck.enable_backend("ditune")


def test_can_be_left_to_some_devices() -> None:
    try:
        ditune.comfy.register(devices=("cuda",))
        fallen(ck.int8_linear, random(M, K), **layer(torch.float32))
    finally:
        ditune.comfy.register()


# ---- How exact it is ----

PRODUCERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "convrot 256": {"convrot": True, "convrot_groupsize": 256},
    "convrot 64": {"convrot": True, "convrot_groupsize": 64},
    "convrot 16": {"convrot": True, "convrot_groupsize": 16},
    "gelu_tanh": {"input_act": "gelu_tanh"},
    "swiglu": {"input_act": "swiglu"},
    "swiglu convrot": {"input_act": "swiglu", "convrot": True, "convrot_groupsize": 256},
    "rms_norm": {"input_act": "rms_norm", "input_act_eps": 1e-6},
    "rms_norm convrot": {"input_act": "rms_norm", "input_act_eps": 1e-6, "convrot": True, "convrot_groupsize": 256},
    "none": {"input_act": "none"},
}


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


# ---- The folder for custom_nodes ----


def start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, missing: str = ""
) -> tuple[Any, list[str]]:
    """Loads the folder as ComfyUI does, where the module named missing cannot be imported."""
    if missing:
        monkeypatch.setitem(sys.modules, missing, None)
    caplog.set_level(logging.INFO)
    spec = importlib.util.spec_from_file_location("custom_nodes_x_ditune", FOLDER)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, [record.getMessage() for record in caplog.records if record.getMessage().startswith("ditune")]


def test_the_folder_registers_and_says_so(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    module, messages = start(monkeypatch, caplog)
    assert module.NODE_CLASS_MAPPINGS == {}
    assert len(messages) == 1 and "INT8 layers run on ditune" in messages[0]


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("ditune", "not installed (pip install ditune)"),
        ("comfy_kitchen", "comfy-kitchen is not installed"),
        ("ditune.comfy", "pip install -U ditune"),
    ],
)
def test_the_folder_tells_what_is_missing_in_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, missing: str, message: str
) -> None:
    module, messages = start(monkeypatch, caplog, missing)
    assert module.NODE_CLASS_MAPPINGS == {}
    assert len(messages) == 1 and message in messages[0] and "\n" not in messages[0]


def test_the_folder_survives_a_registration_that_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delitem(sys.modules, "ditune.comfy")
    monkeypatch.setattr("ditune._library.library_file", lambda: pathlib.Path("/nowhere/libditune.so"))
    monkeypatch.setattr("ditune._library.library", ditune._library.library.__wrapped__)
    _, messages = start(monkeypatch, caplog)
    assert len(messages) == 1 and "/nowhere/libditune.so cannot be loaded" in messages[0]


def test_an_old_comfy_kitchen_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    old = dataclasses.make_dataclass("FunctionConstraints", ["params"])
    monkeypatch.setattr(ditune.comfy, "FunctionConstraints", old)
    with pytest.raises(DituneError, match="too old"):
        ditune.comfy.register()
