# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of int8 models as ComfyUI has them: safetensors with NAME.weight, NAME.weight_scale and NAME.comfy_quant.

A state_dict of a model that was quantized has this form already; `load_` also takes it into a model of float layers.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ditune.errors import UsageError
from ditune.torch._tensors import aligned
from ditune.torch.fuse.heads import HeadNorms
from ditune.torch.fuse.layers import FusedLinear, Part
from ditune.torch.modules import Int8Linear, rotation_of, scale_of

_MARK = ".comfy_quant"
_TENSORS = ("weight", "weight_scale", "bias", "smooth", "comfy_quant")  # of an Int8Linear


def save_(model: nn.Module, file: str | os.PathLike[str]) -> None:
    """Writes the model's tensors to a safetensors file, which ComfyUI and `load_` read. Needs the package safetensors.

    Smoothing has no place in the form: a model that was smoothed is refused.
    """
    from safetensors.torch import save_file

    tensors = {}
    for name, module in model.named_modules():
        if isinstance(module, Int8Linear) and module.smooth is not None:
            raise UsageError(f"{name} is smoothed, which ComfyUI's form cannot say (use state_dict())")
    seen: set[int] = set()
    for name, tensor in model.state_dict().items():
        if tensor.is_meta:
            raise UsageError(f"{name} is on meta and has no values (load the model first)")
        tensor = tensor.detach().contiguous()
        storage = tensor.untyped_storage().data_ptr()
        tensors[name] = tensor.clone() if storage in seen else tensor  # safetensors stores no tensor twice
        seen.add(storage)
    partial = f"{os.fspath(file)}.partial"
    try:
        save_file(tensors, partial, metadata={"format": "pt"})
        os.replace(partial, file)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(partial)
        raise


def load_(model: nn.Module, file: str | os.PathLike[str], *, prefix: str = "", strict: bool = True) -> nn.Module:
    """Reads a safetensors file into the model and returns the model; it may be on meta. Needs the package safetensors.

    Each nn.Linear that the file has in int8 becomes an Int8Linear of the file's rotation; layers that `fuse_` joined
    have to be of it. `prefix` is what the file's names have in front ("model.diffusion_model."); others are left out.
    Tensors come to where the model's are, to the CPU where those are on meta; floating-point ones get the model's
    dtype. With strict, names that only the model or only the file has are an error.
    """
    from safetensors import safe_open

    _require_buffers(model)
    with safe_open(os.fspath(file), framework="pt") as opened:
        names = {name.removeprefix(prefix): name for name in opened.keys() if name.startswith(prefix)}  # noqa: SIM118
        for layer in sorted(name.removesuffix(_MARK) for name in names if name.endswith(_MARK)):
            _make_int8(model, layer, opened.get_tensor(names[layer + _MARK]))
        parts = {name: part for name, part in model.named_modules() if isinstance(part, Part)}
        of_parts = {f"{name}.{key}" for name, part in parts.items() for key in _TENSORS if _has(part.fused, key)}
        places = dict(_places(model))
        if strict:
            _compare(places.keys() | of_parts, names.keys(), os.fspath(file))
        for name in sorted(names.keys() & places.keys()):
            module, attribute = places[name]
            _set(module, attribute, name, opened.get_tensor(names[name]))
        for name, part in parts.items():
            given = {key: opened.get_tensor(names[f"{name}.{key}"]) for key in _TENSORS if f"{name}.{key}" in names}
            _load_part(part, name, given, strict)
    for module in model.modules():
        if isinstance(module, HeadNorms):
            module.refresh()
    return model


def _require_buffers(model: nn.Module) -> None:
    """Those that no file has."""
    for name, module in model.named_modules():
        for attribute in module._non_persistent_buffers_set:
            buffer = module._buffers.get(attribute)
            if buffer is not None and buffer.is_meta:
                place = f"{name}.{attribute}".removeprefix(".")
                raise UsageError(
                    f"{place} is on meta, and in no file (make the model under "
                    "accelerate.init_empty_weights(), which computes such buffers)"
                )


def _has(layer: Int8Linear, tensor: str) -> bool:
    return getattr(layer, tensor) is not None


def _load_part(part: Part, name: str, given: dict[str, Tensor], strict: bool) -> None:
    """Into the rows that it has of a fused layer."""
    missing: list[str] = []
    errors: list[str] = []
    state = {f"{name}.{key}": each for key, each in given.items()}
    part._load_from_state_dict(state, f"{name}.", {}, strict, missing, [], errors)
    if errors:
        raise UsageError(errors[0] if errors[0].endswith("(load it before fuse_)") else f"{errors[0]} (give its model)")


def _make_int8(model: nn.Module, name: str, config: Tensor) -> None:
    """The layer of that name, if it is not int8 yet; on meta. Its rotation becomes the file's. A fused one says itself
    whether it is that."""
    rotate = rotation_of(name, config)
    try:
        module = model.get_submodule(name)
    except AttributeError:
        return  # told by its tensors' names
    if isinstance(module, Part):
        return
    if type(module) is nn.Linear:
        device = module.weight.device
        module = Int8Linear.from_float(module, rotate=rotate, device="meta")
        if device.type != "meta":
            module.to_empty(device=device)
        parent, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(parent), attribute, module)
    elif not isinstance(module, Int8Linear):
        raise UsageError(
            f"{name} is a {type(module).__name__}, but int8 in the file (give a model whose {name} is linear)"
        )
    if rotate != 1 and module.in_features % rotate:
        raise UsageError(
            f"{name} has {module.in_features} columns, but is rotated by {rotate} in the file (give its model)"
        )
    module.rotate = rotate


def _places(model: nn.Module) -> Iterable[tuple[str, tuple[nn.Module, str]]]:
    """By name in the state_dict, the module that has a tensor, and what it is called there."""
    for prefix, module in model.named_modules(remove_duplicate=False):
        if isinstance(module, FusedLinear):
            continue  # its parts are in the file
        for attribute, tensor in (*module._parameters.items(), *module._buffers.items()):
            if tensor is not None and attribute not in module._non_persistent_buffers_set:
                yield (f"{prefix}.{attribute}" if prefix else attribute), (module, attribute)


def _compare(wanted: Iterable[str], given: Iterable[str], file: str) -> None:
    optional = {name for name in wanted if name.endswith(_MARK)}
    missing, more = sorted(set(wanted) - set(given) - optional), sorted(set(given) - set(wanted))
    if missing or more:
        what = f"lacks {len(missing)} tensors ({', '.join(missing[:3])})" if missing else ""
        what += " and " if missing and more else ""
        what += f"has {len(more)} that the model lacks ({', '.join(more[:3])})" if more else ""
        raise UsageError(f"{file} {what} (give prefix= or the model of the file, or strict=False)")


def _set(module: nn.Module, attribute: str, name: str, tensor: Tensor) -> None:
    old = getattr(module, attribute)
    device = torch.device("cpu") if old.is_meta else old.device
    if isinstance(module, Int8Linear) and attribute == "weight_scale":
        tensor = scale_of(name, tensor, module.out_features)
    elif attribute == "comfy_quant":
        pass  # of any length
    elif tensor.shape != old.shape:
        raise UsageError(
            f"{name} is {list(tensor.shape)} in the file and {list(old.shape)} in the model (give its model)"
        )
    keep = tensor.dtype if not (tensor.is_floating_point() and old.is_floating_point()) else old.dtype
    tensor = tensor.to(device, keep)
    if isinstance(module, Int8Linear):
        tensor = aligned(tensor)  # on the CPU it lies in the file, at any address
    if attribute in module._buffers:
        module._buffers[attribute] = tensor
    elif tensor.is_floating_point() == old.is_floating_point():
        module._parameters[attribute] = nn.Parameter(tensor, requires_grad=old.requires_grad)
    else:
        raise UsageError(
            f"{name} is {tensor.dtype} in the file and {old.dtype} in the model (give a file of its dtype)"
        )
