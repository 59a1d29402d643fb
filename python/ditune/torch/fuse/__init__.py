# SPDX-License-Identifier: Apache-2.0
"""fuse_: the blocks of a diffusion transformer on few launches. For a model of your own: `Block`, `Site`, `fuses`."""

from __future__ import annotations

import functools
import logging
from typing import Any, TypeVar

from torch import nn

from ditune.errors import UsageError
from ditune.torch.fuse.block import Block, Site, adapter_of, fuse_block, fuses
from ditune.torch.fuse.heads import Angles, Heads
from ditune.torch.fuse.layers import FusedLinear, Sum
from ditune.torch.fuse.masks import Masks
from ditune.torch.fuse.models import register
from ditune.torch.fuse.outside import fuse_modules
from ditune.torch.fuse.sources import classes_of, source_hash
from ditune.torch.modules import Int8Linear
from ditune.torch.quantize import quantize_, tell_config

__all__ = ["Block", "FusedLinear", "Heads", "Site", "Sum", "fuse_", "fuses"]

logger = logging.getLogger("ditune")

Model = TypeVar("Model", bound=nn.Module)

register()


def fuse_(model: Model, *, full_attention: bool = False, **quantize: Any) -> Model:
    """Has a diffusion transformer's blocks run fused, in place, and returns the model. For inference.

    Norm, modulation, gated residual and activation are computed in the launches that quantize or multiply; layers of
    one input share a quantization and a GEMM. A model that is not int8 yet goes through `quantize_(model, **quantize)`
    first. A state_dict is what it was before: that of `quantize_`.

    full_attention says that attention masks are all true, which otherwise is asked once a forward, and not at all in
    CUDA graphs and torch.compile, where masks stay.

    A model without a block that is known is left as it is, and so is a block whose source is not the one that was
    tried; a warning says so.
    """
    is_int8 = any(isinstance(module, Int8Linear) for module in model.modules())
    if is_int8 and quantize:
        raise UsageError(f"{', '.join(quantize)} are options of quantize_, which was called already (leave them out)")
    known: list[tuple[str, nn.Module, type[Block]]] = []
    for name, block in model.named_modules():
        adapter = adapter_of(block)
        if adapter is not None and _is_tried(block, adapter):
            known.append((name, block, adapter))
    masks, angles = Masks(full_attention), Angles()
    earlier = [module for module in model.modules() if isinstance(module, Block)]
    own = set(model.modules())
    for block in earlier if full_attention else ():
        if own.issuperset(block._masks.blocks):  # else another model has the block, too, and promises nothing
            block._masks = masks
    if not known:
        if not earlier:
            _warn(f"fuse_: {type(model).__name__} has no block that is known and is left as it is (use quantize_)")
        _chain(model)
        return model
    if not is_int8:
        quantize_(model, **quantize)
    left: dict[str, list[str]] = {}  # by class and reason
    for name, block, adapter in known:
        try:
            fuse_block(block, adapter, masks, angles)
        except UsageError as error:
            left.setdefault(f"{type(block).__name__}: {error}", []).append(name)
    for why, names in left.items():
        _warn(f"fuse_: left as they are, {len(names)} ({names[0]}, ...) of {why}")
    tell_config(model)
    fuse_modules(model)
    _chain(model)
    count = sum(isinstance(block, Block) for _, block, _ in known)
    logger.info("fuse_: %d of %d blocks are fused now", count, len(known))
    return model


def _is_tried(block: nn.Module, adapter: type[Block]) -> bool:
    if not adapter.sources:
        return True
    try:
        found = source_hash(classes_of(block, adapter.reads))
    except AttributeError:
        found = ""  # a module of `reads` is gone
    if found in adapter.sources:
        return True
    _warn(
        f"fuse_: the source of {type(block).__name__} is not one that was tried, so it is left as it is "
        "(install a newer ditune, or use quantize_)"
    )
    return False


def _chain(model: nn.Module) -> None:
    """Tells blocks of a list which is the first, and whether the next one takes a Sum."""
    for blocks in model.modules():
        if not isinstance(blocks, nn.ModuleList):
            continue
        for before, block in zip((None, *blocks), (*blocks, None), strict=True):
            if isinstance(block, Block):
                block._first = not isinstance(before, Block)
            if isinstance(before, Block):
                before._passes_sums = before.makes_sums and type(before) is type(block)


@functools.cache
def _warn(message: str) -> None:
    """Once in a process."""
    logger.warning(message)
