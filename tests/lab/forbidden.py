# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel can forbid, in a machine of the lab that forbids it: kernel.kptr_restrict=2, kernel.perf_event_paranoid=4,
lockdown=confidentiality. kvm_test.py runs these tests; kernels.py boots other kernels with the same cells."""
import json
import os
import shutil

import lab

NATIVE = "--guest native --cores 1 --repeat 1 --profile oncpu"
PICTURE = "-width 192 -height 144 -smoothness 1 -iteration 1000"
DOCTOR = "collector --doctor --json >doctor.json 2>doctor.said\n"
SETPRIV = shutil.which("setpriv")
# By its path: busybox has one of its own, which cannot do it. CAP_SYS_ADMIN stands for CAP_PERFMON, too.
UNPRIVILEGED = "/bin/setpriv --bounding-set -perfmon,-sys_admin "


def setting(name, value):
    """Script that sets a value of /proc/sys/kernel and remembers the old one, and script that gives that back."""
    path = f"/proc/sys/kernel/{name}"
    return f"cat {path} >{name}\necho {value} >{path}\n", f"cat {name} >{path}\n"


def cell(words="", **settings):
    before, after = map("".join, zip(*(setting(*s) for s in settings.items())))
    # what follows runs with the same rights
    return lab.collect(NATIVE, PICTURE, before + words, words + DOCTOR + after)


CELLS = {
    # who has CAP_PERFMON is not held back by perf_event_paranoid
    "hidden": cell(kptr_restrict=2, perf_event_paranoid=4),
    "unprivileged": cell(UNPRIVILEGED, perf_event_paranoid=4),
    # A kernel that is locked down stays so until it is booted again: the last cell of a boot.
    "lockdown": lab.collect(NATIVE, PICTURE, "mount -t securityfs none /sys/kernel/security\n"
                            "echo confidentiality >/sys/kernel/security/lockdown\n", DOCTOR),
}
# As the user reads it, whole.
HIDDEN = ("kernel.kptr_restrict is 2, which hides the kernel's addresses from root as well: kernel functions have no names "
          "(sysctl kernel.kptr_restrict=1)")
LOCKED = ("kernel lockdown forbids eBPF programs to read the kernel's memory: boot with lockdown=integrity or none instead "
          "of lockdown=confidentiality")


def read(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as f:
        return f.read()


class Forbidden(lab.Test):
    folder = ""

    def told(self, name):
        """The exit status, and the lines that the collector said."""
        folder = os.path.join(self.folder, name)
        return int(read(folder, "status")), read(folder, "said").splitlines()

    def doctor(self, name, check):
        checks = json.loads(read(os.path.join(self.folder, name), "doctor.json"))["checks"]
        return next((c["status"], c["finding"]) for c in checks if c["name"] == check)

    def refused(self, name):
        """The one line of a run that could not begin."""
        status, lines = self.told(name)
        self.assertEqual((status, len(lines)), (3, 1), lines)
        return lines[0]

    def test_hidden_addresses_cost_names_and_no_run(self):
        store = lab.Store(self.folder, "hidden")
        self.addCleanup(store.db.close)
        self.assertEqual([r["text"] for r in store.all("SELECT text FROM warning WHERE text LIKE '%kptr%'")], [HIDDEN])
        self.assertEqual(store.all("SELECT closed FROM run")[0]["closed"], 1)
        self.assertEqual(self.doctor("hidden", "kernel symbols"), ("limited", HIDDEN))

    def test_whoever_may_is_not_held_back_by_perf_event_paranoid(self):
        store = lab.Store(self.folder, "hidden")
        self.addCleanup(store.db.close)
        self.assertNotIn("paranoid", store.said)
        self.assertGreater(store.all("SELECT count(*) AS n FROM sample WHERE kind = 'oncpu'")[0]["n"], 0)
        self.assertEqual(self.doctor("hidden", "sampling")[0], "ok")

    def test_perf_event_paranoid_without_the_right_is_refused(self):
        line = self.refused("unprivileged")
        self.assertIn("for want of CAP_PERFMON, CAP_SYS_ADMIN: run as root (sudo), or with ", line)
        self.assertEqual(self.doctor("unprivileged", "sampling"), ("missing", "forbidden (kernel.perf_event_paranoid is 4)"))
        self.assertEqual(self.doctor("unprivileged", "privileges")[0], "missing")

    def test_lockdown_is_named(self):
        self.assertEqual(self.refused("lockdown"), "collector: " + LOCKED)
        self.assertEqual(self.doctor("lockdown", "probes"), ("missing", LOCKED))
