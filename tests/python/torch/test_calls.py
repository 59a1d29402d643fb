# SPDX-License-Identifier: Apache-2.0
"""Prepared calls: bounded, recorded, of each thread its own, and prepared anew for other records."""

from __future__ import annotations

import pathlib
import threading
from collections.abc import Iterator

import ditune.torch
import pytest
import torch
from ditune.errors import DituneError
from ditune.torch import _calls
from ditune.torch._runtime import runtime_handle
from tensors import K, M, N, draw, weights


def test_rows_vary_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    _calls.forget()
    monkeypatch.setattr(_calls, "MOST_CALLS", 8)
    w, sw = weights()
    for rows in range(1, 30):
        ditune.torch.linear(draw(rows, K), w, sw)
        assert len(_calls._calls.of) <= 8


class Shared(dict[int, int]):
    """Another thread evicts when this one begins to."""

    def __iter__(self) -> Iterator[int]:
        keys = list(super().__iter__())
        self.pop(keys[0], None)
        return iter(keys)


def test_threads_evict_at_once() -> None:
    cache = Shared({key: key for key in range(4)})
    _calls.evict(cache, 4)
    assert cache == {2: 2, 3: 3}


def test_record_lists_each_problem_once() -> None:
    x, (w, sw) = draw(M, K), weights()
    with ditune.torch.record() as operations:
        for _ in range(2):
            ditune.torch.linear(x, w, sw, draw(N), rotate=16, op="gelu_tanh")
    assert list(operations) == ["quantize_s8:m=6,k=64,rotate=16", "gemm_s8:m=6,n=48,k=64,bias=bf16,op=gelu_tanh"]
    ditune.torch.linear(x, w, sw)
    assert len(operations) == 2


def test_threads_share_nothing() -> None:
    w, sw = weights(256, 256)
    given = [draw(8, 256) for _ in range(4)]
    wanted = [ditune.torch.linear(x, w, sw) for x in given]
    wrong: list[int] = []

    def work(number: int) -> None:
        with torch.no_grad():
            for _ in range(200):
                if not torch.equal(ditune.torch.linear(given[number], w, sw), wanted[number]):
                    wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_use_databases(database: pathlib.Path) -> None:
    x, (w, sw) = draw(M, K), weights()
    wanted = ditune.torch.linear(x, w, sw)
    ditune.torch.use_databases(database)
    assert torch.equal(ditune.torch.linear(x, w, sw), wanted)
    ditune.runtime(database).close()
    assert runtime_handle() == ditune.runtime(database).handle, "opened again"
    ditune.torch.use_databases()
    with pytest.raises(DituneError):
        ditune.torch.use_databases(database.with_name("no.db"))


def test_use_databases_without_a_compiler(database: pathlib.Path) -> None:
    try:
        ditune.torch.use_databases(database, compile=False)
        assert runtime_handle() == ditune.runtime(database, compile=False).handle
        ditune.torch.use_databases(compile=False)
        assert runtime_handle() == ditune.runtime(compile=False).handle
    finally:
        ditune.torch.use_databases()
    assert runtime_handle() == ditune.runtime().handle


def test_forget() -> None:
    assert _calls.find(("a call",)) is None
    _calls.keep(("a call",), 1)
    assert _calls.find(("a call",)) == 1
    _calls.forget()
    assert _calls.find(("a call",)) is None
