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
SELECT m, n, k, epilogue, name, config, median_us, failure, MAX(trials.id)
FROM trials JOIN problems ON problem_id = problems.id JOIN configs ON config_id = configs.id
            JOIN devices ON device_id = devices.id
WHERE source = 'measured'
GROUP BY device_id, problem_id, config_id
ORDER BY n, k, m, epilogue, name, config
"""


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
    for *names, us, failure, _ in trials:
        rows.writerow([*names, "" if us is None else f"{us:.3f}", failure or ""])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
