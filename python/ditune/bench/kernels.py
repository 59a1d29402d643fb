# SPDX-License-Identifier: Apache-2.0
"""Where a step's time is: its kernels, by PyTorch's profiler."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile


class Kernel(NamedTuple):
    """All launches of one name in a step. On the CPU, an operator without those that it calls."""

    name: str
    launches: int
    ms: float  # of all of them


def kernels_of(step: Callable[[], object], device: torch.device) -> tuple[Kernel, ...]:
    """The longest first. A profiled step takes longer; its kernels hardly do."""
    cuda = device.type == "cuda"
    with profile(activities=[ProfilerActivity.CUDA if cuda else ProfilerActivity.CPU]) as profiler:
        step()
        if cuda:
            torch.cuda.synchronize(device)
    wanted = DeviceType.CUDA if cuda else DeviceType.CPU
    times: dict[str, list[float]] = {}  # microseconds
    for event in profiler.events() or ():
        if event.device_type == wanted and not event.is_user_annotation:
            took = event.time_range.elapsed_us() if cuda else event.self_cpu_time_total
            times.setdefault(event.name, []).append(took)
    kernels = [Kernel(name, len(its), sum(its) / 1000) for name, its in times.items()]
    return tuple(sorted(kernels, key=lambda kernel: -kernel.ms))
