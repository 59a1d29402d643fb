# SPDX-License-Identifier: Apache-2.0
"""Layers of comfy-kitchen, what they compute in float64, and which operations ran on ditune."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import comfy_kitchen as ck
import ditune.comfy
import pytest
import torch
from torch import Tensor

M, N, K = 33, 72, 512
DTYPES = [torch.bfloat16, torch.float16, torch.float32]


@contextlib.contextmanager
def calls() -> Iterator[list[str]]:
    """The operations that run on ditune meanwhile."""
    names: list[str] = []
    patch = pytest.MonkeyPatch()

    def count(name: str, function: Any) -> Any:
        def counted(*args: Any, **kwargs: Any) -> Any:
            names.append(name)
            return function(*args, **kwargs)

        return counted

    for name in ditune.comfy.capabilities():
        patch.setattr(ditune.comfy, name, count(name, getattr(ditune.comfy, name)))
    try:
        yield names
    finally:
        patch.undo()


def random(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0, spread: float = 1.0) -> Tensor:
    return (torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * spread).to(dtype)


def hadamard(x: Tensor, group: int) -> Tensor:
    """Rotated rows in float64, by the matrix itself."""
    h4 = torch.tensor([[1, 1, 1, -1], [1, 1, -1, 1], [1, -1, 1, 1], [-1, 1, 1, 1]], dtype=torch.float64)
    h = h4
    while h.shape[0] < group:
        h = torch.kron(h, h4)
    rotated: Tensor = x.double().reshape(*x.shape[:-1], -1, group) @ (h / group**0.5)
    return rotated.reshape(x.shape)


def layer(dtype: torch.dtype, *, per_channel: bool = True, group: int = 0) -> dict[str, Any]:
    """int8_linear's arguments beside x."""
    weight = random(N, K, seed=1, spread=K**-0.5).double()
    if group:
        weight = hadamard(weight, group)
    scale = weight.abs().amax(dim=1, keepdim=True) / 127 if per_channel else weight.abs().amax() / 127
    quantized = (weight / scale).round().clamp(-127, 127).to(torch.int8)
    bias = random(N, dtype=dtype, seed=2)
    return {"weight": quantized, "weight_scale": scale.float(), "bias": bias, "out_dtype": dtype}


def exact(x: Tensor, options: dict[str, Any]) -> Tensor:
    """int8_linear in float64: nothing is rounded but the weight."""
    y: Tensor
    y, act = x.double(), options.get("input_act")
    if act == "gelu_tanh":
        y = torch.nn.functional.gelu(y, approximate="tanh")
    elif act == "swiglu":
        gate, up = y.chunk(2, dim=-1)
        y = torch.nn.functional.silu(gate) * up
    elif act == "rms_norm":
        y = rms_norm(y, options["input_act_weight"], options["input_act_eps"])
    if options.get("convrot"):
        y = hadamard(y, options["convrot_groupsize"])
    y = y @ (options["weight"].double() * options["weight_scale"].double()).T
    if options.get("bias") is not None:
        y = y + options["bias"].double()
    if options.get("residual") is not None:
        y = options["residual"].double() + options["residual_scale"].double() * y
    return y


def rms_norm(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    return x.double() / (x.double().square().mean(-1, keepdim=True) + eps).sqrt() * weight.double()


def error(y: Tensor, reference: Tensor) -> float:
    return float((y.double() - reference).norm() / reference.norm())


def eager(function: Any, *args: Any, **kwargs: Any) -> Any:
    with ck.use_backend("eager"):
        return function(*args, **kwargs)


PRODUCERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "convrot 256": {"convrot": True, "convrot_groupsize": 256},
    "convrot 64": {"convrot": True, "convrot_groupsize": 64},
    "convrot 16": {"convrot": True, "convrot_groupsize": 16},
    "gelu_tanh": {"input_act": "gelu_tanh"},
    "swiglu": {"input_act": "swiglu"},
    "swiglu convrot": {"input_act": "swiglu", "convrot": True, "convrot_groupsize": 256},
    "rms_norm": {"input_act": "rms_norm", "input_act_eps": 1e-6},
    "rms_norm convrot": {"input_act": "rms_norm", "input_act_eps": 1e-6, "convrot": True, "convrot_groupsize": 256},
    "none": {"input_act": "none"},
}
