#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How the guests of failed runs ended, in reports: test_failures.py REPORT SCHEMA"""
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
HOSTILE = "</td><b>9</"
SECOND = 1_000_000_000


def run(*arguments):
    return subprocess.run([REPORT, *arguments], capture_output=True, text=True, timeout=300, check=False)


def add_end(db, number, phase):
    """Two CPUs: the first one's own timer is half in the second one's lists, which count one too many."""
    db.execute("INSERT INTO phase VALUES (?, 'boot', 0, 1), (?, ?, 1, 2)", (number, number, phase))
    for cpu in (0, 1):
        db.execute("INSERT INTO guest_cpu VALUES (?, ?, 'end', ?, ?, ?, ?, NULL, 0, 5, 6)", (number, phase, cpu, 1 - cpu, 7 + cpu, cpu))
        db.execute("INSERT INTO guest_timer_cpu VALUES (?, ?, 'end', ?, ?, ?, 0, ?, ?, 0, ?)",
                   (number, phase, cpu, 1, 1 + cpu, 10 * SECOND - cpu, 11 * SECOND if cpu else None,
                    "its list leads nowhere" if cpu else None))
    for thread, name, state, cpu in ((1, "old", "terminated", 0), (2, "asleep", "waiting", 1), (7, HOSTILE, "running", 0),
                                     (8, "idle1", "running", 1), (9, "next", "queued", 0)):
        db.execute("INSERT INTO guest_task VALUES (?, ?, 'end', ?, NULL, ?, ?, ?, 5000, 1, 1, 1, 0)",
                   (number, phase, thread, name, state, cpu))
    for row in ((10 * SECOND + 2_000_000, 0, None, 0, "thread", 2, "asleep", 0, 1, None),
                (9 * SECOND, None, 1, 0, "cpu", 0, None, 0, 1, "half linked into the lists of another CPU than its owner's"),
                (12 * SECOND, 1, None, 0, None, None, None, None, 0, "its owner is neither a thread nor a CPU")):
        db.execute("INSERT INTO guest_timer VALUES (?, ?, 'end', 4096, 'armed', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                   (number, phase, *row))


class Failures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = tempfile.mkdtemp(prefix="guestscope-report-")
        cls.addClassCleanup(shutil.rmtree, cls.base)
        cls.dir = cls.base + "/failed"
        make_store.make(SCHEMA, cls.dir, seed=5, small=True)
        with sqlite3.connect(cls.dir + "/experiment.db") as db:
            cls.number, = db.execute("SELECT id FROM run WHERE status = 'failed'").fetchone()
            add_end(db, cls.number, "render")
        result = run("--json", cls.dir)
        assert result.returncode == 0, result.stderr
        cls.document = json.loads(result.stdout)

    def end(self, document=None):
        return next(r for r in (document or self.document)["runs"] if r["id"] == self.number)["guest_at_failure"]

    def change(self, *statements):
        folder = self.base + "/" + self.id().rsplit(".", 1)[-1]
        shutil.copytree(self.dir, folder)
        with sqlite3.connect(folder + "/experiment.db") as db:
            for s in statements:
                db.execute(s)
        return folder

    def test_a_count_that_is_not_known_is_no_alarm(self):
        def alarms(folder):
            self.assertEqual(run("--force", folder).returncode, 0)
            with open(folder + "/report/index.html", encoding="utf-8") as f:
                row, = re.findall(r"<tr[^>]*>(?:(?!</tr>).)*CPU 1<(?:(?!</tr>).)*its list leads nowhere(?:(?!</tr>).)*", f.read(), re.S)
            return row.count("bad")
        differs = alarms(self.change())
        shutil.rmtree(self.base + "/" + self.id().rsplit(".", 1)[-1])
        self.assertEqual(alarms(self.change("UPDATE guest_timer_cpu SET counted = NULL")), differs - 1)

    def test_the_document_has_it_of_failed_runs_alone(self):
        end = self.end()
        self.assertEqual(end["phase"], "render")
        self.assertEqual([t["fault"] is not None for t in end["timers"]], [True, True, False])
        self.assertEqual(end["timers"][0]["links_cpu"], 1)
        self.assertEqual([t["state"] for t in end["threads"]], ["running", "running", "queued", "waiting", "terminated"])
        self.assertEqual([(c["timers"], c["counted"]) for c in end["cpus"]], [(1, 1), (1, 2)])
        self.assertTrue(all("guest_at_failure" not in r for r in self.document["runs"] if r["status"] == "ok"))

    def test_the_terminal_has_what_does_not_fit_first(self):
        result = run("--verbose", self.dir)
        self.assertEqual(result.returncode, 0, result.stderr)
        text = result.stdout[result.stdout.index(f"Run {self.number} failed in phase render"):]
        self.assertRegex(text, r"(?m)^CPU 1 +idle1 +0 +1 +2 +0 +in 1\.000 s$\n  \^ its list leads nowhere$")
        self.assertRegex(text, r"(?m)^CPU 0 itself +0 +none +armed +1\.000 s ago$\n  \^ half linked into the lists of another CPU")
        self.assertRegex(text, r"(?m)^asleep \(2\) +0 +CPU 0 +armed +in 2\.000 ms$")
        self.assertLess(text.index("CPU 0 itself"), text.index("asleep (2)"))
        for line in text[:text.index("Findings")].splitlines():
            self.assertLessEqual(len(line), 80, line)

    def test_the_page_has_it_and_stands_names(self):
        self.assertEqual(run(self.dir).returncode, 0)
        with open(self.dir + "/report/index.html", encoding="utf-8") as f:
            page = f.read()
        section = re.search(r'(?s)<section id="failures".*?</section>', page).group()
        self.assertIn("half linked into the lists", section)
        self.assertNotIn(HOSTILE, section)

    def test_a_reading_before_the_last_phase_is_no_news_of_the_end(self):
        folder = self.change(f"INSERT INTO phase VALUES ({self.number}, 'encode', 3, 4)")
        self.assertIsNone(self.end(json.loads(run("--json", folder).stdout)))
        self.assertNotIn("failed in phase", run("--verbose", folder).stdout)

    def test_older_stores_have_no_timers(self):
        folder = self.change("DROP TABLE guest_timer", "DROP TABLE guest_timer_cpu")
        end = self.end(json.loads(run("--json", folder).stdout))
        self.assertEqual((len(end["threads"]), end["timers"], end["cpus"][0]["timers"]), (5, [], None))
        self.assertIn("failed in phase render", run("--verbose", folder).stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
