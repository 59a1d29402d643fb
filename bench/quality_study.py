# SPDX-License-Identifier: Apache-2.0
"""What the quality study measures: errors of layers, of steps and of latents, and how sensitive the sites are."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from ditune.torch import Int8Linear, fuse_, quantize_
from ditune.torch.quantize import DEFAULT_SKIP, MIN_FEATURES, group_of, is_skipped
from quality_models import Given, Kind, Level, Size, converted, linears, prompt, random_model
from torch import Tensor, nn
from torch.nn.functional import linear

Rows = dict[str, list[Tensor]]  # by linear layer, [rows, columns] of each call


class Method(NamedTuple):
    rotate: int = 1
    smooth: float | None = None  # SmoothQuant's alpha
    fused: bool = False


METHODS: dict[str, Method | None] = {
    "bf16": None,
    "plain": Method(),
    "rotate=16": Method(16),
    "rotate=64": Method(64),
    "rotate=256": Method(256),
    "smooth": Method(smooth=0.5),
    "smooth, rotate=256": Method(256, smooth=0.5),
    "rotate=256, fuse_": Method(256, fused=True),
}
LAYER_METHODS = [name for name, method in METHODS.items() if method is None or not method.fused]


def relative(made: Tensor, wanted: Tensor) -> float:
    """Frobenius norm of the error over that of what is wanted."""
    return float((made.double() - wanted.double()).norm() / wanted.double().norm())


def psnr(made: Tensor, wanted: Tensor) -> float:
    """In dB, of the range of what is wanted."""
    error = float((made.double() - wanted.double()).square().mean())
    return 10 * math.log10(float(wanted.max() - wanted.min()) ** 2 / error) if error else math.inf


class Case(NamedTuple):
    """A start: a prompt, and latents of noise."""

    given: Given
    latents: Tensor


class Subject:
    """A float32 model; a case to judge by, and another one that smoothing is calibrated on."""

    def __init__(self, kind: Kind, model: nn.Module, size: Size, text: Tensor, device: str) -> None:
        self.kind, self.model, self.device = kind, model.to(device), device
        self.judged, self.calibrated = (self.case(size, text) for _ in range(2))

    @classmethod
    def random(cls, kind: Kind, size: Size, level: Level, device: str, seed: int) -> Subject:
        torch.manual_seed(seed)
        model, text = random_model(kind, size, level)
        return cls(kind, model, size, text, device)

    def case(self, size: Size, text: Tensor) -> Case:
        model: Any = self.model
        given = prompt(self.kind, model, size, text)
        latents = torch.randn(1, size.side**2, model.config.in_channels)
        moved = {name: x.to(self.device) if isinstance(x, Tensor) else x for name, x in given.items()}
        return Case(moved, latents.to(self.device))

    def velocity(self, model: nn.Module, given: Given, latents: Tensor, sigma: float) -> Tensor:
        """In float32, of a model in any dtype."""
        dtype = next(each.dtype for each in model.parameters() if each.is_floating_point())
        given = {name: converted(value, dtype) for name, value in given.items()}
        with torch.no_grad():
            return self.kind.velocity(model, latents.to(dtype), sigma, given).float()

    def path(self, model: nn.Module, case: Case, steps: int) -> list[Tensor]:
        """Latents of Euler's method, before each step and after the last."""
        latents = [case.latents]
        for now, then in pairwise((*sigmas(steps), 0.0)):
            latents.append(latents[-1] - (now - then) * self.velocity(model, case.given, latents[-1], now))
        return latents

    def inputs(self, case: Case, steps: int) -> Rows:
        """What the float model's layers have on its path."""
        rows: Rows = {name: [] for name, _ in linears(self.model)}
        hooks = [
            layer.register_forward_pre_hook(lambda _, args, name=name: rows[name].append(args[0].flatten(0, -2)))
            for name, layer in linears(self.model)
        ]
        self.path(self.model, case, steps)
        for hook in hooks:
            hook.remove()
        return rows


def sigmas(steps: int) -> list[float]:
    """Of noise: 1, 1/2, 1/4, ... As times of a model these are exact in bf16, 1000 times as much, too."""
    return [0.5**i for i in range(steps)]


def smoothing(layer: nn.Linear, rows: list[Tensor], alpha: float) -> Tensor:
    """SmoothQuant's: what divides a layer's columns, by the largest values of them and of their weights."""
    peak = torch.stack([part.abs().amax(0) for part in rows]).amax(0).clamp(min=1e-5)
    weight = layer.weight.detach().abs().amax(0).clamp(min=1e-5)
    return peak**alpha / weight ** (1 - alpha)


def is_int8(name: str, layer: nn.Linear) -> bool:
    """By quantize_'s default."""
    return not is_skipped(name, layer, DEFAULT_SKIP) and is_large(layer)


def is_large(layer: nn.Linear) -> bool:
    return min(layer.in_features, layer.out_features) >= MIN_FEATURES


# Layers


def layer_errors(subject: Subject, steps: int) -> dict[str, dict[str, float]]:
    """By method and site: of each layer alone, on the float model's activations in bf16, against float64."""
    rows, calibration = subject.inputs(subject.judged, steps), subject.inputs(subject.calibrated, steps)
    errors: dict[str, dict[str, list[float]]] = {method: {} for method in LAYER_METHODS}
    for name, layer in linears(subject.model):
        if not is_large(layer):
            continue
        site = subject.kind.site(name, layer)
        x = torch.cat(rows[name]).bfloat16()
        wanted = linear(x.double(), layer.weight.double(), None if layer.bias is None else layer.bias.double())
        for method in LAYER_METHODS:
            made = layer_output(layer, x, METHODS[method], calibration[name])
            errors[method].setdefault(site, []).append(relative(made, wanted))
    return {method: {site: mean(each) for site, each in sites.items()} for method, sites in errors.items()}


def layer_output(layer: nn.Linear, x: Tensor, method: Method | None, calibration: list[Tensor]) -> Tensor:
    with torch.no_grad():
        if method is None:
            return linear(x, layer.weight.bfloat16(), None if layer.bias is None else layer.bias.bfloat16())
        smooth = None if method.smooth is None else smoothing(layer, calibration, method.smooth)
        rotate = group_of(layer.in_features, method.rotate)
        made: Tensor = Int8Linear.from_float(layer, rotate=rotate, smooth=smooth)(x, out_dtype=torch.float32)
        return made


def outliers(subject: Subject, steps: int) -> dict[str, float]:
    """By site, how much larger the largest channel is than the median one; the largest values of each."""
    found: dict[str, list[float]] = {}
    for (name, layer), rows in zip(linears(subject.model), subject.inputs(subject.judged, steps).values(), strict=True):
        peak = torch.cat(rows).abs().amax(0)
        peak = peak[peak > 0]  # sines of time 0, units that are never active
        found.setdefault(subject.kind.site(name, layer), []).append(float(peak.max() / peak.median()))
    return {site: mean(each) for site, each in found.items()}


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


# Steps


class Steps(NamedTuple):
    step: float  # relative error of the output, the mean over a float path's steps
    psnr: float  # of the latents behind all steps


def step_errors(subject: Subject, steps: int) -> dict[str, Steps]:
    """By method: of whole models in bf16, against the float model."""
    path = subject.path(subject.model, subject.judged, steps)
    wanted = velocities(subject, subject.model, path)
    calibration = subject.inputs(subject.calibrated, steps)
    found = {}
    for name, method in METHODS.items():
        model = quantized(subject, method, calibration)
        made = velocities(subject, model, path)
        latents = subject.path(model, subject.judged, steps)[-1]
        found[name] = Steps(mean(list(map(relative, made, wanted))), psnr(latents, path[-1]))
    return found


def velocities(subject: Subject, model: nn.Module, path: list[Tensor]) -> list[Tensor]:
    given = subject.judged.given
    return [subject.velocity(model, given, x, sigma) for x, sigma in zip(path, sigmas(len(path) - 1), strict=False)]


def quantized(subject: Subject, method: Method | None, calibration: Rows) -> nn.Module:
    """In bf16. Buffers stay float32, as from_pretrained leaves them: frequencies of rope are no good in bf16."""
    model = copy.deepcopy(subject.model)
    for parameter in model.parameters():
        parameter.data = parameter.data.bfloat16()
    if method is None:
        return model
    smooth = None
    if (alpha := method.smooth) is not None:
        layers = [(name, layer) for name, layer in linears(subject.model) if is_int8(name, layer)]
        smooth = {name: smoothing(layer, calibration[name], alpha) for name, layer in layers}
    quantize_(model, rotate=method.rotate, smooth=smooth)
    return fuse_(model) if method.fused else model


# Sites


class Sensitivity(NamedTuple):
    alone: float  # error of the output where this is INT8 and all else float32
    without: float  # where this is float32 and every other layer INT8
    other: float  # where quantize_'s default is INT8, but for this, which is float32 if INT8 by default, and else INT8
    work: float  # its share of the multiplications of all linear layers


Choice = Callable[[str, nn.Linear], bool]


def choices(kind: Kind, model: nn.Module) -> dict[str, Choice]:
    """Which layers are INT8: those of a site; those that quantize_ takes, in the first, the last, and every block."""
    found: dict[str, Choice] = {
        site: lambda name, layer, site=site: kind.site(name, layer) == site  # type: ignore[misc]
        for site in kind.sites
    }
    places = [name.split(".")[:2] for name, layer in linears(model) if is_int8(name, layer)]
    for word, place in (("first block", places[0]), ("last block", places[-1])):
        found[word] = lambda name, layer, place=place: name.split(".")[:2] == place and is_int8(name, layer)  # type: ignore[misc]
    return found | {"the default": is_int8, "all": lambda name, layer: True}


def sensitivities(subject: Subject, rotate: int) -> dict[str, Sensitivity]:
    path = subject.path(subject.model, subject.judged, steps=2)
    wanted = velocities(subject, subject.model, path)

    def error(chosen: Choice) -> float:
        model = copy.deepcopy(subject.model)
        quantize_(model, rotate=rotate, skip=lambda name, layer: not chosen(name, layer))
        return mean(list(map(relative, velocities(subject, model, path), wanted)))

    rows = {name: len(calls[0]) for name, calls in subject.inputs(subject.judged, 1).items()}
    work = {name: layer.weight.numel() * rows[name] for name, layer in linears(subject.model)}
    found = {}
    for site, is_in in choices(subject.kind, subject.model).items():
        share = sum(work[name] for name, layer in linears(subject.model) if is_in(name, layer)) / sum(work.values())
        without = error(lambda name, layer, is_in=is_in: not is_in(name, layer))  # type: ignore[misc]
        other = error(lambda name, layer, is_in=is_in: is_in(name, layer) != is_int8(name, layer))  # type: ignore[misc]
        found[site] = Sensitivity(error(is_in), without, other, share)
    return found
