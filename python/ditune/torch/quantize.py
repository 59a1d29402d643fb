# SPDX-License-Identifier: Apache-2.0
"""quantize_: a model's linear layers become Int8Linear, in place and one by one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ditune._problem import MAX_K
from ditune.errors import UsageError
from ditune.torch._hooks import placed_on
from ditune.torch._quantize import X_WORDS
from ditune.torch._tensors import dtype_name, refuse
from ditune.torch.modules import Int8Linear
from ditune.torch.weights import GROUPS

logger = logging.getLogger("ditune")

Model = TypeVar("Model", bound=nn.Module)
Skip = str | Iterable[str] | Callable[[str, nn.Linear], bool]

# What a diffusion transformer computes once for all tokens, or with few columns: it takes no time worth saving, and an
# error there is an error of every token. Lower case, of a layer's name or of a module's that it is in.
DEFAULT_SKIP = (
    # modulation
    "*adaln*",
    "*ada_ln*",
    "*modulation*",
    "*_mod",
    "*_mod.*",
    "*norm*",
    # embedders of time, text, images, positions
    "*embed*",
    "*img_in",
    "*txt_in",
    "*time_in",
    "*vector_in",
    "*guidance_in",
    "*time_proj*",
    "*time_step*",
    "*caption_projection*",
    "*cond_proj",
    "*guidance_layer",
    "proj_in",
    "input_proj",
    # final layers
    "*final_layer",
    "*final_layer.*",
    "proj_out",
    "linear_out",
)

MIN_FEATURES = 64


def is_skipped(name: str, linear: nn.Linear, skip: Skip) -> bool:
    """Whether a pattern matches the layer's name, or that of a module above it; or what the predicate says."""
    if callable(skip):
        return skip(name, linear)
    patterns = (skip,) if isinstance(skip, str) else tuple(skip)
    parts = [part for part in name.split(".") if part != "_orig_mod"]  # that of torch.compile
    names = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return any(
        fnmatchcase(each, pattern) or fnmatchcase(each.lower(), pattern) for each in names for pattern in patterns
    )


def group_of(in_features: int, rotate: int) -> int:
    """The largest Hadamard group up to `rotate` that divides the columns; 1 if there is none."""
    return next((group for group in GROUPS if group <= rotate and in_features % group == 0), 1)


def quantize_(
    model: Model,
    *,
    skip: Skip = DEFAULT_SKIP,
    rotate: int = 1,
    smooth: Mapping[str, Tensor] | None = None,
    device: torch.device | str | None = None,
    min_features: int = MIN_FEATURES,
) -> Model:
    """Replaces the model's nn.Linear by Int8Linear and returns the model. Each float weight is freed before the next.

    skip: patterns of names as the shell has them, each of a layer or of a module above it ("blocks.0"), or a function
    of name and layer. The default leaves out modulation, embedders and final layers: `skip=(*DEFAULT_SKIP, "blocks.0")`
    adds to it.
    rotate: the Hadamard group, 16, 64 or 256; a layer whose columns it does not divide takes the next smaller one.
    smooth: by a layer's name, [in_features] that divides its activations and multiplies its weight's columns.
    device: where layers are quantized, one by one, and then are; left out: where they are. Layers on meta stay there,
    to be loaded.

    Left as they are: subclasses of nn.Linear (those of peft, for instance), weights that another module has, too
    (tied), layers with hooks or with a forward of their own, those whose weights nn.TransformerEncoderLayer reads, and
    those of fewer than `min_features` inputs or outputs, or of more than 131,071 inputs. The hooks of a device_map go
    to the new layers. Raises UsageError if accelerate offloads layers, whose weights are elsewhere then.

    The config of a diffusers model says then that it is quantized, so that what save_pretrained writes is loaded as
    int8, once ditune.diffusers is imported.
    """
    if isinstance(model, nn.Linear):
        raise UsageError("the model is a single nn.Linear (use Int8Linear.from_float)")
    if rotate not in (1, *GROUPS):
        raise UsageError(f"rotate={rotate} is no Hadamard group (give 16, 64 or 256, or 1 for none)")
    smooth = dict(smooth or {})
    if not (callable(skip) or isinstance(skip, str)):
        skip = tuple(skip)  # an iterator gives its patterns once
    chosen, found = _choose(model, skip, min_features)
    if unknown := smooth.keys() - {name for names in chosen for name in names}:
        raise UsageError(f"smooth has {sorted(unknown)[0]!r}, which is not quantized (leave it out)")
    for name, factors in smooth.items():  # before the first layer is replaced
        layer = model.get_submodule(name)
        if factors.numel() != layer.in_features:
            refuse(f"smooth[{name!r}]", factors, f"[{layer.in_features}], the layer's columns")
        if factors.is_meta or not bool((factors.isfinite() & (factors != 0)).all()):
            refuse(f"smooth[{name!r}]", factors, "finite factors, none of them 0")
    for names in chosen:
        _replace(model, names, rotate, next((smooth[name] for name in names if name in smooth), None), device)
    count = sum(map(len, chosen))
    if count:
        tell_config(model, rotate)
    logger.info("quantize_: %d of %d linear layers are int8 now, %d are left as they are", count, found, found - count)
    return model


def tell_config(model: nn.Module, rotate: int | None = None) -> None:
    """Says in the config of a diffusers model that it is int8, so that what save_pretrained writes is loaded as that.
    rotate: left out: that of its layers, unless the config says something already."""
    register: Any = getattr(model, "register_to_config", None)
    if register is None:
        return
    if rotate is None:
        groups = [layer.rotate for layer in model.modules() if isinstance(layer, Int8Linear)]
        config: Any = model.config
        if not groups or config.get("quantization_config"):
            return
        rotate = max(groups)
    register(quantization_config={"quant_method": "ditune", "rotate": rotate})


def _choose(model: nn.Module, skip: Skip, min_features: int) -> tuple[list[list[str]], int]:
    """The names of each layer that is taken, and how many linear layers there are. Tells what is left for a reason that
    the caller can change."""
    tied, read, found = _tied(model), _read_by_others(model), 0
    places: dict[int, list[str]] = {}  # by layer
    left: dict[str, list[str]] = {}  # by reason
    for name, module in model.named_modules(remove_duplicate=False):
        if type(module) is not nn.Linear:
            continue
        found += 1
        if is_skipped(name, module, skip) or not _is_taken(name, module, tied, min_features):
            continue
        if reason := _READ if id(module) in read else _set_on(name, module):
            left.setdefault(reason, []).append(name)
        else:
            places.setdefault(id(module), []).append(name)
    for reason, names in left.items():
        logger.warning("quantize_: left as they are, %d (%s, ...) with %s", len(names), names[0], reason)
    return list(places.values()), found


def _tied(model: nn.Module) -> set[int]:
    """Weights that more than one module has."""
    owners: dict[int, set[int]] = {}
    for module in model.modules():
        for parameter in module._parameters.values():
            if parameter is not None:
                owners.setdefault(id(parameter), set()).add(id(module))
    return {parameter for parameter, modules in owners.items() if len(modules) > 1}


_READ = "weights that nn.TransformerEncoderLayer reads itself (use Int8Linear.from_float if its fast path is off)"


def _read_by_others(model: nn.Module) -> set[int]:
    """Layers whose weights a module gives to a kernel of its own, instead of calling the layers."""
    readers = [module for module in model.modules() if isinstance(module, nn.TransformerEncoderLayer)]
    return {id(layer) for reader in readers for layer in (reader.linear1, reader.linear2)}


def _is_taken(name: str, linear: nn.Linear, tied: set[int], min_features: int) -> bool:
    if not linear.weight.is_floating_point() or id(linear.weight) in tied:
        return False
    if min(linear.in_features, linear.out_features) < max(1, min_features) or linear.in_features > MAX_K:
        return False
    for tensor in (linear.weight, linear.bias):
        if tensor is not None and tensor.dtype not in X_WORDS:
            dtype = dtype_name(tensor.dtype)
            raise UsageError(f"{name} is {dtype} (convert the model to bfloat16, float16 or float32 first)")
    return True


def _set_on(name: str, linear: nn.Linear) -> str | None:
    """What others have set on the layer, which an Int8Linear in its place would drop."""
    hook = getattr(linear, "_hf_hook", None)
    if any(getattr(each, "offload", False) for each in getattr(hook, "hooks", (hook,))):
        raise UsageError(
            f"{name} is offloaded by accelerate (call quantize_ before enable_sequential_cpu_offload or dispatch_model)"
        )
    is_placed = placed_on(linear) is not None
    if linear._forward_hooks or linear._forward_pre_hooks or not (hook is None or is_placed):
        return "hooks (quantize before hooks are added)"
    if is_placed:
        return None
    return "a forward of its own (quantize before it is set)" if "forward" in linear.__dict__ else None


def _replace(
    model: nn.Module, names: list[str], rotate: int, smooth: Tensor | None, device: torch.device | str | None
) -> None:
    """One layer, which may be at several places."""
    linear = model.get_submodule(names[0])
    assert isinstance(linear, nn.Linear)
    group = group_of(linear.in_features, rotate)
    layer = Int8Linear.from_float(linear, rotate=group, smooth=smooth, device=device)
    if hook := getattr(linear, "_hf_hook", None):
        from accelerate.hooks import add_hook_to_module

        add_hook_to_module(layer, hook)
    for name in names:
        parent, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(parent), attribute, layer)
