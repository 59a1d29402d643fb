# SPDX-License-Identifier: Apache-2.0
"""The mirror of ditune.h: each struct, value and function is held against the header by a C++ compiler."""

from __future__ import annotations

import ctypes
import os
import pathlib
import re
import shutil
import subprocess
from typing import Any

import pytest
from ditune import _library, errors
from ditune._library import COMPILE_WORDS, GEMM_WORDS, MATCH_WORDS, QUANTIZE_WORDS, REGIME_WORDS
from helpers import ROOT

HEADER = ROOT / "include" / "ditune" / "ditune.h"
STRUCTS: dict[Any, str] = {
    _library.Problem: "ditune_problem",
    _library.QuantizeProblem: "ditune_quantize_problem",
    _library.Args: "ditune_args",
    _library.QuantizeArgs: "ditune_quantize_args",
    _library.Kernel: "ditune_kernel",
    _library.KernelInfo: "ditune_kernel_info",
    _library.Device: "ditune_device",
    _library.OpenOptions: "ditune_open_options",
}
CALLBACKS: dict[Any, str] = {
    _library.MissCallback: "ditune_miss_callback",
    _library.QuantizeMissCallback: "ditune_quantize_miss_callback",
}
STATUSES = {
    "INVALID_ARGUMENT": errors.UsageError,
    "INVALID_HANDLE": errors.UsageError,
    "NOT_PREPARED": errors.NotPreparedError,
    "NO_KERNEL": errors.NoKernelError,
    "DATABASE_ERROR": errors.DatabaseError,
    "CUDA_ERROR": errors.CudaError,
    "NO_DEVICE": errors.NoDeviceError,
}
PLAIN_STATUSES = {"OK", "OUT_OF_MEMORY", "INTERNAL"}  # of no class of their own
TYPES: dict[Any, str] = {
    ctypes.c_int32: "int32_t",
    ctypes.c_int64: "int64_t",
    ctypes.c_uint64: "uint64_t",
    ctypes.c_size_t: "uint64_t",
    ctypes.c_double: "double",
    ctypes.c_char_p: "char*",
    ctypes.c_void_p: "void*",
    None: "void",
}
# Types without const, since ctypes knows none.
PRELUDE = """
#include <type_traits>
#include "ditune/ditune.h"
template <class T> struct Bare { using type = std::remove_const_t<T>; };
template <class T> struct Bare<T*> { using type = typename Bare<std::remove_const_t<T>>::type*; };
template <class T> using bare = typename Bare<std::remove_const_t<T>>::type;
template <class R, class... A> struct Types {};
template <class R, class... A> Types<bare<R>, bare<A>...> types(R (*)(A...));
"""


def c_type(type_: Any) -> str:
    if type_ in STRUCTS:
        return STRUCTS[type_]
    if isinstance(type_, type) and issubclass(type_, ctypes._Pointer):
        return c_type(type_._type_) + "*"
    return TYPES[type_]


def constants() -> dict[str, int]:
    """Each enumerator's name and value."""
    wanted: dict[str, int] = {}
    for prefix, fields in (("", GEMM_WORDS), ("QUANTIZE_", QUANTIZE_WORDS)):
        for field, words in fields.items():
            wanted |= {f"DITUNE_{prefix}{field}_{word}".upper(): index for index, word in enumerate(words)}
    wanted |= {f"DITUNE_MATCH_{word}".upper(): index for index, word in enumerate(MATCH_WORDS)}
    wanted |= {f"DITUNE_REGIME_{word}".upper(): index for index, word in enumerate(REGIME_WORDS)}
    wanted |= {f"DITUNE_COMPILE_{word}".upper(): index for index, word in enumerate(COMPILE_WORDS)}
    return wanted


def checks() -> list[str]:
    """What has to be true of the header, as C++ expressions."""
    lines = [f"{name} == {value}" for name, value in constants().items()]
    for status, error in errors.STATUS_ERRORS.items():
        names = [f"DITUNE_{name} == {status}" for name, its in STATUSES.items() if its is error]
        lines.append(" || ".join(names))
    for struct, name in STRUCTS.items():
        lines.append(f"sizeof({name}) == {ctypes.sizeof(struct)}")
        for member, type_ in struct._fields_:
            field = f"{name}, {member.rstrip('_')}"
            lines.append(f"offsetof({field}) == {getattr(struct, member).offset}")
            if type_ not in (ctypes.c_void_p, *CALLBACKS):
                lines.append(f"std::is_same_v<bare<decltype({field.replace(', ', '::')})>, {c_type(type_)}>")
    for callback, name in CALLBACKS.items():
        its = ", ".join(map(c_type, (callback._restype_, *callback._argtypes_)))
        lines.append(f"std::is_same_v<decltype(types({name}{{}})), Types<{its}>>")
    for function, arguments in _library._FUNCTIONS.items():
        its = ", ".join(map(c_type, (ctypes.c_int32, *arguments)))
        lines.append(f"std::is_same_v<decltype(types({function})), Types<{its}>>")
    return lines


def test_header_agrees(tmp_path: pathlib.Path) -> None:
    compiler = os.environ.get("CXX") or shutil.which("c++") or pytest.fail("there is no C++ compiler")
    source = tmp_path / "mirror.cpp"
    source.write_text(PRELUDE + "".join(f"static_assert({line});\n" for line in checks()))
    run = subprocess.run(
        [compiler, "-std=c++20", "-fsyntax-only", f"-I{ROOT / 'include'}", source],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def test_nothing_of_the_header_is_left_out() -> None:
    header = HEADER.read_text()
    functions = set(re.findall(r"^DITUNE_API [^(]*?(ditune_\w+)\(", header, re.MULTILINE))
    assert functions == {*_library._FUNCTIONS, "ditune_version", "ditune_last_error"}
    enumerators = set(re.findall(r"\b(DITUNE_\w+) = \d+", header))
    statuses = {f"DITUNE_{name}" for name in (*STATUSES, *PLAIN_STATUSES)}
    assert enumerators == statuses | set(constants())
    assert set(re.findall(r"^\} (\w+);", header, re.MULTILINE)) == set(STRUCTS.values())


def test_structs_say_their_size() -> None:
    assert _library.Problem(m=1, op=3).size == 72
    assert _library.Problem(m=1, op=3).op == 3


def test_a_failure_is_an_exception_with_the_librarys_line() -> None:
    with pytest.raises(errors.UsageError, match="not open"):
        _library.check(_library.library().ditune_close(12345))


def test_what_is_no_library() -> None:
    with pytest.raises(errors.DituneError, match="cannot be loaded"):
        _library.open_library(pathlib.Path("/nowhere/libditune.so"))
    with pytest.raises(errors.DituneError, match="older than this package"):
        _library.open_library(pathlib.Path("libc.so.6"))
