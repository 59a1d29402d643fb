# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of int8 models as ComfyUI has them: safetensors with NAME.weight, NAME.weight_scale and NAME.comfy_quant.

A state_dict of a model that was quantized has this form already; `load_` also takes it into a model of float layers.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ditune.errors import UsageError
from ditune.torch._tensors import aligned
from ditune.torch.fuse.heads import HeadNorms
from ditune.torch.fuse.layers import FusedLinear, Part
from ditune.torch.modules import TENSORS, Int8Linear, parameter, rotation_of, scale_of
from ditune.torch.quantize import tell_config

_MARK = ".comfy_quant"


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
    dtype. With strict, names that only the model or only the file has are an error. A file that is refused leaves the
    model as it was.
    """
    from safetensors import safe_open

    _require_buffers(model)
    with safe_open(os.fspath(file), framework="pt") as opened:
        names = {name.removeprefix(prefix): name for name in opened.keys() if name.startswith(prefix)}  # noqa: SIM118

        def read(name: str) -> Tensor:
            tensor: Tensor = opened.get_tensor(names[name])
            return tensor

        layers = _int8_layers(model, names, read)
        parts = {name: part for name, part in model.named_modules() if isinstance(part, Part)}
        of_parts = {f"{name}.{key}" for name, part in parts.items() for key in TENSORS if _has(part.fused, key)}
        places = dict(_places(model, layers))
        if strict:
            _compare(places.keys() | of_parts, names.keys(), os.fspath(file))
        found = {name: _fitting(*places[name], name, read(name)) for name in sorted(names.keys() & places.keys())}
        of_part = {
            name: _of_part(part, name, {key: read(f"{name}.{key}") for key in TENSORS if f"{name}.{key}" in names})
            for name, part in parts.items()
        }
    for name, layer in layers.items():
        _install(model, name, layer)
    replaced: dict[int, tuple[Tensor, nn.Parameter]] = {}  # by the id of the parameter that was there before
    for name, tensor in found.items():
        _set(*places[name], tensor, replaced)
    for module in model.modules():  # tied parameters, in all of their modules
        for attribute, old in module._parameters.items():
            if id(old) in replaced:
                module._parameters[attribute] = replaced[id(old)][1]
    for name, part in parts.items():
        part.write(of_part[name])
    for module in model.modules():
        if isinstance(module, HeadNorms):
            module.refresh()
    tell_config(model)
    return model


def _require_buffers(model: nn.Module) -> None:
    """Those that no file has."""
    for name, module in model.named_modules():
        for attribute in module._non_persistent_buffers_set:
            buffer = module._buffers.get(attribute)
            if buffer is not None and buffer.is_meta:
                place = f"{name}.{attribute}".removeprefix(".")
                remedy = "make the model under accelerate.init_empty_weights(), which computes such buffers"
                if isinstance(module, (FusedLinear, HeadNorms)):
                    remedy = "load the model before fuse_"
                raise UsageError(f"{place} is on meta, and in no file ({remedy})")


def _has(layer: Int8Linear, tensor: str) -> bool:
    return getattr(layer, tensor) is not None


def _of_part(part: Part, name: str, given: dict[str, Tensor]) -> dict[str, Tensor]:
    """What it can take of the tensors."""
    found = part.fit(given, f"{name}.")
    for error in found.errors:
        raise UsageError(error if error.endswith("(load it before fuse_)") else f"{error} (give its model)")
    return found.fitting


class _Layer(NamedTuple):
    """A layer that the file has in int8: the model's, or one on meta that is to take the place of an nn.Linear."""

    module: Int8Linear
    rotate: int


def _int8_layers(model: nn.Module, names: dict[str, str], read: Callable[[str], Tensor]) -> dict[str, _Layer]:
    """By name, all but fused ones, which say themselves whether they are what the file has. A comfy_quant without a
    weight says nothing and is taken out of the names."""
    layers = {}
    for name in sorted(each.removesuffix(_MARK) for each in names if each.endswith(_MARK)):
        if f"{name}.weight" not in names:
            del names[name + _MARK]
            continue
        try:
            module = model.get_submodule(name)
        except AttributeError:
            continue  # told by its tensors' names
        if isinstance(module, Part):
            continue
        if type(module) is not nn.Linear and not isinstance(module, Int8Linear):
            raise UsageError(
                f"{name} is a {type(module).__name__}, but int8 in the file (give a model whose {name} is linear)"
            )
        if f"{name}.weight_scale" not in names:
            raise UsageError(f"{name} has no weight_scale in the file, but int8 weights (write the checkpoint anew)")
        rotate = rotation_of(name, read(name + _MARK), module.in_features)
        if type(module) is nn.Linear:
            module = Int8Linear.from_float(module, rotate=rotate, device="meta")
        assert isinstance(module, Int8Linear)
        layers[name] = _Layer(module, rotate)
    return layers


def _install(model: nn.Module, name: str, layer: _Layer) -> None:
    """Puts it where it belongs. A bias that the file lacks stays."""
    replaced, module = model.get_submodule(name), layer.module
    module.rotate = layer.rotate
    if replaced is module:
        return
    assert isinstance(replaced, nn.Linear)
    if not replaced.weight.is_meta:
        module.to_empty(device=replaced.weight.device)
    if replaced.bias is not None:
        module.bias = parameter(replaced.bias)
    parent, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(parent), attribute, module)


def _places(model: nn.Module, layers: Mapping[str, _Layer]) -> Iterable[tuple[str, tuple[nn.Module, str]]]:
    """By name in the state_dict, once `layers` are in the model: what has a tensor, and what it is called there."""
    for prefix, module in model.named_modules(remove_duplicate=False):
        if isinstance(module, FusedLinear):
            continue  # its parts are in the file
        its = layers[prefix].module if prefix in layers else module
        for attribute, tensor in (*its._parameters.items(), *its._buffers.items()):
            if tensor is not None and attribute not in its._non_persistent_buffers_set:
                yield (f"{prefix}.{attribute}" if prefix else attribute), (its, attribute)


def _compare(wanted: Iterable[str], given: Iterable[str], file: str) -> None:
    optional = {name for name in wanted if name.endswith(_MARK)}
    missing, more = sorted(set(wanted) - set(given) - optional), sorted(set(given) - set(wanted))
    if missing or more:
        what = f"lacks {len(missing)} tensors ({', '.join(missing[:3])})" if missing else ""
        what += " and " if missing and more else ""
        what += f"has {len(more)} that the model lacks ({', '.join(more[:3])})" if more else ""
        raise UsageError(f"{file} {what} (give prefix= or the model of the file, or strict=False)")


def _fitting(module: nn.Module, attribute: str, name: str, tensor: Tensor) -> Tensor:
    """The tensor in the shape that the module takes, if it takes it. Changes nothing."""
    old = getattr(module, attribute)
    if isinstance(module, Int8Linear) and attribute == "weight_scale":
        tensor = scale_of(name, tensor, module.out_features)
    elif attribute == "comfy_quant":
        pass  # of any length
    elif tensor.shape != old.shape:
        raise UsageError(
            f"{name} is {list(tensor.shape)} in the file and {list(old.shape)} in the model (give its model)"
        )
    is_alike = tensor.dtype == old.dtype or (tensor.is_floating_point() and old.is_floating_point())
    if attribute in module._parameters and not is_alike:
        raise UsageError(
            f"{name} is {tensor.dtype} in the file and {old.dtype} in the model (give a file of its dtype)"
        )
    return tensor


def _set(module: nn.Module, attribute: str, tensor: Tensor, replaced: dict[int, tuple[Tensor, nn.Parameter]]) -> None:
    old = getattr(module, attribute)
    if id(old) in replaced:
        return  # its place is seen to
    device = torch.device("cpu") if old.is_meta else old.device
    keep = tensor.dtype if not (tensor.is_floating_point() and old.is_floating_point()) else old.dtype
    tensor = tensor.to(device, keep)
    if isinstance(module, Int8Linear):
        tensor = aligned(tensor)  # on the CPU it lies in the file, at any address
    if attribute in module._buffers:
        module._buffers[attribute] = tensor
    else:
        made = nn.Parameter(tensor, requires_grad=old.requires_grad)
        module._parameters[attribute], replaced[id(old)] = made, (old, made)
