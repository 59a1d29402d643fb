# SPDX-License-Identifier: Apache-2.0
"""Calls of models whose batches are not all one: fused blocks pair what diffusers' broadcasting pairs."""

from __future__ import annotations

import copy
from typing import Any

import diffusers
import pytest
import torch
from ditune.errors import UsageError
from ditune.torch import fuse_, quantize_
from fuse_models import CASES, TEXT, TOKENS, blocks_of, ideogram4, output, randomize, relative

pytestmark = pytest.mark.usefixtures("inference")

Inputs = dict[str, Any]


def first_of(*names: str) -> Any:
    """Of a batch of two."""
    return lambda inputs: inputs | {name: inputs[name][:1] for name in names}


def changed(**values: Any) -> Any:
    return lambda inputs: inputs | values


def without_text(inputs: Inputs) -> Inputs:
    return inputs | {
        "encoder_hidden_states": inputs["encoder_hidden_states"][:, :0],
        "txt_ids": inputs["txt_ids"][:0],
    }


TWO = {"timestep": torch.tensor([0.1, 0.9]), "guidance": torch.full((2,), 4.0)}

CALLS = {
    "qwen edit, several images of one prompt": ("qwen_image_edit", 2, first_of("img_shapes")),
    "qwen edit, one timestep": ("qwen_image_edit", 2, first_of("timestep")),
    "qwen, two timesteps": ("qwen_image", 1, changed(timestep=TWO["timestep"], encoder_hidden_states_mask=None)),
    "wan, a timestep for each token, for both": ("wan_tokens", 2, first_of("timestep")),
    "flux, two timesteps": ("flux", 1, changed(**TWO, pooled_projections=torch.randn(2, 32))),
    "flux, unknown arguments": ("flux", 2, changed(joint_attention_kwargs={"mask": torch.rand(2, 1, 80, 80) > 0.5})),
    "flux, no text": ("flux", 2, without_text),
    "flux2, two timesteps": ("flux2", 1, changed(**TWO)),
    "flux2, tokens of references": (
        "flux2",
        2,
        lambda inputs: first_of("timestep", "guidance")(inputs) | {"kv_cache_mode": "extract", "num_ref_tokens": 24},
    ),
    "ideogram4, a timestep for each token, for both": ("ideogram4", 2, changed(timestep=torch.rand(1, TOKENS))),
    "ideogram4, two timesteps": ("ideogram4", 1, changed(timestep=TWO["timestep"])),
    "ideogram4, no batch of timesteps": ("ideogram4", 2, changed(timestep=torch.tensor(0.3))),
    "z_image, one timestep": ("z_image", 2, first_of("t")),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("call", CALLS)
def test_batches_are_broadcast(call: str, dtype: torch.dtype) -> None:
    name, batch, change = CALLS[call]
    quantized = quantize_(randomize(CASES[name].build())).to(dtype)
    inputs = change(CASES[name].inputs(batch))
    wanted = output(quantized, inputs, dtype)
    made = output(fuse_(copy.deepcopy(quantized)), inputs, dtype)
    assert relative(made, wanted) < 0.03  # rows that are paired otherwise: 0.1 and more


@pytest.mark.parametrize(("name", "change"), [("ideogram4", 40), ("flux", 40), ("flux", 144)])
def test_a_rotary_embedding_of_other_tokens_is_refused(name: str, change: int) -> None:
    model, inputs = fuse_(quantize_(randomize(CASES[name].build()))).to(torch.bfloat16), CASES[name].inputs(1)
    if name == "flux":
        inputs["img_ids"] = torch.cat([inputs["img_ids"]] * 2)[: change - TEXT]
    else:
        inputs["position_ids"] = inputs["position_ids"][:, :change]
    with pytest.raises(
        UsageError, match=f"the rotary embedding has {change} positions .give one for each of 80 tokens"
    ):
        output(model, inputs, torch.bfloat16)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_mask_that_changes_in_place(mode: Any) -> None:
    """Where the first block, which asks anew, has a hook."""
    quantized = quantize_(randomize(CASES["qwen_image"].build()))
    fused = fuse_(copy.deepcopy(quantized))
    blocks_of(fused)[0].attn.register_forward_hook(lambda *_: None)
    with mode():
        mask = torch.ones(1, TEXT, dtype=torch.bool)
        inputs = CASES["qwen_image"].inputs(1) | {"encoder_hidden_states_mask": mask}
        for _ in range(2):
            made, wanted = (model(**inputs, return_dict=False)[0] for model in (fused, quantized))
            assert relative(made, wanted) < 1e-3
            mask[:, 6:] = False


def test_a_mask_of_one_process_of_several_stays() -> None:
    """They gather one another's, or none of them does."""
    block, mask = blocks_of(fuse_(quantize_(CASES["qwen_image"].build())))[0], torch.ones(1, TEXT, dtype=torch.bool)
    assert block.mask(mask) is None
    block.attn.processor._parallel_config = object()
    assert block.mask(mask) is mask


def test_full_attention_of_a_model_that_shares_blocks_with_another() -> None:
    model = fuse_(quantize_(randomize(CASES["z_image"].build())))
    inputs = CASES["z_image"].inputs(2)
    wanted = output(model, inputs)
    config: Any = model.config
    control = diffusers.ZImageControlNetModel(
        control_layers_places=[0],
        control_refiner_layers_places=[0],
        control_in_dim=4,
        add_control_noise_refiner="control_layers",
        all_patch_size=config["all_patch_size"],
        all_f_patch_size=config["all_f_patch_size"],
        dim=config["dim"],
        n_refiner_layers=config["n_refiner_layers"],
        n_heads=config["n_heads"],
        n_kv_heads=config["n_kv_heads"],
    )
    shared = diffusers.ZImageControlNetModel.from_transformer(quantize_(randomize(control)), model)
    fuse_(shared, full_attention=True)
    assert torch.equal(output(model, inputs), wanted)
    assert blocks_of(shared) and not any(block._masks.full for block in blocks_of(shared))
    fuse_(model, full_attention=True)
    assert all(block._masks.full for block in blocks_of(model))


def test_blocks_are_chained_anew() -> None:
    model: Any = fuse_(quantize_(randomize(ideogram4())))
    del model.layers[-1]
    assert output(fuse_(model), CASES["ideogram4"].inputs(1)).isfinite().all()
