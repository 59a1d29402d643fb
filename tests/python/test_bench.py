# SPDX-License-Identifier: Apache-2.0
"""python -m ditune.bench, on the CPU and with small models: all but CUDA's events, graphs and memory."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
from typing import Any

import pytest
import torch
from bench_models import SMALL
from ditune.bench.__main__ import main
from ditune.bench.measure import Options, bench
from ditune.bench.models import MODELS, build
from ditune.bench.routes import ROUTES
from helpers import tune
from torch import nn

pytestmark = pytest.mark.usefixtures("one_thread")


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


def test_weights_of_a_folder(tmp_path: pathlib.Path) -> None:
    build(SMALL["flux1-dev"], device=torch.device("cpu")).save_pretrained(tmp_path / "weights")  # type: ignore[operator]
    found = measured(tmp_path / "out.json", "flux1-dev", "--routes", "bf16", "--weights", str(tmp_path / "weights"))
    assert found["options"]["weights"] == "folder"
