# SPDX-License-Identifier: Apache-2.0
"""Modules outside of blocks whose work is a part of the step: a change of their class, by their places in the model."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from ditune.torch._hooks import placed_on, sets_forward
from ditune.torch.fuse.subclass import Mixin, change_class

_mixins: dict[str, Mapping[str, type[Mixin]]] = {}  # by the model's class, by path


def fuses_modules(model: str, mixins: Mapping[str, type[Mixin]]) -> None:
    """Registers what modules of a class of models become, by its name with its module's."""
    _mixins[model] = mixins


def fuse_modules(model: nn.Module) -> None:
    """In place: a state_dict and the modules' names stay."""
    for path, mixin in _mixins.get(f"{type(model).__module__}.{type(model).__qualname__}", {}).items():
        module = model.get_submodule(path)
        if isinstance(module, mixin) or (sets_forward(module) and placed_on(module) is None):
            continue
        if mixin.takes(module):
            change_class(module, mixin)
