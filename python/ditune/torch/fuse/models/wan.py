# SPDX-License-Identifier: Apache-2.0
"""Wan: self-attention, cross-attention to the text (and to a first image), MLP. Modulation is float32, for the video or
for each token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ditune.torch.fuse.block import Block, Site, fuses
from ditune.torch.fuse.heads import Heads, PackedAttention, normalize, of_pairs
from ditune.torch.fuse.models.batches import even

_HEADS = Heads("WanAttnProcessor", ("72cb1121c1e6",), of_pairs, "pairs", rotary="rotary_emb")
_TEXT = 512  # tokens, behind those of an image: what the processor takes


@fuses("diffusers.models.transformers.transformer_wan.WanTransformerBlock")
class WanBlock(Block):
    sites = (
        Site("qkv", ("attn1.to_q", "attn1.to_k", "attn1.to_v")),
        Site("o", ("attn1.to_out.0",), behind=True),
        Site("cross_q", ("attn2.to_q",)),
        Site("cross_kv", ("attn2.to_k", "attn2.to_v")),
        Site("image_kv", ("attn2.add_k_proj", "attn2.add_v_proj"), optional=True),
        Site("cross_o", ("attn2.to_out.0",), behind=True),
        Site("up", ("ffn.net.0.proj",), op="gelu_tanh"),
        Site("down", ("ffn.net.2",)),
    )
    attentions = ("attn1", "attn2")
    heads: ClassVar[Mapping[str, Heads]] = {"attn1": _HEADS, "attn2": _HEADS}
    norms = ("norm1", "norm2", "norm3")
    reads = ("norm1", "ffn", "ffn.net.0")
    sources = ("7d15010f5131", "ab6d7d54fa10")

    def fused(self, hidden_states: Tensor, encoder_hidden_states: Tensor, temb: Tensor, rotary_emb: Any) -> Tensor:
        context = encoder_hidden_states
        x, temb = even(hidden_states, temb)
        modulation = self.scale_shift_table + temb.float()  # [B, 6, D], or [B, S, 6, D]
        shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = modulation.unbind(dim=-2)
        qkv = self.qkv(x, norm=self.norm1, shift=shift, scale=scale)
        x = self.o(self.attend_packed("attn1", qkv, rotary=rotary_emb), residual=x, gate=gate)
        x = self.cross_o(self._cross(self.cross_q(x, norm=self.norm2), context), residual=x)
        mlp = self.up(x, norm=self.norm3, shift=mlp_shift, scale=mlp_scale)
        made: Tensor = self.down(mlp, residual=x, gate=mlp_gate)
        return made

    def _cross(self, q: Tensor, context: Tensor) -> Tensor:
        """Attention to the text, and to the image."""
        image = context.shape[1] - _TEXT if self.attn2.add_k_proj is not None else 0
        kv = self.cross_kv(context[:, image:])
        image_kv = self.image_kv(context[:, :image]) if image else None
        packed = self.packed("attn2", q)
        if packed is None:
            joined = kv if image_kv is None else torch.cat([image_kv, kv], dim=1)
            return self.attend("attn2", q, joined, None, None)  # type: ignore[no-any-return]
        normalize(q, self.attn2.norm_q)
        made = _attend(packed, q, kv, self.attn2.norm_k)
        return made if image_kv is None else made + _attend(packed, q, image_kv, self.attn2.norm_added_k)


def _attend(packed: PackedAttention, q: Tensor, kv: Tensor, norm: nn.Module) -> Tensor:
    k, v = kv.chunk(2, dim=-1)
    normalize(k, norm)
    return packed.dot(q, k, v)
