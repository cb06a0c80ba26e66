#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What "report history" finds in series of builds whose changes are known: test_history.py REPORT SCHEMA"""
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from make_builds import Build  # noqa: E402

REPORT, SCHEMA = (os.path.abspath(a) for a in sys.argv[1:3])


class History(unittest.TestCase):
    def setUp(self):
        self.base = tempfile.mkdtemp(prefix="guestscope-history-")
        self.addCleanup(shutil.rmtree, self.base)

    def path(self, name):
        return os.path.join(self.base, name)

    def make(self, name, **truth):
        Build(**truth).make(SCHEMA, self.path(name))
        return name

    def run_history(self, *arguments):
        return subprocess.run([REPORT, "history", *arguments], capture_output=True, text=True, timeout=100, check=False, cwd=self.base)

    def history(self, *arguments):
        done = self.run_history("--json", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["history"]

    def refuses(self, status, pattern, *arguments):
        done = self.run_history(*arguments)
        self.assertEqual(done.returncode, status, done.stderr or done.stdout)
        self.assertEqual((done.stdout, done.stderr.count("\n")), ("", 1), done.stderr)
        self.assertRegex(done.stderr, pattern)

    def commits(self, shares, **truth):
        """Builds in order, each slower by its share."""
        return [self.make(f"c{i:02d}", seed=50 + i, slower=share, digest=str(i), **truth) for i, share in enumerate(shares)]

    def test_changes_are_found_and_their_cause_named(self):
        names = self.commits([0, 0, 0, 0.05, 0.05, 0.05, 0.02, 0.02], state="kernel", function="emit")
        series, = self.history(*names)
        up, down = series["changes"]
        self.assertEqual((up["point"], up["before"], down["point"], down["before"]), (3, 2, 6, 5))
        self.assertAlmostEqual(up["ratio"], 1.05, delta=0.01)
        self.assertAlmostEqual(down["ratio"], 1.02 / 1.05, delta=0.01)
        for change in (up, down):
            self.assertLess(change["p"], 0.05)
            self.assertEqual(change["function"]["name"], "emit")
            self.assertEqual(change["causes"][0]["state"], "kernel")
        self.assertGreater(up["function"]["ns"], 0)
        self.assertLess(down["function"]["ns"], 0)
        levels = [p["level"] for p in series["points"]]
        self.assertEqual(len(set(levels)), 3)
        self.assertEqual([p["label"] for p in series["points"]], names)
        text = self.run_history(*names).stdout
        self.assertRegex(text, r"c03: \+\d\.\d % from c02 on \(p = 0\.0\d+\)\. Of that are .* ms the host’s kernel \(futex\)")
        self.assertIn("The function that shrank most is emit", text)
        self.assertLessEqual(max(len(line) for line in text.split("\n") if line.startswith(("c0", "experiment")) and ":" not in line), 100)

    def test_builds_that_are_the_same_have_no_change(self):
        names = self.commits([0] * 8)
        self.assertEqual(self.history(*names)[0]["changes"], [])
        self.assertIn("No change is found.", self.run_history(*names).stdout)

    def test_small_changes_are_told_where_that_is_asked_for(self):
        names = self.commits([0, 0, 0, 0.006, 0.006, 0.006], spread=0.001)
        self.assertEqual(self.history(*names)[0]["changes"], [])
        change, = self.history("--change=0.5%", *names)[0]["changes"]
        self.assertEqual(change["point"], 3)

    def test_configurations_come_and_go_and_runs_fail(self):
        self.make("a", seed=1, guests=("native",))
        self.make("b", seed=2, guests=("native", "docker"))
        self.make("c", seed=3, guests=("native", "docker"), failed=[("native", 1, r) for r in range(8)])
        self.make("d", seed=4, slower=0.1, guests=("native", "docker"))
        native, docker = self.history("a", "b", "c", "d")
        self.assertEqual([p["runs"] for p in native["points"]], [8, 8, 0, 8])
        self.assertEqual([p["runs"] for p in docker["points"]], [0, 8, 8, 8])
        change, = native["changes"]
        self.assertEqual((change["point"], change["before"]), (3, 1))
        self.assertEqual([c["point"] for c in docker["changes"]], [3])

    def test_boot_and_metrics(self):
        for i in range(4):
            self.make(f"m{i}", seed=80 + i, boot_slower=0.3 if i > 1 else 0, metrics=(("rate", 100.0 - 20 * (i > 2), "higher"),))
        runtime, boot, rate = self.history("--metric=runtime,boot,rate", "m0", "m1", "m2", "m3")
        self.assertEqual([len(s["changes"]) for s in (runtime, boot, rate)], [0, 1, 1])
        self.assertEqual((boot["changes"][0]["point"], boot["changes"][0]["boot_step"]["name"]), (2, "program"))
        self.assertEqual((rate["changes"][0]["point"], rate["better"]), (3, "higher"))

    @unittest.skipUnless(shutil.which("gnuplot"), "no gnuplot")
    def test_the_figure_has_the_same_numbers(self):
        names = self.commits([0, 0, 0.05, 0.05], cores=(1, 2))
        os.rename(self.path("c01"), self.path("c01 $(x) '`\"quoted"))
        names[1] = "c01 $(x) '`\"quoted"
        series = self.history(*names)
        folder = self.path("c03/report/figures")
        self.assertEqual(sorted(os.listdir(folder)), ["history.csv", "history.gp", "history.pdf", "history.svg"])
        with open(folder + "/history.csv", encoding="utf-8", newline="") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual(len(rows), 8)
        for row, (s, p) in zip(rows, [(s, p) for s in series for p in s["points"]]):
            self.assertAlmostEqual(float(row["mean"]), p["mean"]["value"] / 1e9, places=8)
            self.assertAlmostEqual(float(row["level"]), 100 * p["level"] / s["points"][0]["level"], places=4)
        self.assertEqual(rows[1]["experiment"], "c01 ?(x) ????quoted".replace("????", "???"))

    def test_bad_input(self):
        self.make("a", seed=1)
        self.make("b", seed=2, guests=("docker",))
        self.make("c", seed=3, arguments=["work", "-n"])
        self.make("d", seed=4, failed="all")
        self.refuses(3, "no configuration has runs that ended well in two", "a", "b")
        self.refuses(3, "no configuration has runs that ended well in two", "a", "d")
        self.refuses(3, "program's arguments", "a", "c")
        self.refuses(2, "a is given twice", "a", "b", "a")
        self.refuses(2, "more than 0 and at most 100", "--change=0", "a", "c")
        self.refuses(2, 'no metric "x"', "--metric=x", "a", "c")
        self.assertEqual(self.run_history("a").returncode, 2)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
