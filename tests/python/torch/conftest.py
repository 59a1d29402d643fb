# SPDX-License-Identifier: Apache-2.0
"""What tests of modules and models begin with."""

from __future__ import annotations

from collections.abc import Iterator

import ditune.torch.fuse.heads
import pytest
import torch


@pytest.fixture(autouse=True)
def seed() -> None:
    """The same random numbers for each test, whichever others run."""
    torch.manual_seed(0)


@pytest.fixture
def inference() -> Iterator[None]:
    """As a model runs: without gradients, and told what there is to tell for the first time."""
    ditune.torch.fuse._warn.cache_clear()
    ditune.torch.fuse.heads._inform.cache_clear()
    with torch.no_grad():
        yield
