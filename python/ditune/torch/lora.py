# SPDX-License-Identifier: Apache-2.0
"""LoRA by peft beside an Int8Linear: the adapter acts on x as it comes, which the layer rotates for itself alone."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NoReturn

from ditune.errors import UsageError
from ditune.torch.modules import Int8Linear

# What looks at the weight of the layer beside it, or changes it: fields of peft's LoraConfig, and of init_lora_weights
# what its values begin with. "mica" does not where an adapter is loaded; elsewhere peft refuses it.
_OF_WEIGHTS = {"use_dora": "DoRA", "kasa_config": "KaSA", "use_bdlora": "BD-LoRA"}
_INITS_OF_WEIGHTS = ("pissa", "corda", "olora", "loftq", "orthogonal")


@functools.cache
def _layer_class() -> Any:
    from peft.tuners import lora

    class Int8LoraLinear(lora.Linear):  # type: ignore[misc,unused-ignore]
        """peft's layer, whose base is int8: adapters are added, switched and removed, but never merged."""

        def update_layer(self, adapter_name: str, *sizes: Any, **options: Any) -> None:
            """Called for each adapter, also for the first one, before anything of it is there."""
            config = options.get("config")  # older versions of peft pass its fields
            _refuse_weights(options if config is None else vars(config))
            super().update_layer(adapter_name, *sizes, **options)

        def _get_in_out_features(self, module: Any) -> tuple[int, int]:
            return module.in_features, module.out_features  # peft warns of layers that it does not know

        def merge(self, *_: Any, **__: Any) -> NoReturn:
            raise UsageError(
                "merge_and_unload cannot add LoRA to int8 weights (keep the adapter apart, or merge before quantize_)"
            )

        unmerge = merge

        def __reduce_ex__(self, protocol: Any) -> Any:
            return _restored, (), self.__dict__  # no module of Python has the class by name

    return Int8LoraLinear


def _refuse_weights(config: Mapping[str, Any]) -> None:
    """Raises UsageError for an adapter that needs float weights."""
    why = "needs the float weight of a layer, which Int8Linear has not"
    for field, name in _OF_WEIGHTS.items():
        if config.get(field):
            raise UsageError(f"{name} {why} (leave {field} out)")
    init = config.get("init_lora_weights")
    if isinstance(init, str) and init.lower().startswith(_INITS_OF_WEIGHTS):
        raise UsageError(f"init_lora_weights={init!r} {why} (give True)")


def _restored() -> Any:
    layer_class = _layer_class()
    return layer_class.__new__(layer_class)


def enable_lora() -> None:
    """Makes peft put LoRA beside Int8Linear layers, in `get_peft_model` and in diffusers' `load_lora_weights`.

    peft has no registry for all configs, so this wraps the method that chooses a layer's class; once per process.
    """
    from peft.tuners import lora

    model: Any = lora.LoraModel

    choose = model._create_new_module
    if getattr(choose, "of_ditune", False):
        return
    layer_class = _layer_class()

    def create(lora_config: Any, adapter_name: str, target: Any, **options: Any) -> Any:
        base = target.get_base_layer() if hasattr(target, "get_base_layer") else target
        if isinstance(base, Int8Linear):
            return layer_class(target, adapter_name, config=lora_config, **options)
        return choose(lora_config, adapter_name, target, **options)

    create.of_ditune = True  # type: ignore[attr-defined]
    model._create_new_module = staticmethod(create)
