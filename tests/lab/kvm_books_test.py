#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The books of virtual machines under KVM: kvm_books_test.py COLLECTOR MANDELBROT IMAGE_TOOL [-v] [TEST...]

Runs the collector in the lab (see lab.py) against real guests, once for all tests, and looks at the stores
that come back. KVM's own trace of one run, recorded beside it, is the second opinion on its books.
Exit status 77 where something that the lab is built of is missing."""
import os
import re
import sqlite3
import sys
import tempfile
import unittest

import lab

COLLECTOR, MANDELBROT, IMAGE_TOOL = (os.path.abspath(path) for path in sys.argv[1:4])
OSV = lab.find_osv()
PICTURE = "-width 256 -height 192 -smoothness 2 -iteration 2000"  # 3 s of one emulated CPU
NS_PER_S = 1e9

# KVM's trace of a boot is long: the traced guest is the one that boots faster.
TRACED = "osv" if OSV else "linux-minimal"
CELLS = {
    "native": "--guest native --cores 1 --repeat 1",
    "linux": "--guest linux-minimal --accel kvm --cores 1 --repeat 2",
    "linux_two": "--guest linux-minimal --accel kvm --cores 2 --repeat 1",
    "osv": "--guest osv --accel kvm --cores 1 --repeat 2",
    "traced": f"--guest {TRACED} --accel kvm --cores 1 --repeat 1",
    "untold": f"--guest {TRACED} --accel kvm --cores 1 --repeat 1",
}
if not OSV:
    del CELLS["osv"]
BUSY = [name for name in ("linux", "osv") if name in CELLS]
EXACT_KVM = [name for name in CELLS if name not in ("native", "untold")]

CELL = """echo "lab: {name}"
collector {options} --timeout 60 --output /tmp/results/{name} -- {picture} >{name}.out 2>&1
echo $? >{name}.status
"""
TRACE_BEGIN = """T=/sys/kernel/tracing
echo 0 >$T/tracing_on
echo 32768 >$T/buffer_size_kb
echo mono >$T/trace_clock
for event in kvm_entry kvm_exit kvm_userspace_exit; do echo 1 >$T/events/kvm/$event/enable; done
echo 1 >$T/tracing_on
"""
TRACE_END = """echo 0 >$T/tracing_on
echo 0 >$T/events/enable
cat $T/trace >trace
"""
# A kernel that keeps the types of KVM's events to itself.
HIDE_TYPES = """: >/tmp/empty
mount -o bind /tmp/empty /sys/kernel/btf/kvm
"""
AROUND = {"traced": (TRACE_BEGIN, TRACE_END), "untold": (HIDE_TYPES, "")}

# KVM's words in its trace, and ours in the books.
TRACE_WORDS = {"interrupt": "exit external interrupt", "msr": "exit MSR", "io": "exit I/O", "hlt": "exit HLT",
               "npf": "exit nested page fault", "cpuid": "exit CPUID", "vintr": "exit interrupt window"}
TRACE_LINE = re.compile(r"\s(\d+\.\d+): (kvm_entry|kvm_exit|kvm_userspace_exit): (?:vcpu \d+ reason (\S+))?")


def script():
    text = ""
    for name, options in CELLS.items():
        before, after = AROUND.get(name, ("", ""))
        text += before + CELL.format(name=name, options=options, picture=PICTURE) + after
    return text


class Store:
    """One cell's experiment."""

    def __init__(self, folder, name):
        self.name = name
        with open(os.path.join(folder, name + ".out"), encoding="utf-8", errors="replace") as f:
            self.said = f.read()
        with open(os.path.join(folder, name + ".status"), encoding="ascii") as f:
            self.exit_status = int(f.read())
        self.db = sqlite3.connect(os.path.join(folder, name, "experiment.db"))
        self.db.row_factory = sqlite3.Row

    def all(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    def runs(self):
        return self.all("SELECT * FROM run ORDER BY id")

    def phase(self, run, name):
        return self.all("SELECT start_ns, end_ns, end_ns - start_ns AS wall_ns FROM phase WHERE run = ? AND name = ?",
                        run, name)[0]

    def states(self, run, phase=None, lane=None):
        """{(state, detail): (ns, count)} of lanes, helpers left out."""
        rows = self.all("SELECT state, detail, SUM(ns) AS ns, SUM(count) AS count FROM account WHERE run = ?1 AND "
                        "lane >= 0 AND (?2 IS NULL OR phase = ?2) AND (?3 IS NULL OR lane = ?3) "
                        "GROUP BY state, detail", run, phase, lane)
        return {(row["state"], row["detail"]): (row["ns"], row["count"] or 0) for row in rows}


def state_ns(states, state, detail=None):
    return sum(ns for (s, d), (ns, _) in states.items() if s == state and detail in (None, d))


class Trace:
    """What KVM's own events say of the time between @start_ns and @end_ns: by state, and how often."""

    def __init__(self, path, start_ns, end_ns):
        self.ns, self.count = {}, {}
        state, since = None, None
        with open(path, encoding="utf-8", errors="replace") as f:
            for line in f:
                match = TRACE_LINE.search(line)
                if not match:
                    continue
                now = float(match[1]) * NS_PER_S
                if state:
                    overlap = min(now, end_ns) - max(since, start_ns)
                    self.ns[state] = self.ns.get(state, 0) + max(overlap, 0)
                state, since = self.state_of(match), now
                if start_ns <= now < end_ns:
                    self.count[state] = self.count.get(state, 0) + 1

    @staticmethod
    def state_of(match):
        if match[2] == "kvm_exit":
            return TRACE_WORDS.get(match[3], "exit " + (match[3] or "?"))
        return "guest" if match[2] == "kvm_entry" else "vmm"


class KvmBooks(unittest.TestCase):
    folder = ""
    stores = {}

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="guestscope-lab-")
        cls.addClassCleanup(cls.temporary.cleanup)
        files = {"/guests/osv/loader.elf": OSV} if OSV else {}
        image = lab.make(cls.temporary.name, script(), [COLLECTOR, MANDELBROT], files, IMAGE_TOOL)
        try:
            console = lab.run(cls.temporary.name, image)
        except lab.Hung as hung:
            raise AssertionError(f"the lab did not come to its end:\n{hung}") from hung
        cls.folder = os.path.join(cls.temporary.name, "results")
        try:
            cls.stores = {name: Store(cls.folder, name) for name in CELLS}
        except (OSError, ValueError, sqlite3.Error) as problem:
            raise AssertionError(f"a cell left no store: {problem}\n{console}") from problem

    def for_each_run(self, names, check):
        for name in names:
            for run in self.stores[name].runs():
                with self.subTest(cell=name, repetition=run["repetition"]):
                    check(self.stores[name], run)

    def test_every_run_is_measured(self):
        for name, store in self.stores.items():
            with self.subTest(cell=name):
                self.assertEqual(store.exit_status, 0, store.said)
                self.assertEqual({run["status"] for run in store.runs()}, {"ok"})

    def test_books_close_and_nothing_is_lost(self):
        def check(_, run):
            self.assertEqual(run["closed"], 1)
            self.assertEqual(run["lost_events"], 0)
        self.for_each_run(CELLS, check)

    def test_a_busy_vcpu_is_in_its_guest(self):
        def check(store, run):
            states, wall = store.states(run["id"], "render"), store.phase(run["id"], "render")["wall_ns"]
            self.assertGreater(state_ns(states, "guest") / wall, 0.5)
        self.for_each_run(BUSY, check)

    def test_exits_are_told_apart_by_reason(self):
        def check(store, run):
            states = store.states(run["id"])
            for reason in ("MSR", "external interrupt", "I/O", "CPUID", "nested page fault"):
                self.assertGreater(state_ns(states, "kernel", "exit " + reason), 0, reason)
            self.assertEqual([detail for _, detail in states if detail.startswith("exit 0x")], [])
        self.for_each_run(EXACT_KVM, check)

    def test_qemu_has_time_of_its_own(self):
        def check(store, run):
            self.assertGreater(state_ns(store.states(run["id"]), "vmm"), 0)
        self.for_each_run(EXACT_KVM, check)

    def test_an_idle_vcpu_is_blocked_in_halt(self):
        # the picture is encoded by one worker: the other's vCPU has nothing to do
        store = self.stores["linux_two"]
        run = store.runs()[0]["id"]
        wall = store.phase(run, "encode")["wall_ns"]
        halted = [state_ns(store.states(run, "encode", lane), "blocked", "halt") / wall for lane in (0, 1)]
        self.assertGreater(max(halted), 0.4, halted)
        states = store.states(run)
        self.assertGreater(state_ns(states, "blocked", "halt polling"), 0)
        self.assertGreater(state_ns(states, "kernel", "exit HLT"), 0)

    def test_the_scheduler_agrees_on_a_busy_vcpus_time(self):
        # what else the host does can only part the two clocks, never bring them together: one of the runs
        for name in BUSY:
            worst = []
            for run in self.stores[name].runs():
                wall = self.stores[name].phase(run["id"], "render")["wall_ns"]
                row = self.stores[name].all("SELECT * FROM audit WHERE run = ? AND phase = 'render' AND "
                                            "what = 'cpu_time' AND lane = 0", run["id"])[0]
                worst.append(abs(row["books_ns"] - row["other_ns"]) / wall)
            with self.subTest(cell=name):
                self.assertLess(min(worst), 0.001, worst)

    def test_kvms_own_trace_agrees(self):
        store = self.stores["traced"]
        run = store.runs()[0]["id"]
        begin, end = store.phase(run, "render")["start_ns"], store.phase(run, "encode")["end_ns"]
        trace = Trace(os.path.join(self.folder, "trace"), begin, end)
        states = {}
        for phase in ("render", "encode"):
            for key, (ns, count) in store.states(run, phase).items():
                states[key] = (states.get(key, (0, 0))[0] + ns, states.get(key, (0, 0))[1] + count)
        # the trace does not know of interrupts and of the scheduler: their time is in what they hit
        other = sum(state_ns(states, state) for state in ("irq", "preempted", "wakeup"))
        slack = 0.01 * (end - begin)
        interrupts = sum(count for (state, _), (_, count) in states.items() if state == "irq")
        halt = state_ns(states, "blocked", "halt") + state_ns(states, "blocked", "halt polling")
        for traced, ns in sorted(trace.ns.items()):
            with self.subTest(state=traced):
                key = ("kernel", traced) if traced.startswith("exit ") else (traced, "")
                ours, count = states.get(key, (0, 0))
                if traced == "exit HLT":
                    ours += halt
                self.assertLess(ours, ns + slack)
                self.assertGreater(ours + other, ns - slack)
                if traced in TRACE_WORDS.values() and traced != "exit HLT":
                    # an interrupt makes two intervals of one exit; one may lie across either end
                    self.assertGreaterEqual(count, trace.count.get(traced, 0) - 2)
                    self.assertLessEqual(count, trace.count.get(traced, 0) + interrupts + 2)

    def test_samples_find_the_guest_as_often_as_events_do(self):
        def check(store, run):
            rows = store.all("SELECT frame.symbol, SUM(sample.weight_ns) AS ns FROM sample "
                             "JOIN stack ON stack.id = sample.stack JOIN frame ON frame.id = stack.frame "
                             "WHERE sample.run = ? AND sample.phase = 'render' AND sample.kind = 'oncpu' "
                             "AND sample.lane = 0 GROUP BY frame.symbol", run["id"])
            samples = {row["symbol"]: row["ns"] for row in rows}
            states = store.states(run["id"], "render")
            told = {state: state_ns(states, state) for state in ("guest", "kernel", "vmm")}
            self.assertAlmostEqual(samples.get("[guest code]", 0) / sum(samples.values()),
                                   told["guest"] / sum(told.values()), delta=0.05)
        self.for_each_run(BUSY, check)

    def test_without_kvms_events_samples_tell_the_states(self):
        store = self.stores["untold"]
        run = store.runs()[0]["id"]
        states, wall = store.states(run, "render"), store.phase(run, "render")["wall_ns"]
        self.assertIn("does not tell of KVM's entries and exits", re.sub(r"\s+", " ", store.said))
        self.assertGreater(state_ns(states, "guest") / wall, 0.5)
        self.assertEqual([detail for _, detail in states if detail.startswith("exit ")], [])

    def test_native_runs_on_this_kernel_too(self):
        store = self.stores["native"]
        run = store.runs()[0]["id"]
        states, wall = store.states(run, "render"), store.phase(run, "render")["wall_ns"]
        self.assertGreater(state_ns(states, "user") / wall, 0.5)


def report(stores):
    """The figures behind the promises, for the test's log."""
    for name, store in stores.items():
        for run in store.runs():
            print(f"{name} {run['repetition']}: closed {run['closed']}, audited {run['audited']}, "
                  f"boot {run['boot_ns'] / NS_PER_S:.2f} s, run {run['runtime_ns'] / NS_PER_S:.2f} s")
            for row in store.all("SELECT * FROM audit WHERE run = ?", run["id"]):
                off = row["books_ns"] - row["other_ns"]
                print(f"  audit {row['phase']} lane {row['lane']} {row['what']}: off by {off / 1e6:.3f} ms of "
                      f"{row['other_ns'] / 1e6:.1f} ms, bound {row['bound_ns'] / 1e6:.3f} ms")
            for (state, detail), (ns, count) in sorted(store.states(run["id"], "render").items()):
                print(f"  render {state} {detail}: {ns / 1e6:.3f} ms, {count} times")


if __name__ == "__main__":
    lab.need_everything()
    done = unittest.main(argv=[sys.argv[0], *sys.argv[4:]], exit=False)
    report(KvmBooks.stores)
    sys.exit(0 if done.result.wasSuccessful() else 1)
