# SPDX-License-Identifier: Apache-2.0
"""Which runtime of the library the operations use: that of the default database, or of those that were chosen."""

from __future__ import annotations

from ditune._runtime import Databases, runtime
from ditune.torch import _calls

# Files, and whether kernels are compiled: of the Runtime that the process shares, which anybody may close.
_chosen: tuple[tuple[str, ...] | None, bool] = None, True


def runtime_handle() -> int:
    databases, compile = _chosen
    return runtime(databases, compile=compile).handle


def compiles() -> bool:
    return _chosen[1]


def use_databases(databases: Databases | None = None, *, compile: bool = True) -> None:
    """Records of these files serve all operations from now on, the first one first; None: those of $DITUNE_DB or the
    default file, and behind them the package's. They are read anew. What is captured in graphs stays valid.

    compile=False: no call ever waits for the compiler. A GEMM that no record has a kernel for, whatever its rows, is
    served by the built-in kernel, which is slower; a quantization raises NoKernelError, since none is built in. Raises
    DatabaseError.
    """
    global _chosen
    chosen = runtime(databases, compile=compile)
    chosen.reload()
    _chosen = chosen.databases if databases is not None else None, compile
    _calls.forget()
