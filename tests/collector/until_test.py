#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""As many runs as it takes, and run times in two heaps: until_test.py COLLECTOR MODES_PROGRAM REPORT

The truth is how long the program sleeps; widths are worked out here, from the store's run times, with Student's
quantiles by integration."""
import json
import math
import os
import signal
import statistics
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

QUIET = ("--profile", "none", "--counters", "none", "--timeline", "none", "--cores", "1")


def student_quantile(p, freedom):
    """By Simpson's rule and bisection."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)

    def chance(t, steps=2000):
        h = t / steps
        def density(x):
            return scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2)
        return 0.5 + h / 3 * sum((1 if i in (0, steps) else 4 if i % 2 else 2) * density(i * h)
                                 for i in range(steps + 1))
    low, high = 0.0, 1000.0
    while high - low > 1e-7:
        middle = (low + high) / 2
        low, high = (middle, high) if chance(middle) < p else (low, middle)
    return low


class UntilTest(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        super().setUp()

    def run_until(self, aim, *options, times=("50", "50"), **more):
        return self.collect(*QUIET, "--until", aim, *options, "--program=" + self.programs["modes"],
                            workload=(*times, "{run}"), **more)

    def record(self, done):
        store = done.store()
        self.addCleanup(store.db.close)
        (text,), = store.rows("SELECT value FROM experiment WHERE key = 'until'")
        (planned,), = store.rows("SELECT value FROM experiment WHERE key = 'planned_runs'")
        record = json.loads(text)
        times = [t for t, in store.rows("SELECT runtime_ns FROM run WHERE counted ORDER BY id")]
        self.assertEqual(int(planned), len(store.runs()))
        return record, times

    def assert_width(self, look, level, times):
        n = look["runs"]
        t = student_quantile((1 + level) / 2, n - 1)
        width = t * statistics.stdev(times[:n]) / math.sqrt(n) / statistics.mean(times[:n])
        self.assertAlmostEqual(look["width"], width, delta=1e-4 * width)

    def said(self, text):
        return " ".join(text.split())


class Until(UntilTest):
    def test_a_steady_program_stops_at_the_first_look(self):
        done = self.run_until("25%")
        self.assertEqual(done.status, 0, done.stderr)
        record, times = self.record(done)
        self.assertEqual((record["ended"], record["least"], record["planned"][:3]), ("reached", 8, [8, 12, 18]))
        self.assertEqual(len(times), record["looks"][-1]["runs"])
        self.assertLessEqual(record["looks"][-1]["width"], 0.25)
        for look in record["looks"]:
            self.assert_width(look, record["level"], times)
        if not harness.crowded():
            self.assertEqual(len(times), 8, done.stderr)
        self.assertIn("every mean run time known to ±25 %, was reached", self.said(done.stdout))
        self.assertIn(": reached", done.stderr)

    def test_a_noisy_program_reaches_the_bound_which_is_said(self):
        done = self.run_until("2%", "--max-runs", "13", "--json", times=("20", "80"))
        self.assertEqual(done.status, 0, done.stderr)
        record, times = self.record(done)
        self.assertEqual(record["ended"], "runs")
        self.assertEqual([look["runs"] for look in record["looks"]], [8, 12, 13])
        self.assertEqual(len(times), 13)
        for look in record["looks"]:
            self.assert_width(look, record["level"], times)
            self.assertGreater(look["width"], 0.3)  # 20 or 80 ms: what the sleeps alone make is more
        document = json.loads(done.stdout)
        self.assertEqual(json.loads(document["experiment"]["until"]), record)
        self.assertIn("not reached within --max-runs", " ".join(json.dumps(document).split()))

    def test_time_is_a_bound_after_the_least_number_of_runs(self):
        done = self.run_until("1%", "--max-time", "1", "--repeat", "3", times=("20", "80"))
        self.assertEqual(done.status, 0, done.stderr)
        record, times = self.record(done)
        self.assertEqual(record["ended"], "time")
        self.assertGreaterEqual(len(times), 3)
        self.assertLess(len(times), 100)
        self.assertEqual(record["looks"][-1]["runs"], len(times))
        self.assertIn("not reached within --max-time", self.said(done.stdout))

    def test_a_comparison_may_be_named(self):
        done = self.run_until("40%:native@a/native@b", "--aa", "--repeat", "5")
        self.assertEqual(done.status, 0, done.stderr)
        record, _ = self.record(done)
        self.assertEqual((record["a"], record["b"], record["ended"]), ("native@a", "native@b", "reached"))
        self.assertEqual(record["looks"][0]["widest"], "native a over native b on 1 core")
        self.assertIn("the ratio of native@a to native@b known to ±40 %, was reached", self.said(done.stdout))

    def test_it_goes_on_where_it_was_cut_off(self):
        process = self.start(*QUIET, "--until", "2%", "--max-runs", "10", "--program=" + self.programs["modes"],
                             workload=("20", "80", "{run}"))
        harness.wait_for_runs(process.folder, 9, 60)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        self.traces.assert_nothing_left()
        done = self.collect(resume=process.folder, workload=None)
        self.assertEqual(done.status, 0, done.stderr)
        record, times = self.record(done)
        self.assertEqual([look["runs"] for look in record["looks"]], [8, 10])
        self.assertEqual((record["ended"], len(times)), ("runs", 10))
        again = self.collect(resume=process.folder, workload=None)  # finished: only the report
        self.assertEqual(again.status, 0, again.stderr)
        self.assertEqual(self.record(again), (record, times))

    def test_mistakes_are_one_line_each(self):
        for aim, words in (("0%", ["0%", "cannot be reached"]), ("-1", ["-1"]), ("101%", ["101%"]), ("x", ["'x'"]),
                           ("1%:native/osv", ["'osv'", "native"])):
            with self.subTest(aim=aim):
                self.assert_one_line(self.run_until(aim), 2, "--until", *words)
        self.assert_one_line(self.run_until("1%", "--max-runs", "5"), 2, "--max-runs 5", "--repeat 8")


class Modes(UntilTest):
    def test_two_sleeps_are_two_modes_with_their_cause(self):
        done = self.collect(*QUIET, "--repeat", "20", "--warmup", "0", "--json", "--program=" + self.programs["modes"],
                            workload=("50", "90", "{run}"))
        self.assertEqual(done.status, 0, done.stderr)
        explanation = json.loads(done.stdout)["explanation"]
        spread, = explanation["spread"]
        self.assertEqual([m["runs"] for m in spread["modes"]], [10, 10], done.stdout[-2000:])
        for mode, ms in zip(spread["modes"], (50, 90)):
            self.assertGreaterEqual(mode["low"], ms * 1e6)
            self.assertLess(mode["median"], (ms + 30) * 1e6)
        gap, = spread["mode_gaps"]
        self.assertAlmostEqual(gap["longer_ns"], 40e6, delta=15e6)
        self.assertEqual(gap["causes"][0]["state"], "blocked")
        self.assertAlmostEqual(gap["causes"][0]["value"], 40e6, delta=10e6)


if __name__ == "__main__":
    harness.main("modes", "report")
