# SPDX-License-Identifier: Apache-2.0
"""The blocks of diffusers' transformers. Modules here name the blocks' classes as text and do not import diffusers."""

from __future__ import annotations

import importlib

MODELS = ("flux", "flux2", "ideogram4", "qwen_image", "wan", "z_image")


def register() -> None:
    for model in MODELS:
        importlib.import_module(f"{__name__}.{model}")
