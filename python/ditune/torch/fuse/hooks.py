# SPDX-License-Identifier: Apache-2.0
"""Hooks on modules that a fused block does not call: it must not drop them."""

from __future__ import annotations

import functools
from collections.abc import Container
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as of_all_modules

from ditune.errors import UsageError
from ditune.torch.modules import Int8Linear


def sets_forward(module: nn.Module) -> bool:
    """Whether it has a forward of its own, as accelerate, diffusers and LoRA trainers set it. What their removal leaves
    there is that of its class."""
    own = module.__dict__.get("forward")
    return own is not None and own != type(module).forward.__get__(module)


def placed_on(module: nn.Module) -> torch.device | None:
    """Where its forward moves its inputs, if that is accelerate's of a device_map and does nothing else."""
    own: Any = module.__dict__.get("forward")
    hook: Any = module.__dict__.get("_hf_hook")
    if type(hook).__name__ != "AlignDevicesHook" or hook.offload or hook.execution_device is None:
        return None
    if not isinstance(own, functools.partial) or own.func.__module__ != type(hook).__module__:
        return None
    if module._old_forward != type(module).forward.__get__(module):
        return None
    return torch.device(hook.execution_device)


def is_hooked(module: nn.Module, device: torch.device | None = None) -> bool:
    """Also by a forward of its own. device: of what calls it, so that moving its inputs there does not count."""
    if module._forward_hooks or module._forward_pre_hooks:
        return True
    if "forward" not in module.__dict__ or not sets_forward(module):
        return False
    return device is None or placed_on(module) != device


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
