#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The boot's steps in the reports: test_boot.py REPORT SCHEMA [unittest arguments]."""
import csv
import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_store  # noqa: E402

REPORT, SCHEMA = sys.argv[1:3]


def run(*arguments):
    return subprocess.run([REPORT, *arguments], capture_output=True, text=True, timeout=300, check=False)


class Case(unittest.TestCase):
    """One store, reported once."""

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="guestscope-report-")
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)
        make_store.make(SCHEMA, cls.dir, seed=3, small=True)
        cls.db = sqlite3.connect(os.path.join(cls.dir, "experiment.db"))
        cls.addClassCleanup(cls.db.close)
        cls.text = run("--verbose", cls.dir).stdout
        cls.document = cls.read(cls.dir)

    @staticmethod
    def read(*folders, options=()):
        result = run("--json", *options, *folders)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def changed(self, sql):
        """A copy of the store, changed by @sql."""
        folder = tempfile.mkdtemp(prefix="guestscope-report-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        shutil.copy(os.path.join(self.dir, "experiment.db"), folder)
        db = sqlite3.connect(os.path.join(folder, "experiment.db"))
        db.execute("DELETE FROM sample")  # no flame graphs: they take their time
        db.executescript(sql)
        db.commit()
        db.close()
        return folder

    def steps_of(self, guest, cores, names):
        """ns of each step, one list a step, of the runs that have just these steps."""
        rows = self.db.execute(
            "SELECT run, b.name, b.end_ns - b.start_ns FROM boot_step b JOIN run ON run.id = b.run"
            " WHERE guest = ? AND cores = ? AND status = 'ok' ORDER BY run, b.position", (guest, cores)).fetchall()
        runs = {}
        for number, name, ns in rows:
            runs.setdefault(number, []).append((name, ns))
        return list(zip(*([ns for _, ns in r] for r in runs.values() if [n for n, _ in r] == names)))

    def test_steps_equal_those_of_the_store(self):
        for cell in self.document["cells"]:
            names = [s["name"] for s in cell["boot_steps"]]
            self.assertEqual(names, [s[0] for s in make_store.BOOT_STEPS[cell["guest"]]])
            for step, values in zip(cell["boot_steps"], self.steps_of(cell["guest"], cell["cores"], names)):
                self.assertEqual(step["n"], len(values))
                self.assertAlmostEqual(step["mean"], statistics.mean(values), delta=1)
                self.assertAlmostEqual(step["stddev"], statistics.stdev(values), delta=1)
                self.assertEqual(step["median"], statistics.median(values))
                self.assertEqual((step["min"], step["max"]), (min(values), max(values)))

    def test_means_of_the_steps_sum_to_the_mean_boot(self):
        for cell in self.document["cells"]:
            if (cell["guest"], cell["cores"]) == ("osv", 1):
                continue  # one of its runs has other steps
            self.assertAlmostEqual(sum(s["mean"] for s in cell["boot_steps"]), cell["boot_ns"]["mean"], delta=1)

    def test_a_run_with_other_steps_is_left_out_and_said(self):
        cell = next(c for c in self.document["cells"] if (c["guest"], c["cores"]) == ("osv", 1))
        self.assertEqual({s["n"] for s in cell["boot_steps"]}, {2})
        self.assertIn("2 runs (1 more with other steps)", self.text)

    def test_every_run_has_its_own_steps(self):
        for r in self.document["runs"]:
            if r["status"] != "ok":
                self.assertEqual(r["boot_steps"], [])
                continue
            self.assertEqual(sum(s["end_ns"] - s["start_ns"] for s in r["boot_steps"]), r["boot_ns"])

    def test_csv_and_text_have_every_step(self):
        self.assertIn("Boot, taken apart", self.text)
        self.assertLessEqual(max(len(line) for line in self.text.splitlines()), 100)
        with open(os.path.join(self.dir, "report", "boot.csv"), encoding="utf-8", newline="") as f:
            rows = list(csv.DictReader(f))
        for cell in self.document["cells"]:
            mine = [r for r in rows if (r["guest"], int(r["cores"])) == (cell["guest"], cell["cores"])]
            self.assertEqual([r["step"] for r in mine], [s["name"] for s in cell["boot_steps"]])
            for row, step in zip(mine, cell["boot_steps"]):
                self.assertAlmostEqual(float(row["mean_s"]) * 1e9, step["mean"], delta=1)

    def test_a_store_without_steps_has_no_such_table(self):
        folder = self.changed("DELETE FROM boot_step")
        self.assertNotIn("Boot, taken apart", run("--verbose", folder).stdout)

    def test_an_older_store_without_the_table_is_read(self):
        document = self.read(self.changed("DROP TABLE boot_step"))
        self.assertEqual({tuple(c["boot_steps"]) for c in document["cells"]}, {()})

    def test_a_store_of_boots_alone_is_reported(self):
        folder = self.changed("UPDATE run SET runtime_ns = NULL, guest_runtime_ns = NULL;"
                              + "".join(f"DELETE FROM {table} WHERE phase <> 'boot';"
                                        for table in ("account", "audit"))
                              + "DELETE FROM phase WHERE name <> 'boot'; DELETE FROM worker; DELETE FROM counter;")
        result = run("--verbose", folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("Boots: 95 % interval of the mean", result.stdout)
        self.assertNotIn("Where the lanes' time went", result.stdout)
        brief = run(folder).stdout
        self.assertRegex(brief, r"(?m)^stack +cores runs +boot s +95 %$")
        self.assertRegex(brief, r"(?m)^linux-minimal +2 +3/3 +[0-9.]+ +\[[0-9.]+, [0-9.]+\]$")
        for name in ("index.html", "summary.csv", "runs.csv"):
            with open(os.path.join(folder, "report", name), encoding="utf-8") as f:
                words = re.sub("<(script|style).*?</\\1>", "", f.read(), flags=re.S)
            self.assertNotRegex(words, r"\b-?(nan|inf)\b")

    def test_merged_stores_keep_their_steps(self):
        document = self.read(self.changed(""), self.changed("UPDATE experiment SET value = 'later' WHERE key = 'started_utc'"), options=("--output", os.path.join(self.dir, "merged")))
        self.assertEqual(len(document["cells"]), 2 * len(self.document["cells"]))
        self.assertTrue(all(c["boot_steps"] for c in document["cells"]))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
