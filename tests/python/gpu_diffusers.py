# SPDX-License-Identifier: Apache-2.0
"""INT8 models of diffusers on a GPU: `pytest tests/python/gpu_diffusers.py`."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
import tiny
import torch
from diffusers import FluxPipeline, FluxTransformer2DModel, PipelineQuantizationConfig
from ditune.diffusers import Int8Config
from ditune.torch import Int8Linear
from torch import Tensor

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]
DTYPES = [torch.bfloat16, torch.float16, torch.float32]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("pipeline")
    tiny.flux_pipeline().save_pretrained(path)
    return path


def load(path: pathlib.Path, dtype: torch.dtype = torch.bfloat16, device_map: str = "cpu", **options: Any) -> Any:
    config = Int8Config(rotate=64, **options)
    model = FluxTransformer2DModel
    return model.from_pretrained(
        path, subfolder="transformer", torch_dtype=dtype, quantization_config=config, device_map=device_map
    )


def step(model: Any, inputs: dict[str, Any]) -> Tensor:
    with torch.no_grad():
        y: Tensor = model(**inputs)[0]
    return y


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_int8_layer_gives_the_cpus_bits(saved: pathlib.Path, dtype: torch.dtype) -> None:
    """The same weights, also where the GPU quantized them; the float layers between them are torch's."""
    cpu, cuda = load(saved, dtype), load(saved, dtype, "cuda")
    generator = torch.Generator().manual_seed(0)
    for name in tiny.FLUX_QUANTIZED:
        ours, theirs = cuda.get_submodule(name), cpu.get_submodule(name)
        assert isinstance(ours, Int8Linear)
        assert torch.equal(ours.weight.cpu(), theirs.weight)
        assert torch.equal(ours.weight_scale.cpu(), theirs.weight_scale)
        x = torch.randn(3, 37, ours.in_features, generator=generator).to(dtype)
        assert torch.equal(ours(x.cuda()).cpu(), theirs(x)), name


def test_weights_may_be_quantized_on_the_gpu_for_the_cpu(saved: pathlib.Path) -> None:
    ours, theirs = load(saved, device="cuda").state_dict(), load(saved).state_dict()
    assert all(value.device.type == "cpu" and torch.equal(value, theirs[name]) for name, value in ours.items())


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_step_is_close_to_the_cpus(saved: pathlib.Path, dtype: torch.dtype) -> None:
    """The float layers round differently, which moves an int8 value by a step here and there: 0.01 of the result."""
    model = load(saved, dtype)
    expected = step(model, tiny.flux_inputs(dtype)).double()
    y = step(model.to("cuda"), tiny.flux_inputs(dtype, "cuda")).cpu().double()
    assert (y - expected).norm() < 0.01 * expected.norm()


def test_a_step_on_another_stream_and_in_a_graph(saved: pathlib.Path) -> None:
    model, inputs = load(saved).to("cuda"), tiny.flux_inputs(torch.bfloat16, "cuda")
    expected = step(model, inputs)
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        y = step(model, inputs)
    stream.synchronize()
    assert torch.equal(y, expected)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = step(model, inputs)
    graph.replay()
    torch.cuda.synchronize()
    assert torch.equal(y, expected)


@pytest.mark.parametrize("offload", ["enable_model_cpu_offload", "enable_sequential_cpu_offload"])
def test_a_pipeline_that_is_offloaded_makes_the_same_image(saved: pathlib.Path, offload: str) -> None:
    def pipeline() -> Any:
        quantization = PipelineQuantizationConfig(quant_mapping={"transformer": Int8Config()})
        return FluxPipeline.from_pretrained(saved, torch_dtype=torch.bfloat16, quantization_config=quantization)

    expected = tiny.image(pipeline().to("cuda"))
    offloaded = pipeline()
    getattr(offloaded, offload)()
    assert torch.equal(tiny.image(offloaded), expected)
