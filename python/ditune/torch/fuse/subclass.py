# SPDX-License-Identifier: Apache-2.0
"""A module is fused by a change of its class: to a subclass of it, made here, whose forward comes from a mixin."""

from __future__ import annotations

from typing import Any

from torch import nn

_made: dict[tuple[type[Mixin], type[nn.Module]], type[nn.Module]] = {}


class Mixin(nn.Module):
    """What a subclass has before the module's class. No module of Python has the subclass by name: a copy or a pickle
    has it made anew."""

    @classmethod
    def takes(cls, module: nn.Module) -> bool:
        """Whether forward computes what the module does."""
        return True

    @classmethod
    def _complete(cls, made: type[nn.Module], module_class: type[nn.Module]) -> None:
        """Called once for each subclass, when it was made."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _restored, type(self).__bases__, self.__dict__


def change_class(module: nn.Module, mixin: type[Mixin]) -> None:
    """Of a module whose forward is that of its class, be it inside of one that accelerate has set."""
    module.__class__ = subclass_of(mixin, type(module))
    if "_old_forward" in module.__dict__:
        module._old_forward = module.__class__.forward.__get__(module)
    else:
        module.__dict__.pop("forward", None)  # its old class's, which hooks left behind


def subclass_of(mixin: type[Mixin], module_class: type[nn.Module]) -> type[nn.Module]:
    """Of the class's name, which diffusers and accelerate look at."""
    if (mixin, module_class) not in _made:
        names = {name: getattr(module_class, name) for name in ("__module__", "__qualname__", "__doc__")}
        made = type(module_class.__name__, (mixin, module_class), names)
        mixin._complete(made, module_class)
        _made[mixin, module_class] = made
    return _made[mixin, module_class]


def _restored(mixin: type[Mixin], module_class: type[nn.Module]) -> nn.Module:
    made = subclass_of(mixin, module_class)
    return made.__new__(made)
