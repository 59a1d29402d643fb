# SPDX-License-Identifier: Apache-2.0
"""What was found, as a table and as JSON."""

from __future__ import annotations

import importlib.metadata
import math
import statistics
from collections.abc import Sequence
from typing import Any

import torch

import ditune
from ditune.bench.kernels import Kernel
from ditune.bench.measure import Findings, Options, Row

VERSION = 1  # of the JSON. Names are added to it; another meaning of one is another version
_PACKAGES = ("diffusers", "torchao", "comfy-kitchen")
_GIB = 2**30


def _package(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _quartiles(values: list[float]) -> tuple[float, float, float]:
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _json_row(row: Row) -> dict[str, Any]:
    if not row.samples:
        return {"name": row.name, "reason": row.reason or "no step was timed"}
    low, median, high = _quartiles([sample.ms for sample in row.samples])
    hosts = [sample.host_ms for sample in row.samples if sample.host_ms is not None]
    steady = row.sustained
    return {
        "name": row.name,
        "median_ms": median,
        "low_quartile_ms": low,
        "high_quartile_ms": high,
        "ratio": row.ratio,
        "host_ms": statistics.median(hosts) if hosts else None,
        "first_call_s": row.first_s,
        "tune_s": row.tune_s,
        "peak_bytes": row.peak_bytes,
        "sustained_ms": steady.ms if steady else None,
        "watts": steady.watts if steady else None,
        "joules": steady.watts * steady.ms / 1000 if steady else None,
        "error": _finite(row.error),
        "psnr_db": _finite(row.psnr_db),
        "group": row.group,
        "operations": row.operations,
        "kernels": [kernel._asdict() for kernel in row.kernels] if row.kernels is not None else None,
        "samples_ms": [sample.ms for sample in row.samples],
    }


def as_json(name: str, options: Options, found: Findings) -> dict[str, Any]:
    device = torch.device(options.device)
    cuda = device.type == "cuda"
    return {
        "format": "ditune.bench",
        "version": VERSION,
        "gpu": torch.cuda.get_device_name(device) if cuda else None,
        "driver": found.driver,
        "cuda": torch.version.cuda,
        "torch": torch.__version__,
        "ditune": ditune.__version__,
        "packages": {package: _package(package) for package in _PACKAGES},
        "model": name,
        "parameters": found.parameters,
        "height": found.size.height,
        "width": found.size.width,
        "frames": found.size.frames,
        "tokens": found.tokens,
        "text_tokens": found.size.text,
        "options": {
            "layers": options.layers,
            "weights": "folder" if options.weights else "random",
            "mask": options.mask,
            "steps": options.steps,
            "rounds": options.rounds,
            "sustained_s": options.sustained,
            "tune": options.tune is not None,
        },
        "baseline": found.baseline,
        "groups": [[route.name for route in group.routes] for group in found.groups],
        "routes": [_json_row(row) for row in found.rows],
    }


# ---- The table

_COLUMNS = (
    "ROUTE",
    "MS",
    "QUARTILES",
    "RATIO",
    "HOST MS",
    "FIRST S",
    "PEAK GIB",
    "WATTS",
    "JOULES",
    "ERROR",
    "PSNR DB",
)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _cells(row: Row) -> list[str]:
    json = _json_row(row)
    if "reason" in json:
        return [row.name, json["reason"]]
    return [
        row.name,
        f"{json['median_ms']:.2f}",
        f"{json['low_quartile_ms']:.2f}-{json['high_quartile_ms']:.2f}",
        _number(row.ratio, ".3f"),
        _number(json["host_ms"], ".2f"),
        _number(row.first_s, ".2f"),
        _number(row.peak_bytes / _GIB if row.peak_bytes is not None else None, ".2f"),
        _number(json["watts"], ".0f"),
        _number(json["joules"], ".1f"),
        _number(row.error, ".5f"),
        "equal" if row.psnr_db == math.inf else _number(row.psnr_db, ".1f"),
    ]


def _notes(options: Options, found: Findings) -> list[str]:
    notes = []
    if found.baseline:
        notes.append(f"RATIO: milliseconds over those of {found.baseline}")
    together = [group for group in found.groups if not group.alone]
    if len(together) > 1:
        notes.append(
            f"not all fit into the GPU's memory together: {len(together)} groups one after the other, "
            f"each with {found.baseline or 'no baseline'}, with which it is compared"
        )
    for row in found.rows:
        if row.operations:
            matches = ", ".join(f"{count} {match}" for match, count in row.operations.most_common())
            notes.append(f"{row.name}: operations by their records: {matches}")
    for group in found.groups:
        if group.alone:
            notes.append(f"{group.routes[0].name} ran alone, for lack of memory: its ratio is not of the same rounds")
    return notes


_MOST_KERNELS = 20  # of a route in the table; JSON has all
_NAME_WIDTH = 100  # of a kernel; templates' names go on and on


def _all_of(kernels: Sequence[Kernel], name: str) -> Kernel:
    return Kernel(name, sum(each.launches for each in kernels), sum(each.ms for each in kernels))


def _kernel_lines(row: Row) -> list[str]:
    if not row.kernels:
        return []
    longest, rest = list(row.kernels[:_MOST_KERNELS]), row.kernels[_MOST_KERNELS:]
    if rest:
        longest.append(_all_of(rest, f"{len(rest)} others"))
    whole = _all_of(row.kernels, row.name)
    lines = ["", f"{whole.name}: {whole.ms:.2f} ms in {whole.launches} launches", f"{'MS':>10} {'N':>6}  KERNEL"]
    for name, launches, ms in longest:
        shown = name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 3]}..."
        lines.append(f"{ms:10.3f} {launches:6}  {shown}")
    return lines


def as_table(name: str, options: Options, found: Findings) -> str:
    device = torch.device(options.device)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"
    size = found.size
    extent = f"{size.width}x{size.height}" + (f", {size.frames} frames" if size.frames > 1 else "")
    parts = [f"{name}, {extent}: {found.tokens} + {size.text} tokens"]
    parts += [f"{found.parameters / 1e9:.1f} B parameters"] if found.parameters else []
    parts += [
        "weights of a folder" if options.weights else "random weights",
        f"on {where}",
        f"torch {torch.__version__}",
    ]
    rows = [list(_COLUMNS), *map(_cells, found.rows)]
    whole = [row for row in rows if len(row) == len(_COLUMNS)]
    widths = [max(len(row[column]) for row in whole) for column in range(len(_COLUMNS))]
    widths[0] = max(len(row[0]) for row in rows)
    lines = []
    for row in rows:
        cells = [f"{row[0]:{widths[0]}}"]
        cells += [f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=False)]
        lines.append("  ".join(cells if len(row) == len(_COLUMNS) else [cells[0], row[1]]))
    kernels = [line for row in found.rows for line in _kernel_lines(row)]
    return "\n".join([", ".join(parts), "", *lines, "", *_notes(options, found), *kernels]).rstrip()
