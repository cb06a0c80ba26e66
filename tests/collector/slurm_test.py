#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Shards as a job array of a real Slurm: slurm_test.py COLLECTOR REPORT SLURM_SHARDS TRUTH_PROGRAM"""
import collections
import glob
import json
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402
import slurm  # noqa: E402

SHARDS = 3
BLOCKS = 6
WORK = ("--", "-do", "spin", "-ms", "300")


class SlurmTest(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        super().setUp()
        self.slurm = slurm.Slurm(self.work + "/slurm", self.environment(COLLECTOR=self.collector))
        self.addCleanup(self.slurm.stop)
        self.slurm.start()

    def submit(self, array):
        return self.slurm.submit(f"--array={array}", self.programs["slurm_shards"], str(SHARDS),
                                 self.work + "/experiment", "--seed", "5", "--cores", "1", "--repeat",
                                 str(BLOCKS), "--warmup", "1", "--aa", "--program", self.programs["truth"],
                                 *WORK)

    def shards(self):
        return sorted(glob.glob(self.work + "/experiment/shard-*"))

    def collector_of(self, task):
        """The pid of the collector that measures shard @task, once it has stored a run."""
        folder = f"{self.work}/experiment/shard-{task}"
        if not os.path.exists(folder + "/experiment.db"):
            return None
        with harness.Store(folder) as store:
            if not store.runs():
                return None
        for pid, line in self.traces.processes().items():
            if line.startswith(self.collector + " ") and f"--shard {task}/{SHARDS} " in line:
                return pid
        return None

    def said(self):
        return "; ".join(f"{path}: {harness.read_file(path)}" for path in glob.glob(self.slurm.folder + "/job-*.out"))

    def test_a_job_array_measures_an_experiment_and_a_killed_task_goes_on(self):
        self.submit(f"1-{SHARDS}")
        pid = harness.wait_for("the second shard's collector", lambda: self.collector_of(2), 120)
        os.kill(pid, signal.SIGKILL)
        self.slurm.wait()
        with harness.Store(self.work + "/experiment/shard-2") as store:
            cut_off = {r["id"]: r["start_ns"] for r in store.runs()}
            self.assertLess(len(cut_off), 1 + 2 * BLOCKS // SHARDS)
        self.submit("2")
        self.slurm.wait()
        self.assertEqual(len(self.shards()), SHARDS, self.said())
        for i, folder in enumerate(self.shards()):
            with harness.Store(folder) as store:
                blocks = collections.Counter(r["block"] for r in store.runs("ok"))
            self.assertEqual(blocks, {0: 1, i + 1: 2, i + 1 + SHARDS: 2}, self.said())
        with harness.Store(self.work + "/experiment/shard-2") as store:
            after = {r["id"]: r["start_ns"] for r in store.runs()}
        self.assertEqual({i: after[i] for i in cut_off}, cut_off)
        done = subprocess.run([self.programs["report"], "--json", "--output", self.work + "/report", *self.shards()],
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        document = json.loads(done.stdout)
        self.assertEqual({c["guest"] for c in document["cells"]}, {"native"})
        counted = [r for r in document["runs"] if r["block"]]
        self.assertEqual(collections.Counter((r["block"], r["label"]) for r in counted),
                         {(block, label): 1 for block in range(1, BLOCKS + 1) for label in "ab"})
        self.slurm.stop()
        self.traces.assert_nothing_left()


if __name__ == "__main__":
    harness.main("report", "slurm_shards", "truth")
