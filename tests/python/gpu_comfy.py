# SPDX-License-Identifier: Apache-2.0
"""The backend of comfy-kitchen on a GPU: `pytest tests/python/gpu_comfy.py`."""

from __future__ import annotations

from typing import Any

import comfy_kitchen as ck
import pytest
import torch
from comfy_kitchen.registry import registry
from comfy_layers import DTYPES, PRODUCERS, K, M, N, calls, error, exact, layer, random
from torch import Tensor

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]


def arguments(dtype: torch.dtype, producer: dict[str, Any], residual: bool = True) -> dict[str, Any]:
    """int8_linear's, on the CPU."""
    options = layer(dtype, group=producer.get("convrot_groupsize", 0)) | producer
    options["x"] = random(2, M, K * (2 if producer.get("input_act") == "swiglu" else 1), dtype=dtype)
    if producer.get("input_act") == "rms_norm":
        options["input_act_weight"] = random(K, dtype=dtype, seed=3)
    if residual:
        options |= {"residual": random(2, M, N, dtype=dtype, seed=4), "residual_scale": random(N, dtype=dtype, seed=5)}
    return options


def on(device: str, options: dict[str, Any]) -> dict[str, Any]:
    return {name: value.to(device) if isinstance(value, Tensor) else value for name, value in options.items()}


@pytest.mark.parametrize("residual", [False, True], ids=["", "residual"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("producer", PRODUCERS.values(), ids=PRODUCERS)
def test_int8_linear_gives_the_cpus_bits(producer: dict[str, Any], dtype: torch.dtype, residual: bool) -> None:
    options = arguments(dtype, producer, residual)
    expected = ck.int8_linear(**options)
    with calls() as names:
        y = ck.int8_linear(**on("cuda", options))
    assert names == ["int8_linear"]
    assert torch.equal(y.cpu(), expected)


@pytest.mark.parametrize("producer", PRODUCERS.values(), ids=PRODUCERS)
def test_int8_linear_is_as_close_to_float64_as_the_cuda_backend(producer: dict[str, Any]) -> None:
    """Of both the int8 rows are nearly all of the error; 1 % is chance."""
    if not ck.list_backends()["cuda"]["available"]:
        pytest.skip("comfy-kitchen has no cuda backend here")
    options = arguments(torch.bfloat16, producer)
    reference = exact(options["x"], options)
    y = ck.int8_linear(**on("cuda", options))
    with ck.use_backend("cuda"):
        theirs = ck.int8_linear(**on("cuda", options))
    assert error(y.cpu(), reference) <= 1.01 * error(theirs.cpu(), reference)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_quantizing_gives_the_cpus_bits(dtype: torch.dtype) -> None:
    x = random(2, M, K, dtype=dtype)
    for ours, cpu in zip(ck.quantize_int8_rowwise(x.cuda()), ck.quantize_int8_rowwise(x), strict=True):
        assert torch.equal(ours.cpu(), cpu)
    convrot = torch.ops.comfy_kitchen.quantize_int8_convrot_weight
    for ours, cpu in zip(convrot(x[0].cuda(), 256), convrot(x[0], 256), strict=True):
        assert torch.equal(ours.cpu(), cpu)


def test_is_chosen_before_the_cuda_backend_and_leaves_it_the_rest() -> None:
    options = on("cuda", arguments(torch.bfloat16, {}))
    assert registry.get_capable_backend("int8_linear", options) == "ditune"
    situ = options | {"input_act": "situ", "x": torch.cat([options["x"], options["x"]], -1)}
    assert registry.get_capable_backend("int8_linear", situ) != "ditune"
    assert registry.get_capable_backend("int8_linear", options | {"bias": options["bias"].cpu()}) != "ditune"


def test_runs_on_the_current_stream() -> None:
    options = on("cuda", arguments(torch.bfloat16, {}))
    expected = ck.int8_linear(**options)
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        x = torch.zeros_like(options["x"])
        torch.cuda._sleep(50_000_000)  # type: ignore[no-untyped-call]
        x.copy_(options["x"])  # a launch on another stream would see the zeros
        y = ck.int8_linear(**(options | {"x": x}))
    stream.synchronize()
    assert torch.equal(y, expected)


def test_is_captured_in_a_graph() -> None:
    options = on("cuda", arguments(torch.bfloat16, PRODUCERS["swiglu convrot"]))
    first = ck.int8_linear(**options)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = ck.int8_linear(**options)
    options["x"].mul_(0.5)
    graph.replay()
    torch.cuda.synchronize()
    assert not torch.equal(y, first)
    assert torch.equal(y, ck.int8_linear(**options))
