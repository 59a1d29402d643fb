# SPDX-License-Identifier: Apache-2.0
"""ditune.torch on a GPU, compared with the CPU bit by bit: `pytest tests/python/torch/gpu_torch.py`."""

from __future__ import annotations

from typing import Any

import ditune.torch
import pytest
import torch
from ditune.errors import NotPreparedError
from ditune.torch import Int8Linear, fuse_
from fuse_models import HEAD, TOKENS, WIDTH, ideogram4, randomize
from tensors import BF16, K, M, N, draw, weights
from torch import Tensor, nn

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rotated": {"rotate": 64},
    "normed and modulated": {"norm": "layer", "scale": draw(2, K), "shift": draw(2, K), "op": "gelu_tanh"},
    "gated residual": {"act": "silu", "smooth": draw(K), "residual": draw(2, M, N), "gate": draw(2, 1, N)},
    "static scale": {"static_scale": torch.tensor([0.05]), "out_dtype": torch.float32},
}


def on(device: str, options: dict[str, Any]) -> dict[str, Any]:
    return {name: value.to(device) if isinstance(value, Tensor) else value for name, value in options.items()}


def last_device() -> str:
    return f"cuda:{torch.cuda.device_count() - 1}"


@pytest.mark.parametrize("dtype", [BF16, torch.float16, torch.float32], ids=str)
@pytest.mark.parametrize("name", OPTIONS)
def test_linear_gives_the_cpus_bits(name: str, dtype: torch.dtype) -> None:
    options: dict[str, Any] = {
        key: value.to(dtype) if isinstance(value, Tensor) and key != "static_scale" else value
        for key, value in OPTIONS[name].items()
    }
    x, (w, sw), bias = draw(2, M, K, dtype=dtype), weights(), draw(N, dtype=dtype)
    wanted = ditune.torch.linear(x, w, sw, bias, **options)
    device = last_device()  # need not be the current one
    made = ditune.torch.linear(*(each.to(device) for each in (x, w, sw, bias)), **on(device, options))
    assert made.device == torch.device(device) and torch.equal(made.cpu(), wanted)


def test_views_of_packed_tensors() -> None:
    (w, sw), packed = weights(), draw(2, M, 3 * K)
    there, *gpu_weights = packed.cuda(), w.cuda(), sw.cuda()
    for part in (slice(K, 2 * K), slice(3, K + 3)):
        wanted = ditune.torch.linear(packed[..., part], w, sw)
        assert torch.equal(ditune.torch.linear(there[..., part], *gpu_weights).cpu(), wanted)


def test_streams_and_many_sizes() -> None:
    w, sw = weights(256, 256)
    gpu_weights = (w.cuda(), sw.cuda())
    for rows in (1, 2, 33, 129, 1):
        x = draw(rows, 256)
        wanted = ditune.torch.linear(x, w, sw, op="silu")
        there = x.cuda()
        torch.cuda.synchronize()
        with torch.cuda.stream(torch.cuda.Stream()):  # type: ignore[no-untyped-call]
            made = ditune.torch.linear(there, *gpu_weights, op="silu").cpu()
        assert torch.equal(made, wanted)


@pytest.mark.parametrize("rows", [1, 64])
def test_a_graph_captures_what_ran_before(rows: int) -> None:
    layer = Int8Linear.from_float(nn.Linear(1024, 1024, dtype=BF16), rotate=256, device="cuda")
    x = draw(rows, 1024).cuda()
    with torch.no_grad():
        layer(x)
        torch.cuda.synchronize()
        graphs, results = [], []
        for _ in range(2):
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                results.append(layer(x))
            graphs.append(graph)
        for _ in range(3):
            x.copy_(draw(rows, 1024))
            for graph in reversed(graphs):  # the second without the first one's zeroed workspace
                graph.replay()
            wanted = layer(x)
            assert all(torch.equal(made, wanted) for made in results)


@pytest.mark.parametrize("rope", ["half", "pairs"])
@pytest.mark.parametrize("dtype", [BF16, torch.float16], ids=str)
def test_heads_in_place_give_the_cpus_bits(dtype: torch.dtype, rope: Any) -> None:
    qkv, weight, angles = draw(2, 33, 3 * 512, dtype=dtype), draw(1024, dtype=dtype), draw(33, 64, dtype=torch.float32)
    given = {"head": 64, "norm_weight": weight, "rope": rope, "angles": angles}
    wanted, made = qkv.clone(), qkv.cuda()
    ditune.torch.norm_rope_(wanted[..., :1024], **given)
    ditune.torch.norm_rope_(made[..., :1024], **on("cuda", given))
    assert torch.equal(made.cpu(), wanted)


def test_a_fused_block_in_a_graph_reads_its_rotary_embedding() -> None:
    model = fuse_(randomize(ideogram4()).to(BF16), full_attention=True).cuda()
    block: Any = model.get_submodule("layers.2")
    x, condition = draw(1, TOKENS, WIDTH).cuda(), draw(1, 1, 32).cuda()
    rotary = (draw(1, TOKENS, HEAD).cuda(), draw(1, TOKENS, HEAD).cuda())
    with torch.no_grad():
        block(x, None, rotary, condition)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            made = block(x, None, rotary, condition)
        for _ in range(2):
            for each in rotary:
                each.copy_(draw(1, TOKENS, HEAD))
            graph.replay()
            assert torch.equal(made, block(x, None, rotary, condition))


def test_a_capture_of_what_never_ran_is_refused() -> None:
    layer, x = Int8Linear(208, 112, device="cuda"), draw(7, 208).cuda()
    with pytest.raises(NotPreparedError, match="is not prepared"), torch.cuda.graph(torch.cuda.CUDAGraph()):
        layer(x)
    torch.cuda.synchronize()
    assert layer(x).shape == (7, 112)


@pytest.mark.parametrize("mode", ["default", "reduce-overhead"])
def test_compiles(mode: str) -> None:
    torch._dynamo.reset()
    model = nn.Sequential(nn.Linear(K, 4 * K), nn.GELU("tanh"), nn.Linear(4 * K, K)).cuda().bfloat16()
    ditune.torch.quantize_(model, rotate=64)
    compiled = torch.compile(model, fullgraph=True, mode=mode)
    with torch.no_grad():
        for _ in range(3):
            x = draw(5, K).cuda()
            torch.testing.assert_close(compiled(x).clone(), model(x), rtol=0.02, atol=0.02)


def test_quantize_moves_layer_by_layer() -> None:
    model = nn.Sequential(*(nn.Linear(2048, 2048, False, dtype=BF16) for _ in range(16))).cuda()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    ditune.torch.quantize_(model)
    float_bytes = 16 * 2048 * 2048 * 2
    assert torch.cuda.max_memory_allocated() - before < 0.1 * float_bytes + (128 << 20)
    assert torch.cuda.memory_allocated() - before < -0.45 * float_bytes
    on_cpu = nn.Sequential(nn.Linear(256, 256))
    assert ditune.torch.quantize_(on_cpu, device="cuda")[0].weight.is_cuda
