# SPDX-License-Identifier: Apache-2.0
"""How a prepared call is launched: on the CPU by the library's own loops, on a GPU on the current stream."""

from __future__ import annotations

import atexit
import concurrent.futures
import contextlib
import ctypes
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ditune._library import Kernel, KernelInfo, Problem, check, library
from ditune.errors import NotPreparedError, UsageError
from ditune.torch._calls import Call, evict
from ditune.torch._runtime import runtime_handle

MOST_KERNELS = 1 << 16

_kernels: dict[tuple[Any, ...], tuple[Kernel, int]] = {}
_workspaces: dict[tuple[int, int], Tensor] = {}  # by device and stream
_outgrown: list[Tensor] = []  # launches may still use them
_making = threading.Lock()  # of workspaces: one that another thread's replaces would be freed under a launch


def prepare(call: Call) -> None:
    """Sets `call.launch`. Raises what the library says of the problem."""
    kind = call.device.type
    if call.rows == 0 or kind == "meta":
        return
    if kind == "cpu":
        call.launch = _on_host(call)
    elif kind == "cuda":
        call.launch, call.renew = _on_gpu(call), prepare
    else:
        raise UsageError(f"a tensor on {call.device} (give tensors on a CUDA GPU or the CPU)")


def _on_host(call: Call) -> Callable[[], int]:
    of_gemm = isinstance(call.problem, Problem)
    run = library().ditune_run_on_host if of_gemm else library().ditune_run_quantize_on_host
    problem, args = ctypes.byref(call.problem), call.reference
    threads = torch.get_num_threads

    def launch() -> int:
        return int(run(problem, args, threads()))

    return launch


def _on_gpu(call: Call) -> Callable[[], int]:
    ordinal = call.device.index
    with torch.cuda.device(ordinal):
        kernel, workspace_bytes = _kernel_of(call, ordinal)
    launch = library().ditune_launch if isinstance(call.problem, Problem) else library().ditune_launch_quantize
    args: Any = call.args
    reference = call.reference
    current_device, current_stream = torch._C._cuda_getDevice, torch._C._cuda_getCurrentRawStream
    set_device = torch._C._cuda_setDevice

    def on_current() -> int:
        stream = current_stream(ordinal)
        if not workspace_bytes:
            return int(launch(kernel, reference, stream))
        if torch.cuda.is_current_stream_capturing():
            workspace = zeros(ordinal, workspace_bytes)
        else:
            workspace = _workspace_of(ordinal, stream, workspace_bytes)
        args.workspace = workspace.data_ptr()
        return int(launch(kernel, reference, stream))

    def on_its_own() -> int:
        if current_device() == ordinal:
            if call.in_place:  # nothing was allocated, so that a switch that torch puts off may be pending still
                set_device(ordinal)
            return on_current()
        with torch.cuda.device(ordinal):
            return on_current()

    return on_its_own


def _kernel_of(call: Call, ordinal: int) -> tuple[Kernel, int]:
    """With the bytes of its workspace."""
    runtime = runtime_handle()
    key = (runtime, ordinal, type(call.problem), bytes(call.problem))
    found = _kernels.get(key)
    if found:
        return found
    if torch.cuda.is_current_stream_capturing():
        raise NotPreparedError(
            f"{call.operation()} is not prepared and the stream is being captured (run the same shapes once before)"
        )
    kernel, info = Kernel(), KernelInfo()
    gemm = isinstance(call.problem, Problem)
    prepare_kernel = library().ditune_prepare if gemm else library().ditune_prepare_quantize
    check(prepare_kernel(runtime, ordinal, ctypes.byref(call.problem), ctypes.byref(kernel)))
    check(library().ditune_query(kernel, ctypes.byref(info)))
    evict(_kernels, MOST_KERNELS)
    _kernels[key] = kernel, info.workspace_bytes
    return _kernels[key]


def _workspace_of(ordinal: int, stream: int, size: int) -> Tensor:
    """Zeroed memory that all launches on this stream share; each leaves it zero.

    Not that of captures: a graph has its own and zeroes it, so that graphs may run side by side.
    """
    key = ordinal, stream
    found = _workspaces.get(key)
    if found is not None and found.numel() >= size:
        return found
    with _making:
        found = _workspaces.get(key)
        if found is None or found.numel() < size:
            if found is not None:
                _outgrown.append(found)
                size = max(size, 2 * found.numel())  # so that all that are outgrown take no more than the last one
            with concurrent.futures.ThreadPoolExecutor(1) as outside:  # pools are of a thread: torch.compile has one
                found = outside.submit(_zeros_at_once, ordinal, size).result()
            _workspaces[key] = found
        return found


def zeros(ordinal: int, size: int) -> Tensor:
    return torch.zeros(size, dtype=torch.uint8, device=torch.device("cuda", ordinal))


def _zeros_at_once(ordinal: int, size: int) -> Tensor:
    """Zero for every stream."""
    made = zeros(ordinal, size)
    torch.cuda.current_stream(ordinal).synchronize()
    return made


def _wait_for_launches() -> None:
    """At the end of the process, before ditune._runtime closes what it opened and kernels are unloaded."""
    for ordinal in sorted({ordinal for _, ordinal, *_ in _kernels}):
        with contextlib.suppress(RuntimeError):  # of a device that failed, or in a forked child
            torch.cuda.synchronize(ordinal)


atexit.register(_wait_for_launches)
