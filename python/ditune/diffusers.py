# SPDX-License-Identifier: Apache-2.0
"""INT8 models of diffusers on ditune: `Model.from_pretrained(..., quantization_config=ditune.diffusers.Int8Config())`.

Importing this module makes diffusers know the quantization method "ditune". Loading a saved INT8 model needs it, too.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from diffusers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING, AUTO_QUANTIZER_MAPPING
from diffusers.quantizers.base import DiffusersQuantizer
from diffusers.quantizers.quantization_config import QuantizationConfigMixin
from torch import Tensor, nn

from ditune.errors import UsageError
from ditune.torch import DEFAULT_SKIP, Int8Linear, quantize_, quantize_weight
from ditune.torch._tensors import aligned
from ditune.torch.modules import comfy_quant, parameter, rotation_of, scale_of

SCALE, SMOOTH = ".weight_scale", ".smooth"


class QuantizationMethod(str, enum.Enum):
    """diffusers' enum of that name has a closed list."""

    DITUNE = "ditune"


@dataclasses.dataclass
class Int8Config(QuantizationConfigMixin):  # type: ignore[misc]
    """Which layers of a model become INT8 while it is loaded, and how.

    rotate: the Hadamard group (ConvRot) 16, 64 or 256; a layer whose columns it does not divide takes the next smaller
        one; 1 is none.
    skip: patterns of the layers that stay float, as those of `ditune.torch.quantize_`; DEFAULT_SKIP if it is left out.
    modules_to_not_convert: more of them, as other quantizers of diffusers have it: names of layers or modules at any
        depth ("proj_mlp"), or patterns.
    device: where weights are quantized. Left out: where each is loaded to.
    """

    rotate: int = 1
    skip: Sequence[str] | None = None
    modules_to_not_convert: Sequence[str] | None = None
    device: str | None = None
    quant_method: QuantizationMethod = QuantizationMethod.DITUNE

    def __post_init__(self) -> None:
        if self.rotate not in (1, 16, 64, 256):
            raise UsageError(f"rotate is {self.rotate} (1, 16, 64 or 256)")
        for name in ("skip", "modules_to_not_convert"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                value = list(value)  # which any iterator gives once
                setattr(self, name, value)
            if isinstance(value, str) or not all(isinstance(pattern, str) for pattern in value or ()):
                raise UsageError(f"{name} is {value!r} (give a list of names and patterns)")
        # Saved with the model, so the defaults of that time are, too.
        self.skip = list(DEFAULT_SKIP if self.skip is None else self.skip)
        self.modules_to_not_convert = list(self.modules_to_not_convert or ())
        self.device = None if self.device is None else str(self.device)
        self.quant_method = QuantizationMethod(self.quant_method)

    def patterns(self, more: Iterable[str] = ()) -> list[str]:
        """What `quantize_` is to skip: skip, and modules_to_not_convert and more at any depth."""
        names = [*(self.modules_to_not_convert or ()), *more]
        return [*(self.skip or ()), *names, *(f"*.{name}" for name in names)]

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"quant_method": self.quant_method.value}

    def to_diff_dict(self) -> dict[str, Any]:
        return self.to_dict()


class Int8Quantizer(DiffusersQuantizer):  # type: ignore[misc]
    """What diffusers calls while it loads a model with an Int8Config.

    The model is on the meta device until its weights come, one after the other; each becomes int8 as it comes, so that
    no more than one weight is there in both forms. A checkpoint that is INT8 already has a `weight_scale` beside a
    weight: exactly these layers are INT8 then, whatever the config says, and no float weight is made.
    """

    use_keep_in_fp32_modules = True
    requires_calibration = False

    def __init__(self, quantization_config: Int8Config, **kwargs: Any) -> None:
        super().__init__(quantization_config, **kwargs)
        self.loaded_keys: frozenset[str] = frozenset()

    # ---- Before the weights ----

    def validate_environment(self, *args: Any, device_map: Any = None, **kwargs: Any) -> None:
        if isinstance(device_map, dict) and "disk" in device_map.values():
            raise UsageError('device_map puts layers on the "disk" (give one of GPUs and the CPU)')

    def update_torch_dtype(self, torch_dtype: torch.dtype | None) -> torch.dtype:
        return torch_dtype or torch.float32  # what diffusers loads without one

    def maybe_update_loaded_keys(self, loaded_keys: list[str], checkpoint_files: list[str]) -> list[str]:
        self.loaded_keys = frozenset(loaded_keys)
        return loaded_keys

    def _process_model_before_weight_loading(
        self,
        model: Any,
        keep_in_fp32_modules: Sequence[str] = (),
        state_dict: dict[str, Tensor] | None = None,  # of from_single_file
        **kwargs: Any,
    ) -> None:
        self.loaded_keys = self.loaded_keys or frozenset(state_dict or ())
        stored = {key.removesuffix(SCALE) for key in self.loaded_keys if key.endswith(SCALE)}
        self.pre_quantized = bool(stored)
        config: Int8Config = self.quantization_config
        if stored:
            quantize_(model, skip=lambda name, _: name not in stored, rotate=config.rotate, min_features=1)
            for name in stored:
                if name + SMOOTH in self.loaded_keys:
                    layer = model.get_submodule(name)
                    layer.smooth = torch.empty(layer.in_features, dtype=torch.float32, device="meta")
        else:
            quantize_(model, skip=config.patterns(keep_in_fp32_modules), rotate=config.rotate)
        model.register_to_config(quantization_config=config)  # from_single_file does not

    def update_missing_keys(self, model: nn.Module, missing_keys: list[str], prefix: str) -> list[str]:
        """What is computed from float weights is not missing."""
        made = ("comfy_quant",) if self.pre_quantized else ("comfy_quant", "weight_scale")
        return [key for key in missing_keys if _int8_layer(model, key) is None or not key.endswith(made)]

    # ---- Each weight ----

    def check_if_quantized_param(
        self, model: nn.Module, param_value: Tensor, param_name: str, state_dict: dict[str, Any], **kwargs: Any
    ) -> bool:
        return _int8_layer(model, param_name) is not None and not param_name.endswith(".bias")

    def create_quantized_param(
        self,
        model: nn.Module,
        param_value: Tensor,
        param_name: str,
        target_device: torch.device | str | int,
        state_dict: dict[str, Tensor],
        unexpected_keys: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """Takes the tensor as the file has it: diffusers converts param_value to the model's dtype, scales, too."""
        layer = _int8_layer(model, param_name)
        assert layer is not None
        layer_name, _, name = param_name.rpartition(".")
        value = state_dict[param_name]
        if name == "comfy_quant":
            layer.rotate = rotation_of(layer_name, value, layer.in_features)
        elif name == "weight_scale":
            value = scale_of(param_name, value.float(), layer.out_features)
        elif name == "smooth":
            value = value.float()
        elif value.dtype != torch.int8:
            source = value.to(self.quantization_config.device or target_device)
            value, scale = quantize_weight(source, rotate=layer.rotate)
            layer.weight_scale = scale.to(target_device)
        value = value.to(target_device)
        setattr(layer, name, parameter(value) if name in layer._parameters else value)
        if name == "weight" and layer.comfy_quant.is_meta:
            layer.comfy_quant = comfy_quant(layer.rotate).to(target_device)

    # ---- After ----

    def _process_model_after_weight_loading(self, model: nn.Module, **kwargs: Any) -> nn.Module:
        """On the CPU tensors lie in the file, at any address: copies them here, and not at each call."""
        for layer in model.modules():
            if isinstance(layer, Int8Linear):
                for name, tensor in (*layer._parameters.items(), *layer._buffers.items()):
                    if tensor is not None and (made := aligned(tensor)) is not tensor:
                        setattr(layer, name, parameter(made) if name in layer._parameters else made)
        return model

    def get_cuda_warm_up_factor(self) -> int:
        return 2  # int8 takes half the bytes of the dtype that diffusers counts in

    @property
    def is_serializable(self) -> bool:
        return True

    @property
    def is_trainable(self) -> bool:
        return False

    @property
    def is_compileable(self) -> bool:
        return True


def _int8_layer(model: nn.Module, key: str) -> Int8Linear | None:
    """The INT8 layer that a tensor of a state_dict is of, if it is of one."""
    try:
        module = model.get_submodule(key.rpartition(".")[0])
    except AttributeError:
        return None
    return module if isinstance(module, Int8Linear) else None


AUTO_QUANTIZATION_CONFIG_MAPPING["ditune"] = Int8Config
AUTO_QUANTIZER_MAPPING["ditune"] = Int8Quantizer
