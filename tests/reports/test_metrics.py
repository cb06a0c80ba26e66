#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers in the program's output: test_metrics.py REPORT SCHEMA

They are put into a store, and come back from each report with statistics worked out here."""
import csv
import json
import math
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_store  # noqa: E402

REPORT, SCHEMA = (os.path.abspath(a) for a in sys.argv[1:3])
HOSTILE = "</td><script>alert(9)</script>"


def run(*arguments):
    return subprocess.run([REPORT, *arguments], capture_output=True, text=True, timeout=300, check=False)


def rate(guest, cores, repetition):
    """Known truth: more on two cores, less in docker than natively, a little noise."""
    return 100.0 * cores * {"native": 1.0, "docker": 0.8, "linux-minimal": 0.5, "osv": 0.4}[guest] + repetition


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = tempfile.mkdtemp(prefix="guestscope-report-")
        cls.addClassCleanup(shutil.rmtree, cls.base)
        cls.dir = cls.base + "/metrics"
        make_store.make(SCHEMA, cls.dir, seed=3, small=True)
        with sqlite3.connect(cls.dir + "/experiment.db") as db:
            cls.values = {}
            for run_id, guest, cores, repetition, status in db.execute(
                    "SELECT id, guest, cores, repetition, status FROM run").fetchall():
                value = rate(guest, cores, repetition)
                if (guest, cores, repetition) == ("docker", 2, 0):
                    value = None  # no match: missing, not zero
                elif status == "ok":
                    cls.values.setdefault((guest, cores), []).append(value)
                for name, number, better in (("rate", value, "higher"), ("count", 7, None), (HOSTILE, 1e300, "?"),
                                             ("latency", 1 / rate(guest, cores, repetition), "lower")):
                    db.execute("INSERT INTO metric VALUES (?, ?, ?, ?)", (run_id, name, number, better))
            db.execute("UPDATE metric SET value = 'text' WHERE name = ? AND run = 1", (HOSTILE,))
            db.execute("UPDATE metric SET value = 9e999 WHERE name = ? AND run = 2", (HOSTILE,))
            db.execute("INSERT INTO output VALUES (1, 'ab', 3, 40, 'sum 42', '42')")
        result = run("--json", cls.dir)
        assert result.returncode == 0, result.stderr
        cls.document = json.loads(result.stdout)
        cls.text = run("--verbose", cls.dir).stdout

    def spread(self, name, guest, cores):
        found, = [m for m in self.document["explanation"]["metrics"]
                  if (m["metric"], m["cell"]["guest"], m["cell"]["cores"]) == (name, guest, cores)]
        return found

    def read(self, name):
        with open(f"{self.dir}/report/{name}", encoding="utf-8", newline="") as f:
            return f.read()

    def test_means_medians_and_deviations_are_those_of_the_values(self):
        for (guest, cores), values in self.values.items():
            x = self.spread("rate", guest, cores)
            self.assertEqual((x["values"]["n"], x["better"]), (len(values), "higher"))
            for name, truth in (("mean", statistics.fmean(values)), ("median", statistics.median(values)),
                                ("min", min(values)), ("max", max(values)), ("stddev", statistics.stdev(values))):
                self.assertTrue(math.isclose(x["values"][name], truth, rel_tol=1e-9), (guest, cores, name))

    def test_a_run_without_the_number_is_missing_and_not_zero(self):
        x = self.spread("rate", "docker", 2)
        self.assertEqual((x["values"]["n"], x["values"]["min"]), (2, 161.0))
        run_id, = [r["id"] for r in self.document["runs"]
                   if (r["guest"], r["cores"], r["repetition"]) == ("docker", 2, 0)]
        row, = [r for r in csv.DictReader(self.read("runs.csv").splitlines()) if int(r["run"]) == run_id]
        self.assertEqual((row["metric_rate"], row["metric_count"]), ("", "7"))
        metrics, = [r["metrics"] for r in self.document["runs"] if r["id"] == run_id]
        self.assertEqual(metrics[0], {"name": "rate", "value": None, "better": "higher"})

    def test_of_two_stacks_the_worse_one_comes_first(self):
        def pair(name, cores):
            return [(x["a"]["guest"], x["b"]["guest"], x["differs"], x["values"]["difference"]["value"])
                    for x in self.document["explanation"]["metric_difference"]
                    if x["metric"] == name and x["a"]["cores"] == cores
                    and {x["a"]["guest"], x["b"]["guest"]} == {"native", "docker"}]

        self.assertEqual(pair("rate", 1), [("docker", "native", True, -20.0)])
        (worse, better, differs, difference), = pair("latency", 1)
        self.assertEqual((worse, better, differs), ("docker", "native", True))
        self.assertGreater(difference, 0)
        (_, _, differs, difference), = pair("count", 1)
        self.assertEqual((differs, difference), (False, 0))

    def test_a_metric_is_a_column_of_the_closing_summary_and_of_the_pages_table(self):
        text = run(self.dir).stdout
        title = next(line for line in text.splitlines() if line.startswith("stack "))
        self.assertRegex(title, r" boot s +rate +count ")
        self.assertRegex(text, r"\(and 2 more metrics: report --verbose, or the page\)")
        self.assertLessEqual(max(len(line) for line in text.split("\n\nThe page is")[0].splitlines()), 100)
        table = self.read("index.html").split('<section id="comparison"')[1].split("</section>")[0]
        for name in ("rate", "latency", "count"):
            self.assertIn(f'<th scope="col" class="n">{name}</th>', table)

    def test_the_text_has_a_table_and_a_finding(self):
        self.assertIn("rate, in the program's output; higher is better", self.text)
        self.assertIn("rate, against the best stack with the same number of cores", self.text)
        self.assertNotIn("count, against the smallest stack", self.text)  # it is the same in all runs
        self.assertRegex(self.text.replace("\n    ", " "),
                         r"rate on 1 core: 101 for native \(higher is better\); 81 for docker, lower by 20 % \[[^]]+\]"
                         r" \(p < 0\.001\); 41")
        self.assertLessEqual(max(len(line) for line in self.text.splitlines()), 100)

    def test_csv_equals_the_document(self):
        rows = list(csv.DictReader(self.read("metrics.csv").splitlines()))
        self.assertEqual(len(rows), 4 * 8)
        for row in rows:
            x = self.spread(row["metric"], row["guest"], int(row["cores"]))["values"]
            self.assertEqual(int(row["runs"]), x["n"])
            self.assertTrue(math.isclose(float(row["mean"]), x["mean"], rel_tol=1e-8), row)

    def test_the_page_shows_them_and_names_stay_text(self):
        page = self.read("index.html")
        section = page[page.index('<section id="metrics"'):page.index('<section id="explanation"')]
        for words in ("<h3>rate</h3>", "Higher is better.", "Lower is better.", "docker against native", "worse", "all equal"):
            self.assertIn(words, section)
        self.assertNotIn("<script>alert(9)", page)
        self.assertIn("&lt;script&gt;alert(9)", section)

    def test_what_is_no_finite_number_is_not_known(self):
        numbers = {m["value"] for r in self.document["runs"] if r["id"] in (1, 2) for m in r["metrics"]
                   if m["name"] == HOSTILE}
        self.assertEqual(numbers, {None})

    def test_what_a_program_wrote_is_in_its_run(self):
        outputs = [r["output"] for r in self.document["runs"] if r["output"]]
        self.assertEqual(outputs, [{"sha256": "ab", "lines": 3, "bytes": 40, "last": "sum 42", "result": "42"}])

    def old_store(self):
        folder = f"{self.base}/old-{self.id()}"
        shutil.copytree(self.dir, folder, ignore=shutil.ignore_patterns("report"))
        with sqlite3.connect(folder + "/experiment.db") as db:
            db.execute("DROP TABLE metric")
            db.execute("DROP TABLE output")
            db.execute("UPDATE experiment SET value = 'earlier' WHERE key = 'started_utc'")
        return folder

    def test_a_store_of_before_has_none(self):
        folder = self.old_store()
        result = run("--json", folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout)["explanation"]["metrics"], [])
        self.assertFalse(os.path.exists(folder + "/report/metrics.csv"))
        with open(folder + "/report/index.html", encoding="utf-8") as f:
            self.assertNotIn('<section id="metrics"', f.read())

    def test_it_is_merged_with_one_that_has_them(self):
        result = run("--json", self.dir, self.old_store(), "--output", f"{self.base}/merged")
        self.assertEqual(result.returncode, 0, result.stderr)
        names = {m["cell"]["guest"] for m in json.loads(result.stdout)["explanation"]["metrics"]}
        self.assertEqual(names, {f"{g}@metrics" for g in make_store.GUESTS})

    def test_a_difference_of_two_experiments_has_them(self):
        result = run("diff", "--output", f"{self.base}/diff", f"{self.dir}:native:1", f"{self.dir}:docker:1")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"rate +101 +81 +-20 +worse")
        self.assertRegex(result.stdout, r"count +7 +7 +0  not significant")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
