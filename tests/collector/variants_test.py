#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Variants, measured: variants_test.py COLLECTOR REPORT

The truth is made by a shell that counts to a number: who counts twice as far takes twice as long."""
import json
import os
import signal
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

COUNT = "i=0; while [ $i -lt $N ]; do i=$((i + 1)); done"
N = 120000


class VariantsTest(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        super().setUp()

    def summary(self, folder):
        done = subprocess.run([self.programs["report"], "--json", folder], capture_output=True, text=True, timeout=120,
                              check=True)
        return json.loads(done.stdout)

    def counting(self, *arguments, repeat=4):
        """A collector that measures a shell that counts to N, and as far twice."""
        return self.start("--repeat", str(repeat), "--warmup", "0", "--program", "sh",
                          "--variant", f"once=--env N={N} --", "--variant", f"twice=--env N={2 * N} --", *arguments, "--",
                          "-c", COUNT, workload=None)

    @harness.patiently
    def test_twice_the_work_takes_twice_as_long_and_is_named(self):
        done = self.finish(self.counting("--json"))
        self.assertEqual(done.status, 0, done.stderr)
        summary = self.summary(done.folder)
        self.assertEqual([c["name"] for c in summary["cells"]], ["native (once)", "native (twice)"])
        pair = summary["explanation"]["difference"][0]
        self.assertEqual((pair["a"]["variant"], pair["b"]["variant"]), ("twice", "once"))
        ratio = pair["runtime_ns"]["ratio"]
        self.assertGreater(ratio["high"], 1.9)
        self.assertLess(ratio["low"], 2.1)
        user = [next(s["ns"] for s in c["window"]["states"] if s["state"] == "user") for c in summary["cells"]]
        self.assertAlmostEqual(user[1] / user[0], 2, delta=0.25)  # whoever else ran meanwhile
        text = " ".join(f["text"] for f in summary["findings"])
        self.assertIn("native (twice) takes", text)
        self.assertIn("longer than native (once)", text)
        with done.store() as store:
            self.assertEqual({r["variant"] for r in store.runs()}, {"once", "twice"})
            for run in store.runs():
                self.assertIn("sh", run["command"])

    def test_an_interrupted_experiment_goes_on_with_them(self):
        process = self.counting(repeat=3)
        harness.wait_for_runs(process.folder, 2, 60)
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process).status, 130)
        done = self.finish(self.start(resume=process.folder))
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            runs = [(r["variant"], r["block"]) for r in store.runs()]
        self.assertEqual(sorted(runs), [(v, b) for v in ("once", "twice") for b in (1, 2, 3)])

    def test_schedules_of_mandelbrot_are_compared_within_each_stack(self):
        guests = [g for g in ("native", "bare") if g in harness.guests_available(self.collector, "native", "bare")]
        done = self.collect("--guest", ",".join(guests), "--cores", "2", "--repeat", "2", "--warmup", "0", "--variant",
                            "goroutine=", "--variant", "dynamic=-schedule dynamic")
        self.assertEqual(done.status, 0, done.stderr)
        pairs = {frozenset((d["a"]["name"], d["b"]["name"]))
                 for d in self.summary(done.folder)["explanation"]["difference"]}
        expected = {frozenset((f"{g} (goroutine)", f"{g} (dynamic)")) for g in guests}
        if len(guests) == 2:
            expected |= {frozenset((f"native ({v})", f"bare ({v})")) for v in ("goroutine", "dynamic")}
        self.assertEqual(pairs, expected)
        self.assertTrue(os.path.exists(done.folder + "/report/index.html"))

    def test_the_plan_shows_each_command_line(self):
        done = subprocess.run([self.collector, "--dry-run", "--guest", "native", "--cores", "1,2", "--repeat", "1",
                               "--variant", "a=-schedule thread", "--variant", "b=-height {cores}00"],
                              capture_output=True, text=True, timeout=60, check=True)
        lines = done.stdout.splitlines()
        found = {(line.split(", ")[2], line.split("variant ")[1].split(",")[0]): lines[i + 1]
                 for i, line in enumerate(lines) if line.startswith("run ")}
        self.assertEqual(len(found), 4)
        self.assertIn("-schedule thread", found["2 cores", "a"])
        self.assertIn("-height 200", found["2 cores", "b"])
        self.assertIn("-height 100", found["1 core", "b"])
        self.assertNotIn("-schedule", found["1 core", "b"])

    def test_a_mistake_is_one_line(self):
        for words, named in ((("x=--cores 2 --",), "--cores"), (("x=1", "x=2"), "twice"), (("x",), "NAME="),
                             (("x=--kernel /k --",), "--kernel")):
            arguments = [a for w in words for a in ("--variant", w)]
            self.assert_one_line(self.collect(*arguments, workload=None), 2, "--variant", named)


if __name__ == "__main__":
    harness.main("report")
