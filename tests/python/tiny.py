# SPDX-License-Identifier: Apache-2.0
"""Small random models and pipelines of diffusers, made on the spot: no network."""

from __future__ import annotations

import string
from typing import Any

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer, T5Config, T5EncoderModel, T5TokenizerFast

WIDTH = 128  # 4 heads of 32
CHANNELS = 16
TEXT = 64


def flux_transformer(seed: int = 0) -> FluxTransformer2DModel:
    torch.manual_seed(seed)
    return FluxTransformer2DModel(
        patch_size=1,
        in_channels=CHANNELS,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=32,
        num_attention_heads=4,
        joint_attention_dim=TEXT,
        pooled_projection_dim=TEXT,
        axes_dims_rope=(8, 12, 12),
    ).eval()


# The layers of it that are quantized by default: 4 of 12 (embedders, modulation, final layers) are not.
FLUX_QUANTIZED = [
    *(f"transformer_blocks.0.attn.{name}" for name in ("to_q", "to_k", "to_v", "to_out.0")),
    *(f"transformer_blocks.0.attn.{name}" for name in ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")),
    *(f"transformer_blocks.0.{ff}.net.{net}" for ff in ("ff", "ff_context") for net in ("0.proj", "2")),
    *(f"single_transformer_blocks.0.attn.{name}" for name in ("to_q", "to_k", "to_v")),
    *(f"single_transformer_blocks.0.{name}" for name in ("proj_mlp", "proj_out")),
]
FLUX_FLOAT = [
    *(f"time_text_embed.{name}_embedder.linear_{i}" for name in ("timestep", "text") for i in (1, 2)),
    *("context_embedder", "x_embedder", "norm_out.linear", "proj_out"),
    *("transformer_blocks.0.norm1.linear", "transformer_blocks.0.norm1_context.linear"),
    "single_transformer_blocks.0.norm.linear",
]


def flux_inputs(dtype: torch.dtype, device: str = "cpu") -> dict[str, Any]:
    """Of one step: 16 image tokens and 8 text tokens."""
    generator = torch.Generator().manual_seed(1)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator).to(device, dtype)

    grid = torch.stack(torch.meshgrid(torch.zeros(1), torch.arange(4.0), torch.arange(4.0), indexing="ij"), -1)
    return {
        "hidden_states": random(1, 16, CHANNELS),
        "encoder_hidden_states": random(1, 8, TEXT),
        "pooled_projections": random(1, TEXT),
        "timestep": torch.full((1,), 0.5, dtype=dtype, device=device),
        "img_ids": grid.reshape(16, 3).to(device, dtype),
        "txt_ids": torch.zeros(8, 3, dtype=dtype, device=device),
        "return_dict": False,
    }


def _clip_tokenizer() -> CLIPTokenizer:
    words = ["<|startoftext|>", "!", "<|endoftext|>"]
    for letter in string.ascii_lowercase:
        words += [letter, f"{letter}</w>"]
    return CLIPTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[], model_max_length=77)


def _t5_tokenizer() -> T5TokenizerFast:
    words = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -1.0)]
    words += [(letter, -2.0) for letter in string.ascii_lowercase]
    return T5TokenizerFast(vocab=words, extra_ids=0, model_max_length=16)


def flux_pipeline() -> FluxPipeline:
    transformer = flux_transformer()
    clip = CLIPTextConfig(
        bos_token_id=0,
        eos_token_id=2,
        hidden_size=TEXT,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=2,
        vocab_size=1000,
        projection_dim=32,
    )
    t5 = T5Config(vocab_size=100, d_model=TEXT, d_kv=16, d_ff=64, num_layers=1, num_heads=4)
    vae = AutoencoderKL(
        sample_size=32,
        in_channels=3,
        out_channels=3,
        block_out_channels=(4,),
        layers_per_block=1,
        latent_channels=CHANNELS // 4,
        norm_num_groups=1,
        use_quant_conv=False,
        use_post_quant_conv=False,
        shift_factor=0.06,
        scaling_factor=1.5,
    )
    return FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=vae,
        text_encoder=CLIPTextModel(clip),
        tokenizer=_clip_tokenizer(),
        text_encoder_2=T5EncoderModel(t5),
        tokenizer_2=_t5_tokenizer(),
        transformer=transformer,
    )


def image(pipeline: Any) -> torch.Tensor:
    """Two steps of the pipeline, from the same noise each time."""
    generator = torch.Generator().manual_seed(0)
    options = {"num_inference_steps": 2, "height": 16, "width": 16, "max_sequence_length": 16, "output_type": "pt"}
    images: torch.Tensor = pipeline("a cat", generator=generator, **options).images
    return images.float().cpu()
