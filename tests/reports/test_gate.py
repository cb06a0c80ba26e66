#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What "report gate" decides of builds whose slow-down is known: test_gate.py REPORT SCHEMA"""
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from make_builds import Build  # noqa: E402

REPORT, SCHEMA = (os.path.abspath(a) for a in sys.argv[1:3])


class Gate(unittest.TestCase):
    def setUp(self):
        self.base = tempfile.mkdtemp(prefix="guestscope-gate-")
        self.addCleanup(shutil.rmtree, self.base)

    def path(self, name):
        return os.path.join(self.base, name)

    def make(self, name, **truth):
        return Build(**truth).make(SCHEMA, self.path(name))

    def run_gate(self, *arguments):
        return subprocess.run([REPORT, "gate", *arguments], capture_output=True, text=True, timeout=60, check=False, cwd=self.base)

    def gate(self, status, *arguments):
        done = self.run_gate("--json", *arguments)
        self.assertEqual(done.returncode, status, done.stderr or done.stdout)
        document = json.loads(done.stdout)
        self.assertEqual(document["passed"], status == 0)
        return document

    def refuses(self, status, pattern, *arguments):
        done = self.run_gate(*arguments)
        self.assertEqual(done.returncode, status, done.stderr or done.stdout)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertRegex(done.stderr, pattern)

    def test_injected_slow_downs_are_found_and_their_cause_named(self):
        """1 % against a bound of 0.3 %, 2 % against 1 %, 5 % against 2 %: each in another place."""
        self.make("base", seed=1, spread=0.003, runs=12)
        cases = ((0.01, "0.3%", "user", "hash_block"), (0.02, "1%", "kernel", "emit"), (0.05, "2%", "blocked", "pthread_cond_wait"))
        for seed, (share, bound, state, function) in enumerate(cases, start=2):
            with self.subTest(share=share):
                name = self.make(f"b{share}", seed=seed, spread=0.003, runs=12, slower=share, state=state, function=function, digest="bb")
                row, = self.gate(1, "base", name, "--slower", bound)["comparisons"]
                self.assertEqual(row["verdict"], "slower")
                self.assertAlmostEqual(row["ratio"]["value"], 1 + share, delta=0.005)
                self.assertGreater(row["ratio"]["low"], 1 + float(bound[:-1]) / 100)
                self.assertEqual(row["function"]["name"], function)
                self.assertAlmostEqual(row["function"]["ns"], 60e6 * share, delta=60e6 * 0.005)
                self.assertEqual(row["causes"][0]["state"], state)
                text = self.run_gate("base", name, "--slower", bound).stdout
                words = {"user": "the program’s own code", "kernel": "the host’s kernel (futex)", "blocked": "blocked (futex)"}[state]
                self.assertIn(f" ms {words}", text)
                self.assertIn(f"The function that grew most is {function}", text)

    def test_the_numbers_are_those_of_the_runs(self):
        self.make("a", seed=3)
        self.make("b", seed=4, slower=0.05)
        row, = self.gate(1, "a", "b", "--slower", "2%")["comparisons"]
        for side in ("a", "b"):
            with sqlite3.connect(self.path(f"{side}/experiment.db")) as db:
                values = [v for v, in db.execute("SELECT runtime_ns FROM run")]
            self.assertAlmostEqual(row[side + "_mean"], statistics.fmean(values) / 1e9, places=12)
            self.assertEqual(row[side + "_runs"], len(values))

    def test_another_build_that_is_no_slower_is_shown_to_be_so(self):
        self.make("a", seed=5)
        self.make("b", seed=6, digest="bb")
        document = self.gate(0, "a", "b", "--slower", "3%", "--strict")
        self.assertEqual((document["status"], document["not_slower"]), ("passed", 1))
        self.assertIn("shown to be no more than 3 % slower", document["text"])
        # what is faster is not slower
        self.make("c", seed=7, slower=-0.1)
        self.gate(0, "a", "c", "--slower", "0.1%", "--strict")

    def test_what_is_not_decided_passes_unless_strict(self):
        self.make("a", seed=8, runs=3, spread=0.05)
        self.make("b", seed=9, runs=3, spread=0.05)
        document = self.gate(0, "a", "b", "--slower", "1")
        self.assertEqual((document["status"], document["undecided"]), ("passed, but undecided", 1))
        self.assertRegex(document["text"], r"it takes about \d\d+ of each")
        self.gate(1, "a", "b", "--slower", "1", "--strict")
        self.make("one", seed=9, runs=1)
        self.assertEqual(self.gate(0, "one", "b", "--slower", "1")["comparisons"][0]["verdict"], "undecided")

    def test_a_family_of_configurations_is_corrected(self):
        self.make("a", seed=10, cores=(1, 2), guests=("native", "docker"))
        self.make("b", seed=11, cores=(1, 2), guests=("native", "docker"))
        rows = self.gate(0, "a", "b", "--slower", "2%")["comparisons"]
        self.assertEqual([(r["stack"], r["cores"]) for r in rows], [("native", 1), ("docker", 1), ("native", 2), ("docker", 2)])
        for which in ("p_slower", "p_not_slower"):
            least = 0
            for place, row in enumerate(sorted(rows, key=lambda r: r[which])):
                least = max(least, min(1, (4 - place) * row[which]))
                self.assertAlmostEqual(row[which + "_holm"], least, places=12)
        alone, = self.gate(0, "a:native:1", "b:native:1", "--slower", "2%")["comparisons"]
        self.assertEqual(alone["p_slower_holm"], alone["p_slower"])

    def test_boot_time_and_its_step(self):
        self.make("a", seed=12)
        self.make("b", seed=13, boot_slower=0.2, step="process start")
        self.gate(0, "a", "b", "--slower", "2%")
        document = self.gate(1, "a", "b", "--slower", "2%", "--metric", "runtime,boot")
        boot = [r for r in document["comparisons"] if r["what"] == "boot"][0]
        self.assertEqual(boot["boot_step"]["name"], "process start")
        self.assertIn("The step that grew most is process start", document["text"])

    def test_CPU_time_is_what_the_lanes_were_on_a_CPU(self):
        """What is blocked longer is slower, and takes no more CPU time."""
        self.make("a", seed=40, cores=(2,))
        self.make("waits", seed=41, cores=(2,), slower=0.2, state="blocked")
        self.make("works", seed=42, cores=(2,), slower=0.2, state="kernel", function="emit")
        self.gate(1, "a", "waits", "--slower", "2%")
        row, = self.gate(0, "a", "waits", "--slower", "2%", "--metric", "cpu")["comparisons"]
        with sqlite3.connect(self.path("a/experiment.db")) as db:
            cpu, = db.execute("SELECT sum(ns) / 8.0 / 1e9 FROM account WHERE state IN ('user', 'kernel')").fetchone()
        self.assertAlmostEqual(row["a_mean"], cpu, places=9)
        row, = self.gate(1, "a", "works", "--slower", "2%", "--metric", "cpu")["comparisons"]
        self.assertEqual(row["function"]["name"], "emit")

    def test_metrics_by_their_direction(self):
        self.make("a", seed=14, metrics=(("rate", 100.0, "higher"), ("latency", 5.0, "lower"), ("count", 3.0, None)))
        self.make("less", seed=15, metrics=(("rate", 90.0, "higher"), ("latency", 4.0, "lower"), ("count", 9.0, None)))
        document = self.gate(1, "a", "less", "--slower", "2%", "--metric", "rate,latency")
        rate, latency = document["comparisons"]
        # A tenth less, which takes 11 % longer.
        self.assertRegex(document["text"], r"rate is lower by (9|10)\.\d %, at least [89]\.\d %")
        self.assertEqual((rate["verdict"], rate["better"], latency["verdict"]), ("slower", "higher", "not slower"))
        self.assertAlmostEqual(rate["ratio"]["value"], 100 / 90, delta=0.02)
        self.gate(0, "less", "a", "--slower", "2%", "--metric", "rate")
        self.refuses(2, 'the metric "count" says not what is better', "a", "less", "--slower", "2%", "--metric", "count")
        self.refuses(2, 'A has no metric "none"', "a", "less", "--slower", "2%", "--metric", "none")
        self.refuses(2, 'A has no metric ""', "a", "less", "--slower", "2%", "--metric", "rate,")

    def test_failed_runs_are_told_and_decide_nothing(self):
        self.make("a", seed=16)
        self.make("some", seed=17, failed=[("native", 1, 2), ("native", 1, 3)])
        document = self.gate(0, "a", "some", "--slower", "5%")
        self.assertEqual((document["failed_runs"], document["comparisons"][0]["b_runs"]), (2, 6))
        self.assertIn("2 runs of B failed", document["text"])
        self.gate(1, "a", "some", "--slower", "5%", "--strict")
        self.make("all", seed=18, failed="all")
        self.refuses(3, "no decision: all 8 runs of native on 1 core in all failed", "a", "all", "--slower", "5%")
        self.refuses(3, "no decision: all 8 runs of native on 1 core in all failed", "all", "a", "--slower", "5%")
        self.refuses(3, "no decision: all 8 runs of native on 1 core in all failed", "a:native", "all:native", "--slower", "5%")
        # one configuration of several
        self.make("two", seed=19, cores=(1, 2))
        self.make("half", seed=20, cores=(1, 2), failed=[("native", 2, r) for r in range(8)])
        self.refuses(3, "all 8 runs of native on 2 cores in half failed", "two", "half", "--slower", "5%")

    def test_bad_input(self):
        self.make("a", seed=21)
        self.make("b", seed=22)
        self.make("docker", seed=23, guests=("docker",))
        self.make("other", seed=24, arguments=["work", "-n", "7"])
        self.refuses(3, "nothing to compare: A has native:1; B has docker:1", "a", "docker", "--slower", "2%")
        self.refuses(3, "program's arguments were .*: --force", "a", "other", "--slower", "2%")
        self.gate(0, "a", "other", "--slower", "5%", "--force")
        self.refuses(2, "A and B are the same", "a", "a", "--slower", "2%")
        self.refuses(3, "cannot open none", "a", "none", "--slower", "2%")
        for bound in ("0", "0%", "-1", "100.1", "1000%"):
            self.refuses(2, "more than 0 and at most 100 percent", "a", "b", f"--slower={bound}")
        for bound in ("", "x", "2%%", "%", "nan", "inf", "1e1", "0x2"):
            self.refuses(2, "a number of percent is needed", "a", "b", f"--slower={bound}")
        self.refuses(2, "how much slower may B be", "a", "b")

    def test_two_variants_of_one_experiment(self):
        self.make("both", seed=32, variants=(("base", 0), ("again", 0), ("new", 0.06)))
        row, = self.gate(1, "both:base", ":new", "--slower", "2%")["comparisons"]
        self.assertEqual((row["stack"], row["function"]["name"]), ("native (new)", "hash_block"))
        self.gate(0, "both:base", ":again", "--slower", "2%")

    def test_what_is_not_compared_is_told(self):
        self.make("a", seed=30, guests=("native", "docker"))
        self.make("b", seed=31, cores=(1, 2))
        document = self.gate(0, "a", "b", "--slower", "5%")
        self.assertEqual(document["only_a"], [{"stack": "docker", "cores": 1}])
        self.assertEqual(document["only_b"], [{"stack": "native", "cores": 2}])
        text = self.run_gate("a", "b", "--slower", "5%").stdout
        self.assertIn("Not compared, as B has it not: docker:1\nNot compared, as A has it not: native:2\n", text)
        self.assertEqual(self.gate(0, "a:native:1", "b:native:1", "--slower", "5%")["only_b"], [])

    def test_a_folder_may_have_any_name(self):
        name = os.fsdecode(b"b\xff\x1b[31m")
        self.make("a", seed=28)
        self.make(name, seed=29)
        self.assertEqual(self.gate(0, "a", name, "--slower", "5%")["b"], "b\ufffd\ufffd[31m")
        self.assertNotIn("\x1b", self.run_gate("a", name, "--slower", "5%").stdout)

    def test_two_stacks_of_one_experiment(self):
        self.make("a", seed=25, guests=("native", "docker"))
        row, = self.gate(0, "a:native", ":docker", "--slower", "3%")["comparisons"]
        self.assertEqual(row["stack"], "docker")

    def test_the_terminal_is_narrow(self):
        self.make("a", seed=26)
        self.make("b", seed=27, slower=0.1)
        done = self.run_gate("a", "b", "--slower", "2%")
        self.assertEqual(done.returncode, 1)
        table, paragraph = done.stdout.rsplit("\n\n", 1)
        self.assertLessEqual(max(map(len, table.split("\n"))), 100)
        self.assertEqual(paragraph.count("\n"), 1)
        self.assertFalse(os.path.exists(self.path("b/report")))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
