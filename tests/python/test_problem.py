# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from typing import Any

import pytest
from ditune._library import Problem, QuantizeProblem
from ditune._problem import format_problem, make_problem, parse_problem
from ditune.errors import UsageError

TEXTS = [
    "gemm_s8:m=1,n=2,k=3",
    "gemm_s8:m=1,n=16,k=3,bias=bf16,op=silu,from=8,residual=f16,gate=table,out=f32",
    "quantize_s8:m=1,k=64",
    "quantize_s8:m=1,k=64,x=f32,residual=gate,norm=layer,modulate=scale1_shift,table=image,act=silu,smooth=on,rotate=16",
]


@pytest.mark.parametrize("text", TEXTS)
def test_text_and_back(text: str) -> None:
    assert format_problem(parse_problem(text)) == text


def test_fields() -> None:
    problem = make_problem("gemm_s8", m=1, n=2, k=3, op="silu", from_=1)
    assert isinstance(problem, Problem)
    assert (problem.m, problem.n, problem.k, problem.op, problem.from_) == (1, 2, 3, 3, 1)
    assert isinstance(make_problem("quantize_s8", m=1, k=64, rotate=64), QuantizeProblem)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "'nonsense' is not an operation"),
        ("conv:m=1", "unknown kind of operation 'conv' .use gemm_s8, quantize_s8"),
        ("gemm_s8:m=1,n=2,k=3,op=tanh", "op=tanh is unknown .use none, gelu_tanh,"),
        ("gemm_s8:m=one", "m=one is not a number"),
        ("gemm_s8:m=1,m=2", "'m=2' .* given twice"),
        ("gemm_s8:m", "'m' .* no key=value"),
        ("gemm_s8:size=1", "gemm_s8 has no field 'size' .use m, n, k, .* from, "),
        ("quantize_s8:n=1", "quantize_s8 has no field 'n'"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_problem(text)


@pytest.mark.parametrize(("value", "shown"), [(1.5, "1.5"), (2.0, "2.0"), (None, "None"), ([1], "[1]")])
def test_values_that_are_no_integers_are_refused_by_name(value: Any, shown: str) -> None:
    with pytest.raises(UsageError, match=rf"^m={re.escape(shown)} is not a number \(write an integer\)$"):
        make_problem("gemm_s8", m=value, n=2, k=3)


class Seven:
    """As integers of numpy and torch are."""

    def __index__(self) -> int:
        return 7


def test_integers_of_other_types_are_taken() -> None:
    problem = make_problem("gemm_s8", m=Seven(), n="2", k=3)
    assert isinstance(problem, Problem) and (problem.m, problem.n) == (7, 2)


def test_numbers_that_a_field_has_no_room_for_are_refused() -> None:
    """Rather than that their lowest bits are taken."""
    with pytest.raises(UsageError, match=r"rotate=4294967312 is out of range \(give"):
        make_problem("quantize_s8", m=1, k=16, rotate=2**32 + 16)
    with pytest.raises(UsageError, match="from=18446744073709551616 is out of range"):
        make_problem("gemm_s8", m=1, n=1, k=16, from_=2**64)
