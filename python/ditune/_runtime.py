# SPDX-License-Identifier: Apache-2.0
"""`Runtime`: a handle of the C ABI on databases, with what Python adds: where they are, logging, forks and the exit."""

from __future__ import annotations

import atexit
import ctypes
import logging
import os
import pathlib
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple, SupportsIndex

from ditune import _nvrtc
from ditune._library import (
    COMPILE_WORDS,
    MATCH_WORDS,
    REGIME_WORDS,
    Device,
    KernelInfo,
    MissCallback,
    OpenOptions,
    Problem,
    QuantizeMissCallback,
    check,
    library,
)
from ditune._problem import AnyProblem, integer, make_problem, parse_problem
from ditune.errors import UsageError

_logger = logging.getLogger("ditune")

Databases = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


class Match(NamedTuple):
    """What a lookup finds: how well it matches, and the kernel."""

    match: str  # exact, nearest_m, stale, other_device, model, default or none
    config: str  # "mma_s8:tile=...", or "" where the match is none
    workspace_bytes: int


def default_database() -> pathlib.Path | None:
    """The program's: $DITUNE_DB, else tuning.db under $XDG_DATA_HOME/ditune, else under ~/.local/share/ditune."""
    if named := os.environ.get("DITUNE_DB"):
        return pathlib.Path(named)
    if data := os.environ.get("XDG_DATA_HOME"):
        return pathlib.Path(data, "ditune", "tuning.db")
    if home := os.environ.get("HOME"):
        return pathlib.Path(home, ".local", "share", "ditune", "tuning.db")
    return None


# Winners that were measured on other machines; the user's own count first.
PACKAGED = pathlib.Path(__file__).with_name("winners.db")


def database_files(databases: Databases | None) -> tuple[str, ...]:
    """The absolute paths of `databases`, or of the default one and the package's, those that are there."""
    if databases is None:
        databases = [file for file in (default_database(), PACKAGED) if file and os.path.exists(file)]
    elif isinstance(databases, (str, os.PathLike)):
        databases = [databases]
    return tuple(os.path.abspath(os.fspath(file)) for file in databases)


# The commands that were logged already, of whichever runtime.
_told: dict[str, object] = {}


def _tell_miss(_problem: Any, match: int, command: bytes, _user: Any) -> None:
    text, me = command.decode(), object()
    if _told.setdefault(text, me) is me:
        word = MATCH_WORDS[match]
        kernel = "it has no kernel" if word == "none" else f"its kernel is '{word}'"
        _logger.warning("a problem is not tuned, %s (tune it: %s)", kernel, text)


# For as long as the library may call them.
_ON_MISS = MissCallback(_tell_miss)
_ON_QUANTIZE_MISS = QuantizeMissCallback(_tell_miss)


def _tune_database(files: Sequence[str]) -> str | None:
    """Where `ditune tune` puts what a runtime of these files misses: the first, but never into the package's own."""
    own = [file for file in files if file != os.path.abspath(PACKAGED)]
    return own[0] if own else str(default) if (default := default_database()) else None


def _open(files: Sequence[str], regime: str, compile: bool) -> int:
    """A new handle."""
    names = (ctypes.c_char_p * len(files))(*(os.fsencode(file) for file in files))
    nvrtc, into = _nvrtc.chosen(), _tune_database(files)
    options = OpenOptions(
        databases=names,
        database_count=len(files),
        regime=REGIME_WORDS.index(regime),
        on_miss=_ON_MISS,
        on_quantize_miss=_ON_QUANTIZE_MISS,
        nvrtc=os.fsencode(nvrtc) if nvrtc else None,
        compile=COMPILE_WORDS.index("as_needed" if compile else "never"),
        tune_database=os.fsencode(into) if into else None,
    )
    handle = ctypes.c_uint64()
    check(library().ditune_open(ctypes.byref(options), ctypes.byref(handle)))
    return handle.value


def _versions(files: Sequence[str]) -> list[tuple[int, ...] | None]:
    """What changes with a file of SQLite: it, or its log."""
    found: list[tuple[int, ...] | None] = []
    for file in files:
        for name in (file, f"{file}-wal"):
            try:
                its = os.stat(name)
                found.append((its.st_dev, its.st_ino, its.st_size, its.st_mtime_ns))
            except OSError:
                found.append(None)
    return found


class Runtime:
    """Databases, read once, and the kernels that were prepared of them. Any number of threads may use it.

    `ditune.runtime()` gives the one that a process shares; this constructor opens another. A forked child opens its own
    handle when it first needs one: kernels that its parent prepared are not its own.
    """

    def __init__(self, databases: Databases | None = None, *, regime: str = "burst", compile: bool = True) -> None:
        if regime not in REGIME_WORDS:
            raise UsageError(f"unknown regime '{regime}' (use {' or '.join(REGIME_WORDS)})")
        self.databases = database_files(databases)
        self.regime, self.compile = regime, compile
        self._lock = threading.Lock()
        self._handles: list[int] = []  # of this process: the current one, and those before a reload
        self._current = 0
        self._read: object = None  # what the databases were when they were read
        self._closed = False
        self.reload()
        _open_runtimes.add(self)

    @property
    def handle(self) -> int:
        """The ditune_runtime of the C ABI."""
        return self._current or self._open_again()

    @property
    def closed(self) -> bool:
        return self._closed

    def _open_again(self) -> int:
        with self._lock:
            if not self._current:
                self._open_locked()
            return self._current

    def _open_locked(self) -> None:
        if self._closed:
            raise UsageError("this Runtime is closed (open another, or use ditune.runtime())")
        # Before they are read: what changes meanwhile is read at the next reload.
        self._read = _versions(self.databases)
        self._current = _open(self.databases, self.regime, self.compile)
        self._handles.append(self._current)

    def reload(self) -> None:
        """Reads the databases anew, if they changed, for what is prepared from now on. Kernels that are prepared stay
        valid, so each time takes one of the 256 handles that a process may have."""
        with self._lock:
            if not self._current or self._read != _versions(self.databases):
                self._open_locked()

    def lookup(
        self, problem: str | AnyProblem, /, *, gpu: str = "", arch: int = 0, sms: int = 0, **fields: str | SupportsIndex
    ) -> Match:
        """What would run on such a GPU, which need not be here.

        `problem` is a text form, or a kind whose `fields` follow: lookup("gemm_s8", m=1, n=2, k=3, gpu="RTX 3090").
        `gpu` is a name ("RTX 3090", torch.cuda.get_device_name()) or an arch ("sm_86"). `arch` and `sms` describe one
        that ditune does not know by its name.
        """
        if isinstance(problem, str):
            if ":" in problem and fields:
                raise UsageError(f"{', '.join(fields)} beside {problem!r}, which is a whole operation (write it there)")
            problem = parse_problem(problem) if ":" in problem else make_problem(problem, **fields)
        if gpu.startswith("sm_") and gpu[3:].isdecimal():
            gpu, arch = "", int(gpu[3:])
        if not gpu and not arch:
            raise UsageError("no GPU is named (pass gpu='RTX 3090', or what torch.cuda.get_device_name() gives)")
        device = Device(name=gpu.encode() or None, arch=integer("arch", arch), sms=integer("sms", sms))
        info = KernelInfo()
        lib = library()
        function = lib.ditune_lookup if isinstance(problem, Problem) else lib.ditune_lookup_quantize
        check(function(self.handle, ctypes.byref(device), ctypes.byref(problem), ctypes.byref(info)))
        return Match(MATCH_WORDS[info.match], (info.config or b"").decode(), info.workspace_bytes)

    def skipped_rows(self) -> int:
        """How many winners of the databases are not used, because a value in them is wrong: `ditune show --skipped`."""
        rows = ctypes.c_int64()
        check(library().ditune_skipped_rows(self.handle, ctypes.byref(rows)))
        return rows.value

    def close(self) -> None:
        """Its kernels are gone with it; no launch of them may be in flight. Happens by itself when the process ends."""
        with self._lock:
            handles, self._handles = self._handles, []
            self._current, self._closed = 0, True
            _open_runtimes.discard(self)
        for handle in handles:
            check(library().ditune_close(handle))

    def __enter__(self) -> Runtime:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Runtime({list(self.databases)!r}, regime={self.regime!r}, compile={self.compile})"

    def _forget_handles(self) -> None:
        """In a forked child: the handles are the parent's, and so is whichever thread held the lock."""
        self._lock = threading.Lock()
        self._handles, self._current = [], 0


_open_runtimes: set[Runtime] = set()
_shared: dict[tuple[tuple[str, ...], str, bool], Runtime] = {}
_shared_lock = threading.Lock()


def runtime(databases: Databases | None = None, *, regime: str = "burst", compile: bool = True) -> Runtime:
    """The Runtime that this process has for these databases, opened at the first call.

    None: $DITUNE_DB, or tuning.db under $XDG_DATA_HOME/ditune or ~/.local/share/ditune, if that file is there, and
    behind it the winners that the package carries. What neither answers is served by built-in kernels and what NVRTC
    compiles. With compile=False nothing is compiled: the built-in kernel serves a GEMM that no record has a kernel for,
    and a quantization, of which none is built in, raises NoKernelError.
    """
    key = (database_files(databases), regime, compile)
    with _shared_lock:
        shared = _shared.get(key)
        if shared is None or shared.closed:
            shared = _shared[key] = Runtime(key[0], regime=regime, compile=compile)
        return shared


def _close_all() -> None:
    if threading.active_count() > 1:
        return  # a daemon may be in a launch: the process takes with it what is left
    for each in list(_open_runtimes):
        each.close()


def _after_fork_in_child() -> None:
    global _shared_lock
    _shared_lock = threading.Lock()
    for each in list(_open_runtimes):
        each._forget_handles()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_after_fork_in_child)
