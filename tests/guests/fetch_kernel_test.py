#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""guests/fetch-kernel with package files made here: fetch_kernel_test.py SCRIPT (nothing is downloaded)"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.path.abspath(sys.argv.pop(1))


class FetchKernel(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = folder.name
        self.target = os.path.join(self.top, "guests", "linux")
        self.temporary = os.path.join(self.top, "tmp")
        os.makedirs(self.temporary)

    def package(self, files):
        tree = os.path.join(self.top, "tree")
        files = {"DEBIAN/control": "Package: k\nVersion: 1\nArchitecture: all\nMaintainer: t <t@t>\nDescription: t\n", **files}
        for name, content in files.items():
            os.makedirs(os.path.join(tree, os.path.dirname(name)), exist_ok=True)
            with open(os.path.join(tree, name), "w", encoding="ascii") as f:
                f.write(content)
        subprocess.run(["dpkg-deb", "-b", tree, os.path.join(self.top, "k.deb")], check=True, capture_output=True)
        return os.path.join(self.top, "k.deb")

    def run_script(self, *arguments):
        environment = {**os.environ, "TMPDIR": self.temporary, "HOME": self.top}
        environment.pop("GUESTSCOPE_GUESTS", None)
        done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, env=environment, timeout=60)
        self.assertEqual(os.listdir(self.temporary), [], "temporary files are left")
        return done

    def test_kernel_and_modules_are_put_in_place(self):
        deb = self.package({"boot/vmlinuz-9": "kernel", "boot/System.map-9": "a note", "boot/config-9": "c",
                            "lib/modules/9/kernel/arch/x86/kvm/kvm.ko": "m", "lib/modules/9/kernel/other.ko": "o"})
        done = self.run_script("--folder", self.target, "--deb", deb)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, self.target + "/vmlinuz-9\n")
        self.assertEqual(sorted(os.listdir(self.target)), ["config-9", "modules-9", "vmlinuz-9"])
        self.assertEqual(os.listdir(self.target + "/modules-9"), ["kvm.ko"])
        self.assertEqual(self.run_script("--folder", self.target, "--deb", deb).returncode, 0, "again is fine")

    def test_default_folder_is_where_guests_look(self):
        self.run_script("--deb", self.package({"boot/vmlinuz-9": "kernel"}))
        self.assertTrue(os.path.exists(self.top + "/.local/share/guestscope/guests/linux/vmlinuz-9"))

    def test_package_without_kernel_is_refused(self):
        done = self.run_script("--folder", self.target, "--deb", self.package({"boot/other": "x"}))
        self.assertEqual(done.returncode, 3)
        self.assertIn("no kernel", done.stderr)
        self.assertFalse(os.path.exists(self.target))

    def test_what_is_no_package_is_refused(self):
        for path in (SCRIPT, "/nonexistent"):
            done = self.run_script("--folder", self.target, "--deb", path)
            self.assertEqual(done.returncode, 3)
            self.assertIn(path, done.stderr)

    def test_wrong_usage_is_told(self):
        self.assertEqual(self.run_script("--folder").returncode, 2)
        self.assertEqual(self.run_script("--nonsense").returncode, 2)
        self.assertIn("usage", self.run_script("--help").stdout)


if __name__ == "__main__":
    if not shutil.which("dpkg-deb"):
        print("dpkg-deb is missing: apt install dpkg")
        sys.exit(77)
    unittest.main()
