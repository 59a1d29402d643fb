# SPDX-License-Identifier: Apache-2.0
"""What others have set on a module: hooks of torch, and a forward, as accelerate, diffusers and LoRA trainers do."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import nn


def sets_forward(module: nn.Module, device: torch.device | None = None) -> bool:
    """Whether it has a forward of its own. What the removal of hooks leaves there is that of its class. device: of what
    calls the module, so that a forward that only moves its inputs there does not count."""
    own = module.__dict__.get("forward")
    if own is None or own == type(module).forward.__get__(module):
        return False
    return device is None or placed_on(module) != device


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
    """Also by a forward of its own; device as of `sets_forward`."""
    hooks = module._forward_hooks or module._forward_pre_hooks
    return bool(hooks) or ("forward" in module.__dict__ and sets_forward(module, device))
