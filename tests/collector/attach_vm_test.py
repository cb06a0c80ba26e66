#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--attach to virtual machines that somebody else started, with command lines as libvirt writes them:
attach_vm_test.py COLLECTOR ATTACH_PROGRAM BURN_INIT CALIBRATOR CALLS_INIT [CLASS]

Known are the shares that the guests burn, and the map of their memory by QEMU's own monitor."""
import json
import os
import socket
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402
import machines  # noqa: E402


OFTEN = ("--frequency", "1999")


def ram(kind, name, size, **more):
    return "-object", json.dumps(dict({"qom-type": f"memory-backend-{kind}", "id": name, "size": size}, **more))


class Monitor:
    def __init__(self, path, case):
        self.socket = socket.socket(socket.AF_UNIX)
        # Its name is there a moment before it listens.
        harness.wait_for("the monitor", lambda: self.socket.connect_ex(path) == 0)
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
        return machines.ranges_of(self.ask("human-monitor-command", **{"command-line": "info mtree -f"}))


class RunsAlready(machines.MachineTest):
    def setUp(self):
        super().setUp()
        self.machines = self.plugged = 0

    def machine(self, *arguments, cores=2, name="tested", kernel=None, words=""):
        """A machine that runs: its process and a monitor."""
        self.machines += 1
        self.console = f"{self.work}/console-{self.machines}"
        qmp = f"{self.work}/qmp-{self.machines}"
        kernel = kernel or self.programs["calibrator"]
        process = subprocess.Popen(
            [machines.QEMU, "-name", f"guest={name},debug-threads=on", "-accel", "tcg,thread=multi", "-smp", f"{cores}", "-nodefaults",
             "-no-user-config", "-display", "none", "-qmp", f"unix:{qmp},server=on,wait=off", "-serial",
             f"file:{self.console}", "-kernel", kernel, "-append", words, *arguments], stdin=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        harness.wait_for("the monitor", lambda: os.path.exists(qmp) or process.poll() is not None)
        self.assertIsNone(process.poll())
        return process, Monitor(qmp, self)

    def calibrator(self, *arguments, cores=2, **more):
        machine = self.machine(*arguments, cores=cores, words=f"-cores {cores} -markers -seconds 300 -burn {machines.BURN} -depth 7",
                               **more)
        harness.wait_for("the program", lambda: "name=burn" in (harness.read_file(self.console) or ""), 60)
        return machine

    def linux(self, *arguments, words="", told="2", program="init", **more):
        machine = self.machine("-cpu", "max,la57=off", "-initrd", self.initramfs(program=program), *arguments, kernel=machines.linux_kernel(),
                               words=f"console=ttyS0 quiet no_timer_check {words} -- {told}", **more)
        harness.wait_for("the program", lambda: "burning" in (harness.read_file(self.console) or ""), 120)
        return machine

    def measure(self, process, *options, **more):
        store = self.attach(process.pid, *options, **more)
        self.assertIsNone(process.poll(), "the machine does not survive")
        return store

    def plug(self, monitor, size):
        self.plugged += 1
        monitor.ask("object-add", **{"qom-type": "memory-backend-ram", "id": f"m{self.plugged}", "size": size})
        monitor.ask("device_add", driver="pc-dimm", id=f"dimm{self.plugged}", memdev=f"m{self.plugged}")

    def assert_memory(self, process, monitor):
        self.assertEqual(self.memory_said(process.pid), monitor.memory())


class Layouts(RunsAlready):
    """QEMU's memory, in all that libvirt makes of it."""

    @harness.patiently
    def test_a_machine_of_the_type_pc_with_memory_of_its_own(self):
        process, monitor = self.calibrator("-machine", "pc", "-m", "512M")
        self.assert_memory(process, monitor)
        store = self.measure(process, seconds=2)
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
        self.assert_calibrated(self.measure(process, seconds=2))

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
        machines.huge_pages(self, 128)
        process, monitor = self.calibrator("-machine", "q35,memory-backend=pc.ram", "-m", "256M",
                                           *ram("memfd", "pc.ram", 256 << 20, hugetlb=True, hugetlbsize=2 << 20))
        self.assert_memory(process, monitor)
        self.assert_calibrated(self.measure(process, seconds=2))

    def test_memory_that_is_plugged_in(self):
        process, monitor = self.calibrator("-machine", "q35", "-m", "size=1G,slots=4,maxmem=4G")
        before = monitor.memory()
        self.assert_memory(process, monitor)
        for _ in range(2):
            self.plug(monitor, 256 << 20)
        self.assertEqual(len(monitor.memory()), len(before) + 2)
        self.assert_memory(process, monitor)

    def test_more_vCPUs_than_CPUs(self):
        process, _ = self.calibrator("-machine", "q35", "-m", "512M", cores=16)
        store = self.measure(process, seconds=2)
        self.assertEqual(store.runs()[0]["cores"], 16)
        self.assertGreater(store.ns(1, "guest", lane=15), 0)


class Linux(RunsAlready):
    """A kernel that lies where it likes, and carries its own symbols."""

    @harness.patiently
    def test_programs_and_kernel_have_names_and_threads_are_read_at_the_begin_and_at_the_end(self):
        """Two processes burn, on two vCPUs: both have all of the time between the readings."""
        process, _ = self.linux("-machine", "q35", "-m", "1G")
        store = self.measure(process, "--program", self.programs["init"])
        self.assert_shares(self.leaves(store))
        kernel = store.rows("SELECT symbol FROM frame WHERE side = 'guest-kernel' AND symbol NOT LIKE '[%'")
        self.assertGreater(len(kernel), 3)
        self.assertFalse([w for w in store.warnings() if "symbols" in w or "no stacks" in w], store.warnings())
        self.assert_read(store)

    def test_without_names_of_programs_it_is_looked_into_too(self):
        process, _ = self.linux("-machine", "pc", "-m", "512M", words="nokaslr")
        store = self.measure(process, seconds=2)
        self.assertNotIn("alpha", self.leaves(store))
        self.assertTrue(store.rows("SELECT * FROM frame WHERE side = 'guest-kernel' AND symbol NOT LIKE '[%'"))

    def assert_read(self, store):
        begin, end = store.phases(1)["attached"]
        taken = {r["instant"]: r["taken_ns"] for r in store.rows("SELECT instant, taken_ns FROM guest_cpu WHERE cpu = 0")}
        self.assertEqual(sorted(taken), ["begin", "end"], store.warnings())
        self.assertTrue(begin <= taken["begin"] < begin + (end - begin) // 2, (begin, end, taken))
        burnt = [r["ns"] / (taken["end"] - taken["begin"]) for r in store.rows(
            "SELECT e.cpu_ns - b.cpu_ns AS ns FROM guest_task e JOIN guest_task b USING (run, phase, id) WHERE e.name = 'init'"
            " AND e.instant = 'end' AND b.instant = 'begin' ORDER BY ns DESC LIMIT 2")]
        print(f"  of the time between the readings two processes have {burnt}", flush=True)
        self.assertEqual(len(burnt), 2)
        for share in burnt:
            self.assertTrue(0.9 < share < 1.05, burnt)

    @harness.patiently
    def test_memory_that_is_plugged_in_meanwhile(self):
        """From then on the kernel takes that alone: page tables, stacks and what is done with them are in it."""
        process, monitor = self.linux("-machine", "q35", "-m", "size=512M,slots=4,maxmem=4G", words="memhp_default_state=online",
                                      told="2 0 100")
        plugs = threading.Timer(2, self.plug, (monitor, 512 << 20))
        plugs.start()
        store = self.measure(process, "--program", self.programs["init"], *OFTEN, seconds=6)
        plugs.join()
        self.assertIn("living above 4 GiB", harness.read_file(self.console))
        self.assert_followed(store)
        self.assert_shares(self.leaves(store))


    def check_calls(self, store):
        """A stack of the kernel's ends in what called it, and what the kernel does stands on who asked for it."""
        stacks = self.stacks(store, kernel=True)
        total = sum(n for n, _ in stacks)
        self.assertGreater(total, 500)
        whole = [(n, symbols) for n, symbols in stacks if symbols[-1] == "_start" or symbols[-1].startswith("ret_from_fork")]
        self.assertGreater(sum(n for n, _ in whole), 0.9 * total)
        ways = {"read_zero": ("do_syscall_64", "entry_SYSCALL_64_after_hwframe", "read", "reads_zeros", "main"),
                "do_anonymous_page": ("exc_page_fault", "asm_exc_page_fault", "touches_pages", "main"),
                "__x64_sys_munmap": ("do_syscall_64", "entry_SYSCALL_64_after_hwframe", "munmap", "touches_pages", "main"),
                "kthread": ("ret_from_fork",)}
        for function, callers in ways.items():
            above = [(n, symbols[symbols.index(function) + 1:]) for n, symbols in whole if function in symbols]
            right = sum(n for n, below in above if self.are_in(callers, below))
            self.assertGreaterEqual(right, 0.99 * sum(n for n, _ in above), (function, above))
            if function in ("read_zero", "kthread"):
                self.assertGreater(right, 0, function)
        self.assertEqual([r["way"] for r in store.rows("SELECT way FROM stack_module WHERE side = 'guest' AND module = '[kernel]'")],
                         ["ORC"])

    @staticmethod
    def are_in(callers, below):
        """Directly one below the other."""
        return any(tuple(below[i:i + len(callers)]) == callers for i in range(len(below)))

    @harness.patiently
    def test_the_kernels_stacks_are_whole_wherever_it_lies(self):
        process, _ = self.linux("-machine", "q35", "-m", "512M", cores=1, program="calls")
        self.check_calls(self.measure(process, "--program", self.programs["calls"], *OFTEN))

    @harness.patiently
    def test_the_kernels_stacks_are_whole_without_its_file(self):
        process, _ = self.linux("-machine", "pc", "-m", "512M", cores=1, program="calls", words="nokaslr pti=on")
        self.check_calls(self.measure(process, "--program", self.programs["calls"], *OFTEN))


class Others(RunsAlready):
    def test_vCPUs_of_other_monitors_are_told_by_their_names(self):
        """No such monitor: a program that names its threads as they do."""
        for kind, guest in (("fc_vcpu 0", "firecracker"), ("vcpu0", "cloud-hypervisor"), ("crosvm_vcpu0", "crosvm")):
            program = subprocess.Popen([self.programs["program"], "sleep", "name:" + kind], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
            self.addCleanup(program.wait)
            self.addCleanup(program.kill)
            self.assertEqual(program.stdout.readline(), "ready\n")
            tid = harness.threads_of(program.pid)[kind]
            said = self.dry_run(program.pid)
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
    harness.main("program", "init", "calibrator", "calls")
