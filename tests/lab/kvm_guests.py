# SPDX-License-Identifier: GPL-2.0-or-later
"""Virtual machines under KVM by themselves, without the collector: they are chosen, run their program and end. kvm_test.py
runs these tests."""
import os

import lab

OSV = lab.find_osv()
GUESTS = ("linux-minimal", "osv") if OSV else ("linux-minimal",)
SCRIPT = """run_guest --work . --accel auto --cores 2 --timeout 120 --pin 0,1 --helpers 0 {guest} /bin/lanes_program >said 2>&1
echo $? >status
ls >left
grep -l qemu /proc/[0-9]*/comm >>left
"""
CELLS = {"guest_" + guest: SCRIPT.format(guest=guest) for guest in GUESTS}


class KvmGuests(lab.Test):
    folder = ""

    def left(self, guest, name):
        with open(os.path.join(self.folder, "guest_" + guest, name), encoding="utf-8", errors="replace") as f:
            return f.read()

    def test_kvm_is_chosen_and_the_program_runs_on_all_vcpus(self):
        for guest in GUESTS:
            with self.subTest(guest=guest):
                said = self.left(guest, "said")
                self.assertEqual(self.left(guest, "status").strip(), "0", said)
                self.assertIn("auto: kvm: ", said)
                self.assertIn("2 threads worked", said)

    def test_nothing_is_left_behind(self):
        for guest in GUESTS:
            with self.subTest(guest=guest):
                left = [name for name in self.left(guest, "left").split() if not name.endswith(".img")]
                self.assertEqual(left, ["left", "said", "status"])
