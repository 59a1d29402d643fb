# SPDX-License-Identifier: Apache-2.0
"""Hooks on modules that a fused block does not call: it must not drop them."""

from __future__ import annotations

from collections.abc import Container

from torch import nn

from ditune.errors import UsageError


def is_hooked(module: nn.Module) -> bool:
    """Also by a forward of its own, as accelerate, diffusers and LoRA trainers set it."""
    return bool(module._forward_hooks or module._forward_pre_hooks) or "forward" in module.__dict__


def refuse_hooks(block: nn.Module, served: Container[str]) -> None:
    """Raises UsageError if a module inside has hooks, but for those that are looked at in each call, and for those of
    accelerate that only move tensors."""
    for path, module in block.named_modules():
        if path not in served and is_hooked(module) and (not path or not hasattr(module, "_hf_hook")):
            raise UsageError(f"{path or 'it'} has hooks (fuse before hooks are added)")
