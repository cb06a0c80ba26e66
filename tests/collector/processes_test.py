#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes of a Linux guest are told apart: processes_test.py COLLECTOR INIT LEFT RIGHT

Known: two programs burn in turns, 70 and 30 % of the work. They are linked to the same addresses, where each has its own
function, so that a name that is looked up in the other program is a wrong one."""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402
import machines  # noqa: E402

SHARES = {"left": 0.7, "right": 0.3}
# Stacks of the lanes in a phase of their own, innermost first, without what the compiler put into others.
STACKS = """WITH RECURSIVE up(id, n, stack, depth) AS (
    SELECT rowid, count, stack, 0 FROM sample WHERE kind = 'oncpu' AND lane >= 0 AND stack IS NOT NULL AND phase = ?1
    UNION ALL SELECT up.id, n, parent, depth + 1 FROM up JOIN stack ON stack.id = up.stack WHERE parent IS NOT NULL)
    SELECT up.id, n, side, symbol FROM up JOIN stack ON stack.id = up.stack JOIN frame ON frame.id = stack.frame
    WHERE side LIKE 'guest%' AND NOT inlined ORDER BY up.id, depth"""


class Processes(machines.MachineTest):
    def archive(self):
        path = self.work + "/initrd"
        machines.archive(path, [("dev", 0o40755, b""), ("dev/console", 0o20600, b"", 5, 1),
                                *((name, 0o100755, harness.read_file(self.programs[name], "rb")) for name in ("init", "left", "right"))])
        return path

    def stacks(self, store, phase):
        """[(samples, process or None, [(side, function), ...])]"""
        found = {}
        for r in store.rows(STACKS, phase):
            found.setdefault(r["id"], (r["n"], []))[1].append((r["side"], r["symbol"]))
        return [(n, frames[-1][1] if frames[-1][0] == "guest-process" else None,
                 [f for f in frames if f[0] != "guest-process"]) for n, frames in found.values()]

    def check(self, store, phase, named):
        stacks = self.stacks(store, phase)
        user = [(n, process, frames) for n, process, frames in stacks if frames and frames[0][0] == "guest-user"]
        counts = {name: sum(n for n, process, _ in user if process == name) for name in SHARES}
        whole = sum(counts.values())
        self.assertGreater(whole, 500, counts)
        # 4 standard deviations; and what a guest's interrupts and a busy machine do to turns of some milliseconds.
        self.assertAlmostEqual(counts["left"] / whole, SHARES["left"], delta=4 * (0.21 / whole) ** 0.5 + 0.01, msg=counts)
        others = sum(n for n, process, _ in user if process not in SHARES)
        self.assertLess(others, 0.02 * whole, {process for _, process, _ in user})
        for n, process, frames in stacks:
            wrong = [f for f in frames if f[1].partition("_")[0] in SHARES and f[1].partition("_")[0] != process]
            self.assertFalse(wrong, (n, process, frames))
        for name in named:
            burnt = sum(n for n, process, frames in user if process == name and frames[0][1] == name + "_burn")
            self.assertGreater(burnt, 0.95 * counts[name], (name, counts))
            called = sum(n for n, process, frames in user if process == name and [f[1] for f in frames[:2]] == [name + "_burn", name + "_turn"])
            self.assertGreater(called, 0.9 * counts[name], (name, counts))
        return stacks, counts

    def check_shown(self, done, store, counts):
        """The report has them, too."""
        folded = harness.read_file(f"{done.folder}/report/flamegraph-qemu-1.folded")
        for name in SHARES:
            self.assertTrue(any(f";{name};" in line for line in folded.splitlines()), name)
        page = harness.read_file(done.folder + "/report/index.html")
        self.assertIn("Processes of the guest", page)
        document = json.loads(self.tool("report", done.folder, "--json"))
        processes = {p["name"]: p for p in document["cells"][0]["processes"]}
        for name, n in counts.items():
            self.assertGreaterEqual(processes[name]["samples"], n)
            self.assertAlmostEqual(processes[name]["user"], n, delta=0.01 * n + 2)
        self.assertTrue([name for name in processes if name.startswith("[")], processes)
        self.assertIn("other processes", [r["detail"] for r in store.rows("SELECT detail FROM account WHERE state = 'guest'")])

    def tool(self, program, *arguments):
        path = os.path.join(os.path.dirname(self.collector), "..", "reports", program)
        return subprocess.run([path, *arguments], check=True, capture_output=True, text=True, timeout=300).stdout

    def measure(self, *options, words="", cores="1"):
        done = self.collect("--guest", "qemu", "--cores", cores, "--repeat", "1", "--timeout", "60", "--phase", "run=^burning",
                            *options, workload=("-cpu", "max,la57=off", "-m", "512M", "-nodefaults", "-kernel", machines.linux_kernel(),
                                                "-initrd", self.archive(), "-append", f"console=ttyS0 quiet no_timer_check {words} -- 3"),
                            timeout=200)
        self.assertEqual(done.status, 0, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        self.assert_measured(store)
        return done, store

    @harness.patiently
    def test_nothing_of_another_process_has_the_programs_names(self):
        done, store = self.measure("--program=" + self.programs["left"])
        stacks, counts = self.check(store, "run", ["left"])
        self.assertFalse([frames for _, process, frames in stacks if process == "right" and frames[0][0] == "guest-user"
                          and len(frames) > 1], "without its file nothing of it is known")
        self.check_shown(done, store, counts)

    @harness.patiently
    def test_each_has_its_own_names_where_the_kernel_hides_and_lies_where_it_likes(self):
        _, store = self.measure("--program=" + self.programs["left"], "--with", self.programs["right"], words="pti=on", cores="2")
        self.check(store, "run", SHARES)

    @harness.patiently
    def test_without_page_table_isolation_neighbours_are_not_mixed_up(self):
        _, store = self.measure("--program=" + self.programs["right"], words="nokaslr pti=off")
        self.check(store, "run", ["right"])


if __name__ == "__main__":
    harness.main("init", "left", "right")
