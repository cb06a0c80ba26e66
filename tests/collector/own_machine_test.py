#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines that run what is their own: own_machine_test.py COLLECTOR BURN_INIT CALIBRATOR MANDELBROT

Known are the shares that they burn, and how long."""
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402
import machines  # noqa: E402


class OwnMachine(machines.MachineTest):
    def measure(self, *arguments, status=0, cores="2"):
        harness.need_cpus(int(cores))
        options, words = (arguments[:arguments.index("--")], arguments[arguments.index("--") + 1:]) \
            if "--" in arguments else (arguments, None)
        done = self.collect("--cores", cores, "--repeat", "1", "--timeout", "60", *options, workload=words)
        self.assertEqual(done.status, status, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        if status == 0:
            self.assert_measured(store)
        return store

    def refused(self, status, *arguments, words):
        options, qemus = arguments[:arguments.index("--")], arguments[arguments.index("--") + 1:]
        done = self.collect("--cores", "1", *options, workload=qemus or None)
        self.assert_one_line(done, status, *words)

    @harness.patiently
    def test_a_Linux_machine_by_its_arguments(self):
        store = self.measure("--guest", "qemu", "--phase", "run=^burning", "--program=" + self.programs["init"], "--",
                             "-cpu", "max,la57=off", "-m", "512M", "-nodefaults", "-kernel", machines.linux_kernel(), "-initrd",
                             self.initramfs(), "-append", "console=ttyS0 quiet no_timer_check -- {cores} 3")
        self.assertEqual(list(store.phases(1)), ["boot", "run"])
        run, = store.runs()
        self.assertAlmostEqual(run["runtime_ns"] / 1e9, 3, delta=0.8)
        self.assertEqual(run["scenario"], "program")
        self.assert_shares(self.leaves(store))
        self.assertTrue(store.rows("SELECT * FROM frame WHERE side = 'guest-kernel' AND symbol NOT LIKE '[%'"))
        self.assertFalse([w for w in store.warnings() if "symbols" in w or "no stacks" in w], store.warnings())

    def test_a_kernel_that_marks_itself(self):
        store = self.measure("--guest", "qemu", "--", "-m", "256M", "-nodefaults", "-kernel", self.programs["calibrator"], "-append",
                             "-cores {cores} -markers -seconds 1 -burn alpha=1 -depth 3")
        self.assertEqual(list(store.phases(1)), ["boot", "setup", "burn"])

    def test_the_phase_end_ends_the_run(self):
        store = self.measure("--guest", "qemu", "--phase", "run=Linux version", "--phase", "end=^burning", "--", "-cpu",
                             "max,la57=off", "-m", "512M", "-nodefaults", "-kernel", machines.linux_kernel(), "-initrd", self.initramfs(),
                             "-append", "console=ttyS0 no_timer_check -- 1", cores="1")
        self.assertEqual(list(store.phases(1)), ["boot", "run"])

    def test_an_OSv_kernel_by_arguments(self):
        kernel = harness.osv_symbols()
        store = self.measure("--guest", "qemu", "--phase", "run=OSv", "--", "-cpu", "max", "-m", "512M", "-nodefaults", "-kernel",
                             kernel, "-append", "--verbose --power-off-on-abort --rootfs=ramfs /nothing", cores="1")
        self.assertFalse([w for w in store.warnings() if "no stacks" in w], store.warnings())

    @harness.patiently
    def test_an_OSv_disk_with_its_own_command_line(self):
        if not harness.guests_available(self.collector, "osv"):
            harness.skip("osv cannot run here: collector --doctor says why")
        disk = self.osv_disk()
        store = self.measure("--guest", "osv", "--disk", disk, "--append",
                             "--verbose --power-off-on-abort --rootfs=rofs /bin/mandelbrot -cores {cores} -width 160 -height 90"
                             " -iteration 300 -file /tmp/x.png", "--with", self.programs["mandelbrot"], "--phase", "run=^Booted up")
        self.assertEqual(list(store.phases(1)), ["boot", "run"])
        names = set(self.leaves(store))
        self.assertTrue([n for n in names if "mandelbrot" in n or "row" in n or "pixel" in n or "kernel" in n], names)

    def osv_disk(self):
        """The disk of our own stack, taken while it is there."""
        process = self.start("--guest", "osv", "--cores", "1", "--repeat", "1", workload=("-width", "64", "-height", "48"))
        qemu = self.find_process("qemu-system-x86_64")
        disk = re.search("file=(/[^,]*/osv-[^,]*[.]img),", harness.read_file(f"/proc/{qemu}/cmdline"))[1]
        shutil.copy(disk, self.work + "/user.img")
        self.finish(process)
        return self.work + "/user.img"

    @harness.patiently
    def test_a_Linux_disk_with_an_init_of_its_own(self):
        harness.need_program("mke2fs", "e2fsprogs")
        kernel, root = machines.linux_kernel(), self.work + "/root"
        for folder in ("dev", "proc", "sys", "run", "app"):
            os.makedirs(f"{root}/{folder}")
        shutil.copy(self.programs["init"], root + "/app/burn")
        os.makedirs(root + "/sbin")
        shutil.copy(self.programs["init"], root + "/sbin/init")
        disk = self.work + "/disk.img"
        subprocess.run(["truncate", "-s", "32M", disk], check=True)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", root, disk], check=True)
        store = self.measure("--guest", "linux", "--kernel", kernel, "--disk", disk, "--append",
                             "console=ttyS0 quiet no_timer_check init=/app/burn -- {cores} 3", "--program=" + self.programs["init"],
                             "--phase", "run=^burning")
        self.assertAlmostEqual(store.runs()[0]["runtime_ns"] / 1e9, 3, delta=0.8)
        self.assert_shares(self.leaves(store))

    def test_what_cannot_be_measured_is_told(self):
        for words, said in ((("-daemonize",), "child"), (("-smp", "3"), "-smp 3"), (("-smp", "cores=2,threads=2"), "4 vCPUs"),
                            (("-accel", "tcg"), "--accel"), (("-machine", "q35,accel=tcg"), "--accel"), (("-S",), "never begins"),
                            (("-serial", "null"), "standard output")):
            self.refused(2, "--guest", "qemu", "--", *words, words=[said])
        self.refused(3, "--guest", "qemu", "--", "-kernel", "/nowhere", words=["/nowhere"])
        self.refused(2, "--guest", "qemu", "--", words=["QEMU's arguments"])
        self.refused(2, "--guest", "native,qemu", "--", "-m", "64M", words=["alone"])
        self.refused(2, "--guest", "osv", "--append", "x", "--", words=["--disk"])
        self.refused(3, "--guest", "osv", "--disk", "/nowhere", "--append", "x", "--", words=["/nowhere"])
        self.refused(3, "--guest", "osv", "--disk", self.collector, "--append", "x", "--", words=["disk image"])

    def test_a_machine_that_fails_or_says_nothing_is_a_failed_run(self):
        store = self.measure("--guest", "qemu", "--", "-machine", "nonsense", status=1, cores="1")
        self.assertIn("unsupported machine type", store.runs()[0]["error"])
        store = self.measure("--guest", "qemu", "--", "-m", "64M", "-kernel", self.programs["calibrator"], "-append",
                             "-cores 1 -seconds 0.1 -burn alpha=1", status=1, cores="1")
        self.assertIn("--phase", store.runs()[0]["error"])


if __name__ == "__main__":
    harness.main("init", "calibrator", "mandelbrot")
