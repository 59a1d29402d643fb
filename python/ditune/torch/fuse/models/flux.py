# SPDX-License-Identifier: Apache-2.0
"""FLUX.1: double blocks of an image and a text stream, and single blocks whose attention and MLP are side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from ditune.torch.fuse.block import Block, Site, fuses
from ditune.torch.fuse.heads import Heads, of_pairs
from ditune.torch.fuse.models.batches import even
from ditune.torch.fuse.models.streams import STREAMS, DoubleStream, cat_tokens, clip

_MODULE = "diffusers.models.transformers.transformer_flux."
_HEADS = Heads("FluxAttnProcessor", ("8c6cd01c5eb8", "08bf5e0da098"), of_pairs, "pairs")


@fuses(_MODULE + "FluxTransformerBlock")
class FluxDouble(DoubleStream):
    sites = (
        Site("qkv", ("attn.to_q", "attn.to_k", "attn.to_v")),
        Site("o", ("attn.to_out.0",), behind=True),
        Site("up", ("ff.net.0.proj",), op="gelu_tanh"),
        Site("down", ("ff.net.2",)),
        Site("text_qkv", ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj")),
        Site("text_o", ("attn.to_add_out",), behind=True),
        Site("text_up", ("ff_context.net.0.proj",), op="gelu_tanh"),
        Site("text_down", ("ff_context.net.2",)),
    )
    attentions = ("attn",)
    heads: ClassVar[Mapping[str, Heads]] = {"attn": _HEADS._replace(norms=STREAMS)}
    norms = ("norm1.norm", "norm2", "norm1_context.norm", "norm2_context")
    reads = ("norm1", "ff", "ff.net.0")
    sources = ("ba264aba00b1", "8c1e495445aa")

    def fused(
        self,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        temb: Tensor,
        image_rotary_emb: Any = None,
        joint_attention_kwargs: dict[str, Any] | None = None,
    ) -> tuple[Tensor, Tensor]:
        x, temb = even(hidden_states, temb)
        text, temb = even(encoder_hidden_states, temb)
        shift, scale, *image_rest = _modulation(self.norm1, temb, 6)
        text_shift, text_scale, *text_rest = _modulation(self.norm1_context, temb, 6)
        attended, text_attended, *adapted = self.joint_attention(
            x,
            text,
            {"norm": self.norm1.norm, "shift": shift, "scale": scale},
            {"norm": self.norm1_context.norm, "shift": text_shift, "scale": text_scale},
            rotary=image_rotary_emb,
            given=joint_attention_kwargs,
        )
        x = self.after_attention("", x, attended, self.norm2, image_rest)
        for more in adapted:  # of an IP adapter
            x = x + more
        text = self.after_attention("text_", text, text_attended, self.norm2_context, text_rest)
        return clip(text), x


@fuses(_MODULE + "FluxSingleTransformerBlock")
class FluxSingle(Block):
    sites = (
        Site("qkv_up", ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"), op="gelu_tanh", first=3),
        Site("o_down", ("proj_out",)),
    )
    attentions = ("attn",)
    heads: ClassVar[Mapping[str, Heads]] = {"attn": _HEADS}
    norms = ("norm.norm",)
    reads = ("norm",)
    sources = ("26c292defbfd", "acbb70651756")

    def fused(
        self,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        temb: Tensor,
        image_rotary_emb: Any = None,
        joint_attention_kwargs: dict[str, Any] | None = None,
    ) -> tuple[Tensor, Tensor]:
        text = encoder_hidden_states.shape[1]
        x, temb = even(cat_tokens(encoder_hidden_states, hidden_states), temb)
        shift, scale, gate = _modulation(self.norm, temb, 3)
        qkv_up = self.qkv_up(x, norm=self.norm.norm, shift=shift, scale=scale)
        attended = self.attend_packed("attn", qkv_up, rotary=image_rotary_emb, given=joint_attention_kwargs)
        x = clip(self.o_down(attended, x2=qkv_up[..., self.qkv_up.from_column :], residual=x, gate=gate))
        return x[:, :text], x[:, text:]


def _modulation(norm: nn.Module, temb: Tensor, count: int) -> Any:
    """[B, D] each, of an AdaLayerNormZero or -Single."""
    return norm.linear(norm.silu(temb)).chunk(count, dim=1)  # type: ignore[operator]
