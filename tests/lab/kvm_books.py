# SPDX-License-Identifier: GPL-2.0-or-later
"""The books of virtual machines under KVM. KVM's own trace of one run, recorded beside it, is the second opinion on
its books. kvm_test.py runs these tests."""
import os
import re

import kvm_stacks
import lab

OSV = lab.find_osv()
PICTURE = "-width 192 -height 144 -smoothness 2 -iteration 2000"  # 2 to 4 s of one emulated CPU
NS_PER_S = 1e9
# Each sample costs an emulated CPU a lot.
OPTIONS = "--frequency 499 --repeat 1 "
KVM = OPTIONS + "--accel kvm "
# Where nothing looks at samples: names and stacks take an emulated collector half a minute.
UNSAMPLED = "--profile none --repeat 1 --accel kvm "

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
SHOW_TYPES = """umount /sys/kernel/btf/kvm
"""

# A trace of a boot is long, and so is an emulated one: the guest that boots faster.
QUICK = "osv" if OSV else "linux-minimal"


def cells(truth_program):
    """{name: script} for lab.run(); @truth_program is the name of that program in the lab."""
    found = {
        "unmarked": lab.collect(OPTIONS + "--guest native --cores 2 --program=/bin/unmarked_program", "three"),
        "linux": lab.collect(KVM + "--guest linux-minimal --cores 1", PICTURE),
        "idle": lab.collect(UNSAMPLED + f"--guest {QUICK} --cores 2 --program /bin/{truth_program}", "-do spin -ms 1000"),
        "traced": lab.collect(UNSAMPLED + f"--guest {QUICK} --cores 1", PICTURE, TRACE_BEGIN, TRACE_END),
        "untold": lab.collect(KVM + "--guest bare --cores 1", PICTURE, HIDE_TYPES, SHOW_TYPES),
    }
    if OSV:
        found["osv"] = lab.collect(KVM + "--guest osv --cores 1", PICTURE)
    return found


BUSY = ["linux", "osv"] if OSV else ["linux"]
TOLD = ["idle", "traced", *BUSY]

# KVM's words in its trace, and ours in the books.
TRACE_WORDS = {"interrupt": "exit external interrupt", "msr": "exit MSR", "io": "exit I/O", "hlt": "exit HLT",
               "npf": "exit nested page fault", "cpuid": "exit CPUID", "vintr": "exit interrupt window"}
TRACE_LINE = re.compile(r"\s(\d+\.\d+): (kvm_entry|kvm_exit|kvm_userspace_exit): (?:vcpu \d+ reason (\S+))?")


class Store(lab.Store):
    """One cell's experiment."""

    def run(self):
        return self.all("SELECT * FROM run")[0]

    def phase(self, name):
        return self.all("SELECT start_ns, end_ns, end_ns - start_ns AS wall_ns FROM phase WHERE name = ?", name)[0]

    def states(self, phase=None, lane=None):
        """{(state, detail): (ns, count)} of lanes, helpers left out."""
        rows = self.all("SELECT state, detail, SUM(ns) AS ns, SUM(count) AS count FROM account WHERE "
                        "lane >= 0 AND (?1 IS NULL OR phase = ?1) AND (?2 IS NULL OR lane = ?2) "
                        "GROUP BY state, detail", phase, lane)
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


def report(name, store):
    """The figures behind the promises, for the test's log."""
    run = store.run()
    print(f"{name}: {run['status']}, closed {run['closed']}, audited {run['audited']}, "
          f"boot {(run['boot_ns'] or 0) / NS_PER_S:.2f} s, run {(run['runtime_ns'] or 0) / NS_PER_S:.2f} s")
    for row in store.all("SELECT * FROM audit"):
        off = row["books_ns"] - row["other_ns"]
        print(f"  audit {row['phase']} lane {row['lane']} {row['what']}: off by {off / 1e6:.3f} ms of "
              f"{row['other_ns'] / 1e6:.1f} ms, bound {row['bound_ns'] / 1e6:.3f} ms")
    for phase in ("render", "rest"):
        for (state, detail), (ns, count) in sorted(store.states(phase).items()):
            print(f"  {phase} {state} {detail}: {ns / 1e6:.3f} ms, {count} times")


class KvmBooks(lab.Test):
    store_class = Store

    @classmethod
    def open_stores(cls, folder, names):
        super().open_stores(folder, names)
        for name, store in cls.stores.items():
            report(name, store)

    def for_each(self, names, check):
        for name in names:
            with self.subTest(cell=name):
                check(self.stores[name])

    def test_every_run_is_measured(self):
        def check(store):
            self.assertEqual(store.exit_status, 0, store.said)
            self.assertEqual(store.run()["status"], "ok")
        self.for_each(self.stores, check)

    def test_books_close_and_nothing_is_lost(self):
        def check(store):
            self.assertEqual(store.run()["closed"], 1)
            self.assertEqual(store.run()["lost_events"], 0)
        self.for_each(self.stores, check)

    def test_a_busy_vcpu_is_in_its_guest(self):
        def check(store):
            self.assertGreater(state_ns(store.states("render"), "guest") / store.phase("render")["wall_ns"], 0.5)
        self.for_each(BUSY, check)

    def test_exits_are_told_apart_by_reason(self):
        def check(store):
            states = store.states()
            for reason in ("MSR", "external interrupt", "I/O", "CPUID", "nested page fault"):
                self.assertGreater(state_ns(states, "kernel", "exit " + reason), 0, reason)
            self.assertEqual([detail for _, detail in states if detail.startswith("exit 0x")], [])
        self.for_each(TOLD, check)

    def test_qemu_has_time_of_its_own(self):
        def check(store):
            self.assertGreater(state_ns(store.states(), "vmm"), 0)
        self.for_each(TOLD, check)

    def test_idle_vcpus_are_blocked_in_halt(self):
        store = self.stores["idle"]
        # The program's two workers compute in phase render and sleep in phase rest. How much of a rest is left to sleep
        # depends on how fast the lab is; what a sleeping vCPU does is halt, whatever its speed.
        for lane in (0, 1):
            with self.subTest(lane=lane):
                render, rest = (store.states(phase, lane) for phase in ("render", "rest"))
                busy = state_ns(render, "blocked", "halt") / store.phase("render")["wall_ns"]
                idle = state_ns(rest, "blocked", "halt") / store.phase("rest")["wall_ns"]
                self.assertLess(busy, 0.3)
                self.assertGreater(idle, busy)
                self.assertGreater(state_ns(rest, "blocked", "halt"), 0.9 * state_ns(rest, "blocked"))
        self.assertGreater(state_ns(store.states(), "blocked", "halt polling"), 0)
        self.assertGreater(state_ns(store.states(), "kernel", "exit HLT"), 0)

    def test_the_scheduler_agrees_on_a_busy_vcpus_time(self):
        differences = {}
        for name in (*BUSY, "traced"):
            store = self.stores[name]
            row = store.all("SELECT * FROM audit WHERE phase = 'render' AND what = 'cpu_time' AND lane = 0")[0]
            differences[name] = abs(row["books_ns"] - row["other_ns"]) / store.phase("render")["wall_ns"]
        self.assertLess(max(differences.values()), 0.001, differences)

    def test_kvms_own_trace_agrees(self):
        store = self.stores["traced"]
        begin, end = store.phase("render")["start_ns"], store.phase("encode")["end_ns"]
        trace = Trace(os.path.join(store.folder, "trace"), begin, end)
        ours, counts = {}, {}
        for phase in ("render", "encode"):
            for (state, detail), (ns, count) in store.states(phase).items():
                key = detail if state == "kernel" else "exit HLT" if state == "blocked" else state
                ours[key] = ours.get(key, 0) + ns
                counts[key] = counts.get(key, 0) + count
        # the trace does not know of interrupts and of the scheduler: their time is in what they hit
        other = sum(ours.get(state, 0) for state in ("irq", "preempted", "wakeup"))
        slack = 0.01 * (end - begin)
        for state, ns in sorted(trace.ns.items()):
            with self.subTest(state=state):
                self.assertLess(ours.get(state, 0), ns + slack)
                self.assertGreater(ours.get(state, 0) + other, ns - slack)
        for state in set(TRACE_WORDS.values()) - {"exit HLT"}:
            with self.subTest(exits=state):
                # an interrupt makes two intervals of one exit; one may lie across either end
                self.assertGreaterEqual(counts.get(state, 0), trace.count.get(state, 0) - 2)
                self.assertLessEqual(counts.get(state, 0), trace.count.get(state, 0) + counts.get("irq", 0) + 2)

    def test_samples_find_the_guest_as_often_as_events_do(self):
        def check(store):
            ns = {side: 0 for side in ("host", "guest")}
            for row in store.all(kvm_stacks.IN_GUEST + "SELECT stack IN (SELECT leaf FROM in_guest) AS inside, weight_ns AS ns"
                                 " FROM sample WHERE phase = 'render' AND kind = 'oncpu' AND lane = 0"):
                ns["guest" if row["inside"] else "host"] += row["ns"]
            states = store.states("render")
            told = {state: state_ns(states, state) for state in ("guest", "kernel", "vmm")}
            # the clock of the samples cannot hit the host while that keeps interrupts off, as around each exit
            self.assertAlmostEqual(ns["guest"] / sum(ns.values()), told["guest"] / sum(told.values()), delta=0.1)
        self.for_each(BUSY, check)

    def test_without_kvms_events_samples_tell_the_states(self):
        store = self.stores["untold"]
        states = store.states("render")
        self.assertIn("does not report KVM's entries and exits", re.sub(r"\s+", " ", store.said))
        self.assertGreater(state_ns(states, "guest") / store.phase("render")["wall_ns"], 0.5)
        self.assertEqual([detail for _, detail in states if detail.startswith("exit ")], [])

    def test_native_runs_on_this_kernel_too(self):
        store = self.stores["hidden"]
        self.assertGreater(state_ns(store.states("render"), "user") / store.phase("render")["wall_ns"], 0.5)
