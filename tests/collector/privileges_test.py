#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the collector may, and what it hands on: privileges_test.py COLLECTOR MANDELBROT CALIBRATOR MANUAL [-v] [TEST...]

Runs the collector as an ordinary user with exactly the capabilities that its manual names, and with one less. Exit
status 77 without root, setpriv or BTF."""
import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

if len(sys.argv) < 5:
    sys.exit(__doc__)
COLLECTOR, MANDELBROT, CALIBRATOR, MANUAL = (os.path.abspath(path) for path in sys.argv[1:5])
USER = 64123  # nobody else's: other tests run things as nobody
PICTURE = ["-width", "100", "-height", "60", "-smoothness", "1", "-iteration", "500"]
BURN = ["-seconds", "1", "-burn", "alpha=60,beta=40"]
QEMU = shutil.which("qemu-system-x86_64")


def manual_rights():
    """The capabilities of the manual's section PRIVILEGES."""
    with open(MANUAL, encoding="utf-8") as f:
        section = f.read().split(".SH PRIVILEGES")[1].split(".SH ")[0]
    return re.findall(r"^\.B CAP_([A-Z_]+)$", section, re.M)


def setcap_line():
    """What the manual gives to setcap."""
    with open(MANUAL, encoding="utf-8") as f:
        return re.search(r"^setcap (\S+) ", f.read(), re.M).group(1)


def processes_of_user():
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError):
            found |= {pid} if os.stat(f"/proc/{pid}").st_uid == USER else set()
    return found


class Privileges(unittest.TestCase):
    def setUp(self):
        self.before = processes_of_user()
        self.addCleanup(self.assert_nothing_left)
        self.folder = tempfile.mkdtemp(prefix="guestscope-privileges-")
        self.addCleanup(shutil.rmtree, self.folder)
        os.chown(self.folder, USER, USER)
        # The tree may be in a folder that is closed to others, as root's own is.
        self.collector, self.mandelbrot, self.bare = (
            shutil.copy(path, self.folder) for path in (COLLECTOR, MANDELBROT, CALIBRATOR))

    def assert_nothing_left(self):
        left = processes_of_user() - self.before
        self.assertFalse(left, subprocess.run(["ps", "-fp", ",".join(left)], capture_output=True, text=True, check=False).stdout)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_as_user(self, argv, rights=None, path=None):
        """@rights None: those of the program's file."""
        setpriv = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        if rights is not None:
            capabilities = ",".join(["-all"] + ["+" + name.lower() for name in rights])
            setpriv += [f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}", f"--bounding-set={capabilities}"]
        environment = {"PATH": path or os.environ["PATH"], "HOME": self.folder, "LANG": "C.UTF-8"}
        return subprocess.run(setpriv + argv, env=environment, cwd=self.folder, capture_output=True, text=True, timeout=120,
                              check=False)

    def measure(self, rights, options, words, path=None):
        argv = [self.collector, "--repeat", "1", "--warmup", "0", "--frequency", "499", "--cores", "1", "--output", self.path("e"), *options,
                "--", *(["-cores", "{cores}", "-markers", "-rows"] if "--program" in options else []), *words]
        return self.run_as_user(argv, rights, path)

    def store(self, sql):
        with sqlite3.connect(f"file:{self.path('e')}/experiment.db?mode=ro", uri=True) as db:
            return db.execute(sql).fetchall()

    def recorder(self, name, program):
        """A script that keeps its rights in the file @name.status and becomes @program."""
        script = self.path(name)
        with open(script, "w", encoding="utf-8") as f:
            f.write(f'#!/bin/sh\ncat /proc/self/status >{script}.status\nexec {program} "$@"\n')
        os.chmod(script, 0o755)
        return script

    def assert_no_rights(self, name):
        with open(self.path(name) + ".status", encoding="utf-8") as f:
            status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
        self.assertEqual(int(status["CapEff"], 16), 0)
        self.assertEqual(int(status["CapPrm"], 16), 0)
        self.assertEqual(status["Uid"].split()[0], str(USER))

    def assert_measured(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.store("SELECT DISTINCT status, residual_ns FROM run"), [("ok", 0)])

    def test_what_the_manual_names_is_enough_and_is_not_handed_on(self):
        done = self.measure(manual_rights(), ["--program", self.recorder("native", self.mandelbrot)], PICTURE)
        self.assert_measured(done)
        self.assert_no_rights("native")
        self.assertFalse([text for (text,) in self.store("SELECT text FROM warning") if "CAP_" in text or "kallsyms" in text])

    @unittest.skipUnless(QEMU and os.path.exists(CALIBRATOR), "needs QEMU")
    def test_a_virtual_machine_runs_as_the_user(self):
        self.recorder("qemu-system-x86_64", QEMU)
        done = self.measure(manual_rights(), ["--guest", "bare", "--accel", "tcg", "--kernel", self.bare], BURN,
                            path=self.folder + ":" + os.environ["PATH"])
        self.assert_measured(done)
        self.assert_no_rights("qemu-system-x86_64")
        self.assertTrue(self.store("SELECT 1 FROM frame WHERE symbol = 'alpha'"), "the guest was not looked into")

    def test_a_missing_right_costs_what_is_said(self):
        rights = manual_rights()
        done = self.measure([name for name in rights if name != "SYSLOG"], ["--program", self.mandelbrot], PICTURE)
        self.assert_measured(done)
        self.assertTrue([text for (text,) in self.store("SELECT text FROM warning") if "CAP_SYSLOG" in text])

    def test_without_the_essential_ones_what_is_lacking_is_named_once_in_one_line(self):
        rights = [name for name in manual_rights() if name not in ("BPF", "SYS_ADMIN")]
        done = self.measure(rights, ["--program", self.mandelbrot], PICTURE)
        self.assertEqual(done.returncode, 3)
        line = [text for text in done.stderr.splitlines() if "not allowed" in text]
        self.assertEqual(len(line), 1, done.stderr)
        self.assertIn("for want of CAP_BPF, CAP_SYS_ADMIN:", line[0])
        self.assertEqual(line[0].count("CAP_"), 2)

    def test_the_doctor_names_each_that_is_lacking_and_what_it_is_for(self):
        done = self.run_as_user([self.collector, "--doctor"], [])
        self.assertEqual(done.returncode, 3)
        line = next(text for text in done.stdout.splitlines() if "privileges" in text)
        for name in manual_rights():
            self.assertRegex(line, rf"CAP_{name} \([a-z]")

    @unittest.skipUnless(shutil.which("setcap", path="/usr/sbin:/sbin:" + os.environ["PATH"]), "needs setcap")
    def test_the_manuals_setcap_is_enough(self):
        setcap = shutil.which("setcap", path="/usr/sbin:/sbin:" + os.environ["PATH"])
        self.assertEqual({name.upper()[4:] for name in setcap_line().split("+")[0].split(",")}, set(manual_rights()))
        if subprocess.run([setcap, setcap_line(), self.collector], capture_output=True, check=False).returncode:
            self.skipTest("this file system keeps no capabilities")
        done = self.measure(None, ["--program", self.recorder("native", self.mandelbrot)], PICTURE)
        self.assert_measured(done)
        self.assert_no_rights("native")


if __name__ == "__main__":
    for reason, missing in (("root", os.geteuid() != 0), ("setpriv", not shutil.which("setpriv")),
                            ("a kernel with BTF", not os.path.exists("/sys/kernel/btf/vmlinux"))):
        if missing:
            print(f"skipped: needs {reason}")
            sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[5:]])
