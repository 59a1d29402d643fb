# SPDX-License-Identifier: Apache-2.0
"""How far what a route gives is from what bf16 gives: of one step, and of a latent after several."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from ditune.bench.models import Inputs, Model, Size


def relative(made: Tensor, wanted: Tensor) -> float:
    return float((made - wanted).norm() / wanted.norm())


def psnr(made: Tensor, wanted: Tensor) -> float:
    """In dB, of the range of what is wanted."""
    error = float((made - wanted).double().square().mean())
    return 10 * math.log10(float(wanted.max() - wanted.min()) ** 2 / error) if error else math.inf


def denoise(model: Model, step: Callable[..., Any], inputs: Inputs, size: Size, count: int) -> Tensor | list[Tensor]:
    """The latent after `count` Euler steps from noise to image, which begin at that of the inputs. It is float32."""
    noise = inputs[model.latent]
    listed = isinstance(noise, list)
    latents = [each.float() for each in (noise if listed else [noise])]
    for number in range(count):
        sigma, then = 1 - number / count, 1 - (number + 1) / count
        rounded = [latent.to(each.dtype) for latent, each in zip(latents, noise if listed else [noise], strict=True)]
        time = model.time_at(sigma, size, latents[0].device)
        made = step(**{**inputs, model.latent: rounded if listed else rounded[0], model.time: time})[0]
        derivatives = [model.direction * each.float() for each in (made if listed else [made])]
        latents = [latent + (then - sigma) * each for latent, each in zip(latents, derivatives, strict=True)]
    return latents if listed else latents[0]
