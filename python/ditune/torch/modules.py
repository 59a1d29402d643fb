# SPDX-License-Identifier: Apache-2.0
"""Int8Linear: nn.Linear with int8 weights, whose activations are quantized row by row as they come."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ditune.errors import UsageError
from ditune.torch import ops
from ditune.torch._gemm import check_op
from ditune.torch._quantize import X_WORDS
from ditune.torch._tensors import aligned, is_autocast, refuse
from ditune.torch.weights import GROUPS, dequantize_weight, quantize_weight

FORMAT = "int8_tensorwise"  # ComfyUI's word for it, of scales by channel, too

TENSORS = ("weight", "weight_scale", "bias", "smooth", "comfy_quant")  # of an Int8Linear
_KEPT = ("weight", "weight_scale", "smooth", "comfy_quant")  # in their dtypes, whatever the model is converted to


def comfy_quant(rotate: int) -> Tensor:
    """How ComfyUI's checkpoints say what a layer's weights are: JSON as uint8."""
    config: dict[str, Any] = {"format": FORMAT}
    if rotate != 1:
        config |= {"convrot": True, "convrot_groupsize": rotate}
    return torch.tensor(list(json.dumps(config).encode()), dtype=torch.uint8, device="cpu")


def layer_name(prefix: str) -> str:
    """Of the layer whose tensors have this prefix in a state_dict, for errors."""
    return prefix.removesuffix(".") or "the layer"


def rotation_of(layer: str, config: Tensor, columns: int) -> int:
    """`rotate` by the comfy_quant of the layer of this name. Raises UsageError unless it is of int8 and fits."""
    try:
        read = json.loads(bytes(config.tolist()))
        form, params = read.get("format"), read.get("params")
        read = (params if isinstance(params, dict) else {}) | read
        group = int(read.get("convrot_groupsize", 256)) if read.get("convrot") else 1
    except (ValueError, AttributeError, TypeError) as error:
        raise UsageError(f"comfy_quant of {layer} cannot be read: {error} (write the checkpoint anew)") from error
    if form != FORMAT:
        raise UsageError(f"{layer} is of the format {form!r} (give a checkpoint of {FORMAT})")
    if group not in (1, *GROUPS):
        raise UsageError(f"{layer} is rotated in groups of {group} (give a checkpoint of 16, 64 or 256)")
    if columns % group:
        raise UsageError(f"{layer} has {columns} columns, but is rotated by {group} in the checkpoint (give its model)")
    return group


def scale_of(name: str, scale: Tensor, channels: int) -> Tensor:
    """float32 [channels, 1], or one value []: in the shape that ComfyUI stores."""
    if scale.dtype != torch.float32 or scale.numel() not in (1, channels):
        refuse(name, scale, f"float32 [{channels}, 1], or one value")
    return scale.reshape(()) if scale.numel() == 1 and channels != 1 else scale.reshape(channels, 1)


def parameter(tensor: Tensor) -> nn.Parameter:
    """Not trained."""
    return nn.Parameter(tensor.detach(), requires_grad=False)


class Int8Linear(nn.Module):
    """A linear layer: `ditune.torch.linear` with the weights that it holds. For inference.

    Parameters, of which none is trained: weight int8 [out_features, in_features]; bias [out_features] or None.
    Buffers: weight_scale float32 [out_features, 1], or one value; smooth float32 [in_features] or None, which
    multiplies the activations; comfy_quant, which says in checkpoints that the weights are int8 and whether they are
    rotated. `.to(dtype)`, `.half()` and the like convert the bias alone. With `rotate` the weight's columns are
    rotated, and each x is, too. `op` is the activation behind the layer, of columns from `from_column` on.

    What is large is a parameter because accelerate and diffusers offload parameters; scales are none because a model's
    dtype is that of its first floating-point parameter.
    """

    weight: nn.Parameter
    weight_scale: Tensor
    bias: nn.Parameter | None
    smooth: Tensor | None
    comfy_quant: Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rotate: int = 1,
        smooth: bool = False,
        op: ops.OutputOp = "none",
        from_column: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """All zeros, to be loaded. dtype is the bias's."""
        super().__init__()
        if rotate != 1 and (rotate not in GROUPS or in_features % rotate):
            raise UsageError(f"rotate={rotate} and {in_features} columns (give 16, 64 or 256 that divides them, or 1)")
        check_op(op, from_column, out_features)
        self.in_features, self.out_features = in_features, out_features
        self.rotate, self.op, self.from_column = rotate, op, from_column
        self.weight = parameter(torch.zeros(out_features, in_features, dtype=torch.int8, device=device))
        made = parameter(torch.zeros(out_features, dtype=dtype, device=device)) if bias else None
        if made is not None and made.dtype not in X_WORDS:
            raise UsageError(f"dtype is {made.dtype}, which is the bias's (give torch.bfloat16, float16 or float32)")
        self.register_parameter("bias", made)
        self.register_buffer("weight_scale", torch.zeros(out_features, 1, dtype=torch.float32, device=device))
        self.register_buffer("smooth", torch.ones(in_features, dtype=torch.float32, device=device) if smooth else None)
        self.register_buffer("comfy_quant", comfy_quant(rotate).to(device or torch.get_default_device()))

    @classmethod
    def from_float(
        cls,
        linear: nn.Linear,
        *,
        rotate: int = 1,
        smooth: Tensor | None = None,
        op: ops.OutputOp = "none",
        from_column: int = 0,
        device: torch.device | str | None = None,
    ) -> Int8Linear:
        """Of nn.Linear's weights, quantized on `device`, where the layer then is; left out: where they are.

        `smooth` [in_features] divides the activations and multiplies the weight's columns. A weight on the device meta
        gives a layer on meta, to be loaded.
        """
        device = torch.device(device) if device is not None else linear.weight.device
        layer = cls(
            linear.in_features,
            linear.out_features,
            linear.bias is not None,
            rotate=rotate,
            smooth=smooth is not None,
            op=op,
            from_column=from_column,
            device="meta",
            dtype=linear.weight.dtype,
        )
        if linear.weight.is_meta or device.type == "meta":
            return layer.train(linear.training)
        weight, layer.weight_scale = quantize_weight(linear.weight.detach().to(device), rotate=rotate, smooth=smooth)
        layer.weight = parameter(weight)
        if linear.bias is not None:
            layer.bias = parameter(linear.bias.to(device, copy=True))
        if smooth is not None:
            layer.smooth = 1 / smooth.detach().to(device, torch.float32).reshape(-1)
        layer.comfy_quant = comfy_quant(rotate).to(device)
        return layer.train(linear.training)

    @classmethod
    def from_quantized(
        cls,
        weight: Tensor,
        weight_scale: Tensor,
        bias: Tensor | None = None,
        *,
        rotate: int = 1,
        smooth: Tensor | None = None,
        op: ops.OutputOp = "none",
        from_column: int = 0,
    ) -> Int8Linear:
        """Of int8 weights [out_features, in_features] and their scale, float32 [out_features] or one value.

        With `rotate` the weights are those of rotated columns already. `smooth` [in_features] divides the activations.
        """
        if weight.dtype != torch.int8 or weight.dim() != 2:
            refuse("weight", weight, "int8 [out_features, in_features]")
        out_features, in_features = weight.shape
        layer = cls(in_features, out_features, False, rotate=rotate, op=op, from_column=from_column, device="meta")
        layer.weight = parameter(aligned(weight))
        layer.weight_scale = scale_of("weight_scale", weight_scale, out_features)
        if bias is not None:
            if bias.numel() != out_features or bias.dtype not in X_WORDS:
                refuse("bias", bias, f"bfloat16, float16 or float32 [{out_features}]")
            layer.bias = parameter(bias)
        if smooth is not None:
            if smooth.numel() != in_features:
                refuse("smooth", smooth, f"[{in_features}]")
            layer.smooth = 1 / smooth.detach().to(weight.device, torch.float32).reshape(-1)
        layer.comfy_quant = comfy_quant(rotate).to(weight.device)
        return layer

    def forward(self, x: Tensor, **options: Any) -> Tensor:
        """`options` are more of those of `ditune.torch.linear`: norm, scale, residual, ..."""
        parameters, buffers = self._parameters, self._buffers  # a third of the time of attributes
        if is_autocast(x.device):
            options.setdefault("out_dtype", torch.get_autocast_dtype(x.device.type))
        return ops.linear(
            x,
            parameters["weight"],  # type: ignore[arg-type]
            buffers["weight_scale"],  # type: ignore[arg-type]
            parameters["bias"],
            smooth=buffers["smooth"],
            rotate=self.rotate,
            op=self.op,
            from_column=self.from_column,
            **options,
        )

    def dequantize(self) -> Tensor:
        """The float32 weight [out_features, in_features] that the layer stands for."""
        smooth = None if self.smooth is None else 1 / self.smooth
        return dequantize_weight(self.weight, self.weight_scale, rotate=self.rotate, smooth=smooth)

    def extra_repr(self) -> str:
        text = f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        text += "" if self.rotate == 1 else f", rotate={self.rotate}"
        text += "" if self.smooth is None else ", smooth=True"
        text += "" if self.op == "none" else f", op={self.op}"
        return text + (f", from_column={self.from_column}" if self.from_column else "")

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Int8Linear:
        """Int8 stays int8 and scales float32: conversions of the model are not meant for them."""
        kept = {name: tensor.detach() for name in _KEPT if (tensor := getattr(self, name)) is not None}
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, tensor in kept.items():
            moved = getattr(self, name)
            if moved.dtype != tensor.dtype:
                tensor = tensor.to(moved.device)
                setattr(self, name, parameter(tensor) if name in self._parameters else tensor)
        return self

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Takes the rotation of the checkpoint, and scales of any shape that checkpoints have. What is refused leaves
        the layer as it was.
        """
        config, scale, weight = (state_dict.get(prefix + name) for name in ("comfy_quant", "weight_scale", "weight"))
        if weight is not None and (weight.dtype != torch.int8 or weight.shape != self.weight.shape):
            wanted = f"int8 {list(self.weight.shape)}: load float weights before quantize_, or by ditune.torch.load_"
            refuse(prefix + "weight", weight, wanted)
        if scale is not None:
            scale = state_dict[prefix + "weight_scale"] = scale_of(prefix + "weight_scale", scale, self.out_features)
        if config is None or weight is None:  # of an older checkpoint, or without what it speaks of
            state_dict[prefix + "comfy_quant"] = self.comfy_quant
        elif not config.is_meta:
            self.rotate = rotation_of(layer_name(prefix), config, self.in_features)
            self.comfy_quant = torch.empty_like(config, device=self.comfy_quant.device)
        if scale is not None:
            self.weight_scale = torch.empty_like(scale, device=self.weight_scale.device)
        if weight is not None and rest[0].get("assign_to_params_buffers"):
            state_dict[prefix + "weight"] = aligned(weight)  # once, and not at each call
        super()._load_from_state_dict(state_dict, prefix, *rest)
