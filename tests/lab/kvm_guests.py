# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual machine under KVM by itself, without the collector: KVM is chosen, its program runs, it ends. Which kernel it has
makes no difference to that: the one that boots faster. kvm_test.py runs these tests."""
import os

import lab

GUEST = "osv" if lab.find_osv() else "linux-minimal"
SCRIPT = """run_guest --work . --accel auto --cores 2 --timeout 120 --pin 0,1 --helpers 0 {guest} /bin/lanes_program >said 2>&1
echo $? >status
ls >left
grep -l qemu /proc/[0-9]*/comm >>left
"""
CELLS = {"guest": SCRIPT.format(guest=GUEST)}


class KvmGuests(lab.Test):
    folder = ""

    def left(self, name):
        with open(os.path.join(self.folder, "guest", name), encoding="utf-8", errors="replace") as f:
            return f.read()

    def test_kvm_is_chosen_and_the_program_runs_on_all_vcpus(self):
        said = self.left("said")
        self.assertEqual(self.left("status").strip(), "0", said)
        self.assertIn("auto: kvm: ", said)
        self.assertIn("2 threads worked", said)

    def test_nothing_is_left_behind(self):
        left = [name for name in self.left("left").split() if not name.endswith(".img")]
        self.assertEqual(left, ["left", "said", "status"])
