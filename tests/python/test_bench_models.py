# SPDX-License-Identifier: Apache-2.0
"""The models of ditune.bench: weights, inputs, sizes, and copies for its routes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from bench_models import SMALL
from ditune.bench.measure import Options, bench
from ditune.bench.models import MODELS, build, draw_inputs
from ditune.bench.routes import bytes_of, sharing_copy, without_masks
from ditune.torch import Int8Linear, fuse_, ops, quantize_
from ditune.torch.fuse import Block, heads
from helpers import ROOT
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

pytestmark = pytest.mark.usefixtures("one_thread")


def test_models_are_the_ones_that_models_csv_names() -> None:
    listed = {line.partition(",")[0] for line in (ROOT / "models" / "models.csv").read_text().splitlines()}
    assert MODELS.keys() - listed == {"wan2.2-5b"}


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


def test_a_copy_shares_weights_and_no_layers() -> None:
    model = build(SMALL["flux1-dev"], device=torch.device("cpu"))
    copied = sharing_copy(model)
    before = bytes_of(model)
    assert {each.data_ptr() for each in copied.parameters()} == {each.data_ptr() for each in model.parameters()}
    quantize_(copied)
    assert bytes_of(model) == before
    assert not any(isinstance(module, Int8Linear) for module in model.modules())
    assert bytes_of(copied) < before


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


@pytest.mark.parametrize("mask", [True, False])
def test_fused_attention_does_without_its_processor(mask: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    turned: list[str] = []

    def seen(x: Tensor, **options: Any) -> None:
        turned.append(options["rope"])
        ops.norm_rope_(x, **options)

    monkeypatch.setattr(heads, "ops", SimpleNamespace(norm_rope_=seen))
    bench(SMALL["ideogram4"], Options(routes=("fuse",), mask=mask, device="cpu", rounds=1, steps=0))
    assert "half" in turned


def test_models_in_graphs_keep_no_masks() -> None:
    model = fuse_(build(SMALL["ideogram4"], device=torch.device("cpu")))
    copied = without_masks(sharing_copy(model))
    for blocks, full in ((model, False), (copied, True)):
        assert {module._masks.full for module in blocks.modules() if isinstance(module, Block)} == {full}
