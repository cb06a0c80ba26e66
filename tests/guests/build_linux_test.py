#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What guests/build-linux says when it cannot build, and that nothing is left then: build_linux_test.py SCRIPT

The tools that fail are stand-ins; nothing is downloaded. A real image is booted in tests/collector/linux_test.py."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.path.abspath(sys.argv.pop(1))
NEEDED = ("sh", "sed", "awk", "mktemp", "rm", "id", "dirname", "sort", "head", "tail", "cat", "touch", "mkdir", "seq")
TOOLS = ("mmdebstrap", "mke2fs", "debugfs", "dumpe2fs", "apt-get", "fakeroot", "newuidmap")


class BuildLinux(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = folder.name
        self.bin = os.path.join(self.top, "bin")
        self.temporary = os.path.join(self.top, "tmp")
        self.target = os.path.join(self.top, "guests")
        os.makedirs(self.bin)
        os.makedirs(self.temporary)
        for name in NEEDED:
            os.symlink(shutil.which(name), os.path.join(self.bin, name))
        for name in TOOLS:
            self.stand_in(name, "exit 1")

    def stand_in(self, name, body):
        path = os.path.join(self.bin, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(f"#!/bin/sh\n{body}\n")
        os.chmod(path, 0o755)

    def run_script(self, *arguments):
        done = subprocess.run(["/bin/sh", SCRIPT, *arguments], capture_output=True, text=True, timeout=300,
                              env={"PATH": self.bin, "HOME": self.top, "TMPDIR": self.temporary})
        self.assertEqual(os.listdir(self.temporary), [], "temporary files are left")
        self.assertFalse(os.path.exists(self.target), "an image that cannot be whole")
        return done

    def refused(self, status, *words):
        done = self.run_script("--folder", self.target)
        self.assertEqual(done.returncode, status, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_wrong_usage_is_told(self):
        self.assertEqual(self.run_script("--folder").returncode, 2)
        self.assertEqual(self.run_script("--nonsense").returncode, 2)
        self.assertIn("usage", self.run_script("--help").stdout)

    def test_apt_without_Debian_is_told(self):
        self.stand_in("apt-get", "echo Other http://archive.invalid/ stable main")
        self.refused(3, "apt is not set up here")

    def test_what_mmdebstrap_says_is_shown_and_nothing_is_left(self):
        self.stand_in("apt-get", '. /etc/os-release; echo "Debian http://archive.invalid/ $VERSION_CODENAME main"')
        self.stand_in("mmdebstrap", 'echo "E: no such archive" >&2; exit 25')
        self.refused(3, "E: no such archive", "apt-get update")

    def test_a_tool_that_is_missing_is_named_with_its_package(self):
        for folder in ("/usr/sbin", "/sbin"):  # which the script looks into as well
            if os.path.exists(folder + "/mmdebstrap"):
                self.skipTest("mmdebstrap lies in " + folder)
        os.unlink(self.bin + "/mmdebstrap")
        self.refused(3, "apt install mmdebstrap")


if __name__ == "__main__":
    unittest.main()
