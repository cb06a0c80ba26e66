# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests of machines that run already, or run what is their own, share: guests that burn known shares of their
time, and what has to be found of them."""
import glob
import os
import re
import subprocess

import harness

QEMU = "qemu-system-x86_64"
SHARES = {"alpha": 60, "beta": 25, "gamma": 15}
BURN = ",".join(f"{name}={share}" for name, share in SHARES.items())
LEAVES = """SELECT symbol, sum(count) AS n FROM sample JOIN stack ON stack.id = sample.stack JOIN frame ON
    frame.id = stack.frame WHERE kind = 'oncpu' AND lane >= 0 AND side LIKE 'guest%' GROUP BY 1"""
# Stacks as they are, innermost first, without what the compiler put into others.
STACKS = """WITH RECURSIVE up(id, n, stack, depth) AS (
    SELECT rowid, count, stack, 0 FROM sample WHERE kind = 'oncpu' AND lane >= 0 AND stack IS NOT NULL
    UNION ALL SELECT up.id, n, parent, depth + 1 FROM up JOIN stack ON stack.id = up.stack WHERE parent IS NOT NULL)
    SELECT up.id, n, side, symbol FROM up JOIN stack ON stack.id = up.stack JOIN frame ON frame.id = stack.frame
    WHERE side IN ('guest-kernel', 'guest-user') AND NOT inlined ORDER BY up.id, depth"""


def archive(path, files):
    """An initramfs, in the format that cpio calls newc."""
    with open(path, "wb") as f:
        for number, (name, mode, data, *device) in enumerate([*files, ("TRAILER!!!", 0, b"")], 1):
            words = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *(device or (0, 0)), len(name) + 1, 0)
            head = b"070701" + b"".join(b"%08X" % word for word in words) + name.encode() + b"\0"
            f.write(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))


def linux_kernel():
    for folder in (os.environ.get("GUESTSCOPE_GUESTS", "/nowhere"), os.path.expanduser("~/.local/share/guestscope/guests")):
        for path in sorted(glob.glob(folder + "/linux*/vmlinuz-*")):
            return path
    return harness.skip("no Linux kernel here: guests/fetch-kernel gets one")


def ranges_of(text):
    """{(address, size)} of a machine's RAM of 1 MiB and more, by what QEMU's monitor answers to "info mtree -f"."""
    for view in text.split("FlatView #"):
        if re.search(r'AS "memory"', view):
            return {(int(a, 16), int(b, 16) - int(a, 16) + 1) for a, b in
                    re.findall(r"^  ([0-9a-f]{16})-([0-9a-f]{16}) \(prio \d+, (?:ram|rom)\):", view, re.M)
                    if int(b, 16) - int(a, 16) + 1 >= 1 << 20}
    raise AssertionError(text)


HUGE = "/proc/sys/vm/nr_hugepages"


def huge_pages(case, number):
    """Reserve @number more of 2 MiB until the test is over. A process gives them back that outlives us, however we end."""
    if not os.access(HUGE, os.W_OK) or not os.path.isdir("/sys/kernel/mm/hugepages/hugepages-2048kB"):
        harness.skip("no huge pages here, or they may not be reserved")
    before = int(harness.read_file(HUGE))
    keeper = subprocess.Popen(["sh", "-c", f"read never; echo $(($(cat {HUGE}) - {number})) >{HUGE}"], stdin=subprocess.PIPE,
                              start_new_session=True)
    case.addCleanup(keeper.wait)
    case.addCleanup(keeper.stdin.close)
    with open(HUGE, "w", encoding="ascii") as f:
        f.write(str(before + number))
    got = int(harness.read_file(HUGE)) - before
    if got < number:
        harness.skip(f"of {number} huge pages {max(got, 0)} could be reserved")


class MachineTest(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        harness.need_program(QEMU, "qemu-system-x86")
        super().setUp()

    def initramfs(self, init=None, files=(), program="init"):
        """For a Linux kernel: programs[@program] is its first process, "init" burns; or the text @init, with @files."""
        path = self.work + "/initrd"
        archive(path, [("dev", 0o40755, b""), ("dev/console", 0o20600, b"", 5, 1), ("dev/zero", 0o20600, b"", 1, 5),
                       ("init", 0o100755, init.encode() if init else harness.read_file(self.programs[program], "rb")),
                       *((name, 0o100755, harness.read_file(file, "rb")) for name, file in files)])
        return path

    def kernel_module(self, name, place):
        """Of the guest's kernel, from its image where the kit has not got it."""
        kernel = linux_kernel()
        version = os.path.basename(kernel).removeprefix("vmlinuz-")
        path, copy = f"{os.path.dirname(kernel)}/modules-{version}/{name}.ko", f"{self.work}/{name}.ko"
        for image in glob.glob(os.path.dirname(kernel) + "/*.img") if not os.path.exists(path) else ():
            subprocess.run(["debugfs", "-R", f"dump /lib/modules/{version}/kernel/{place}/{name}.ko {copy}", image],
                           stderr=subprocess.DEVNULL, check=False)
            path = copy if os.path.exists(copy) and os.path.getsize(copy) else path
        if not os.path.exists(path):
            harness.skip(f"the guest's kernel comes without its module {name}")
        return path

    def attach(self, what, *options, seconds=4, **more):
        done = self.collect("--attach", str(what), "--timeout", str(seconds), *options, workload=None, **more)
        self.assertEqual(done.status, 0, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        self.assert_measured(store)
        return store

    def dry_run(self, what, *options, **more):
        done = self.finish(self.start("--attach", str(what), "--dry-run", *options, workload=None, **more))
        self.assertEqual(done.status, 0, done.stderr)
        return done.stdout

    def memory_said(self, what, **more):
        return {(int(address, 16), int(size, 16)) for size, address in
                re.findall(r"memory: (0x[0-9a-f]+) bytes at (0x[0-9a-f]+|0)", self.dry_run(what, **more))}

    def leaves(self, store):
        """{function: samples}; in C gamma is called gamma_, as the library has another."""
        return {row["symbol"].rstrip("_"): row["n"] for row in store.rows(LEAVES)}

    def stacks(self, store, kernel=False):
        """[(samples, functions)], innermost first; those that hit the guest's kernel, if so asked."""
        stacks = {}
        for row in store.rows(STACKS):
            stacks.setdefault(row["id"], (row["n"], row["side"], []))[2].append(row["symbol"])
        return [(n, symbols) for n, side, symbols in stacks.values() if side == "guest-kernel" or not kernel]

    def assert_shares(self, counts):
        total = sum(counts.get(name, 0) for name in SHARES)
        self.assertGreater(total, 300, counts)
        for name, share in SHARES.items():
            self.assertAlmostEqual(100 * counts[name] / total, share, delta=8, msg=counts)

    def assert_followed(self, store):
        """Hardly a stack ends where the guest has memory that the collector does not know of."""
        ends = {row["why"]: row["n"] for row in store.rows("SELECT why, sum(samples) AS n FROM guest_stack_end GROUP BY 1")}
        lost = sum(ends.get(why, 0) for why in ("outside of RAM", "not in the host's memory", "page tables not known"))
        self.assertLess(lost, 0.05 * sum(ends.values()), ends)

    def assert_calibrated(self, store):
        """The shares and the depth of the calibrator's stacks, all of them whole."""
        counts, whole = dict.fromkeys(SHARES, 0), 0
        for n, names in self.stacks(store):
            for name in SHARES:
                if name in names:
                    counts[name] += n
                    whole += n * (names[-1] in ("vcpu_root", "boot_main", "start", "ap_main") or len(names) >= 9)
        self.assert_shares(counts)
        self.assertGreater(whole, 0.95 * sum(counts.values()))
