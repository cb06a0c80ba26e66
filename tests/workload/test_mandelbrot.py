#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Promises of the program mandelbrot, tested as its users see it.

Usage: test_mandelbrot.py MANDELBROT GOLDEN.CSV [unittest options]
"""
import csv
import hashlib
import os
import re
import resource
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock
import zlib

PROGRAM = os.path.abspath(sys.argv.pop(1))
GOLDEN = os.path.abspath(sys.argv.pop(1))
SCHEDULES = ("goroutine", "thread", "static", "dynamic")
CPUS = sorted(os.sched_getaffinity(0))
SMALL = ("-width", "64", "-height", "48", "-iteration", "100", "-smoothness", "1")
TAIL = "0123456789abcdefghijklmnopqrstuv"
MORE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ+/-_.:"


def read(path):
    with open(path, "rb") as f:
        return f.read()


def allowed(status):
    """The list of processors in the text of /proc/PID/status."""
    return re.search(rb"^Cpus_allowed_list:\t(.*)$", status, re.M)[1].decode()


def run(*args, **kwargs):
    return subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True, timeout=100,
                          stdin=subprocess.DEVNULL, **kwargs)


def markers(text):
    """The marker lines of an output as (kind, fields); every line has to be one."""
    found = []
    # Not splitlines(): to that, the record separator ends a line.
    for line in text.removesuffix("\n").split("\n"):
        body, crc = line.rsplit(" ;", 1)
        assert body[0] == "\x1e" and len(line) + 1 <= 1024, line
        assert int(crc, 16) == zlib.crc32(body[1:].encode()), line
        tag, kind, *fields = body[1:].split(" ")
        assert tag == "guestscope", line
        found.append((kind, dict(f.split("=", 1) for f in fields)))
    return found


def decode_rows(fields):
    """An independent reader of workload/report.h: (task, start in us, end in us)."""
    numbers, value, shift = [], 0, 0
    for c in fields["data"]:
        last = c in TAIL
        value |= (TAIL if last else MORE).index(c) << shift
        shift += 5
        if last:
            numbers.append(value)
            value = shift = 0
    assert shift == 0
    unfold = lambda z: -(z // 2) - 1 if z & 1 else z // 2
    rows, expected, clock, i = [], 0, 0, 0
    while i < len(numbers):
        step = numbers[i]
        gap = unfold(numbers[i + 1]) if step & 1 else 0
        i += 2 + (step & 1)
        task = expected + unfold(step >> 1)
        rows.append((task, clock + gap, clock + gap + numbers[i - 1]))
        expected, clock = task + 1, rows[-1][2]
    assert len(rows) == int(fields["n"])
    return rows


def read_png(path):
    """Width, height and RGBA bytes of an 8-bit RGBA PNG; checksums are checked."""
    data = read(path)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, seen_end = 8, b"", False
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        chunk = data[at + 8:at + 8 + length]
        assert zlib.crc32(kind + chunk) == struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0]
        if kind == b"IHDR":
            width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", chunk)
            assert (depth, colour) == (8, 6)
        packed += chunk if kind == b"IDAT" else b""
        seen_end |= kind == b"IEND"
        at += 12 + length
    assert seen_end
    raw, stride = zlib.decompress(packed), width * 4
    above, pixels = bytearray(stride), bytearray()
    for y in range(height):
        start = y * (stride + 1)
        row = bytearray(raw[start + 1:start + 1 + stride])
        for i in range(stride):
            a = row[i - 4] if i >= 4 else 0
            b = above[i]
            c = above[i - 4] if i >= 4 else 0
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            row[i] = (row[i] + (0, a, b, (a + b) // 2, paeth)[raw[start]]) & 255
        pixels += row
        above = row
    return width, height, bytes(pixels)


class Picture(unittest.TestCase):
    def test_golden_rasters_whatever_the_schedule_and_the_number_of_workers(self):
        with open(GOLDEN, newline="") as f:
            rows = list(csv.DictReader(line for line in f if not line.startswith("#")))
        self.assertGreaterEqual(len(rows), 4)
        for row in rows:
            want = row.pop("rgba_sha256")
            args = [x for k, v in row.items() for x in ("-" + k, v)]
            for schedule in SCHEDULES:
                for cores in (1, 2)[:len(CPUS)]:
                    with self.subTest(schedule=schedule, cores=cores, **row):
                        r = run(*args, "-schedule", schedule, "-cores", cores, "-sha256", "-file", "")
                        self.assertEqual((r.returncode, r.stderr), (0, ""))
                        self.assertEqual(r.stdout.splitlines()[-1], want)

    def test_the_png_holds_the_raster(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "x.png")
            with open(path, "wb") as f:
                f.write(b"old content that is longer" * 10000)
            # Part of this view lies beyond the scale of colours: transparent.
            r = run("-width", 50, "-height", 31, "-smoothness", 2, "-iteration", 300, "-step", 300, "-xpos",
                    "-0.5", "-ypos", 0, "-radius", 3, "-file", path, "-sha256")
            self.assertEqual((r.returncode, r.stderr), (0, ""))
            width, height, pixels = read_png(path)
            self.assertEqual((width, height), (100, 62))
            self.assertEqual(hashlib.sha256(pixels).hexdigest(), r.stdout.splitlines()[-1])
            self.assertIn(b"\0\0\0\0", pixels)

    def test_without_a_file_nothing_is_written(self):
        with tempfile.TemporaryDirectory() as d:
            for name in ("", "none"):
                self.assertEqual(run(*SMALL, "-file", name, cwd=d).returncode, 0)
            self.assertEqual(os.listdir(d), [])
            self.assertEqual(run(*SMALL, cwd=d).returncode, 0)
            self.assertEqual(os.listdir(d), ["mandelbrot.png"])


class Options(unittest.TestCase):
    def test_one_or_two_dashes_and_values_as_go_reads_them(self):
        want = run(*SMALL, "-sha256", "-file", "").stdout.splitlines()[-1]
        for args in (("--width=64", "-height=0x30", "--iteration", "100", "-smoothness=1", "--sha256=true"),
                     ("-width", "64", "--height", "48", "-iteration=100", "--smoothness", "1", "-sha256")):
            r = run(*args, "-file=")
            self.assertEqual((r.returncode, r.stdout.splitlines()[-1]), (0, want), r.stderr)
        self.assertNotIn(want, run(*SMALL, "-sha256=false", "-file=").stdout)

    def test_wrong_usage_is_one_line_that_names_it_and_status_2(self):
        for args, said in (
                (("-colour", "1"), "-colour"), (("-width",), "-width"), (("-width", "x"), "'x'"),
                (("-width", ""), "-width"), (("-width", " 5"), "-width"), (("-width", "5 "), "-width"),
                (("-width", "0"), "'0'"), (("-width", "-3"), "'-3'"), (("-height", "1.5"), "1.5"),
                (("-width", "9" * 30), "-width"), (("-width", "1000000"), "too large"),
                (("-width", "9", "-height", "999999", "-smoothness", "9999"), "high"), (("-smoothness", "0"), "-smoothness"),
                (("-width", "1", "-smoothness", "1"), "2 x 2"), (("-iteration", "0"), "-iteration"),
                (("-iteration", "1e3"), "1e3"), (("-step", "inf"), "inf"), (("-step", "nan"), "nan"),
                (("-radius", "nan"), "nan"), (("-xpos", "1e999"), "1e999"), (("-ypos", "zero"), "zero"),
                (("-palette", "hippi"), "Hippi"), (("-schedule", "guided"), "goroutine"), (("-pin", "all"), "all"),
                (("-cores", "0"), "-cores"), (("-cores", "4096"), "4096"), (("-cores", "9999999"), "-cores"),
                (("-pin", "3-"), "3-"), (("-pin", "0,"), "0,"),
                (("-pin", "999999"), "999999"), (("-cores", "2", "-pin", str(CPUS[0])), "-cores"), (("-sha256=maybe",), "maybe"), (("-",), "'-'"),
                (("--",), "'--'"), (("file.png",), "file.png"), (("",), "''")):
            with self.subTest(args=args):
                r = run("-file=", *args)
                self.assertEqual((r.returncode, r.stdout), (2, ""))
                self.assertRegex(r.stderr, r"\Amandelbrot: [^\n]+\n\Z")
                self.assertIn(said, r.stderr)

    def test_help_and_version(self):
        for option in ("-help", "--help", "-h"):
            r = run(option)
            self.assertEqual((r.returncode, r.stderr), (0, ""))
            for name in ("cores width height iteration smoothness radius xpos ypos palette step file schedule"
                         " pin sha256 markers rows").split():
                self.assertIn("  -%s" % name, r.stdout)
        self.assertRegex(run("-version").stdout, r"\Amandelbrot \(guestscope\) [0-9.]+\n\Z")


class Failures(unittest.TestCase):
    def failed(self, r, *said):
        self.assertEqual(r.returncode, 1)
        self.assertRegex(r.stderr, r"\Amandelbrot: [^\n]+\n\Z")
        for text in said:
            self.assertIn(text, r.stderr)

    def test_an_unwritable_file_is_noticed_before_rendering(self):
        started = time.monotonic()
        self.failed(run("-iteration", 1000000, "-file", "/nonexistent/x.png"), "/nonexistent/x.png")
        self.failed(run("-iteration", 1000000, "-file", "/"), "/")
        # The picture itself would take hours.
        self.assertLess(time.monotonic() - started, 60)

    def test_a_full_disk(self):
        self.failed(run(*SMALL, "-file", "/dev/full"), "/dev/full", "No space left")

    def test_a_limit_on_file_size_leaves_no_half_picture(self):
        def limit():
            import signal
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with tempfile.TemporaryDirectory() as d:
            self.failed(run(*SMALL, "-file", os.path.join(d, "x.png"), preexec_fn=limit), "x.png")
            self.assertEqual(os.listdir(d), [])

    def test_out_of_memory(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (150 << 20, 150 << 20))
        if b"__asan_init" in read(PROGRAM):
            self.skipTest("AddressSanitizer needs the address space")
        with tempfile.TemporaryDirectory() as d:
            self.failed(run("-iteration", 10, cwd=d, preexec_fn=limit), "out of memory", "8192 x 6144")
            self.assertEqual(os.listdir(d), [])
            self.failed(run("-width", 1000000, "-height", 1000000, "-smoothness", 1, cwd=d), "out of memory")
            self.assertEqual(os.listdir(d), [])

    def test_lost_output(self):
        for extra in ((), ("-markers",), ("-sha256",)):
            with open("/dev/full", "w") as full:
                r = subprocess.run([PROGRAM, *SMALL, "-file=", *extra], stdout=full, stderr=subprocess.PIPE,
                                   text=True, timeout=100)
            self.failed(r, "standard output")


class Markers(unittest.TestCase):
    def kinds(self, found):
        return [k + ":" + f["name"] if k == "phase" else k for k, f in found]

    def test_markers_come_in_order_and_their_times_add_up(self):
        cores = min(2, len(CPUS))
        with tempfile.TemporaryDirectory() as d:
            r = run(*SMALL, "-markers", "-sha256", "-rows", "-cores", cores, "-file", os.path.join(d, "x.png"))
        self.assertEqual((r.returncode, r.stderr), (0, ""))
        found = markers(r.stdout)
        kinds = self.kinds(found)
        self.assertEqual(kinds[:5], ["maps", "phase:setup", "phase:render", "phase:encode", "end"])
        self.assertEqual(kinds[5:5 + cores], ["worker"] * cores)
        self.assertEqual(kinds[-2:], ["raster", "bye"])
        self.assertEqual(set(kinds[5 + cores:-2]), {"rows"})
        times = [int(f["t"]) for k, f in found if k in ("phase", "end")]
        self.assertEqual(times, sorted(times))
        end = found[4][1]
        self.assertEqual(end["status"], "0")
        self.assertEqual(int(end["runtime"]), times[-1] - times[0])
        maps = found[0][1]
        self.assertEqual(int(maps["base"], 16) % 4096, 0)
        self.assertLess(int(maps["base"], 16), int(maps["text"], 16))
        workers = [f for k, f in found if k == "worker"]
        self.assertEqual([int(w["id"]) for w in workers], list(range(cores)))
        self.assertEqual(sum(int(w["tasks"]) for w in workers), 48)
        for w in workers:
            self.assertIn(int(w["cpu"]), CPUS)
            self.assertLessEqual(int(w["busy"]), times[2] - times[1])
        self.assertEqual(found[-2][1]["sha256"], run(*SMALL, "-sha256", "-file=").stdout.splitlines()[-1])

    def test_without_the_option_there_are_none(self):
        self.assertNotIn("\x1e", run(*SMALL, "-rows", "-file=").stdout)

    def test_every_row_is_reported_once_by_the_worker_that_did_it(self):
        for schedule in SCHEDULES:
            for cores in (1, 2)[:len(CPUS)]:
                with self.subTest(schedule=schedule, cores=cores):
                    r = run("-width", 40, "-height", 300, "-smoothness", 2, "-markers", "-rows", "-file=", "-schedule",
                            schedule, "-cores", cores)
                    found = markers(r.stdout)
                    render, encode = (int(f["t"]) for k, f in found if f.get("name") in ("render", "encode"))
                    seen = []
                    done = dict.fromkeys(range(cores), 0)
                    for kind, f in found:
                        if kind != "rows":
                            continue
                        for task, start, end in decode_rows(f):
                            base = int(f["t"])
                            self.assertLessEqual(render, base + start * 1000)
                            self.assertLessEqual(start, end)
                            self.assertLessEqual(base + end * 1000, encode)
                            seen.append(task)
                            done[int(f["worker"])] += 1
                            if schedule == "thread":
                                self.assertEqual(int(f["worker"]), task % cores)
                    self.assertEqual(sorted(seen), list(range(600)))
                    for kind, f in found:
                        if kind == "worker":
                            self.assertEqual(int(f["tasks"]), done[int(f["id"])])

    def test_a_failure_is_told_to_the_host(self):
        for args, status in ((("-nonsense",), 2), (("-file", "/nonexistent/x"), 1), (("-cores", "4096"), 2)):
            r = run("-markers", *args)
            self.assertEqual(r.returncode, status)
            found = markers(r.stdout)
            self.assertEqual(self.kinds(found), ["maps", "phase:setup", "end", "bye"])
            self.assertEqual(found[2][1]["status"], str(status))
            self.assertRegex(r.stderr, r"\Amandelbrot: [^\n]+\n\Z")


class Lanes(unittest.TestCase):
    """What a host that looks at threads from outside relies on."""

    def threads(self, pid):
        found = {}
        for tid in os.listdir("/proc/%d/task" % pid):
            status = read("/proc/%d/task/%s/status" % (pid, tid))
            name = re.search(rb"^Name:\t(.*)$", status, re.M)[1].decode()
            found[name] = (int(tid), allowed(status))
        return found

    def at_phase(self, name, *args):
        """Start the program, wait for the marker of a phase, return its threads."""
        with tempfile.TemporaryDirectory() as d, subprocess.Popen(
                [PROGRAM, "-markers", *args, "-file", os.path.join(d, "x.png")],
                stdout=subprocess.PIPE) as p:
            try:
                for line in p.stdout:
                    if b"name=" + name.encode() + b" " in line:
                        return p.pid, self.threads(p.pid)
                raise AssertionError("no phase " + name)
            finally:
                p.kill()

    def test_workers_are_named_and_pinned_and_stay_until_the_end(self):
        cores = min(2, len(CPUS))
        args = ("-width", "512", "-height", "512", "-smoothness", "2", "-cores", str(cores))
        for phase in ("render", "encode"):
            pid, threads = self.at_phase(phase, *args)
            self.assertEqual(sorted(threads), ["worker/%d" % i for i in range(cores)])
            self.assertEqual(threads["worker/0"][0], pid)
            cpus = [t[1] for t in threads.values()]
            self.assertEqual(len(set(cpus)), cores)
            for cpu in cpus:
                self.assertIn(int(cpu), CPUS)

    def test_a_list_binds_workers_in_its_order(self):
        cpus = [CPUS[-1], CPUS[0], CPUS[-1]]
        text = ",".join(map(str, cpus))
        small = ("-width", "512", "-height", "512", "-smoothness", "2", "-cores", "3")
        for args, variables in ((("-pin", text), {}), ((), {"GUESTSCOPE_PIN": text}),
                                (("-pin", text), {"GUESTSCOPE_PIN": "none"})):
            with self.subTest(args=args, variables=variables), mock.patch.dict(os.environ, variables):
                _, threads = self.at_phase("encode", *small, *args)
                self.assertEqual([threads[f"worker/{i}"][1] for i in range(3)], [str(cpu) for cpu in cpus])

    def test_pin_none_binds_nothing(self):
        before = allowed(read("/proc/self/status"))
        _, threads = self.at_phase("encode", "-width", "512", "-height", "512", "-smoothness", "2", "-pin", "none")
        for _, cpus in threads.values():
            self.assertEqual(cpus, before)

    def test_only_allowed_processors_count(self):
        last = CPUS[-1]
        r = run(*SMALL, "-file=", "-markers", preexec_fn=lambda: os.sched_setaffinity(0, {last}))
        self.assertEqual([f["cpu"] for k, f in markers(r.stdout) if k == "worker"], [str(last)])
        r = run(*SMALL, "-file=", "-cores", 2, preexec_fn=lambda: os.sched_setaffinity(0, {last}))
        self.assertEqual(r.returncode, 2)


if __name__ == "__main__":
    unittest.main(verbosity=1)
