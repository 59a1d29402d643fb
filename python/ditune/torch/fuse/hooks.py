# SPDX-License-Identifier: Apache-2.0
"""Hooks on modules that a fused block does not call: it must not drop them."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from torch import nn

from ditune.errors import UsageError
from ditune.torch.modules import Int8Linear


def is_hooked(module: nn.Module) -> bool:
    """Also by a forward of its own, as accelerate, diffusers and LoRA trainers set it."""
    return bool(module._forward_hooks or module._forward_pre_hooks) or "forward" in module.__dict__


def refuse_hooks(block: nn.Module, served: Container[str]) -> None:
    """Raises UsageError if a module inside has hooks, but for those that are looked at in each call, and for those of
    accelerate that only move tensors."""
    for path, module in block.named_modules():
        if path not in served and is_hooked(module) and (not path or not hasattr(module, "_hf_hook")):
            raise UsageError(f"{path or 'it'} has hooks (fuse before hooks are added)")


def hooks_of(block: nn.Module, served: Container[str]) -> tuple[Mapping[int, Any], ...]:
    """Where modules inside keep the hooks that they get later, but for those of `served` and the layers to be joined,
    which are looked at themselves. They are few enough to be looked at in each call."""
    inside = [
        module
        for path, module in block.named_modules()
        if path and path not in served and not isinstance(module, Int8Linear)
    ]
    return tuple(hooks for module in inside for hooks in (module._forward_pre_hooks, module._forward_hooks))
