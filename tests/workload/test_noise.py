#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Promises of the program noise, tested as its users see it.

Usage: test_noise.py NOISE [unittest options]

What it should find is done to it from outside: it is stopped for a known time."""
import os
import signal
import subprocess
import sys
import time
import unittest
import zlib

PROGRAM = os.path.abspath(sys.argv.pop(1))
KERNELS = ("fwq", "ftq", "detour", "switch", "condition", "mutex", "barrier", "futex", "create", "timer", "yield",
           "malloc")
LAST = "0123456789abcdefghijklmnopqrstuv"
MORE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ+/-_.:"
MS = 1_000_000
CPUS = sorted(os.sched_getaffinity(0))


def run(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL)


def markers(text):
    """The marker lines of an output as (kind, fields); every line has to be one."""
    found = []
    for line in text.removesuffix("\n").split("\n"):
        body, crc = line.rsplit(" ;", 1)
        assert body[0] == "\x1e" and len(line) + 1 <= 1024, line
        assert int(crc, 16) == zlib.crc32(body[1:].encode()), line
        _, kind, *fields = body[1:].split(" ")
        found.append((kind, dict(f.split("=", 1) for f in fields)))
    return found


def numbers(text):
    """An independent reader of workload/digits.h."""
    found, value, shift = [], 0, 0
    for c in text:
        value |= (LAST + MORE).index(c) % 32 << shift
        shift += 5
        if c in LAST:
            found.append(value)
            value = shift = 0
    return found


def low(bucket):
    """The least value of a bucket: 128 for each power of two above 256."""
    shift = max(bucket // 128 - 1, 0)
    return bucket - shift * 128 << shift


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        return f.read().rsplit(") ", 1)[1][0]


class Found:
    """What a worker reported: head (numbers), buckets {least value: count}, largest [(value, instant)],
    of ftq series [value of each quantum]."""

    def __init__(self, said, worker):
        mine = [(kind, fields) for kind, fields in said if fields.get("worker") == str(worker)]
        self.detours = []
        for kind, fields in mine:
            if kind == "detours":
                self.detours_head = {key: int(value) for key, value in fields.items() if key != "kernel"}
            elif kind == "detour-times":
                data, at = numbers(fields["data"]), int(fields["t"])
                for gap, length in zip(data[::2], data[1::2]):
                    self.detours.append((at + gap, at + gap + length))
                    at += gap + length
        mine = [(kind, fields) for kind, fields in mine if not kind.startswith("detour")]
        self.kinds = [kind for kind, _ in mine]
        self.head = {key: int(value) for key, value in mine[0][1].items() if key != "kernel"}
        self.buckets, self.largest, self.series, self.series_head = {}, [], [], None
        for kind, fields in mine[1:]:
            if kind == "series":
                self.series_head = {key: int(value) for key, value in fields.items() if key != "kernel"}
                continue
            data = numbers(fields["data"])
            if kind == "values":
                assert int(fields["from"]) == len(self.series), fields
                self.series += data
                continue
            pairs = list(zip(data[::2], data[1::2]))
            at = -1
            for first, second in pairs:
                if kind == "buckets":
                    at += first + 1
                    self.buckets[low(at)] = self.buckets.get(low(at), 0) + second
                else:
                    self.largest.append((first, int(fields["t"]) + second))


class NoiseTest(unittest.TestCase):
    def finished(self, text, workers):
        said = markers(text)
        kinds = [kind for kind, _ in said]
        self.assertEqual(kinds[0], "maps")
        self.assertEqual([f["name"] for kind, f in said if kind == "phase"], ["setup", "calibrate", "measure"])
        # Nothing is written while it is measured.
        self.assertEqual(kinds[:5], ["maps", "phase", "phase", "phase", "end"])
        self.assertEqual(kinds[-1], "bye")
        found = [Found(said[5:-1], worker) for worker in range(workers)]
        for worker in found:
            self.assertEqual(worker.kinds[0], "distribution")
            self.assertEqual(sum(worker.buckets.values()), worker.head["n"])
            if worker.head["n"]:
                self.assertEqual(worker.largest[0][0], worker.head["max"])
                self.assertGreaterEqual(worker.head["min"], min(worker.buckets))
                self.assertLessEqual(worker.head["min"], min(worker.buckets) * 1.008 + 1)
                least = sum(value * n for value, n in worker.buckets.items())
                self.assertLessEqual(least, worker.head["sum"])
                self.assertLessEqual(worker.head["sum"], least * 1.008 + worker.head["n"])
        return found

    def measured(self, *args, workers):
        done = run("-markers", "-cores", str(workers), *args)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.finished(done.stdout, workers)

    @staticmethod
    def least(kernel, asked):
        """fwq's work is made as long as a quantum on a machine that others use: later it may take less."""
        return asked * (0.2 if kernel == "fwq" else 0.9)

    def test_every_kernel_reports_what_each_worker_found(self):
        for kernel in KERNELS:
            with self.subTest(kernel=kernel):
                for found in self.measured("-kernel", kernel, "-seconds", "0.1", workers=len(CPUS[:2])):
                    self.assertGreater(found.head["time"], self.least(kernel, 100 * MS))
                    self.assertGreater(found.head["n"], 0 if kernel != "detour" else -1)

    def test_as_many_quanta_are_counted_as_were_asked_for(self):
        for kernel in ("fwq", "ftq"):
            for found in self.measured("-kernel", kernel, "-quanta", "777", "-quantum", "100", workers=len(CPUS[:2])):
                self.assertEqual(found.head["n"], 777)
                self.assertEqual(found.head["quantum"], 100_000)
                self.assertGreater(found.head["time"], self.least(kernel, 777 * 100_000))
                if kernel == "ftq":
                    self.assertLessEqual(found.head["max"], 100_000)
                else:
                    self.assertEqual(found.head["lost"], found.head["sum"] - 777 * found.head["min"])

    def stopped(self, *args, stops=5):
        """Stop a run for known times. Returns what it found, and for each stop (shortest ns, longest ns, its end)."""
        child = subprocess.Popen([PROGRAM, "-markers", "-cores", "1", *args], stdout=subprocess.PIPE, text=True)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.addCleanup(child.stdout.close)
        text = ""
        while "name=measure" not in text:
            text += child.stdout.readline()
        done = []
        for i in range(stops):
            time.sleep(0.2)
            before = time.monotonic_ns()
            child.send_signal(signal.SIGSTOP)
            while state_of(child.pid) != "T":
                time.sleep(0.001)
            is_stopped = time.monotonic_ns()
            time.sleep(0.04 + 0.03 * i)
            end = time.monotonic_ns()
            child.send_signal(signal.SIGCONT)
            done.append((end - is_stopped, end - before, end))
        text += child.stdout.read()
        return self.finished(text, 1)[0], done

    def test_each_stop_is_a_detour_of_its_length_at_its_instant(self):
        found, stops = self.stopped("-kernel", "detour", "-seconds", "3")
        for shortest, longest, end in stops:
            # It may wait for its processor before it is stopped and after: on a busy machine for some time.
            near = [(value, at) for value, at in found.largest if abs(at - end) < 200 * MS]
            self.assertTrue([value for value, at in near if shortest <= value <= longest + 200 * MS and at >= end],
                            f"a stop of {shortest / MS:.1f} to {longest / MS:.1f} ms until {end}: {found.largest}")
        print(f"  stops of {[round(s / MS, 1) for s, _, _ in stops]} ms, the largest detours:"
              f" {[round(value / MS, 1) for value, _ in found.largest[:8]]} ms", flush=True)
        self.assertGreaterEqual(found.head["lost"], sum(shortest for shortest, _, _ in stops))
        self.assertLess(found.head["threshold"], 1 * MS)

    def test_detours_are_told_one_by_one(self):
        for found in self.measured("-kernel", "detour", "-seconds", "0.5", "-records", "50", workers=len(CPUS[:2])):
            head = found.detours_head
            self.assertEqual((head["n"], head["kept"]), (found.head["n"], min(50, found.head["n"])))
            self.assertEqual(len(found.detours), head["kept"])
            self.assertEqual(found.detours, sorted(found.detours))
            ns_per_tick = found.head["sum"] / head["ticks"]
            # The longest, in ticks, are the largest values, in ns rounded down.
            longest = sorted((end - begin for begin, end in found.detours), reverse=True)[:16]
            for ticks, (value, _) in zip(longest, found.largest):
                self.assertAlmostEqual(ticks * ns_per_tick, value, delta=2 + value * 1e-3)

    def test_a_stop_makes_its_quantum_of_work_longer(self):
        found, stops = self.stopped("-kernel", "fwq", "-quanta", "2000", stops=3)
        for shortest, _, end in stops:
            self.assertTrue([value for value, at in found.largest if value >= shortest and at >= end], found.largest)
        self.assertEqual(found.head["n"], 2000)

    def test_a_stop_leaves_quanta_of_time_without_work(self):
        found, stops = self.stopped("-kernel", "ftq", "-seconds", "2", stops=3)
        whole = sum(n for value, n in found.buckets.items() if value * 1.008 + 1 >= found.head["quantum"])
        self.assertGreaterEqual(whole, sum(shortest // MS - 1 for shortest, _, _ in stops))
        # The series has each stop in its place.
        for shortest, _, end in stops:
            at = (end - found.series_head["t"]) // MS
            missing = found.series[at - shortest // MS + 2:at - 1]
            self.assertEqual(missing, [MS] * len(missing))

    def test_the_series_is_all_values_in_order_of_time(self):
        for found in self.measured("-kernel", "ftq", "-quanta", "70000", "-quantum", "10", workers=len(CPUS[:2])):
            head = found.series_head
            self.assertEqual((head["n"], head["total"], head["step"]), (65536, 70000, 10_000))
            self.assertEqual(len(found.series), head["n"])
            self.assertLessEqual(sum(found.series), found.head["sum"])
        for found in self.measured("-kernel", "ftq", "-quanta", "300", workers=1):
            self.assertEqual((found.series_head["n"], found.series_head["total"]), (300, 300))
            self.assertEqual(sum(found.series), found.head["sum"])
            self.assertEqual(max(found.series), found.head["max"])
            # That of this kernel: what its coarse clock (CLOCK_MONOTONIC_COARSE) goes by.
            self.assertEqual(found.series_head["tick"], round(time.clock_getres(6) * 1e9))
        self.assertIsNone(self.measured("-kernel", "fwq", "-quanta", "300", workers=1)[0].series_head)

    def test_people_read_quantiles(self):
        done = run("-kernel", "fwq", "-seconds", "0.05", "-cores", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        for word in ("fwq, worker 0: 50 values", "p50", "p99.99", "max"):
            self.assertIn(word, done.stdout)

    def test_no_values_have_no_quantiles(self):
        done = run("-kernel", "detour", "-threshold", "1000000", "-seconds", "0.05", "-cores", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 1, done.stdout)
        self.assertRegex(done.stdout, r": 0 values in \d+\.\d+ s")
        self.assertIn(", threshold 1000000.000 us", done.stdout)

    def test_mistakes_are_told_in_one_line(self):
        for args, word in ((("-kernel", "nosuch"), "there is no kernel 'nosuch'"), (("-seconds", "0"), "-seconds"),
                           (("-quantum", "x"), "-quantum"), (("-cores", "4096"), "-cores"), (("stray",), "stray"),
                           (("-seconds", "3600", "-quantum", "1"), "quanta"),
                           (("-threshold", "5"), "-threshold is not for the kernel fwq"),
                           (("-records", "5"), "-records is not for the kernel fwq"),
                           (("-kernel", "timer", "-quanta=5"), "-quanta is not for the kernel timer: it is for fwq and ftq"),
                           (("--quantum", "5", "-kernel", "detour"), "-quantum is not for the kernel detour")):
            done = run(*args)
            self.assertEqual(done.returncode, 2, args)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(word, done.stderr)
            self.assertIn("status=2", run("-markers", *args).stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
