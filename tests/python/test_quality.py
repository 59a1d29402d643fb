# SPDX-License-Identifier: Apache-2.0
"""The quality study (bench/quality.py) at its smallest: it runs, and what docs/quality.md concludes holds."""

from __future__ import annotations

import json
import math
import pathlib
from typing import Any

import pytest
import quality
import quality_bits
import torch
from quality_kinds import KINDS
from quality_models import LEVELS, linears
from quality_study import Subject, is_int8, is_large, outliers, quantized, sigmas

TINY = ["--size", "tiny", "--seeds", "1", "--steps", "2"]


def study(*words: str) -> Any:
    return quality.main([*TINY, *words])


def value(found: Any) -> float:
    return float(found[0])


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject.random(KINDS["flux1"], quality.SIZES["tiny"], LEVELS["strong"], "cpu", 0)


@pytest.mark.parametrize("name", KINDS)
def test_every_layer_has_a_site_and_every_site_layers(name: str) -> None:
    kind = KINDS[name]
    model = kind.build(quality.SIZES["tiny"])
    found = {kind.site(layer, module): is_int8(layer, module) for layer, module in linears(model)}
    assert set(found) == set(kind.sites)
    assert {site for site, quantized in found.items() if quantized} == {"qkv", "out", "up", "down"}
    assert all(is_large(module) for _, module in linears(model))  # so that "all" is all


@pytest.mark.parametrize("name", KINDS)
def test_rotation_and_smoothing_help_where_there_are_outliers(name: str) -> None:
    layers = study("--parts", "layers", "--models", name, "--levels", "none", "strong")["layers"][name]
    for site in ("qkv", "up", "down"):
        assert value(layers["strong"]["outliers"][site]) > 5 * value(layers["none"]["outliers"][site])
        calm, error = (
            {method: value(sites[site]) for method, sites in layers[level]["errors"].items()}
            for level in ("none", "strong")
        )
        assert calm["bf16"] < calm["rotate=256"] < calm["plain"] < 0.03
        assert error["bf16"] < error["rotate=256"] < error["rotate=16"] < error["plain"] / 2
        assert error["smooth, rotate=256"] < error["smooth"] < error["plain"] / 4
        assert error["plain"] > 2 * calm["plain"] and error["smooth, rotate=256"] < 0.02


def test_steps_and_latents() -> None:
    found = study("--parts", "steps", "--models", "flux1", "--levels", "strong")["steps"]["flux1"]["strong"]
    step, psnr = ({method: value(each[key]) for method, each in found.items()} for key in ("step", "psnr"))
    assert step["bf16"] < step["smooth"] < step["rotate=256"] < step["rotate=16"] < step["plain"]
    assert psnr["bf16"] > psnr["rotate=256"] > psnr["plain"]
    assert step["rotate=256, fuse_"] < 1.05 * step["rotate=256"]


def test_sites() -> None:
    found = study("--parts", "sites", "--models", "ideogram4", "--levels", "none")["sites"]["ideogram4"]["none"]
    default, everything = found["the default"], found["all"]
    assert value(default["alone"]) < value(everything["alone"])
    assert value(default["other"]) == value(everything["without"]) == 0  # nothing is INT8
    assert value(default["work"]) > 0.9 and value(everything["work"]) == 1
    assert value(found["final layer"]["other"]) > value(default["alone"]) > value(found["up"]["other"])


def test_outliers_are_read_in_the_columns_that_they_are_made_in(subject: Subject) -> None:
    block: Any = subject.model.get_submodule("single_transformer_blocks.0")
    made, read = block.proj_mlp.weight.norm(dim=1), block.proj_out.weight.norm(dim=0)[-block.mlp_hidden_dim :]
    raised = torch.nonzero(made > 3 * made.median())
    assert len(raised) == block.mlp_hidden_dim // LEVELS["strong"].channels
    assert torch.equal(raised, torch.nonzero(read < read.median() / 2))


def test_channels_that_are_always_zero_do_not_count() -> None:
    ideogram4 = Subject.random(KINDS["ideogram4"], quality.SIZES["tiny"], LEVELS["none"], "cpu", 0)
    assert 1 < outliers(ideogram4, 1)["time embedder"] < 10  # at time 0 half of its inputs are


def test_times_are_exact_in_bf16() -> None:
    for sigma in sigmas(8):
        for time in (sigma, 1 - sigma, 1000 * sigma):
            assert torch.tensor(time).bfloat16().item() == time


def test_buffers_stay_float32(subject: Subject) -> None:
    model = quantized(subject, None, {})
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    ideogram4 = Subject.random(KINDS["ideogram4"], quality.SIZES["tiny"], LEVELS["none"], "cpu", 0)
    assert {buffer.dtype for buffer in quantized(ideogram4, None, {}).buffers()} == {torch.float32}


def test_bits_are_the_same(subject: Subject) -> None:
    of_layers, of_model, of_float = quality_bits.models(subject)
    for found in (quality_bits.batches("cpu"), quality_bits.threads(), of_layers):
        assert found.equal == found.compared > 0
    assert of_model.compared == of_float.compared == 2
    variant = next(iter(quality_bits.variants("RTX 3090", 1)))
    assert (variant.compared, variant.equal) == (1, 1)


def test_weights_of_a_folder(subject: Subject, tmp_path: pathlib.Path) -> None:
    model: Any = subject.model
    model.save_pretrained(tmp_path / "mine")
    numbers = tmp_path / "numbers.json"
    found = study("--parts", "layers", "--folder", str(tmp_path / "mine"), "--json", str(numbers))
    errors = found["layers"]["mine"]["as it is"]["errors"]
    assert math.isclose(value(errors["plain"]["down"]), 0.2, rel_tol=0.5)
    assert json.loads(numbers.read_text()) == found
    (tmp_path / "mine" / "config.json").write_text('{"_class_name": "Other"}')
    with pytest.raises(SystemExit, match=r"Other is not known \(give one of"):
        study("--folder", str(tmp_path / "mine"))
