# SPDX-License-Identifier: Apache-2.0
"""Whether a block is the one that was looked at: a hash of the source of all classes whose work a fused block does."""

from __future__ import annotations

import hashlib
import inspect
import io
import textwrap
import tokenize
from collections.abc import Callable, Iterable
from typing import Any

from torch import nn

_BETWEEN = (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)  # statements


def _words(source: str) -> Iterable[str]:
    """Without comments, layout, spaces (versions of Python cut f-strings otherwise) and docstrings."""
    starts = True  # of a statement
    for token in tokenize.generate_tokens(io.StringIO(textwrap.dedent(source)).readline):
        if token.type in _BETWEEN:
            starts = True
        elif token.type not in (tokenize.COMMENT, tokenize.NL) and not (token.type == tokenize.STRING and starts):
            starts = False
            yield "".join(token.string.split())


def source_hash(classes: Iterable[Callable[..., Any]]) -> str:
    """12 hexadecimal digits; empty where there is no source."""
    made = hashlib.sha256()
    try:
        for each in classes:
            made.update("".join(_words(inspect.getsource(each))).encode())
    except (OSError, TypeError, tokenize.TokenError, SyntaxError):
        return ""
    return made.hexdigest()[:12]


def classes_of(block: nn.Module, paths: Iterable[str]) -> list[type]:
    """Of the block and of modules in it."""
    return [type(block), *(type(block.get_submodule(path)) for path in paths)]
