#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--attach: a process that runs already is measured and left alone: attach_test.py COLLECTOR ATTACH_PROGRAM"""
import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

NOBODY = 65534
PHASE = "attached"


class Attach(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        super().setUp()

    def program(self, *kinds):
        """A running program with a thread of each kind, and one more that waits for its end."""
        process = subprocess.Popen([self.programs["program"], *kinds], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(self._end_program, process)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    @staticmethod
    def _end_program(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()

    def attach(self, pid, *arguments, **more):
        """A collector that is attached."""
        process = self.start("--attach", str(pid), *arguments, workload=None, **more)
        said = process.stderr_path
        harness.wait_for("an attached collector", lambda: "attached to process" in (harness.read_file(said) or "")
                         or process.poll() is not None)
        self.assertIsNone(process.poll(), harness.read_file(said))
        return process

    def measure(self, pid, *arguments, seconds=1.0, number=signal.SIGINT):
        """Attached for that long, then told to end."""
        process = self.attach(pid, *arguments)
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.send_signal(number)
        done = self.finish(process)
        self.assertEqual(done.status, 0, done.stderr)
        return done

    def the_run(self, store):
        self.assert_measured(store)
        (run,) = store.runs()
        self.assertEqual(run["scenario"], "attach")
        self.assertEqual(list(store.phases(1)), [PHASE])
        begin, end = store.phases(1)[PHASE]
        self.assertEqual(run["runtime_ns"], end - begin)
        return run

    def test_a_thread_that_computes_is_booked_as_computing_from_the_first_moment(self):
        program = self.program("burn", "burn")
        done = self.measure(program.pid)
        with done.store() as store:
            run = self.the_run(store)
            self.assertEqual((run["guest"], run["cores"]), ("process", 3))
            for lane in (0, 1):
                book = store.book(1, PHASE, lane)
                waited = store.ns(1, "preempted", lane=lane) + store.ns(1, "wakeup", lane=lane)
                self.assertEqual(store.ns(1, "blocked", lane=lane), 0, book)
                # What no one took from it, apart from interrupts, it computed.
                self.assertGreater(store.ns(1, "user", lane=lane), 0.8 * (run["runtime_ns"] - waited), book)
        self.assertIsNone(program.poll(), "the process does not survive")

    def test_a_thread_that_sleeps_all_the_time_is_blocked_on_what_it_sleeps_in(self):
        program = self.program("sleep", "pipe", "futex")
        done = self.measure(program.pid)
        with done.store() as store:
            run = self.the_run(store)
            self.assertEqual(run["cores"], 4)
            for lane, cause in enumerate(("clock_nanosleep", "read pipe", "futex lock", "read pipe")):
                self.assertEqual(store.ns(1, "blocked", cause, lane=lane), run["runtime_ns"],
                                 store.book(1, PHASE, lane))
                # Its stacks are not known, its time is.
                away = store.rows("SELECT sum(weight_ns) FROM sample WHERE kind = 'offcpu' AND lane = ?", lane)[0][0]
                self.assertEqual(away, run["runtime_ns"])

    def test_a_stopped_process_is_blocked_and_stopped(self):
        program = self.program("burn")
        program.send_signal(signal.SIGSTOP)
        harness.wait_for("a stopped process", lambda: harness.process_state(program.pid) == "T")
        done = self.measure(program.pid)
        with done.store() as store:
            run = self.the_run(store)
            self.assertEqual(store.ns(1, "blocked", "stopped", lane=0), run["runtime_ns"])

    def test_threads_that_call_themselves_workers_are_the_lanes(self):
        program = self.program("sleep", "worker/1", "worker/0")
        done = self.measure(program.pid, seconds=0.5)
        with done.store() as store:
            run = self.the_run(store)
            self.assertEqual(run["cores"], 2)
            self.assertEqual(store.ns(1, "blocked"), 0)
            threads = store.rows("SELECT DISTINCT lane, thread FROM sample WHERE kind = 'oncpu' AND lane >= 0 ORDER BY lane")
            self.assertEqual([tuple(r) for r in threads], [(0, "worker/0"), (1, "worker/1")])

    def test_the_lanes_of_QEMU_are_its_vCPUs(self):
        if not shutil.which("qemu-system-x86_64"):
            self.skipTest("no qemu-system-x86_64 here: apt install qemu-system-x86")
        # Without anything to boot from: the firmware looks for it, on the first vCPU.
        qemu = subprocess.Popen(["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "64M",
                                 "-nodefaults", "-display", "none", "-name", "attach,debug-threads=on"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(qemu.wait)
        self.addCleanup(qemu.kill)
        harness.wait_for("the vCPUs", lambda: "CPU 1/TCG" in harness.threads_of(qemu.pid))
        done = self.measure(qemu.pid)
        with done.store() as store:
            run = self.the_run(store)
            self.assertEqual((run["guest"], run["cores"], run["accel"]), ("qemu", 2, "tcg"))
        self.assertIsNone(qemu.poll())

    def test_a_process_with_a_process_namespace_of_its_own_is_a_container(self):
        harness.need_program("unshare", "util-linux")
        outside = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", self.programs["program"], "burn"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self._end_program, outside)
        self.assertEqual(outside.stdout.readline(), "ready\n")
        (inside,) = harness.read_file(f"/proc/{outside.pid}/task/{outside.pid}/children").split()
        done = self.measure(inside, seconds=0.3)
        with done.store() as store:
            self.assertEqual(self.the_run(store)["guest"], "container")

    def test_what_is_forked_later_is_a_helper(self):
        program = self.program("sleep", "fork")
        done = self.measure(program.pid, seconds=1)
        with done.store() as store:
            run = self.the_run(store)
            self.assertEqual(run["cores"], 3)
            (helpers,) = store.rows("SELECT total(ns) AS ns FROM account WHERE lane = -1 AND state = 'helper'")
            self.assertGreater(helpers["ns"], 5e6)

    def test_it_ends_with_the_process(self):
        program = self.program("burn")
        process = self.attach(program.pid)
        program.stdin.close()
        self.assertEqual(program.wait(10), 0)
        done = self.finish(process)
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            self.the_run(store)
        self.assertTrue(os.path.isfile(done.folder + "/report/index.html"))

    def test_SIGTERM_and_the_timeout_are_good_ends_too(self):
        program = self.program("sleep")
        self.measure(program.pid, seconds=0.2, number=signal.SIGTERM)
        done = self.finish(self.attach(program.pid, "--timeout", "1"))
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            run = self.the_run(store)
            self.assertGreaterEqual(run["runtime_ns"], 1e9)
            self.assertFalse([text for text in store.warnings() if "--timeout" in text])
        self.assertIsNone(program.poll())

    def test_the_summary_is_there_as_JSON(self):
        program = self.program("sleep")
        done = self.measure(program.pid, "--json", seconds=0.2)
        self.assertEqual(len(json.loads(done.stdout)["runs"]), 1)

    def test_a_dry_run_names_the_lanes(self):
        program = self.program("burn")
        done = self.finish(self.start("--attach", str(program.pid), "--dry-run", workload=None))
        self.assertEqual(done.status, 0, done.stderr)
        self.assertIn(f"lane 0: thread {program.pid}", done.stdout)
        self.assertFalse(os.path.exists(done.folder))

    def missing(self, pid, *words, **more):
        done = self.collect("--attach", str(pid), workload=None, **more)
        self.assert_one_line(done, 3, *words)

    def test_a_process_that_is_not_there_is_named(self):
        gone = subprocess.Popen(["true"])
        gone.wait()
        self.missing(gone.pid, str(gone.pid), "no process")

    def test_a_process_that_has_ended_is_told_from_one_that_runs(self):
        zombie = subprocess.Popen(["true"])
        self.addCleanup(zombie.wait)
        harness.wait_for("a zombie", lambda: harness.process_state(zombie.pid) == "Z")
        self.missing(zombie.pid, str(zombie.pid), "ended")

    def test_a_thread_is_not_a_process(self):
        program = self.program("sleep", "sleep")
        (tid,) = {int(t) for t in os.listdir(f"/proc/{program.pid}/task")} - {
            program.pid, harness.threads_of(program.pid)["end"]}
        self.missing(tid, str(tid), str(program.pid))

    def test_without_privileges_it_says_what_it_needs(self):
        program = self.program("sleep")
        os.chmod(self.work, 0o755)
        results = self.work + "/nobodys"
        os.mkdir(results)
        os.chown(results, NOBODY, NOBODY)
        subprocess.run(["cp", self.collector, self.work + "/collector"], check=True)

        def become_nobody():
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)

        done = self.collect("--attach", str(program.pid), workload=None, output=results + "/r", before=become_nobody,
                            command=[self.work + "/collector"])
        self.assert_one_line(done, 3)
        self.assertRegex(done.stderr, "sudo|root|CAP_")


if __name__ == "__main__":
    harness.main("program")
