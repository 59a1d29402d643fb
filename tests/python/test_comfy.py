# SPDX-License-Identifier: Apache-2.0
"""The backend of comfy-kitchen, under the real comfy-kitchen: what it takes, and what it leaves."""

from __future__ import annotations

from typing import Any

import comfy_kitchen as ck
import ditune.comfy
import pytest
import torch
from comfy_kitchen.registry import BackendRegistry, registry
from comfy_layers import K, M, N, calls, eager, error, layer, random, rms_norm
from ditune.errors import UsageError

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
