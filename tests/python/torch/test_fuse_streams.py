# SPDX-License-Identifier: Apache-2.0
"""What pipelines do with models of an image and a text stream beside a plain forward."""

from __future__ import annotations

import copy
from typing import Any

import diffusers
import pytest
import torch
from diffusers.models.transformers import transformer_flux2
from diffusers.models.transformers.transformer_flux import FluxIPAdapterAttnProcessor
from ditune.torch import fuse_, quantize_
from ditune.torch.fuse import Block
from ditune.torch.fuse.models.streams import cat_tokens, clip
from fuse_models import (
    HEAD,
    HEADS,
    TEXT,
    TOKENS,
    flux,
    flux2,
    flux2_inputs,
    flux_inputs,
    output,
    qwen_image,
    qwen_image_inputs,
    randomize,
    relative,
)
from torch import Tensor

pytestmark = pytest.mark.usefixtures("inference")

WIDTH = HEADS * HEAD

Both = tuple[Any, Any]


@pytest.fixture
def both() -> Both:
    """FLUX in int8, layer by layer and fused."""
    quantized = quantize_(randomize(flux()))
    return quantized, fuse_(copy.deepcopy(quantized))


def test_controlnet(both: Both) -> None:
    inputs = flux_inputs(2)
    plain = output(both[1], inputs)
    for name in ("controlnet_block_samples", "controlnet_single_block_samples"):
        inputs[name] = [torch.randn(2, TOKENS - TEXT, WIDTH)]
    wanted, made = (output(each, inputs) for each in both)
    assert relative(made, wanted) < 0.01 < relative(plain, wanted)


def test_ip_adapter(both: Both) -> None:
    inputs = flux_inputs(1)
    plain = output(both[1], inputs)
    adapter = randomize(FluxIPAdapterAttnProcessor(WIDTH, 64))
    for each in both:
        for block in each.transformer_blocks:
            block.attn.set_processor(adapter)
    inputs["joint_attention_kwargs"] = {"ip_hidden_states": [torch.randn(1, 1, 4, 64)]}
    wanted, made = (output(each, inputs) for each in both)
    assert relative(made, wanted) < 0.01 < relative(plain, wanted)


def test_first_block_cache(both: Both) -> None:
    fused, inputs = both[1], flux_inputs(1)
    wanted = output(fused, inputs)
    fused.enable_cache(diffusers.FirstBlockCacheConfig(threshold=0.05))
    with fused.cache_context("test"):
        assert all(relative(output(fused, inputs), wanted) < 1e-4 for _ in range(2))
    assert all(block._runs_fused() for block in fused.modules() if isinstance(block, Block))


def test_half_precision_is_clipped() -> None:
    x = torch.tensor([float("inf"), 1.0])
    assert torch.equal(clip(x), x) and clip(x.half()).tolist() == [65504, 1]


@pytest.mark.parametrize("batch", [1, 2])
def test_parts_of_a_tensor_are_joined_without_a_copy(batch: int) -> None:
    whole = torch.randn(batch, TOKENS, WIDTH)
    text, image = whole[:, :TEXT], whole[:, TEXT:]
    made = cat_tokens(text, image)
    assert torch.equal(made, whole) and made.data_ptr() == whole.data_ptr()
    others: list[tuple[Tensor, Tensor]] = [
        (image, text),
        (text, image.clone()),
        (text, image[:, 1:]),
        (text[:, :-1], image),
        (whole[:1, :TEXT], whole[:1, TEXT:-1]),
        (text.clone(), image.clone()),
    ]
    for a, b in others:
        made = cat_tokens(a, b)
        assert torch.equal(made, torch.cat([a, b], 1))


def test_single_blocks_pass_one_tensor(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[torch.Size] = []
    cat = torch.cat
    monkeypatch.setattr(torch, "cat", lambda tensors, dim=0: sizes.append(tensors[0].shape) or cat(tensors, dim=dim))  # type: ignore[func-returns-value]
    output(both[1], flux_inputs(2))
    assert sizes.count(torch.Size((2, TEXT, WIDTH))) == 1, "the first single block's"


def test_masked_text() -> None:
    """Qwen-Image's masks of texts of several lengths; those that are all true are left out."""
    quantized = quantize_(randomize(qwen_image()))
    fused, inputs = fuse_(copy.deepcopy(quantized)), qwen_image_inputs(2)
    plain = output(fused, inputs)
    del inputs["encoder_hidden_states_mask"]
    assert torch.equal(output(fused, inputs), plain)
    inputs["encoder_hidden_states_mask"] = torch.arange(TEXT) < torch.tensor([[TEXT], [5]])
    made = output(fused, inputs)
    assert relative(made, output(quantized, inputs)) < 0.01 < relative(plain[1], made[1])
    assert relative(made[0], plain[0]) < 1e-4


@pytest.mark.parametrize("batch", [1, 2])
def test_reference_tokens_have_a_modulation_of_their_own(batch: int) -> None:
    """FLUX.2's cache of q and k of reference images: its first step has a modulation for each token."""
    quantized = quantize_(randomize(flux2()))
    for module in quantized.modules():
        kind = {
            "Flux2Attention": "Flux2KVAttnProcessor",
            "Flux2ParallelSelfAttention": "Flux2KVParallelSelfAttnProcessor",
        }
        if processor := kind.get(type(module).__name__):
            module.set_processor(getattr(transformer_flux2, processor)())  # type: ignore[operator]
    fused, inputs = fuse_(copy.deepcopy(quantized)), flux2_inputs(batch)
    plain = output(fused, inputs)
    inputs |= {"kv_cache_mode": "extract", "num_ref_tokens": 24}
    wanted, made = (output(each, inputs) for each in (quantized, fused))
    assert relative(made, wanted) < 0.01 < relative(plain[:, 24:], wanted)


def test_a_mask_is_looked_at_anew_in_each_forward() -> None:
    fused, inputs = fuse_(randomize(qwen_image())), qwen_image_inputs(1)
    plain = output(fused, inputs)
    mask = inputs["encoder_hidden_states_mask"]
    run = {name: x for name, x in inputs.items() if x is not mask}

    def step() -> Tensor:
        made: Tensor = fused(**run, encoder_hidden_states_mask=mask, return_dict=False)[0]
        return made

    assert torch.equal(step(), plain)
    mask[:, 5:] = False
    assert not torch.equal(step(), plain)
