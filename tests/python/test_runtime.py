# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
import pathlib
import shutil
import threading

import ditune
import pytest
from ditune import _runtime
from helpers import script, tune

GEMM = "gemm_s8:m=64,n=128,k=64,bias=bf16"
GPU, GPU_NAME = "RTX 3090", "NVIDIA GeForce RTX 3090"


@pytest.fixture(autouse=True)
def nothing_is_shared_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_runtime, "_shared", {})
    monkeypatch.setattr(_runtime, "_told", {})


def test_lookup_needs_no_gpu(database: pathlib.Path) -> None:
    with ditune.Runtime(database) as runtime:
        found = runtime.lookup(GEMM, gpu=GPU)
        assert found.match == "exact"
        assert found.config.startswith("mma_s8:tile=")
        assert runtime.lookup("gemm_s8", m=64, n=128, k=64, bias="bf16", gpu=GPU) == found
        assert (
            runtime.lookup("gemm_s8", m=60, n=128, k=64, bias="bf16", gpu="NVIDIA GeForce RTX 3090").match
            == "nearest_m"
        )
        assert runtime.lookup("quantize_s8:m=64,k=128,norm=rms", gpu=GPU).match == "exact"
        assert runtime.lookup(GEMM, gpu="sm_86").match in ("exact", "other_device")
        assert runtime.lookup(GEMM, gpu="a card of tomorrow", arch=90, sms=100).match in ("model", "default")
        assert runtime.skipped_rows() == 0


def test_what_lookup_refuses(database: pathlib.Path) -> None:
    with ditune.Runtime(database) as runtime:
        with pytest.raises(ditune.UsageError, match="no GPU is named"):
            runtime.lookup(GEMM)
        with pytest.raises(ditune.UsageError, match="'RTX 9999'"):
            runtime.lookup(GEMM, gpu="RTX 9999")
        with pytest.raises(ditune.UsageError, match=r"m, n beside 'gemm_s8:.*', which is a whole operation \("):
            runtime.lookup(GEMM, m=60, n=128, gpu=GPU)
        with pytest.raises(ditune.UsageError, match="K = 0"):
            runtime.lookup("gemm_s8:m=1,n=1", gpu=GPU)
    with pytest.raises(ditune.UsageError, match="is closed"):
        runtime.lookup(GEMM, gpu=GPU)
    with pytest.raises(ditune.UsageError, match="unknown regime"):
        ditune.Runtime(regime="warm")


def test_databases(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, database: pathlib.Path) -> None:
    assert _runtime.database_files(None) == ()
    monkeypatch.setenv("DITUNE_DB", str(database))
    assert _runtime.database_files(None) == (str(database),)
    monkeypatch.setenv("DITUNE_DB", str(tmp_path / "not there yet.db"))
    assert _runtime.database_files(None) == ()
    monkeypatch.delenv("DITUNE_DB")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert _runtime.default_database() == tmp_path / "ditune" / "tuning.db"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _runtime.default_database() == tmp_path / ".local" / "share" / "ditune" / "tuning.db"
    monkeypatch.delenv("HOME")
    assert _runtime.default_database() is None
    monkeypatch.chdir(tmp_path)
    assert _runtime.database_files(["a.db", pathlib.Path("b.db")]) == (str(tmp_path / "a.db"), str(tmp_path / "b.db"))
    with pytest.raises(ditune.DatabaseError, match=r"a\.db"):
        ditune.runtime("a.db")


def test_one_of_a_process(database: pathlib.Path) -> None:
    shared = ditune.runtime(database)
    assert ditune.runtime([str(database)]) is shared
    assert ditune.runtime(database, regime="sustained") is not shared
    assert ditune.runtime() is not shared
    shared.close()
    shared.close()
    assert ditune.runtime(database) is not shared


def test_runtimes_that_never_compile_are_others(database: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    shared = ditune.runtime(database, compile=False)
    assert ditune.runtime(database, compile=False) is shared is not ditune.runtime(database)
    assert not shared.compile and "compile=False" in repr(shared)
    with caplog.at_level(logging.WARNING, logger="ditune"):
        assert shared.lookup(GEMM, gpu=GPU).match == "exact"
        problems = ("gemm_s8:m=3,n=64,k=64", "quantize_s8:m=3,k=64")
        assert [shared.lookup(problem, gpu=GPU).match for problem in problems] == ["default", "none"]
    assert ["its kernel is 'default'" in caplog.messages[0], "it has no kernel" in caplog.messages[1]] == [True] * 2


def test_threads_share_it(database: pathlib.Path) -> None:
    found = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        runtime = ditune.runtime(database)
        found.append((runtime.handle, runtime.lookup(GEMM, gpu=GPU)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_miss_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        with ditune.Runtime() as runtime, caplog.at_level(logging.WARNING, logger="ditune"):
            for _ in range(2):
                runtime.lookup(GEMM, gpu=GPU)
                runtime.lookup("quantize_s8:m=3,k=64", gpu=GPU)
    assert [(record.name, record.levelname) for record in caplog.records] == [("ditune", "WARNING")] * 2
    into = f"--gpu '{GPU_NAME}' --db {_runtime.default_database()})"
    assert f"(tune it: ditune tune --operation {GEMM} {into}" in caplog.messages[0]
    assert f"(tune it: ditune tune --operation quantize_s8:m=3,k=64 {into}" in caplog.messages[1]


def test_a_miss_is_tuned_where_it_is_found_then(database: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    """Into the first of the databases, but never into the package's."""
    shutil.copy(database, _runtime.PACKAGED)
    caplog.set_level(logging.WARNING, logger="ditune")
    with ditune.Runtime() as runtime:
        assert runtime.databases == (str(_runtime.PACKAGED),)
        runtime.lookup("gemm_s8:m=3,n=64,k=64", gpu=GPU)
    with ditune.Runtime([database, _runtime.PACKAGED]) as runtime:
        runtime.lookup("gemm_s8:m=3,n=64,k=64", gpu=GPU)
    into = [message.partition(f" --gpu '{GPU_NAME}' --db ")[2] for message in caplog.messages]
    assert into == [f"{_runtime.default_database()})", f"{database})"]


def test_reload_sees_new_records(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "tuning.db"
    tune(file, "gemm_s8:m=8,n=64,k=64")
    with ditune.Runtime(file) as runtime:
        assert runtime.lookup("gemm_s8:m=16,n=192,k=64", gpu=GPU).match != "exact"
        tune(file, "gemm_s8:m=16,n=192,k=64")
        before = runtime.handle
        runtime.reload()
        after = runtime.handle
        assert after != before
        for _ in range(300):  # more than there may be handles
            runtime.reload()
        assert runtime.handle == after, "nothing changed"
        assert runtime.lookup("gemm_s8:m=16,n=192,k=64", gpu=GPU).match == "exact"


def test_a_forked_child_opens_its_own(database: pathlib.Path) -> None:
    """Also where another thread of the parent holds the locks, which no thread of the child would ever release."""
    run = script(
        """
        import os, sys, ditune
        from ditune import _runtime
        runtime = ditune.runtime(sys.argv[1])
        before = runtime.handle
        runtime._lock.acquire(), _runtime._shared_lock.acquire()
        child = os.fork()
        if child == 0:
            assert runtime._handles == []
            assert ditune.runtime(sys.argv[1]) is runtime
            print(runtime.lookup(sys.argv[2], gpu="RTX 3090").match, runtime.handle != before, flush=True)
            sys.exit(0)  # closes what it opened
        _, status = os.waitpid(child, 0)
        runtime._lock.release(), _runtime._shared_lock.release()
        print(os.waitstatus_to_exitcode(status), runtime.handle == before)
        """,
        database,
        GEMM,
    )
    assert (run.stdout, run.stderr, run.returncode) == ("exact True\n0 True\n", "", 0)


@pytest.mark.parametrize("daemon", [False, True])
def test_the_end_of_a_process_closes_them(database: pathlib.Path, daemon: bool) -> None:
    """But not under a thread that goes on, which may be in a call."""
    run = script(
        """
        import sys, threading, ditune
        from ditune import _library
        library = _library.library()
        def close(handle, real=library.ditune_close):
            print("closed", real(handle))
            return 0
        library.ditune_close = close
        first, second = ditune.runtime(sys.argv[1]), ditune.Runtime()
        third = ditune.Runtime()
        if sys.argv[2] == "True":
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        """,
        database,
        daemon,
    )
    assert (run.stdout, run.stderr, run.returncode) == ("" if daemon else "closed 0\n" * 3, "", 0)


def test_import_is_light() -> None:
    heavy = "{'torch', 'numpy', 'sqlite3', 'importlib.metadata'}"
    run = script(f"import sys, ditune; print(sorted({heavy} & set(sys.modules)))")
    assert run.stdout == "[]\n"


def test_version() -> None:
    assert ditune.__version__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ditune.nothing  # type: ignore[attr-defined]  # noqa: B018
