# SPDX-License-Identifier: Apache-2.0
"""Attention without its processor: norm and rotary embedding of q and k in place, in the packed tensor of q, k and v,
and then the attention function that the processor calls, over views. Only for processors whose source was tried."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ditune.errors import UsageError
from ditune.torch import ops
from ditune.torch._hooks import is_hooked
from ditune.torch._tensors import rows_of
from ditune.torch.fuse.norms import norm_kind, of_norm, shape_of
from ditune.torch.fuse.sources import source_hash
from ditune.torch.fuse.versions import Version, count_of, is_same, version_of

logger = logging.getLogger("ditune")

_SIZES = (16, 32, 64, 128, 256)  # of heads that quantize_s8 takes
_DTYPES = (torch.bfloat16, torch.float16)  # what is written in place


class Heads(NamedTuple):
    """What the processor of an attention module does with the heads of q and k."""

    processor: str  # the class, in the block's module
    sources: tuple[str, ...]  # hashes of it and of the attention module's forward that were tried
    angles: Callable[[Any], Tensor]  # the model's rotary embedding as quantize_s8 takes it, of text tokens first
    rope: ops.Rope
    norms: tuple[tuple[str, str], ...] = (("norm_q", "norm_k"),)  # of q and k: of the image, and of a text
    columns: str = "inner_dim"  # the module's attribute that has the columns of q, and of k
    number: str = "heads"  # the one that has the number of heads
    mask: str = "attention_mask"  # keywords of the module's forward
    rotary: str = "image_rotary_emb"


# ---- forms of rotary embeddings


def of_halves(rotary: Any) -> Tensor:
    """cos, sin [..., head], whose halves are the same."""
    return torch.stack([each[..., : each.shape[-1] // 2] for each in rotary], -1).flatten(-2)


def of_pairs(rotary: Any) -> Tensor:
    """cos, sin [..., head], each value twice in turn."""
    return torch.stack([each[..., ::2] for each in rotary], -1).flatten(-2)


def of_complex(rotary: Tensor) -> Tensor:
    """[..., head / 2]"""
    return torch.view_as_real(rotary).flatten(-2).contiguous()


# ---- what runs


class HeadNorms(nn.Module):
    """The norms of q and k: of each head, in one launch for both, or of all heads, in one for each.

    Those of each head have their weights side by side for all heads, made anew when a state_dict is loaded,
    and at a call after they were replaced or changed in place (not through `.data`, which no version counts).
    """

    weight: Tensor | None

    def __init__(self, norms: tuple[Any, Any], inner: int, head: int) -> None:
        """Raises UsageError where these norms cannot be computed in place."""
        super().__init__()
        self.inner, self.head = inner, head
        self._norms = norms  # no submodules: attention has them
        self.kind = _kind(norms, inner, head)
        self._eps = [None if norm is None else norm.eps for norm in norms]
        self.eps, *others = {1e-6 if norm is None else of_norm(norm)["eps"] for norm in norms}
        if self.kind != "rms" and others:
            raise UsageError("the norms of q and k differ in eps")
        self.register_buffer("weight", None, persistent=False)
        self.refresh()
        for norm in norms if self.kind == "rms_head" else ():
            norm.register_load_state_dict_post_hook(self.refresh)

    @torch.no_grad()
    def refresh(self, *_: Any) -> None:
        """Reads the norms' weights anew."""
        if self.kind != "rms_head" or self._norms[0].weight is None:
            return
        self._known = [(norm.weight, count_of(norm.weight)) for norm in self._norms]
        if len({norm.weight.device for norm in self._norms}) > 1:
            return  # they are on their way to another device
        made = torch.cat([norm.weight.repeat(self.inner // self.head) for norm in self._norms])
        if self.weight is None or (self.weight.dtype, self.weight.device) != (made.dtype, made.device):
            self.weight = made
        else:
            self.weight.copy_(made)  # in place: CUDA graphs read it

    def follow(self) -> None:
        """Reads the norms' weights anew if they are others now."""
        if self.weight is None or torch.compiler.is_compiling():
            return
        for norm, (weight, version) in zip(self._norms, self._known, strict=True):
            if norm.weight is not weight or count_of(weight) != version:
                self.refresh()
                return

    def turn(self, qkv: Tensor, rope: ops.Rope, angles: Tensor | None) -> None:
        """q and k, the first columns."""
        if qkv.numel() == 0:
            return
        rope = "none" if angles is None else rope
        if self.kind == "rms":
            for which, norm in enumerate(self._norms):
                normalize(qkv.narrow(-1, which * self.inner, self.inner), norm, self.head, rope, angles)
        elif self.kind != "none" or rope != "none":
            self.follow()
            ops.norm_rope_(
                qkv.narrow(-1, 0, 2 * self.inner),
                head=self.head,
                norm=self.kind,
                norm_weight=self.weight,
                rope=rope,
                angles=angles,
                eps=self.eps,
            )

    def is_as_read(self, device: torch.device) -> bool:
        """Whether the norms compute what they did when the block was fused."""
        return all(
            norm is None or (norm.eps == eps and not is_hooked(norm, device))
            for norm, eps in zip(self._norms, self._eps, strict=True)
        )


def normalize(x: Tensor, norm: nn.Module, head: int = 0, rope: ops.Rope = "none", angles: Tensor | None = None) -> None:
    """q or k, of all heads, in place."""
    its, head = of_norm(norm), 0 if rope == "none" else head
    weight, eps = its["norm_weight"], its["eps"]
    ops.norm_rope_(x, head=head, norm=its["norm"], norm_weight=weight, rope=rope, angles=angles, eps=eps)


def _kind(norms: tuple[Any, Any], inner: int, head: int) -> Any:
    columns = set()
    for norm in norms:
        if norm is None:
            columns.add(0)
        elif norm_kind(norm) != "rms" or getattr(norm, "bias", None) is not None:
            raise UsageError("a norm of q or k is no RMSNorm, or has a bias")
        else:
            (size,) = shape_of(norm)
            columns.add(size if norm.weight is not None else -size)
    kinds = {0: "none", head: "rms_head", -head: "rms_head", inner: "rms", -inner: "rms"}
    if len(columns) != 1 or (kind := kinds.get(columns.pop())) is None:
        raise UsageError("the norms of q and k are of other columns")
    return kind


class PackedAttention(nn.Module):
    """What the processor of an attention module computes, in the place of packed q, k and v of one stream or of two."""

    def __init__(self, block: nn.Module, path: str, heads: Heads) -> None:
        """Raises UsageError if this block's module is not such a one."""
        super().__init__()
        attention = block.get_submodule(path)
        module = sys.modules[type(block).__module__]
        self.processor = getattr(module, heads.processor, None)
        self.function = getattr(module, "dispatch_attention_fn", None)
        if self.processor is None or self.function is None:
            raise UsageError(f"{type(block).__module__} has no {heads.processor} or no dispatch_attention_fn")
        if source_hash([self.processor, type(attention).forward]) not in heads.sources:
            raise UsageError(f"the source of {heads.processor} is not one that was tried")
        self.rope = heads.rope
        self.inner = getattr(attention, heads.columns)
        self.head = self.inner // getattr(attention, heads.number)
        if self.head not in _SIZES:
            raise UsageError(f"heads have {self.head} columns")
        self._of = (attention,)  # no submodule: the block has it
        self.norms = nn.ModuleList(
            HeadNorms(tuple(getattr(attention, name) for name in names), self.inner, self.head) for names in heads.norms
        )

    def takes(self, x: Tensor) -> bool:
        """Whether this is what would be computed: the processor is the one that was tried, and nobody looks on."""
        processor: Any = self._of[0].processor
        if type(processor) is not self.processor or x.dtype not in _DTYPES or x.requires_grad:
            return False
        if processor._parallel_config is not None:
            return False
        return all(self.of_stream(i).is_as_read(x.device) for i in range(len(self.norms)))

    def run(
        self, streams: tuple[Tensor, ...], mask: Tensor | None, angles: Tensor | None, joint: Tensor | None = None
    ) -> Any:
        """Of one stream what attends, of an image and a text both. joint: text and image, if these are parts of it."""
        batch, tokens = streams[0].shape[0], sum(each.shape[1] for each in streams)
        if angles is not None and (positions := rows_of(angles)) not in (tokens, batch * tokens):
            raise UsageError(f"the rotary embedding has {positions} positions (give one for each of {tokens} tokens)")
        if len(streams) == 1:
            self.of_stream(0).turn(streams[0], self.rope, angles)
            return self.attend(streams[0], mask)
        image, text = streams
        tokens = text.shape[1]
        self.of_stream(0).turn(image, self.rope, None if angles is None else angles[tokens:])
        self.of_stream(1).turn(text, self.rope, None if angles is None else angles[:tokens])
        made = self.attend(torch.cat([text, image], dim=1) if joint is None else joint, mask)
        return made[:, tokens:], made[:, :tokens]

    def of_stream(self, number: int) -> HeadNorms:
        return self.norms[number]  # type: ignore[return-value]

    def attend(self, qkv: Tensor, mask: Tensor | None) -> Tensor:
        q, k, v = (qkv.narrow(-1, i * self.inner, self.inner) for i in range(3))
        return self.dot(q, k, v, mask)

    def dot(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        processor: Any = self._of[0].processor
        made: Tensor = self.function(  # type: ignore[misc]
            *(each.unflatten(-1, (-1, self.head)) for each in (q, k, v)),  # type: ignore[no-untyped-call]
            attn_mask=_of_keys(mask, k.shape[1]),
            backend=processor._attention_backend,
        )
        return made.flatten(2, 3).to(q.dtype)


def packed_of(block: nn.Module, table: Mapping[str, Heads]) -> nn.ModuleDict:
    """By attention module, of those whose processor can be left out."""
    made = {}
    for path, heads in table.items():
        try:
            made[path] = PackedAttention(block, path, heads)
        except UsageError as error:
            _inform(f"fuse_: {path} of {type(block).__name__} keeps its processor: {error}")
    return nn.ModuleDict(made)


@functools.cache
def _inform(message: str) -> None:
    """Once in a process."""
    logger.info(message)


def _of_keys(mask: Tensor | None, tokens: int) -> Tensor | None:
    """A mask [B, S] is one of keys; those behind it are seen."""
    if mask is None or mask.dim() != 2:
        return mask
    return nn.functional.pad(mask, (0, tokens - mask.shape[1]), value=True)[:, None, None]


class Angles:
    """A model's rotary embedding as `quantize_s8` takes it: made once a forward for all blocks. In a CUDA graph and
    under compilation each block makes it: what another one has may not be there when it runs."""

    def __init__(self) -> None:
        self.known: tuple[tuple[Any, ...], list[Version], Tensor] | None = None

    def of(self, rotary: Any, heads: Heads, like: Tensor, anew: bool) -> Tensor | None:
        """anew: the first block of a forward."""
        if rotary is None:
            return None
        if torch.compiler.is_compiling() or (like.is_cuda and torch.cuda.is_current_stream_capturing()):
            return heads.angles(rotary).to(like.device, torch.float32)
        sources = rotary if isinstance(rotary, (tuple, list)) else (rotary,)
        known, stream = self.known, torch._C._cuda_getCurrentRawStream(like.device.index) if like.is_cuda else 0
        its = heads.angles, like.device, stream  # another stream would not wait for it
        if anew or known is None or known[0] != its or not all(map(is_same, known[1], sources)):
            made = heads.angles(rotary).to(like.device, torch.float32)
            self.known = known = its, [version_of(each) for each in sources], made
        return known[2]

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.known = None
