#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The workload noise in every stack: noise_test.py COLLECTOR [CLASS]"""
import csv
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

STACKS = ("native", "linux-minimal", "osv", "bare")
QUANTILES = {"p50": .5, "p90": .9, "p99": .99, "p99.9": .999, "p99.99": .9999}


COMPETITOR = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
at = time.monotonic()
while True:
    at += float(sys.argv[2])
    time.sleep(max(0, at - time.monotonic()))
    end = time.thread_time() + 0.001
    while time.thread_time() < end:
        pass
"""


def numbers_in(data):
    """Numbers in base 128, as docs/database.md has them."""
    found, number, shift = [], 0, 0
    for byte in data:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            found.append(number)
            number = shift = 0
    return found


class NoiseTest(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        super().setUp()

    def collected(self, stacks, scenario, cores=1):
        done = self.collect("--guest", ",".join(stacks), "--cores", str(cores), "--repeat", "1", "--scenario",
                            scenario, "--timeline", "none", workload=None)
        self.assertEqual(done.status, 0, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        self.assert_measured(store)
        return store, done

    def check_run(self, store, run, kernel):
        """Distributions are whole, and the metrics are their quantiles."""
        heads = store.rows("SELECT * FROM distribution WHERE run = ? ORDER BY worker", run["id"])
        self.assertEqual([h["worker"] for h in heads], list(range(run["cores"])), run["guest"])
        for h in heads:
            self.assertEqual(h["kernel"], kernel)
            total, = store.rows("SELECT sum(n) AS n, min(low_ns) AS low, max(high_ns) AS high FROM distribution_bucket"
                                " WHERE run = ? AND worker = ?", run["id"], h["worker"])
            self.assertEqual(total["n"], h["n"] or None)
            self.assertLessEqual(total["low"], h["min_ns"])
            self.assertGreaterEqual(total["high"], h["max_ns"])
        phases = store.phases(run["id"])
        for value in store.rows("SELECT * FROM distribution_largest WHERE run = ?", run["id"]):
            # Both clocks are tied by the first marker, which comes late over a console.
            self.assertGreater(value["at_ns"], phases["measure"][0] - 500_000_000)
            self.assertLess(value["at_ns"], phases["measure"][1] + 500_000_000)
        metrics = {m["name"]: m["value"] for m in store.rows("SELECT * FROM metric WHERE run = ?", run["id"])}
        buckets = store.rows("SELECT high_ns, sum(n) AS n FROM distribution_bucket WHERE run = ? GROUP BY 1 ORDER BY 1",
                             run["id"])
        n, most = sum(b["n"] for b in buckets), max(h["max_ns"] for h in heads)
        for name, share in QUANTILES.items():
            seen = 0
            for b in buckets:
                seen += b["n"]
                if seen >= share * n - 1e-6:
                    self.assertAlmostEqual(metrics[f"{kernel} {name} us"], min(b["high_ns"], most) / 1e3, places=3)
                    break
        self.assertAlmostEqual(metrics[f"{kernel} max us"], most / 1e3, places=3)
        print("  " + run["guest"], {name: round(value, 3) for name, value in metrics.items()}, flush=True)
        return heads


class Stacks(NoiseTest):
    def test_fixed_work_in_both_programs(self):
        """What runs natively runs in the others, too, but for bare, which has one of its own."""
        stacks = ("native", "bare")
        if not harness.guests_available(self.collector, *stacks):
            harness.skip("not all of the stacks can run here: collector --doctor says why")
        store, done = self.collected(stacks, "noise-fwq")
        self.assertEqual(sorted(run["guest"] for run in store.runs()), sorted(stacks))
        for run in store.runs():
            heads = self.check_run(store, run, "fwq")
            self.assertEqual([(h["n"], h["quantum_ns"], h["threshold_ns"]) for h in heads], [(5000, 1_000_000, None)])
            self.assertEqual(run["scenario"], "noise-fwq")
        self.assertIn("fwq p99", harness.read_file(done.folder + "/report/index.html"))

    def test_the_series_of_fixed_time_is_kept_in_every_stack(self):
        if not harness.guests_available(self.collector, *STACKS):
            harness.skip("not all of the stacks can run here: collector --doctor says why")
        store, _ = self.collected(STACKS, "noise-ftq")
        host_tick = int(store.rows("SELECT value FROM experiment WHERE key = 'tick_ns'")[0]["value"])
        for run in store.runs():
            head, = self.check_run(store, run, "ftq")
            series, = store.rows("SELECT * FROM distribution_series WHERE run = ?", run["id"])
            self.assertEqual((series["n"], series["total"], series["step_ns"]), (5000, 5000, 1_000_000))
            values = numbers_in(series["data"])
            self.assertEqual((len(values), sum(values), max(values)), (5000, head["sum_ns"], head["max_ns"]))
            begin, end = store.phases(run["id"])["measure"]
            self.assertGreater(series["begin_ns"], begin - 500_000_000)
            self.assertLess(series["begin_ns"], end)
            # Native programs are under the host's tick, Linux guests under one of their own, the others under none.
            if run["guest"] == "native":
                self.assertEqual(series["tick_ns"], host_tick)
            elif run["guest"] == "linux-minimal":
                self.assertIn(series["tick_ns"], (1_000_000, 4_000_000, 10_000_000))
            else:
                self.assertIsNone(series["tick_ns"])

    def check_series(self, done, stack):
        """One worker's fixed time, in a stack whose kernel is Linux."""
        self.assertEqual(done.status, 0, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        run, = store.runs()
        self.assertEqual((run["guest"], run["closed"]), (stack, 1))
        self.check_run(store, run, "ftq")
        series, = store.rows("SELECT * FROM distribution_series WHERE run = ?", run["id"])
        self.assertEqual(series["n"], 5000)
        return series["tick_ns"], int(store.rows("SELECT value FROM experiment WHERE key = 'tick_ns'")[0]["value"])

    def test_noise_runs_in_a_whole_debian(self):
        if not os.environ.get("GUESTSCOPE_EVERY_PROGRAM"):
            harness.skip("a whole Debian is not booted for this but with GUESTSCOPE_EVERY_PROGRAM=1")
        if not harness.guests_available(self.collector, "linux"):
            harness.skip("linux cannot run here")
        done = self.collect("--guest", "linux", "--cores", "1", "--repeat", "1", "--scenario", "noise-ftq", "--timeline",
                            "none", workload=None)
        tick, _ = self.check_series(done, "linux")
        self.assertIn(tick, (1_000_000, 4_000_000, 10_000_000))

    def test_what_bare_has_not_is_left_out_with_one_line(self):
        store, done = self.collected(("native", "bare"), "noise-yield")
        self.assertEqual([run["guest"] for run in store.runs()], ["native"])
        self.assertIn("bare is left out: noise's kernel yield needs an operating system", done.stderr)
        self.check_run(store, store.runs()[0], "yield")

    def test_bare_alone_says_so_and_measures_nothing(self):
        done = self.collect("--guest", "bare", "--cores", "1", "--scenario", "noise-timer", workload=None)
        self.assert_one_line(done, 3, "bare", "timer", "needs an operating system")


class Spectrum(NoiseTest):
    def test_a_competitor_is_a_peak_at_the_frequency_at_which_it_runs(self):
        # A millisecond, 41.7 times a second, before whatever else is there.
        hz = 41.7
        cpu = min(os.sched_getaffinity(0))
        child = subprocess.Popen([sys.executable, "-c", COMPETITOR, str(cpu), str(1 / hz)])
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        done = self.collect("--guest", "native", "--cores", "1", "--pin", str(cpu), "--repeat", "2", "--scenario",
                            "noise-ftq", workload=None)
        self.assertEqual(done.status, 0, done.stderr)
        with open(done.folder + "/report/noise_peaks.csv", encoding="utf-8") as f:
            peaks = list(csv.DictReader(f))
        print("  ", [(p["hz"], p["name"], p["share"]) for p in peaks], flush=True)
        mine = [p for p in peaks if abs(float(p["hz"]) - hz) < 0.5]
        self.assertEqual([p["name"] for p in mine], ["unnamed"])
        self.assertIn("spectrum.svg", os.listdir(done.folder + "/report/figures"))


if __name__ == "__main__":
    harness.main()
