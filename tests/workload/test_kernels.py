#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Promises of the program kernels, tested as its users see it.

Usage: test_kernels.py KERNELS [unittest options]

What NAS publishes is held against the results by the program itself; here results are computed once more, from the
definitions, by other means."""
import hashlib
import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

PROGRAM = os.path.abspath(sys.argv.pop(1))
KERNELS = ("ep", "cg", "is", "stencil", "triad", "chase")
SLOW = ("ep",)  # its class W takes seconds
A, MODULUS = 5 ** 13, 2 ** 46


def run(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL)


def markers(text):
    """The marker lines of an output as (kind, fields); every line has to be one."""
    found = []
    for line in text.removesuffix("\n").split("\n"):
        body, crc = line.rsplit(" ;", 1)
        assert body[0] == "\x1e" and int(crc, 16) == zlib.crc32(body[1:].encode()), line
        _, kind, rest = (body[1:] + " ").split(" ", 2)
        found.append((kind, dict(re.findall(r"([a-z0-9]+)=(.*?) (?=[a-z0-9]+=|$)", rest))))
    return found


def randoms(seed):
    while True:
        seed = seed * A % MODULUS
        yield seed


class KernelsTest(unittest.TestCase):
    def result(self, kernel, size="S", cores="1", schedule="goroutine"):
        done = run("-kernel", kernel, "-class", size, "-cores", cores, "-schedule", schedule, "-pin", "none")
        self.assertEqual((done.returncode, done.stderr), (0, ""), (kernel, size, cores))
        first, second = done.stdout.splitlines()
        self.assertRegex(first, rf"^{kernel}, class {size}, workers: {cores}, time: [0-9.]+ s, [0-9.]+ ")
        self.assertIn("verified: agrees with ", second)
        return second.rsplit(" ", 1)[1]

    def test_results_are_the_same_for_any_number_of_workers_and_schedule(self):
        for kernel in KERNELS:
            found = {self.result(kernel, "S", cores) for cores in ("1", "2", "3")}
            if kernel not in SLOW:
                found |= {self.result(kernel, "S", "5", schedule) for schedule in ("static", "dynamic", "thread")}
            self.assertEqual(len(found), 1, kernel)

    def test_class_w_agrees_too(self):
        for kernel in KERNELS:
            if kernel not in SLOW:
                self.result(kernel, "W", "2")

    def test_ranks_are_those_of_a_sorted_list(self):
        keys, numbers = [], randoms(314159265)
        for _ in range(2 ** 16):
            four = [next(numbers) / MODULUS for _ in range(4)]
            keys.append(int(2 ** 11 / 4 * (((four[0] + four[1]) + four[2]) + four[3])))
        for i in range(1, 11):
            keys[i], keys[i + 10] = i, 2 ** 11 - i
        ranks, not_above = [], 0
        for value in range(2 ** 11):
            not_above += keys.count(value)
            ranks.append(not_above)
        self.assertEqual(self.result("is"), hashlib.sha256(struct.pack("<2048I", *ranks)).hexdigest())

    def test_each_element_of_the_triad_is_the_same_number(self):
        before, last, total = 1 / 3, 2 / 3, 0.0
        for _ in range(10):
            before, last = last, before + 3 * last
        for _ in range(2 ** 17 // 64):
            total += last
        wanted = struct.pack("<64d", *[total] * 64)
        self.assertEqual(self.result("triad"), hashlib.sha256(wanted).hexdigest())

    def test_the_chase_goes_round_a_shuffled_ring(self):
        n, numbers = 2 ** 14, randoms(271828183)
        order = list(range(n))
        for i in range(n, 1, -1):
            other = i * next(numbers) // MODULUS
            order[i - 1], order[other] = order[other], order[i - 1]
        ends = [order[(k + 1) * (n // 64) % n] for k in range(64)]
        self.assertEqual(self.result("chase"), hashlib.sha256(struct.pack("<64I", *ends)).hexdigest())

    def with_another(self, before, after, kernel):
        """What a program says in which these bytes are others."""
        with open(PROGRAM, "rb") as f:
            program = f.read()
        self.assertGreaterEqual(program.count(before), 1)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "kernels")
            with open(path, "wb") as f:
                f.write(program.replace(before, after))
            os.chmod(path, 0o700)
            done = subprocess.run([path, "-kernel", kernel, "-pin", "none", "-markers"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertEqual([f["status"] for k, f in markers(done.stdout) if k == "end"], ["1"])
        self.assertNotIn("result", [k for k, _ in markers(done.stdout)])
        self.assertRegex(done.stderr, r"^kernels: [^\n]*\n$")
        return done.stderr

    def test_a_result_that_is_not_the_published_one_is_a_failure(self):
        said = self.with_another(struct.pack("<d", -3.247834652034740e3), struct.pack("<d", -3.247834752034740e3), "ep")
        self.assertIn("ep, class S: the sum of X is -3247.834652035, and should be -3247.834752035 (the published values)",
                      said)

    def test_a_result_that_differs_in_a_bit_is_a_failure(self):
        known = self.result("cg")
        said = self.with_another(known.encode(), known[::-1].encode(), "cg")
        self.assertIn(f"cg, class S: the SHA-256 of the results is {known[:16]}..., and should be {known[::-1][:16]}...", said)

    def test_markers_tell_phases_workers_metrics_and_the_result(self):
        for kernel, names in (("ep", ["ep Mop/s"]), ("triad", ["triad GB/s", "triad best GB/s"]), ("chase", ["chase ns/load"])):
            done = run("-kernel", kernel, "-cores", "2", "-pin", "none", "-markers", "-rows", "-file", "none")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            said = markers(done.stdout)
            self.assertEqual([k for k, _ in said[:5]], ["maps", "phase", "phase", "phase", "end"])
            self.assertEqual([f["name"] for k, f in said if k == "phase"], ["setup", "compute", "verify"])
            self.assertEqual([k for k, _ in said[5:]], ["worker"] * 2 + ["metric"] * len(names) + ["result", "bye"])
            self.assertEqual([f["name"] for k, f in said if k == "metric"], names)
            self.assertEqual({f["better"] for k, f in said if k == "metric"}, {"lower" if kernel == "chase" else "higher"})
            self.assertEqual(said[-2][1]["sha256"], self.result(kernel))
            for value in (float(f["value"]) for k, f in said if k == "metric"):
                self.assertGreater(value, 0)

    def test_a_rate_is_operations_over_the_time_of_the_phase(self):
        said = markers(run("-kernel", "ep", "-cores", "1", "-pin", "none", "-markers").stdout)
        at = {f["name"]: int(f["t"]) for k, f in said if k == "phase"}
        rate, = (float(f["value"]) for k, f in said if k == "metric")
        self.assertAlmostEqual(rate * (at["verify"] - at["compute"]) / (2 ** 25 * 1e3), 1, delta=0.02)

    def test_wrong_usage_is_one_line(self):
        for words, said in ((["-kernel", "mg"], "there is no kernel 'mg'; there are ep, cg, is, stencil, triad, chase"),
                            (["-class", "B"], "there is no class 'B'; there are S, W and A"),
                            (["-class"], "-class needs a value"), (["-kernels"], "there is no option '-kernels'"),
                            (["-cores", "0"], "-cores: '0' is no whole number between 1 and 4096"),
                            (["-schedule", "guided"], "there is no schedule 'guided'"), (["ep"], "'ep' is no option")):
            done = run(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertRegex(done.stderr, r"^kernels: [^\n]*\n$")
            self.assertIn(said, done.stderr)

    def test_a_host_is_told_of_wrong_usage(self):
        done = run("-markers", "-class", "Z")
        self.assertEqual(done.returncode, 2)
        self.assertEqual([f.get("status") for k, f in markers(done.stdout) if k == "end"], ["2"])

    def test_lost_output_is_an_error(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            for words in ([], ["-markers"], ["-help"]):
                done = subprocess.run([PROGRAM, "-kernel", "is", *words], stdout=full, stderr=subprocess.PIPE, text=True)
                self.assertEqual(done.returncode, 1, words)

    def test_too_little_memory_is_one_line(self):
        limited = f"ulimit -v 200000; exec {PROGRAM} -kernel stencil -class A -cores 1 -pin none"
        done = subprocess.run(["bash", "-c", limited], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, "kernels: out of memory for a kernel's data (256 MiB)\n")

    def test_help_lists_kernels_with_what_they_are_bound_by(self):
        helped = run("-help").stdout
        for kernel in KERNELS:
            self.assertRegex(helped, rf"(?m)^  {kernel} .*bound by ")


if __name__ == "__main__":
    unittest.main()
