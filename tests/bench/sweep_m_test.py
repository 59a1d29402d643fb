#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench/sweep_m.py on what bench prints of a few M, and scripts/sweep-m with a stand-in for ditune."""
import csv
import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
NARROW = "wgmma_s8:tile=64x64,stages=10,consumers=pingpong"
WIDE = "wgmma_s8:tile=128x256,stages=4"


def layer(m, us, config=WIDE):
    """A result, as `ditune bench --json` prints it."""
    return {"m": m, "n": 13824, "k": 4608, "epilogue": "default", "config": config, "arch": "sm_90",
            "device": "NVIDIA H100", "match": "exact", "source": "measured", "median_us": us,
            "tops": 2e-6 * m * 13824 * 4608 / us, "against": [],
            "rounds": [{"us": us, "sm_clock_mhz": 1980, "power_w": 400}]}


def wrong_layer(m):
    wrong = {key: value for key, value in layer(m, 1).items() if key in ("m", "n", "k", "epilogue", "config")}
    return {**wrong, "reason": "31 of 64 outputs differ"}


# Steps up are no breach, nor is a smaller time more than 128 rows away.
GOOD = [layer(1, 24.0, NARROW), layer(64, 24.1, NARROW), layer(65, 30.0), layer(128, 30.0), layer(129, 60.0),
        layer(258, 50.0)]


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


class Judge(Folder):
    def judge(self, results):
        (self.folder / "bench.json").write_text(results if isinstance(results, str) else json.dumps(results))
        program = [sys.executable, SOURCE / "bench" / "sweep_m.py"]
        paths = [self.folder / name for name in ("bench.json", "sweep.csv", "sweep.svg")]
        return subprocess.run(program + paths, capture_output=True, text=True, check=False)

    def test_good(self):
        run = self.judge(GOOD)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertEqual(len(run.stdout.splitlines()), 1)
        self.assertRegex(run.stdout, r"^holds: .*6 M from 1 to 258, 10 pairs; at worst 1\.000")

    def test_cliff(self):
        """M = 64 is 20% slower than 65; both are named, with their configs, and nobody else."""
        run = self.judge([layer(1, 24.0, NARROW), layer(65, 30.0), layer(64, 36.0, NARROW), layer(128, 30.5)])
        self.assertEqual(run.returncode, 1)
        cliff, rival, verdict = run.stdout.splitlines()
        self.assertEqual(cliff, f"1.200: M=64 36.00 us {NARROW}")
        self.assertEqual(rival.strip(), f"M=65 30.00 us {WIDE}")
        self.assertRegex(verdict, "^BROKEN: .*: 1 M are slower, 0 have no time")

    def test_edges(self):
        """1.10 x holds, 1.11 x does not; M + 128 counts, M + 129 does not."""
        self.assertEqual(self.judge([layer(100, 11.0), layer(228, 10.0)]).returncode, 0)
        self.assertEqual(self.judge([layer(100, 11.1), layer(228, 10.0)]).returncode, 1)
        self.assertEqual(self.judge([layer(100, 11.1), layer(229, 10.0)]).returncode, 0)

    def test_worst_first(self):
        run = self.judge([layer(1, 24.0), layer(2, 20.0), layer(300, 60.0), layer(301, 40.0)])
        named = [line[:12] for line in run.stdout.splitlines() if line.startswith("1")]
        self.assertEqual(named, ["1.500: M=300", "1.200: M=1 2"])

    def test_no_time(self):
        run = self.judge([*GOOD, wrong_layer(512)])
        self.assertEqual(run.returncode, 1)
        self.assertIn("M=512 has no time: 31 of 64 outputs differ", run.stdout)
        self.assertIn("BROKEN", run.stdout)

    def test_nothing_to_judge(self):
        other_layer = {**layer(2, 24.0), "n": 4608}
        for results in ("", "[]", [wrong_layer(1)], [layer(1, 24.0), other_layer]):
            run = self.judge(results)
            self.assertEqual((run.returncode, run.stdout), (2, ""))
            self.assertRegex(run.stderr, r"^sweep_m: error: .*\n$")

    def test_csv(self):
        self.judge(list(reversed(GOOD)))
        with open(self.folder / "sweep.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        self.assertEqual(rows[0], ["m", "n", "k", "us", "tops", "config"])
        self.assertEqual(rows[1], ["1", "13824", "4608", "24.000", "5.3", NARROW])
        self.assertEqual([row[0] for row in rows[1:]], ["1", "64", "65", "128", "129", "258"])

    def test_svg(self):
        """Well-formed; every M is a dot of all four panels, those that break the bound are red."""
        self.judge([*GOOD, layer(300, 56.0), layer(400, 50.0)])
        dots = list(xml.etree.ElementTree.parse(self.folder / "sweep.svg").iter("{http://www.w3.org/2000/svg}circle"))
        self.assertEqual(len(dots), 4 * 8)
        red = [dot for dot in dots if dot.get("stroke") == "#c8202f"]
        self.assertEqual({dot[0].text for dot in red}, {f"M=300 56.00 us {WIDE}"})


# Every layer takes 20 us, except as TIMES says.
STAND_IN = """#!{python}
import csv, json, os, sys
words = sys.argv[1:]
option = lambda name: words[words.index(name) + 1]
rows = list(csv.DictReader(open(option("--problems"))))
with open(os.environ["CALLS"], "a") as calls:
    print(words[0], len(rows), option("--trials") if "--trials" in words else "-", option("--db"), file=calls)
if words[0] == os.environ.get("FAILS"):
    sys.exit("ditune: error: it failed")
times = json.loads(os.environ["TIMES"])
if words[0] == "bench":
    print(json.dumps([{{**{{key: int(row[key]) for key in "mnk"}}, "epilogue": "default", "config": "c", "tops": 1,
                       "median_us": times.get(row["m"], 20)}} for row in rows]))
"""


class Sweep(Folder):
    def sweep(self, *layer_size, times=None, fails=""):
        program = self.folder / "cli" / "ditune"
        program.parent.mkdir(exist_ok=True)
        program.write_text(STAND_IN.format(python=sys.executable))
        environment = {**os.environ, "CALLS": str(self.folder / "calls"), "FAILS": fails,
                       "TIMES": json.dumps(times or {})}
        command = [SOURCE / "scripts" / "sweep-m", self.folder, self.folder / "out", *layer_size]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def test_good(self):
        run = self.sweep()
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertIn("holds: ", run.stdout)
        db = self.folder / "out" / "tuning.db"
        self.assertEqual((self.folder / "calls").read_text().splitlines(),
                         [f"tune 10 - {db}", f"tune 157 8 {db}", f"bench 157 - {db}"])
        with open(self.folder / "out" / "sweep_m.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual({(row["n"], row["k"]) for row in rows}, {("13824", "4608")})
        swept = [int(row["m"]) for row in rows]
        expected = {1, 2, 4, 8, 15, 16, 17, 24, 31, 32, 33, 48, 49, 63}
        for first, last, step in ((64, 1024, 64), (1024, 8192, 128)):
            for m in range(first, last + 1, step):
                expected |= {m, m + 1} - {8193}
        self.assertEqual(swept, sorted(expected))
        self.assertTrue((self.folder / "out" / "sweep_m.svg").exists())

    def test_another_layer(self):
        self.assertEqual(self.sweep("4608", "12288").returncode, 0)
        with open(self.folder / "out" / "problems.csv", encoding="utf-8", newline="") as file:
            tuned = list(csv.DictReader(file))
        self.assertEqual({(row["n"], row["k"]) for row in tuned}, {("4608", "12288")})
        order = [int(row["m"]) for row in tuned]
        self.assertEqual(order, sorted(order, reverse=True))

    def test_cliff(self):
        run = self.sweep(times={"256": 30})
        self.assertEqual(run.returncode, 1)
        self.assertIn("1.500: M=256 30.00 us c", run.stdout)

    def test_failed_step(self):
        """What failed is said, and no later success hides it."""
        run = self.sweep(fails="tune")
        self.assertEqual(run.returncode, 1)
        self.assertIn("ditune: error: it failed", run.stdout)
        self.assertIn("holds: ", run.stdout)
        run = self.sweep(fails="bench")
        self.assertEqual(run.returncode, 1)
        self.assertIn("bench.json is not JSON", run.stdout)

    def test_usage(self):
        self.assertEqual(self.sweep("4608").returncode, 2)


if __name__ == "__main__":
    unittest.main()
