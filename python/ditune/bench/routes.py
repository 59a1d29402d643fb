# SPDX-License-Identifier: Apache-2.0
"""The routes by which a step is measured: what each makes of the bf16 model, and how its steps run."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ditune.bench.models import Inputs, WithoutMask
from ditune.errors import UsageError
from ditune.torch import DEFAULT_SKIP, fuse_, quantize_, quantize_weight
from ditune.torch.fuse import Block
from ditune.torch.quantize import MIN_FEATURES, is_skipped

Prepare = Callable[[nn.Module], nn.Module]  # in place
Step = Callable[..., Any]  # called as the model is, gives the output first


@dataclass(frozen=True)
class Route:
    name: str
    prepare: Prepare
    runs: Literal["eager", "compiled", "graph"] = "eager"
    needs: tuple[str, str] | None = None  # a module, and the package that has it
    tunes: bool = False  # whether `ditune tune` is for it

    def missing(self, device: torch.device) -> str | None:
        """Why it cannot run here."""
        if self.needs and importlib.util.find_spec(self.needs[0]) is None:
            return f"{self.needs[1]} is not installed (pip install {self.needs[1]})"
        if self.runs == "graph" and device.type != "cuda":
            return "CUDA graphs need a GPU"
        return None


# ---- What is made of the model. All int8 and fp8 routes take the layers that `quantize_` takes.


def _is_taken(module: nn.Module, name: str) -> bool:
    return (
        type(module) is nn.Linear
        and min(module.in_features, module.out_features) >= MIN_FEATURES
        and not is_skipped(name, module, DEFAULT_SKIP)
    )


def taken_weights(model: nn.Module) -> int:
    """How many there are in the layers that routes make int8 or fp8."""
    return sum(
        module.in_features * module.out_features
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and _is_taken(module, name)
    )


def as_it_is(model: nn.Module) -> nn.Module:
    return model


def torchao_fp8(model: nn.Module) -> nn.Module:
    from torchao import quantization as torchao

    config = torchao.Float8DynamicActivationFloat8WeightConfig(granularity=torchao.PerRow())
    torchao.quantize_(model, config, filter_fn=_is_taken)
    return model


def torchao_int8(model: nn.Module) -> nn.Module:
    from torchao import quantization as torchao

    torchao.quantize_(model, torchao.Int8DynamicActivationInt8WeightConfig(), filter_fn=_is_taken)
    return model


class ComfyLinear(nn.Module):
    """comfy-kitchen's int8 layer, on the first of its backends that can."""

    weight: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight, scale = quantize_weight(linear.weight)
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", linear.bias)

    def forward(self, x: Tensor) -> Any:
        from comfy_kitchen.registry import registry

        given = {"x": x, "weight": self.weight, "weight_scale": self.scale, "bias": self.bias, "out_dtype": x.dtype}
        backends = [name for name in registry._priority if name != "ditune" and registry.is_available(name)]
        for backend in backends:
            if registry.validate_backend_for_call(backend, "int8_linear", given).success:
                return registry.get_implementation("int8_linear", backend)(**given)
        raise UsageError("no backend of comfy-kitchen can run int8_linear here")


def comfy_kitchen(model: nn.Module) -> nn.Module:
    for name in [name for name, module in model.named_modules() if _is_taken(module, name)]:
        linear = model.get_submodule(name)
        assert isinstance(linear, nn.Linear)
        parent, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(parent), attribute, ComfyLinear(linear))
    return model


def quantized(model: nn.Module) -> nn.Module:
    return quantize_(model)


def fused(model: nn.Module) -> nn.Module:
    without = [module for module in model.modules() if isinstance(getattr(module, "processor", None), WithoutMask)]
    for module in without:  # fuse_ leaves masks out by itself, and takes only processors that it knows
        module.processor = module.processor.processor  # type: ignore[union-attr]
    fuse_(model, full_attention=bool(without))
    if not any(isinstance(module, Block) for module in model.modules()):
        raise UsageError(f"fuse_ knows no block of {type(model).__name__} as this diffusers has it")
    return model


# ---- The table

_TORCHAO = ("torchao", "torchao")
_COMFY = ("comfy_kitchen", "comfy-kitchen")

ROUTES = {
    route.name: route
    for route in (
        Route("bf16", as_it_is),
        Route("bf16-compiled", as_it_is, "compiled"),
        Route("torchao-fp8-compiled", torchao_fp8, "compiled", _TORCHAO),
        Route("torchao-int8-compiled", torchao_int8, "compiled", _TORCHAO),
        Route("comfy-kitchen", comfy_kitchen, "eager", _COMFY),
        Route("quantize", quantized, tunes=True),
        Route("quantize-compiled", quantized, "compiled", tunes=True),
        Route("fuse", fused, tunes=True),
        Route("fuse-graph", fused, "graph", tunes=True),
    )
}


# ---- How it runs


def tensors_of(model: nn.Module) -> Iterator[Tensor]:
    """Parameters, buffers, and tensors that modules have beside them; of torchao's those inside. Some come twice."""
    for module in model.modules():
        for owned in (module._parameters, module._buffers, vars(module)):
            for value in owned.values():
                if isinstance(value, Tensor):
                    yield from _inner(value)


def _inner(value: Tensor) -> Iterator[Tensor]:
    flatten = getattr(value, "__tensor_flatten__", None)
    if flatten is None:
        yield value
    else:
        for name in flatten()[0]:
            yield from _inner(getattr(value, name))


def bytes_of(model: nn.Module) -> int:
    storages = {(each.device, each.untyped_storage().data_ptr()): each.untyped_storage() for each in tensors_of(model)}
    return sum(storage.nbytes() for storage in storages.values())


def sharing_copy(model: nn.Module) -> nn.Module:
    """New modules on the same weights, so that what replaces a layer of one leaves the other as it is."""
    shared = {id(each): each for each in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, dict[int, Any](shared))


def start(route: Route, prepared: nn.Module, backend: str) -> Step:
    """prepared: what the route makes of the model; stays as it is."""
    if route.runs == "graph":
        return Graph(without_masks(sharing_copy(prepared)))
    if route.runs == "compiled":
        return _compiled(sharing_copy(prepared), backend)
    return prepared


def blocks_of(model: nn.Module) -> list[nn.Module]:
    """Those that repeat, as diffusers names them; else those of the model's lists."""
    names = getattr(model, "_repeated_blocks", None) or ()
    named = [module for module in model.modules() if type(module).__name__ in names]
    return named or [block for part in model.children() if isinstance(part, nn.ModuleList) for block in part]


def _compiled(model: nn.Module, backend: str) -> nn.Module:
    """Each block alone, which takes as long to compile as one block of a kind does."""
    blocks = blocks_of(model)
    if not blocks:
        raise UsageError(f"{type(model).__name__} has no list of blocks to compile")
    for block in blocks:
        block.compile(dynamic=False, backend=backend)
    return model


def without_masks(model: nn.Module) -> nn.Module:
    """In a graph fuse_ cannot look whether a mask is all true. Those of the bench are."""
    for module in model.modules():
        if isinstance(module, Block):
            module._masks.full = True
    return model


class Graph:
    """A model's step in a CUDA graph, captured by the first call. Each call overwrites the output of the last."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._graph: torch.cuda.CUDAGraph | None = None
        self._given: Inputs = {}  # what was copied last into
        self._kept: Inputs = {}
        self._made: Any = None

    def __call__(self, **inputs: Any) -> Any:
        if self._graph is None:
            self._capture(inputs)
        for name, value in inputs.items():
            if value is not self._given[name]:
                _copy(value, self._kept[name])
        self._given = inputs
        assert self._graph is not None
        self._graph.replay()
        return self._made

    def _capture(self, inputs: Inputs) -> None:
        self._given = inputs
        self._kept = {name: _clone(value) for name, value in inputs.items()}
        aside: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):  # loads kernels, and sizes what is kept
            for _ in range(2):
                self._model(**self._kept)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._made = self._model(**self._kept)
        self._graph = graph


def _clone(value: Any) -> Any:
    if isinstance(value, list):
        return [_clone(each) for each in value]
    return value.clone() if isinstance(value, Tensor) else value


def _copy(value: Any, to: Any) -> None:
    if isinstance(value, list):
        for each, kept in zip(value, to, strict=True):
            _copy(each, kept)
    elif isinstance(value, Tensor):
        to.copy_(value)
