# SPDX-License-Identifier: Apache-2.0
"""Wan: self-attention, cross-attention to the text (and to a first image), MLP. Modulation is float32, for the video or
for each token."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ditune.torch.fuse.block import Block, Site, fuses

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
    norms = ("norm1", "norm2", "norm3")
    reads = ("norm1", "ffn", "ffn.net.0")
    sources = ("7d15010f5131", "ab6d7d54fa10")

    def fused(self, hidden_states: Tensor, encoder_hidden_states: Tensor, temb: Tensor, rotary_emb: Any) -> Tensor:
        x, context = hidden_states, encoder_hidden_states
        modulation = self.scale_shift_table + temb.float()  # [B, 6, D], or [B, S, 6, D]
        shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = modulation.unbind(dim=-2)
        qkv = self.qkv(x, norm=self.norm1, shift=shift, scale=scale)
        x = self.o(self.attend("attn1", qkv, None, None, rotary_emb), residual=x, gate=gate)
        q = self.cross_q(x, norm=self.norm2)
        x = self.cross_o(self.attend("attn2", q, self._cross(context), None, None), residual=x)
        mlp = self.up(x, norm=self.norm3, shift=mlp_shift, scale=mlp_scale)
        made: Tensor = self.down(mlp, residual=x, gate=mlp_gate)
        return made

    def _cross(self, context: Tensor) -> Tensor:
        """Joined k and v."""
        if self.attn2.add_k_proj is None:
            return self.cross_kv(context)  # type: ignore[no-any-return]
        image = context.shape[1] - _TEXT
        return torch.cat([self.image_kv(context[:, :image]), self.cross_kv(context[:, image:])], dim=1)
