#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest bare, really booted (under emulation): bare_test.py RUN_GUEST BARE_ELF CALIBRATOR_ELF GOLDEN_CSV

Exit status 77 where QEMU is missing."""
import csv
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

GOLDEN = sys.argv.pop(4)
CALIBRATOR = os.path.abspath(sys.argv.pop(3))
KERNEL = os.path.abspath(sys.argv.pop(2))
RUN_GUEST = os.path.abspath(sys.argv.pop(1))
QEMU = "qemu-system-x86_64"
DIRECTIONS = ("north", "east", "south", "west")
GIB = 1 << 30


def golden_cases():
    with open(GOLDEN, encoding="ascii", newline="") as f:
        rows = csv.DictReader(line for line in f if not line.startswith("#"))
        return [(row.pop("rgba_sha256"), [w for k, v in row.items() for w in ("-" + k, v)]) for row in rows]


def markers(text):
    """[(kind, {key: value})]; a line that is none in spite of its beginning is an error."""
    found = []
    for line in re.findall(r"\x1e([^\n]*)\n", text):
        body, _, crc = line.rpartition(" ;")
        if f"{zlib.crc32(body.encode()):08x}" != crc or not body.startswith("guestscope "):
            raise AssertionError("no marker: " + line)
        kind, *fields = body.split(" ")[1:]
        found.append((kind, dict(f.split("=", 1) for f in fields)))
    return found


class Bare(unittest.TestCase):
    KERNEL = KERNEL

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gs-")
        self.addCleanup(folder.cleanup)
        self.work = folder.name

    def run_guest(self, *arguments, status=0):
        options = [a for a in arguments if a.startswith("--")]
        words = [a for a in arguments if not a.startswith("--")]
        command = [RUN_GUEST, "--work", self.work, f"--kernel={self.KERNEL}", "--timeout=100", *options, "bare", "/none"]
        done = subprocess.run(command + words, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, status, done.stderr + done.stdout)
        self.assertEqual(os.listdir(self.work), [])
        return done

    def failure(self, *arguments):
        return self.run_guest(*arguments, status=1).stderr.splitlines()[-1]

    def qemu(self, append, *more, cpus=1, memory="512M"):
        """The command line of a plain machine, without the collector's."""
        return [QEMU, "-nodefaults", "-no-user-config", "-accel", "tcg,thread=multi", "-smp",
                f"cpus={cpus},sockets=1,cores={cpus},threads=1", "-m", memory, "-display", "none", "-no-reboot",
                "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console", "-kernel", self.KERNEL,
                "-append", append, *more]

    def boot(self, append, *more, **machine):
        return subprocess.run(self.qemu(append, *more, **machine), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=100, check=True).stdout


class Picture(Bare):
    def check_picture(self, sha256, lanes, *arguments):
        found = markers(self.run_guest(f"--cores={lanes}", *arguments, "-sha256").stdout)
        kinds = [kind for kind, _ in found]
        expected = ["maps", "phase", "phase", "phase", "end", *["worker"] * lanes]
        self.assertEqual(kinds[:len(expected)], expected)
        self.assertEqual(set(kinds[len(expected):-2]), {"rows"})
        self.assertEqual(kinds[-2:], ["raster", "bye"])
        self.assertEqual([f["name"] for k, f in found if k == "phase"], ["setup", "render", "encode"])
        height = int(arguments[arguments.index("-height") + 1]) * int(arguments[arguments.index("-smoothness") + 1])
        self.assertEqual(sum(int(f["tasks"]) for k, f in found if k == "worker"), height)
        self.assertEqual(sum(int(f["n"]) for k, f in found if k == "rows"), height)
        times = [int(f["t"]) for k, f in found if k in ("phase", "end")]
        self.assertEqual(times, sorted(times))
        self.assertEqual(dict(found)["raster"]["sha256"], sha256)

    def test_pictures_are_those_of_the_reference_on_any_number_of_vcpus(self):
        schedules = ("goroutine", "static", "dynamic")
        for i, (sha256, arguments) in enumerate(golden_cases()):
            lanes, schedule = 1 + i % 3, schedules[i // 2 % 3]
            with self.subTest(arguments=arguments, lanes=lanes, schedule=schedule):
                self.check_picture(sha256, lanes, *arguments, "-schedule", schedule)

    def test_memory_above_4_gib_is_used(self):
        sha256, arguments = golden_cases()[0]
        self.check_picture(sha256, 2, f"--memory={5 * GIB // 2}", *arguments)

    def test_other_machines_boot(self):
        sha256, arguments = golden_cases()[0]
        words = " ".join(arguments) + " -sha256"
        for more in (["-machine", "q35"], ["-cpu", "qemu64"], ["-machine", "pc", "-cpu", "max"]):
            with self.subTest(more=more):
                self.assertIn(f"{sha256}\nbare: exit status 0\n", self.boot(words, *more, cpus=2, memory="1200M"))

    def test_wrong_usage_is_told(self):
        for words, told in ((["-palette", "none"], "there is no palette 'none'"), (["-nonsense"], "-nonsense"),
                            (["-schedule", "thread"], "needs an operating system"),
                            (["-radius", "1e-3e"], "-radius: '1e-3e' is no number")):
            with self.subTest(words=words):
                message = self.failure("--cores=1", *words)
                self.assertIn("the program ended with status 2", message)
                self.assertIn(told, message)

    def test_more_workers_than_vcpus_are_refused(self):
        self.assertIn("-cores: 3 asked for, this program may use 2", self.boot("-cores 3", cpus=2))

    def test_arguments_that_would_not_arrive_are_refused(self):
        self.assertIn("blanks", self.run_guest("-palette", "a b", status=2).stderr)
        self.assertIn("too long", self.run_guest("-palette", "x" * 2000, status=2).stderr)

    def test_too_little_memory_is_told(self):
        out = self.boot("-width 30000 -height 30000 -smoothness 1", memory="256M")
        self.assertIn("out of memory for a raster", out)
        self.assertIn("bare: exit status 1", out)


class Calibrator(Bare):
    KERNEL = CALIBRATOR


class Crash(Calibrator):
    def test_exceptions_are_told_and_the_machine_goes_off(self):
        for how, told in (("read", "page fault) on vCPU 0: rip=0x2"), ("instruction", "invalid instruction) on vCPU 0"),
                          ("stack", "page fault) on vCPU 0: ")):
            with self.subTest(how=how):
                self.assertIn(told, self.failure("--cores=2", "-crash", how))

    def test_hanging_guest_is_ended(self):
        self.assertIn("timed out", self.failure("--cores=1", "--timeout=4", "-crash", "hang"))


class Burn(Calibrator):
    WORDS = ["-burn", "alpha=50,beta=30,gamma=15,theta=5"]
    SHARES = {"alpha": 50, "beta": 30, "gamma": 15, "theta": 5}

    def burn(self, lanes, *more, seconds="1.5"):
        found = markers(self.run_guest(f"--cores={lanes}", *self.WORDS, "-seconds", seconds, *more).stdout)
        self.assertEqual([f["name"] for k, f in found if k == "phase"], ["setup", "burn"])
        self.assertEqual(found[-1][0], "bye")
        return found

    def numbers(self, found, kind):
        return [{k: int(v) for k, v in fields.items()} for name, fields in found if name == kind]

    def test_shares_are_as_told_on_each_vcpu(self):
        for lanes in (1, 2):
            found = self.burn(lanes)
            turns = self.numbers(found, "burned-turns")
            self.assertEqual([t.pop("vcpu") for t in turns], list(range(lanes)))
            for t in turns:
                total = t.pop("total")
                self.assertEqual(sum(t.values()), total)
                self.assertEqual(set(t), set(self.SHARES))
                for name, share in self.SHARES.items():
                    # One slice is all that can be missing; on a busy host they are few.
                    self.assertAlmostEqual(100 * t[name] / total, share, delta=1.5)
            for t in self.numbers(found, "burned"):
                t.pop("vcpu")
                total = t.pop("total")
                self.assertLessEqual(abs(sum(t.values()) - total), len(t), "rounded down, each")
                self.assertGreaterEqual(total, 1499999000)

    def test_chosen_vcpus_burn(self):
        found = self.burn(3, "-on", "0,2", seconds="0.3")
        self.assertEqual([t["vcpu"] for t in self.numbers(found, "burned")], [0, 2])

    def test_fake_threads_are_told_with_their_time(self):
        found = self.burn(2, "-threads", "5", seconds="0.5")
        threads = [f for k, f in found if k == "burned-thread"]
        self.assertEqual(len({f["fs"] for f in threads}), 5)
        for t in self.numbers(found, "burned"):
            mine = [int(f["total"]) for f in threads if int(f["vcpu"]) == t["vcpu"]]
            self.assertIn(len(mine), (2, 3))
            self.assertLessEqual(abs(sum(mine) - t["total"]), 5)

    def test_hostile_page_tables_do_not_stop_it(self):
        for mode in ("loop", "range", "unmapped", "switch"):
            with self.subTest(mode=mode):
                found = self.burn(2, "-hostile", mode, "-depth", "10", seconds="0.2")
                self.assertEqual(len(self.numbers(found, "burned")), 2)

    def test_wrong_usage_is_told(self):
        for words, told in ((["-burn", "omega=1"], "'omega=1' is not FUNCTION=WEIGHT"),
                            (["-burn", "alpha=0"], "no function has a weight"),
                            (["-burn", "alpha=1", "-on", "1"], "-on: '1' is no whole number between 0 and 0"),
                            (["-burn", "alpha=1", "-depth", "0"], "-depth: '0'"),
                            (["-burn", "alpha=1", "-seconds", "nan"], "-seconds: 'nan'"),
                            (["-burn", "alpha=1", "-hostile", "x"], "-hostile: 'x'"),
                            (["-burn", "alpha=1", "-frame-pointers", "maybe"], "'maybe'")):
            with self.subTest(words=words):
                message = self.failure("--cores=1", *words)
                self.assertIn("the program ended with status 2", message)
                self.assertIn(told, message)


class Which(unittest.TestCase):
    """The program that is linked to the kernel, where --kernel names none."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gs-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_guest(self, *words, program=RUN_GUEST):
        return subprocess.run([program, "--work", self.folder, "--timeout=100", "--cores=1", *words], capture_output=True, text=True,
                              timeout=120, check=False)

    def kernel(self, *words):
        """Of the command line that is planned."""
        plan = self.run_guest("--plan", "bare", "/none", *words).stderr.split()
        return next(os.path.realpath(word) for word in plan if word.endswith(".elf"))

    def test_what_is_asked_to_burn_is_the_calibrator(self):
        for words in (["-burn", "alpha=1"], ["--burn=alpha=1"], ["-hostile", "loop"], ["-crash", "read"]):
            with self.subTest(words=words):
                self.assertEqual(self.kernel(*words), os.path.realpath(CALIBRATOR))
        for words in ([], ["-burning"], ["-palette", "burn"]):
            with self.subTest(words=words):
                self.assertEqual(self.kernel(*words), os.path.realpath(KERNEL))

    def test_the_floor_knows_no_calibrator(self):
        done = self.run_guest("--kernel", KERNEL, "bare", "/none", "-burn", "alpha=1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("-burn", done.stderr)
        names = subprocess.run(["nm", KERNEL], capture_output=True, text=True, check=True).stdout.split()
        self.assertEqual([n for n in names if "burn" in n or "hostile" in n or "crash" in n], [])

    def test_where_only_the_floor_is_installed_it_is_told(self):
        alone = shutil.copy(RUN_GUEST, self.folder)
        done = self.run_guest("--plan", "bare", "/none", "-burn", "alpha=1", program=alone)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn("-burn is an option of the calibrator, which belongs to the tests and is not installed", done.stderr)
        self.assertIn("tests/calibrator/calibrator.elf with --kernel", done.stderr)


class Monitor:
    """A guest under QMP: stop it, look, let it go on."""

    def __init__(self, command, path):
        self.process = subprocess.Popen([*command, "-qmp", f"unix:{path},server=on,wait=off"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.socket = socket.socket(socket.AF_UNIX)
        for _ in range(500):
            try:
                self.socket.connect(path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.02)
        self.file = self.socket.makefile("r")
        self.file.readline()
        self.command("qmp_capabilities")

    def command(self, name, **arguments):
        self.socket.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        for line in self.file:
            answer = json.loads(line)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise AssertionError(answer)
        raise EOFError

    def human(self, words):
        return self.command("human-monitor-command", **{"command-line": words})

    def registers(self):
        """[(RIP, RBP)], by vCPU."""
        text = self.human("info registers -a")
        return list(zip([int(x, 16) for x in re.findall(r"RIP=([0-9a-f]+)", text)],
                        [int(x, 16) for x in re.findall(r"RBP=([0-9a-f]+)", text)]))

    def words(self, address):
        """Two words of memory, whose virtual addresses are the physical ones."""
        return [int(x, 16) for x in re.findall(r"0x([0-9a-f]+)", self.human(f"xp /2gx {address:#x}"))]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        self.file.close()
        self.socket.close()


class Stacks(Calibrator):
    def setUp(self):
        super().setUp()
        self.sockets = 0
        listing = subprocess.run(["nm", "-n", self.KERNEL], capture_output=True, text=True, check=True).stdout
        self.symbols = [(int(a, 16), n) for a, n in re.findall(r"^([0-9a-f]+) [tT] (\S+)$", listing, re.M)]

    def name(self, address):
        return next((n for a, n in reversed(self.symbols) if a <= address), "?")

    def walk(self, monitor, rip, rbp):
        names = [self.name(rip)]
        while rbp and len(names) < 200:
            rbp, caller = monitor.words(rbp)
            names.append(self.name(caller))
        return names

    def socket_path(self):
        self.sockets += 1
        return os.path.join(self.work, f"qmp{self.sockets}")

    def sample(self, append, wanted=12, **machine):
        """Stacks with a burning function innermost, each beyond its first instructions: [[names]]."""
        with Monitor(self.qemu(append, **machine), self.socket_path()) as monitor:
            return self.sample_by(monitor, wanted)

    def sample_by(self, monitor, wanted):
        stacks = []
        for _ in range(400):
            time.sleep(0.02)
            monitor.command("stop")
            for rip, rbp in monitor.registers():
                entry = max((a for a, _ in self.symbols if a <= rip), default=0)
                if self.name(rip) in ("alpha", "beta") and rip - entry >= 4:
                    stacks.append(self.walk(monitor, rip, rbp))
            monitor.command("cont")
            if len(stacks) >= wanted:
                return stacks
        self.fail(f"only {len(stacks)} samples")

    def check_depth(self, depth, **machine):
        for stack in self.sample(f"-burn alpha=1,beta=1 -seconds 60 -depth {depth}", **machine):
            calls = [DIRECTIONS[i % 4] for i in range(depth - 1)]
            self.assertEqual(stack[1:], calls[::-1] + ["burn_vcpu", "vcpu_root"])

    def test_stacks_have_the_depth_that_was_asked_for(self):
        for depth in (1, 2, 7, 70):
            with self.subTest(depth=depth):
                self.check_depth(depth, cpus=2)

    def test_stacks_above_4_gib_do_too(self):
        self.check_depth(5, cpus=2, memory="5G")

    def test_without_frame_pointers_only_the_root_is_found(self):
        for stack in self.sample("-burn alpha=1,beta=1 -seconds 60 -depth 7 -frame-pointers no"):
            self.assertEqual(stack[1:], ["vcpu_root"])


if __name__ == "__main__":
    if not shutil.which(QEMU):
        print(f"{QEMU} is not installed")
        sys.exit(77)
    unittest.main()
