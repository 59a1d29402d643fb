# SPDX-License-Identifier: Apache-2.0
"""Which runtime of the library the operations use: that of the default database, or of those that were chosen."""

from __future__ import annotations

import os

from ditune._runtime import Databases, database_files, runtime
from ditune.torch import _calls

# Files, and whether kernels are compiled: of the Runtime that the process shares, which anybody may close.
_chosen: tuple[tuple[str, ...] | None, bool] = None, True


def runtime_handle() -> int:
    databases, compile = _chosen
    return runtime(databases, compile=compile).handle


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


def use_first(database: str | os.PathLike[str]) -> None:
    """Records of this file serve all operations, before those that are in use, from now on. They are read anew."""
    databases, compile = _chosen
    files = tuple(dict.fromkeys((*database_files(database), *database_files(databases))))
    use_databases(None if databases is None and files == database_files(None) else files, compile=compile)
