# SPDX-License-Identifier: Apache-2.0
"""The models of the quality study: how each is built and called, its sites, and where its outlier channels are made."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from quality_models import Given, Kind, Link, Size
from torch import Tensor, nn
from torch.nn.functional import pad

LATENT = 64  # channels of an image token: a layer of fewer is too small for quantize_
FEATURES = 256  # of text and of FLUX.1's pooled text
QKV = ("attn.to_q", "attn.to_k", "attn.to_v")
TEXT_QKV = ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj")


def transformer(name: str, **config: Any) -> nn.Module:
    made: nn.Module = getattr(diffusers, name)(**config)
    return made


def axes(size: Size) -> tuple[int, int, int]:
    """Of rope, as FLUX.1 has them."""
    return size.head // 8, size.head * 7 // 16, size.head * 7 // 16


def grid(size: Size) -> Tensor:
    """[tokens, 3]"""
    side = torch.arange(size.side)
    return torch.stack(torch.meshgrid(torch.zeros(1, dtype=torch.long), side, side, indexing="ij"), -1).reshape(-1, 3)


def at(time: float, latents: Tensor) -> Tensor:
    return torch.full((len(latents),), time, dtype=latents.dtype, device=latents.device)


# Ideogram 4


def ideogram4(size: Size) -> nn.Module:
    return transformer(
        "Ideogram4Transformer2DModel",
        in_channels=LATENT,
        num_layers=size.blocks,
        attention_head_dim=size.head,
        num_attention_heads=size.heads,
        intermediate_size=size.width * 8 // 3 // 256 * 256,
        adaln_dim=128,
        llm_features_dim=FEATURES,
        mrope_section=(size.head * 3 // 16, size.head * 5 // 32, size.head * 5 // 32),
    )


def ideogram4_given(config: Any, size: Size) -> Given:
    tokens = size.text + size.side**2
    indicator = torch.full((1, tokens), 2)
    indicator[:, : size.text] = 3
    text = torch.arange(size.text)[:, None].expand(size.text, 3)
    return {
        "encoder_hidden_states": pad(torch.randn(1, size.text, config.llm_features_dim), (0, 0, 0, size.side**2)),
        "position_ids": torch.cat([text, grid(size) + 65536])[None],
        "segment_ids": torch.zeros(1, tokens, dtype=torch.long),
        "indicator": indicator,
    }


def ideogram4_velocity(model: nn.Module, latents: Tensor, sigma: float, given: Given) -> Tensor:
    text = int((given["indicator"][0] == 3).sum())
    hidden = pad(latents, (0, 0, text, 0))
    made: Tensor = model(hidden_states=hidden, timestep=at(1 - sigma, latents), **given, return_dict=False)[0]
    return -made[:, text:]  # its time goes from noise to image


IDEOGRAM4 = Kind(
    "Ideogram4Transformer2DModel",
    ideogram4,
    ideogram4_given,
    ideogram4_velocity,
    sites={
        "qkv": ("*.to_q", "*.to_k", "*.to_v"),
        "out": ("*.to_out",),
        "up": ("*.w1", "*.w3"),
        "down": ("*.w2",),
        "modulation": ("layers.*.adaln_modulation",),
        "text embedder": ("llm_cond_proj",),
        "latent embedder": ("input_proj",),
        "time embedder": ("t_embedding", "adaln_proj"),
        "final layer": ("final_layer",),
    },
    links={
        "layers": (
            Link(("attention_norm1",), ("attention.to_q", "attention.to_k", "attention.to_v")),
            Link(("attention.to_v",), ("attention.to_out.0",), power=0.5),
            Link(("ffn_norm1",), ("feed_forward.w1", "feed_forward.w3")),
            Link(("feed_forward.w1", "feed_forward.w3"), ("feed_forward.w2",), product=True),
        ),
        "": (Link(("final_layer.adaln_modulation",), ("final_layer.linear",), part=0),),
    },
    text="llm_cond_proj",
)


# FLUX.1


def flux1(size: Size) -> nn.Module:
    return transformer(
        "FluxTransformer2DModel",
        in_channels=LATENT,
        num_layers=size.blocks // 2,
        num_single_layers=size.blocks - size.blocks // 2,
        attention_head_dim=size.head,
        num_attention_heads=size.heads,
        joint_attention_dim=FEATURES,
        pooled_projection_dim=FEATURES,
        axes_dims_rope=axes(size),
    )


def flux1_given(config: Any, size: Size) -> Given:
    return {
        "encoder_hidden_states": torch.randn(1, size.text, config.joint_attention_dim),
        "pooled_projections": torch.randn(1, config.pooled_projection_dim),
        "img_ids": grid(size).float(),
        "txt_ids": torch.zeros(size.text, 3),
    } | ({"guidance": torch.full((1,), 3.5)} if config.guidance_embeds else {})


def flux1_velocity(model: nn.Module, latents: Tensor, sigma: float, given: Given) -> Tensor:
    made: Tensor = model(hidden_states=latents, timestep=at(sigma, latents), **given, return_dict=False)[0]
    return made


FLUX1 = Kind(
    "FluxTransformer2DModel",
    flux1,
    flux1_given,
    flux1_velocity,
    sites={
        "qkv": ("*.to_q", "*.to_k", "*.to_v", "*.add_?_proj"),
        "out": ("*.to_out", "*.to_add_out"),
        "up": ("*.net.0", "*.proj_mlp"),
        "down": ("*.net.2", "single_transformer_blocks.*.proj_out"),
        "modulation": ("*transformer_blocks.*.linear",),
        "text embedder": ("context_embedder",),
        "latent embedder": ("x_embedder",),
        "time embedder": ("time_text_embed",),
        "final layer": ("norm_out", "proj_out"),
    },
    links={
        "transformer_blocks": (
            Link(("norm1.linear",), QKV, part=1),
            Link(("norm1_context.linear",), TEXT_QKV, part=1),
            Link(("attn.to_v", "attn.add_v_proj"), ("attn.to_out.0", "attn.to_add_out"), power=0.5),
            Link(("norm1.linear",), ("ff.net.0.proj",), part=4),
            Link(("norm1_context.linear",), ("ff_context.net.0.proj",), part=4),
            Link(("ff.net.0.proj",), ("ff.net.2",)),
            Link(("ff_context.net.0.proj",), ("ff_context.net.2",)),
        ),
        "single_transformer_blocks": (
            Link(("norm.linear",), (*QKV, "proj_mlp"), part=1),
            Link(("attn.to_v",), ("proj_out",), power=0.5),
            Link(("proj_mlp",), ("proj_out",), last=True),
        ),
        "": (Link(("norm_out.linear",), ("proj_out",), part=0),),
    },
    text="context_embedder",
)


# Qwen-Image


def qwen_image(size: Size) -> nn.Module:
    return transformer(
        "QwenImageTransformer2DModel",
        in_channels=LATENT,
        out_channels=LATENT // 4,
        num_layers=size.blocks,
        attention_head_dim=size.head,
        num_attention_heads=size.heads,
        joint_attention_dim=FEATURES,
        axes_dims_rope=axes(size),
    )


def qwen_image_given(config: Any, size: Size) -> Given:
    return {
        "encoder_hidden_states": torch.randn(1, size.text, config.joint_attention_dim),
        "encoder_hidden_states_mask": torch.ones(1, size.text, dtype=torch.bool),
        "img_shapes": [[(1, size.side, size.side)]],
    }


QWEN_IMAGE = Kind(
    "QwenImageTransformer2DModel",
    qwen_image,
    qwen_image_given,
    flux1_velocity,
    sites={
        "qkv": ("*.to_q", "*.to_k", "*.to_v", "*.add_?_proj"),
        "out": ("*.to_out", "*.to_add_out"),
        "up": ("*.net.0",),
        "down": ("*.net.2",),
        "modulation": ("*_mod",),
        "text embedder": ("txt_in",),
        "latent embedder": ("img_in",),
        "time embedder": ("time_text_embed",),
        "final layer": ("norm_out", "proj_out"),
    },
    links={
        "transformer_blocks": (
            Link(("img_mod.1",), QKV, part=1),
            Link(("txt_mod.1",), TEXT_QKV, part=1),
            Link(("attn.to_v", "attn.add_v_proj"), ("attn.to_out.0", "attn.to_add_out"), power=0.5),
            Link(("img_mod.1",), ("img_mlp.net.0.proj",), part=4),
            Link(("txt_mod.1",), ("txt_mlp.net.0.proj",), part=4),
            Link(("img_mlp.net.0.proj",), ("img_mlp.net.2",)),
            Link(("txt_mlp.net.0.proj",), ("txt_mlp.net.2",)),
        ),
        "": (Link(("norm_out.linear",), ("proj_out",), part=0),),
    },
    text="txt_in",
)

KINDS = {"ideogram4": IDEOGRAM4, "flux1": FLUX1, "qwen-image": QWEN_IMAGE}
