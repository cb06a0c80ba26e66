#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Known causes, and what the report gives as the reasons: explanation_test.py COLLECTOR MANDELBROT REPORT COMPETITOR

Real runs of one machine, with a disturbance whose size is known from another witness. All of it runs at high
priority, so that what else the machine does is small beside it; nothing depends on how fast the machine is."""
import contextlib
import glob
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

MS = 1_000_000
NICE = -15
# Most of the run is in the parallel phase, or in the serial one that writes the picture.
PARALLEL = ("-width", "800", "-height", "600", "-smoothness", "2", "-iteration", "4000")
SERIAL = ("-width", "512", "-height", "384", "-smoothness", "8", "-iteration", "12")


def first():
    """For preexec_fn: before others. Where the kernel groups processes by session, groups have the priorities."""
    os.setsid()
    os.setpriority(os.PRIO_PROCESS, 0, NICE)
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w", encoding="ascii") as f:
        f.write(str(NICE))


class ExplanationTest(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        super().setUp()

    def explained(self, process):
        """The store of a finished experiment, and the report's explanation of it."""
        done = self.finish(process, timeout=harness.PATIENCE)
        self.assertEqual(done.status, 0, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        for run in store.runs():
            self.assertEqual((run["status"], run["lost_events"], run["closed"]), ("ok", 0, 1), run["error"])
        report = subprocess.run([self.programs["report"], "--json", process.folder], capture_output=True, text=True,
                                check=True, timeout=300)
        return store, json.loads(report.stdout)


class Variance(ExplanationTest):
    def disturb(self, process, cpu):
        """While each run renders, a competitor in half of them, its size from small to large in random order.
        {run: CPU time that it got}"""
        sizes = [100, 500, 900, 1300, 1700]
        random.Random(20221).shuffle(sizes)
        injected, seen = {}, set()
        while process.poll() is None:
            for path in glob.glob(process.folder + "/logs/run-*.console"):
                if path in seen or "phase name=render" not in (harness.read_file(path) or ""):
                    continue
                seen.add(path)
                run = int(re.search(r"run-(\d+)", path)[1])
                injected[run] = self.compete(cpu, sizes.pop()) if len(seen) % 2 and sizes else None
            time.sleep(0.01)
        return injected

    def compete(self, cpu, milliseconds):
        done = subprocess.run([self.programs["competitor"], str(cpu), str(milliseconds)], capture_output=True,
                              text=True, check=True, timeout=300, preexec_fn=first)
        return tuple(map(int, done.stdout.split()))

    @harness.patiently
    def test_a_competitor_has_its_true_share_of_the_variance(self):
        cpu = harness.usable_cpus()[0]
        process = self.start("--guest", "native", "--cores", "1", "--repeat", "10", "--pin", str(cpu),
                             "--counters", "none", workload=PARALLEL, before=first)
        injected = self.disturb(process, cpu)
        store, document = self.explained(process)
        truth, books = [], []
        for run in store.runs():
            if not run["counted"]:
                continue
            begin, end, cpu_ns = injected[run["id"]] or (0, 0, 0)
            start, stop = store.phases(run["id"])["render"]
            if cpu_ns:
                self.assertTrue(start < begin and end < stop, "the competitor ran outside the render phase")
            truth.append(cpu_ns)
            books.append(store.ns(run["id"], "preempted", "gs-competitor"))
        self.assertGreaterEqual(sum(ns > 0 for ns in truth), 4)
        correlation = statistics.correlation(truth, books)
        spread, = document["explanation"]["spread"]
        causes = ", ".join(f"{c['state']}/{c['detail']} {100 * c['share']:.1f} %" for c in spread["causes"][:4])
        print(f"  injected {[ns // MS for ns in truth]} ms\n  books    {[ns // MS for ns in books]} ms\n"
              f"  correlation {correlation:.5f}; variance: {causes}\n  {spread['text']}", flush=True)
        self.assertGreaterEqual(correlation, 0.95)
        # The size, too: what the variance owes to it is its covariance with run time, by the other witness.
        times = [r["runtime_ns"] for r in store.runs() if r["counted"]]
        share = statistics.covariance(times, truth) / statistics.variance(times)
        told = {d["detail"]: d["share"] for d in spread["by_detail"]}
        self.assertAlmostEqual(told["gs-competitor"], share, delta=0.05)
        # A machine whose speed wanders makes a variance of its own: then the competitor need not be the main term.
        if share > 0.55:
            self.assertEqual(spread["causes"][0]["state"], "preempted", causes)
            self.assertEqual(spread["by_detail"][0]["detail"], "gs-competitor")
            self.assertIn("(gs-competitor)", spread["text"].replace("most of it ", ""))


class SpeedUp(ExplanationTest):
    @harness.patiently
    def test_a_serial_phase_is_the_main_loss_of_speed_up(self):
        harness.need_cpus(2)
        process = self.start("--guest", "native", "--cores", "1,2", "--repeat", "4", "--counters", "none",
                             workload=SERIAL, before=first)
        _, document = self.explained(process)
        scaling, = document["explanation"]["speedup"]
        main = max(scaling["causes"], key=lambda c: c["value"])
        phases = {p["name"]: p for p in scaling["phases"]}
        print(f"  {scaling['text']}", flush=True)
        self.assertEqual((main["phase"], main["state"]), ("encode", None), scaling["causes"])
        self.assertTrue(phases["encode"]["serial"])
        self.assertFalse(phases["render"]["serial"])
        self.assertGreater(main["share"], 0.5)
        # Of two lanes one is idle while the picture is written: that time is lost, whoever writes it.
        self.assertAlmostEqual(main["value"] / phases["encode"]["wall_ns"]["value"], 1, delta=0.25)
        self.assertIn("the serial phase encode", scaling["text"])


if __name__ == "__main__":
    harness.main("mandelbrot", "report", "competitor")
