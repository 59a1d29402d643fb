# SPDX-License-Identifier: Apache-2.0
"""Hooks on modules that a fused block does not call: it must not drop them."""

from __future__ import annotations

from collections.abc import Container

import torch
from torch import nn
from torch.nn.modules import module as of_all_modules

from ditune.errors import UsageError
from ditune.torch._hooks import is_hooked
from ditune.torch.modules import Int8Linear


def is_watched(module: nn.Module) -> bool:
    """Whether hooks, those of all modules included, see what goes into it and comes out of it."""
    of_all = of_all_modules._global_forward_pre_hooks or of_all_modules._global_forward_hooks
    return bool(of_all) or is_hooked(module)


def refuse_hooks(block: nn.Module, served: Container[str], device: torch.device) -> None:
    """Raises UsageError if a module inside has hooks, but for those that are looked at in each call. device: where the
    block is."""
    for path, module in block.named_modules():
        if path not in served and is_hooked(module, device):
            raise UsageError(f"{path or 'it'} has hooks (fuse before hooks are added)")


def modules_inside(block: nn.Module, served: Container[str]) -> list[nn.Module]:
    """Whose work a fused block does, so that it has to look for the hooks that they get later: all but those of
    `served`, which are looked at where they count, and the layers to be joined."""
    return [
        module
        for path, module in block.named_modules()
        if path and path not in served and not isinstance(module, Int8Linear)
    ]
