# SPDX-License-Identifier: Apache-2.0
"""Fused blocks: a table of sites for each block class, and the engine that runs them all."""

from __future__ import annotations

import contextlib
import functools
import types
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from torch import Tensor, nn

from ditune.errors import UsageError
from ditune.torch import ops
from ditune.torch._hooks import is_hooked, sets_forward
from ditune.torch._tensors import is_autocast
from ditune.torch.fuse.heads import Angles, Heads, PackedAttention, packed_of
from ditune.torch.fuse.hooks import is_watched, modules_inside, refuse_hooks
from ditune.torch.fuse.layers import FusedLinear, Part, Sum, join, value_of
from ditune.torch.fuse.masks import Masks
from ditune.torch.fuse.norms import norm_kind, of_branch_norm
from ditune.torch.fuse.subclass import Mixin, change_class
from ditune.torch.modules import Int8Linear

_A = TypeVar("_A", bound="type[Block]")


class Site(NamedTuple):
    """Linear layers of one input: a quantization and a GEMM."""

    name: str  # of the joined layer, an attribute of the block
    linears: tuple[str, ...]  # their places in the block
    op: ops.OutputOp = "none"  # behind the GEMM; swiglu takes two layers, gate and up
    first: int = 0  # the layer from which on op is applied
    behind: bool = False  # whether it is an output projection, which an attention module calls itself
    optional: bool = False  # whether some blocks do not have it


class Block(Mixin):
    """What a fused block is: a class that fills the table, and says by `fused` how data goes through the sites.

    Each site becomes a FusedLinear of its name. `fused` has the signature and the results of the block's forward.
    """

    sites: ClassVar[tuple[Site, ...]]
    attentions: ClassVar[tuple[str, ...]] = ()  # attention modules, whose processors stay
    heads: ClassVar[Mapping[str, Heads]] = {}  # of them those that can do without the processor that was tried
    replaced: ClassVar[tuple[tuple[str, Callable[[Tensor], Tensor]], ...]] = ()  # what processors see in their modules
    norms: ClassVar[tuple[str, ...]] = ()  # norm modules that are read
    one_eps: ClassVar[tuple[str, ...]] = ()  # norms of which two are computed in one launch
    branch_norms: ClassVar[tuple[str, ...]] = ()  # norms of sums: RMSNorm
    reads: ClassVar[tuple[str, ...]] = ()  # modules, whose forward `fused` takes the place of
    makes_sums: ClassVar[bool] = False  # whether the result is a Sum, where the next block takes one
    sources: ClassVar[tuple[str, ...]] = ()  # hashes of the block and of `reads` that are known; none: not looked at

    # Set by `fuse`.
    _parts: tuple[tuple[nn.Module, str, Part], ...]
    _seen: dict[str, AttentionView]
    _packed: nn.ModuleDict  # PackedAttention, by attention module
    _masks: Masks
    _angles: Angles
    _inside: tuple[nn.Module, ...]  # whose work `fused` does
    _places: tuple[tuple[nn.Module, str, nn.Module], ...]  # parent, name, and the module that was there at fusing
    _hooks: tuple[Mapping[int, Any], ...]  # theirs
    _first = True  # of the blocks that a forward runs in turn
    _passes_sums = False  # whether the next block takes a Sum

    if TYPE_CHECKING:  # what the block has

        def __getattr__(self, name: str) -> Any: ...

    def fused(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.makes_sums and is_watched(self):  # hooks see no Sum
            args, kwargs = _values(args, kwargs)
        return super().__call__(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        if self._runs_fused():
            return self.fused(*args, **kwargs)
        if self._first:  # what the others know is of an earlier forward
            self._masks.known = self._angles.known = None
        args, kwargs = _values(args, kwargs)
        return super().forward(*args, **kwargs)

    def _runs_fused(self) -> bool:
        """Not while a layer has adapters or a module has hooks that `fused` would not call; not under autocast."""
        fused = self._parts[0][2].fused
        device = fused.weight.device
        if "forward" in fused.__dict__ and sets_forward(fused, device):
            _refuse_offload(fused)
            return False
        if is_autocast(device):
            return False
        if any(self._hooks):
            return False
        for module in self._inside:
            if "forward" in module.__dict__ and sets_forward(module, device):
                return False
        for parent, name, module in self._places:
            if parent._modules.get(name) is not module:
                return False
        return not any(is_hooked(seen.attention, device) for seen in self._seen.values())

    def attend(self, attention: str, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        """What the module's processor makes of joined q, k and v (in the place of hidden states), not yet projected."""
        seen = self._seen[attention]
        return seen.method(seen, x, *args, **kwargs)

    def attend_packed(
        self,
        attention: str,
        *streams: Tensor,
        joint: Tensor | None = None,
        mask: Tensor | None = None,
        rotary: Any = None,
        given: Mapping[str, Any] | None = None,
    ) -> Any:
        """`attend` of joined q, k and v, of an image and a text, too: where `heads` says how, without the processor.

        joint: the tensor of which text and image are the parts. given: more arguments of the processor.
        """
        heads = self.heads[attention]
        if not given and (packed := self.packed(attention, streams[0])) is not None:
            return packed.run(streams, mask, self._angles.of(rotary, heads, streams[0], self._first), joint)
        more = {heads.rotary: rotary} if mask is None else {heads.rotary: rotary, heads.mask: mask}
        return self.attend(attention, streams[0], *streams[1:], **{**(given or {}), **more})

    def packed(self, attention: str, x: Tensor) -> PackedAttention | None:
        """What computes attention of joined tensors like x in place, if the processor can be left out."""
        if attention not in self._packed:
            return None
        packed = self._packed[attention]
        assert isinstance(packed, PackedAttention)
        return packed if packed.takes(x) else None

    def mask(self, mask: Tensor | None) -> Tensor | None:
        """The mask, or None if it is all true. It stays where tokens are spread over processes: each has its own part
        of it, and all of them must choose alike."""
        if mask is None or any(seen.is_spread() for seen in self._seen.values()):
            return mask
        return self._masks.needed(mask, self._first)

    def give(self, sum: Sum) -> Tensor | Sum:
        """The sum as it is, where the next block takes it and nobody looks on."""
        return sum if self._passes_sums and not is_watched(self) else sum.value()

    @classmethod
    def _complete(cls, made: type[nn.Module], module_class: type[nn.Module]) -> None:
        """Gives forward the signature of the block's, which hooks of diffusers read."""

        @functools.wraps(module_class.forward)
        def forward(self: Block, *args: Any, **kwargs: Any) -> Any:
            return Block.forward(self, *args, **kwargs)

        made.forward = forward
        _tell_diffusers(made, module_class)


def _values(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """With sums computed."""
    return tuple(value_of(each) for each in args), {name: value_of(each) for name, each in kwargs.items()}


def _refuse_offload(fused: nn.Module) -> None:
    """What accelerate offloads layer by layer it reads from the state_dict, which has a fused layer's parts instead."""
    if getattr(getattr(fused, "_hf_hook", None), "offload", False):
        raise UsageError(
            "fused layers cannot be offloaded one by one "
            "(use enable_model_cpu_offload or enable_group_offload, or leave fuse_ out)"
        )


class AttentionView:
    """An attention module as its processor sees it: q, k and v are columns of what is joined already, and output
    projections let their inputs through."""

    def __init__(self, attention: nn.Module) -> None:
        self.attention = attention
        self.method: Callable[..., Any] = type(attention).forward  # kept: torch.compile does not read it of all classes

    def __getattr__(self, name: str) -> Any:
        if name == "attention" or name.startswith("__"):
            raise AttributeError(name)
        value = getattr(self.attention, name)
        if not isinstance(value, types.MethodType) or value.__self__ is not self.attention:
            return value
        if value.__func__ is getattr(nn.Module, name, None):
            return value  # of the module's state
        return functools.partial(value.__func__, self)  # torch.compile does not know MethodType

    def replace(self, path: str, layer: Callable[[Tensor], Tensor]) -> None:
        """path: "to_q", or "to_out.0" of a list."""
        name, _, position = path.partition(".")
        if position:
            layers = list(getattr(self, name))
            layers[int(position)] = layer
            self.__dict__[name] = layers
        else:
            self.__dict__[name] = layer

    def is_spread(self) -> bool:
        """Whether its tokens are those of one of several processes (context parallelism)."""
        return getattr(self.attention.processor, "_parallel_config", None) is not None


class Columns:
    """Of a tensor, from `start` on."""

    def __init__(self, start: int, size: int) -> None:
        self.start, self.size = start, size

    def __call__(self, x: Tensor) -> Tensor:
        return x.narrow(-1, self.start, self.size)


def through(x: Tensor) -> Tensor:
    return x


# ---- from a block to a fused one

_adapters: dict[str, type[Block]] = {}


def fuses(block: str | type[nn.Module]) -> Callable[[_A], _A]:
    """Registers a Block for a class of modules, or for its name with its module's."""

    def register(adapter: _A) -> _A:
        _adapters[block if isinstance(block, str) else _name(block)] = adapter
        return adapter

    return register


def _name(block_class: type) -> str:
    return f"{block_class.__module__}.{block_class.__qualname__}"


def adapter_of(block: nn.Module) -> type[Block] | None:
    return None if isinstance(block, Block) else _adapters.get(_name(type(block)))


def _tell_diffusers(made: type[nn.Module], block_class: type[nn.Module]) -> None:
    """Its caches (`enable_cache`) know the blocks' parameters by class. A diffusers without that needs nothing."""
    if block_class.__module__.startswith("diffusers."):
        with contextlib.suppress(ImportError, AttributeError, ValueError):
            from diffusers.hooks._helpers import TransformerBlockRegistry

            TransformerBlockRegistry._registry[made] = TransformerBlockRegistry.get(block_class)


def fuse_block(block: nn.Module, adapter: type[Block], masks: Masks, angles: Angles) -> None:
    """In place. Raises UsageError if that cannot be, before anything is changed."""
    _check(block, adapter)
    sites = [site for site in adapter.sites if not site.optional or _has(block, site.linears[0])]
    joined = [join([_int8(block, path) for path in site.linears], op=site.op, first=site.first) for site in sites]
    views = _views(block, adapter, sites)
    packed = packed_of(block, adapter.heads)
    inside = modules_inside(block, _served(adapter))
    before = [module for module in block.modules() if not isinstance(module, Int8Linear)]
    parts: list[tuple[nn.Module, str, Part]] = []
    for site, (fused, made) in zip(sites, joined, strict=True):
        block.add_module(site.name, fused)
        for path, part in zip(site.linears, made, strict=True):
            parent, _, attribute = path.rpartition(".")
            parts.append((block.get_submodule(parent), attribute, part))
            setattr(*parts[-1])
    change_class(block, adapter)
    assert isinstance(block, Block)
    block._parts, block._seen, block._packed = tuple(parts), views, packed
    block._masks, block._angles = masks, angles
    masks.blocks.add(block)
    block._inside = (*inside, *(part for _, _, part in parts))
    block._places = tuple(_places(before))
    block._hooks = tuple(hooks for each in block._inside for hooks in (each._forward_pre_hooks, each._forward_hooks))


def _places(parents: list[nn.Module]) -> Iterator[tuple[nn.Module, str, nn.Module]]:
    """Of modules that `fused` has read or replaces. Linear layers of modulation it calls, whatever they are."""
    for parent in parents:
        for name, module in parent._modules.items():
            is_called = isinstance(module, (nn.Linear, Int8Linear)) and not isinstance(module, (Part, FusedLinear))
            if module is not None and not is_called:
                yield parent, name, module


def _views(block: nn.Module, adapter: type[Block], sites: list[Site]) -> dict[str, AttentionView]:
    made = {path: AttentionView(block.get_submodule(path)) for path in adapter.attentions}
    shown: list[tuple[str, Callable[[Tensor], Tensor]]] = list(adapter.replaced)
    for site in sites:
        start = 0
        for path in site.linears:
            size = _int8(block, path).out_features
            shown.append((path, through if site.behind else Columns(start, size)))
            start += size
    for attention, view in made.items():
        for path, layer in shown:
            if path.startswith(attention + "."):
                view.replace(path[len(attention) + 1 :], layer)
    return made


def _has(block: nn.Module, path: str) -> bool:
    try:
        block.get_submodule(path)
    except AttributeError:
        return False
    return True


def _int8(block: nn.Module, path: str) -> Int8Linear:
    if not _has(block, path):
        raise UsageError(f"it has no layer {path} (leave it as it is)")
    layer = block.get_submodule(path)
    if type(layer) is not Int8Linear:
        raise UsageError(f"{path} is {type(layer).__name__}, not Int8Linear (quantize all layers of a block, no LoRA)")
    return layer


def _served(adapter: type[Block]) -> set[str]:
    """Modules whose hooks are looked at where they count: attention and, while its processor is left out, its norms."""
    norms = {f"{path}.{name}" for path, heads in adapter.heads.items() for pair in heads.norms for name in pair}
    return norms.union(adapter.attentions)


def _check(block: nn.Module, adapter: type[Block]) -> None:
    refuse_hooks(block, _served(adapter), _int8(block, adapter.sites[0].linears[0]).weight.device)
    for site in adapter.sites:
        if hasattr(block, site.name):
            raise UsageError(f"it has an attribute {site.name} already (name the site otherwise)")
    for path in adapter.attentions:
        if getattr(block.get_submodule(path), "fused_projections", False):
            raise UsageError("its projections are joined by diffusers (call unfuse_qkv_projections() first)")
    for path in adapter.norms:
        norm_kind(block.get_submodule(path))
    for path in adapter.branch_norms:
        of_branch_norm(block.get_submodule(path))
    if len({block.get_submodule(path).eps for path in adapter.one_eps}) > 1:
        raise UsageError("its norms differ in eps, but two are computed in one launch (leave it as it is)")
