#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs as they are met in the field, and where their output goes: field_test.py COLLECTOR FIELD_PROGRAM MANDELBROT

The truth is what the program does by construction: CPU time that it used by its own clock, names that it gave."""
import os
import sqlite3
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

MS = 1_000_000
ON_CPU = ("user", "kernel", "irq")


class FieldTest(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        super().setUp()

    def meet(self, what, *options, ok=True):
        done = self.collect("--cores", "1", "--repeat", "1", "--program", self.programs["field"], *options,
                            workload=(what,))
        if ok:
            self.assertEqual(done.status, 0, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        return done, store

    def lane_ms(self, store, phase="work"):
        return sum(store.ns(1, state, phase=phase, lane=0) for state in ON_CPU) / MS


class Names(FieldTest):
    def test_phases_have_the_names_that_the_program_gives(self):
        _, store = self.meet("phases")
        self.assertEqual(list(store.phases(1)), ["boot", "load_data", "Solve", "größer als 1 %", "shutdown", "boot-2",
                                                 "x", "x-2", "<b>\"&'</b>"])
        run, = store.runs()
        whole = sum(end - begin for name, (begin, end) in store.phases(1).items() if name != "boot")
        self.assertEqual(run["runtime_ns"], whole)

    def test_a_thread_that_another_one_names_is_a_lane(self):
        _, store = self.meet("by-parent")
        self.assertGreater(self.lane_ms(store), 140)

    def test_a_name_with_a_suffix_is_a_lane_and_one_too_many_is_said(self):
        _, store = self.meet("suffix")
        self.assertGreater(self.lane_ms(store), 90)
        self.assertLess(self.lane_ms(store), 150)
        self.assertTrue(any("1 thread took the name of a lane from 1 on" in w for w in store.warnings()),
                        store.warnings())


class Identity(FieldTest):
    def test_an_exec_by_a_second_thread_changes_nothing(self):
        _, store = self.meet("exec")
        self.assertGreater(self.lane_ms(store), 140)
        self.assertEqual(store.runs()[0]["closed"], 1)

    def test_forked_processes_have_names_however_short_they_live(self):
        _, store = self.meet("forked", "--frequency", "499")
        for thread, ms in (("worker/0", 200), ("short", 150)):
            rows = store.rows(
                "SELECT symbol, sum(weight_ns) AS ns FROM sample JOIN stack ON stack.id = stack JOIN frame ON frame.id ="
                " stack.frame WHERE kind = 'oncpu' AND side = 'user' AND thread = ? GROUP BY 1 ORDER BY 2 DESC", thread)
            self.assertEqual(rows[0]["symbol"], "field_burn", [tuple(r) for r in rows])
            self.assertFalse(any("unknown" in r["symbol"] and r["ns"] > ms * MS / 10 for r in rows))

    def attach(self, program, *options):
        process = self.start("--attach", str(program.pid), "--timeout", "1", *options, workload=None)
        done = self.finish(process, clean=False)
        self.assertEqual(done.status, 0, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        return store

    def begin(self, *arguments):
        program = subprocess.Popen([self.programs["field"], *arguments], stdin=subprocess.DEVNULL)
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        time.sleep(0.1)
        return program

    def test_a_process_whose_first_thread_has_exited_can_be_attached_to(self):
        store = self.attach(self.begin("leaderless"))
        (count,), = store.rows("SELECT count(*) FROM sample JOIN stack ON stack.id = stack JOIN frame ON"
                               " frame.id = stack.frame WHERE symbol = 'field_burn'")
        self.assertGreater(count, 0)
        self.assertEqual(store.runs()[0]["cores"], len(harness.usable_cpus()))

    def test_arguments_that_are_no_text_are_kept_as_far_as_they_go(self):
        store = self.attach(self.begin("sleeps", b"caf\xe9".decode("utf-8", "surrogateescape"), "last"))
        self.assertEqual([row["value"] for row in store.rows("SELECT value FROM run, json_each(command)")][1:],
                         ["sleeps", "caf\ufffd", "last"])


class Ends(FieldTest):
    def failed(self, what, *words):
        begin = time.monotonic()
        done, store = self.meet(what, "--timeout", "50", ok=False)
        self.assertEqual(done.status, 1, done.stderr)
        self.assertLess(time.monotonic() - begin, 40, "the time was over before the run was")
        for word in words:
            self.assertIn(word, store.runs()[0]["error"])
        return store

    def test_a_run_ends_with_its_program_whoever_holds_its_output(self):
        store = self.failed("orphan", "ended with status 3")
        self.assertTrue(any("left 1 process still running" in w for w in store.warnings()), store.warnings())

    def test_a_program_that_closes_its_output_is_waited_for(self):
        self.failed("silent", "ended with status 0 in phase work, before the program's end")

    def test_a_daemon_that_is_left_behind_is_ended_and_that_is_said(self):
        _, store = self.meet("daemon")
        self.assertTrue(any("left 1 process still running (field-daemon)" in w for w in store.warnings()),
                        store.warnings())

    def test_a_status_is_no_signal_and_our_own_kill_is_none_of_another(self):
        self.failed("status", "ended with status 137")
        self.failed("lingers", "said its last word but did not end: the collector ended it")


class Output(FieldTest):
    def into(self, path, *command):
        """Exit status and standard error with standard output at @path, or closed."""
        out = None if path is None else os.open(path, os.O_WRONLY)
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, text=True,
                                  preexec_fn=None if out is not None else lambda: os.close(1), timeout=300, check=False,
                                  env=self.environment())
        finally:
            if out is not None:
                os.close(out)
        return done.returncode, done.stderr

    def test_output_that_cannot_be_written_is_an_error_on_every_path(self):
        folder = self.new_output()
        self.assertEqual(self.collect("--cores", "1", "--repeat", "1", "--program", self.programs["field"],
                                      workload=("phases",), output=folder).status, 0)
        report = os.path.join(os.path.dirname(os.path.dirname(self.collector)), "reports", "report")
        field = ("--program", self.programs["field"], "--cores", "1", "--repeat", "1")
        for command in ((self.collector, "--list-guests"), (self.collector, "--list-counters"),
                        (self.collector, "--doctor"), (self.collector, "--version"), (self.collector, "--help"),
                        (self.collector, *field, "--dry-run"),
                        (self.collector, *field, *harness.FREQUENCY, "-o", "NEW", "--", "suffix"),
                        (self.collector, *field, *harness.FREQUENCY, "--json", "-o", "NEW", "--", "suffix"),
                        (report, folder), (report, "--json", folder), (report, "--help"),
                        (self.programs["mandelbrot"], "-version"), (self.programs["mandelbrot"], "-help"),
                        (self.programs["mandelbrot"], *harness.SMALL)):
            for path in ("/dev/full", None):
                with self.subTest(command=command[:2], path=path):
                    status, words = self.into(path, *(self.new_output() if word == "NEW" else word
                                                      for word in command))
                    self.assertNotEqual(status, 0, words)
                    lost = [line for line in words.splitlines() if "write" in line and "output" in line]
                    self.assertEqual(len(lost), 1, words)

    def test_a_locked_store_is_waited_for_with_a_word(self):
        process = self.start("--cores", "1", "--repeat", "3", "--warmup", "0", "--program", self.programs["field"],
                             workload=("suffix",))
        path = process.folder + "/experiment.db"
        harness.wait_for("the store", lambda: os.path.exists(path), 30)
        db = sqlite3.connect(path, isolation_level=None, timeout=300)
        self.addCleanup(db.close)
        db.execute("BEGIN IMMEDIATE")
        harness.wait_for("a word", lambda: "waiting for another program to release" in
                         (harness.read_file(process.stderr_path) or ""), 60)
        time.sleep(6)  # longer than it was once waited for
        db.execute("COMMIT")
        done = self.finish(process)
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            self.assertEqual(len(store.runs("ok")), 3)

    def test_collectors_of_the_same_second_have_folders_of_their_own(self):
        done = []
        threads = [threading.Thread(target=lambda: done.append(subprocess.run(
            [self.collector, "--cores", "1", "--repeat", "1", *harness.FREQUENCY, "--program", self.programs["field"],
             "--", "status"], stdin=subprocess.DEVNULL, capture_output=True, cwd=self.work, text=True, timeout=300,
            check=False, env=self.environment()))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([d.returncode for d in done], [1, 1, 1], [d.stderr for d in done])
        self.assertEqual(len(os.listdir(self.work + "/results")), 3)


if __name__ == "__main__":
    harness.main("field", "mandelbrot")
