#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is taken from a program's output: output_test.py COLLECTOR OUTPUT_PROGRAM REPORT

The truth is what the program writes by construction (output_program.c)."""
import csv
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

RATE = "rate=^rate ([0-9.]+):higher"


class OutputTest(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        super().setUp()

    def run_program(self, what, *options, status=0, repeat=1, **more):
        done = self.collect("--cores", "1", "--repeat", str(repeat), "--warmup", "0", "--program",
                            self.programs["output"], *options, workload=(what,), **more)
        self.assertEqual(done.status, status, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        return done, store

    def counted(self):
        return {"COUNT_FILE": os.path.join(self.work, "count")}

    def metrics(self, store, name="rate"):
        return [r["value"] for r in store.rows("SELECT value FROM metric WHERE name = ? ORDER BY run", name)]


class Metrics(OutputTest):
    def test_the_last_match_is_the_value_in_store_and_reports(self):
        done, store = self.run_program("numbers", "--metric", RATE, "--metric", "sum=sum [0-9]+",
                                       "--metric", "none=nothing ([0-9]+):lower", "--json", repeat=3)
        self.assertEqual(self.metrics(store), [1010.5] * 3)
        self.assertEqual(self.metrics(store, "sum"), [None] * 3)
        self.assertEqual(self.metrics(store, "none"), [None] * 3)
        self.assertEqual(len([w for w in store.warnings() if w == "metric none: no line of the output matches"]), 3)
        self.assertIn("metric sum: what matches is no number: 'sum 42'", store.warnings())
        document = json.loads(done.stdout)
        rate, = [m for m in document["explanation"]["metrics"] if m["metric"] == "rate"]
        self.assertEqual((rate["values"]["n"], rate["values"]["mean"], rate["better"]), (3, 1010.5, "higher"))
        self.assertEqual(document["runs"][0]["metrics"][0], {"name": "rate", "value": 1010.5, "better": "higher"})
        with open(f"{done.folder}/report/metrics.csv", encoding="utf-8") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual([(r["metric"], r["runs"], r["mean"]) for r in rows],
                         [("rate", "3", "1010.5"), ("sum", "0", ""), ("none", "0", "")])
        text = subprocess.run([self.programs["report"], "--verbose", done.folder], capture_output=True, text=True, check=True).stdout
        self.assertIn("rate, in the program's output; higher is better", text)
        self.assertIn("1010.5", text)

    def test_a_run_without_a_match_is_measured_and_the_metric_is_missing_there(self):
        _, store = self.run_program("missing", "--metric", RATE, repeat=3, env=self.counted())
        self.assertEqual([r["status"] for r in store.runs()], ["ok"] * 3)
        self.assertEqual(self.metrics(store), [None, 5, 5])

    def test_a_flood_is_read_to_its_end_and_kept_up_to_the_limit(self):
        done, store = self.run_program("flood", "--metric", RATE, "--same-output", repeat=2, timeout=harness.PATIENCE)
        self.assertEqual(self.metrics(store), [7, 7])
        self.assertEqual(os.path.getsize(f"{done.folder}/logs/run-0001.console"), 64 << 20)
        self.assertTrue(any("writes more than 64 MiB" in w for w in store.warnings()), store.warnings())
        first, second = store.rows("SELECT * FROM output ORDER BY run")
        self.assertEqual(first["sha256"], second["sha256"])
        self.assertEqual(first["last"], "rate 7")


class Phases(OutputTest):
    def test_a_phase_begins_at_the_first_line_that_matches(self):
        _, store = self.run_program("steps", "--phase", "solve=^iteration 1", "--phase", "late=^iteration 3$",
                                    "--phase", "never=^iteration 4")
        self.assertEqual(list(store.phases(1)), ["boot", "work", "solve", "late", "rest"])
        length = {name: (end - begin) / 1e6 for name, (begin, end) in store.phases(1).items()}
        self.assertGreater(length["solve"], 110)
        self.assertLess(length["solve"], 160)
        self.assertGreater(length["late"], 55)
        self.assertLess(length["late"], 90)
        self.assertIn("phase never: no line of the output matches before the run ends", store.warnings())
        self.assertEqual(store.runs()[0]["closed"], 1)


class Unmodified(OutputTest):
    """A program that writes no markers, in each stack that is here."""

    def test_all_stacks_take_the_same_from_its_output(self):
        stacks = harness.guests_available(self.collector, "native", "docker", "linux-minimal")
        _, store = self.run_program("plain", "--guest", ",".join(stacks), "--metric", RATE, "--same-output", "--result",
                                    "sum (.*)", "--phase", "solve=^iteration 2$", timeout=harness.PATIENCE)
        self.assertEqual(self.metrics(store), [12.5] * len(stacks))
        outputs = {tuple(r)[1:] for r in store.rows("SELECT * FROM output")}
        self.assertEqual([(lines, last, result) for _, lines, _, last, result in outputs], [(5, "sum 42", "42")])
        for run in store.runs():
            self.assertEqual(list(store.phases(run["id"])), ["boot", "run", "solve"], run["guest"])

    def test_osv_has_metrics_and_a_result(self):
        if not harness.guests_available(self.collector, "osv"):
            harness.skip("no OSv kernel here")
        _, store = self.run_program("plain", "--guest", "native,osv", "--metric", RATE, "--result", "^sum (.*)", timeout=harness.PATIENCE)
        self.assertEqual(self.metrics(store), [12.5, 12.5])


class Sameness(OutputTest):
    def test_runs_that_write_the_same_are_measured(self):
        _, store = self.run_program("numbers", "--same-output", "--result", "sum (.*)", repeat=2)
        (first, second) = store.rows("SELECT * FROM output ORDER BY run")
        self.assertEqual(tuple(first)[1:], tuple(second)[1:])
        self.assertEqual((first["lines"], first["last"], first["result"]), (4, "sum 42", "42"))

    def test_a_run_that_writes_something_else_has_failed_and_both_are_shown(self):
        _, store = self.run_program("differs", "--same-output", status=1, repeat=2, env=self.counted())
        self.assertEqual([r["status"] for r in store.runs()], ["ok", "failed"])
        self.assertIn("its output is not that of run 1: line 1 is 'sum 1', there 'sum 0'; 1 lines of 5 bytes, there 1 of 5",
                      store.runs()[1]["error"])

    def test_results_are_compared_with_the_first_runs_after_a_break_too(self):
        done, store = self.run_program("differs", "--result", "sum (.*)", status=1, repeat=2, env=self.counted())
        self.assertIn("its result is '1', that of run 1 is '0'", store.runs()[1]["error"])
        db = harness.sqlite3.connect(f"{done.folder}/experiment.db")
        for table, in db.execute("SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'run'"
                                 ).fetchall():
            db.execute(f"DELETE FROM {table} WHERE run = 2")
        db.execute("DELETE FROM run WHERE id = 2")
        db.commit()
        db.close()
        again = self.collect(resume=done.folder, env=self.counted())
        self.assertEqual(again.status, 1, again.stderr)
        self.assertIn("its result is '2', that of run 1 is '0'", store.runs()[1]["error"])

    def test_a_run_without_a_result_has_failed(self):
        _, store = self.run_program("numbers", "--result", "total (.*)", status=1)
        self.assertEqual(store.runs()[0]["error"], "no line of its output matches --result")

    def test_where_the_output_cannot_be_told_from_the_guests_that_is_said_first(self):
        done = self.collect("--guest", "native,osv", "--same-output", workload=None)
        self.assert_one_line(done, 2, "--same-output: in osv", "use --result REGEX")

    def test_mistakes_are_one_line(self):
        for options, words in ((("--metric", "a=("), "'(' is no regular expression: Unmatched"),
                               (("--phase", "boot=x"), "'boot' has a meaning of its own"),
                               (("--metric", "a=x", "--boot-only"), "--metric and --boot-only do not go together"),
                               (("--metric", "a=x", "--attach", "1"), "--metric cannot be used with --attach")):
            self.assert_one_line(self.collect(*options, workload=None), 2, words)


if __name__ == "__main__":
    harness.main("output", "report")
