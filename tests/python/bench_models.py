# SPDX-License-Identifier: Apache-2.0
"""The models of ditune.bench, as small as those of fuse_models."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

from ditune.bench.models import MODELS, Model, Size
from fuse_models import CASES


def _config(case: str) -> dict[str, Any]:
    model: Any = CASES[case].build()
    return {name: model.config[name] for name in inspect.signature(type(model).__init__).parameters if name != "self"}


def _small(name: str, config: dict[str, Any]) -> Model:
    pixels = 4 * MODELS[name].pixels
    frames = 5 if MODELS[name].size.frames > 1 else 1
    return dataclasses.replace(MODELS[name], config=config, size=Size(pixels, 2 * pixels, frames, 16))


CONFIGS = {case.name: _config(key) for key, case in CASES.items() if case.name}
CONFIGS["flux2-klein-9b"] = CONFIGS["flux2-dev"] | {"guidance_embeds": False}
CONFIGS["wan2.2-5b"] = CONFIGS["wan-14b"]

SMALL = {name: _small(name, CONFIGS[name]) for name in MODELS}
