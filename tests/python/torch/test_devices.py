# SPDX-License-Identifier: Apache-2.0
"""The way of a call to a GPU, with a library that only pretends to prepare and to launch: no GPU is needed."""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
import weakref
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ditune._library import Args, Kernel, KernelInfo, Problem
from ditune.errors import NotPreparedError
from ditune.torch import _calls, _devices, _gemm, _quantize
from helpers import script

SIZES = {1: 0, 2: 256, 3: 1024}  # workspace bytes by rows


class Gpu:
    """What happened, and the state that torch has of a GPU."""

    def __init__(self) -> None:
        self.prepared: list[int] = []
        self.launched: list[tuple[int, int, int | None]] = []  # rows, stream, workspace
        self.device, self.stream, self.capture = 0, 7, False
        self.threads: list[int] = []  # that allocated
        self.freed: list[int] = []
        self.ditune_prepare_quantize = self.ditune_prepare
        self.ditune_launch_quantize = self.ditune_launch

    def ditune_prepare(self, runtime: int, ordinal: int, problem: Any, kernel: Any) -> int:
        assert (runtime, ordinal) == (5, 1)
        self.prepared.append(problem._obj.m)
        kernel._obj.id = problem._obj.m
        return 0

    def ditune_query(self, kernel: Kernel, info: Any) -> int:
        assert isinstance(info._obj, KernelInfo)
        info._obj.workspace_bytes = SIZES[kernel.id]
        return 0

    def ditune_launch(self, kernel: Kernel, args: Any, stream: int) -> int:
        assert self.device == 1, "launched on a device that is not current"
        self.launched.append((kernel.id, stream, args._obj.workspace))
        return 0

    def zeros(self, ordinal: int, size: int) -> torch.Tensor:
        assert ordinal == 1
        self.threads.append(threading.get_ident())
        made = torch.zeros(size, dtype=torch.uint8)
        weakref.finalize(made, self.freed.append, made.data_ptr())
        return made

    def set(self, device: int) -> None:
        self.device = device

    @contextlib.contextmanager
    def on(self, device: int) -> Iterator[None]:
        before, self.device = self.device, device
        yield
        self.device = before


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    gpu = Gpu()
    monkeypatch.setattr(_devices, "library", lambda: gpu)
    monkeypatch.setattr(_devices, "runtime_handle", lambda: 5)
    monkeypatch.setattr(_devices, "zeros", gpu.zeros)
    monkeypatch.setattr(_devices, "_zeros_at_once", gpu.zeros)
    monkeypatch.setattr(torch._C, "_cuda_getDevice", lambda: gpu.device, raising=False)
    monkeypatch.setattr(torch._C, "_cuda_setDevice", gpu.set, raising=False)
    monkeypatch.setattr(torch._C, "_cuda_getCurrentRawStream", lambda ordinal: gpu.stream, raising=False)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: gpu.capture)
    monkeypatch.setattr(torch.cuda, "device", gpu.on)
    for name in ("_kernels", "_workspaces"):
        monkeypatch.setattr(_devices, name, {})
    return gpu


def call_of(rows: int, in_place: bool = False) -> _calls.Call:
    """As gemm_s8 prepares it, on the second GPU."""
    call = _calls.Call(Problem(m=rows, n=16, k=16), Args(), torch.device("cuda", 1), ())
    call.rows, call.in_place = rows, in_place
    _devices.prepare(call)
    return call


def test_a_problem_is_prepared_once(gpu: Gpu) -> None:
    for _ in range(2):
        for rows in (1, 2):
            call_of(rows).run()
    assert gpu.prepared == [1, 2]
    assert [rows for rows, *_ in gpu.launched] == [1, 2, 1, 2]
    assert gpu.launched[0] == (1, 7, None) and gpu.device == 0, "the current device is as it was"


def test_a_switch_of_devices_that_torch_puts_off_is_made(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch says that the device is current, and switches at the next allocation: gemm_s8 with `out` has none."""
    monkeypatch.setattr(torch._C, "_cuda_getDevice", lambda: 1, raising=False)
    call = call_of(1, in_place=True)
    gpu.device = 0
    call.run()
    assert gpu.launched == [(1, 7, None)]


def test_streams_have_workspaces_of_their_own(gpu: Gpu) -> None:
    two, three = call_of(2), call_of(3)
    two.run()
    gpu.stream = 8
    two.run()
    gpu.stream = 7
    two.run()
    three.run()  # outgrows the first
    two.run()
    first, second, again, grown, last = (workspace for *_, workspace in gpu.launched)
    assert first == again != second and grown == last != first
    assert len(_devices._outgrown) == 1


def test_outgrown_workspaces_take_no_more_than_the_last(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_devices, "_outgrown", [])
    for size in range(1 << 10, 1 << 14, 16):
        assert _devices._workspace_of(1, 7, size).numel() >= size
    assert sum(each.numel() for each in _devices._outgrown) <= _devices._workspaces[1, 7].numel() < 1 << 15


def test_threads_on_one_stream_share_its_workspace(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is replaced while a launch may still use it."""
    began = threading.Barrier(2)

    def slow(ordinal: int, size: int) -> torch.Tensor:
        time.sleep(0.1)
        return gpu.zeros(ordinal, size)

    def work() -> None:
        call = call_of(2)
        began.wait()
        call.run()

    monkeypatch.setattr(_devices, "_zeros_at_once", slow)
    gpu.device = 1
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(gpu.launched) == 2 and len({workspace for *_, workspace in gpu.launched}) == 1
    assert len(gpu.threads) == 1 and not gpu.freed


def test_a_capture_needs_what_is_prepared(gpu: Gpu) -> None:
    known = call_of(2)
    gpu.capture = True
    message = r"gemm_s8:m=3,n=16,k=16 is not prepared and the stream is being captured \(run"
    with pytest.raises(NotPreparedError, match=message):
        call_of(3)
    assert gpu.prepared == [2]
    known.run()
    call_of(2).run()
    assert [rows for rows, *_ in gpu.launched] == [2, 2]


def test_a_capture_has_memory_of_its_own(gpu: Gpu) -> None:
    """Allocated by the capturing thread, so that it is the graph's, and given back; what is kept is of no pool."""
    call = call_of(2)
    call.run()
    outside = gpu.launched[-1][2]
    gpu.capture = True
    call.run()
    inside = gpu.launched[-1][2]
    assert inside != outside and gpu.freed == [inside]
    assert gpu.threads[1] == threading.get_ident() != gpu.threads[0]
    gpu.capture = False
    call.run()
    assert gpu.launched[-1][2] == outside and len(gpu.threads) == 2


def test_kernels_are_bounded(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_devices, "MOST_KERNELS", 4)
    monkeypatch.setattr(gpu, "ditune_query", lambda kernel, info: 0)
    for rows in range(1, 40):
        call_of(rows)
        assert len(_devices._kernels) <= 4


def test_a_failed_launch_raises_the_librarys_line(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = SimpleNamespace(ditune_last_error=lambda: b"the driver is gone (start it)")
    monkeypatch.setattr("ditune._library.library", lambda: failing)
    monkeypatch.setattr(gpu, "ditune_launch", lambda *_: 6)
    with pytest.raises(RuntimeError, match="the driver is gone"):
        call_of(1).run()


def test_a_closed_runtime_is_opened_again(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its kernels are gone; calls that were prepared with it find those of the next one."""
    call, closed, prepared = call_of(1), [5], []

    def launch(kernel: Kernel, *_: Any) -> int:
        return 2 if kernel.runtime in closed else 0

    def prepare(runtime: int, ordinal: int, problem: Any, kernel: Any) -> int:
        prepared.append(runtime)
        kernel._obj.runtime, kernel._obj.id = runtime, 1
        return 0

    monkeypatch.setattr(gpu, "ditune_prepare", prepare)
    monkeypatch.setattr(gpu, "ditune_launch", launch)
    monkeypatch.setattr(_devices, "_kernels", {})
    _devices.prepare(call)
    monkeypatch.setattr(_devices, "runtime_handle", lambda: 6)
    for _ in range(2):
        call.run()
    assert prepared == [5, 6]
    closed.append(6)
    failing = SimpleNamespace(ditune_last_error=lambda: b"the runtime is not open (open it)")
    monkeypatch.setattr("ditune._library.library", lambda: failing)
    with pytest.raises(ValueError, match="the runtime is not open"):
        call.run()


def test_the_end_waits_for_launches_before_kernels_are_unloaded() -> None:
    run = script(
        """
        import ditune, torch
        from ditune import _library
        from ditune.torch import _devices
        library = _library.library()
        def close(handle):
            print("closed")
            return 0
        def wait(ordinal):
            print("waited for", ordinal)
            raise RuntimeError("the device is lost")
        library.ditune_close, torch.cuda.synchronize = close, wait
        ditune.runtime()
        for key in [(1, 0, "gemm_s8:m=1"), (1, 0, "gemm_s8:m=2"), (1, 3, "gemm_s8:m=1")]:
            _devices._kernels[key] = None, 0
        """
    )
    assert (run.stdout, run.stderr, run.returncode) == ("waited for 0\nwaited for 3\nclosed\n", "", 0)


def test_pointers_and_strides_of_a_call() -> None:
    """What the struct of a launch has: addresses of views, their distances of rows, and nothing of what is left out."""
    packed = torch.zeros(4, 64, dtype=torch.int8)
    x, weight = packed[:, 16:32], torch.zeros(8, 16, dtype=torch.int8)
    scale, bias = torch.ones(4), torch.zeros(8)
    residual, gate = torch.zeros(4, 8), torch.zeros(2, 1, 8)
    tensors = (x, weight, scale, torch.ones(8, 1), bias, residual, gate, None, None)
    call = _gemm.prepare(tensors, _gemm.Epilogue("none", 0, None, torch.float32))
    assert not call.in_place
    assert _gemm.prepare((*tensors[:8], residual), _gemm.Epilogue("none", 0, None, torch.float32)).in_place
    rows = (torch.zeros(2, 16, dtype=torch.bfloat16), *(None,) * (len(_quantize.NAMES) - 1))
    prologue = _quantize.Prologue("rms", False, 1e-6, True, None, "none", 1, torch.bfloat16)
    assert _quantize.prepare_in_place(rows, prologue).in_place
    assert not _quantize.prepare(rows, prologue).in_place
    assert call.point(tensors) is tensors
    args: Any = call.args
    assert args.size == ctypes.sizeof(Args)
    assert (args.x, args.w, args.sx, args.bias) == tuple(t.data_ptr() for t in (x, weight, scale, bias))
    assert (args.ldx, args.ldw, args.ldy, args.ldr, args.ldg) == (64, 16, 8, 8, 8)
    assert (args.gates, args.rows_per_gate, args.gate_index) == (2, 2, None)
    odd = torch.zeros(9)[1:]
    assert call.point((*tensors[:4], odd, *tensors[5:])) is None, "an address that is no multiple of 16"
