# SPDX-License-Identifier: Apache-2.0
"""Qwen-Image: blocks of an image and a text stream. In edit models tokens of given images have another modulation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from ditune.torch.fuse.block import Site, fuses
from ditune.torch.fuse.heads import Heads, of_complex
from ditune.torch.fuse.models.batches import even, rows_of_halves
from ditune.torch.fuse.models.streams import STREAMS, DoubleStream, clip


def _angles(rotary: tuple[Tensor, Tensor]) -> Tensor:
    """Of an image's and a text's tokens."""
    return of_complex(torch.cat(rotary[::-1]))


@fuses("diffusers.models.transformers.transformer_qwenimage.QwenImageTransformerBlock")
class QwenImageDouble(DoubleStream):
    sites = (
        Site("qkv", ("attn.to_q", "attn.to_k", "attn.to_v")),
        Site("o", ("attn.to_out.0",), behind=True),
        Site("up", ("img_mlp.net.0.proj",), op="gelu_tanh"),
        Site("down", ("img_mlp.net.2",)),
        Site("text_qkv", ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj")),
        Site("text_o", ("attn.to_add_out",), behind=True),
        Site("text_up", ("txt_mlp.net.0.proj",), op="gelu_tanh"),
        Site("text_down", ("txt_mlp.net.2",)),
    )
    attentions = ("attn",)
    heads: ClassVar[Mapping[str, Heads]] = {
        "attn": Heads(
            "QwenDoubleStreamAttnProcessor2_0",
            ("81d69a181c36", "5e708a6cc70b", "844398807558"),
            _angles,
            "pairs",
            STREAMS,
            mask="encoder_hidden_states_mask",
        )
    }
    norms = ("img_norm1", "img_norm2", "txt_norm1", "txt_norm2")
    reads = ("img_mlp", "img_mlp.net.0")
    sources = ("285671807516", "0ba65de8d11d")

    def fused(
        self,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        encoder_hidden_states_mask: Tensor | None,
        temb: Tensor,
        image_rotary_emb: Any = None,
        joint_attention_kwargs: dict[str, Any] | None = None,
        modulate_index: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        x, text, text_temb = hidden_states, encoder_hidden_states, temb
        if self.zero_cond_t:
            text_temb = temb.chunk(2, dim=0)[0]
        else:
            x, temb = even(x, temb)
        text, text_temb = even(text, text_temb)
        shift, scale, *rest = self.img_mod(temb).chunk(6, dim=-1)
        text_shift, text_scale, *text_rest = self.txt_mod(text_temb).chunk(6, dim=-1)
        rows = rows_of_halves(modulate_index, x, temb)
        attended, text_attended = self.joint_attention(
            x,
            text,
            {"norm": self.img_norm1, "shift": shift, "scale": scale, "index": rows},
            {"norm": self.txt_norm1, "shift": text_shift, "scale": text_scale},
            mask=self.mask(encoder_hidden_states_mask),
            rotary=image_rotary_emb,
            given=joint_attention_kwargs,
        )
        x = self.after_attention("", x, attended, self.img_norm2, rest, rows)
        text = self.after_attention("text_", text, text_attended, self.txt_norm2, text_rest)
        return clip(text), clip(x)
