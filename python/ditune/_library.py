# SPDX-License-Identifier: Apache-2.0
"""libditune.so through ctypes: the structs, words and functions of include/ditune/ditune.h, which says what each means.

tests/python/test_library.py compiles a C program that compares all of it with the header.
"""

from __future__ import annotations

import ctypes
import functools
import os
import pathlib
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

from ditune.errors import STATUS_ERRORS, DituneError, UsageError

# The words of a field's values, as text forms ("gemm_s8:m=1,n=2,k=3,op=silu") have them: the index is the C ABI's.
GEMM_WORDS: dict[str, tuple[str, ...]] = {
    "sx": ("token", "tensor"),
    "sw": ("channel", "tensor"),
    "bias": ("none", "f32", "bf16", "f16"),
    "op": ("none", "gelu_tanh", "gelu_erf", "silu", "sigmoid", "swiglu"),
    "residual": ("none", "bf16", "f16", "f32"),
    "gate": ("none", "channel", "table", "index"),
    "out": ("bf16", "f16", "f32", "s32"),
}
QUANTIZE_WORDS: dict[str, tuple[str, ...]] = {
    "x": ("bf16", "f16", "f32"),
    "residual": ("none", "add", "gate", "gate_rms"),
    "norm": ("none", "rms", "layer", "rms_head"),
    "weight": ("none", "plain", "plus_one"),
    "bias": ("none", "plain"),
    "modulate": ("none", "scale", "scale1", "scale1_shift"),
    "table": ("all", "image", "index"),
    "act": ("none", "gelu_tanh", "gelu_erf", "silu", "swiglu", "swiglu_interleaved"),
    "smooth": ("off", "on"),
    "parameters": ("same", "f32"),
    "scale": ("token", "tensor"),
    "out": ("s8", "bf16", "f16"),
    "rope": ("none", "half", "pairs"),
}
MATCH_WORDS = ("exact", "nearest_m", "stale", "other_device", "model", "default", "none")
REGIME_WORDS = ("burst", "sustained")
COMPILE_WORDS = ("as_needed", "never")


class _Sized(ctypes.Structure):
    """A struct that is led by its size. Raises UsageError for a number that its member has no room for."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(ctypes.sizeof(type(self)), **fields)
        for name, value in fields.items():
            if isinstance(value, int) and getattr(self, name) != value:  # ctypes takes the lowest bits
                raise UsageError(f"{name.rstrip('_')}={value} is out of range (give a smaller number)")


class Problem(_Sized):
    """ditune_problem"""

    _fields_ = [
        ("size", c_size_t),
        *((name, c_int64) for name in ("m", "n", "k")),
        *((name, c_int32) for name in ("sx", "sw", "bias", "op", "out")),
        ("from_", c_int64),
        *((name, c_int32) for name in ("residual", "gate")),
    ]


class QuantizeProblem(_Sized):
    """ditune_quantize_problem"""

    _fields_ = [
        ("size", c_size_t),
        *((name, c_int64) for name in ("m", "k")),
        *((name, c_int32) for name in ("x", "residual", "norm", "weight", "bias", "modulate", "table", "act", "split")),
        *((name, c_int32) for name in ("smooth", "rotate", "parameters", "scale", "out", "head", "rope")),
    ]


class Args(_Sized):
    """ditune_args"""

    _fields_ = [
        ("size", c_size_t),
        *((name, c_void_p) for name in ("x", "w", "y", "sx", "sw", "bias", "workspace")),
        *((name, c_int64) for name in ("ldx", "ldw", "ldy")),
        *((name, c_void_p) for name in ("r", "g", "gate_index")),
        *((name, c_int64) for name in ("ldr", "ldg", "gates", "rows_per_gate")),
    ]


class QuantizeArgs(_Sized):
    """ditune_quantize_args"""

    _fields_ = [
        ("size", c_size_t),
        *((name, c_void_p) for name in ("x", "x2", "y", "h", "g", "s", "t", "index", "w1", "w", "b", "c")),
        *((name, c_void_p) for name in ("q", "scale")),
        *((name, c_int64) for name in ("ldx", "ldx2", "ldy", "ldh", "ldt", "ldq", "tables", "rows_per_image")),
        ("eps", c_double),
        ("r", c_void_p),
        *((name, c_int64) for name in ("ldr", "positions")),
    ]


class Kernel(ctypes.Structure):
    """ditune_kernel"""

    _fields_ = [("runtime", c_uint64), ("id", c_uint64)]


class KernelInfo(_Sized):
    """ditune_kernel_info"""

    _fields_ = [
        ("size", c_size_t),
        ("match", c_int32),
        ("device", c_int32),
        ("workspace_bytes", c_int64),
        ("config", c_char_p),
        ("note", c_char_p),
    ]


class Device(_Sized):
    """ditune_device"""

    _fields_ = [("size", c_size_t), ("name", c_char_p), ("arch", c_int32), ("sms", c_int32)]


MissCallback = CFUNCTYPE(None, POINTER(Problem), c_int32, c_char_p, c_void_p)
QuantizeMissCallback = CFUNCTYPE(None, POINTER(QuantizeProblem), c_int32, c_char_p, c_void_p)


class OpenOptions(_Sized):
    """ditune_open_options"""

    _fields_ = [
        ("size", c_size_t),
        ("databases", POINTER(c_char_p)),
        ("database_count", c_size_t),
        ("regime", c_int32),
        ("on_miss", MissCallback),
        ("user", c_void_p),
        ("on_quantize_miss", QuantizeMissCallback),
        ("nvrtc", c_char_p),
        ("compile", c_int32),
        ("tune_database", c_char_p),
    ]


# Name, and types of the arguments; each returns a ditune_status.
_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "ditune_open": (POINTER(OpenOptions), POINTER(c_uint64)),
    "ditune_close": (c_uint64,),
    "ditune_skipped_rows": (c_uint64, POINTER(c_int64)),
    "ditune_lookup": (c_uint64, POINTER(Device), POINTER(Problem), POINTER(KernelInfo)),
    "ditune_prepare": (c_uint64, c_int32, POINTER(Problem), POINTER(Kernel)),
    "ditune_query": (Kernel, POINTER(KernelInfo)),
    "ditune_launch": (Kernel, POINTER(Args), c_void_p),
    "ditune_run": (c_uint64, c_int32, POINTER(Problem), POINTER(Args), c_void_p),
    "ditune_run_on_host": (POINTER(Problem), POINTER(Args), c_int32),
    "ditune_format": (POINTER(Problem), c_char_p, c_size_t),
    "ditune_lookup_quantize": (c_uint64, POINTER(Device), POINTER(QuantizeProblem), POINTER(KernelInfo)),
    "ditune_prepare_quantize": (c_uint64, c_int32, POINTER(QuantizeProblem), POINTER(Kernel)),
    "ditune_launch_quantize": (Kernel, POINTER(QuantizeArgs), c_void_p),
    "ditune_run_quantize": (c_uint64, c_int32, POINTER(QuantizeProblem), POINTER(QuantizeArgs), c_void_p),
    "ditune_run_quantize_on_host": (POINTER(QuantizeProblem), POINTER(QuantizeArgs), c_int32),
    "ditune_format_quantize": (POINTER(QuantizeProblem), c_char_p, c_size_t),
    "ditune_interleave": (c_void_p, c_void_p, c_void_p, c_int64, c_int64),
}


def library_file() -> pathlib.Path:
    """libditune.so: $DITUNE_LIBRARY, or that of the package."""
    named = os.environ.get("DITUNE_LIBRARY")
    return pathlib.Path(named) if named else pathlib.Path(__file__).parent / "lib" / "libditune.so"


def open_library(file: pathlib.Path) -> ctypes.CDLL:
    """A libditune.so whose functions take and return the types of ditune.h."""
    try:
        library = ctypes.CDLL(str(file))
    except OSError as error:
        raise DituneError(f"{file} cannot be loaded: {error} (install ditune anew, or set DITUNE_LIBRARY)") from error
    missing = [name for name in _FUNCTIONS if not hasattr(library, name)]
    if missing:
        raise DituneError(f"{file} has no {missing[0]}: it is older than this package (install both of one version)")
    for name, types in _FUNCTIONS.items():
        function = getattr(library, name)
        function.argtypes, function.restype = types, c_int32
    for name in ("ditune_version", "ditune_last_error"):
        function = getattr(library, name)
        function.argtypes, function.restype = (), c_char_p
    return library


@functools.cache
def library() -> ctypes.CDLL:
    """The library of this process, opened at the first call."""
    return open_library(library_file())


def check(status: int) -> None:
    """Raises what a status stands for, with the library's line that says what to do."""
    if status:
        message = library().ditune_last_error().decode()
        raise STATUS_ERRORS.get(status, DituneError)(message)
