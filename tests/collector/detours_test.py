#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each detour has one cause, and it is the right one: detours_test.py COLLECTOR DISTURB_PROGRAM DISTURBED_ELF DISTURBED_PROGRAM

What holds the loop up is done to it at known instants: by a competitor, interrupts from another CPU, SIGSTOP, and by the
program itself, which calls another function. Whose cause each got is printed as a table."""
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

DISTURB, ELF, PROGRAM = (os.path.abspath(path) for path in sys.argv[2:5])
del sys.argv[2:5]
MS = 1_000_000
CPU = max(os.sched_getaffinity(0))
COUNT = 20
# What each disturbance has to be called.
RIGHT = {
    "compete": lambda d: d["cause"] == "preempted" and d["detail"].startswith("disturb_prog"),
    "interrupt": lambda d: d["cause"] == "interrupt" and d["detail"] == "call function single",
    "stop": lambda d: d["cause"] == "blocked" and d["detail"] == "stopped",
    "burn": lambda d: d["cause"] == "function" and d["detail"] == "disturb_burn",
}
WORDS = {"compete": "preempted disturb_program", "interrupt": "interrupt call function single", "stop": "blocked stopped",
         "burn": "function disturb_burn"}


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
        return int(f.read().rsplit(") ", 1)[1].split()[1])


def descends(pid, ancestor):
    while pid > 1 and pid != ancestor:
        pid = parent_of(pid)
    return pid == ancestor


def lane_of(name, ancestor):
    """Process and thread: that of the name, of those that @ancestor made: others may have such threads, too."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/comm", encoding="utf-8", errors="replace") as f:
                    if f.read().rstrip("\n") == name and descends(int(pid), ancestor):
                        return int(pid), int(task)
        except OSError:
            pass
    return None, None


class DetoursTest(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        if len(os.sched_getaffinity(0)) < 2:
            harness.skip("needs two CPUs")
        super().setUp()

    def disturbed(self, lane, *arguments, **more):
        """A run while the disturber is at work. Returns its store, the folder, and [(kind, begin, end)]."""
        running = self.start("--cores", "1", "--repeat", "1", "--pin", str(CPU), "--timeline", "full", "--frequency", "999",
                             *arguments, **more)
        for _ in range(600):
            pid, thread = lane_of(lane, running.pid)
            if pid or running.poll() is not None:
                break
            time.sleep(0.05)
        self.assertTrue(pid, f"no thread {lane}")
        # Else other work on this machine would be what holds the loop up.
        for task in os.listdir(f"/proc/{pid}/task"):
            os.setpriority(os.PRIO_PROCESS, int(task), -20)
        time.sleep(1.5)
        said = subprocess.run([DISTURB, str(CPU), str(pid), str(COUNT), str(thread)], capture_output=True, text=True, timeout=60,
                              check=True).stdout
        done = self.finish(running)
        self.assertEqual(done.status, 0, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        return store, done, [(kind, int(begin), int(end)) for kind, begin, end in map(str.split, said.splitlines())]

    def burns(self, store, done):
        """What the program did to itself, by the store's clock."""
        clock, = store.rows("SELECT * FROM clock")
        folder = os.path.join(done.folder, "logs")
        text = "".join(harness.read_file(os.path.join(folder, name)) for name in os.listdir(folder))
        for begin, end in re.findall(r"disturbed kind=burn worker=0 begin=(\d+) end=(\d+)", text):
            yield ("burn", *(int(clock["at_ns"] + (int(t) - clock["ticks"]) * clock["ns_per_tick"]) for t in (begin, end)))

    def check(self, store, injected, kinds, what):
        """Each disturbance within what was measured against the detour that it is in."""
        clock, = store.rows("SELECT * FROM clock")
        self.assertLess(clock["high_ns"] - clock["low_ns"], 2000)
        detours = store.rows("SELECT * FROM detour ORDER BY start_ns")
        begin, end = store.phases(1)["measure"]
        matrix = {kind: {} for kind in kinds}
        for kind, since, until in injected:
            if since < begin + 100 * MS or until > end - 100 * MS:
                continue
            # Two at once are none to be told apart.
            if any(other != kind and first < until + MS and last > since - MS for other, first, last in injected):
                continue
            met = [(min(until, d["start_ns"] + d["length_ns"]) - max(since, d["start_ns"]), d) for d in detours
                   if d["start_ns"] < until and d["start_ns"] + d["length_ns"] > since]
            if not met:
                found = "(no detour kept)"
            else:
                d = max(met, key=lambda m: m[0])[1]
                found = next((WORDS[k] for k, right in RIGHT.items() if right(d)), f"{d['cause']} {d['detail']}".strip())
            matrix[kind][found] = matrix[kind].get(found, 0) + 1
        print(f"  {what}: clock within {clock['low_ns']} to {clock['high_ns']} ns", flush=True)
        right = whole = 0
        for kind, row in matrix.items():
            n = sum(row.values())
            right, whole = right + row.get(WORDS[kind], 0), whole + n
            print(f"    {kind:9} {n:4}: " + ", ".join(f"{count} {word}" for word, count in sorted(row.items(), key=lambda r: -r[1])),
                  flush=True)
            self.assertGreater(n, 10, kind)
        print(f"    on the diagonal: {100 * right / whole:.1f} %", flush=True)
        self.assertGreaterEqual(right, 0.95 * whole)
        self.check_sums(store)

    def check_sums(self, store):
        """Causes and what is unmatched sum to the detours, to the nanosecond."""
        kept, = store.rows("SELECT sum(length_ns) AS ns, count(*) AS n FROM detour")
        causes, = store.rows("SELECT sum(ns) AS ns, sum(detours) AS n FROM detour_cause WHERE cause <> 'not kept'")
        self.assertEqual((kept["ns"], kept["n"]), (causes["ns"], causes["n"]))
        others, = store.rows("SELECT ifnull(sum(ns), 0) AS ns, ifnull(sum(detours), 0) AS n FROM detour_cause WHERE cause = 'not kept'")
        whole, = store.rows("SELECT sum(sum_ns) AS ns, sum(n) AS n FROM distribution")
        self.assertEqual(kept["n"] + others["n"], whole["n"])
        # The program has measured its clock's rate in 20 to 50 ms, the collector in the whole run.
        self.assertAlmostEqual((kept["ns"] + others["ns"]) / whole["ns"], 1, delta=0.002)

    def test_what_is_done_to_a_native_program(self):
        store, _, injected = self.disturbed("worker/0", "--guest", "native", "--scenario", "noise-detour", workload=None)
        self.check(store, injected, ("compete", "interrupt", "stop"), "native")

    def test_what_is_done_to_bare_and_by_itself(self):
        if not harness.guests_available(self.collector, "bare"):
            harness.skip("bare cannot run here")
        store, done, injected = self.disturbed("CPU 0/TCG", "--guest", "bare", "--accel", "tcg", "--kernel", ELF, "--scenario",
                                               "noise-detour", workload=None)
        self.check(store, [*injected, *self.burns(store, done)], ("compete", "interrupt", "stop", "burn"), "bare, emulated")

    def test_what_a_native_program_does_itself(self):
        store, done, injected = self.disturbed("worker/0", "--guest", "native", f"--program={PROGRAM}",
                                               workload=("-markers", "-cores", "1", "-kernel", "detour"))
        self.check(store, [*injected, *self.burns(store, done)], ("compete", "interrupt", "stop", "burn"), "native, own program")


if __name__ == "__main__":
    harness.main()
