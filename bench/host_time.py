#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Host time of ditune.torch in eager mode. Needs no GPU: without --device cuda it is Python's part of a call, with
launches that do nothing. On a GPU it stands beside PyTorch's own calls, and launches are timed by themselves, too.

PYTHONPATH=python DITUNE_LIBRARY=build/dev/runtime/libditune.so python3 bench/host_time.py [--device cuda]
"""

from __future__ import annotations

import argparse
import ctypes
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import ditune.torch
import torch
from ditune._library import Kernel
from ditune.torch import _devices
from ditune.torch._calls import Call
from torch.nn import functional

WIDTH = 4608
ROTATE = 256

Calls = dict[str, Callable[[], object]]


def launch_nothing(call: Call) -> None:
    """A call into C with the arguments of a launch."""
    function: Any = ctypes.CDLL(None).getppid
    function.argtypes, function.restype = (Kernel, ctypes.c_void_p, ctypes.c_void_p), ctypes.c_int
    kernel, reference = Kernel(), call.reference

    def launch() -> int:
        function(kernel, reference, 1)
        return 0

    call.launch = launch


def microseconds(call: Callable[[], object], wait: Callable[[], None], calls: int = 500, repeats: int = 15) -> float:
    """The best of several times, which is the least disturbed. A GPU is never so far behind that its queue is full."""
    best = float("inf")
    for _ in range(repeats):
        wait()
        began = time.perf_counter()
        for _ in range(calls):
            call()
        best = min(best, time.perf_counter() - began)
    return best / calls * 1e6


def layer_calls(x: torch.Tensor) -> Calls:
    layer = ditune.torch.Int8Linear(WIDTH, WIDTH, rotate=ROTATE, dtype=x.dtype, device=x.device)
    weight, scales, bias = layer.weight, layer.weight_scale, layer.bias
    q, scale = ditune.torch.quantize_s8(x, rotate=ROTATE)
    fused: dict[str, Any] = {
        "norm": "rms",
        "norm_weight": x[0],
        "scale": x[0],
        "rotate": ROTATE,
        "residual": x,
        "gate": x[0],
    }
    return {
        "linear": lambda: ditune.torch.linear(x, weight, scales, bias, rotate=ROTATE),
        "linear, norm, modulation, gated residual": lambda: ditune.torch.linear(x, weight, scales, bias, **fused),
        "Int8Linear": lambda: layer(x),
        "quantize_s8": lambda: ditune.torch.quantize_s8(x, rotate=ROTATE),
        "gemm_s8": lambda: ditune.torch.gemm_s8(q, weight, scale, scales, bias),
    }


def _launch(call: Call, _: object) -> None:
    call.launch()


def launches(calls: Calls) -> Calls:
    """The launches of calls that were prepared here, alone, into the memory of the last call."""
    alone: Calls = {}
    for name in ("quantize_s8", "gemm_s8"):
        with mock.patch.object(Call, "run", autospec=True, side_effect=Call.run) as run:
            kept = calls[name]()
        call: Call = run.call_args.args[0]
        alone[f"launch of {name}"] = partial(_launch, call, kept)
    return alone


def peers(x: torch.Tensor) -> Calls:
    weight = torch.randn(WIDTH, WIDTH, dtype=x.dtype, device=x.device)
    bias = torch.randn(WIDTH, dtype=x.dtype, device=x.device)
    return {
        "F.linear": lambda: functional.linear(x, weight, bias),
        "x.mul": lambda: x.mul(2),
        "torch.empty": lambda: torch.empty((1, WIDTH), dtype=x.dtype, device=x.device),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Host time of ditune.torch in eager mode.")
    parser.add_argument("--device", default="cpu", help="cuda: with real launches, beside PyTorch's calls (cpu)")
    device = torch.device(parser.parse_args().device)
    x = torch.randn(1, WIDTH, dtype=torch.bfloat16, device=device)
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    if device.type == "cpu":
        _devices.prepare = launch_nothing
    with torch.no_grad():
        calls = layer_calls(x)
        for call in calls.values():
            call()
        calls |= (peers(x) | launches(calls)) if device.type == "cuda" else {}
        for name, call in calls.items():
            print(f"{name:42} {microseconds(call, wait):5.1f} us")
    print(f"{'linear with gradients enabled':42} {microseconds(calls['linear'], wait):5.1f} us")


if __name__ == "__main__":
    main()
