# SPDX-License-Identifier: Apache-2.0
"""ditune.bench on a GPU, with small models: `pytest tests/python/gpu_bench.py`."""

from __future__ import annotations

import pytest
import torch
from bench_models import SMALL
from ditune.bench.clock import Clock
from ditune.bench.measure import Options, bench
from ditune.bench.routes import ROUTES

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]


@pytest.mark.parametrize("name", SMALL)
def test_every_route_that_is_there_is_measured(name: str) -> None:
    device = torch.device("cuda")
    # Small layers are not what torchao and comfy-kitchen take. Z-Image and Qwen-Image ask the GPU in a step.
    routes = tuple(route for route in ROUTES if "torchao" not in route and "comfy" not in route)
    found = bench(SMALL[name], Options(routes=routes, rounds=2, steps=1, sustained=0.2, kernels=True))
    for row in found.rows:
        if row.name == "fuse-graph" and row.reason:
            continue
        assert row.reason is None, row.name
        assert all(sample.ms > 0 and sample.host_ms for sample in row.samples)
        assert row.kernels and sum(kernel.ms for kernel in row.kernels) < 2 * row.median()
        assert row.peak_bytes
        assert row.error is not None
        assert row.error < 0.1
        assert (row.sustained is None) == (Clock(device).nvml is None)
        assert bool(row.operations) == ROUTES[row.name].tunes


def test_a_graph_gives_what_eager_gives() -> None:
    found = bench(SMALL["ideogram4"], Options(routes=("fuse", "fuse-graph"), rounds=1, steps=3, sustained=0))
    eager, graph = found.rows
    assert graph.reason is None
    assert (graph.error, graph.psnr_db) == (eager.error, eager.psnr_db)
