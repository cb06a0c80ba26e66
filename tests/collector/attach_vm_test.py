#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--attach to virtual machines that somebody else started, with command lines as libvirt writes them:
attach_vm_test.py COLLECTOR ATTACH_PROGRAM BURN_INIT CALIBRATOR [CLASS]

Known are the shares that the guests burn, and the map of their memory by QEMU's own monitor."""
import glob
import json
import os
import re
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

QEMU = "qemu-system-x86_64"
SHARES = {"alpha": 60, "beta": 25, "gamma": 15}
BURN = ",".join(f"{name}={share}" for name, share in SHARES.items())
LEAVES = """SELECT symbol, sum(count) AS n FROM sample JOIN stack ON stack.id = sample.stack JOIN frame ON
    frame.id = stack.frame WHERE kind = 'oncpu' AND lane >= 0 AND side LIKE 'guest%' GROUP BY 1"""
# Stacks as they are, innermost first, without what the compiler put into others.
STACKS = """WITH RECURSIVE up(id, n, stack, depth) AS (
    SELECT rowid, count, stack, 0 FROM sample WHERE kind = 'oncpu' AND lane >= 0 AND stack IS NOT NULL
    UNION ALL SELECT up.id, n, parent, depth + 1 FROM up JOIN stack ON stack.id = up.stack WHERE parent IS NOT NULL)
    SELECT up.id, n, symbol FROM up JOIN stack ON stack.id = up.stack JOIN frame ON frame.id = stack.frame
    WHERE side LIKE 'guest%' AND NOT inlined ORDER BY up.id, depth"""


def ram(kind, name, size, **more):
    return "-object", json.dumps(dict({"qom-type": f"memory-backend-{kind}", "id": name, "size": size}, **more))


def archive(path, files):
    """An initramfs, in the format that cpio calls newc."""
    with open(path, "wb") as f:
        for number, (name, mode, data, *device) in enumerate([*files, ("TRAILER!!!", 0, b"")], 1):
            words = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *(device or (0, 0)), len(name) + 1, 0)
            head = b"070701" + b"".join(b"%08X" % word for word in words) + name.encode() + b"\0"
            f.write(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))


class Monitor:
    def __init__(self, path, case):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw")
        case.addCleanup(self.socket.close)
        case.addCleanup(self.file.close)
        self.file.readline()
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "return" in answer or "error" in answer:
                assert "return" in answer, answer
                return answer["return"]

    def memory(self):
        """{(address, size)} of the machine's RAM of 1 MiB and more, by QEMU itself."""
        text = self.ask("human-monitor-command", **{"command-line": "info mtree -f"})
        for view in text.split("FlatView #"):
            if re.search(r'AS "memory"', view):
                return {(int(a, 16), int(b, 16) - int(a, 16) + 1) for a, b in
                        re.findall(r"^  ([0-9a-f]{16})-([0-9a-f]{16}) \(prio \d+, (?:ram|rom)\):", view, re.M)
                        if int(b, 16) - int(a, 16) + 1 >= 1 << 20}
        raise AssertionError(text)


class MachineTest(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        harness.need_program(QEMU, "qemu-system-x86")
        super().setUp()
        self.machines = 0

    def machine(self, *arguments, cores=2, name="tested", kernel=None, words=""):
        """A machine that runs: its process and a monitor."""
        self.machines += 1
        self.console = f"{self.work}/console-{self.machines}"
        qmp = f"{self.work}/qmp-{self.machines}"
        kernel = kernel or self.programs["calibrator"]
        process = subprocess.Popen(
            [QEMU, "-name", f"guest={name},debug-threads=on", "-accel", "tcg,thread=multi", "-smp", f"{cores}", "-nodefaults",
             "-no-user-config", "-display", "none", "-qmp", f"unix:{qmp},server=on,wait=off", "-serial",
             f"file:{self.console}", "-kernel", kernel, "-append", words, *arguments], stdin=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        harness.wait_for("the monitor", lambda: os.path.exists(qmp) or process.poll() is not None)
        self.assertIsNone(process.poll())
        return process, Monitor(qmp, self)

    def calibrator(self, *arguments, cores=2, **more):
        machine = self.machine(*arguments, cores=cores, words=f"-cores {cores} -markers -seconds 300 -burn {BURN} -depth 7",
                               **more)
        harness.wait_for("the program", lambda: "name=burn" in (harness.read_file(self.console) or ""), 60)
        return machine

    def linux(self, *arguments, words="", **more):
        kernels = [path for folder in (os.environ.get("GUESTSCOPE_GUESTS", "/nowhere"),
                                       os.path.expanduser("~/.local/share/guestscope/guests"))
                   for path in sorted(glob.glob(folder + "/linux*/vmlinuz-*"))]
        if not kernels:
            harness.skip("no Linux kernel here: guests/fetch-kernel gets one")
        with open(self.programs["init"], "rb") as init:
            archive(self.work + "/initrd", [("dev", 0o40755, b""), ("dev/console", 0o20600, b"", 5, 1),
                                            ("init", 0o100755, init.read())])
        machine = self.machine("-cpu", "max,la57=off", "-initrd", self.work + "/initrd", *arguments, kernel=kernels[0],
                               words=f"console=ttyS0 quiet no_timer_check {words} -- 2", **more)
        harness.wait_for("the program", lambda: "burning" in (harness.read_file(self.console) or ""), 120)
        return machine

    def measure(self, process, *options, seconds=4):
        done = self.collect("--attach", str(process.pid), "--timeout", str(seconds), *options, workload=None)
        self.assertEqual(done.status, 0, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        self.assert_measured(store)
        self.assertIsNone(process.poll(), "the machine does not survive")
        return store

    def dry_run(self, process, *options):
        done = self.finish(self.start("--attach", str(process.pid), "--dry-run", *options, workload=None))
        self.assertEqual(done.status, 0, done.stderr)
        return done.stdout

    def assert_memory(self, process, monitor):
        said = {(int(address, 16), int(size, 16)) for size, address in
                re.findall(r"memory: (0x[0-9a-f]+) bytes at (0x[0-9a-f]+|0)", self.dry_run(process))}
        self.assertEqual(said, monitor.memory())

    def leaves(self, store):
        return {row["symbol"]: row["n"] for row in store.rows(LEAVES)}

    def stacks(self, store):
        stacks = {}
        for row in store.rows(STACKS):
            stacks.setdefault(row["id"], (row["n"], []))[1].append(row["symbol"])
        return stacks.values()

    def assert_shares(self, counts):
        total = sum(counts.values())
        self.assertGreater(total, 300)
        for name, share in SHARES.items():
            self.assertAlmostEqual(100 * counts[name] / total, share, delta=8, msg=counts)

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


class Layouts(MachineTest):
    """QEMU's memory, in all that libvirt makes of it."""

    @harness.patiently
    def test_a_machine_of_the_type_pc_with_memory_of_its_own(self):
        process, monitor = self.calibrator("-machine", "pc", "-m", "512M")
        self.assert_memory(process, monitor)
        store = self.measure(process)
        run, = store.runs()
        self.assertEqual((run["guest"], run["cores"], run["accel"]), ("qemu-tested", 2, "tcg"))
        self.assert_calibrated(store)

    @harness.patiently
    def test_q35_with_two_nodes_whose_memory_has_a_hole(self):
        process, monitor = self.calibrator(
            "-machine", "q35,usb=off,dump-guest-core=off", "-m", "size=3G,slots=4,maxmem=8G", "-overcommit", "mem-lock=off",
            *ram("memfd", "ram-node0", 1 << 30, share=True), "-numa", "node,nodeid=0,cpus=0,memdev=ram-node0",
            *ram("ram", "ram-node1", 2 << 30), "-numa", "node,nodeid=1,cpus=1,memdev=ram-node1")
        self.assert_memory(process, monitor)
        self.assertEqual(len(monitor.memory()), 3)
        self.assert_calibrated(self.measure(process))

    def test_one_shared_backend_as_for_virtiofs(self):
        process, monitor = self.calibrator("-machine", "pc-i440fx-7.2,memory-backend=pc.ram", "-m", "5G",
                                           *ram("memfd", "pc.ram", 5 << 30, share=True))
        self.assert_memory(process, monitor)
        self.assertEqual(len(monitor.memory()), 2)

    def test_memory_in_a_file(self):
        path = self.work + "/ram"
        process, monitor = self.calibrator("-machine", "q35,memory-backend=pc.ram", "-m", "256M",
                                           *ram("file", "pc.ram", 256 << 20, **{"mem-path": path, "share": True}))
        self.assert_memory(process, monitor)

    def test_huge_pages(self):
        if int(harness.read_file("/proc/sys/vm/nr_hugepages") or 0) < 160:
            harness.skip("needs 160 huge pages: sysctl vm.nr_hugepages=160")
        process, monitor = self.calibrator("-machine", "q35,memory-backend=pc.ram", "-m", "256M",
                                           *ram("memfd", "pc.ram", 256 << 20, hugetlb=True, hugetlbsize=2 << 20))
        self.assert_memory(process, monitor)
        self.assert_calibrated(self.measure(process))

    def test_memory_that_is_plugged_in(self):
        process, monitor = self.calibrator("-machine", "q35", "-m", "size=1G,slots=4,maxmem=4G")
        before = monitor.memory()
        self.assert_memory(process, monitor)
        for number in range(2):
            monitor.ask("object-add", **{"qom-type": "memory-backend-ram", "id": f"m{number}", "size": 256 << 20})
            monitor.ask("device_add", driver="pc-dimm", id=f"dimm{number}", memdev=f"m{number}")
        self.assertEqual(len(monitor.memory()), len(before) + 2)
        self.assert_memory(process, monitor)

    def test_more_vCPUs_than_CPUs(self):
        process, _ = self.calibrator("-machine", "q35", "-m", "512M", cores=16)
        store = self.measure(process)
        self.assertEqual(store.runs()[0]["cores"], 16)
        self.assertGreater(store.ns(1, "guest", lane=15), 0)


class Linux(MachineTest):
    """A kernel that lies where it likes, and carries its own symbols."""

    @harness.patiently
    def test_programs_and_kernel_have_names(self):
        process, _ = self.linux("-machine", "q35", "-m", "1G")
        store = self.measure(process, "--program", self.programs["init"])
        counts = self.leaves(store)
        self.assert_shares({name: counts.get(name + ("_" if name == "gamma" else ""), 0) for name in SHARES})
        kernel = store.rows("SELECT symbol FROM frame WHERE side = 'guest-kernel' AND symbol NOT LIKE '[%'")
        self.assertGreater(len(kernel), 3)
        self.assertFalse([w for w in store.warnings() if "symbols" in w or "no stacks" in w], store.warnings())

    def test_without_names_of_programs_it_is_looked_into_too(self):
        process, _ = self.linux("-machine", "pc", "-m", "512M", words="nokaslr")
        store = self.measure(process, seconds=2)
        self.assertNotIn("alpha", self.leaves(store))
        self.assertTrue(store.rows("SELECT * FROM frame WHERE side = 'guest-kernel' AND symbol NOT LIKE '[%'"))


class Others(MachineTest):
    def test_vCPUs_of_other_monitors_are_told_by_their_names(self):
        """No such monitor: a program that names its threads as they do."""
        for kind, guest in (("fc_vcpu 0", "firecracker"), ("vcpu0", "cloud-hypervisor"), ("crosvm_vcpu0", "crosvm")):
            program = subprocess.Popen([self.programs["program"], "sleep", "name:" + kind], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
            self.addCleanup(program.wait)
            self.addCleanup(program.kill)
            self.assertEqual(program.stdout.readline(), "ready\n")
            tid = harness.threads_of(program.pid)[kind]
            said = self.dry_run(program)
            self.assertIn(f": {guest}, 1 lane,", said)
            self.assertIn(f"lane 0: thread {tid}\n", said)
            program.stdin.close()
            program.stdout.close()

    def test_what_is_for_guests_is_refused_for_others(self):
        program = subprocess.Popen(["sleep", "60"])
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        for option in ("--program", "--with", "--symbols"):
            done = self.collect("--attach", str(program.pid), option, self.programs["init"], workload=None)
            self.assert_one_line(done, 2, option, "virtual machine", str(program.pid))


if __name__ == "__main__":
    harness.main("program", "init", "calibrator")
