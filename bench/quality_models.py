# SPDX-License-Identifier: Apache-2.0
"""Random diffusion transformers whose activations have outlier channels, as those of trained ones have.

docs/quality.md says how the outliers are made, and what is known of real ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from ditune.torch.quantize import is_skipped
from torch import Tensor, nn

Given = dict[str, Any]
Names = tuple[str, ...]


class Size(NamedTuple):
    heads: int
    head: int
    blocks: int
    side: int  # of the square of image tokens
    text: int  # tokens

    @property
    def width(self) -> int:
        return self.heads * self.head


class Level(NamedTuple):
    """Gains of outlier channels, log-uniform between `least` and `most`."""

    least: float
    most: float
    channels: int = 128  # one channel in this many is an outlier
    carried: float = 0.5  # a column that reads an outlier of the gain g is divided by g to this power

    def gains(self, count: int) -> Tensor:
        low, high = math.log(self.least), math.log(self.most)
        return torch.exp(low + (high - low) * torch.rand(count))

    def choose(self, width: int) -> Tensor:
        return torch.randperm(width)[: max(1, width // self.channels)]


LEVELS = {"none": Level(1, 1), "mild": Level(3, 10), "strong": Level(10, 100)}


class Link(NamedTuple):
    """Where outlier channels are made, and the linear layers that read them."""

    writers: Names  # a norm, or linear layers; all get the gain in the same rows
    readers: Names
    part: int | None = None  # which of a modulation layer's parts is the scale
    power: float = 1  # of the gain: less than 1 makes outliers milder
    product: bool = False  # the writers are gate and up: their product has the gain
    last: bool = False  # the readers' last columns are the writers' rows


class Kind(NamedTuple):
    """A model of diffusers."""

    name: str  # of its class
    build: Callable[[Size], nn.Module]
    given: Callable[[Any, Size], Given]  # what a model of this config takes beside latents and time
    velocity: Callable[[nn.Module, Tensor, float, Given], Tensor]  # of latents by sigma, from 1 (noise) to 0
    sites: dict[str, Names]  # patterns of names; each linear layer is of the first that has it
    links: dict[str, tuple[Link, ...]]  # in each block of a list; "" is the model itself
    text: str  # the layer that takes text features

    def site(self, name: str, layer: nn.Linear) -> str:
        return next(site for site, patterns in self.sites.items() if is_skipped(name, layer, patterns))


def linears(model: nn.Module) -> Iterator[tuple[str, nn.Linear]]:
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            yield name, module


def random_model(kind: Kind, size: Size, level: Level) -> tuple[nn.Module, Tensor]:
    """A float32 model, all of bf16 values, so that a copy in bf16 is the same; and the gains of its text's channels."""
    model = kind.build(size).eval().requires_grad_(False)
    reader: Any = model.get_submodule(kind.text)
    text = torch.ones(reader.in_features)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape)
            if parameter.dim() == 1:  # norms, biases and, by them, modulation that are not trivial
                parameter.copy_(0.3 * noise + (1 if name.endswith("weight") else 0))
            else:
                parameter.copy_(noise / math.sqrt(parameter[0].numel()))
        if level.most > 1:
            add_outliers(model, kind, size, level)
            channels = level.choose(len(text))
            text[channels] = level.gains(len(channels))
            read(model, (kind.text,), channels, text[channels] ** level.carried)
        for parameter in model.parameters():
            parameter.copy_(parameter.bfloat16())
    return model, text


def prompt(kind: Kind, model: Any, size: Size, text: Tensor) -> Given:
    """What a model is given, all of bf16 values, too."""
    given = kind.given(model.config, size)
    given["encoder_hidden_states"] *= text
    return {name: converted(converted(value, torch.bfloat16), torch.float32) for name, value in given.items()}


def converted(value: Any, dtype: torch.dtype) -> Any:
    return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value


def add_outliers(model: nn.Module, kind: Kind, size: Size, level: Level) -> None:
    """Behind norms in the same channels of all blocks, else in channels of each link's own; gains differ everywhere."""
    shared = level.choose(size.width)
    for name, links in kind.links.items():
        for block in model.get_submodule(name).children() if name else (model,):
            for link in links:
                writers: list[Any] = [block.get_submodule(writer) for writer in link.writers]
                is_norm = link.part is not None or not isinstance(writers[0], nn.Linear)
                channels = shared if is_norm else level.choose(len(writers[0].weight))
                gain = level.gains(len(channels)) ** link.power
                for writer in writers:
                    first = 0 if link.part is None else link.part * size.width
                    write(writer, first + channels, gain ** (1 / len(writers)) if link.product else gain, link)
                reader: Any = block.get_submodule(link.readers[0])
                first = reader.in_features - len(writers[0].weight) if link.last else 0
                read(block, link.readers, first + channels, gain**level.carried)


def write(writer: Any, rows: Tensor, gain: Tensor, link: Link) -> None:
    if not isinstance(writer, nn.Linear):
        writer.weight[rows] *= gain
        return
    writer.weight[rows] *= gain[:, None]
    if link.part is not None:  # the gain is one of 1 + scale, which changes with time by as much of it as before
        writer.bias[rows] = gain * (1 + writer.bias[rows]) - 1
    elif writer.bias is not None:
        writer.bias[rows] *= gain


def read(block: nn.Module, readers: Names, columns: Tensor, divisor: Tensor) -> None:
    for name in readers:
        layer: Any = block.get_submodule(name)
        layer.weight[:, columns] /= divisor
