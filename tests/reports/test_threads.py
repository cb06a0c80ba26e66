#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Threads of programs whose lanes are CPUs: test_threads.py REPORT SCHEMA

They are put into a store, and come back from each report with sums and means worked out here."""
import csv
import json
import os
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
HOSTILE = "</td><script>alert(9)</script>"
NAMES = 60  # more than a table has lines


def run(*arguments):
    return subprocess.run([REPORT, *arguments], capture_output=True, text=True, timeout=300, check=False)


class Threads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = tempfile.mkdtemp(prefix="guestscope-report-")
        cls.addClassCleanup(shutil.rmtree, cls.base)
        cls.dir = cls.base + "/threads"
        make_store.make(SCHEMA, cls.dir, seed=3, small=True)
        with sqlite3.connect(cls.dir + "/experiment.db") as db:
            runs = db.execute("SELECT id FROM run WHERE guest = 'native' AND cores = 2 AND status = 'ok'"
                              " AND counted").fetchall()
            cls.runs = len(runs)
            for number, (run_id,) in enumerate(runs):
                cls.add(db, run_id, 0, "first", 5_000_000 + number, sleeps={"wait4": 80_000_000, "futex lock": 1000})
                for i in range(1, 11):
                    cls.add(db, run_id, i, "busy", 100_000_000 * i, process=2 + i % 3, sleeps={"read pipe": 7})
                for i in range(11, 11 + NAMES):
                    cls.add(db, run_id, i, f"small-{i}", 1000)
            cls.add(db, runs[0][0], 999, HOSTILE, 50_000_000)
        result = run("--json", cls.dir)
        assert result.returncode == 0, result.stderr
        found, = [c for c in json.loads(result.stdout)["cells"] if (c["guest"], c["cores"]) == ("native", 2)]
        cls.threads = found["threads"]
        cls.text = run("--verbose", cls.dir).stdout

    @staticmethod
    def add(db, run_id, thread, name, cpu, process=1, sleeps=()):
        db.execute("INSERT INTO thread VALUES (?,?,1,?,?,NULL,?,0,1000000000,?,?,?,?,?,?)",
                   (run_id, thread, 1000 + thread, process, name, cpu, 3 * cpu, 2 * cpu, 10 * cpu, 4, 1))
        for detail in sleeps:
            db.execute("INSERT INTO thread_blocked VALUES (?,?,?,?)", (run_id, thread, detail, sleeps[detail]))

    def test_threads_of_one_name_are_summed_and_runs_averaged(self):
        busy = self.threads[0]
        self.assertEqual((busy["name"], busy["threads"], busy["processes"]), ("busy", 10, 3))
        self.assertEqual(busy["cpu_ns"], 5_500_000_000)
        self.assertEqual(busy["wait_siblings_ns"], 2 * busy["cpu_ns"])
        self.assertEqual(busy["wait_others_ns"], busy["cpu_ns"])
        self.assertEqual(busy["blocked_ns"], 10 * busy["cpu_ns"])
        self.assertEqual((busy["switches"], busy["migrations"], busy["blocked_for"]), (40, 10, "read pipe"))

    def test_the_largest_cause_is_named(self):
        first, = (t for t in self.threads if t["name"] == "first")
        self.assertEqual(first["blocked_for"], "wait4")
        self.assertAlmostEqual(first["cpu_ns"], 5_000_000 + (self.runs - 1) / 2)

    def test_the_smallest_are_one_and_nothing_is_lost(self):
        self.assertEqual(len(self.threads), 24)
        self.assertEqual(self.threads[-1]["name"], "(others)")
        self.assertAlmostEqual(sum(t["threads"] for t in self.threads), 11 + NAMES + 1 / self.runs)
        self.assertAlmostEqual(sum(t["cpu_ns"] for t in self.threads),
                               5_500_000_000 + 5_000_000 + (self.runs - 1) / 2 + 1000 * NAMES + 50_000_000 / self.runs)

    def test_a_run_that_had_none_of_that_name_counts(self):
        hostile, = (t for t in self.threads if t["name"] == HOSTILE)
        self.assertAlmostEqual(hostile["cpu_ns"], 50_000_000 / self.runs)

    def test_text_page_and_csv_have_them(self):
        self.assertIn("Threads of the program", self.text)
        self.assertRegex(self.text, r"busy +10 +5\.500 +11\.000 +5\.500 +55\.000 +read pipe")
        self.assertIn("more names: threads.csv", self.text)
        with open(self.dir + "/report/threads.csv", encoding="utf-8", newline="") as f:
            rows = [r for r in csv.DictReader(f) if (r["guest"], r["cores"]) == ("native", "2")]
        self.assertEqual([r["thread"] for r in rows], [t["name"] for t in self.threads])
        self.assertEqual(float(rows[0]["cpu"]), 5.5)
        with open(self.dir + "/report/index.html", encoding="utf-8") as f:
            page = f.read()
        self.assertIn('id="threads"', page)
        self.assertNotIn(HOSTILE, page)

    def test_a_store_without_the_tables_has_no_such_section(self):
        old = self.base + "/old"
        make_store.make(SCHEMA, old, seed=3, small=True)
        with sqlite3.connect(old + "/experiment.db") as db:
            db.execute("DROP TABLE thread_blocked")
            db.execute("DROP TABLE thread")
        result = run("--verbose", old)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("Threads of the program", result.stdout)
        self.assertFalse(os.path.exists(old + "/report/threads.csv"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
