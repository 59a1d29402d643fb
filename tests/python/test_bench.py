# SPDX-License-Identifier: Apache-2.0
"""python -m ditune.bench, on the CPU and with small models: all but CUDA's events, graphs and memory."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pathlib
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from bench_models import SMALL
from ditune.bench import nvml
from ditune.bench.__main__ import main
from ditune.bench.clock import Clock
from ditune.bench.compare import denoise, psnr, relative
from ditune.bench.groups import Group, plan
from ditune.bench.measure import Options, bench
from ditune.bench.models import MODELS, build, draw_inputs
from ditune.bench.routes import ROUTES, bytes_of, sharing_copy, without_masks
from ditune.torch import Int8Linear, fuse_, quantize_
from ditune.torch.fuse import Block
from helpers import ROOT, tune
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Several take longer for models as small as these, where others are at work, too."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def run(*words: str) -> int:
    return main([*words, "--device", "cpu"], SMALL, backend="eager")


def measured(file: pathlib.Path, name: str, *words: str) -> dict[str, Any]:
    assert run(name, "--rounds", "2", "--steps", "2", "--json", str(file), *words) == 0
    found: dict[str, Any] = json.loads(file.read_text())
    return found


@pytest.mark.parametrize("name", MODELS)
def test_every_model_runs_by_every_route_that_a_cpu_has(name: str, tmp_path: pathlib.Path) -> None:
    compiled = ("bf16-compiled",) if name == "ideogram4" else ()  # takes a second
    routes = ("bf16", *compiled, "quantize", "fuse", "fuse-graph")
    found = measured(tmp_path / "out.json", name, "--routes", ",".join(routes))
    rows = {row["name"]: row for row in found["routes"]}
    assert tuple(rows) == routes
    assert "GPU" in rows.pop("fuse-graph")["reason"]
    assert (rows["bf16"]["error"], rows["bf16"]["psnr_db"]) == (0, None)  # equal
    for row in rows.values():
        assert 0 < row["low_quartile_ms"] <= row["median_ms"] <= row["high_quartile_ms"]
        assert len(row["samples_ms"]) == 2
    for route in ("quantize", "fuse"):
        assert 1e-5 < rows[route]["error"] < 0.1
        assert 20 < rows[route]["psnr_db"] < 100
    assert found["baseline"] == (compiled or routes)[0]
    assert rows["fuse"]["ratio"] == rows["fuse"]["median_ms"] / rows[found["baseline"]]["median_ms"]


def test_ditune_report_reads_the_json(tmp_path: pathlib.Path) -> None:
    measured(tmp_path / "step.json", "flux1-dev", "--routes", "bf16,quantize,fuse,fuse-graph")
    tune(tmp_path / "tuning.db", "gemm_s8:m=64,n=1024,k=1024")
    command = [os.environ["DITUNE_PROGRAM"], "report", "--bench", "step.json", "--db", "tuning.db", "-o", "page.html"]
    subprocess.run(command, check=True, cwd=tmp_path)
    page = (tmp_path / "page.html").read_text()
    assert "Measured on the CPU" in page
    for route in ("bf16", "quantize", "fuse"):
        assert f'<td class="short">{route}</td>' in page
    assert "fuse-graph was not run: CUDA graphs need a GPU" in page


def test_the_table_has_a_row_for_every_route(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("flux1-dev", "--routes", "bf16,fuse,fuse-graph", "--rounds", "1", "--steps", "1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("flux1-dev, 128x64: 32 + 16 tokens")
    assert [line.split()[0] for line in lines[2:6]] == ["ROUTE", "bf16", "fuse", "fuse-graph"]
    assert lines[3].split()[3] == "1.000"  # of itself, the baseline where nothing is compiled
    assert lines[3].split()[-1] == "equal"
    assert lines[5].endswith("CUDA graphs need a GPU")
    assert lines[-1] == "RATIO: milliseconds over those of bf16"


def test_a_step_is_told_by_kernel(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = measured(tmp_path / "out.json", "flux1-dev", "--routes", "bf16,fuse", "--kernels")
    for row, its in zip(found["routes"], ("aten::", "ditune::"), strict=True):
        names = [kernel["name"] for kernel in row["kernels"]]
        assert len(names) == len(set(names)) > 5
        assert any(name.startswith(its) for name in names)
        times = [kernel["ms"] for kernel in row["kernels"]]
        assert times == sorted(times, reverse=True) and times[-1] >= 0
    lines = capsys.readouterr().out.splitlines()
    begin = lines.index(next(line for line in lines if line.startswith("fuse: ") and line.endswith(" launches")))
    assert lines[begin + 1].split() == ["MS", "N", "KERNEL"]
    longest = found["routes"][1]["kernels"][0]
    assert lines[begin + 2].split() == [f"{longest['ms']:.3f}", str(longest["launches"]), longest["name"]]


def test_options_reach_the_model_and_the_json(tmp_path: pathlib.Path) -> None:
    words = ("--no-compile", "--layers", "1", "--no-mask", "--text", "8", "--resolution", "32x128", "--steps", "0")
    found = measured(tmp_path / "out.json", "ideogram4", "--routes", "bf16,bf16-compiled,quantize", *words)
    assert [row["name"] for row in found["routes"]] == ["bf16", "quantize"]
    assert (found["format"], found["version"], found["model"]) == ("ditune.bench", 1, "ideogram4")
    assert (found["tokens"], found["text_tokens"]) == (16, 8)
    assert (found["width"], found["height"]) == (32, 128)
    assert (found["options"]["layers"], found["options"]["mask"]) == (1, False)
    assert (found["routes"][1]["psnr_db"], found["routes"][1]["kernels"]) == (None, None)
    whole = measured(tmp_path / "whole.json", "ideogram4", "--routes", "bf16")
    assert found["parameters"] < whole["parameters"]


@pytest.mark.parametrize("name", ["ideogram4", "qwen-image"])
@pytest.mark.parametrize("mask", [True, False])
def test_masks_that_are_all_true_may_be_left_out(name: str, mask: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    masked: set[bool] = set()
    attention = nn.functional.scaled_dot_product_attention

    def seen(query: Any, key: Any, value: Any, attn_mask: Any = None, **options: Any) -> Any:
        masked.add(attn_mask is not None)
        return attention(query, key, value, attn_mask, **options)

    monkeypatch.setattr(nn.functional, "scaled_dot_product_attention", seen)
    bench(SMALL[name], Options(routes=("bf16",), mask=mask, device="cpu", rounds=1, steps=0))
    assert masked == {mask}


def test_a_route_that_fails_is_a_row(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(model: nn.Module) -> nn.Module:
        raise RuntimeError("two\n  lines")

    monkeypatch.setitem(ROUTES, "quantize", dataclasses.replace(ROUTES["quantize"], prepare=fails))
    found = measured(tmp_path / "out.json", "flux1-dev", "--routes", "quantize,bf16")
    assert found["routes"][0] == {"name": "quantize", "reason": "RuntimeError: two"}
    assert found["routes"][1]["median_ms"] > 0
    assert run("flux1-dev", "--routes", "quantize") == 1


def test_a_route_that_fails_later_tells_no_times(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fails(nn.Module):
        calls = 0

        def __init__(self, model: nn.Module) -> None:
            super().__init__()
            self.model = model

        def forward(self, **inputs: Any) -> Any:
            self.calls += 1
            if self.calls == 5:  # the first two, the round that is left out, and one that is not
                raise RuntimeError("late")
            return self.model(**inputs)

    monkeypatch.setitem(ROUTES, "quantize", dataclasses.replace(ROUTES["quantize"], prepare=Fails))
    found = bench(SMALL["flux1-dev"], Options(routes=("quantize", "bf16"), device="cpu", rounds=3, steps=0))
    assert [(len(row.samples), row.reason) for row in found.rows] == [(0, "RuntimeError: late"), (3, None)]


def test_a_package_that_is_missing_is_a_row(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROUTES, "comfy-kitchen", dataclasses.replace(ROUTES["comfy-kitchen"], needs=("no_such", "x")))
    found = measured(tmp_path / "out.json", "flux1-dev", "--routes", "bf16,comfy-kitchen")
    assert found["routes"][1]["reason"] == "x is not installed (pip install x)"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("no-model",), "no-model"),
        (("flux1-dev", "--routes", "bf16,fastest"), "fastest"),
        (("flux1-dev", "--routes", "bf16-compiled", "--no-compile"), "no route"),
        (("flux1-dev", "--resolution", "1024"), "WIDTHxHEIGHT"),
        (("flux1-dev", "--resolution", "1024x1000"), "1024x1000 has no whole tokens"),
        (("flux1-dev", "--rounds", "0"), "--rounds"),
        (("flux1-dev", "--sustained", "nan"), "--sustained"),
        (("flux1-dev", "--no-such"), "--no-such"),
        (("flux1-dev", "--weights", "/no/such"), "/no/such"),
        (("flux1-dev", "--weights", ".", "--layers", "1"), "--layers"),
        (("flux1-dev", "--json", "/no/such/file"), "/no/such/file"),
    ],
)
def test_a_wrong_request_is_one_line(words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("ditune: error: ")
    assert says in lines[-1]


def test_a_model_that_cannot_be_run_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    broken = dataclasses.replace(SMALL["flux1-dev"], time="no_such_argument")
    assert main(["flux1-dev", "--device", "cpu"], {"flux1-dev": broken}) == 3
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ditune: error: ")]
    assert "no_such_argument" in line


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flux1-dev"], SMALL) == 3
    assert "no GPU" in capsys.readouterr().err


# ---- which routes are in memory together


def names(groups: list[Group]) -> list[list[str]]:
    return [[route.name for route in group.routes] for group in groups]


FOUR = [ROUTES[name] for name in ("bf16", "bf16-compiled", "comfy-kitchen", "quantize", "quantize-compiled", "fuse")]


def test_one_group_holds_all_if_they_fit() -> None:
    assert names(plan(FOUR, lambda _: 10, room=30)) == [[route.name for route in FOUR]]


def test_else_each_group_has_the_baseline() -> None:
    assert names(plan(FOUR, lambda _: 10, room=20)) == [
        ["bf16", "bf16-compiled", "comfy-kitchen", "quantize", "quantize-compiled"],
        ["bf16-compiled", "fuse"],
    ]


def test_what_does_not_fit_beside_the_float_model_is_alone() -> None:
    groups = plan(FOUR, lambda _: 10, room=9)
    assert names(groups) == [
        ["bf16", "bf16-compiled"],
        ["comfy-kitchen"],
        ["quantize"],
        ["quantize-compiled"],
        ["fuse"],
    ]
    assert [group.alone for group in groups] == [False, True, True, True, True]


def test_groups_give_what_one_group_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    options = Options(routes=("bf16", "comfy-kitchen", "fuse"), device="cpu", rounds=1, steps=1)
    errors = []
    for room in (1 << 62, 0):
        monkeypatch.setattr(Clock, "free", lambda clock, room=room: room)
        found = bench(SMALL["ideogram4"], options)
        errors.append([(row.error, row.psnr_db) for row in found.rows])
    assert found.groups[1].alone
    assert errors[0] == errors[1]


# ---- models


def test_models_are_the_ones_that_models_csv_names() -> None:
    listed = {line.partition(",")[0] for line in (ROOT / "models" / "models.csv").read_text().splitlines()}
    assert MODELS.keys() - listed == {"wan2.2-5b"}


def test_weights_of_a_folder(tmp_path: pathlib.Path) -> None:
    build(SMALL["flux1-dev"], device=torch.device("cpu")).save_pretrained(tmp_path / "weights")  # type: ignore[operator]
    found = measured(tmp_path / "out.json", "flux1-dev", "--routes", "bf16", "--weights", str(tmp_path / "weights"))
    assert found["options"]["weights"] == "folder"


@pytest.mark.parametrize("name", MODELS)
def test_random_weights_are_the_same_each_time_and_all_are_written(name: str) -> None:
    torch.use_deterministic_algorithms(True)  # fills what is not written with NaN
    made = []
    for seed in range(2):
        torch.manual_seed(seed)
        made.append(build(SMALL[name], device=torch.device("cpu")).state_dict())
    torch.use_deterministic_algorithms(False)
    for key, value in made[0].items():
        assert torch.equal(value, made[1][key]), key


def test_what_diffusers_keeps_in_float32_is_float32() -> None:
    made = build(SMALL["wan-14b"], device=torch.device("cpu"))
    assert made.get_parameter("scale_shift_table").dtype == torch.float32
    assert made.get_parameter("blocks.0.attn1.to_q.weight").dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("ideogram4", 9.28),
        ("z-image", 6.15),
        ("flux1-dev", 11.90),
        ("flux2-dev", 32.22),
        ("flux2-klein-9b", 9.08),
        ("qwen-image", 20.43),
        ("wan-14b", 14.29),
        ("wan2.2-5b", 5.00),
    ],
)
def test_a_published_model_has_its_size_and_takes_its_inputs(name: str, billions: float) -> None:
    model, device = MODELS[name], torch.device("cpu")
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        whole = build(model, device=device)
        assert sum(each.numel() for each in whole.parameters()) == pytest.approx(1e9 * billions, rel=1e-3)
        one: Any = build(model, device=device, layers=1)
        inputs = draw_inputs(model, one.config, model.size, device)
        if model.without_mask:
            model.without_mask(one, inputs)
        made, latent = one(**inputs)[0], inputs[model.latent]
        assert (made[0] if isinstance(made, list) else made).shape == (
            latent[0] if isinstance(latent, list) else latent
        ).shape


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


def test_a_copy_shares_weights_and_no_layers() -> None:
    model = build(SMALL["flux1-dev"], device=torch.device("cpu"))
    copied = sharing_copy(model)
    before = bytes_of(model)
    assert {each.data_ptr() for each in copied.parameters()} == {each.data_ptr() for each in model.parameters()}
    quantize_(copied)
    assert bytes_of(model) == before
    assert not any(isinstance(module, Int8Linear) for module in model.modules())
    assert bytes_of(copied) < before


def test_tuning_is_asked_for_the_models_of_ditune(monkeypatch: pytest.MonkeyPatch) -> None:
    budgets: list[float | None] = []
    monkeypatch.setattr("ditune.torch.tune", lambda model, inputs, time_budget: budgets.append(time_budget))
    options = Options(routes=("bf16", "comfy-kitchen", "quantize", "fuse"), device="cpu", rounds=1, steps=0, tune=5)
    found = bench(SMALL["flux1-dev"], options)
    assert budgets == [5, 5]
    assert [row.tune_s is not None for row in found.rows] == [False, False, True, True]


# ---- what a GPU has, with another in its place


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


def test_models_in_graphs_keep_no_masks() -> None:
    model = fuse_(build(SMALL["ideogram4"], device=torch.device("cpu")))
    copied = without_masks(sharing_copy(model))
    for blocks, full in ((model, False), (copied, True)):
        assert {module._masks.full for module in blocks.modules() if isinstance(module, Block)} == {full}
