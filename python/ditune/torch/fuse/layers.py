# SPDX-License-Identifier: Apache-2.0
"""Linear layers whose weights are joined, so that one quantization and one GEMM serve them all; and what their outputs
are added to: a sum that the next layer's quantization computes on its way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ditune.errors import UsageError
from ditune.torch import ops
from ditune.torch._tensors import is_autocast
from ditune.torch.fuse.norms import of_branch_norm, of_norm
from ditune.torch.modules import TENSORS, Int8Linear, layer_name, rotation_of, scale_of


class Sum:
    """x + y, x + gate * y, or x + gate * norm(y) with an RMSNorm without a bias: not computed yet.

    A layer that takes it computes it while it quantizes. gate is [..., K], of one row or one for each image, or of each
    token row `index`. A scale of that layer has as many rows as the gate, and the same index.
    """

    __slots__ = ("gate", "index", "norm", "x", "y")

    def __init__(
        self,
        x: Tensor,
        y: Tensor,
        gate: Tensor | None = None,
        norm: nn.Module | None = None,
        index: Tensor | None = None,
    ) -> None:
        self.x, self.y, self.gate, self.norm, self.index = x, y, gate, norm, index

    def options(self) -> dict[str, Any]:
        """Those of quantize_s8. Raises UsageError where it cannot compute the norm."""
        made: dict[str, Any] = {"branch": self.y, "gate": self.gate, "index": self.index}
        if self.norm is not None:
            made |= of_branch_norm(self.norm)
            for name in ("gate", "branch_norm_weight"):
                if made[name] is None:
                    made[name] = self.x.new_ones(self.x.shape[-1])
        return made

    def value(self) -> Tensor:
        out_dtype = torch.float16 if self.x.dtype == torch.float32 else self.x.dtype  # rows that nobody reads
        made: tuple[Tensor, ...] = ops.quantize_s8(self.x, **self.options(), out_dtype=out_dtype)
        return made[2]

    def __add__(self, other: Tensor) -> Tensor:
        return self.value() + other

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"a fused block's sum has no {name}: it came to what is not the block behind it (call fuse_ again)"
        )


def value_of(x: Any) -> Any:
    return x.value() if isinstance(x, Sum) else x


# Options of a layer's output: quantize_s8 would take some of them for its own.
_OF_OUTPUTS = ("residual", "gate", "gate_index", "rows_per_gate", "out_dtype")


class FusedLinear(Int8Linear):
    """Several Int8Linear of one input as one: their rows below each other, or with op="swiglu" in turns.

    Its tensors are in no state_dict: those of its parts are, as they were.
    """

    def forward(self, x: Tensor | Sum, *, norm: nn.Module | None = None, **options: Any) -> Any:
        """The joined output of x, normalized by `norm` and with more of the options of `ditune.torch.linear`.

        Of a Sum it is (the sum, the output).
        """
        if isinstance(x, Sum):
            return self._of_sum(x, norm, options)
        gate, residual = options.get("gate"), options.get("residual")
        if gate is not None and residual is not None and gate.dtype != residual.dtype:
            options["gate"] = gate.to(residual.dtype)
        return super().forward(x, **of_norm(norm), **options)

    def add(self, x: Tensor | Sum, **options: Any) -> tuple[Tensor, Tensor]:
        """(x, the output of x), of a tensor or of a sum."""
        made: tuple[Tensor, Tensor] = self(x, **options) if isinstance(x, Sum) else (x, self(x, **options))
        return made

    def into(self, out: Tensor, x: Tensor, *, norm: nn.Module | None = None, **options: Any) -> None:
        """Writes the joined output of x, of which `options` are those of quantize_s8."""
        q, scale = ops.quantize_s8(x, smooth=self._buffers["smooth"], rotate=self.rotate, **of_norm(norm), **options)
        self._multiply(q, scale, out.dtype, out)

    def _save_to_state_dict(self, *_: Any) -> None:
        """Its parts save."""

    def _load_from_state_dict(self, *_: Any) -> None:
        """Its parts load."""

    def _of_sum(self, x: Sum, norm: nn.Module | None, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
        for name in options:
            if name in _OF_OUTPUTS:
                raise UsageError(f"{name} with a Sum (give its value(), or leave {name} out)")
        of_sum, its = x.options(), of_norm(norm) | options
        if "eps" in of_sum and its.get("eps", of_sum["eps"]) != of_sum["eps"]:
            raise UsageError(
                f"the norm of a Sum has eps={of_sum['eps']} and the one behind it eps={its['eps']}, but both are "
                "computed in one launch (give the Sum's value())"
            )
        options = of_sum | its
        q, scale, value = ops.quantize_s8(x.x, smooth=self._buffers["smooth"], rotate=self.rotate, **options)
        return value, self._multiply(q, scale, x.x.dtype)

    def _multiply(self, q: Tensor, scale: Tensor, dtype: torch.dtype, out: Tensor | None = None) -> Tensor:
        parameters: dict[str, Any] = self._parameters
        return ops.gemm_s8(
            q,
            parameters["weight"],
            scale,
            self._buffers["weight_scale"],
            parameters["bias"],
            op=self.op,
            from_column=self.from_column,
            out_dtype=dtype,
            out=out,
        )


class Fitting(NamedTuple):
    """What a layer finds of tensors that it is to load."""

    fitting: dict[str, Tensor]
    missing: list[str]
    unexpected: list[str]
    errors: list[str]


class Part(Int8Linear):
    """One of the layers that a FusedLinear has joined: its rows, or without rows all, whose halves are in turns there.
    What calls it gets what it computed before.

    In a state_dict it is as before; its tensors are views of those of the joined layer, without rows copies that nobody
    should write to, and loading writes into the joined layer.
    """

    def __init__(self, fused: FusedLinear, rows: slice | None, features: tuple[int, int]) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = features
        self.op, self.from_column = "none", 0
        self._owner = (fused, rows)  # no submodule: the block has it

    @property
    def fused(self) -> FusedLinear:
        return self._owner[0]

    @property
    def rotate(self) -> int:  # type: ignore[override]
        return self.fused.rotate

    def _view(self, name: str) -> Tensor | None:
        """Of a joined tensor: [rows, ...], or [2, rows / 2, ...]."""
        joined: Tensor | None = getattr(self.fused, name)
        rows = self._owner[1]
        if joined is None or rows is not None:
            return None if joined is None else joined[rows]
        return joined.view(-1, 2, *joined.shape[1:]).transpose(0, 1)

    def _rows(self, name: str) -> Tensor | None:
        view = self._view(name)
        return view if view is None or self._owner[1] is not None else view.flatten(0, 1)  # a copy

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        return self._rows("weight")  # type: ignore[return-value]

    @property
    def weight_scale(self) -> Tensor:  # type: ignore[override]
        return self._rows("weight_scale")  # type: ignore[return-value]

    @property
    def bias(self) -> Tensor | None:  # type: ignore[override]
        return self._rows("bias")

    @property
    def smooth(self) -> Tensor | None:  # type: ignore[override]
        return self.fused.smooth

    @property
    def comfy_quant(self) -> Tensor:  # type: ignore[override]
        return self.fused.comfy_quant

    def forward(self, x: Tensor, **options: Any) -> Tensor:
        if is_autocast(x.device):
            options.setdefault("out_dtype", torch.get_autocast_dtype(x.device.type))
        weights = (self.weight, self.weight_scale, self.bias)
        return ops.linear(x, *weights, smooth=self.smooth, rotate=self.rotate, **options)

    def extra_repr(self) -> str:
        return super().extra_repr() + ", fused"

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Part:
        return self  # the joined layer is converted

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        for name in ("weight", "weight_scale", "bias"):
            if (tensor := getattr(self, name)) is not None:
                destination[prefix + name] = tensor.detach().contiguous()  # rows in turns are copied
        for name in ("smooth", "comfy_quant"):
            if (tensor := getattr(self, name)) is not None:
                destination[prefix + name] = tensor.clone()  # all parts have it: safetensors stores no tensor twice

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        given = {key.removeprefix(prefix): state_dict[key] for key in state_dict if key.startswith(prefix)}
        found = self.fit(given, prefix)
        missing_keys += found.missing
        unexpected_keys += found.unexpected if strict else []
        error_msgs += found.errors
        if not found.errors:
            self.write(found.fitting)

    def fit(self, given: Mapping[str, Tensor], prefix: str) -> Fitting:
        """What of a checkpoint's tensors it can take, by name in the layer. Changes nothing."""
        found = Fitting({}, [], [], [])
        config = given.get("comfy_quant")
        if self.fused.weight.is_meta:
            found.errors.append(f"{prefix}weight is on meta, where nothing can be loaded (load it before fuse_)")
            return found
        if config is not None and rotation_of(layer_name(prefix), config, self.in_features) != self.rotate:
            found.errors.append(f"{prefix}weight is rotated otherwise than this fused layer (load it before fuse_)")
            return found
        for name in ("weight", "weight_scale", "bias", "smooth"):
            old, new = getattr(self, name), given.get(name)
            if old is None and new is None:
                continue
            if old is None or new is None:
                (found.unexpected if old is None else found.missing).append(prefix + name)
            elif name == "smooth":
                if not torch.equal(old, new.to(old)):
                    found.errors.append(f"{prefix}smooth is not that of this fused layer (load it before fuse_)")
            elif name == "weight_scale":
                found.fitting[name] = scale_of(prefix + name, new, self.out_features).reshape(-1, 1)
            elif (old.shape, old.is_floating_point()) == (new.shape, new.is_floating_point()):
                found.fitting[name] = new
            else:
                found.errors.append(
                    f"{prefix}{name} is {new.dtype} {list(new.shape)}, not {old.dtype} {list(old.shape)}"
                )
        found.unexpected.extend(prefix + name for name in given if name not in TENSORS)
        return found

    @torch.no_grad()
    def write(self, fitting: Mapping[str, Tensor]) -> None:
        for name, new in fitting.items():
            view = self._view(name)
            assert view is not None
            if name == "weight_scale":
                new = new.expand(self.out_features, 1)  # of one for all channels
            view.copy_(new.reshape(view.shape))


def join(layers: Sequence[Int8Linear], *, op: ops.OutputOp = "none", first: int = 0) -> tuple[FusedLinear, list[Part]]:
    """The joined layer, and what takes the places of the layers. op is that of the layers from `first` on; with swiglu
    they are gate and up, or one layer whose halves these are.

    Raises UsageError where layers cannot share a quantization.
    """
    features = [(layer.in_features, layer.out_features) for layer in layers]
    _check(layers, op)
    sizes = [size for _, size in features]
    fused = FusedLinear.from_quantized(
        _rows([layer.weight for layer in layers], op),
        _rows([_all_scales(layer) for layer in layers], op),
        _bias(layers, op),
        rotate=layers[0].rotate,
        op=op,
        from_column=sum(sizes[:first]),
    )
    assert isinstance(fused, FusedLinear)
    fused.smooth = layers[0].smooth
    fused._non_persistent_buffers_set.update(name for name, tensor in fused._buffers.items() if tensor is not None)
    fused.train(layers[0].training)
    rows: list[slice | None]
    if op == "swiglu":
        rows = [None] if len(layers) == 1 else [slice(i, None, 2) for i in (0, 1)]
    else:
        ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
        rows = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    return fused, [Part(fused, row, size).train(fused.training) for row, size in zip(rows, features, strict=True)]


def _check(layers: Sequence[Int8Linear], op: str) -> None:
    one = layers[0]
    for layer in layers:
        if layer.weight.device != one.weight.device:
            raise UsageError(
                f"its layers are on {one.weight.device} and {layer.weight.device} (put a block on one device)"
            )
        if layer.weight.is_meta:
            raise UsageError("weights are on meta (load the model before fuse_)")
        if layer.op != "none":
            raise UsageError(f"a layer has op={layer.op} of its own (leave it to fuse_)")
        if layer.in_features != one.in_features or layer.rotate != one.rotate:
            raise UsageError("layers of one input have other columns or another rotation (quantize them alike)")
        both = (layer.smooth, one.smooth)
        if both != (None, None) and (both[0] is None or both[1] is None or not torch.equal(both[0], both[1])):
            raise UsageError("layers of one input are smoothed by other factors (give them the same smooth)")
    sizes = [layer.out_features for layer in layers]
    if op == "swiglu" and (sizes[0] % 2 if len(sizes) == 1 else sizes != sizes[:1] * 2):
        raise UsageError("gate and up are not of one size (leave the block as it is)")


def _rows(tensors: Sequence[Tensor], op: str) -> Tensor:
    if op == "swiglu":
        gate, up = tensors if len(tensors) == 2 else tensors[0].chunk(2)
        return torch.stack([gate, up], 1).flatten(0, 1)
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))


def _all_scales(layer: Int8Linear) -> Tensor:
    return layer.weight_scale.reshape(-1, 1).expand(layer.out_features, 1).contiguous()


def _bias(layers: Sequence[Int8Linear], op: str) -> Tensor | None:
    """Raises UsageError if only some have one: a state_dict could not say that."""
    given = [layer.bias for layer in layers if layer.bias is not None]
    if given and len(given) != len(layers):
        raise UsageError("of layers of one input only some have a bias (leave the block as it is)")
    return _rows(given, op) if given else None
