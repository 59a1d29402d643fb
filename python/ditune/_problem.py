# SPDX-License-Identifier: Apache-2.0
"""Problems of the C ABI from text forms ("gemm_s8:m=1,n=2,k=3,op=silu") and from fields, and back."""

from __future__ import annotations

import ctypes
import operator
from collections.abc import Mapping
from typing import NamedTuple, SupportsIndex

from ditune._library import GEMM_WORDS, QUANTIZE_WORDS, Problem, QuantizeProblem, check, library
from ditune.errors import UsageError

AnyProblem = Problem | QuantizeProblem

MAX_K = 131_071  # an int32 holds the sum of that many products


class Kind(NamedTuple):
    """A kind of operation: the struct of its problems, and the words of their fields."""

    struct: type[AnyProblem]
    words: Mapping[str, tuple[str, ...]]


KINDS = {"gemm_s8": Kind(Problem, GEMM_WORDS), "quantize_s8": Kind(QuantizeProblem, QUANTIZE_WORDS)}


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise UsageError(f"unknown kind of operation '{name}' (use {', '.join(KINDS)})")
    return KINDS[name]


def _value(kind: Kind, field: str, value: str | SupportsIndex) -> int:
    words = kind.words.get(field)
    if isinstance(value, str) and words is not None:
        if value not in words:
            raise UsageError(f"{field}={value} is unknown (use {', '.join(words)})")
        return words.index(value)
    return integer(field, value)


def integer(name: str, value: str | SupportsIndex) -> int:
    """Of a text, or of a number that is whole by its type: 1.5 is refused, and 2.0, too."""
    try:
        return int(value) if isinstance(value, str) else operator.index(value)
    except (ValueError, TypeError):
        raise UsageError(f"{name}={value} is not a number (write an integer)") from None


def make_problem(kind: str, /, **fields: str | SupportsIndex) -> AnyProblem:
    """A problem of a kind, by the names of its text form: make_problem("gemm_s8", m=1, n=2, k=3, op="silu").

    What is left out has its default. `from_` is `from`, which Python keeps for itself. Sizes and what fits together are
    checked by the library, where the problem is used.
    """
    its = _kind(kind)
    known = [name for name, *_ in its.struct._fields_ if name != "size"]
    members = {}
    for name, value in fields.items():
        member = name if name in known else f"{name}_"
        if member not in known:
            raise UsageError(f"{kind} has no field '{name}' (use {', '.join(field.rstrip('_') for field in known)})")
        members[member] = _value(its, member.rstrip("_"), value)
    return its.struct(**members)


def parse_problem(text: str) -> AnyProblem:
    """The problem of a text form."""
    kind, colon, rest = text.partition(":")
    if not colon:
        raise UsageError(f"'{text}' is not an operation (write KIND:key=value,..., like gemm_s8:m=1024,n=3072,k=3072)")
    fields: dict[str, str | SupportsIndex] = {}
    for pair in rest.split(","):
        key, equals, value = pair.partition("=")
        if not equals or key in fields:
            wrong = "given twice" if equals else "no key=value"
            raise UsageError(f"'{pair}' in '{text}' is {wrong} (write KIND:key=value,..., each key once)")
        fields[key] = value
    return make_problem(kind, **fields)


def format_problem(problem: AnyProblem) -> str:
    """Its text form, with defaults left out: what --operation of the program takes."""
    lib = library()
    function = lib.ditune_format if isinstance(problem, Problem) else lib.ditune_format_quantize
    text = ctypes.create_string_buffer(1024)
    check(function(ctypes.byref(problem), text, len(text)))
    return text.value.decode()
