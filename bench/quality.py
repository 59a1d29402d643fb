#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What INT8 costs in quality: errors of layers and of steps, sensitivity of sites, and bit-equality. docs/quality.md

PYTHONPATH=python DITUNE_LIBRARY=build/dev/runtime/libditune.so DITUNE_PROGRAM=build/dev/cli/ditune bench/quality.py
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import quality_bits
import torch
from quality_kinds import KINDS
from quality_models import LEVELS, Size
from quality_study import METHODS, Subject, layer_errors, outliers, sensitivities, step_errors

SIZES = {
    "tiny": Size(heads=4, head=64, blocks=2, side=4, text=8),
    "small": Size(heads=8, head=64, blocks=4, side=8, text=16),
    "full": Size(heads=24, head=128, blocks=12, side=32, text=256),
}
PARTS = ("layers", "steps", "sites", "bits")

Results = dict[str, Any]  # by part, model, outlier level and name: a value for each seed


def parsed(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What INT8 costs in quality, on random models with outlier channels.")
    add = parser.add_argument
    add("--parts", nargs="+", choices=PARTS, default=PARTS)
    add("--models", nargs="+", choices=KINDS, default=["ideogram4", "flux1"])
    add("--folder", type=Path, help="a transformer's weights as diffusers saves them, in place of random ones")
    add("--levels", nargs="+", choices=LEVELS, default=["none", "strong"], help="of outliers")
    add("--size", choices=SIZES, default="small", help="width, blocks, tokens: tiny 256, 2, 24; small 512, 4, 80")
    add("--full", action="store_const", const="full", dest="size", help="--size full: 3072, 12, 1280. For a GPU")
    add("--blocks", type=int, help="in place of the size's")
    add("--carried", type=float, default=0.5, help="columns that read an outlier are divided by gain**CARRIED (0.5)")
    add("--seeds", type=int, default=3, help="models of each kind and level (3)")
    add("--steps", type=int, default=4, help="of Euler's method (4)")
    add("--rotate", type=int, default=256, help="Hadamard group where sites are compared (256)")
    add("--variants", type=int, default=4, help="kernels of each operation and GPU (4)")
    add("--device", default="cpu", help="cpu or cuda")
    add("--json", type=Path, help="a file for all numbers")
    return parser.parse_args(words)


def subjects(options: argparse.Namespace) -> Iterator[tuple[str, str, Callable[[int], Subject]]]:
    """Model, level, and the subject of a seed."""
    size, device = SIZES[options.size], options.device
    if options.blocks:
        size = size._replace(blocks=options.blocks)
    if options.folder:
        yield options.folder.name, "as it is", partial(loaded, options.folder, size, device)
        return
    for model in options.models:
        for name in options.levels:
            level = LEVELS[name]._replace(carried=options.carried)
            yield model, name, partial(Subject.random, KINDS[model], size, level, device)


def loaded(folder: Path, size: Size, device: str, seed: int) -> Subject:
    name = json.loads((folder / "config.json").read_text())["_class_name"]
    kind = next((kind for kind in KINDS.values() if kind.name == name), None)
    if kind is None:
        raise SystemExit(f"quality: error: {name} is not known (give one of {[kind.name for kind in KINDS.values()]})")
    model = getattr(diffusers, name).from_pretrained(folder, torch_dtype=torch.float32).eval().requires_grad_(False)
    torch.manual_seed(seed)
    return Subject(kind, model, size, torch.ones(model.get_submodule(kind.text).in_features), device)


def gathered(runs: list[Any]) -> Any:
    """A list of each number, in the form of one run."""
    first = runs[0]
    if hasattr(first, "_asdict"):
        return gathered([run._asdict() for run in runs])
    return {key: gathered([run[key] for run in runs]) for key in first} if isinstance(first, dict) else runs


def measured(part: str, subject: Subject, options: argparse.Namespace) -> Any:
    if part == "layers":
        return {"outliers": outliers(subject, options.steps), "errors": layer_errors(subject, options.steps)}
    if part == "steps":
        return step_errors(subject, options.steps)
    return sensitivities(subject, options.rotate)


def bits(options: argparse.Namespace) -> list[quality_bits.Equality]:
    found = [quality_bits.batches("cpu"), quality_bits.threads()]
    gpus = range(torch.cuda.device_count()) if options.device.startswith("cuda") else ()
    for gpu in gpus:
        found.append(quality_bits.batches(f"cuda:{gpu}"))
        found.append(quality_bits.against_cpu(f"cuda:{gpu}"))
    one_level = argparse.Namespace(**vars(options) | {"levels": options.levels[-1:]})  # any will do
    for _, _, make in subjects(one_level):
        found += quality_bits.models(make(0))
    for where in (None,) if gpus else quality_bits.EMULATED:
        found += quality_bits.variants(where, options.variants)
    return found


# Tables


def table(columns: Iterable[str], rows: Iterable[tuple[str, Iterable[str]]]) -> None:
    head = list(columns)
    print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for name, cells in rows:
        print(f"| {name} | {' | '.join(cells)} |")
    print(flush=True)


def shown(values: list[float], factor: float = 100, digits: int = 2) -> str:
    """Mean, and half of the range."""
    spread = (max(values) - min(values)) / 2 * factor
    return f"{statistics.mean(values) * factor:.{digits}f} ±{spread:.{digits}f}"


def show_layers(found: Any) -> None:
    methods = list(found["errors"])
    table(
        ["site", "largest channel / median", *methods],
        (
            (site, [shown(values, 1, 0), *(shown(found["errors"][method][site]) for method in methods)])
            for site, values in found["outliers"].items()
        ),
    )


def show_steps(found: Any) -> None:
    table(
        ["", "error of a step, %", "PSNR of the latents, dB"],
        ((method, [shown(found[method]["step"]), shown(found[method]["psnr"], 1, 1)]) for method in METHODS),
    )


def show_sites(found: Any) -> None:
    table(
        ["site", "INT8 alone, %", "all INT8 but it, %", "the default but for it, %", "share of the work, %"],
        (
            (site, [*(shown(each[name]) for name in ("alone", "without", "other")), f"{each['work'][0] * 100:.1f}"])
            for site, each in found.items()
        ),
    )


def show_bits(found: list[quality_bits.Equality]) -> None:
    table(["what", "compared", "equal", ""], ((row.what, map(str, row[1:])) for row in found))


SHOW = {"layers": show_layers, "steps": show_steps, "sites": show_sites}
TITLES = {
    "layers": "errors of layers, %",
    "steps": "errors of steps",
    "sites": "sensitivity of sites, rotate={rotate}",
}


def main(words: list[str] | None = None) -> Results:
    options = parsed(words)
    results: Results = {}
    for part in options.parts:
        if part == "bits":
            print("### bit-equality\n")
            show_bits(results.setdefault("bits", bits(options)))
            continue
        for model, level, make in subjects(options):
            print(f"### {model}, outliers: {level}: {TITLES[part].format(rotate=options.rotate)}\n")
            found = gathered([measured(part, make(seed), options) for seed in range(options.seeds)])
            SHOW[part](found)
            results.setdefault(part, {}).setdefault(model, {})[level] = found
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return results


if __name__ == "__main__":
    logging.getLogger("ditune").setLevel(logging.ERROR)  # kernels that are not tuned are no news here
    main()
