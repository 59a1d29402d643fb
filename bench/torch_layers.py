#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Layers of ditune.torch and ditune.comfy on a GPU beside what PyTorch and comfy-kitchen launch, medians in turns.

PYTHONPATH=python DITUNE_LIBRARY=... DITUNE_PROGRAM=... DITUNE_DB=... python3 bench/torch_layers.py [--tune]

Parts: first (import and the first call of a tuned layer), row (one row in a CUDA graph beside bf16) and comfy
(comfy-kitchen's int8_linear of Ideogram 4's four layers by its backends ditune and cuda).
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from ditune import _program
from torch import Tensor
from torch.nn import functional

ROWS = 6144
LAYERS = {"qkv": (13824, 4608), "o": (4608, 4608), "gate_up": (24576, 4608), "down": (4608, 12288)}  # N, K
ROTATE = 256
COPIES = 12  # of a weight, so that a row's GEMM finds none of them in the L2
REST_S = 0.005

Calls = dict[str, Callable[[], object]]


def weight_of(n: int, k: int) -> tuple[Tensor, Tensor]:
    weight = torch.randint(-127, 128, (n, k), dtype=torch.int8, device="cuda")
    return weight, 0.01 * torch.rand(n, device="cuda")


def rows_of(m: int, k: int) -> Tensor:
    return torch.randn(m, k, device="cuda").bfloat16()


def graph_of(call: Callable[[], object], repeats: int) -> torch.cuda.CUDAGraph:
    """Captured once it has run."""
    call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(repeats):
            call()
    return graph


def medians(calls: Calls, repeats: int, rounds: int) -> dict[str, float]:
    """Microseconds of one call among `repeats` in a graph. The graphs take turns, with rests between."""
    graphs = {name: graph_of(call, repeats) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, graph in graphs.items():
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
            start.record()
            graph.replay()
            end.record()
            torch.cuda.synchronize()
            if number:  # the first round is to warm up
                times[name].append(1000 * start.elapsed_time(end) / repeats)
            time.sleep(REST_S)
    return {name: statistics.median(its) for name, its in times.items()}


# ---- Parts


def first_call() -> None:
    """In a process that has called nothing yet."""
    began = time.perf_counter()
    ops = importlib.import_module("ditune.torch")
    print(f"import ditune.torch, beyond torch: {time.perf_counter() - began:.3f} s")
    n, k = LAYERS["o"]
    x, (weight, scale) = rows_of(ROWS, k), weight_of(n, k)
    torch.cuda.synchronize()
    for name in ("first", "second"):
        began = time.perf_counter()
        ops.linear(x, weight, scale)
        torch.cuda.synchronize()
        print(f"{name} call of linear {ROWS}x{n}x{k}: {1000 * (time.perf_counter() - began):.2f} ms")


def one_row(rounds: int) -> None:
    ops = importlib.import_module("ditune.torch")
    n, k = LAYERS["o"]
    x = rows_of(1, k)
    floats = [rows_of(n, k) for _ in range(COPIES)]
    ints = [weight_of(n, k) for _ in range(COPIES)]
    took = medians(
        {
            "bf16": lambda: [functional.linear(x, weight) for weight in floats],
            "ditune": lambda: [ops.linear(x, *weight) for weight in ints],
        },
        4,
        rounds,
    )
    bf16, ours = (took[name] / COPIES for name in ("bf16", "ditune"))
    print(f"linear 1x{n}x{k} in a graph: {ours:.2f} us, bf16 {bf16:.2f} us, {ours / bf16:.3f}")


def comfy_layers(rounds: int) -> None:
    kitchen = importlib.import_module("comfy_kitchen")
    importlib.import_module("ditune.comfy")

    def by_cuda(*arguments: Any, **options: Any) -> object:
        with kitchen.use_backend("cuda"):
            return kitchen.int8_linear(*arguments, **options)

    print(f"comfy_kitchen.int8_linear, {ROWS} rows, us\n{'LAYER':24} {'':8} {'DITUNE':>8} {'CUDA':>8} {'RATIO':>6}")
    for name, (n, k) in LAYERS.items():
        weight, scale = weight_of(n, k)
        arguments = rows_of(ROWS, k), weight, scale.unsqueeze(-1)
        for kind, options in {"plain": {}, "ConvRot": {"convrot": True, "convrot_groupsize": ROTATE}}.items():
            both = {"ditune": kitchen.int8_linear, "cuda": by_cuda}
            took = medians({name: partial(call, *arguments, **options) for name, call in both.items()}, 8, rounds)
            ratio = took["ditune"] / took["cuda"]
            print(f"{f'{name} {n}x{k}':24} {kind:8} {took['ditune']:8.1f} {took['cuda']:8.1f} {ratio:6.3f}")


# ---- Operations


def operations(parts: Iterable[str]) -> list[str]:
    n, k = LAYERS["o"]
    wanted: list[str] = []
    if "first" in parts:
        wanted += [f"quantize_s8:m={ROWS},k={k}", f"gemm_s8:m={ROWS},n={n},k={k}"]
    if "row" in parts:
        wanted += [f"quantize_s8:m=1,k={k}", f"gemm_s8:m=1,n={n},k={k}"]
    if "comfy" in parts:
        for n, k in LAYERS.values():
            wanted += [f"gemm_s8:m={ROWS},n={n},k={k}"]
            wanted += [f"quantize_s8:m={ROWS},k={k}{rotate}" for rotate in ("", f",rotate={ROTATE}")]
    return list(dict.fromkeys(wanted))


def tune(parts: Iterable[str]) -> None:
    options = [word for operation in operations(parts) for word in ("--operation", operation)]
    subprocess.run([_program.program_file(), "tune", *options], check=True)


PARTS: dict[str, Callable[[int], None]] = {
    "first": lambda _: first_call(),
    "row": one_row,
    "comfy": comfy_layers,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Layers from Python beside what PyTorch and comfy-kitchen launch.")
    add = parser.add_argument
    add("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    add("--rounds", type=int, default=20)
    add("--tune", action="store_true", help="their operations first, which are not in the database yet")
    options = parser.parse_args()
    if options.tune:
        tune(options.parts)
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    with torch.no_grad():
        for part in PARTS:
            if part in options.parts:
                PARTS[part](options.rounds)


if __name__ == "__main__":
    main()
