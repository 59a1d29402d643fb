#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What was measured in a tuning database, as a table that replays and the cost model's checks read.

  bench/record_table.py DATABASE > TABLE.csv

A line for each problem and config, with its latest measurement: of configs that reached the final that is the longer
look. `us` is empty where the config failed, `failure` says why.
"""
import contextlib
import csv
import pathlib
import sqlite3
import sys

COLUMNS = ["m", "n", "k", "epilogue", "device", "config", "us", "failure"]
TRIALS = """
SELECT rows, layer, name, config, median_us, failure, MAX(trials.id)
FROM trials JOIN operations ON operation_id = operations.id JOIN configs ON config_id = configs.id
            JOIN devices ON device_id = devices.id
WHERE source = 'measured' AND kind = 'gemm_s8' AND regime = 'burst'
GROUP BY device_id, operation_id, config_id
"""


def table_row(trial):
    rows, layer, name, config, us, failure, _ = trial
    n, k, *epilogue = layer.split(",")  # n=13824,k=4608,bias=bf16
    time = "" if us is None else f"{us:.3f}"
    sizes = [rows, int(n.removeprefix("n=")), int(k.removeprefix("k="))]
    return [*sizes, ",".join(epilogue) or "default", name, config, time, failure or ""]


def by_layer(row):
    m, n, k, *names = row
    return n, k, m, names


def main(arguments):
    if len(arguments) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        database = sqlite3.connect(pathlib.Path(arguments[1]).resolve().as_uri() + "?mode=ro", uri=True)
        with contextlib.closing(database):
            trials = database.execute(TRIALS).fetchall()
    except sqlite3.Error as error:
        print(f"error: {arguments[1]}: {error}", file=sys.stderr)
        return 1
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows(sorted(map(table_row, trials), key=by_layer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
