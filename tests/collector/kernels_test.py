#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The workload kernels in every stack: kernels_test.py COLLECTOR"""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

STACKS = ("native", "linux-minimal", "osv", "bare")
# Of class S, as tests/workload/test_kernels.py computes it.
RANKS = "7bb6171f4a48867379d00451d5067811b22e3c8bd8550b5ce2f5c538991c75f5"


class KernelsTest(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        super().setUp()
        if not harness.guests_available(self.collector, *STACKS):
            harness.skip("not all of the stacks can run here: collector --doctor says why")

    def collected(self, scenario):
        """The runs, each of another stack, with their metrics, once they are known to be whole."""
        done = self.collect("--guest", ",".join(STACKS), "--cores", "2", "--repeat", "1", "--scenario", scenario,
                            "--timeline", "none", workload=None)
        self.assertEqual(done.status, 0, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        self.assert_measured(store)
        runs = store.runs()
        self.assertEqual(sorted(run["guest"] for run in runs), sorted(STACKS))
        for run in runs:
            self.assertEqual(run["scenario"], scenario)
            phases = store.phases(run["id"])
            self.assertEqual(list(phases), ["boot", "setup", "compute", "verify"])
            metric, = store.rows("SELECT * FROM metric WHERE run = ?", run["id"])
            self.assertEqual((metric["name"], metric["better"]), (f"{scenario[:2]} Mop/s", "higher"))
            print(f"  {run['guest']} {metric['value']:.2f} Mop/s", flush=True)
            yield run, phases["compute"][1] - phases["compute"][0], metric["value"]
        self.assertIn(f"{scenario[:2]} Mop/s", harness.read_file(done.folder + "/report/index.html"))

    def test_random_numbers_are_the_same_in_every_stack(self):
        runs = list(self.collected("ep-s"))
        self.assertEqual(len({run["raster_sha256"] for run, _, _ in runs}), 1)
        for run, ns, rate in runs:
            # What the program says it did in its own time, and the phase's length on the host's clock.
            self.assertAlmostEqual(rate * ns / (2 ** 25 * 1e3), 1, delta=0.1, msg=run["guest"])

    def test_sorted_numbers_are_the_same_in_every_stack(self):
        self.assertEqual([run["raster_sha256"] for run, _, _ in self.collected("is-s")], [RANKS] * len(STACKS))


if __name__ == "__main__":
    harness.main()
