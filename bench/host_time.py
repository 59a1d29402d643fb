#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Host time of ditune.torch in eager mode: Python's part of a call, with launches that do nothing. Needs no GPU.

PYTHONPATH=python DITUNE_LIBRARY=build/dev/runtime/libditune.so python3 bench/host_time.py
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from typing import Any

import ditune.torch
import torch
from ditune._library import Kernel
from ditune.torch import _devices
from ditune.torch._calls import Call

WIDTH = 4608


def launch_nothing(call: Call) -> None:
    """A call into C with the arguments of a launch."""
    function: Any = ctypes.CDLL(None).getppid
    function.argtypes, function.restype = (Kernel, ctypes.c_void_p, ctypes.c_void_p), ctypes.c_int
    kernel, reference = Kernel(), call.reference

    def launch() -> int:
        function(kernel, reference, 1)
        return 0

    call.launch = launch


def microseconds(call: Callable[[], object], calls: int = 2000, repeats: int = 15) -> float:
    """The best of several times, which is the least disturbed."""
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        for _ in range(calls):
            call()
        best = min(best, time.perf_counter() - began)
    return best / calls * 1e6


def main() -> None:
    _devices.prepare = launch_nothing
    x = torch.randn(1, WIDTH, dtype=torch.bfloat16)
    layer = ditune.torch.Int8Linear(WIDTH, WIDTH, rotate=256, dtype=torch.bfloat16)
    weights = (layer.weight, layer.weight_scale, layer.bias)
    q, scale = ditune.torch.quantize_s8(x)
    rows: dict[str, Callable[[], object]] = {
        "linear": lambda: ditune.torch.linear(x, *weights, rotate=256),
        "linear, norm, modulation, gated residual": lambda: ditune.torch.linear(
            x, *weights, norm="rms", norm_weight=x[0], scale=x[0], rotate=256, residual=x, gate=x[0]
        ),
        "Int8Linear": lambda: layer(x),
        "quantize_s8": lambda: ditune.torch.quantize_s8(x, rotate=256),
        "gemm_s8": lambda: ditune.torch.gemm_s8(q, *weights[:1], scale, *weights[1:]),
    }
    with torch.no_grad():
        for name, call in rows.items():
            print(f"{name:42} {microseconds(call):5.1f} us")
    print(f"{'linear with gradients enabled':42} {microseconds(rows['linear']):5.1f} us")


if __name__ == "__main__":
    main()
