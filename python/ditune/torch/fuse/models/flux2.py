# SPDX-License-Identifier: Apache-2.0
"""FLUX.2: as FLUX.1, but with SwiGLU, and one modulation for all blocks of a kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from ditune.torch.fuse.block import Block, Site, fuses
from ditune.torch.fuse.heads import Heads, of_pairs
from ditune.torch.fuse.models.batches import even
from ditune.torch.fuse.models.streams import STREAMS, DoubleStream, cat_tokens, clip

_MODULE = "diffusers.models.transformers.transformer_flux2."


@fuses(_MODULE + "Flux2TransformerBlock")
class Flux2Double(DoubleStream):
    sites = (
        Site("qkv", ("attn.to_q", "attn.to_k", "attn.to_v")),
        Site("o", ("attn.to_out.0",), behind=True),
        Site("up", ("ff.linear_in",), op="swiglu"),
        Site("down", ("ff.linear_out",)),
        Site("text_qkv", ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj")),
        Site("text_o", ("attn.to_add_out",), behind=True),
        Site("text_up", ("ff_context.linear_in",), op="swiglu"),
        Site("text_down", ("ff_context.linear_out",)),
    )
    attentions = ("attn",)
    heads: ClassVar[Mapping[str, Heads]] = {
        "attn": Heads("Flux2AttnProcessor", ("7df122801d9c", "83e0299f7215"), of_pairs, "pairs", STREAMS)
    }
    norms = ("norm1", "norm2", "norm1_context", "norm2_context")
    reads = ("ff", "ff.act_fn")
    sources = ("85b8d6370719", "a951d7545896")

    def fused(
        self,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        temb_mod_img: Tensor,
        temb_mod_txt: Tensor,
        image_rotary_emb: Any = None,
        joint_attention_kwargs: dict[str, Any] | None = None,
    ) -> tuple[Tensor, Tensor]:
        x, temb_mod_img = even(hidden_states, temb_mod_img)
        text, temb_mod_txt = even(encoder_hidden_states, temb_mod_txt)
        shift, scale, *rest = temb_mod_img.chunk(6, dim=-1)
        text_shift, text_scale, *text_rest = temb_mod_txt.chunk(6, dim=-1)
        attended, text_attended = self.joint_attention(
            x,
            text,
            {"norm": self.norm1, "shift": shift, "scale": scale},
            {"norm": self.norm1_context, "shift": text_shift, "scale": text_scale},
            rotary=image_rotary_emb,
            given=joint_attention_kwargs,
        )
        x = self.after_attention("", x, attended, self.norm2, rest)
        text = self.after_attention("text_", text, text_attended, self.norm2_context, text_rest)
        return clip(text), x


def _no_columns(x: Tensor) -> Tensor:
    return x[..., :0]


@fuses(_MODULE + "Flux2SingleTransformerBlock")
class Flux2Single(Block):
    sites = (
        Site("qkv_up", ("attn.to_qkv_mlp_proj",)),
        Site("o_down", ("attn.to_out",), behind=True),
    )
    attentions = ("attn",)
    heads: ClassVar[Mapping[str, Heads]] = {
        "attn": Heads("Flux2ParallelSelfAttnProcessor", ("dd3ebc07a3fe", "1f70349cc692"), of_pairs, "pairs")
    }
    replaced = (("attn.mlp_act_fn", _no_columns),)  # the processor is left with attention alone
    norms = ("norm",)
    reads = ("attn", "attn.mlp_act_fn")
    sources = ("a2953c14959b", "13e4ec85ec26", "9aa87daf2000")

    def fused(
        self,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None,
        temb_mod: Tensor,
        image_rotary_emb: Any = None,
        joint_attention_kwargs: dict[str, Any] | None = None,
        split_hidden_states: bool = False,
        text_seq_len: int | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        x, text = hidden_states, text_seq_len
        if encoder_hidden_states is not None:
            text = encoder_hidden_states.shape[1]
            x = cat_tokens(encoder_hidden_states, x)
        x, temb_mod = even(x, temb_mod)
        shift, scale, gate = temb_mod.chunk(3, dim=-1)
        qkv_up = self.qkv_up(x, norm=self.norm, shift=shift, scale=scale)
        attended = self.attend_packed("attn", qkv_up, rotary=image_rotary_emb, given=joint_attention_kwargs)
        mlp = qkv_up[..., 3 * self.attn.inner_dim :]
        x = clip(self.o_down(attended, x2=mlp, act="swiglu", residual=x, gate=gate))
        return (x[:, :text], x[:, text:]) if split_hidden_states else x
