# SPDX-License-Identifier: Apache-2.0
"""Ideogram 4: one stream, RMSNorm before and behind attention and MLP, a gate and a scale for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from ditune.torch.fuse.block import Block, Site, fuses
from ditune.torch.fuse.heads import Heads, of_halves
from ditune.torch.fuse.layers import Sum
from ditune.torch.fuse.models.batches import even
from ditune.torch.fuse.norms import FusedNorm
from ditune.torch.fuse.outside import fuses_modules
from ditune.torch.fuse.rows import ZeroRows

_MODULE = "diffusers.models.transformers.transformer_ideogram4."
# The text's features have 53,248 columns, and rows of zeros for the tokens of the image.
fuses_modules(_MODULE + "Ideogram4Transformer2DModel", {"llm_cond_norm": FusedNorm, "llm_cond_proj": ZeroRows})


@fuses(_MODULE + "Ideogram4TransformerBlock")
class Ideogram4Block(Block):
    sites = (
        Site("qkv", ("attention.to_q", "attention.to_k", "attention.to_v")),
        Site("o", ("attention.to_out.0",), behind=True),
        Site("gate_up", ("feed_forward.w1", "feed_forward.w3"), op="swiglu"),
        Site("down", ("feed_forward.w2",)),
    )
    attentions = ("attention",)
    heads: ClassVar[Mapping[str, Heads]] = {
        "attention": Heads(
            "Ideogram4AttnProcessor", ("abbdfd58ba46",), of_halves, "half", columns="hidden_size", number="num_heads"
        )
    }
    norms = one_eps = ("attention_norm1", "attention_norm2", "ffn_norm1", "ffn_norm2")
    branch_norms = ("attention_norm2", "ffn_norm2")
    makes_sums = True
    reads = ("attention_norm1", "feed_forward")
    sources = ("19da26020d91", "24f6d15f441b")

    def fused(
        self, hidden_states: Tensor | Sum, attention_mask: Tensor, image_rotary_emb: Any, adaln_input: Tensor
    ) -> Tensor | Sum:
        tokens, adaln_input = even(hidden_states, adaln_input)
        scale, gate, mlp_scale, mlp_gate = self.adaln_modulation(adaln_input).chunk(4, dim=-1)
        x, qkv = self.qkv.add(tokens, norm=self.attention_norm1, scale=scale)
        attended = self.attend_packed("attention", qkv, mask=self.mask(attention_mask), rotary=image_rotary_emb)
        sum = Sum(x, self.o(attended), gate.tanh(), self.attention_norm2)
        x, gate_up = self.gate_up(sum, norm=self.ffn_norm1, scale=mlp_scale)
        return self.give(Sum(x, self.down(gate_up), mlp_gate.tanh(), self.ffn_norm2))
