# SPDX-License-Identifier: Apache-2.0
"""The models that are measured: diffusers' class, the sizes of the published one, and the inputs of a step."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ditune.errors import UsageError

Config = Mapping[str, Any]
Inputs = dict[str, Any]


class Size(NamedTuple):
    """What a step computes: an image, or a video of more frames than one, and tokens of text."""

    height: int
    width: int
    frames: int
    text: int


class Draw:
    """Random tensors, the same of each run on a device."""

    def __init__(self, device: torch.device, dtype: torch.dtype, seed: int) -> None:
        self.device, self.dtype = device, dtype
        self._generator = torch.Generator(device).manual_seed(seed)

    def __call__(self, *shape: int) -> Tensor:
        return torch.randn(*shape, device=self.device, dtype=self.dtype, generator=self._generator)


@dataclass(frozen=True)
class Model:
    """One entry of the table."""

    transformer: str  # the class, of diffusers
    inputs: Callable[[Config, Size, Draw], Inputs]  # all of the forward's but the time
    size: Size  # where none is asked for
    config: Config = field(default_factory=dict)  # what differs from the class's defaults
    depth: tuple[str, ...] = ("num_layers",)  # the config's numbers of blocks
    pixels: int = 16  # a token covers so many, in both directions
    latent: str = "hidden_states"
    time: str = "timestep"
    time_dtype: torch.dtype = torch.bfloat16
    time_of_each_token: bool = False
    time_of: Callable[[float], float] = lambda sigma: sigma  # sigma is 1 for noise and 0 for an image
    direction: int = 1  # whether the output is the derivative by sigma, or (-1) its negative
    text_first: bool = False  # whether the output begins with rows of text, which mean nothing
    without_mask: Callable[[nn.Module, Inputs], None] | None = None  # leaves an attention mask out that is all true

    def time_at(self, sigma: float, size: Size, device: torch.device) -> Tensor:
        shape = (1, self.tokens(size)) if self.time_of_each_token else (1,)
        return torch.full(shape, self.time_of(sigma), dtype=self.time_dtype, device=device)

    def tokens(self, size: Size) -> int:
        """Of the image or video."""
        if size.height % self.pixels or size.width % self.pixels or min(size[:3]) < 1:
            raise UsageError(
                f"a resolution of {size.width}x{size.height} has no whole tokens (give multiples of {self.pixels})"
            )
        return _grid(size, self.pixels)[1] * latent_frames(size)


def latent_frames(size: Size) -> int:
    return (size.frames + 3) // 4


def _grid(size: Size, pixels: int) -> tuple[tuple[int, int], int]:
    """Rows and columns of tokens, and how many they are."""
    grid = size.height // pixels, size.width // pixels
    return grid, grid[0] * grid[1]


def _positions(size: Size, axes: int, device: torch.device) -> Tensor:
    """Row and column of each token, behind zeros and, with four axes, before one."""
    (_, columns), tokens = _grid(size, 16)
    at = torch.arange(tokens, device=device)
    found = [torch.zeros_like(at), at // columns, at % columns, torch.zeros_like(at)]
    return torch.stack(found[:axes], 1)


# ---- The inputs, as the pipelines of diffusers make them


def _ideogram4(config: Config, size: Size, draw: Draw) -> Inputs:
    _, image = _grid(size, 16)
    length, device = size.text + image, draw.device
    indicator = torch.full((1, length), 2, device=device)
    indicator[:, : size.text] = 3
    positions = torch.zeros(1, length, 3, dtype=torch.long, device=device)
    positions[0, : size.text] = torch.arange(size.text, device=device)[:, None]
    positions[0, size.text :] = 65536 + _positions(size, 3, device)
    return {
        "hidden_states": draw(1, length, config["in_channels"]),
        "encoder_hidden_states": draw(1, length, config["llm_features_dim"]),
        "position_ids": positions,
        "segment_ids": torch.zeros(1, length, dtype=torch.long, device=device),
        "indicator": indicator,
    }


class WithoutMask:
    """An attention processor that is given no mask."""

    def __init__(self, processor: Any) -> None:
        self.processor = processor

    def __call__(self, attn: nn.Module, hidden_states: Tensor, attention_mask: Tensor, image_rotary_emb: Any) -> Any:
        return self.processor(attn, hidden_states, None, image_rotary_emb)


def _ideogram4_without_mask(model: nn.Module, inputs: Inputs) -> None:
    layers: Any = model.layers
    for layer in layers:
        layer.attention.set_processor(WithoutMask(layer.attention.processor))


def _flux(config: Config, size: Size, draw: Draw) -> Inputs:
    inputs = _flux2(config, size, draw)
    for name in ("img_ids", "txt_ids"):
        inputs[name] = inputs[name][:, :3]
    inputs["txt_ids"] = torch.zeros_like(inputs["txt_ids"])
    inputs["pooled_projections"] = draw(1, config["pooled_projection_dim"])
    return inputs


def _flux2(config: Config, size: Size, draw: Draw) -> Inputs:
    text = torch.zeros(size.text, 4, device=draw.device)
    text[:, 3] = torch.arange(size.text, device=draw.device)
    return {
        "hidden_states": draw(1, _grid(size, 16)[1], config["in_channels"]),
        "encoder_hidden_states": draw(1, size.text, config["joint_attention_dim"]),
        "img_ids": _positions(size, 4, draw.device).float(),
        "txt_ids": text,
        "guidance": torch.full((1,), 4.0, device=draw.device) if config["guidance_embeds"] else None,
    }


def _qwen_image(config: Config, size: Size, draw: Draw) -> Inputs:
    grid, tokens = _grid(size, 16)
    return {
        "hidden_states": draw(1, tokens, config["in_channels"]),
        "encoder_hidden_states": draw(1, size.text, config["joint_attention_dim"]),
        "encoder_hidden_states_mask": torch.ones(1, size.text, dtype=torch.bool, device=draw.device),
        "img_shapes": [[(1, *grid)]],
    }


def _qwen_image_without_mask(model: nn.Module, inputs: Inputs) -> None:
    inputs["encoder_hidden_states_mask"] = None


def _z_image(config: Config, size: Size, draw: Draw) -> Inputs:
    return {
        "x": [draw(config["in_channels"], 1, size.height // 8, size.width // 8)],
        "cap_feats": [draw(size.text, config["cap_feat_dim"])],
    }


def _wan(config: Config, size: Size, draw: Draw) -> Inputs:
    return {
        "hidden_states": draw(1, config["in_channels"], latent_frames(size), size.height // 8, size.width // 8),
        "encoder_hidden_states": draw(1, size.text, config["text_dim"]),
    }


def _wan22_5b(config: Config, size: Size, draw: Draw) -> Inputs:
    """Its autoencoder makes a value of 16 pixels in both directions."""
    return _wan(config, size._replace(height=size.height // 2, width=size.width // 2), draw)


# ---- The table

_IMAGE = Size(1024, 1024, 1, 512)
_FLUX_DEPTH = ("num_layers", "num_single_layers")

MODELS = {
    "ideogram4": Model(
        "Ideogram4Transformer2DModel",
        _ideogram4,
        _IMAGE._replace(text=2048),
        time_of=lambda sigma: 1 - sigma,
        direction=-1,
        text_first=True,
        without_mask=_ideogram4_without_mask,
    ),
    "z-image": Model(
        "ZImageTransformer2DModel",
        _z_image,
        _IMAGE,
        depth=("n_layers", "n_refiner_layers"),
        latent="x",
        time="t",
        time_dtype=torch.float32,
        time_of=lambda sigma: 1 - sigma,
        direction=-1,
    ),
    "flux1-dev": Model("FluxTransformer2DModel", _flux, _IMAGE, {"guidance_embeds": True}, depth=_FLUX_DEPTH),
    "flux2-dev": Model("Flux2Transformer2DModel", _flux2, _IMAGE, depth=_FLUX_DEPTH),
    "flux2-klein-9b": Model(
        "Flux2Transformer2DModel",
        _flux2,
        _IMAGE,
        {"num_single_layers": 24, "num_attention_heads": 32, "joint_attention_dim": 12288, "guidance_embeds": False},
        depth=_FLUX_DEPTH,
    ),
    "qwen-image": Model("QwenImageTransformer2DModel", _qwen_image, _IMAGE, without_mask=_qwen_image_without_mask),
    "wan-14b": Model(
        "WanTransformer3DModel",
        _wan,
        Size(480, 832, 81, 512),
        time_dtype=torch.float32,
        time_of=lambda sigma: 1000 * sigma,
    ),
    "wan2.2-5b": Model(
        "WanTransformer3DModel",
        _wan22_5b,
        Size(704, 1280, 121, 512),
        {"num_attention_heads": 24, "in_channels": 48, "out_channels": 48, "ffn_dim": 14336, "num_layers": 30},
        pixels=32,
        time_dtype=torch.float32,
        time_of=lambda sigma: 1000 * sigma,
        time_of_each_token=True,
    ),
}


def draw_inputs(model: Model, config: Config, size: Size, device: torch.device) -> Inputs:
    """All of a step in the middle of the way."""
    return {
        **model.inputs(config, size, Draw(device, torch.bfloat16, 1)),
        model.time: model.time_at(0.5, size, device),
        "return_dict": False,
    }


# ---- The transformer itself


def build(model: Model, *, device: torch.device, layers: int | None = None, weights: str | None = None) -> nn.Module:
    """In bf16 on the device: with random weights, made there and each time the same, or with those of a folder."""
    import diffusers

    made_by = getattr(diffusers, model.transformer, None)
    if made_by is None:
        raise UsageError(f"diffusers {diffusers.__version__} has no {model.transformer} (pip install -U diffusers)")
    made: nn.Module = _loaded(made_by, weights, device) if weights else _random(made_by, model, device, layers)
    return made.eval().requires_grad_(False)


def _loaded(made_by: Any, weights: str, device: torch.device) -> nn.Module:
    try:
        made: nn.Module = made_by.from_pretrained(weights, torch_dtype=torch.bfloat16)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{weights} has no {made_by.__name__}: {error} (give the pipeline's folder transformer)"
        ) from error
    return made.to(device)


def _random(made_by: Any, model: Model, device: torch.device, layers: int | None) -> nn.Module:
    config = dict(model.config)
    if layers is not None:
        defaults = {name: each.default for name, each in inspect.signature(made_by.__init__).parameters.items()}
        config |= {name: min(layers, (defaults | config)[name]) for name in model.depth}
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []), device:
            torch.manual_seed(0)
            made: nn.Module = made_by(**config)
    finally:
        torch.set_default_dtype(default)
    for name, parameter in made.named_parameters():
        if set(getattr(made, "_keep_in_fp32_modules", None) or ()) & set(name.split(".")):  # as from_pretrained does
            parameter.data = parameter.data.float()
    return made
