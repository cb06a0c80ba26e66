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
import math
import os
import sys
from collections import Counter

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import plugged  # noqa: E402

TOP = 10
POINTS = 3  # of a hundred
COUNTED_PART = 5  # what is counted is that part of what is sampled
ERRORS = 4  # standard errors that are put down to chance
# Functions whose instructions are the same in kind: alignment and the like still make them dearer or cheaper by up
# to a sixth.
SAME_PRICE = "same"
PRICES_WITHIN = 1.35
# Functions that are what they are.
ANY_PRICE = "any"
LINUX_KERNEL = "[kernel]"


def standard_error(share, other, samples):
    """Of the difference of two shares that were counted in the same samples; all in percent."""
    p, q = share / 100, other / 100
    return 100 * math.sqrt(max(p + q - (p - q) ** 2, 0) / samples)


class Counts(plugged.PluggedTest):
    def count(self, guest, work):
        """[(address, instructions)] of all translation blocks."""
        _, blocks = self.run_plugged(guest, work, "--program", self.programs["program"], "--profile", "none")
        return [(int(address, 16), int(size) * int(times)) for address, size, times in blocks]

    def counted(self, guest, work, kernel):
        """Instructions by function: {(name, alias...): number}."""
        blocks = self.count(guest, [str(int(word) // COUNTED_PART) if word.isdigit() else word for word in work])
        program = plugged.Names.of_elf(self.programs["program"])
        kernel = plugged.Names.of_elf(kernel) if kernel else None
        in_program = [(plugged.OSV_PROGRAMS if kernel else 0) <= address < plugged.KERNEL_HALF for address, _ in blocks]
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
        found = Counter()
        with self.run_guest(guest, work, "--program", self.programs["program"], "--frequency", "1999") as store:
            stacks = self.stacks(store, "work")
        for count, frames in stacks:
            side, _, symbol = frames[0]
            # A function of QEMU's, or of the kernel's, would be between it and the guest's.
            outside = next((s for s in frames if not s[0].startswith("guest-")), None)
            if side.startswith("guest-") and outside[::2] == ("boundary", "[generated code]"):
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

    def test_the_first_ten_functions_in_osv_are_those_that_were_counted(self):
        self.compare("osv", ("-rounds", "40000"), SAME_PRICE, plugged.harness.osv_symbols())

    def test_the_first_ten_functions_in_linux_are_those_that_were_counted(self):
        self.compare("linux-minimal", ("-rounds", "40000"), SAME_PRICE)

    def test_the_first_ten_functions_of_osvs_scheduler_are_those_that_were_counted(self):
        self.compare("osv", ("-rounds", "20", "-yields", "1000000"), ANY_PRICE, plugged.harness.osv_symbols())


if __name__ == "__main__":
    plugged.harness.main("program", *plugged.PLUGINS)
