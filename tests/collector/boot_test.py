#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The boot, taken apart, where the truth is known: boot_test.py COLLECTOR MANDELBROT BOOT_PROGRAM BOOT_DELAY CLASS...

A delay is put into one step; who delays writes by the same clock from when to when. It has to lie within
that step: so nothing here depends on how fast the machine is."""
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402
from podman_settings import modest_podman  # noqa: E402

MS = 1_000_000
QEMU = "qemu-system-x86_64"
MACHINE = ["process start", "QEMU set-up", "firmware", "kernel", "program"]
STEPS = {"native": ["process start", "program"], "bare": MACHINE, "osv": MACHINE,
         "linux-minimal": MACHINE[:-1] + ["init", "program"]}


class BootTest(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        super().setUp()

    def boot(self, guest, *options, program=None, workload=(), env=None):
        """Measure one boot alone: (run, {step: row}, console, words of the collector)."""
        self.need_guest(guest)
        words = ["--guest", guest, "--cores", "1", "--repeat", "1", "--boot-only", *options]
        done = self.collect(*words, workload=workload or harness.SMALL, env=env,
                            command=self.beside(self.programs[program]) if program else None)
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            (run,) = store.runs()
            steps = store.rows("SELECT * FROM boot_step ORDER BY position")
            self.assert_whole(run, steps)
            return run, {s["name"]: s for s in steps}, store.console(1), done

    def beside(self, program):
        """A collector whose workload is @program: its boot ends at its first marker, that of what --program names at
        its exec."""
        folder = os.path.join(self.work, "beside")
        if not os.path.exists(folder):
            os.mkdir(folder)
            shutil.copy(self.collector, folder)
            os.symlink(program, os.path.join(folder, "mandelbrot"))
        return [os.path.join(folder, os.path.basename(self.collector))]

    def need_guest(self, guest):
        done = subprocess.run([self.collector, "--guest", guest, "--cores", "1", "--dry-run"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            harness.skip(f"{guest} cannot run here: {done.stderr.strip()}")

    def assert_whole(self, run, steps):
        """Without a gap from the start to the first marker; in order."""
        self.assertEqual([s["position"] for s in steps], list(range(len(steps))))
        self.assertEqual(steps[0]["start_ns"], run["start_ns"])
        self.assertEqual(steps[-1]["end_ns"], run["start_ns"] + run["boot_ns"])
        for before, after in zip(steps, steps[1:]):
            self.assertEqual(before["end_ns"], after["start_ns"])
        self.assertEqual(sum(s["end_ns"] - s["start_ns"] for s in steps), run["boot_ns"])

    def check_steps(self, guest, *options, **more):
        """The steps, and the console."""
        _, steps, console, _ = self.boot(guest, *options, **more)
        self.assertEqual(list(steps), STEPS[guest])
        self.assertTrue(all(s["end_ns"] > s["start_ns"] for s in steps.values()))
        self.assertRegex(steps["QEMU set-up"]["source"], "first guest code, by CPU 0/")
        return steps, console

    def assert_within(self, interval, step):
        shown = [round((t - step["start_ns"]) / MS, 2) for t in (*interval, step["end_ns"])]
        print(f"  {step['name']}: delayed from {shown[0]} to {shown[1]} ms of {shown[2]}", flush=True)
        self.assertLessEqual(step["start_ns"], interval[0])
        self.assertLessEqual(interval[1], step["end_ns"])

    def preload(self, name, where):
        return {"LD_PRELOAD": self.programs["delay"], "BOOT_DELAY_NAME": name, "BOOT_DELAY_AT": where,
                "BOOT_DELAY_LOG": os.path.join(self.work, "delay.log")}

    def delayed(self, which=-1):
        """From when to when the last process was delayed: QEMU is asked for its version before. The program is run first,
        and once more for the report's picture."""
        lines = (harness.read_file(os.path.join(self.work, "delay.log")) or "").splitlines()
        self.assertTrue(lines, "nothing was delayed")
        return tuple(int(n) for n in lines[which].split())

    @staticmethod
    def waited(console):
        """From when to when the program waited, by its own word."""
        line = next(line for line in console.splitlines() if line.startswith("waited "))
        return tuple(int(n) for n in line.split()[1:])


class Native(BootTest):
    def test_what_comes_before_the_programs_own_code_is_process_start(self):
        _, steps, console, _ = self.boot("native", program="boot", env=self.preload("gs-boot-program", "begin"))
        self.assertEqual(list(steps), STEPS["native"])
        self.assert_within(self.delayed(0), steps["process start"])
        self.assert_within(self.waited(console), steps["program"])
        self.assertEqual(steps["process start"]["source"], "first code of gs-boot-program")

    def test_a_program_that_waits_does_so_in_the_step_program(self):
        _, steps, console, _ = self.boot("native", program="boot", workload=("-wait", "300"))
        begun, ended = self.waited(console)
        self.assertGreaterEqual(ended - begun, 300 * MS)
        self.assert_within((begun, ended), steps["program"])

    def test_a_run_of_boots_alone_has_no_run_time_and_leaves_nothing(self):
        run, _, _, done = self.boot("native", program="boot")
        self.assertEqual(run["status"], "ok")
        self.assertIsNone(run["runtime_ns"])
        with done.store() as store:
            self.assertEqual(list(store.phases(1)), ["boot"])
        self.assertIn("boot s", done.stdout)


class Kernels(BootTest):
    def test_osv_has_all_its_steps(self):
        self.check_steps("osv")

    def test_linux_minimal_has_all_its_steps_and_a_program_that_waits_does_so_in_its_own(self):
        steps, console = self.check_steps("linux-minimal", program="boot", workload=("-wait", "500"))
        begun, ended = self.waited(console)
        self.assertGreaterEqual(ended - begun, 500 * MS)
        self.assertGreaterEqual(steps["program"]["end_ns"] - steps["program"]["start_ns"], 490 * MS)


class Bare(BootTest):
    """Steps of some milliseconds, which samples have to hit: other load would keep them away."""

    def test_bare_has_all_its_steps(self):
        """Its kernel takes a few ms: at 999 Hz, now and then no sample hits it."""
        self.check_steps("bare", "--frequency", "4999")

    def test_what_delays_qemu_before_its_own_code_is_process_start(self):
        _, steps, _, _ = self.boot("bare", env=self.preload(QEMU, "begin"))
        self.assert_within(self.delayed(), steps["process start"])

    def test_what_delays_qemu_while_it_makes_the_machine_is_its_set_up(self):
        _, steps, _, _ = self.boot("bare", env=self.preload(QEMU, "memfd"))
        self.assert_within(self.delayed(), steps["QEMU set-up"])

    def test_a_kernel_and_a_program_that_wait_do_so_in_their_own_steps(self):
        """By the guest's own clock, so only how long is known. What waits is not sampled, so samples are frequent;
        beside other load there is none for some ms."""
        _, steps, _, _ = self.boot("bare", "--frequency", "4999", workload=("-burn", "alpha=1", "-wait-kernel", "300", "-wait", "700"))
        ms = {name: (s["end_ns"] - s["start_ns"]) / MS for name, s in steps.items()}
        print("  " + ", ".join(f"{name} {t:.1f} ms" for name, t in ms.items()), flush=True)
        self.assertGreaterEqual(ms["kernel"], 290)
        self.assertGreaterEqual(ms["program"], 690)

    def test_without_samples_the_firmware_cannot_be_told_and_that_is_said(self):
        _, steps, _, done = self.boot("bare", "--profile", "none")
        self.assertEqual(list(steps), ["process start", "QEMU set-up", "firmware + kernel", "program"])
        self.assertIn('"firmware + kernel" could not be told apart', " ".join(done.stdout.split()))


class Podman(BootTest):
    def test_a_container_without_a_daemon_has_all_its_steps(self):
        self.need_guest("podman")
        env = modest_podman(self.work)
        done = self.collect("--guest", "podman", "--cores", "1", "--repeat", "1", "--boot-only", workload=("-wait", "300"),
                            env=env, command=self.beside(self.programs["boot"]))
        if "could not run the program" in done.stderr:
            harness.skip("Podman cannot run containers here")
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            (run,), steps = store.runs(), store.rows("SELECT * FROM boot_step ORDER BY position")
            self.assert_whole(run, steps)
            self.assertEqual([s["name"] for s in steps], ["client", "monitor", "runtime create", "start request",
                                                          "runtime start", "program"])
            self.assert_within(self.waited(store.console(1)), steps[-1])


if __name__ == "__main__":
    harness.main("mandelbrot", "boot", "delay")
