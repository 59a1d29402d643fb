#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is there an M at which a layer is slower than at a larger one? Judges what `ditune bench --json` says of many M.

  bench/sweep_m.py BENCH.json OUT.csv OUT.svg

Writes the sweep as data and as a plot. The bound: t(M) <= 1.10 x t(M') for all M <= M' <= M + 128; whoever has M rows
could pad them to M'. Names every M that breaks it, beside the M' that is fastest. Exits 0 if the bound holds; 1 if it
does not, or if an M has no time; 2 if there is nothing to judge.
"""
import csv
import json
import math
import sys
from html import escape

BOUND = 1.10
SPAN = 128
SMALL_M = 512  # the plot's left half shows M up to here
INK, PALE, GOOD, BAD = "#333", "#ddd", "#1f6fb2", "#c8202f"


def read_layers(path):
    """What bench says of each M, in the order of M."""
    with open(path, encoding="utf-8") as file:
        try:
            layers = json.load(file)
        except ValueError as error:
            raise ValueError(f"{path} is not JSON: {error}") from error
    if not layers:
        raise ValueError(f"{path} has no results")
    if len({(layer["n"], layer["k"], layer["epilogue"]) for layer in layers}) > 1:
        raise ValueError(f"{path} has more than one n, k or epilogue")
    return sorted(layers, key=lambda layer: layer["m"])


def larger_ones(timed, layer):
    return [other for other in timed if layer["m"] <= other["m"] <= layer["m"] + SPAN]


def judge(timed):
    """For each M its time over that of the fastest M' up to M + SPAN, M itself included, and that M'."""
    for layer in timed:
        layer["rival"] = min(larger_ones(timed, layer), key=lambda other: other["median_us"])
        layer["ratio"] = layer["median_us"] / layer["rival"]["median_us"]
        layer["broken"] = layer["ratio"] > BOUND


def write_csv(path, timed):
    with open(path, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["m", "n", "k", "us", "tops", "config"])
        for layer in timed:
            numbers = [f"{layer['median_us']:.3f}", f"{layer['tops']:.1f}"]
            rows.writerow([layer["m"], layer["n"], layer["k"], *numbers, layer["config"]])


def describe(layer):
    return f"M={layer['m']} {layer['median_us']:.2f} us {layer['config']}"


def report(timed, untimed):
    """Prints what is wrong, the worst first, and a verdict; returns whether the bound holds everywhere."""
    for layer in untimed:
        print(f"M={layer['m']} has no time: {layer.get('reason', 'bench gives none')} ({layer['config']})")
    broken = sorted((layer for layer in timed if layer["broken"]), key=lambda layer: -layer["ratio"])
    for layer in broken:
        print(f"{layer['ratio']:.3f}: {describe(layer)}\n       {describe(layer['rival'])}")
    pairs = sum(len(larger_ones(timed, layer)) - 1 for layer in timed)
    bound = f"t(M) <= {BOUND:.2f} x t(M') for M <= M' <= M+{SPAN}"
    tally = f"{len(timed)} M from {timed[0]['m']} to {timed[-1]['m']}, {pairs} pairs"
    holds = not broken and not untimed
    if holds:
        worst = max(timed, key=lambda layer: layer["ratio"])
        print(f"holds: {bound} ({tally}; at worst {worst['ratio']:.3f}, M={worst['m']} to M'={worst['rival']['m']})")
    else:
        print(f"BROKEN: {bound}: {len(broken)} M are slower, {len(untimed)} have no time ({tally})")
    return holds


def ticks(low, high):
    """Round numbers, four to ten of them, from low to high."""
    step = 10.0 ** math.floor(math.log10((high - low) / 2))
    step = next(step * factor for factor in (0.5, 1, 2, 5) if (high - low) / (step * factor) <= 10)
    return [step * i for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def text(x, y, words, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(words)}</text>'


def line(x1, y1, x2, y2, colour):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def panel(left, top, layers, x_high, y_low, y_high, value, y_label, limit=None):
    """A grid, `value` of each layer over M as dots that a line joins, and a line across at `limit`."""
    width, height = 560, 260
    bottom = top + height

    def at(m, y):
        return left + width * m / x_high, bottom - height * (y - y_low) / (y_high - y_low)

    parts = []
    for tick in ticks(0, x_high):
        x, _ = at(tick, y_low)
        parts += [line(x, top, x, bottom, PALE), text(x, bottom + 18, f"{tick:g}")]
    for tick in ticks(y_low, y_high):
        _, y = at(0, tick)
        parts += [line(left, y, left + width, y, PALE), text(left - 8, y + 4, f"{tick:g}", "end")]
    if limit:
        _, y = at(0, limit)
        parts.append(line(left, y, left + width, y, BAD))
    points = [at(layer["m"], value(layer)) for layer in layers]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts.append(f'<polyline points="{path}" fill="none" stroke="{GOOD}" stroke-opacity="0.5"/>')
    previous = None
    for layer, (x, y) in zip(layers, points, strict=False):
        colour = BAD if layer["broken"] else GOOD
        fill = colour if layer["config"] == previous else "white"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{fill}" stroke="{colour}">'
                     f"<title>{escape(describe(layer))}</title></circle>")
        previous = layer["config"]
    parts += [line(left, bottom, left + width, bottom, INK), line(left, top, left, bottom, INK),
              text(left + width / 2, bottom + 38, "M, rows"),
              text(0, 0, y_label, more=f'transform="translate({left - 50},{top + height / 2}) rotate(-90)"')]
    return parts


def write_svg(path, timed):
    """Left the small M, right all of them; above the times, below what the bound is about."""
    ratio_high = max(1.2, 1.05 * max(layer["ratio"] for layer in timed))
    few = [layer for layer in timed if layer["m"] <= SMALL_M] or timed
    first = timed[0]
    title = f"Mx{first['n']}x{first['k']}, epilogue {first['epilogue']}, {first.get('device', '')}"
    legend = f"ring: another winner than at the M before; red: over {BOUND:.2f} x the fastest M' up to M+{SPAN}"
    parts = [text(640, 28, title, more='font-size="16"'), text(640, 50, legend)]
    for left, layers in ((70, few), (700, timed)):
        x_high = max(layer["m"] for layer in layers)
        us_high = 1.05 * max(layer["median_us"] for layer in layers)
        parts += panel(left, 75, layers, x_high, 0, us_high, lambda layer: layer["median_us"],
                       "time of a launch, microseconds")
        parts += panel(left, 415, layers, x_high, 1, ratio_high, lambda layer: layer["ratio"],
                       f"t(M) / min t(M'), M' to M+{SPAN}", BOUND)
    with open(path, "w", encoding="utf-8") as file:
        file.write('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1280 730" font-family="sans-serif" '
                   f'font-size="12" fill="{INK}">\n<rect width="1280" height="730" fill="white"/>\n')
        file.write("\n".join(parts) + "\n</svg>\n")


def main(arguments):
    if len(arguments) != 3:
        print("usage: bench/sweep_m.py BENCH.json OUT.csv OUT.svg", file=sys.stderr)
        return 2
    source, csv_path, svg_path = arguments
    try:
        layers = read_layers(source)
        timed = [layer for layer in layers if "median_us" in layer]
        if not timed:
            raise ValueError(f"{source} has no times")
        judge(timed)
        write_csv(csv_path, timed)
        write_svg(svg_path, timed)
    except (OSError, ValueError) as error:
        print(f"sweep_m: error: {error}", file=sys.stderr)
        return 2
    return 0 if report(timed, [layer for layer in layers if "median_us" not in layer]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
