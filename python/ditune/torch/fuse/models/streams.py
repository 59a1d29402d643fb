# SPDX-License-Identifier: Apache-2.0
"""What blocks of an image and a text stream have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ditune.torch.fuse.block import Block

STREAMS = (("norm_q", "norm_k"), ("norm_added_q", "norm_added_k"))  # norms of an image's and a text's q and k


class DoubleStream(Block):
    """A block whose streams have the sites qkv, o, up and down each, of names with a prefix."""

    def joint_attention(
        self,
        x: Tensor,
        text: Tensor,
        image_options: dict[str, Any],
        text_options: dict[str, Any],
        given: Mapping[str, Any] | None,
        **more: Any,
    ) -> Any:
        """What attends of both streams. The options are those of the sites qkv; given: `joint_attention_kwargs`.

        Of one image q, k and v of both are written to one tensor, which attention then reads without a copy.
        """
        if x.shape[0] > 1 or torch.is_grad_enabled() or self.packed("attn", x) is None:
            qkv, text_qkv = self.qkv(x, **image_options), self.text_qkv(text, **text_options)
            return self.attend_packed("attn", qkv, text_qkv, given=given, **more)
        tokens = text.shape[1]
        joint = x.new_empty(1, tokens + x.shape[1], self.qkv.out_features)
        streams = joint[:, tokens:], joint[:, :tokens]
        self.qkv.into(streams[0], x, **image_options)
        self.text_qkv.into(streams[1], text, **text_options)
        return self.attend_packed("attn", *streams, given=given, joint=joint, **more)

    def after_attention(
        self,
        prefix: str,
        x: Tensor,
        attended: Tensor,
        norm: nn.Module,
        modulation: Sequence[Tensor],
        rows: Tensor | None = None,
    ) -> Tensor:
        """The stream behind attention. modulation: gate, then shift, scale and gate of the MLP; of each token those of
        `rows`, if that is given."""
        gate, shift, scale, mlp_gate = modulation
        o, up, down = (getattr(self, prefix + name) for name in ("o", "up", "down"))
        x = o(attended, residual=x, gate=gate, gate_index=rows)
        mlp = up(x, norm=norm, shift=shift, scale=scale, index=rows)
        made: Tensor = down(mlp, residual=x, gate=mlp_gate, gate_index=rows)
        return made


def clip(x: Tensor) -> Tensor:
    """float16 within its range, as the blocks of diffusers do it."""
    return x.clip(-65504, 65504) if x.dtype == torch.float16 else x


def cat_tokens(a: Tensor, b: Tensor) -> Tensor:
    """[B, S, D] and [B, T, D] as [B, S + T, D]: without a copy where they are the two parts of one tensor."""
    if torch.compiler.is_compiling() or not _are_parts(a, b):
        return torch.cat([a, b], dim=1)
    return a.as_strided((a.shape[0], a.shape[1] + b.shape[1], a.shape[2]), a.stride())


def _are_parts(a: Tensor, b: Tensor) -> bool:
    step = a.stride(1)
    return (
        a.stride() == b.stride()
        and a.stride(0) == (a.shape[1] + b.shape[1]) * step
        and a.shape[0] == b.shape[0]
        and a.dtype == b.dtype
        and a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()
        and a.data_ptr() + a.shape[1] * step * a.element_size() == b.data_ptr()
    )
