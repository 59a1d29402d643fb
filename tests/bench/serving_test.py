#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench/serving.py on what bench prints of a few M."""
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]


def layer(m, us, others_us):
    """A result, as `ditune bench --against winners --json` prints it."""
    peer = {"name": "other winners", "reason": "there is none"}
    if others_us:
        kernels = [{"config": f"{i}", "median_us": t} for i, t in enumerate(others_us)]
        peer = {"name": "other winners", "kernels": kernels}
    return {"m": m, "n": 4608, "k": 4608, "config": "served", "median_us": us, "against": [peer]}


class Serving(unittest.TestCase):
    def judge(self, layers):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "bench.json"
            path.write_text(layers if isinstance(layers, str) else json.dumps(layers), encoding="utf-8")
            command = [sys.executable, SOURCE / "bench" / "serving.py", path]
            return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_the_fastest_of_all_is_what_counts(self):
        found = self.judge([layer(1, 10, []), layer(2, 10, [20, 30]), layer(3, 11, [12, 10])])
        self.assertEqual(found.returncode, 0)
        self.assertIn("1.100: 3x4608x4608 served", found.stdout)
        self.assertIn("3 problems: median 1.000, worst 1.100, 0 without a time", found.stdout)

    def test_one_that_is_far_off_breaks_the_bound(self):
        self.assertEqual(self.judge([layer(1, 10, []), layer(2, 10, []), layer(3, 11.6, [10])]).returncode, 1)

    def test_a_median_that_is_off_breaks_the_bound(self):
        self.assertEqual(self.judge([layer(1, 10, []), layer(2, 10.6, [10]), layer(3, 10.6, [10])]).returncode, 1)

    def test_one_without_a_time_is_not_passed_over(self):
        found = self.judge([layer(1, 10, []), {"m": 2, "n": 4608, "k": 4608, "config": "served", "reason": "wrong"}])
        self.assertEqual(found.returncode, 1)
        self.assertIn("1 without a time", found.stdout)

    def test_nothing_to_judge_is_an_error(self):
        for nothing in ("", "[]"):
            found = self.judge(nothing)
            self.assertEqual(found.returncode, 2)
            self.assertTrue(found.stderr.startswith("serving: error: "))


if __name__ == "__main__":
    unittest.main()
