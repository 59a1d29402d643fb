# SPDX-License-Identifier: Apache-2.0
"""Which routes are in memory, and so interleaved, together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ditune.bench.routes import Prepare, Route, as_it_is

BASELINES = ("bf16-compiled", "bf16")  # what others are compared with: the first that is measured


class Group(NamedTuple):
    routes: tuple[Route, ...]
    alone: bool = False  # made of the float model in its place, since both do not fit


def plan(routes: Sequence[Route], cost: Callable[[Prepare], int], room: int) -> list[Group]:
    """One group if all fit. Else several, in each of which the baseline is; and one for each route that fits alone.

    cost: the bytes of a model beside the float one, which all routes of it share. room: for these.
    """
    floats = tuple(route for route in routes if route.prepare is as_it_is)
    baseline = tuple(route for name in BASELINES for route in floats if route.name == name)[:1]
    together, alone = [list(floats)], []
    left, here = room, set[Prepare]()
    for route in routes:
        if route.prepare is as_it_is:
            continue
        needed = 0 if route.prepare in here else cost(route.prepare)
        if needed > room:
            alone.append(Group((route,), alone=True))
            continue
        if needed > left:
            together.append(list(baseline))
            left, here = room, set()
        left -= needed
        here.add(route.prepare)
        together[-1].append(route)
    return [Group(tuple(each)) for each in together if each] + alone
