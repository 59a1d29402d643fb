# SPDX-License-Identifier: Apache-2.0
"""ditune.torch on several GPUs of a machine at once: `pytest tests/python/torch/gpu_several.py`."""

from __future__ import annotations

import copy
import pathlib
import threading
from typing import Any

import accelerate
import pytest
import torch
from ditune.bench.routes import bytes_of
from ditune.diffusers import Int8Config
from ditune.torch import Int8Linear, fuse_, quantize_
from fuse_models import CASES, blocks_of, output, randomize
from tensors import BF16, K, N, draw
from torch import Tensor, nn

GPUS = torch.cuda.device_count()

pytestmark = pytest.mark.skipif(GPUS < 2, reason="there are no two GPUs")


def test_threads_that_have_a_gpu_each() -> None:
    layer = Int8Linear.from_float(nn.Linear(K, N, dtype=BF16), rotate=64, op="silu")
    inputs = [draw(rows, K) for rows in (1, 17, 64, 129)]
    wanted = [layer(x) for x in inputs]
    wrong: list[str] = []

    def serve(gpu: int) -> None:
        here = copy.deepcopy(layer).to(f"cuda:{gpu}")
        with torch.inference_mode(), torch.cuda.stream(torch.cuda.Stream(gpu)):  # type: ignore[no-untyped-call]
            for turn in range(100):
                i = (turn + gpu) % len(inputs)
                if not torch.equal(here(inputs[i].to(f"cuda:{gpu}")).cpu(), wanted[i]):
                    wrong.append(f"cuda:{gpu}, {len(inputs[i])} rows")

    threads = [threading.Thread(target=serve, args=(i % GPUS,)) for i in range(2 * GPUS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("rows", [1, 33])
def test_one_thread_that_takes_turns(rows: int) -> None:
    """Split-K has a workspace of each device and stream."""
    layer = Int8Linear.from_float(nn.Linear(4096, 64, dtype=BF16))
    there = [copy.deepcopy(layer).to(f"cuda:{gpu}") for gpu in range(GPUS)]
    for _ in range(3):
        x = draw(rows, 4096)
        made = [each(x.to(each.weight.device)) for each in there]
        wanted = layer(x)
        assert all(torch.equal(each.cpu(), wanted) for each in made)


def moved(value: Any, device: str) -> Any:
    if isinstance(value, list):
        return [moved(each, device) for each in value]
    return value.to(device) if isinstance(value, Tensor) else value


def places_of(model: nn.Module) -> dict[str, int]:
    """Each list of blocks over all GPUs, the rest on the first."""
    places = dict.fromkeys((name for name, _ in model.named_parameters(recurse=False)), 0)
    for name, child in model.named_children():
        names = [f"{name}.{i}" for i in range(len(child))] if isinstance(child, nn.ModuleList) else [name]
        places |= {each: i % GPUS for i, each in enumerate(names)}
    return places


def gpus_of(model: nn.Module) -> set[int | None]:
    return {parameter.device.index for parameter in model.parameters()}


@pytest.mark.parametrize("is_fused_first", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_a_fused_model_over_all_of_them(name: str, is_fused_first: bool) -> None:
    case = CASES[name]
    model = randomize(case.build()).to(BF16)
    inputs = {key: moved(value, "cuda:0") for key, value in case.inputs(2).items()}
    alone = fuse_(quantize_(copy.deepcopy(model), device="cuda:0")).to("cuda:0")
    if is_fused_first:
        fuse_(model)
    accelerate.dispatch_model(model, places_of(model))
    fuse_(model)
    assert len(gpus_of(model)) == GPUS and all(block._runs_fused() for block in blocks_of(model))
    assert len(blocks_of(model)) == len(blocks_of(alone)) > 0
    for _ in range(2):
        assert torch.equal(output(model, inputs, BF16), output(alone, inputs, BF16))
    assert bytes_of(model) == bytes_of(alone)


def test_a_checkpoint_is_loaded_over_all_of_them(tmp_path: pathlib.Path) -> None:
    model: Any = randomize(CASES["flux"].build()).to(BF16)
    model.save_pretrained(tmp_path)
    inputs = {key: moved(value, "cuda:0") for key, value in CASES["flux"].inputs(2).items()}
    sharded = type(model).from_pretrained(
        tmp_path, quantization_config=Int8Config(), torch_dtype=BF16, device_map=places_of(model)
    )
    alone = fuse_(quantize_(model.to("cuda:0")))
    assert len(gpus_of(sharded)) > 1
    assert all(block._runs_fused() for block in blocks_of(fuse_(sharded))) and blocks_of(sharded)
    assert torch.equal(output(sharded, inputs, BF16), output(alone, inputs, BF16))
