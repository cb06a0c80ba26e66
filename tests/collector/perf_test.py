#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Call paths against those of perf record --call-graph dwarf: perf_test.py COLLECTOR PATHS_PROGRAM

Each program does the same amount of work each time. It runs under the collector and under perf in turn, and both have to find
the same shares of the ten largest call paths, within 2 points, or within the sampling error where that is larger. Of the first
program the shares are known beside."""
import collections
import math
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

TOP = 10
POINTS = 2.0
DEVIATIONS = 3.3  # of twenty comparisons one in fifty tests is further off by chance
PYTHON = "/usr/bin/python3"
PYTHON_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "perf_program.py")
# Where a program begins; perf leaves the outermost out now and then.
BEFORE = {"_start", "__libc_start_main", "__libc_start_main_impl", "__libc_start_call_main"}


class Paths(collections.Counter):
    """Samples by call path, a tuple of functions, outermost first; "?" is one of which the file has no name."""

    def add(self, innermost_first, count):
        names = ["?" if "+0x" in name or name == "[unknown]" else name.split("@")[0] for name in reversed(innermost_first)]
        self[tuple(name for name in names if name not in BEFORE)] += count

    def share(self, path):
        return self[path] / self.total()

    def top(self):
        return [path for path, _ in self.most_common(TOP)]


class AgainstPerf(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        harness.need_program("perf", "linux-perf")
        super().setUp()

    def by_collector(self, program, *words):
        done = self.collect("--guest", "native", "--cores", "1", "--repeat", "1", "--frequency", "1997", "--env", "PYTHONHASHSEED=0",
                            "--program=" + program, workload=words, timeout=harness.PATIENCE)
        self.assertEqual(done.status, 0, done.stderr)
        stacks, paths = {}, Paths()
        with done.store() as store:
            for r in store.rows(harness.STACKS):
                stacks.setdefault(r["id"], (r["count"], []))[1].append((r["side"], r["symbol"]))
            console = store.console(1)
        for count, frames in stacks.values():
            if frames[0][0] == "user":  # perf is told to look at user mode alone
                paths.add([symbol for side, symbol in frames if side == "user"], count)
        return paths, console

    def by_perf(self, program, *words):
        data = os.path.join(self.work, "perf.data")
        done = subprocess.run(["perf", "record", "-q", "-e", "cpu-clock:u", "-F", "997", "-m", "16M", "--call-graph", "dwarf,32768",
                               "-o", data, program, *words], capture_output=True, text=True, timeout=harness.PATIENCE,
                              env=dict(os.environ, PYTHONHASHSEED="0"), check=False)
        if done.returncode:
            harness.skip("perf cannot record here: " + done.stderr.strip())
        said = subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym", "--no-inline"], capture_output=True, text=True,
                              timeout=harness.PATIENCE, check=True).stdout
        os.unlink(data)
        paths = Paths()
        for stack in re.split(r"\n\s*\n", said):
            names = re.findall(r"(?m)^\s*[0-9a-f]+ (.+)$", stack)
            if names:
                paths.add(names, 1)
        return paths

    def assert_near(self, path, share, samples, other, other_samples, who):
        deviation = math.sqrt(share * (1 - share) * (1 / samples + (1 / other_samples if other_samples else 0)))
        self.assertLess(100 * abs(share - other), max(POINTS, 100 * DEVIATIONS * deviation),
                        f"{who}: {100 * share:.1f} % and {100 * other:.1f} % of {';'.join(path)}")

    def compare(self, ours, perfs):
        print(f"  {ours.total()} samples of the collector, {perfs.total()} of perf", flush=True)
        for path in dict.fromkeys(ours.top() + perfs.top()):
            print(f"  {100 * ours.share(path):5.1f} % {100 * perfs.share(path):5.1f} %  depth {len(path)}", flush=True)
            self.assert_near(path, ours.share(path), ours.total(), perfs.share(path), perfs.total(), "collector, perf")
        self.assertGreater(min(ours.total(), perfs.total()), 500)

    def test_paths_of_known_shares_are_those_that_perf_finds(self):
        words = ("10000", "300000")
        ours, console = self.by_collector(self.programs["paths"], *words)
        perfs = self.by_perf(self.programs["paths"], *words)
        truth = {tuple(path.split(";")): int(share) / 100 for share, path in re.findall(r"(?m)^path (\d+): (\S+?)\r?$", console)}
        self.assertEqual(len(truth), 12)
        seen = {"collector": Paths(), "perf": Paths()}
        for who, paths in (("collector", ours), ("perf", perfs)):
            for path, count in paths.items():  # of the program's own functions
                seen[who][tuple(name for name in path if name != "bsearch")] += count
            for path, share in truth.items():
                self.assert_near(path, share, seen[who].total(), seen[who].share(path), 0, "known, " + who)
        self.compare(*seen.values())

    def test_paths_of_python_are_those_that_perf_finds(self):
        if not os.path.exists(PYTHON):
            harness.skip("no " + PYTHON)
        words = (PYTHON_PROGRAM, "2000")
        ours, _ = self.by_collector(PYTHON, *words)
        self.compare(ours, self.by_perf(PYTHON, *words))


if __name__ == "__main__":
    harness.main("paths")
