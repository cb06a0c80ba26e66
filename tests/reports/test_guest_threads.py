#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What guests' own schedulers counted, in reports: test_guest_threads.py REPORT SCHEMA

The store's threads do known numbers of things a second; see make_store.py."""
import json
import os
import re
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
HOSTILE = "</td><script>9</"


def run(*arguments):
    return subprocess.run([REPORT, *arguments], capture_output=True, text=True, timeout=300, check=False)


class GuestThreads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = tempfile.mkdtemp(prefix="guestscope-report-")
        cls.addClassCleanup(shutil.rmtree, cls.base)
        cls.dir = cls.base + "/guest"
        make_store.make(SCHEMA, cls.dir, seed=5, small=True)
        with sqlite3.connect(cls.dir + "/experiment.db") as db:
            db.execute("UPDATE guest_task SET name = ? WHERE name = 'young'", (HOSTILE,))
            osv = "SELECT id FROM run WHERE guest = 'osv'"
            db.execute(f"INSERT INTO guest_thread SELECT id, 0, 4096, 900, 3, ? FROM ({osv})", ("by <name>",))
            db.execute(f"UPDATE sample SET guest_thread = 4096, guest_name = ? WHERE run IN ({osv}) AND kind = 'oncpu'"
                       " AND lane = 0", ("by <name>",))
            cls.make_books(db)
            cls.render, = db.execute("SELECT avg(p.end_ns - p.start_ns) FROM phase p JOIN run ON run.id = run WHERE guest = 'osv'"
                                     " AND cores = 2 AND status = 'ok' AND counted AND name = 'render'").fetchone()
        result = run("--json", cls.dir)
        assert result.returncode == 0, result.stderr
        cls.document = json.loads(result.stdout)
        cls.cells = {(c["guest"], c["cores"]): c["guest_threads"] for c in cls.document["cells"]}

    @staticmethod
    def make_books(db):
        """In phase encode a thread runs for half of the time and is queued in a quarter of the readings; another one, of which the
        guest counts that, for an eighth; both wait for the rest. A third is there for a tenth of the phase. One of two vCPUs is idle.
        One runs nearly all of the time, one is in no reading: all have more CPU time than there is."""
        for run_, begin, end in db.execute("SELECT run, phase.start_ns, phase.end_ns FROM phase JOIN run ON run.id = run WHERE guest = 'osv' AND cores = 2"
                                           " AND status = 'ok' AND name = 'encode'").fetchall():
            wall = end - begin
            for number, name, cpu, shares, exact, queued, *readings in (
                    (4, "squeezed", None, (0.99, 0.0025, 0.0075, 0, 0), 0, 1, 4), (5, "unread", None, (0.01, 0, 0.99, 0, 0), 0, 0, 0),
                    (2, "sampled", None, (0.5, 0.25, 0.25, 0, 0), 0, 100), (3, "counted", None, (0.5, 0.125, 0.375, 0, 0), 1, 50),
                    (9, "brief", None, (0.05, 0, 0.03, 0.9, 0.02), 0, 0), (10, "idle0", 0, (0.25, 0, 0.75, 0, 0), 0, 0),
                    (11, "idle1", 1, (0.6, 0, 0.4, 0, 0), 0, 0)):
                db.execute("INSERT INTO guest_book VALUES (?,'encode',?,NULL,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                           (run_, number, cpu, name, int(cpu is not None), *(int(s * wall) for s in shares), 0, 7, exact, *(readings or [400]), queued, 40, 20, 10))

    def test_books_of_threads_sum_to_the_phase(self):
        rows = self.rows("encode")
        encode = rows["sampled"]["cpu_ns"] * 2
        for name, running, queued, waiting, absent in (("sampled", 0.5, 0.25, 0.25, 0), ("counted", 0.5, 0.125, 0.375, 0),
                                                       ("brief", 0.05, 0, 0.03, 0.9)):
            row = rows[name]
            have = [row[k] / encode for k in ("cpu_ns", "queued_ns", "waiting_ns", "absent_ns")]
            for a, b in zip(have, (running, queued, waiting, absent)):
                self.assertAlmostEqual(a, b, 6)
            self.assertAlmostEqual(sum(have) + row["unknown_ns"] / encode, 1, 6)
        self.assertAlmostEqual(rows["(idle)"]["cpu_ns"] / encode, 0.85, 6)
        self.assertEqual(rows["(idle)"]["threads"], 2)
        self.assertIsNone(rows["(idle)"]["queued_ns"])
        self.assertAlmostEqual(rows["(not counted)"]["cpu_ns"] / encode, 2 - 0.5 - 0.5 - 0.05 - 0.85 - 0.99 - 0.01, 5)
        self.assertAlmostEqual(sum(r["cpu_ns"] for r in rows.values()) / encode, 2, 6)
        self.assertEqual([r["name"] for r in self.cells["osv", 2] if r["phase"] == "encode"][-2:], ["(idle)", "(not counted)"])

    def test_no_thread_is_idle_by_its_name(self):
        folder = self.base + "/named"
        os.mkdir(folder)
        with sqlite3.connect(self.dir + "/experiment.db") as db, sqlite3.connect(folder + "/experiment.db") as copy:
            db.backup(copy)
            copy.execute("UPDATE guest_book SET name = CASE id WHEN 3 THEN '(idle)' ELSE '(not counted)' END WHERE id IN (2, 3)")
        cell, = (c for c in json.loads(run("--json", folder).stdout)["cells"] if (c["guest"], c["cores"]) == ("osv", 2))
        named = [r for r in cell["guest_threads"] if r["phase"] == "encode" and r["name"][0] == "("]
        self.assertEqual([r["name"] for r in named], ["(idle)", "(not counted)"] * 2)
        for row, name in zip(named, ("counted", "sampled", "(idle)", "(not counted)")):
            self.assertAlmostEqual(row["cpu_ns"], self.rows("encode")[name]["cpu_ns"], delta=1)

    def test_rows_that_are_not_shown_are_those_of_the_table(self):
        folder = self.base + "/booked"
        os.mkdir(folder)
        with sqlite3.connect(self.dir + "/experiment.db") as db, sqlite3.connect(folder + "/experiment.db") as copy:
            db.backup(copy)
            columns = [r[1] for r in copy.execute("PRAGMA table_info(guest_book)")]
            # Of all runs but one there are no books: the thread that took most time has none.
            copy.execute("DELETE FROM guest_book WHERE run != (SELECT min(run) FROM guest_book)")
            copy.execute("INSERT INTO guest_task SELECT run, phase, 'end', 500, NULL, 'unbooked', 'running', 0, 1000000000000, 1, 1, 1, 0"
                         " FROM guest_cpu WHERE phase = 'encode' AND instant = 'end' AND cpu = 0")
            for i in range(12):
                copy.execute(f"INSERT INTO guest_book SELECT {', '.join({'id': str(200 + i), 'name': repr(f'more{i}')}.get(c, c) for c in columns)}"
                             " FROM guest_book WHERE id = 3")
        rows = [r for c in json.loads(run("--json", folder).stdout)["cells"] if (c["guest"], c["cores"]) == ("osv", 2)
                for r in c["guest_threads"] if r["phase"] == "encode"]
        booked = [r for r in rows if r["unknown_ns"] is not None and r["name"][0] != "("]
        self.assertIsNone(rows[0]["unknown_ns"])
        self.assertLess(len(booked), len([r for r in rows if r["name"][0] != "("]))
        text = run("--verbose", folder).stdout
        books = text[text.index("Books of guest threads"):]
        part = books[books.index("osv on 2 cores, phase encode"):].split(" on 2 cores")[1]
        self.assertIn(f"  {len(booked) - 8} more on the page", part)

    def test_threads_that_are_read_at_one_instant_are_one_reading(self):
        folder = self.base + "/alike"
        os.mkdir(folder)
        with sqlite3.connect(self.dir + "/experiment.db") as db, sqlite3.connect(folder + "/experiment.db") as copy:
            db.backup(copy)
            columns = [r[1] for r in copy.execute("PRAGMA table_info(guest_book)")]
            copy.execute(f"INSERT INTO guest_book SELECT {', '.join('100 + id' if c == 'id' else c for c in columns)} FROM guest_book WHERE id = 2")
        cell, = (c for c in json.loads(run("--json", folder).stdout)["cells"] if (c["guest"], c["cores"]) == ("osv", 2))
        twice, = (r for r in cell["guest_threads"] if r["name"] == "sampled")
        once = self.rows("encode")["sampled"]
        for key in ("queued_ns", "queued_low_ns", "queued_high_ns"):
            self.assertAlmostEqual(twice[key] / once[key], 2, 6)

    def test_what_is_by_readings_has_an_interval_and_what_is_counted_is_exact(self):
        sampled, counted = (self.rows("encode")[n] for n in ("sampled", "counted"))
        self.assertFalse(sampled["queued_is_exact"])
        # Wilson's of a quarter of all readings of the runs, which are at least 800.
        width = (sampled["queued_high_ns"] - sampled["queued_low_ns"]) / (2 * sampled["cpu_ns"])
        self.assertTrue(0.02 < width < 0.09, width)
        self.assertTrue(sampled["queued_low_ns"] < sampled["queued_ns"] < sampled["queued_high_ns"])
        self.assertTrue(counted["queued_is_exact"])
        self.assertEqual(counted["queued_low_ns"], counted["queued_ns"])

    def test_no_interval_is_beyond_what_is_possible(self):
        squeezed, unread = (self.rows("encode")[n] for n in ("squeezed", "unread"))
        self.assertAlmostEqual(squeezed["queued_high_ns"], squeezed["queued_ns"] + squeezed["waiting_ns"], delta=1)
        self.assertEqual([unread[k] for k in ("queued_ns", "queued_low_ns", "queued_high_ns", "waiting_ns")], [None] * 4)
        self.assertAlmostEqual(unread["unknown_ns"] / unread["cpu_ns"], 99, 4)

    def test_the_run_queues_and_the_books_stand_side_by_side(self):
        cell, = (c for c in self.document["cells"] if (c["guest"], c["cores"]) == ("osv", 2))
        row, = (q for q in cell["guest_queues"] if q["phase"] == "encode")
        self.assertAlmostEqual(row["queued_by_books"], (0.375 + 0.0025) / 2, 4)
        self.assertIsNone([q for q in cell["guest_queues"] if q["phase"] == "render"][0]["queued_by_books"])

    def rows(self, phase="render"):
        return {r["name"]: r for r in self.cells["osv", 2] if r["phase"] == phase}

    def test_counters_are_a_second_of_the_phase(self):
        for name in ("worker/0", "worker/1"):
            row = self.rows()[name]
            self.assertAlmostEqual(row["switches_per_s"], 100, delta=1)
            self.assertAlmostEqual(row["preemptions_per_s"], 50, delta=1)
            self.assertAlmostEqual(row["migrations_per_s"], 10, delta=1)
            self.assertAlmostEqual(row["cpu_ns"] / self.render, 0.75, 3)

    def test_what_was_counted_before_the_phase_is_not_in_it(self):
        self.assertNotEqual(self.rows()["idle0"]["cpu_ns"], 0)
        self.assertAlmostEqual(self.rows()["idle0"]["cpu_ns"] / self.render, 0.25, 3)
        self.assertEqual(self.rows()["idle0"]["switches_per_s"], 0)

    def test_a_thread_that_began_in_it_counts_whole_and_one_that_ended_not_at_all(self):
        self.assertEqual(self.rows()[HOSTILE]["cpu_ns"], 1_000_000)
        self.assertNotIn("old", self.rows())

    def test_the_most_cpu_time_comes_first_phase_by_phase(self):
        self.assertEqual([r["name"][:6] for r in self.cells["osv", 2] if r["phase"] == "render"][:2], ["worker"] * 2)
        phases = [r["phase"] for r in self.cells["osv", 2]]
        self.assertEqual(phases, sorted(phases, key=[n for n, _ in make_store.PHASES].index))

    def test_what_no_thread_has_is_in_a_row_of_its_own(self):
        """Of two vCPUs the two workers have three quarters each, and the idle thread a quarter of one."""
        row = self.rows()["(not counted)"]
        self.assertAlmostEqual((row["cpu_ns"] + 1_000_000) / self.render, 2 - 1.5 - 0.25, 3)
        self.assertIsNone(row["switches_per_s"])

    def test_guests_that_were_not_read_have_none(self):
        self.assertEqual(self.cells["native", 2], [])

    def test_run_queues_are_means_of_the_runs(self):
        cell, = (c for c in self.document["cells"] if (c["guest"], c["cores"]) == ("osv", 2))
        row, = (q for q in cell["guest_queues"] if q["phase"] == "render")
        self.assertAlmostEqual(row["lane_time_ns"], 2 * self.render, delta=2)
        self.assertEqual((row["queued"], row["most"], row["stuck_count"]), (0.5, 2, 14))
        self.assertAlmostEqual(row["lost_ns"] / row["lane_time_ns"], 0.06, 5)
        self.assertAlmostEqual(row["stuck_ns"] / row["lane_time_ns"], 0.03, 5)
        self.assertTrue(0.055 < row["lost_low_ns"] / row["lane_time_ns"] < 0.06 < row["lost_high_ns"] / row["lane_time_ns"] < 0.065)
        self.assertAlmostEqual(row["lost_within_ns"] / self.render, 1 / 3, 3)
        said = [f["text"] for f in self.document["findings"] if "osv on 2 cores, phase render" in f["text"]]
        self.assertEqual(len(said), 2, said)
        self.assertRegex(said[0], r"for 6\.0 % of lane time \(95 % interval 5\.\d+ to 6\.\d+\)")
        self.assertIn("lost parallelism", said[0])
        self.assertRegex(said[1], r"for 3\.0 % .*double scheduling")

    def test_terminal_and_page_have_them(self):
        text = run("--verbose", "-o", self.base + "/out", self.dir).stdout
        self.assertRegex(text, r"osv on 2 cores, phase render")
        self.assertRegex(text, r"(?m)^ *worker/0 +1 +[0-9.]+ +[0-9.]+ +(100|99\.\d+)")
        self.assertRegex(text, r"(?m)^ *sampled +1 +[0-9.]+ +[0-9.]+ +[0-9.]+ to [0-9.]+ +[0-9.]+ ")
        self.assertRegex(text, r"(?m)^ *unread +1 +[0-9.]+ +- +not read +- +[0-9.]+$")
        self.assertRegex(text, r"(?m)^ *counted +1 +[0-9.]+ +[0-9.]+ +exact ")
        self.assertRegex(text, r"(?m)^ *\(idle\) +2 +[0-9.]+ +- +- +- ")
        with open(self.base + "/out/index.html", encoding="utf-8") as f:
            page = f.read()
        self.assertRegex(text, r"(?m)^ *render +0\.50* +2 +6\.0 +5\.\d+ to 6\.\d+")
        self.assertRegex(text, r"(?m)^ *\(not counted\) +- +[0-9.]+ +12\.\d")
        self.assertIn("(not counted)", page)
        self.assertIn("Run queues of the guest", page)
        self.assertIn("as its own scheduler counts them", page)
        self.assertTrue(re.search(r">worker/1</code>", page))
        self.assertNotIn(HOSTILE, page)
        self.assertIn("<td><code>by &lt;name&gt;</code></td><td><code>0x1000</code></td>", page)
        flames = [f for f in os.listdir(self.base + "/out") if f.startswith("flamegraph-threads") and f.endswith(".svg")]
        self.assertEqual(len([f for f in flames if "osv" in f]), 2, os.listdir(self.base + "/out"))
        for name in flames:
            with open(f"{self.base}/out/{name}", encoding="utf-8") as f:
                self.assertIn("by &lt;name&gt;", f.read())

    def test_an_older_store_tells_threads_by_their_fs_base(self):
        old = self.base + "/old"
        shutil.copytree(self.dir, old)
        with sqlite3.connect(old + "/experiment.db") as db:
            db.execute("ALTER TABLE guest_thread DROP COLUMN name")
            db.execute("ALTER TABLE sample DROP COLUMN guest_name")
        self.assertEqual(run("-o", self.base + "/older", old).returncode, 0)
        with open(self.base + "/older/index.html", encoding="utf-8") as f:
            self.assertIn("<td><code></code></td><td><code>0x1000</code></td>", f.read())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
