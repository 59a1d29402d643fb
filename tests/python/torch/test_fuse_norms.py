# SPDX-License-Identifier: Apache-2.0
"""Norms outside of blocks, in one launch."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
from diffusers.models.normalization import RMSNorm
from ditune.torch.fuse.norms import FusedNorm
from ditune.torch.fuse.outside import fuse_modules, fuses_modules
from torch import Tensor, nn

WIDTH = 96


class Model(nn.Module):
    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(x)
        return y


fuses_modules(f"{Model.__module__}.{Model.__qualname__}", {"norm": FusedNorm})

NORMS: dict[str, Callable[[], nn.Module]] = {
    "diffusers' RMSNorm": lambda: RMSNorm(WIDTH, eps=1e-5),
    "torch's RMSNorm": lambda: nn.RMSNorm(WIDTH, eps=1e-5),
    "LayerNorm": lambda: nn.LayerNorm(WIDTH, eps=1e-5),
}


@pytest.fixture(params=NORMS)
def model(request: pytest.FixtureRequest) -> Model:
    torch.manual_seed(0)
    made = Model(NORMS[request.param]())
    for parameter in made.parameters():
        nn.init.normal_(parameter, 1, 0.3)
    return made


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_is_as_near_to_float64_as_the_norm_was_or_nearer(model: Model, dtype: torch.dtype) -> None:
    half, x = copy.deepcopy(model).to(dtype), torch.randn(2, 5, WIDTH, dtype=dtype)
    wanted, before = half.double()(x.double()), half.to(dtype)(x)
    fuse_modules(half)
    assert isinstance(half.norm, FusedNorm)
    made = half(x)
    assert made.dtype == dtype and made.shape == x.shape
    assert (made.double() - wanted).norm() <= 1.01 * (before.double() - wanted).norm()


def test_float32_is_as_before(model: Model) -> None:
    x = torch.randn(3, WIDTH)
    before = model(x)
    fuse_modules(model)
    assert torch.equal(model(x), before)


class Times5(nn.RMSNorm):
    def forward(self, x: Tensor) -> Tensor:
        return 5 * super().forward(x)


def test_other_norms_are_left() -> None:
    model, x = Model(Times5(WIDTH)), torch.randn(3, WIDTH, dtype=torch.bfloat16)
    wanted = model.bfloat16()(x)
    fuse_modules(model)
    assert not isinstance(model.norm, FusedNorm) and torch.equal(model(x), wanted)


def test_names_and_copies_stay(model: Model) -> None:
    keys, kind = set(model.state_dict()), type(model.norm)
    fuse_modules(model)
    fuse_modules(model)
    assert set(model.state_dict()) == keys
    assert isinstance(model.norm, kind) and type(model.norm).__name__ == kind.__name__
    x = torch.randn(3, WIDTH, dtype=torch.bfloat16)
    half = model.bfloat16()
    for other in (copy.deepcopy(half), pickle.loads(pickle.dumps(half))):
        assert isinstance(other.norm, FusedNorm) and torch.equal(other(x), half(x))
