#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lost parallelism and double scheduling as terms of the explanations: test_queue_terms.py REPORT SCHEMA

Of stores whose run queues are known, each term is worked out here in whole nanoseconds: what is taken out of which state."""
import csv
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_store  # noqa: E402

REPORT, SCHEMA = (os.path.abspath(a) for a in sys.argv[1:3])
MS, S = 10**6, 10**9
LOST, DOUBLE = "lost parallelism", "double scheduling"


class Terms(unittest.TestCase):
    def setUp(self):
        self.dirs = []
        self.begin()

    def begin(self):
        self.folder = tempfile.mkdtemp(prefix="guestscope-queue-terms-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.store = make_store.Store(SCHEMA, self.folder + "/experiment.db")
        self.runs = []

    def run_(self, cores, wall, lane, lost=0, blocked=None, stuck=0, guest="osv", phase="render"):
        """A run of one phase; @lane: {(state, detail): ns} of each lane. @lost, @stuck: of all lanes, as the store has them."""
        number = len(self.runs) + 1
        start = 10**12 + number * 10**11
        run = self.store.insert("run", guest=guest, cores=cores, scenario="quick", repetition=number, position=number, accel="none", status="ok",
                                start_ns=start, end_ns=start + 10**10, boot_ns=5 * MS, runtime_ns=wall, guest_runtime_ns=wall, closed=1,
                                audited=1, residual_ns=0, block=1, counted=1, label="")
        self.store.insert("phase", run=run, name="boot", start_ns=start - 5 * MS, end_ns=start)
        self.store.insert("phase", run=run, name=phase, start_ns=start, end_ns=start + wall)
        for k in range(cores):
            for (state, detail), ns in lane.items():
                self.store.insert("account", run=run, phase=phase, lane=k, state=state, detail=detail, ns=ns, exact=1)
        if lost:
            self.store.insert("guest_queue", run=run, phase=phase, lane=0, begin_ns=start, slice_ns=wall, ticks=1000, queued=900, most=2,
                              lost_ticks=500, lost_ns=lost, lost_blocked_ns=blocked)
        if stuck:
            self.store.insert("guest_stuck", run=run, phase=phase, lane=0, ns=stuck, count=3)
        self.runs.append(run)
        return run

    def report(self, *arguments):
        self.store.db.commit()
        done = subprocess.run([REPORT, *arguments, self.folder], capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def explain(self):
        self.document = json.loads(self.report("--json"))
        return self.document["explanation"]

    @staticmethod
    def values(terms, *keys):
        return {tuple(t[k] for k in keys): t["value"] for t in terms}

    def by_state(self, terms):
        return {k: v for (k,), v in self.values(terms, "state").items()}

    def lane(self, wall, **ns):
        """What is not told is the program's."""
        lane = {("blocked", "halt"): ns.get("halt", 0), ("blocked", "futex"): ns.get("futex", 0), ("guest", "idle"): ns.get("idle", 0),
                ("vmm", "cpu_exec"): ns.get("vmm", 0), ("preempted", "rival"): ns.get("rival", 0), ("preempted", "CPU 1/TCG"): ns.get("own", 0),
                ("throttled", "quota"): ns.get("quota", 0)}
        lane["guest", "application"] = wall - sum(lane.values())
        return {k: v for k, v in lane.items() if v}

    def test_they_are_taken_out_of_the_states_in_which_they_lie(self):
        self.run_(1, 10 * S, self.lane(10 * S))
        self.run_(2, 8 * S, self.lane(8 * S, halt=2 * S, futex=100 * MS, idle=300 * MS, rival=600 * MS, own=400 * MS),
                  lost=3 * S, blocked=2500 * MS, stuck=1 * S)
        x, = self.explain()["speedup"]
        state = self.by_state(x["by_state"])
        # Of 4 s of halts 2.5 s; of 600 ms of idle code in the guest 500 ms; of 2 s preempted 1 s.
        self.assertEqual((state[LOST], state[DOUBLE]), (3 * S, 1 * S))
        self.assertEqual((state["blocked"], state["preempted"]), (4200 * MS - 2500 * MS, 1 * S))
        self.assertEqual(state["guest"], 16 * S - 4200 * MS - 2 * S - 500 * MS - 10 * S)
        self.assertEqual(sum(state.values()), 6 * S)
        detail = self.values(x["by_detail"], "state", "detail")
        self.assertEqual((detail["blocked", "halt"], detail["blocked", "futex"], detail["guest", "idle"]), (1500 * MS, 200 * MS, 100 * MS))
        self.assertEqual((detail["preempted", "rival"], detail["preempted", "CPU 1/TCG"]), (600 * MS, 400 * MS))
        self.assertEqual(sum(detail.values()), 6 * S)
        cause = self.values(x["causes"], "state", "detail")
        self.assertEqual((cause[LOST, None], cause[DOUBLE, None], cause["guest", "idle"]), (3 * S, 1 * S, 100 * MS))
        self.assertEqual(sum(cause.values()), 6 * S)

    def test_the_books_themselves_stay_as_they_are(self):
        self.run_(2, 8 * S, self.lane(8 * S, halt=2 * S, rival=S), lost=3 * S, blocked=3 * S, stuck=S)
        self.explain()
        states = {s["state"]: s["ns"] for s in self.document["cells"][0]["window"]["states"]}
        self.assertEqual((states["blocked"], states["preempted"]), (4 * S, 2 * S))

    def test_no_more_is_taken_than_there_is(self):
        self.run_(1, 10 * S, self.lane(10 * S))
        self.run_(2, 8 * S, self.lane(8 * S, halt=1 * S, idle=50 * MS, vmm=25 * MS, rival=200 * MS, quota=10 * MS), lost=9 * S, blocked=6 * S,
                  stuck=5 * S)
        x, = self.explain()["speedup"]
        state = self.by_state(x["by_state"])
        self.assertEqual((state[LOST], state[DOUBLE]), (2 * S + 150 * MS, 420 * MS))
        for gone in ("blocked", "vmm", "preempted", "throttled"):
            self.assertEqual(state.get(gone, 0), 0)
        self.assertEqual(sum(state.values()), 6 * S)
        self.assertTrue(all(t["value"] >= 0 for t in x["by_detail"] if t["state"] != "guest"), x["by_detail"])

    def test_variance_that_they_make_is_theirs(self):
        wall = [8 * S, 9 * S, 10 * S, 12 * S]
        for w in wall:
            # Two lanes; half of what is longer is lost, half the host takes.
            more = w - 8 * S
            self.run_(2, w, self.lane(w, halt=S + more // 2, rival=S + more // 2), lost=more, blocked=more, stuck=more)
        x, = self.explain()["spread"]
        share = {t["state"]: t["share"] for t in x["by_state"]}
        self.assertAlmostEqual(share[LOST], 0.5, 9)
        self.assertAlmostEqual(share[DOUBLE], 0.5, 9)
        for state in ("blocked", "preempted", "guest"):
            self.assertAlmostEqual(share.get(state, 0), 0, 9)

    def test_random_ones_sum_to_the_whole_to_the_nanosecond(self):
        rng = random.Random(7)
        for turn in range(6):
            if turn:
                self.begin()
            whole = {}
            for cores in (1, 3):
                whole[cores] = []
                for _ in range(4):
                    wall = rng.randrange(S, 30 * S)
                    part = lambda: rng.randrange(wall // 8)
                    self.run_(cores, wall, self.lane(wall, **{k: part() for k in ("halt", "futex", "idle", "vmm", "rival", "own", "quota")}),
                              lost=part(), blocked=part(), stuck=part())
                    whole[cores].append(wall)
            e = self.explain()
            x, = e["speedup"]
            loss = (3 * sum(whole[3]) - sum(whole[1])) / 4
            for split in ("by_state", "by_phase_and_state", "by_detail", "causes"):
                self.assertAlmostEqual(sum(t["value"] for t in x[split]), loss, delta=2)
            for x in e["spread"]:
                for split in ("by_state", "by_detail", "causes"):
                    self.assertAlmostEqual(sum(t["value"] for t in x[split]) / x["variance"], 1, 9)

    def test_a_difference_of_two_stacks_has_them_and_so_has_report_diff(self):
        self.run_(2, 8 * S, self.lane(8 * S, halt=S, rival=S), lost=S, blocked=S, stuck=600 * MS)
        self.run_(2, 6 * S, self.lane(6 * S), guest="native")
        x, = self.explain()["difference"]
        state = self.by_state(x["by_state"])
        self.assertEqual((state[LOST], state[DOUBLE]), (500 * MS, 300 * MS))
        self.assertEqual((state["blocked"], state["preempted"]), (500 * MS, 700 * MS))
        self.assertEqual(sum(state.values()), 2 * S)
        out = self.folder + "/diff"
        done = subprocess.run([REPORT, "diff", "--output", out, self.folder + ":osv:2", ":native:2"], capture_output=True,
                              text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in (LOST, DOUBLE):
            self.assertIn(name, done.stdout)

    def test_where_it_is_most_it_is_said_in_words_on_the_page_and_in_the_table(self):
        self.run_(1, 10 * S, self.lane(10 * S))
        self.run_(2, 8 * S, self.lane(8 * S, halt=2 * S, rival=S), lost=3 * S, blocked=3 * S, stuck=1500 * MS)
        self.explain()
        text = " ".join(f["text"] for f in self.document["findings"])
        self.assertIn("parallelism lost in the guest", text)
        self.assertIn("double scheduling (preempted while", text)
        self.assertRegex(self.report("--verbose", "--force"), r"lost par\.")
        with open(self.folder + "/report/index.html", encoding="utf-8") as f:
            page = f.read()
        self.assertIn("a vCPU has nothing to run while a thread is queued for another one", page)
        with open(self.folder + "/report/explanation.csv", encoding="utf-8", newline="") as f:
            self.assertTrue([r for r in csv.DictReader(f) if r["state"] == LOST and float(r["value"]) == 3])

    def is_of_halts(self):
        x, = self.explain()["speedup"]
        state = self.by_state(x["by_state"])
        self.assertEqual((state[LOST], state["blocked"]), (1500 * MS, 500 * MS))

    def test_an_older_store_takes_it_from_halts(self):
        self.run_(1, 10 * S, self.lane(10 * S))
        self.run_(2, 8 * S, self.lane(8 * S, halt=S, idle=S), lost=1500 * MS, blocked=0)
        self.store.db.commit()
        with sqlite3.connect(self.folder + "/experiment.db") as db:
            # As where it was merged with newer ones.
            db.execute("UPDATE guest_queue SET lost_blocked_ns = NULL")
        self.is_of_halts()
        with sqlite3.connect(self.folder + "/experiment.db") as db:
            db.execute("ALTER TABLE guest_queue DROP COLUMN lost_blocked_ns")
        self.is_of_halts()
        done = subprocess.run([REPORT, "export", "--format", "csv", "--output", self.folder + "/csv", self.folder], capture_output=True, text=True,
                              timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
