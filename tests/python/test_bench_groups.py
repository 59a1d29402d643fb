# SPDX-License-Identifier: Apache-2.0
"""Which routes of ditune.bench are in memory together."""

from __future__ import annotations

import pytest
from bench_models import SMALL
from ditune.bench.clock import Clock
from ditune.bench.groups import Group, plan
from ditune.bench.measure import Options, bench
from ditune.bench.routes import ROUTES

pytestmark = pytest.mark.usefixtures("one_thread")


def names(groups: list[Group]) -> list[list[str]]:
    return [[route.name for route in group.routes] for group in groups]


FOUR = [ROUTES[name] for name in ("bf16", "bf16-compiled", "comfy-kitchen", "quantize", "quantize-compiled", "fuse")]


def test_one_group_holds_all_if_they_fit() -> None:
    assert names(plan(FOUR, lambda _: 10, room=30)) == [[route.name for route in FOUR]]


def test_else_each_group_has_the_baseline() -> None:
    assert names(plan(FOUR, lambda _: 10, room=20)) == [
        ["bf16", "bf16-compiled", "comfy-kitchen", "quantize", "quantize-compiled"],
        ["bf16-compiled", "fuse"],
    ]


def test_what_does_not_fit_beside_the_float_model_is_alone() -> None:
    groups = plan(FOUR, lambda _: 10, room=9)
    assert names(groups) == [
        ["bf16", "bf16-compiled"],
        ["comfy-kitchen"],
        ["quantize"],
        ["quantize-compiled"],
        ["fuse"],
    ]
    assert [group.alone for group in groups] == [False, True, True, True, True]


def test_groups_give_what_one_group_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    options = Options(routes=("bf16", "comfy-kitchen", "fuse"), device="cpu", rounds=1, steps=1)
    errors = []
    for room in (1 << 62, 0):
        monkeypatch.setattr(Clock, "free", lambda clock, room=room: room)
        found = bench(SMALL["ideogram4"], options)
        errors.append([(row.error, row.psnr_db) for row in found.rows])
    assert found.groups[1].alone
    assert errors[0] == errors[1]
