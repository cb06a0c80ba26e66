#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests that hang, panic or are killed; interrupted and killed collectors; folders that are full:
lifecycle_test.py COLLECTOR MANDELBROT TRUTH_PROGRAM

Whatever happens, finished runs are in the store and nothing is left running, mounted or lying about."""
import os
import shlex
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402


# A program that says all that is asked for, but has no thread with a worker's name.
NAMELESS = """#!{python}
import time, zlib
def mark(body):
    line = "guestscope " + body.format(t=time.monotonic_ns())
    print(f"\\x1e{{line}} ;{{zlib.crc32(line.encode()):08x}}", flush=True)
for name in ("setup", "render", "encode"):
    mark(f"phase name={{name}} t={{{{t}}}}")
    time.sleep(0.05)
mark("end t={{t}} status=0 runtime=150000000")
mark("bye")
"""


class LifeTest(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        super().setUp()

    def machine(self):
        """A stack that is a virtual machine: the one that boots fastest."""
        return next(iter(harness.guests_available(self.collector, "osv", "linux-minimal")), "osv")

    def need_guest(self, guest):
        if not harness.guests_available(self.collector, guest):
            harness.skip(f"{guest} cannot run here: collector --doctor says why")

    def misbehave(self, guest, *arguments, options=(), repeat=1):
        """Run the program that does @arguments."""
        return self.collect("--guest", guest, "--cores", "1", "--repeat", str(repeat), "--program",
                            self.programs["truth"], *options, workload=("-do", *arguments))

    def assert_failed_run(self, done, *words):
        self.assertEqual(done.status, 1, done.stderr)
        self.assertIn("FAILED", done.stderr)
        with done.store() as store:
            self.assertTrue(store.sound())
            (run,) = store.runs()
            self.assertEqual(run["status"], "failed")
            for word in words:
                self.assertRegex(run["error"], word)
        self.assertTrue(os.path.isfile(done.folder + "/report/index.html"))


class BadGuests(LifeTest):
    def start_in(self, guests, *arguments, options=()):
        """Each of the stacks runs the program that does @arguments, side by side: {stack: process}."""
        processes = {}
        for guest in guests:
            with self.subTest(guest=guest):
                self.need_guest(guest)
                processes[guest] = self.start("--guest", guest, "--cores", "1", "--repeat", "1", "--program",
                                              self.programs["truth"], *options, workload=("-do", *arguments),
                                              output=os.path.join(self.work, f"{guest}-{arguments[0]}"))
        return processes

    @staticmethod
    def hangs(process):
        return process.poll() is not None or "name=render" in (harness.read_file(process.folder + "/logs/run-0001.console") or "")

    def assert_failed_everywhere(self, processes, *words, **others):
        """@words are said of each, or what @others has for one of them."""
        for guest, process in processes.items():
            with self.subTest(guest=guest):
                self.assert_failed_run(self.finish(process, clean=False), *others.get(guest, words))

    def test_a_program_that_hangs_is_told_in_every_stack_and_one_that_aborts_or_ends_with_a_status(self):
        """The phase that it hangs in; its last words; its status, of which program_stacks_test.py has the machines'. While some
        hang the others end."""
        # The boot, too, has to fit into the time.
        hanging = self.start_in(("native", "linux-minimal", "osv"), "hang", options=("--timeout", "25"))
        harness.wait_for("the phase that they hang in", lambda: all(self.hangs(p) for p in hanging.values()), 60)
        self.assert_failed_everywhere(self.start_in(("native",), "status", "-status", "7"), r"\b7\b")
        self.assert_failed_everywhere(self.start_in(("native", "osv"), "abort"), "signal 6|[Aa]borted", osv=("Aborted",))
        self.assert_failed_everywhere(hanging, "25 s", "render")
        self.traces.assert_nothing_left()

    def test_a_kernel_that_panics_is_quoted(self):
        self.need_guest("linux-minimal")
        done = self.misbehave("linux-minimal", "panic")
        self.assert_failed_run(done, "panic|sysrq")

    def test_a_guest_that_hangs_as_it_boots_is_known_by_the_boots_before(self):
        """The second of three is stopped before its program begins."""
        self.need_guest("bare")
        process = self.start("--guest", "bare", "--cores", "1", "--repeat", "3", "--warmup", "0", "--timeout", "100",
                             workload=("-width", "64", "-height", "64"))
        harness.wait_for_runs(process.folder, 1, 60)
        os.kill(self.find_process("qemu-system-x86_64"), signal.SIGSTOP)
        done = self.finish(process)
        self.assertEqual(done.status, 1, done.stderr)
        with done.store() as store:
            self.assertEqual([run["status"] for run in store.runs()], ["ok", "failed", "ok"])
            self.assertRegex(store.runs()[1]["error"], "the guest hangs: it has not booted after [2-9][0-9]* s")

    def test_a_program_that_says_nothing_is_a_run_all_the_same(self):
        done = self.collect("--cores", "1", "--repeat", "1", "--program", "/bin/true", workload=())
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            (run,) = store.runs()
            self.assertEqual((run["status"], run["error"]), ("ok", None))
            self.assertGreater(run["runtime_ns"], 0)

    def test_an_experiment_without_hope_is_stopped(self):
        done = self.collect("--cores", "1", "--repeat", "6", "--warmup", "0", "--program", "/bin/false", workload=())
        self.assertEqual(done.status, 1, done.stderr)
        with done.store() as store:
            self.assertEqual([run["status"] for run in store.runs()], 3 * ["failed"])
            (said,) = (w for w in store.warnings() if "failed in the same way" in w)
            self.assertIn("first 3 runs", said)
            self.assertIn("status 1", said)
        self.assertIn("3 runs failed in the same way", done.stdout)
        self.assertNotIn("drift with order", done.stdout)

    def test_a_program_without_lanes_is_told_that_its_books_are_empty(self):
        script = os.path.join(self.work, "nameless")
        with open(script, "w", encoding="ascii") as f:
            f.write(NAMELESS.format(python=sys.executable))
        os.chmod(script, 0o755)
        done = self.collect("--cores", "1", "--repeat", "1", "--program", script, workload=())
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            self.assertTrue(any("books are empty" in w and "worker/N" in w for w in store.warnings()), store.warnings())

    def test_a_program_that_floods_its_console_is_ended_all_the_same(self):
        script = os.path.join(self.work, "flood")
        with open(script, "w", encoding="ascii") as f:
            f.write("#!/bin/sh\nexec yes guestscope\n")
        os.chmod(script, 0o755)
        done = self.collect("--cores", "1", "--repeat", "1", "--timeout", "3", "--program", script,
                            workload=())
        self.assert_failed_run(done, "3 s")
        self.assertLess(os.path.getsize(done.folder + "/logs/run-0001.console"), 65 << 20)  # as much as is kept

    def test_one_failed_run_does_not_take_the_others_along(self):
        """The second of three is killed."""
        process = self.start("--cores", "1", "--repeat", "3", "--warmup", "0", "--program",
                             self.programs["truth"], workload=("-do", "spin", "-ms", "700"))
        harness.wait_for_runs(process.folder, 1, 30)
        pid = self.find_process("truth_program")
        time.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        done = self.finish(process)
        self.assertEqual(done.status, 1, done.stderr)
        with done.store() as store:
            self.assertEqual([r["status"] for r in store.runs()], ["ok", "failed", "ok"])
            self.assertRegex(store.runs()[1]["error"], "[Kk]ill|signal 9")

    def test_a_killed_QEMU_is_a_failed_run_with_its_signal(self):
        self.need_guest(self.machine())
        process = self.start("--guest", self.machine(), "--cores", "1", "--repeat", "1", "--program",
                             self.programs["truth"], workload=("-do", "hang"))
        pid = self.find_process("qemu-system-x86_64")
        time.sleep(1.0)
        os.kill(pid, signal.SIGKILL)
        self.assert_failed_run(self.finish(process), "[Kk]ill|signal 9")


class Interrupted(LifeTest):
    """Runs finish, another is cut off."""

    def start_and_wait(self, guest="native"):
        """The collector is in mid-run, with at least one run stored. Returns it and the stack's pid.
        There are always more runs to come: however slowly we look, it is in the middle of one."""
        self.need_guest(guest)
        process = self.start("--guest", guest, "--cores", "1", "--repeat", "1000", "--program",
                             self.programs["truth"], workload=("-do", "spin", "-ms", "800"))

        def later():
            self.assertIsNone(process.poll(), harness.read_file(process.stderr_path))
            return harness.stored_runs(process.folder) > 0 and self.traces.find(
                "truth_program" if guest == "native" else "qemu-system-x86_64")
        pid = harness.wait_for("a run after the first", later, 180)
        time.sleep(0.3)
        return process, pid

    def assert_finished_kept(self, folder, guest):
        with harness.Store(folder) as store:
            self.assertTrue(store.sound())
            runs = store.runs()
            self.assertEqual({r["status"] for r in runs}, {"ok"}, f"{guest}: {[r['error'] for r in runs]}")
            self.assertEqual([r["id"] for r in runs], list(range(1, len(runs) + 1)))
            self.assertEqual(runs[0]["closed"], 1)

    def test_SIGINT_ends_the_run_keeps_the_finished_and_reports_them(self):
        for guest in ("native", self.machine()):
            for number in (signal.SIGINT, signal.SIGTERM) if guest == "native" else (signal.SIGINT,):
                with self.subTest(guest=guest, signal=number.name):
                    process, pid = self.start_and_wait(guest)
                    process.send_signal(number)
                    begin = time.monotonic()
                    done = self.finish(process, 60)
                    self.assertLess(time.monotonic() - begin, 60)
                    self.assertEqual(done.status, 130, done.stderr)
                    self.assertIn(harness.process_state(pid), (None, "Z"))
                    self.assert_finished_kept(done.folder, guest)
                    self.assertTrue(os.path.isfile(done.folder + "/report/index.html"))

    def test_SIGINT_to_the_whole_foreground_group_is_the_same(self):
        self.need_guest(self.machine())
        process = self.start("--guest", self.machine(), "--cores", "1", "--repeat", "2", "--program",
                             self.programs["truth"], workload=("-do", "hang"), before=os.setsid)
        self.find_process("qemu-system-x86_64")
        time.sleep(1.0)
        os.killpg(process.pid, signal.SIGINT)
        done = self.finish(process, 60)
        self.assertEqual(done.status, 130, done.stderr)

    def test_a_second_SIGINT_does_not_leave_anything_either(self):
        process, _ = self.start_and_wait()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process, 60).status, 130)

    def test_SIGKILL_of_the_collector_leaves_nothing_and_a_sound_store(self):
        for guest in ("native", self.machine()):
            with self.subTest(guest=guest):
                process, pid = self.start_and_wait(guest)
                process.kill()
                process.wait()
                harness.wait_for("the end of the stack",
                                 lambda: self.traces.reap() or
                                 harness.process_state(pid) in (None, "Z"), 5)
                self.traces.assert_nothing_left(5)
                self.assert_finished_kept(process.folder, guest)


class Folders(LifeTest):
    def test_a_read_only_output_folder_is_told(self):
        folder = os.path.join(self.work, "readonly")
        os.mkdir(folder)
        done = self.collect("--cores", "1", "--repeat", "1", output=folder + "/results",
                            before=harness.private_mounts(("tmpfs", folder, "ro")))
        self.assert_one_line(done, 3, folder, "Read-only")

    def test_a_full_output_folder_is_told_and_finished_runs_are_kept(self):
        folder = os.path.join(self.work, "full")
        copy = os.path.join(self.work, "copy")
        seen, again = set(), set()
        for size in ("64k", "200k", "400k", "700k"):
            with self.subTest(size=size):
                os.makedirs(folder, exist_ok=True)
                os.makedirs(copy + size)
                # The mount is the collector's alone: what it holds is copied out before it goes.
                done = self.finish(self.start(
                    "--cores", "1", "--repeat", "3", output=folder + "/results",
                    before=harness.private_mounts(("tmpfs", folder, f"size={size}")),
                    command=["sh", "-c", 'to=$1; from=$2; shift 2; "$@"; status=$?; '
                             'cp -a "$from"/. "$to"; exit $status',
                             "sh", copy + size, folder, self.collector]))
                self.assertIn(done.status, (0, 1, 3), done.stderr)
                seen.add(done.status)
                complaints = done.errors()
                if done.status == 0:
                    continue
                kept = copy + size + "/results"
                if "continue with" in complaints[-1]:  # the last line, where there is a plan
                    words = shlex.split(complaints.pop())[3:]
                    self.assertEqual(words[-1], folder + "/results")
                    self.assertIn(words[:-1], (["report"], ["collector", "--resume"]))
                    again.add((words[0], kept))
                else:
                    self.assertFalse(os.path.exists(kept + "/logs") and os.path.exists(kept + "/experiment.db"), done.stderr)
                complaints = [c for c in complaints if "the newest runs are in" not in c]
                self.assertEqual(len(complaints), 1, done.stderr)
                self.assertRegex(complaints[0], "^collector: .*(full|space)")
                if os.path.exists(copy + size + "/results/experiment.db"):
                    with harness.Store(copy + size + "/results") as store:
                        if store.rows("SELECT 1 FROM sqlite_master WHERE name = 'run'"):
                            finished = done.stderr.count(": boot ")
                            self.assertTrue(store.sound())
                            self.assertEqual(len(store.runs("ok")), finished, done.stderr)
        self.assertTrue(seen - {0}, "no folder was full")
        self.assertTrue(again, "nothing was left to be done")
        for _, kept in again:  # with more room, --resume does all that is left, and makes the report
            done = self.finish(self.start(resume=kept))
            self.assertEqual(done.status, 0, done.stderr)
            self.assertEqual(os.listdir(kept).count("experiment.db-wal"), 0)
            with harness.Store(kept) as store:
                self.assertEqual(sum(r["counted"] for r in store.runs("ok")), 3)


if __name__ == "__main__":
    harness.main("mandelbrot", "truth")
