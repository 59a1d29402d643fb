# SPDX-License-Identifier: Apache-2.0
"""Small random transformers of diffusers, and inputs for them, for tests of fuse_."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import diffusers
import torch
from ditune.torch.fuse import Block
from torch import Tensor, nn

TOKENS, TEXT = 80, 16  # of both kinds, of text
HEADS, HEAD = 2, 64
WIDTH = HEADS * HEAD


class Case(NamedTuple):
    build: Callable[[], nn.Module]
    inputs: Callable[[int], dict[str, Any]]  # of a batch
    launches: dict[str, int]  # by the list of blocks, of quantize_s8 and of gemm_s8 each in a block
    name: str = ""  # in models/models.csv
    turns: dict[str, int] | None = None  # by the list of blocks, of quantize_s8 for q and k of a block, in bf16


def randomize(model: nn.Module) -> nn.Module:
    """Weights that keep the size of what goes through, and norms, biases and modulation that are not trivial."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape)
            if parameter.dim() == 1:
                parameter.copy_(0.3 * noise + (1 if name.endswith("weight") else 0))
            else:
                parameter.copy_(noise / math.sqrt(parameter[0].numel()))
    return model.eval()


def converted(value: Any, dtype: torch.dtype) -> Any:
    """Floating-point tensors, in lists, too."""
    if isinstance(value, list):
        return [converted(each, dtype) for each in value]
    return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else copy.copy(value)


def output(model: nn.Module, inputs: dict[str, Any], dtype: torch.dtype = torch.float32) -> Tensor:
    given = {name: converted(value, dtype) for name, value in inputs.items()}
    with torch.no_grad():
        made: Any = model(**given, return_dict=False)[0]
    return (torch.stack(made) if isinstance(made, list) else made).float()


def blocks_of(model: nn.Module) -> list[Block]:
    return [module for module in model.modules() if isinstance(module, Block)]


def relative(made: Tensor, wanted: Tensor) -> float:
    return float((made.double() - wanted.double()).norm() / wanted.double().norm())


def transformer(name: str, **config: Any) -> nn.Module:
    made: nn.Module = getattr(diffusers, name)(**config)
    return made


def ideogram4() -> nn.Module:
    return transformer(
        "Ideogram4Transformer2DModel",
        in_channels=16,
        num_layers=3,
        attention_head_dim=HEAD,
        num_attention_heads=HEADS,
        intermediate_size=192,
        adaln_dim=32,
        llm_features_dim=64,
        mrope_section=(12, 10, 10),
    )


def ideogram4_inputs(batch: int) -> dict[str, Any]:
    indicator = torch.full((batch, TOKENS), 2)
    indicator[:, :TEXT] = 3
    return {
        "hidden_states": torch.randn(batch, TOKENS, 16),
        "timestep": torch.linspace(0.25, 0.5, batch),  # the same in bf16
        "encoder_hidden_states": torch.randn(batch, TOKENS, 64),
        "position_ids": torch.arange(TOKENS)[None, :, None].expand(batch, TOKENS, 3),
        "segment_ids": torch.zeros(batch, TOKENS, dtype=torch.long),
        "indicator": indicator,
    }


def flux() -> nn.Module:
    return transformer(
        "FluxTransformer2DModel",
        in_channels=16,
        num_layers=2,
        num_single_layers=3,
        attention_head_dim=HEAD,
        num_attention_heads=HEADS,
        joint_attention_dim=48,
        pooled_projection_dim=32,
        guidance_embeds=True,
        axes_dims_rope=(16, 24, 24),
    )


def flux_inputs(batch: int) -> dict[str, Any]:
    side = torch.arange(TOKENS - TEXT)
    return {
        "hidden_states": torch.randn(batch, TOKENS - TEXT, 16),
        "encoder_hidden_states": torch.randn(batch, TEXT, 48),
        "pooled_projections": torch.randn(batch, 32),
        "timestep": torch.linspace(0.25, 0.5, batch),
        "img_ids": torch.stack([torch.zeros_like(side), side // 8, side % 8], 1).float(),
        "txt_ids": torch.zeros(TEXT, 3),
        "guidance": torch.full((batch,), 4.0),
    }


def flux2() -> nn.Module:
    return transformer(
        "Flux2Transformer2DModel",
        in_channels=16,
        num_layers=2,
        num_single_layers=3,
        attention_head_dim=HEAD,
        num_attention_heads=HEADS,
        joint_attention_dim=48,
        timestep_guidance_channels=32,
        axes_dims_rope=(16, 16, 16, 16),
    )


def flux2_inputs(batch: int) -> dict[str, Any]:
    inputs = flux_inputs(batch)
    del inputs["pooled_projections"]
    for name in ("img_ids", "txt_ids"):
        inputs[name] = torch.cat([inputs[name], torch.arange(len(inputs[name]))[:, None]], 1)
    return inputs


def qwen_image(zero_cond_t: bool = False) -> nn.Module:
    return transformer(
        "QwenImageTransformer2DModel",
        in_channels=16,
        out_channels=4,
        num_layers=3,
        attention_head_dim=HEAD,
        num_attention_heads=HEADS,
        joint_attention_dim=48,
        axes_dims_rope=(16, 24, 24),
        zero_cond_t=zero_cond_t,
    )


def qwen_image_inputs(batch: int) -> dict[str, Any]:
    return {
        "hidden_states": torch.randn(batch, TOKENS - TEXT, 16),
        "encoder_hidden_states": torch.randn(batch, TEXT, 48),
        "encoder_hidden_states_mask": torch.ones(batch, TEXT, dtype=torch.bool),
        "timestep": torch.linspace(0.25, 0.5, batch),
        "img_shapes": [[(1, 8, 5), (1, 3, 8)]] * batch,  # in edit models the second is given
    }


def z_image(siglip: int | None = None) -> nn.Module:
    return transformer(
        "ZImageTransformer2DModel",
        in_channels=4,
        dim=WIDTH,
        n_layers=3,
        n_refiner_layers=2,
        n_heads=HEADS,
        n_kv_heads=HEADS,
        cap_feat_dim=48,
        siglip_feat_dim=siglip,
        axes_dims=[16, 24, 24],
        axes_lens=[128, 32, 32],
    )


def z_image_inputs(batch: int) -> dict[str, Any]:
    return {
        "x": [torch.randn(4, 1, 16, 16) for _ in range(batch)],
        "t": torch.linspace(0.25, 0.5, batch),
        "cap_feats": [torch.randn(TEXT + 20 * i, 48) for i in range(batch)],  # padded to 32 or 64
    }


def wan(image: int | None = None) -> nn.Module:
    """With `image` channels of a first image's embedding."""
    return transformer(
        "WanTransformer3DModel",
        patch_size=(1, 2, 2),
        num_attention_heads=HEADS,
        attention_head_dim=HEAD,
        in_channels=4,
        out_channels=4,
        text_dim=48,
        freq_dim=32,
        ffn_dim=256,
        num_layers=3,
        rope_max_seq_len=32,
        image_dim=image,
        added_kv_proj_dim=WIDTH if image else None,
    )


def wan_inputs(batch: int) -> dict[str, Any]:
    return {
        "hidden_states": torch.randn(batch, 4, 2, 12, 12),
        "timestep": torch.linspace(100, 200, batch).round(),
        "encoder_hidden_states": torch.randn(batch, TEXT, 48),
    }


def wan_of_tokens_inputs(batch: int) -> dict[str, Any]:
    """The tokens of a first frame that is given have the timestep 0."""
    inputs = wan_inputs(batch)
    inputs["timestep"] = inputs["timestep"][:, None].repeat(1, 72)
    inputs["timestep"][:, :36] = 0
    return inputs


def wan_of_images_inputs(batch: int) -> dict[str, Any]:
    inputs = wan_inputs(batch)
    inputs["encoder_hidden_states"] = torch.randn(batch, 512, 48)
    inputs["encoder_hidden_states_image"] = torch.randn(batch, 9, 64)
    return inputs


FLUX, FLUX_TURNS = (
    {"transformer_blocks": each, "single_transformer_blocks": single} for each, single in ((8, 2), (2, 1))
)
QWEN, QWEN_TURNS = ({"transformer_blocks": each} for each in (8, 2))
Z_IMAGE, Z_IMAGE_TURNS = ({"noise_refiner": each, "context_refiner": each, "layers": each} for each in (4, 1))

CASES = {
    "flux": Case(flux, flux_inputs, FLUX, "flux1-dev", FLUX_TURNS),
    "flux2": Case(flux2, flux2_inputs, FLUX, "flux2-dev", FLUX_TURNS),
    "qwen_image": Case(qwen_image, qwen_image_inputs, QWEN, "qwen-image", QWEN_TURNS),
    "qwen_image_edit": Case(lambda: qwen_image(True), qwen_image_inputs, QWEN, "", QWEN_TURNS),
    "z_image": Case(z_image, z_image_inputs, Z_IMAGE, "z-image", Z_IMAGE_TURNS),
    "wan": Case(wan, wan_inputs, {"blocks": 7}, "wan-14b", {"blocks": 4}),
    "wan_tokens": Case(wan, wan_of_tokens_inputs, {"blocks": 7}, "", {"blocks": 4}),
    "wan_images": Case(lambda: wan(64), wan_of_images_inputs, {"blocks": 8}, "", {"blocks": 5}),
    "ideogram4": Case(ideogram4, ideogram4_inputs, {"layers": 4}, "ideogram4", {"layers": 1}),
}
