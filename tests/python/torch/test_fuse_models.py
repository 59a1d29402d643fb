# SPDX-License-Identifier: Apache-2.0
"""Each model of diffusers that is fused, against its float self and against quantize_ alone."""

from __future__ import annotations

import copy
import csv
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import ditune.torch
import pytest
import torch
from ditune.torch import fuse_, quantize_
from ditune.torch._calls import Call
from ditune.torch.fuse import Block
from ditune.torch.fuse.block import adapter_of
from ditune.torch.fuse.norms import FusedNorm
from ditune.torch.fuse.sources import classes_of, source_hash
from fuse_models import CASES, converted, output, randomize, relative
from helpers import ROOT
from torch import nn

Built = tuple[str, nn.Module]


@pytest.fixture(scope="module", params=CASES)
def built(request: pytest.FixtureRequest) -> Built:
    torch.manual_seed(0)
    return request.param, randomize(CASES[request.param].build())


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(1)


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """By kind, how many."""
    counts: Counter[str] = Counter()
    run = Call.run

    def counted(call: Call) -> None:
        counts[call.operation().partition(":")[0]] += 1
        run(call)

    monkeypatch.setattr(Call, "run", counted)
    yield counts


def fused_blocks(model: nn.Module) -> list[Block]:
    return [module for module in model.modules() if isinstance(module, Block)]


def test_source_is_the_one_that_was_tried(built: Built) -> None:
    _, model = built
    tried = 0
    for block in model.modules():
        if adapter := adapter_of(block):
            tried += 1
            assert source_hash(classes_of(block, adapter.reads)) in adapter.sources, type(block)
    assert tried


@pytest.mark.parametrize(
    ("dtype", "batch", "rotate"),
    [(torch.float32, 1, 1), (torch.float32, 2, 64), (torch.bfloat16, 1, 64), (torch.bfloat16, 2, 1)],
)
def test_error_is_that_of_quantize(built: Built, dtype: torch.dtype, batch: int, rotate: int) -> None:
    name, model = built
    inputs = [CASES[name].inputs(batch) for _ in range(3)]
    for each in inputs:  # the same in both dtypes
        each.update({key: converted(converted(x, torch.bfloat16), torch.float32) for key, x in each.items()})
    quantized = quantize_(copy.deepcopy(model).to(dtype), rotate=rotate)
    fused = fuse_(copy.deepcopy(quantized))
    wanted = torch.stack([output(model, each) for each in inputs])
    alone, together = (
        relative(torch.stack([output(made, each, dtype) for each in inputs]), wanted) for made in (quantized, fused)
    )
    print(f"{name}: {alone:.5f} {together:.5f} {together / alone:.3f}")
    assert together <= 1.05 * alone and alone < 0.05


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_launches(built: Built, dtype: torch.dtype, launches: Counter[str]) -> None:
    name, model = built
    inputs = CASES[name].inputs(2)
    fused = fuse_(copy.deepcopy(model).to(dtype))
    blocks = {path: len(list(fused.get_submodule(path).children())) for path in CASES[name].launches}
    assert len(fused_blocks(fused)) == sum(blocks.values())
    wanted = sum(blocks[path] * count for path, count in CASES[name].launches.items())
    output(fused, inputs, dtype)
    ends = sum(not block._passes_sums for block in fused_blocks(fused) if block.makes_sums)
    turns = 0
    if dtype == torch.bfloat16:
        turns = sum(blocks[path] * count for path, count in (CASES[name].turns or {}).items())
        turns += sum(isinstance(module, FusedNorm) for module in fused.modules())
    assert launches["gemm_s8"] == wanted and launches["quantize_s8"] == wanted + ends + turns


def tuned(name: str) -> list[dict[str, str]]:
    """The rows of models/models.csv whose producer is known: those of blocks. What embeds and modulates has none."""
    with (ROOT / "models" / "models.csv").open() as file:
        rows = csv.DictReader(line for line in file if line[0] != "#")
        return [row for row in rows if row["model"] == name and row["producer"]]


def test_operations_are_those_that_are_tuned(built: Built) -> None:
    name, model = built
    case = CASES[name]
    if not case.name:
        pytest.skip("a variant of another model")
    wanted = {"gemm_s8:" + row["epilogue"] for row in tuned(case.name) if row["n"] != "0"}
    wanted |= {"quantize_s8:" + row["producer"] for row in tuned(case.name)}
    if any(block.makes_sums for block in fused_blocks(fuse_(copy.deepcopy(model)))):
        wanted.add("quantize_s8:residual=gate_rms,out=bf16")  # behind the last block, where it is no GEMM's producer
    fused = fuse_(copy.deepcopy(model).to(torch.bfloat16))
    for block_name, parameter in fused.named_parameters():
        if name == "wan" and ("norm2" in block_name or "scale_shift_table" in block_name):
            parameter.data = parameter.float()  # as from_pretrained has it
    with ditune.torch.record() as operations:
        output(fused, case.inputs(1), torch.bfloat16)
    assert {without_sizes(each) for each in operations} == {without_sizes(each) for each in wanted}


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.name])
def test_sizes_are_those_that_are_tuned(name: str) -> None:
    """N and K of every site, of the model as diffusers makes it without a config."""
    with torch.device("meta"):
        model = type(CASES[name].build())()
    sizes = set()
    for block in model.modules():
        adapter = adapter_of(block)
        for site in adapter.sites if adapter else ():
            if site.optional:
                continue  # not in this model
            layers: list[Any] = [block.get_submodule(path) for path in site.linears]
            sizes.add((sum(each.out_features for each in layers), layers[0].in_features))
    assert sizes == {(int(row["n"]), int(row["k"])) for row in tuned(CASES[name].name) if row["n"] != "0"}


def without_sizes(operation: str) -> str:
    kind, _, fields = operation.partition(":")
    kept = [field for field in fields.split(",") if field.split("=")[0] not in ("m", "n", "k") and field != "default"]
    return f"{kind}:" + ",".join(re.sub(r"(from|split|head)=\d+", r"\1", field) for field in kept)


def test_state_dict_is_that_of_quantize(built: Built) -> None:
    name, model = built
    inputs = CASES[name].inputs(1)
    quantized = quantize_(copy.deepcopy(model))
    fused = fuse_(copy.deepcopy(quantized))
    saved, wanted = fused.state_dict(), quantized.state_dict()
    assert saved.keys() == wanted.keys() and all(torch.equal(saved[key], wanted[key]) for key in wanted)
    other = fuse_(randomize(CASES[name].build()))
    made = output(fused, inputs)
    assert not torch.equal(output(other, inputs), made)
    other.load_state_dict(wanted)
    assert torch.equal(output(other, inputs), made)
    assert torch.equal(output(copy.deepcopy(fused), inputs), made)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_compiles_without_graph_breaks(built: Built, dtype: torch.dtype) -> None:
    name, model = built
    inputs = CASES[name].inputs(1)
    fused = fuse_(copy.deepcopy(model).to(dtype))
    made = output(fused, inputs, dtype)
    torch._dynamo.reset()
    for block in fused_blocks(fused):
        block.compile(fullgraph=True, backend="eager")
    assert torch.equal(output(fused, inputs, dtype), made)
