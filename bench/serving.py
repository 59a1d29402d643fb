#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is what lookup serves at M that nobody tuned the best of what is stored?

Judges what `ditune bench --against winners --json` says.

  bench/serving.py BENCH.json

Prints how much longer the served kernel takes than the fastest winner of the layer, in the median and at worst, and
every M at which it is more than 5%. The bound: 5% in the median, 15% at worst. Exits 0 if it holds, 1 if it does not, 2
if there is nothing to judge.
"""
import json
import statistics
import sys

MEDIAN, WORST = 1.05, 1.15


def excess(layer):
    """The served kernel's time over the fastest winner's, 1 where it is the fastest; None where it has no time."""
    if "median_us" not in layer:
        return None
    others = [kernel["median_us"] for peer in layer["against"] for kernel in peer.get("kernels", [])]
    return layer["median_us"] / min([*others, layer["median_us"]])


def main(arguments):
    if len(arguments) != 1:
        print("usage: bench/serving.py BENCH.json", file=sys.stderr)
        return 2
    try:
        with open(arguments[0], encoding="utf-8") as file:
            layers = json.load(file)
    except (OSError, ValueError) as error:
        print(f"serving: error: {error}", file=sys.stderr)
        return 2
    judged = [(ratio, layer) for ratio, layer in ((excess(layer), layer) for layer in layers) if ratio is not None]
    if not judged:
        print(f"serving: error: {arguments[0]} has no times", file=sys.stderr)
        return 2
    for ratio, layer in sorted(judged, key=lambda one: -one[0]):
        if ratio > MEDIAN:
            print(f"{ratio:.3f}: {layer['m']}x{layer['n']}x{layer['k']} {layer['config']}")
    ratios = [ratio for ratio, _ in judged]
    median, worst, untimed = statistics.median(ratios), max(ratios), len(layers) - len(judged)
    print(f"{len(ratios)} problems: median {median:.3f}, worst {worst:.3f}, {untimed} without a time")
    return 0 if median <= MEDIAN and worst <= WORST and not untimed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
