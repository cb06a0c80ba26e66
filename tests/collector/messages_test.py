#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the collector says to bad input and missing things: messages_test.py COLLECTOR MANDELBROT

Needs no privileges for what it checks, apart from the cases that say so. A mistake in the command line: 2, something
that is missing: 3; always one line that names the thing, nothing on standard output, nothing left."""
import json
import math
import os
import pty
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

NOBODY = 65534


class WrongUsage(harness.SystemTest):
    """Exit status 2."""

    def refused(self, *arguments, words=()):
        done = self.collect(*arguments)
        self.assert_one_line(done, 2, *words)
        self.assertFalse(os.path.exists(done.folder), "results of a run that never was")

    def test_an_unknown_guest_is_named(self):
        self.refused("--guest", "native,xen", words=["xen", "--list-guests"])

    def test_more_cores_than_there_are_is_refused_with_both_numbers(self):
        usable = len(harness.usable_cpus())
        if usable >= 256:
            self.skipTest("too many cores here")
        self.refused("--cores", f"1,{usable + 1}", words=[str(usable + 1), str(usable)])

    def test_bad_numbers_are_quoted(self):
        for option, value in (("repeat", "0"), ("repeat", "two"), ("repeat", "-1"), ("repeat", ""),
                              ("cores", "0"), ("cores", "1,x"), ("cores", "1.5"), ("cores", "257"),
                              ("cores", "99999999999999999999"), ("frequency", "0"),
                              ("frequency", "1e3"), ("timeout", "0"), ("timeout", "1h"),
                              ("seed", "-1"), ("seed", "99999999999999999999")):
            with self.subTest(option=option, value=value):
                self.refused(f"--{option}={value}",
                             words=[f"--{option}", "number"] if value != "1,x" else ["'x'"])

    def test_bad_words_are_quoted_with_the_good_ones(self):
        for option, value, good in (("accel", "xen", "tcg"), ("split", "half", "exact"),
                                    ("profile", "all", "offcpu"), ("pin", "sideways", "threads"),
                                    ("scenario", "paper-3", "--list-scenarios"),
                                    ("counters", "no_such_event", "--list-counters")):
            with self.subTest(option=option):
                self.refused(f"--{option}={value}", words=[value, good])

    def test_a_list_that_names_a_thing_twice_or_none_is_refused(self):
        for option, value in (("guest", "native,native"), ("cores", "1,1"), ("guest", ","),
                              ("cores", ",")):
            with self.subTest(option=option, value=value):
                self.refused(f"--{option}={value}", words=[option])

    def test_no_samples_stand_alone(self):
        for value in ("oncpu,none", "none,exits"):
            self.refused(f"--profile={value}", words=["--profile none", value])

    def test_a_word_in_braces_that_is_none_of_ours_is_told_once(self):
        for words, said in ((("{core}", "{cores}", "{run}", "{seed}"), "{core} is handed on as it stands: known are {cores}, {run} and {seed}"),
                            (("{port}",), "{port} is handed on"), (("{cores}", "{}", "{a b}", "{1,2}", "${HOME}"), None)):
            done = self.collect("--dry-run", "--repeat", "3", "--cores", "1", "--program", "/bin/echo", workload=words)
            self.assertEqual(done.status, 0, done.stderr)
            self.assertEqual(done.stderr.count("handed on"), 1 if said else 0, done.stderr)
            self.assertIn(said or "", done.stderr)

    def test_an_empty_name_is_refused(self):
        for option in ("output", "resume", "kernel", "program", "counters"):
            with self.subTest(option):
                self.refused(f"--{option}=", words=[f"--{option} needs a"])

    def test_a_CPU_that_is_not_there_is_refused(self):
        self.refused("--cores", "1", "--pin", "4095", words=["4095"])

    def test_a_CPU_that_is_named_twice_is_refused_with_the_way_to_share_one(self):
        cpu = harness.usable_cpus()[0]
        self.refused("--cores", "2", "--pin", f"{cpu},{cpu}", words=[f"CPU {cpu}", "twice", "--overcommit"])
        done = self.collect("--dry-run", "--repeat", "1", "--cores", "2", "--pin", str(cpu), "--overcommit")
        self.assertIn(f"lanes on CPU {cpu},{cpu}", done.stdout)

    def test_a_file_that_no_stack_would_read_is_refused(self):
        for guest, option, of in (("native", "kernel", "virtual machines"), ("native,docker", "symbols", "virtual machines"),
                                  ("native,docker", "accel", "virtual machines"), ("native,bare", "disk", "guests linux and osv"), ("native,docker", "memory", "virtual machines"),
                                  ("native,bare", "container-option", "docker and podman"),
                                  ("bare", "port", "stacks with a network")):
            for instead in ([], ["--dry-run"]):
                with self.subTest(guest=guest, option=option, instead=instead):
                    self.refused(*instead, "--guest", guest, f"--{option}", {"memory": "1G", "accel": "tcg", "port": "80"}.get(option, "/bin/true"),
                                 *(("--program", "/bin/true") if option == "port" else ()),
                                 words=[f"--{option}", of, "--guest"])

    def test_a_disk_that_runs_its_own_program_has_no_stack_beside_it(self):
        for guests in ("native,osv", "osv,native"):
            self.refused("--guest", guests, "--disk", "/bin/true", words=["--disk", "alone", "--guest"])

    def test_stray_arguments_are_named(self):
        process = self.start("--repeat", "1", "osv", workload=None)
        self.assert_one_line(self.finish(process), 2, "'osv'", "--")

    def test_an_unknown_option_is_named(self):
        self.refused("--frobnicate", words=["--frobnicate"])

    def test_an_option_without_its_value_is_named(self):
        process = self.start("--guest", workload=None)
        self.assert_one_line(self.finish(process), 2, "--guest")

    def test_a_picture_that_fits_no_memory_is_refused(self):
        done = self.collect("--repeat", "1", workload=("-width", "4000000000", "-height",
                                                       "4000000000", "-smoothness", "100"))
        self.assert_one_line(done, 2, "large")


class Missing(harness.SystemTest):
    """Exit status 3."""

    def setUp(self):
        super().setUp()
        self.empty = os.path.join(self.work, "empty")
        os.mkdir(self.empty)
        self.text = os.path.join(self.work, "kernel.txt")
        with open(self.text, "w", encoding="ascii") as f:
            f.write("This is no kernel.\n" * 1000)

    def missing(self, *arguments, words=(), **more):
        done = self.collect("--repeat", "1", *arguments, **more)
        self.assert_one_line(done, 3, *words)
        return done

    def test_a_kernel_that_is_a_text_file_is_told_from_one(self):
        harness.need_program("qemu-system-x86_64", "qemu-system-x86")
        for guest in ("osv", "linux-minimal"):
            with self.subTest(guest=guest):
                done = self.missing("--guest", guest, "--kernel", self.text,
                                    words=[guest, self.text, "kernel"])
                self.assertFalse(os.path.exists(done.folder))

    def test_a_kernel_that_is_missing_is_named(self):
        harness.need_program("qemu-system-x86_64", "qemu-system-x86")
        for guest in ("osv", "linux-minimal"):
            with self.subTest(guest=guest):
                self.missing("--guest", guest, "--kernel", "/no/such/kernel",
                             words=["/no/such/kernel", "No such file"])

    def test_where_no_kernel_is_found_the_fix_is_named(self):
        harness.need_program("qemu-system-x86_64", "qemu-system-x86")
        for guest in ("osv", "linux-minimal"):
            with self.subTest(guest=guest):
                done = self.collect("--repeat", "1", "--guest", guest,
                                    env={"HOME": self.empty, "GUESTSCOPE_GUESTS": self.empty})
                if done.status == 0 and os.path.isdir("/usr/share/guestscope/guests"):
                    continue
                self.assert_one_line(done, 3, guest, "--kernel")

    def test_no_QEMU_is_named_with_its_package(self):
        done = self.collect("--repeat", "1", "--guest", "osv", "--kernel", self.text,
                            env={"PATH": self.empty})
        self.assert_one_line(done, 3, "qemu-system-x86")

    def test_no_Docker_daemon_is_told_with_its_address(self):
        harness.need_program("docker", "docker.io")
        self.missing("--guest", "docker", env={"DOCKER_HOST": "unix:///nonexistent/docker.sock",
                                               "DOCKER_CONTEXT": None},
                     words=["docker", "/nonexistent/docker.sock"])

    def test_no_docker_program_is_told_with_its_package(self):
        self.missing("--guest", "docker", env={"PATH": self.empty}, words=["docker.io"])

    def test_one_bad_stack_of_several_ends_it_before_any_run(self):
        done = self.missing("--guest", "native,docker", env={"PATH": self.empty})
        self.assertFalse(os.path.exists(done.folder))

    def test_a_workload_that_is_missing_is_named(self):
        self.missing("--program", "/no/such/program", words=["/no/such/program"])

    def test_a_workload_that_is_no_program_is_named(self):
        self.missing("--program", self.text, words=[self.text])
        self.missing("--program", self.empty, words=[self.empty])

    def test_what_is_no_file_is_called_what_it_is(self):
        pipe, path = os.path.join(self.work, "pipe"), os.path.join(self.work, "socket")
        os.mkfifo(pipe)
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
        for name, kind in ((self.empty, "a folder"), (pipe, "a named pipe"), (path, "a socket"), ("/dev/null", "a device")):
            for options in (("--program", name), ("--program", "/bin/true", "--port", "80", "--client", name),
                            ("--program", "/bin/true", "--with", name), ("--guest", "linux-minimal", "--kernel", name),
                            ("--guest", "linux-minimal", "--symbols", name), ("--guest", "linux", "--disk", name)):
                if "--with" in options and name == self.empty or "--guest" in options and not shutil.which("qemu-system-x86_64"):
                    continue
                with self.subTest(options=options):
                    self.missing("--cores", "1", *options, words=[name, f"is {kind}, not a file"],
                                 workload=None if "--guest" not in options else ())

    def test_a_number_that_no_process_has_is_told(self):
        for number in ("0", "99999999", "4194304"):
            done = self.collect("--attach", number, workload=None)
            self.assert_one_line(done, 3, f"there is no process {number}")
        self.assert_one_line(self.collect("--attach", "-1", workload=None), 2, "'-1'", "number of a process")

    def make_program(self, name, content):
        path = os.path.join(self.work, name)
        with open(path, "wb") as f:
            f.write(content)
        os.chmod(path, 0o755)
        return path

    def test_what_the_kernel_cannot_execute_is_found_before_a_folder_is_made(self):
        elf = bytearray(harness.read_file(self.programs["mandelbrot"], "rb"))
        elf[18:20] = (0x2a).to_bytes(2, "little")  # e_machine: SuperH
        for name, content, word in (("text", b"echo hello\n", "Exec format error"),
                                    ("foreign", bytes(elf), "Exec format error"),
                                    ("cut", bytes(elf[:40]), "Exec format error"),
                                    ("script", b"#!/no/such/interpreter\n", "interpreter")):
            with self.subTest(name=name):
                done = self.missing("--program", self.make_program(name, content), words=[f"{self.work}/{name}", word])
                self.assertFalse(os.path.exists(done.folder))

    def test_nothing_of_a_program_is_executed_when_it_is_checked(self):
        mark = os.path.join(self.work, "mark")
        script = self.make_program("script", f"#!/bin/sh\ntouch {mark}\n".encode())
        done = self.collect("--dry-run", "--cores", "1", "--program", script)
        self.assertEqual(done.status, 0, done.stderr)
        self.assertFalse(os.path.exists(mark))

    def test_results_that_are_there_already_are_not_touched(self):
        harness.need_root()
        first = self.collect("--cores", "1", "--repeat", "1")
        self.assertEqual(first.status, 0, first.stderr)
        before = harness.read_file(first.folder + "/experiment.db", "rb")
        self.missing("--cores", "1", output=first.folder, words=[first.folder, "--output"])
        self.assertEqual(harness.read_file(first.folder + "/experiment.db", "rb"), before)

    def test_an_output_folder_below_a_file_is_named(self):
        self.missing(output=self.text + "/results", words=[self.text])

    def test_the_output_folder_is_checked_before_the_sampling_clock_is_measured(self):
        locked = os.path.join(self.work, "locked")
        os.mkdir(locked)
        with open(locked + "/experiment.db", "w", encoding="ascii"):
            pass
        for folder in (self.text, self.text + "/results", locked):
            with self.subTest(folder=folder):  # one line: that of the sampling frequency is not there
                self.missing("--frequency", "auto", output=folder, words=[folder])
        self.assertEqual(os.listdir(locked), ["experiment.db"])

    def test_without_privileges_the_missing_one_is_told(self):
        harness.need_root()
        # Nobody must be able to reach the programs.
        folder = os.path.join(self.work, "programs")
        os.mkdir(folder)
        for program in (self.collector, self.programs["mandelbrot"]):
            shutil.copy(program, folder)
        os.chmod(self.work, 0o755)
        results = os.path.join(self.work, "nobody")
        os.mkdir(results)
        os.chown(results, NOBODY, NOBODY)

        def become_nobody():
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)

        done = self.missing("--cores", "1", output=results + "/r", before=become_nobody,
                            command=[folder + "/collector"])
        self.assertRegex(done.stderr, "sudo|root|CAP_")


    def test_in_a_namespace_of_its_own_it_refuses(self):
        """Else the probes would follow other processes, or none, and the books close all the same."""
        harness.need_root()
        for words, said in ((["--pid", "--fork", "--mount-proc"], ["PID namespace", "--pid=host"]),
                            (["--time", "--monotonic", "100000"], ["time namespace"])):
            with self.subTest(namespace=words[0]):
                self.missing("--cores", "1", command=["unshare", *words, self.collector], words=said)


class Harmless(harness.SystemTest):
    """What measures nothing."""

    def ask(self, *arguments, **more):
        process = self.start(*arguments, **more)
        done = self.finish(process)
        self.assertFalse(os.path.exists(done.folder), "a folder of results was made")
        return done

    def test_the_doctor_says_of_podman_what_a_run_finds(self):
        harness.need_root()
        harness.need_program("podman")
        row, = [line for line in self.ask("--doctor", workload=None).stdout.splitlines() if "stack podman" in line]
        done = self.collect("--guest", "podman", "--cores", "1", "--repeat", "1", workload=harness.SMALL)
        self.assertEqual("can be run" in row, done.status == 0, (row, done.stderr))

    def test_the_version_tells_what_was_built_of_what(self):
        self.assertRegex(self.ask("--version", workload=None).stdout,
                         r"^collector \(guestscope\) \d+\.\d+\.\d+\nrevision \S+\n"
                         r"probes compiled by clang \d+\.\S+\nlibbpf v\d+\.\d+, built with \d+\.\d+ headers\n\n"
                         r"Copyright .*\nLicense GPLv2\+")

    def test_help_version_and_lists_go_to_standard_output(self):
        for option, word in (("--help", "--guest"), ("--version", "guestscope"),
                             ("--list-guests", "linux-minimal"), ("--list-counters", "")):
            with self.subTest(option=option):
                done = self.ask(option, workload=None)
                self.assertEqual(done.status, 0, done.stderr)
                self.assertIn(word, done.stdout)
                self.assertEqual(done.stderr, "")

    def test_a_dry_run_prints_every_run_with_its_command_line(self):
        done = self.ask("--dry-run", "--repeat", "2", "--cores", "1", "--seed", "7")
        self.assertEqual(done.status, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertIn("2 runs", lines[0])
        self.assertIn("seed 7", lines[0])
        self.assertEqual(len(lines), 1 + 2 * 2)
        for command in lines[2::2]:
            self.assertIn("mandelbrot -cores 1", command)
            self.assertIn(" ".join(harness.SMALL), command)

    def test_a_dry_run_sees_that_the_results_would_have_no_place(self):
        folder = os.path.join(self.work, "taken")
        os.mkdir(folder)
        with open(folder + "/experiment.db", "w", encoding="ascii"):
            pass
        done = self.finish(self.start("--dry-run", "--cores", "1", "--repeat", "1", output=folder))
        self.assert_one_line(done, 3, folder)

    def test_a_dry_run_of_VMs_shows_QEMU_without_starting_it(self):
        for guest in harness.guests_available(self.collector, "linux-minimal", "osv"):
            with self.subTest(guest=guest):
                done = self.ask("--dry-run", "--repeat", "1", "--guest", guest, "--cores", "1")
                self.assertEqual(done.status, 0, done.stderr)
                for word in ("qemu-system-x86_64", "-smp", "-kernel", "debug-threads=on"):
                    self.assertIn(word, done.stdout)

    def test_the_same_seed_gives_the_same_order(self):
        harness.need_cpus(2)
        plans = [self.ask("--dry-run", "--repeat", "5", "--cores", "1,2", "--seed", seed).stdout
                 for seed in ("1", "1", "2", "3")]
        heads = [[line for line in plan.splitlines() if line.startswith("run ")] for plan in plans]
        self.assertEqual(heads[0], heads[1])
        self.assertNotEqual((heads[0], heads[0]), (heads[2], heads[3]))

    def test_a_reader_that_goes_away_does_no_harm(self):
        for words in (["--help"], ["--list-guests"], ["--dry-run", "--cores", "1"]):
            with self.subTest(words=words):
                out, into = os.pipe()
                os.close(out)
                done = subprocess.run([self.collector, *words], stdout=into, stderr=subprocess.PIPE, timeout=120,
                                      cwd=self.work, check=False)
                os.close(into)
                self.assertEqual((done.returncode, done.stderr), (-signal.SIGPIPE, b""))


class Words(harness.SystemTest):
    """What a good run says, and where."""

    def setUp(self):
        harness.need_root()
        super().setUp()

    def test_the_frequency_is_chosen_by_what_a_tick_costs_and_kept(self):
        process = self.start("--cores", "1", "--repeat", "2", "--frequency", "auto", "--profile", "oncpu", "--json")
        done = self.finish(process)
        self.assertEqual(done.status, 0, done.stderr)
        self.assertIn("sampling at ", done.stderr)
        with done.store() as store:
            said = {row["key"]: row["value"] for row in store.rows("SELECT key, value FROM experiment")}
            hz = {run["frequency_hz"] for run in store.runs()}
        self.assertEqual(said["frequency"], "auto")
        self.assertEqual(hz, {int(said["frequency_hz"])})
        (hz,), tick_ns = hz, int(said["tick_cost_ns"])
        self.assertGreater(tick_ns, 0)
        self.assertTrue(hz == 49 or tick_ns * hz < 0.003e9, said)
        self.assertTrue(49 <= hz <= 997 and math.gcd(hz, 30) == 1, said)

    def test_nothing_is_said_of_a_frequency_where_nothing_is_sampled(self):
        done = self.collect("--cores", "1", "--repeat", "1", "--frequency", "auto", "--profile", "none")
        self.assertEqual(done.status, 0, done.stderr)
        self.assertNotIn("sampling at", done.stderr)
        with done.store() as store:
            self.assertEqual([run["frequency_hz"] for run in store.runs()], [None])
            self.assertTrue(any("user includes the time of the kernel" in w for w in store.warnings()), store.warnings())

    def test_json_is_one_document_and_progress_goes_to_standard_error(self):
        done = self.collect("--cores", "1", "--repeat", "2", "--json")
        self.assertEqual(done.status, 0, done.stderr)
        document = json.loads(done.stdout)
        self.assertEqual(len(document["runs"]), 2)
        self.assertEqual({run["status"] for run in document["runs"]}, {"ok"})
        lines = done.stderr.splitlines()
        self.assertEqual([line[:11] for line in lines], ["run 1 of 2:", "run 2 of 2:"])
        self.assertNotIn("\r", done.stderr)
        self.assertNotIn("\x1b", done.stderr)

    def test_the_stored_command_is_read_by_a_shell_as_it_was_typed(self):
        folder = os.path.join(self.work, "it's \"here\" $HOME")
        done = self.collect("--cores", "1", "--repeat", "1", "--profile", "none", output=folder)
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            (command,), = store.rows("SELECT value FROM experiment WHERE key = 'command'")
        self.assertEqual(shlex.split(command), ["collector", "--output", folder, *harness.FREQUENCY, "--cores", "1",
                                                "--repeat", "1", "--profile", "none", "--", *harness.SMALL])

    def said_on_a_terminal(self, *options):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        process = self.start(*options, stderr=slave, env={"TERM": "xterm"})
        os.close(slave)
        text = b""
        while True:
            try:
                piece = os.read(master, 4096)
            except OSError:  # how a terminal ends
                break
            if not piece:
                break
            text += piece
        self.assertEqual(self.finish(process).status, 0, text)
        return text

    def test_on_a_terminal_the_run_and_the_time_left_are_shown_in_place(self):
        text = self.said_on_a_terminal("--cores", "1", "--repeat", "2")
        self.assertIn(b"\r\x1b[K", text)
        self.assertRegex(text, rb"run 2 of 2: native, 1 core, repetition 2, about \d+ s left")
        self.assertRegex(text, rb"repetition 2: boot [0-9.]+ s")

    def test_the_rest_between_runs_is_shown_and_in_the_time_left(self):
        text = self.said_on_a_terminal("--cores", "1", "--repeat", "3", "--warmup", "0", "--cooldown", "2")
        self.assertRegex(text, rb"resting 2 s before run 2 of 3, about (\d+) s left")
        left = re.search(rb"resting 2 s before run 2 of 3, about (\d+) s left", text)
        self.assertGreaterEqual(int(left[1]), 4)

    def test_a_signal_ends_the_rest_at_once(self):
        folder = os.path.join(self.work, "it's $HOME")
        process = self.start("--cores", "1", "--repeat", "2", "--cooldown", "86400", output=folder)
        harness.wait_for_runs(process.folder, 1, 60)
        process.send_signal(signal.SIGINT)
        done = self.finish(process, 60)
        self.assertEqual(done.status, 130, done.stderr)
        self.assertIn("stopped after 1 of 2", done.stdout)
        last = done.stderr.splitlines()[-1]
        self.assertTrue(last.startswith("collector: continue with: "), last)
        self.assertEqual(shlex.split(last)[3:], ["collector", "--resume", folder])

    def test_the_summary_names_the_report_which_is_there(self):
        done = self.collect("--cores", "1", "--repeat", "1")
        self.assertEqual(done.status, 0, done.stderr)
        path = done.stdout.strip().splitlines()[-1].removeprefix("report: ")
        self.assertTrue(os.path.isfile(path), path)
        with done.store() as store:
            self.assertTrue(store.sound())
            self.assert_measured(store)

    def test_a_workload_that_refuses_its_arguments_is_quoted(self):
        done = self.collect("--cores", "1", "--repeat", "1", workload=("-nosuch",))
        self.assertEqual(done.status, 1, done.stderr)
        with done.store() as store:
            (run,) = store.runs()
            self.assertEqual(run["status"], "failed")
            self.assertIn("-nosuch", run["error"])


if __name__ == "__main__":
    harness.main("mandelbrot")
