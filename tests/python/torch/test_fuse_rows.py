# SPDX-License-Identifier: Apache-2.0
"""Linear layers of sequences whose tokens are mostly zero."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from ditune.torch import Int8Linear
from ditune.torch.fuse.outside import fuse_modules, fuses_modules
from ditune.torch.fuse.rows import ZeroRows
from torch import Tensor, nn

pytestmark = pytest.mark.usefixtures("inference")

TOKENS, WIDTH, OUT = 20, 64, 48


class Model(nn.Module):
    def __init__(self, linear: nn.Module) -> None:
        super().__init__()
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.linear(x)
        return made


fuses_modules(f"{Model.__module__}.{Model.__qualname__}", {"linear": ZeroRows})


@pytest.fixture(params=["bias", "no bias", "int8"])
def linear(request: pytest.FixtureRequest) -> nn.Module:
    made = nn.Linear(WIDTH, OUT, bias=request.param != "no bias")
    return Int8Linear.from_float(made) if request.param == "int8" else made


def tokens(*ranges: range, batch: int = 2) -> Tensor:
    """Zero but for these of each sequence."""
    x = torch.zeros(batch, TOKENS, WIDTH)
    for each, range_ in zip(x, ranges, strict=True):
        each[range_] = torch.randn(len(range_), WIDTH)
    return x


def counted(monkeypatch: pytest.MonkeyPatch, linear: nn.Module) -> list[int]:
    """The rows that the layer's class computes."""
    rows: list[int] = []
    forward = type(linear).forward

    def seen(self: nn.Module, x: Tensor) -> Any:
        rows.append(x.numel() // WIDTH)
        return forward(self, x)

    monkeypatch.setattr(type(linear), "forward", seen)
    return rows


@pytest.mark.parametrize(
    ("ranges", "wanted"),
    [
        ((range(3, 7), range(5, 9)), 12),
        ((range(1), range(TOKENS - 1, TOKENS)), 2 * TOKENS),
        ((range(TOKENS - 1, TOKENS), range(0)), 2),
        ((range(TOKENS), range(TOKENS)), 2 * TOKENS),
        ((range(0), range(0)), 0),
    ],
)
def test_zero_tokens_are_not_computed(
    linear: nn.Module, ranges: tuple[range, range], wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = tokens(*ranges)
    before = linear(x)
    rows = counted(monkeypatch, linear)
    model = Model(linear)
    fuse_modules(model)
    assert isinstance(model.linear, ZeroRows)
    made = model(x)
    assert rows == [wanted]
    assert made.shape == before.shape and made.dtype == before.dtype
    torch.testing.assert_close(made, before)


def test_a_column_alone_or_nan_is_not_zero(linear: nn.Module) -> None:
    model = Model(linear)
    x = torch.zeros(1, TOKENS, WIDTH)
    x[0, 2, WIDTH - 1] = 1e-30
    x[0, 9, 0] = torch.nan
    before = model(x)
    fuse_modules(model)
    torch.testing.assert_close(model(x), before, equal_nan=True)
    assert model(x)[0, 9].isnan().all() or isinstance(linear, Int8Linear)


def test_matrices_and_gradients_are_as_before(linear: nn.Module) -> None:
    model = Model(linear)
    fuse_modules(model)
    x = tokens(range(4), range(4))
    torch.testing.assert_close(model(x[0]), model(x)[0])
    if not isinstance(linear, Int8Linear):
        with torch.enable_grad():
            x.requires_grad_()
            model(x).sum().backward()
        assert x.grad is not None and x.grad.abs().min() > 0


def test_under_compile_and_autocast(linear: nn.Module) -> None:
    model = Model(linear)
    x = tokens(range(4), range(2, 6))
    before = model(x)
    fuse_modules(model)
    compiled: Any = torch.compile(model, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(x), before)
    with torch.autocast("cpu", torch.bfloat16):
        made = model(x)
        assert made.dtype == F.linear(x, torch.ones(1, WIDTH)).dtype


def test_names_and_copies_stay(linear: nn.Module) -> None:
    model = Model(linear)
    keys = set(model.state_dict())
    fuse_modules(model)
    assert set(model.state_dict()) == keys and type(model.linear).__name__ == type(linear).__name__
    x = tokens(range(4), range(1))
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert isinstance(other.linear, ZeroRows) and torch.equal(other(x), model(x))
