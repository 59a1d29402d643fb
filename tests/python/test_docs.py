# SPDX-License-Identifier: Apache-2.0
"""Each block "```python test" of the docs runs as it is, without a GPU; "test=NAME" with what its text supposes."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import pytest
from helpers import ROOT

PAGES = ("README.md", "docs/python.md")
GIVEN = {
    "": "",
    "model": """
import torch, ditune.torch
model = torch.nn.Sequential(torch.nn.Linear(256, 512), torch.nn.GELU(), torch.nn.Linear(512, 256)).bfloat16()
ditune.torch.quantize_(model, rotate=256)
""",
    "pipe": """
import types, torch
transformer = torch.nn.Sequential(torch.nn.Linear(256, 512), torch.nn.SiLU(), torch.nn.Linear(512, 256))
pipe = types.SimpleNamespace(transformer=transformer)
""",
}
BLOCKS = [
    (f"{page} {number}", GIVEN[given] + block)
    for page in PAGES
    for number, (given, block) in enumerate(
        re.findall(r"^```python test=?(\w*)\n(.*?)^```", (ROOT / page).read_text(), re.M | re.S)
    )
]


@pytest.mark.parametrize("block", [block for _, block in BLOCKS], ids=[name for name, _ in BLOCKS])
def test_block_runs(block: str, tmp_path: pathlib.Path) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", block], cwd=tmp_path, check=True)
