# SPDX-License-Identifier: Apache-2.0
"""Time, memory and energy of a step on a device. On the CPU there is time alone."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch

import ditune
from ditune.bench import nvml


class Sample(NamedTuple):
    ms: float
    host_ms: float | None  # until the call returns; the GPU may still be at work


class Sustained(NamedTuple):
    """Of steps without a pause."""

    ms: float
    watts: float


class Clock:
    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.cuda = device.type == "cuda"
        self.nvml = nvml.opened(f"GPU-{torch.cuda.get_device_properties(device).uuid}") if self.cuda else None

    def wait(self) -> None:
        if self.cuda:
            torch.cuda.synchronize(self.device)

    def seconds(self, step: Callable[[], object]) -> float:
        self.wait()
        began = time.perf_counter()
        step()
        self.wait()
        return time.perf_counter() - began

    def sample(self, step: Callable[[], object]) -> Sample:
        if not self.cuda:
            return Sample(1000 * self.seconds(step), None)
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        self.wait()
        began = time.perf_counter()
        start.record()
        step()
        end.record()
        host = time.perf_counter() - began
        self.wait()
        return Sample(start.elapsed_time(end), 1000 * host)

    def sustained(self, step: Callable[[], object], step_ms: float, seconds: float) -> Sustained | None:
        """None where nothing tells the energy."""
        if self.nvml is None:
            return None
        steps = max(2, math.ceil(1000 * seconds / step_ms))
        self.wait()
        try:
            joules, began = self.nvml.joules(), time.perf_counter()
            for _ in range(steps):
                step()
            self.wait()
            joules, took = self.nvml.joules() - joules, time.perf_counter() - began
        except OSError:  # a GPU that does not count
            return None
        return Sustained(1000 * took / steps, joules / took)

    def matches(self, operations: Iterable[str]) -> Counter[str] | None:
        """How the records of ditune answer these operations on this GPU."""
        if not self.cuda:
            return None
        gpu = torch.cuda.get_device_properties(self.device)
        runtime, arch = ditune.runtime(), 10 * gpu.major + gpu.minor
        return Counter(
            runtime.lookup(each, gpu=gpu.name, arch=arch, sms=gpu.multi_processor_count).match for each in operations
        )

    # ---- memory, in bytes

    def allocated(self) -> int:
        return torch.cuda.memory_allocated(self.device) if self.cuda else 0

    def begin_peak(self) -> None:
        if self.cuda:
            torch.cuda.reset_peak_memory_stats(self.device)

    def peak(self) -> int:
        return torch.cuda.max_memory_allocated(self.device) if self.cuda else 0

    def free(self) -> int:
        """What this process could still allocate."""
        if not self.cuda:
            return 1 << 62
        kept = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
        return torch.cuda.mem_get_info(self.device)[0] + kept
