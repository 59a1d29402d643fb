# SPDX-License-Identifier: Apache-2.0
"""What pipelines do with Z-Image beside a plain forward."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from ditune.torch import fuse_, quantize_
from fuse_models import WIDTH, output, randomize, relative, z_image, z_image_inputs
from torch import nn

pytestmark = pytest.mark.usefixtures("inference")

SIGLIP = 48

Both = tuple[nn.Module, nn.Module]


@pytest.fixture
def both() -> Both:
    """In int8, layer by layer and fused."""
    quantized = quantize_(randomize(z_image(SIGLIP)))
    return quantized, fuse_(copy.deepcopy(quantized))


@pytest.mark.parametrize("batch", [1, 2])
def test_given_images_have_a_modulation_of_their_own(both: Both, batch: int) -> None:
    def image() -> Any:
        return torch.randn(4, 1, 16, 16)

    inputs = {
        "x": [[image(), image()] for _ in range(batch)],
        "t": torch.linspace(0.25, 0.5, batch),
        "cap_feats": [[torch.randn(size, 48) for size in (20, 30, 5)] for _ in range(batch)],
        "siglip_feats": [[torch.randn(4, 4, SIGLIP), None] for _ in range(batch)],
        "image_noise_mask": [[0, 1]] * batch,
    }
    wanted, made = (output(each, inputs) for each in both)
    assert relative(made, wanted) < 0.03
    inputs["image_noise_mask"] = [[1, 1]] * batch
    assert relative(output(both[1], inputs), wanted) > 0.06


def test_controlnet(both: Both) -> None:
    inputs = z_image_inputs(1)
    plain = output(both[1], inputs)
    inputs["controlnet_block_samples"] = {0: torch.randn(1, 1, WIDTH), 2: torch.randn(1, 1, WIDTH)}
    wanted, made = (output(each, inputs) for each in both)
    assert relative(made, wanted) < 0.03 < 0.06 < relative(plain, wanted)
