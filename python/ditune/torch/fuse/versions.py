# SPDX-License-Identifier: Apache-2.0
"""Whether a tensor is one that was looked at before, with the values that it had then."""

from __future__ import annotations

import weakref

from torch import Tensor

Version = tuple["weakref.ref[Tensor]", int]


def version_of(tensor: Tensor) -> Version:
    """What tells it and its values from others, and does not keep it alive."""
    return weakref.ref(tensor), count_of(tensor)


def is_same(known: Version, tensor: Tensor) -> bool:
    return known[0]() is tensor and known[1] == count_of(tensor)


def count_of(tensor: Tensor) -> int:
    """Of the changes of its values; those of inference mode are not counted."""
    return 0 if tensor.is_inference() else tensor._version
