#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Several stores in one report: test_merge.py REPORT SCHEMA MERGED_TABLES

Shards of one experiment become that experiment, with nothing lost; experiments stand side by side; what
does not belong together is refused, but by force."""
import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import make_store  # noqa: E402

REPORT, SCHEMA, TABLES_PROGRAM = (os.path.abspath(a) for a in sys.argv[1:4])
PLAN = {"version": 1, "arguments": ["-width", "512"], "repeat": 3}
MACHINE = {"topology_shape": "Machine{Core*4}", "cpu_model": "Synthetic", "architecture": "x86_64",
           "kernel": "6.1.0", "kernel_version": "#1"}
TABLES = ("run", "phase", "boot_step", "account", "audit", "timeline", "timeline_detail", "counter", "sample", "sample_time", "guest_thread",
          "guest_process", "guest_task", "guest_cpu", "guest_book", "guest_timer", "guest_timer_cpu", "guest_queue", "guest_stuck",
          "guest_stack_end", "host_stack_end", "stack_module", "exit_sampling", "row", "worker", "metric", "output")


def change(folder, sql, *values):
    with sqlite3.connect(folder + "/experiment.db") as db:
        db.execute(sql, values)


def settings(folder, **values):
    for key, value in values.items():
        change(folder, "INSERT OR REPLACE INTO experiment VALUES (?, ?)", key, value)


class Merged(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """One store with something in every table, and the same in three shards."""
        cls.base = tempfile.mkdtemp(prefix="guestscope-test-")
        cls.addClassCleanup(shutil.rmtree, cls.base)
        whole = cls.base + "/whole"
        make_store.make(SCHEMA, whole, seed=1, small=True)
        with sqlite3.connect(whole + "/experiment.db") as db:
            db.execute("UPDATE run SET block = repetition + 1 - (SELECT min(repetition) FROM run)")
            db.execute("DELETE FROM warning WHERE run IS NULL")
            for table, columns in (("guest_thread", "run, 0, 4096 + run, 10 * run, run, 'one'"),
                                   ("guest_process", "run, 'init', 9 * run, run"),
                                   ("guest_task", "run, 'render', 'end', 1, NULL, 'init', 'running', 0, 8 * run, run, 0, 0, 0"),
                                   ("guest_cpu", "run, 'render', 'end', 0, 1, 1, 0, NULL, 0, 1000 + run, 5"),
                                   ("guest_timer", "run, 'render', 'end', 64 * run, 'armed', 9, 0, NULL, 0, 'cpu', 0, NULL, 0, 1, NULL, 0"),
                                   ("guest_timer_cpu", "run, 'render', 'end', 0, 1, 1, 0, 5, 9, 0, NULL"),
                                   ("guest_book", "run, 'render', 5, NULL, NULL, 'booked', 0, 50 + run, 20, 30, 0, 0, 0, 1, 0, 9, 2, 5, 4, 3"),
                                   ("guest_queue", "run, 'render', 0, 1000 + run, 100, 5, 4, 2, 1, 50, 40"),
                                   ("guest_stuck", "run, 'render', 0, 77 + run, 3"),
                                   ("guest_stack_end", "run, '', 'root', 7 * run"),
                                   ("host_stack_end", "run, 'libc.so.6', 'no unwind rule', 5 * run"),
                                   ("stack_module", "run, 'host', 'libc.so.6', '.eh_frame', 8 * run"),
                                   ("exit_sampling", "run, 'exit MSR', 6 * run, run"),
                                   ("row", "run, 3, 0, 1000 + run, 2000 + run"),
                                   ("sample_time", "run, 0, 1000 + run, 3, x'020004010601'"),
                                   ("metric", "run, 'rate', 100.5 + run, 'higher'"),
                                   ("output", "run, 'ab', 3, 40 + run, 'last', NULL")):
                db.execute(f"DELETE FROM {table}")
                db.execute(f"INSERT INTO {table} SELECT {columns.replace('run', 'id')} FROM run")
            db.execute("UPDATE sample SET guest_thread = 4096 + run WHERE run % 2")
            # where all is known of a frame it is unique in its store, but not among several
            db.execute("UPDATE frame SET file = 'src/mandelbrot.c', line = 77 WHERE module = 'mandelbrot'")
        settings(whole, plan=json.dumps(PLAN), plan_id="f00", **MACHINE)
        for i in (1, 2, 3):
            part = f"{cls.base}/part-{i}"
            shutil.copytree(whole, part)
            settings(part, shard=f"{i}/3", planned_runs=8, hostname=f"node-{i}")
            with sqlite3.connect(part + "/experiment.db") as db:
                for table in TABLES[1:] + ("warning",):
                    db.execute(f"DELETE FROM {table} WHERE run IN (SELECT id FROM run WHERE block <> ?)", (i,))
                db.execute("DELETE FROM run WHERE block <> ?", (i,))
                db.execute("INSERT INTO warning VALUES (NULL, 'said by all')")
                db.execute("INSERT INTO warning VALUES (NULL, 'said by ' || ?)", (i,))

    def setUp(self):
        self.work = tempfile.mkdtemp(prefix="guestscope-test-")
        self.addCleanup(shutil.rmtree, self.work)

    def copy(self, name, to=None):
        target = f"{self.work}/{to or name}"
        shutil.copytree(f"{self.base}/{name}", target)
        if to:  # the same plan, measured another time
            settings(target, started_utc=to)
        return target

    def parts(self, *numbers):
        return [self.copy(f"part-{i}") for i in numbers or (1, 2, 3)]

    def run_report(self, *arguments):
        return subprocess.run([REPORT, *arguments], capture_output=True, text=True, timeout=300, check=False)

    def document(self, *arguments):
        self.outputs = getattr(self, "outputs", 0) + 1
        done = self.run_report("--json", "-o", f"{self.work}/out-{self.outputs}", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def refused(self, words, *arguments):
        done = self.run_report("-o", self.work + "/out", *arguments)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertFalse(os.path.exists(self.work + "/out"))

    @staticmethod
    def texts(document):
        return [w["text"] for w in document["warnings"] if w["run"] is None]


class Shards(Merged):
    def test_are_the_experiment_again_to_the_nanosecond(self):
        whole, parts = self.document(self.copy("whole")), self.document(*self.parts())
        for number in ("guest", "cores", "runs", "runs_ok", "runs_closed", "lost_events"):
            self.assertEqual([c[number] for c in parts["cells"]], [c[number] for c in whole["cells"]])
        for a, b in zip(whole["cells"], parts["cells"]):
            self.assertEqual({k: round(v, 3) for k, v in a["runtime_ns"].items() if k in ("n", "mean", "min", "max")},
                             {k: round(v, 3) for k, v in b["runtime_ns"].items() if k in ("n", "mean", "min", "max")})
        self.assertEqual(sorted(r["runtime_ns"] or 0 for r in whole["runs"]),
                         sorted(r["runtime_ns"] or 0 for r in parts["runs"]))

    def test_lose_no_row_of_any_table(self):
        """Tables are compared column by column, but for identifiers; samples also stack by stack."""
        found = []
        for paths in ([self.copy("whole")], self.parts()):
            done = subprocess.run([TABLES_PROGRAM, *paths], capture_output=True, text=True, timeout=300, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            found.append(done.stdout.splitlines())
        for table in TABLES:
            self.assertTrue(any(line.startswith(f"{table}.") and " 0" not in line for line in found[0]), table)
        self.assertEqual(found[0], found[1])
        found = {}
        for name, paths in (("whole", [self.work + "/whole"]), ("parts", [f"{self.work}/part-{i}" for i in (1, 2, 3)])):
            done = self.run_report("export", "--format", "folded", "-o", f"{self.work}/{name}-out", *paths)
            self.assertEqual(done.returncode, 0, done.stderr)
            found[name] = {}
            for path in done.stdout.split():
                with open(path, encoding="utf-8") as f:
                    found[name][os.path.basename(path)] = sorted(f.read().splitlines())
        self.assertEqual(found["parts"], found["whole"])

    def test_keep_what_differs_apart_and_say_once_what_does_not(self):
        document = self.document(*self.parts())
        self.assertEqual(document["experiment"]["kernel"], "6.1.0")
        for i in (1, 2, 3):
            self.assertEqual(document["experiment"][f"hostname (part-{i})"], f"node-{i}")
        self.assertEqual(sorted(self.texts(document)),
                         ["part-1: said by 1", "part-2: said by 2", "part-3: said by 3", "said by all"])

    def test_that_are_missing_or_unfinished_are_told(self):
        parts = self.parts(1, 3)
        change(parts[1], "DELETE FROM run WHERE guest = 'osv'")
        words = self.texts(self.document(*parts))
        self.assertTrue(any("3 shards, 1 is missing: 2" in w for w in words), words)
        self.assertTrue(any(w.startswith("part-3: stopped after 6 of 8") for w in words), words)
        self.assertTrue(any(w.startswith("stopped after 6 of 8") for w in self.texts(self.document(parts[1]))))
        odd = self.work + "/it's $HOME, really"
        shutil.copytree(parts[1], odd)
        words, = [w for w in self.texts(self.document(odd)) if w.startswith("stopped after")]
        self.assertEqual(shlex.split(words.split("continue with: ")[1]), ["collector", "--resume", odd])

    def test_given_twice_are_refused(self):
        self.refused(["twice", "block 2"], *self.parts(1, 2), self.copy("part-2", "again"))
        self.refused(["twice", "block 2"], "--force", *(f"{self.work}/{n}" for n in ("part-1", "part-2", "again")))

    def test_of_different_machines_are_refused_but_by_force(self):
        parts = self.parts()
        for key, word in (("topology_shape", "topology"), ("cpu_model", "processor"), ("kernel", "kernel")):
            with self.subTest(key=key):
                settings(parts[2], **{key: "another"})
                self.refused(["part-1", "part-3", word, "another", "--force"], *parts)
                words = self.texts(self.document("--force", *parts))
                self.assertTrue(any("different machines" in w and word in w for w in words), words)
                settings(parts[2], **{key: MACHINE[key]})
        change(parts[1], "UPDATE run SET accel = 'kvm' WHERE guest = 'osv'")
        self.refused(["osv", "kvm", "tcg", "--force"], *parts)

    def test_beside_another_experiment_carry_one_name(self):
        document = self.document(*self.parts(), self.copy("whole", "before"))
        self.assertEqual({c["guest"].split("@")[1] for c in document["cells"]}, {"part-1", "before"})
        self.assertEqual(len(document["cells"]), 16)


class SideBySide(Merged):
    def test_whole_experiments_of_the_same_plan_are_compared(self):
        document = self.document(self.copy("whole", "before"), self.copy("whole", "after"))
        self.assertEqual({c["guest"].split("@")[1] for c in document["cells"]}, {"before", "after"})

    def test_one_given_twice_is_refused(self):
        whole, again = self.copy("whole"), self.work + "/again"
        shutil.copytree(whole, again)
        for other in (whole, again, whole + "/experiment.db"):
            self.refused(["same experiment", "twice"], whole, other)
            self.refused(["same experiment", "twice"], "--force", whole, other)

    def test_different_workloads_are_refused_but_by_force(self):
        a, b = self.copy("whole", "a"), self.copy("whole", "b")
        settings(b, plan=json.dumps({**PLAN, "arguments": ["-width", "1024"]}))
        self.refused(["a and b", "-width 512", "-width 1024", "--force"], a, b)
        self.assertTrue(any("different workloads" in w for w in self.texts(self.document("--force", a, b))))
        for folder in (a, b):
            change(folder, "DELETE FROM experiment WHERE key = 'plan'")
        settings(b, scenario="paper-1")
        self.refused(["quick", "paper-1"], a, b)

    def test_different_programs_are_refused_but_by_force(self):
        a, b = self.copy("whole", "a"), self.copy("whole", "b")
        for folder, digest in ((a, "aa" * 32), (b, "bb" * 32)):
            settings(folder, plan=json.dumps({**PLAN, "files": {"program": digest}}))
        self.document(a, b)  # two builds of our own workload
        for folder in (a, b):
            settings(folder, scenario="program")
        self.refused(["a and b", "different programs", "aaaa", "bbbb", "--force"], a, b)
        self.assertTrue(any("different programs" in w for w in self.texts(self.document("--force", a, b))))

    def test_a_store_of_an_older_collector_has_less_in_it(self):
        a, b = self.copy("whole", "a"), self.copy("whole", "b")
        for table in ("guest_thread", "guest_process", "guest_task", "guest_cpu", "guest_book", "guest_timer", "guest_timer_cpu", "guest_queue",
                      "guest_stuck", "guest_stack_end", "host_stack_end", "stack_module", "boot_step"):
            change(b, f"DROP TABLE {table}")
        change(b, "DELETE FROM experiment WHERE key IN ('plan', 'plan_id')")
        self.assertEqual(len(self.document(a, b)["cells"]), 16)

    def test_a_damaged_store_among_good_ones_is_named(self):
        a, b = self.copy("whole", "a"), self.copy("whole", "b")
        change(b, "PRAGMA user_version = 99")
        self.refused(["b/experiment.db", "version 99"], a, b)
        with open(b + "/experiment.db", "r+b") as f:
            f.truncate(40000)
        self.refused([b], a, b)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[4:], verbosity=2)
