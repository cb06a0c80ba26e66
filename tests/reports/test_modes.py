#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run times and boots in several heaps: test_modes.py REPORT SCHEMA [unittest arguments].

The truth is in the store that is made here: which run is in which mode, and what made it so."""
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_store  # noqa: E402

REPORT, SCHEMA = sys.argv[1:3]
MS = 1_000_000


class Modes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def add_run(self, store, rng, number, slow, slow_boot):
        """99 ms of the program; 18 more asleep in a slow run. A boot of 20 ms, of 50 in a slow one: firmware."""
        user = 99 * MS + rng.randrange(-MS, MS)
        blocked = (18 * MS if slow else 0) + rng.randrange(0, MS)
        steps = [("process start", 5 * MS), ("firmware", (40 if slow_boot else 10) * MS + rng.randrange(0, MS)), ("program", 5 * MS)]
        boot = sum(ns for _, ns in steps)
        start = number * 1_000_000_000
        run = store.insert("run", guest="native", cores=1, scenario="program", repetition=number, position=number,
                           accel="none", status="ok", start_ns=start, end_ns=start + boot + user + blocked,
                           boot_ns=boot, runtime_ns=user + blocked, guest_runtime_ns=user + blocked, lost_events=0,
                           closed=1, audited=1, split="sampled", block=number, counted=1, label="")
        store.insert("phase", run=run, name="boot", start_ns=start, end_ns=start + boot)
        store.insert("phase", run=run, name="run", start_ns=start + boot, end_ns=start + boot + user + blocked)
        at = start
        for position, (name, ns) in enumerate(steps):
            store.insert("boot_step", run=run, position=position, name=name, start_ns=at, end_ns=at + ns, source="exec")
            at += ns
        for state, detail, ns in (("user", "", user), ("blocked", "clock_nanosleep", blocked)):
            store.insert("account", run=run, phase="run", lane=0, state=state, detail=detail, ns=ns, exact=1)
        store.insert("metric", run=run, name="rate", value=(500 if slow else 1000) + rng.uniform(0, 9), better="higher")

    def made(self, slow, slow_boots):
        rng = random.Random(5)
        store = make_store.Store(SCHEMA, os.path.join(self.folder, "experiment.db"))
        for number in range(1, 21):
            self.add_run(store, rng, number, number in slow, number in slow_boots)
        store.db.commit()
        store.db.close()
        done = subprocess.run([REPORT, "--json", self.folder], capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def sentences(self):
        done = subprocess.run([REPORT, "--verbose", self.folder], capture_output=True, text=True, check=True)
        return " ".join(done.stdout.split())

    def test_two_modes_are_counted_said_and_explained(self):
        slow, boots = set(range(1, 21, 5)) | {2, 9, 13, 20}, set(range(4, 14))
        document = self.made(slow, boots)
        spread, = document["explanation"]["spread"]
        self.assertEqual([m["runs"] for m in spread["modes"]], [12, 8])
        self.assertLess(spread["modes_p"], 0.05)
        self.assertAlmostEqual(spread["modes"][1]["median"], 117.5 * MS, delta=1.5 * MS)
        gap, = spread["mode_gaps"]
        self.assertAlmostEqual(gap["longer_ns"], 18 * MS, delta=1.5 * MS)
        self.assertEqual(gap["causes"][0]["state"], "blocked")
        self.assertAlmostEqual(sum(c["value"] for c in gap["causes"]), gap["longer_ns"], delta=1)
        self.assertEqual([m["runs"] for m in spread["boot_modes"]], [10, 10])
        boot, = spread["boot_mode_gaps"]
        self.assertEqual(boot["boot_steps"][0]["step"], "firmware")
        self.assertAlmostEqual(boot["boot_steps"][0]["longer_ns"], 30 * MS, delta=MS)
        self.assertAlmostEqual(sum(s["longer_ns"] for s in boot["boot_steps"]), boot["boot_longer_ns"], delta=1)
        said = self.sentences()
        self.assertRegex(said, r"native on 1 core has two modes: 12 runs near (98|99|100)\.\d+ ms, 8 near 11[678]\.\d+ ms")
        self.assertNotIn("Outliers of native", said)
        self.assertRegex(said, r"Near 11\S+ ms in place of \S+ ms: 1[789]\S* ms blocked")
        self.assertRegex(said, r"The boot of native on 1 core has two modes: 10 runs near 20\.\S+ ms, 10 near 50\.\S+ ms")
        self.assertRegex(said, r"\+(29|30|31)\S* ms in step firmware\.")
        self.assertRegex(said, r"rate of native on 1 core has two modes: 8 runs near 50\d\S*, 12 near 100\d")

    def test_the_page_and_the_csv_have_them(self):
        slow = set(range(1, 21, 2))
        self.made(slow, set())
        with open(f"{self.folder}/report/index.html", encoding="utf-8") as f:
            page = f.read()
        self.assertEqual((page.count('data-mode="1"'), page.count('data-mode="2"')), (10, 10))
        self.assertIn("2: 10 near", page)
        with open(f"{self.folder}/report/explanation.csv", encoding="utf-8") as f:
            rows = [r for r in csv.DictReader(f) if r["quantity"] == "mode 2 over 1" and r["split"] == "cause"]
        self.assertAlmostEqual(sum(float(r["value"]) for r in rows), 0.018, delta=0.001)
        self.assertEqual(max(rows, key=lambda r: float(r["value"]))["state"], "blocked")

    def test_of_one_mode_nothing_is_said(self):
        document = self.made(set(), set())
        spread, = document["explanation"]["spread"]
        self.assertEqual(([m["runs"] for m in spread["modes"]], spread["mode_gaps"]), ([20], []))
        self.assertNotIn(" modes", self.sentences())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
