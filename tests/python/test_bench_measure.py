# SPDX-License-Identifier: Apache-2.0
"""What ditune.bench measures: a latent, errors, tuning, and what a GPU has, with another in its place."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
import torch
from bench_models import SMALL
from ditune.bench import nvml
from ditune.bench.clock import Clock
from ditune.bench.compare import denoise, psnr, relative
from ditune.bench.measure import Options, bench
from ditune.bench.models import build, draw_inputs

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("name", ["z-image", "flux1-dev", "wan-14b"])
def test_denoising_goes_from_noise_to_the_image(name: str) -> None:
    """Where the image is at hand: a model that knows it gives the direction from wherever it is."""
    model = SMALL[name]
    one: Any = build(model, device=torch.device("cpu"))
    inputs = draw_inputs(model, one.config, model.size, torch.device("cpu"))
    given = inputs[model.latent]
    noise = given[0] if isinstance(given, list) else given
    image, times = torch.randn(noise.shape), []

    def step(**inputs: Any) -> Any:
        times.append(float(inputs[model.time].flatten()[0]))
        made = model.direction * (noise.float() - image)
        return ([made] if isinstance(given, list) else made,)

    made = denoise(model, step, inputs, model.size, 4)
    torch.testing.assert_close(made[0] if isinstance(made, list) else made, image, atol=1e-5, rtol=1e-5)
    scale = 1000 if name == "wan-14b" else 1
    assert [time / scale for time in times] == ([0, 0.25, 0.5, 0.75] if name == "z-image" else [1, 0.75, 0.5, 0.25])


def test_psnr_is_of_the_range() -> None:
    wanted = torch.tensor([-1.0, 1.0])
    assert psnr(wanted + 0.02, wanted) == pytest.approx(40)
    assert psnr(wanted, wanted) == math.inf
    assert relative(1.5 * wanted, wanted) == pytest.approx(0.5)


def test_tuning_is_asked_for_the_models_of_ditune(monkeypatch: pytest.MonkeyPatch) -> None:
    budgets: list[float | None] = []
    monkeypatch.setattr("ditune.torch.tune", lambda model, inputs, time_budget: budgets.append(time_budget))
    options = Options(routes=("bf16", "comfy-kitchen", "quantize", "fuse"), device="cpu", rounds=1, steps=0, tune=5)
    found = bench(SMALL["flux1-dev"], options)
    assert budgets == [5, 5]
    assert [row.tune_s is not None for row in found.rows] == [False, False, True, True]


class FakeNvml:
    """ctypes' view of a GPU that takes 300 W."""

    def __init__(self, counts: bool = True) -> None:
        self.counts, self.began = counts, time.perf_counter()

    def nvmlInit_v2(self) -> int:
        return 0

    def nvmlDeviceGetHandleByUUID(self, uuid: bytes, device: Any) -> int:
        return 0 if uuid == b"GPU-here" else 6

    def nvmlSystemGetDriverVersion(self, text: Any, size: int) -> int:
        text.value = b"580.1"
        return 0

    def nvmlDeviceGetTotalEnergyConsumption(self, device: Any, millijoules: Any) -> int:
        millijoules._obj.value = int(300_000 * (time.perf_counter() - self.began))
        return 0 if self.counts else 3


def test_energy_of_steps_without_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda name: FakeNvml())
    clock = Clock(torch.device("cpu"))
    clock.nvml = nvml.opened("GPU-here")
    assert clock.nvml is not None
    assert clock.nvml.driver() == "580.1"
    steps: list[int] = []

    def step() -> None:
        steps.append(1)
        time.sleep(0.02)

    found = clock.sustained(step, step_ms=20, seconds=0.1)
    assert found is not None
    assert len(steps) == 5
    assert found.ms >= 20
    assert found.watts == pytest.approx(300, rel=0.05)


def test_without_nvml_or_its_count_there_are_no_watts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert nvml.opened("GPU-here") is None  # the CPU's machine
    monkeypatch.setattr("ctypes.CDLL", lambda name: FakeNvml(counts=False))
    assert nvml.opened("GPU-there") is None
    clock = Clock(torch.device("cpu"))
    clock.nvml = nvml.opened("GPU-here")
    assert clock.sustained(lambda: None, step_ms=1, seconds=0.01) is None
