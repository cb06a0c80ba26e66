#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of the user's own, which write no markers, in the virtual machines: program_stacks_test.py COLLECTOR OWN_PROGRAM

What a program is told, what goes along with it, when its run begins and ends, how its failure is reported. Containers
are in docker_test.py. Needs root, QEMU and a kernel of the stack; a test of a stack that is not there is skipped."""
import os
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

STACKS = ("linux-minimal", "osv")
WHOLE = "linux"  # takes long to boot: languages_test.py has it, and with GUESTSCOPE_EVERY_PROGRAM in the environment all have
BURN_MS = 400
WORDS = ("two words", "a;b&c!d|e<f>", 'q"u\'o', "back\\slash", "", "line\nline\ttab", "{cores} of {run}")


class ProgramTest(harness.SystemTest):
    @classmethod
    def setUpClass(cls):
        harness.need_root()
        harness.need_program("qemu-system-x86_64", "qemu-system-x86")

    def setUp(self):
        super().setUp()
        self.data = os.path.join(self.work, "data")
        os.makedirs(self.data + "/folder/empty")
        for name in ("input", "folder/below"):
            with open(os.path.join(self.data, name), "w", encoding="ascii") as f:
                f.write(f"this is {name}\n")

    def run_own(self, guest, *ending, file="data/input", options=(), words=(), status=0):
        """One run of it in @guest, or the test is skipped. Its collector, its row in the store, its console."""
        done = self.collect("--guest", guest, "--cores", "2", "--repeat", "1", "--timeout", "100", *options,
                            f"--program={self.programs['own']}", workload=(file, str(BURN_MS), *ending, *words))
        if done.status == 3:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.status, status, done.stderr)
        with done.store() as store:
            (run,) = store.runs()
            self.assertEqual(run["scenario"], "program")
            self.functions = {r["symbol"] for r in store.rows(
                "WITH RECURSIVE up(id) AS (SELECT stack FROM sample WHERE phase = 'run' AND lane >= 0 AND kind = 'oncpu'"
                " UNION SELECT parent FROM up JOIN stack ON stack.id = up.id)"
                " SELECT DISTINCT symbol FROM up JOIN stack ON stack.id = up.id JOIN frame ON frame.id = stack.frame"
                " WHERE side = 'guest-user'")}
            return done, dict(run), store.phases(run["id"]), store.console(run["id"]).replace("\r", "")

    def each_stack(self, test):
        met = 0
        for guest in (*STACKS, *[WHOLE] * bool(os.environ.get("GUESTSCOPE_EVERY_PROGRAM"))):
            with self.subTest(guest=guest):
                try:
                    test(guest)
                    met += 1
                except unittest.SkipTest as reason:
                    print(f"  {guest}: {reason}", flush=True)
        if not met:
            harness.skip("no stack of them can run here")

    def test_what_it_is_told_and_given_and_that_its_run_is_a_phase(self):
        def check(guest):
            _, run, phases, console = self.run_own(
                guest, "return", "0", words=WORDS, options=("--with", "data", "--env", "OWN=a b {cores}", "--env", "GOMAXPROCS=7"))
            shown = (self.programs["own"], "data/input", str(BURN_MS), "return", "0", *WORDS[:-1], "2 of 1")
            for i, word in enumerate(shown):
                self.assertIn(f"argument {i} [{word}]\n", console)
            for line in ("variable OWN [a b 2]", "variable OMP_NUM_THREADS [2]", "variable GOMAXPROCS [7]",
                         f"folder [{self.work}]", "input [none]", "file [this is input]",
                         f"writes [{'no' if guest == 'osv' else 'yes'}]"):
                self.assertIn(line + "\n", console)
            self.assertEqual(set(phases), {"boot", "run"})
            self.assertEqual(run["closed"], 1)
            self.assertTrue(self.functions & {"burn", "now_ns"}, self.functions)  # found where the guest loaded it
            guest_ms, host_ms = run["guest_runtime_ns"] / 1e6, run["runtime_ns"] / 1e6
            self.assertGreaterEqual(guest_ms, BURN_MS)
            self.assertGreater(host_ms, BURN_MS - 100)  # markers take their time through the console
            self.assertLess(abs(host_ms - guest_ms), 150 + 0.2 * guest_ms)
        self.each_stack(check)

    def test_a_file_lies_where_it_is_said_and_so_does_the_folder_and_exit_is_a_good_end(self):
        def check(guest):
            _, run, phases, console = self.run_own(guest, "exit", "0", file="below", options=(
                "--with", "data/folder:/some/where/else", "--cwd", "/some/where/else"))
            self.assertIn("folder [/some/where/else]\n", console)
            self.assertIn("file [this is folder/below]\n", console)
            self.assertEqual((run["status"], run["closed"]), ("ok", 1), run["error"])
            self.assertGreater((phases["run"][1] - phases["run"][0]) / 1e6, BURN_MS - 100)
        self.each_stack(check)

    def test_a_failure_is_reported_with_its_exit_status(self):
        """The end of main() and exit() are the same to Linux, and two ways out of OSv."""
        def check(guest):
            for how in ("return", "exit") if guest == "osv" else ("exit",):
                done, run, phases, _ = self.run_own(guest, how, "7", status=1)
                self.assertEqual(run["status"], "failed")
                self.assertIn("status 7", run["error"])
                self.assertIn("run", phases)
                self.assertIn("status 7", done.stderr)
        self.each_stack(check)

    def test_what_ends_with_the_machine_is_said(self):
        for script, left in (("(while :; do :; done) & exit 0", 1), ("(:) & exit 0", 0)):
            done = self.collect("--guest", "linux-minimal", "--cores", "1", "--repeat", "1", "--program=/bin/sh",
                                workload=("-c", script))
            if done.status == 3:
                harness.skip(done.stderr.strip())
            self.assertEqual(done.status, 0, done.stderr)
            with done.store() as store:
                said = [w for w in store.warnings() if "still running" in w]
            self.assertEqual(said, ["the program left 1 process still running (sh), which the end of the machine ended"] * left)

    def test_a_signal_is_reported_by_its_number(self):
        def check(guest):
            _, run, phases, _ = self.run_own(guest, "signal", "11", status=1)
            self.assertIn("signal 11 (" if guest != "osv" else "signal 11", run["error"])
            self.assertIn("Segmentation fault", run["error"])
            self.assertIn("run", phases)
        self.each_stack(check)


class PlanTest(harness.SystemTest):
    """What is said before the first run."""

    def plan(self, *arguments, program=None):
        return subprocess.run([self.collector, "--dry-run", "--cores", "1", "--repeat", "1", "--program",
                               program or self.programs["own"], *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, cwd=self.work, timeout=300, env=self.environment(), check=False)

    def put(self, name, text, mode=0o755):
        path = os.path.join(self.work, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def test_what_OSv_cannot_be_told_leaves_it_out(self):
        for word in ("\u00fc", "$HOME"):
            done = self.plan("--guest", "osv,native", "--", word)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("osv is left out: ", done.stderr)
            self.assertIn("native", done.stdout)

    def test_a_stack_that_cannot_run_it_is_left_out_in_one_line(self):
        done = self.plan("--guest", "bare,native")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn("bare is left out: " + self.programs["own"], done.stderr)
        self.assertIn("native, 1 core", done.stdout)
        self.assertNotIn("bare, 1 core", done.stdout)

    def test_where_none_can_that_is_an_error(self):
        for guests, lines in (("bare", 1), ("bare,osv", 3)):
            done = self.plan("--guest", guests, program=self.put("script", "#!/bin/sh\n"))
            self.assertEqual((done.returncode, done.stderr.count("\n")), (3, lines), done.stderr)
            self.assertIn("bare", done.stderr)

    def test_what_is_copied_where_is_shown(self):
        path = self.put("input", "x")
        done = self.plan("--guest", "native", "--with", "input", "--env", "A={cores}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("nothing is copied", done.stdout)
        self.assertIn(" A=1 ", done.stdout)
        self.assertIn(" OMP_NUM_THREADS=1 ", done.stdout)
        for guest, place in (("linux-minimal", "disk"), ("linux", "disk"), ("osv", "disk")):
            done = self.plan("--guest", guest, "--with", "input:/in/here")
            if done.returncode == 3:
                print(f"  {guest}: {done.stderr.strip()}", flush=True)
                continue
            self.assertIn(f"  {place}: /in/here, from {path}\n", done.stdout)
            self.assertIn(f"  {place}: {self.programs['own']}, from {self.programs['own']}\n", done.stdout)

    def test_what_is_missing_is_said_in_one_line(self):
        foreign = os.path.join(self.work, "foreign")
        with open(self.programs["own"], "rb") as f:
            head = bytearray(f.read())
        head[18] = 183  # AArch64
        with open(foreign, "wb") as f:
            f.write(head)
        os.chmod(foreign, 0o755)
        for words, arguments, program in (
                (["no-such-program", "$PATH"], (), "no-such-program"),
                (["cannot read no/such/file", "--with"], ("--with", "no/such/file"), None),
                (["/no/such/folder", "--cwd"], ("--cwd", "/no/such/folder"), None),
                ([foreign], (), foreign),
                (["/no/such/shell"], ("--guest", "linux-minimal"), self.put("script", "#!/usr/bin/env /no/such/shell\n"))):
            done = self.plan(*arguments, program=program)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (3, 1), done.stderr)
            for word in words:
                self.assertIn(word, done.stderr)

    def test_a_program_is_found_by_the_path(self):
        done = self.plan("--", "x y", program="true")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("/true 'x y'\n", done.stdout)


if __name__ == "__main__":
    harness.main("own")
