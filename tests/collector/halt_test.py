#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vCPUs that have nothing to do: halt_test.py COLLECTOR CALIBRATOR

Known is how long each vCPU has work, by what it is told to do; the emulator's threads are asked by nobody."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402
import machines  # noqa: E402


class HaltTest(machines.MachineTest):
    def setUp(self):
        harness.need_root()
        super().setUp()

    def measure(self, *options, cores, workload):
        harness.need_cpus(cores)
        done = self.collect("--cores", str(cores), "--repeat", "1", *options, workload=workload)
        self.assertEqual(done.status, 0, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        self.assert_measured(store)
        return store

    @staticmethod
    def shares(store, phase, lane):
        """{(state, detail): share of the phase}"""
        begin, end = store.phases(1)[phase]
        return {(row["state"], row["detail"] or ""): row["ns"] / (end - begin) for row in store.rows(
            "SELECT state, detail, sum(ns) AS ns FROM account WHERE run = 1 AND phase = ? AND lane = ? GROUP BY 1, 2",
            phase, lane)}

    def assert_no_condition(self, store):
        """No vCPU waits for anything else that the emulator would name."""
        self.assertFalse(store.rows("SELECT * FROM account WHERE run = 1 AND detail = 'futex condition' AND ns > 20000000"))

    @harness.patiently
    def test_a_vCPU_without_work_is_halted_and_the_other_one_is_not(self):
        store = self.measure("--guest", "bare", "--kernel", self.programs["calibrator"], "--accel", "tcg", cores=2,
                             workload=("-burn", "alpha=1", "-seconds", "2", "-on", "0"))
        idle = self.shares(store, "burn", 1)
        self.assertGreater(idle.get(("blocked", "halt"), 0), 0.95, idle)
        busy = self.shares(store, "burn", 0)
        self.assertLess(busy.get(("blocked", "halt"), 0), 0.05, busy)
        self.assert_no_condition(store)

    @harness.patiently
    def test_a_Linux_guest_that_sleeps_is_halted(self):
        if not harness.guests_available(self.collector, "linux-minimal"):
            harness.skip("linux-minimal cannot run here: collector --doctor says why")
        store = self.measure("--guest", "linux-minimal", "--accel", "tcg", "--program=/bin/sleep", cores=1, workload=("3",))
        asleep = self.shares(store, "run", 0)
        self.assertGreater(asleep.get(("blocked", "halt"), 0), 0.5, asleep)
        self.assert_no_condition(store)


if __name__ == "__main__":
    harness.main("calibrator")
