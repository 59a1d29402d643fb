# SPDX-License-Identifier: Apache-2.0
"""Attention masks that are all true are left out: attention without one is a faster kernel."""

from __future__ import annotations

import weakref

import torch
from torch import Tensor, nn

from ditune.torch.fuse.versions import Version, is_same, version_of


def may_ask(tensor: Tensor) -> bool:
    """Whether its values may be looked at: not under capture or compilation, nor on meta."""
    if torch.compiler.is_compiling() or tensor.is_meta:
        return False
    return not (tensor.is_cuda and torch.cuda.is_current_stream_capturing())


class Masks:
    """Whether a mask is all true is asked once a forward, which waits for the GPU; not under capture or compilation,
    where masks stay. `full` says that all masks are all true: nothing is asked."""

    def __init__(self, full: bool = False) -> None:
        self.full = full
        self.known: tuple[Version, bool] | None = None
        self.blocks: weakref.WeakSet[nn.Module] = weakref.WeakSet()  # that ask it; a copy knows none

    def needed(self, mask: Tensor | None, anew: bool) -> Tensor | None:
        """The mask, or None if it can be left out. anew: the first block of a forward asks, the others know."""
        if mask is None or self.full:
            return None
        if mask.dtype != torch.bool or not may_ask(mask):
            return mask
        known = self.known  # read once: another thread may set it
        if anew or known is None or not is_same(known[0], mask):
            self.known = known = version_of(mask), bool(mask.all())
        return None if known[1] else mask

    def __getstate__(self) -> dict[str, bool]:
        return {"full": self.full}

    def __setstate__(self, state: dict[str, bool]) -> None:
        self.__init__(state["full"])  # type: ignore[misc]
