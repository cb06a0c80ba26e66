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

    def package(self, files, package="k"):
        tree = os.path.join(self.top, "tree-" + package)
        files = {"DEBIAN/control": "Package: k\nVersion: 1\nArchitecture: all\nMaintainer: t <t@t>\nDescription: t\n", **files}
        for name, content in files.items():
            os.makedirs(os.path.join(tree, os.path.dirname(name)), exist_ok=True)
            with open(os.path.join(tree, name), "w", encoding="ascii") as f:
                f.write(content)
        subprocess.run(["dpkg-deb", "-b", tree, os.path.join(self.top, package + ".deb")], check=True, capture_output=True)
        return os.path.join(self.top, package + ".deb")

    def run_script(self, *arguments, path=os.environ["PATH"]):
        environment = {**os.environ, "TMPDIR": self.temporary, "HOME": self.top, "PATH": path}
        environment.pop("GUESTSCOPE_GUESTS", None)
        done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, env=environment, timeout=300)
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

    def test_kernel_that_is_split_into_packages_is_put_together(self):
        folder = "usr/lib/modules/9+deb14-cloud/"
        debs = [self.package({folder + "vmlinuz": "kernel"}, "binary"),
                self.package({folder + "kernel/arch/x86/kvm/kvm.ko.xz": "m"}, "modules"),
                self.package({folder + "config": "c", folder + "System.map": "a note"}, "base")]
        done = self.run_script("--folder", self.target, *(word for deb in debs for word in ("--deb", deb)))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, self.target + "/vmlinuz-9+deb14-cloud\n")
        self.assertEqual(sorted(os.listdir(self.target)), ["config-9+deb14-cloud", "modules-9+deb14-cloud", "vmlinuz-9+deb14-cloud"])
        self.assertEqual(os.listdir(self.target + "/modules-9+deb14-cloud"), ["kvm.ko.xz"])

    def test_packages_that_the_kernel_depends_on_are_fetched_with_it(self):
        # apt as it answers in Debian 14: the metapackage names the image, the image its parts.
        tools = os.path.join(self.top, "tools")
        os.makedirs(tools)
        self.package({"usr/lib/modules/9/vmlinuz": "kernel"}, "linux-binary-9-cloud")
        self.package({"usr/lib/modules/9/kernel/kvm.ko.xz": "m"}, "linux-modules-9-cloud")
        self.package({"usr/lib/modules/9/config": "c"}, "linux-base-9-cloud")
        self.package({"usr/share/doc/k": "d"}, "linux-image-9-cloud")
        for name, text in {
            "apt-cache": "case $3 in meta) echo '  Depends: linux-base-cloud'; echo '  Depends: linux-image-9-cloud' ;;\n"
                         "linux-image-9-cloud) for p in base binary modules; do echo \"  Depends: linux-$p-9-cloud\"; done ;; esac",
            "apt-get": f"while [ $1 != download ]; do shift; done; shift; for p; do cp {self.top}/$p.deb .; done",
        }.items():
            path = os.path.join(tools, name)
            with open(path, "w", encoding="ascii") as f:
                f.write("#!/bin/sh\n" + text + "\n")
            os.chmod(path, 0o755)
        done = self.run_script("--folder", self.target, "--package", "meta", path=tools + ":" + os.environ["PATH"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(os.listdir(self.target)), ["config-9", "modules-9", "vmlinuz-9"])

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
