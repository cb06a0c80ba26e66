#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The sampler against exact counts: counts_test.py COLLECTOR COUNT_PROGRAM COUNT_PLUGIN_1 COUNT_PLUGIN_4
COUNT_PLUGIN_7

A guest runs the same work twice under emulation: once QEMU counts the instructions of each function
(count_plugin.c), once the collector samples it. The work is the same over and over, so that a part of it is enough
to be counted. The ten functions with the most instructions must be the
sampler's first ten, in the same order, and their shares must agree within 3 percentage points, all but for what
sampling itself may be wrong by: four standard errors.

Instructions are not time, so the two can be compared only where an instruction costs about the same everywhere:
in the code that QEMU generates from the guest's (samples in QEMU's own helpers, which do floating point, device
registers and the like, are left out), and for functions of the same mix of instructions. count_program's own
functions are made so. OSv's scheduler is what it is; that its functions agree as well is worth knowing.

Needs root, a QEMU with plugins, and the guests' kernels."""
import bisect
import math
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../collector/lib"))
import harness  # noqa: E402

QEMU = "qemu-system-x86_64"
TOP = 10
POINTS = 3  # of a hundred
COUNTED_PART = 5  # what is counted is that part of what is sampled
ERRORS = 4  # standard errors that are put down to chance
PLUGINS = ("plugin_1", "plugin_4", "plugin_7")
# Functions whose instructions are the same in kind: alignment and the like still make them dearer or cheaper by up
# to a sixth.
SAME_PRICE = "same"
PRICES_WITHIN = 1.35
# Functions that are what they are.
ANY_PRICE = "any"
PAGE = 4096
KERNEL_HALF = 1 << 63
OSV_PROGRAMS = 0x100000000000
LINUX_KERNEL = "[kernel]"
FUNCTION_MAX = 1 << 16

# Each sample of phase "work" that hit the guest: its frames, outermost last. What is inlined has no instructions of its own.
STACKS = """
WITH RECURSIVE up(id, count, stack, depth) AS (
    SELECT rowid, count, stack, 0 FROM sample WHERE kind = 'oncpu' AND lane = 0 AND phase = 'work'
        AND stack IS NOT NULL
    UNION ALL SELECT up.id, count, parent, depth + 1 FROM up JOIN stack ON stack.id = up.stack
        WHERE parent IS NOT NULL)
SELECT up.id, count, side, symbol FROM up JOIN stack ON stack.id = up.stack
JOIN frame ON frame.id = stack.frame WHERE NOT inlined ORDER BY up.id, depth"""

WRAPPER = """#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
case " $* " in
*" -smp "*) exec {qemu} "$@" -plugin {plugin},out={out} ;;
esac
exec {qemu} "$@"
"""


def standard_error(share, other, samples):
    """Of the difference of two shares that were counted in the same samples; all in percent."""
    p, q = share / 100, other / 100
    return 100 * math.sqrt(max(p + q - (p - q) ** 2, 0) / samples)


class Names:
    """An independent second opinion on what an address is: the functions of an ELF file, by nm."""

    def __init__(self, path):
        listed = subprocess.run(["nm", "--defined-only", path], capture_output=True, text=True, check=True).stdout
        # without parameters, as the collector shows them
        shown = subprocess.run(["c++filt", "-p"], input=listed, capture_output=True, text=True, check=True).stdout
        lines = [line.split(" ", 2) for line in shown.splitlines()]
        self.functions = sorted((int(words[0], 16), words[2]) for words in lines if words[1] in "tTwWV")
        self.addresses = [address for address, _ in self.functions]

    def find(self, address):
        """All the names that the function at @address has."""
        at = bisect.bisect_right(self.addresses, address) - 1
        if at < 0 or address - self.addresses[at] >= FUNCTION_MAX:
            return ()
        start = bisect.bisect_left(self.addresses, self.addresses[at])
        return tuple(name for _, name in self.functions[start:at + 1])

    def bias(self, addresses):
        """Where the file was loaded: at that distance most of @addresses begin a function."""
        by_place = defaultdict(list)
        for address in self.addresses:
            by_place[address % PAGE].append(address)
        votes = Counter(address - linked for address in addresses for linked in by_place[address % PAGE])
        return votes.most_common(1)[0][0]


class Counts(harness.SystemTest):
    def setUp(self):
        super().setUp()
        harness.need_root()
        harness.need_program(QEMU, "qemu-system-x86")
        harness.need_program("nm", "binutils")
        harness.need_program("c++filt", "binutils")
        self.need_plugins()

    def need_plugins(self):
        """A QEMU that takes one of our plugins."""
        for name in PLUGINS:
            self.plugin = self.programs[name]
            done = subprocess.run([QEMU, "-M", "none", "-nodefaults", "-display", "none", "-qmp", "stdio", "-plugin",
                                   f"{self.plugin},out=/dev/null"],
                                  input='{"execute":"qmp_capabilities"}\n{"execute":"quit"}\n', capture_output=True,
                                  text=True, timeout=300, check=False)
            if done.returncode == 0:
                return
        harness.skip(f"this QEMU takes no such plugin: {done.stderr.strip().splitlines()[-1]}")

    def run_guest(self, guest, work, *options, env=None):
        done = self.collect("--guest", guest, "--cores", "1", "--accel", "tcg", "--repeat", "1", "--program",
                            self.programs["program"], *options, workload=work, env=env, timeout=300)
        if done.status == 3:
            harness.skip(done.stderr.strip())
        self.assertEqual(done.status, 0, done.stderr)
        return done.store()

    def count(self, guest, work):
        """[(address, instructions)] of all translation blocks."""
        out, folder = os.path.join(self.work, "counts"), os.path.join(self.work, "bin")
        os.makedirs(folder, exist_ok=True)
        wrapper = os.path.join(folder, QEMU)
        with open(wrapper, "w", encoding="ascii") as f:
            f.write(WRAPPER.format(qemu=shutil.which(QEMU), plugin=self.plugin, out=out))
        os.chmod(wrapper, 0o755)
        with self.run_guest(guest, work, "--profile", "none", env={"PATH": f"{folder}:{os.environ['PATH']}"}):
            pass
        blocks = [line.split() for line in harness.read_file(out).splitlines()]
        return [(int(address, 16), int(size) * int(times)) for address, size, times in blocks]

    def counted(self, guest, work, kernel):
        """Instructions by function: {(name, alias...): number}."""
        blocks = self.count(guest, [str(int(word) // COUNTED_PART) if word.isdigit() else word for word in work])
        program, kernel = Names(self.programs["program"]), Names(kernel) if kernel else None
        in_program = [(OSV_PROGRAMS if kernel else 0) <= address < KERNEL_HALF for address, _ in blocks]
        bias = program.bias([address for (address, _), inside in zip(blocks, in_program) if inside])
        found = Counter()
        for (address, instructions), inside in zip(blocks, in_program):
            if inside:
                names = program.find(address - bias)
            else:
                names = kernel.find(address) if kernel else (LINUX_KERNEL,)
            found[names] += instructions
        return found

    def sampled(self, guest, work, kernel):
        """Samples by function, of generated code: {name: number}."""
        stacks, found = {}, Counter()
        with self.run_guest(guest, work, "--frequency", "1999") as store:
            for r in store.rows(STACKS):
                stacks.setdefault(r["id"], (r["count"], []))[1].append((r["side"], r["symbol"]))
        for count, frames in stacks.values():
            side, symbol = frames[0]
            # A function of QEMU's, or of the kernel's, would be between it and the guest's.
            outside = next((s for s in frames if not s[0].startswith("guest-")), None)
            if side.startswith("guest-") and outside == ("boundary", "[generated code]"):
                found[LINUX_KERNEL if side == "guest-kernel" and not kernel else symbol] += count
        return found

    def compare(self, guest, work, price, kernel=None):
        """@price: SAME_PRICE or ANY_PRICE."""
        counted, sampled = self.counted(guest, work, kernel), self.sampled(guest, work, kernel)
        whole, samples = sum(counted.values()), sum(sampled.values())
        self.assertGreater(samples, 1000)
        rows = []
        for names, instructions in counted.most_common():
            rows.append((names[0] if names else "?", 100 * instructions / whole,
                         100 * sum(sampled.pop(name, 0) for name in set(names)) / samples))
        print(f"{guest} {' '.join(work)}: {whole} instructions, {samples} samples")
        for name, exact, ours in rows[:TOP + 2]:
            print(f"  {name[:60]:60} {exact:6.2f} % of the instructions {ours:6.2f} % of the samples")
        sys.stdout.flush()
        for name, exact, ours in rows[:TOP]:
            self.assertLessEqual(abs(ours - exact), POINTS + ERRORS * standard_error(exact, 0, samples), name)
        for at, (name, exact, ours) in enumerate(rows[:TOP]):
            for other, less, theirs in rows[at + 1:]:
                # The kernel's interrupts come with the time that passes, not with the instructions.
                of_kernel = LINUX_KERNEL in (name, other)
                if not self.tie(exact, less, ANY_PRICE if of_kernel else price, samples):
                    self.assertGreater(ours, theirs, f"{name} before {other}")
        # Whatever the sampler saw elsewhere is not among the first ten.
        rest = 100 * max(sampled.values(), default=0) / samples
        least = rows[TOP - 1][1]
        self.assertLess(rest, least + 1 + ERRORS * standard_error(least, least, samples), sampled.most_common(3))

    @staticmethod
    def tie(a, b, price, samples):
        """May functions with these shares, in percent, @a > @b, change places?"""
        sure = a - 2 * POINTS if price == ANY_PRICE else a / PRICES_WITHIN
        return sure - b < ERRORS * standard_error(max(sure, 0), b, samples)

    def osv_symbols(self):
        for folder in harness_folders():
            path = os.path.join(folder, "osv", "loader.elf")
            if os.path.exists(path):
                return path
        harness.skip("no loader.elf of OSv here, with its symbols (see docs/guests.md)")
        return None

    def test_the_first_ten_functions_in_osv_are_those_that_were_counted(self):
        self.compare("osv", ("-rounds", "40000"), SAME_PRICE, self.osv_symbols())

    def test_the_first_ten_functions_in_linux_are_those_that_were_counted(self):
        self.compare("linux-minimal", ("-rounds", "40000"), SAME_PRICE)

    def test_the_first_ten_functions_of_osvs_scheduler_are_those_that_were_counted(self):
        self.compare("osv", ("-rounds", "20", "-yields", "1000000"), ANY_PRICE, self.osv_symbols())


def harness_folders():
    """Where kernels of guests are searched, as docs/guests.md has it."""
    return [folder for folder in (os.environ.get("GUESTSCOPE_GUESTS"),
                                  os.path.expanduser("~/.local/share/guestscope/guests"),
                                  "/usr/share/guestscope/guests") if folder]


if __name__ == "__main__":
    harness.main("program", *PLUGINS)
