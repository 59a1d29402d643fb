# SPDX-License-Identifier: Apache-2.0
"""Z-Image: one stream, RMSNorm before and behind attention and MLP. Blocks of the text have no modulation; of edit
models each token has one of two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from ditune.torch.fuse.block import Block, Site, fuses
from ditune.torch.fuse.heads import Heads, of_complex
from ditune.torch.fuse.layers import Sum
from ditune.torch.fuse.models.batches import even, rows_of_halves


@fuses("diffusers.models.transformers.transformer_z_image.ZImageTransformerBlock")
class ZImageBlock(Block):
    sites = (
        Site("qkv", ("attention.to_q", "attention.to_k", "attention.to_v")),
        Site("o", ("attention.to_out.0",), behind=True),
        Site("gate_up", ("feed_forward.w1", "feed_forward.w3"), op="swiglu"),
        Site("down", ("feed_forward.w2",)),
    )
    attentions = ("attention",)
    heads: ClassVar[Mapping[str, Heads]] = {
        "attention": Heads("ZSingleStreamAttnProcessor", ("5631b9a0326a",), of_complex, "pairs", rotary="freqs_cis")
    }
    norms = one_eps = ("attention_norm1", "attention_norm2", "ffn_norm1", "ffn_norm2")
    branch_norms = ("attention_norm2", "ffn_norm2")
    makes_sums = True
    reads = ("attention_norm1", "feed_forward")
    sources = ("dd96fd68eaca", "ef05120cb9fc")

    def fused(
        self,
        x: Tensor | Sum,
        attn_mask: Tensor | None,
        freqs_cis: Any,
        adaln_input: Tensor | None = None,
        noise_mask: Tensor | None = None,
        adaln_noisy: Tensor | None = None,
        adaln_clean: Tensor | None = None,
    ) -> Tensor | Sum:
        scale = gate = mlp_scale = mlp_gate = rows = None
        if self.modulation:
            if noise_mask is not None:
                assert adaln_noisy is not None and adaln_clean is not None
                adaln_input = torch.cat([adaln_noisy, adaln_clean])
                rows = rows_of_halves((noise_mask != 1).int(), x, adaln_input)
            else:
                assert adaln_input is not None
                x, adaln_input = even(x, adaln_input)
            scale, gate, mlp_scale, mlp_gate = self.adaLN_modulation(adaln_input).chunk(4, dim=1)
            gate, mlp_gate = gate.tanh(), mlp_gate.tanh()
        hidden, qkv = self.qkv.add(x, norm=self.attention_norm1, scale=scale, index=rows)
        attended = self.attend_packed("attention", qkv, mask=self.mask(attn_mask), rotary=freqs_cis)
        sum = Sum(hidden, self.o(attended), gate, self.attention_norm2, rows)
        hidden, gate_up = self.gate_up(sum, norm=self.ffn_norm1, scale=mlp_scale, index=rows)
        return self.give(Sum(hidden, self.down(gate_up), mlp_gate, self.ffn_norm2, rows))
