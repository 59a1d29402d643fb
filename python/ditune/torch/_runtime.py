# SPDX-License-Identifier: Apache-2.0
"""Which runtime of the library the operations use: that of the default database, or of those that were chosen."""

from __future__ import annotations

from ditune._runtime import Databases, runtime
from ditune.torch import _calls

_chosen: tuple[str, ...] | None = None  # files; of the Runtime that the process shares, which anybody may close


def runtime_handle() -> int:
    return runtime(_chosen).handle


def use_databases(databases: Databases | None = None) -> None:
    """Records of these files serve all operations from now on, the first one first; None: those of $DITUNE_DB or the
    default file. They are read anew. What is captured in graphs stays valid. Raises DatabaseError."""
    global _chosen
    chosen = runtime(databases)
    chosen.reload()
    _chosen = chosen.databases if databases is not None else None
    _calls.forget()
