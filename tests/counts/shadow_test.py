#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sampled call stacks of guests against those that there were: shadow_test.py COLLECTOR SHADOW_PROGRAM CALIBRATOR
SHADOW_PLUGIN_1 SHADOW_PLUGIN_4 SHADOW_PLUGIN_7

While the collector samples an emulated guest, a plugin of QEMU's follows its calls and returns, one by one, and
keeps a shadow of each of its call stacks (shadow_stack.h). It writes down every call path that there was in the phase.
A stack that was sampled has to be one of them, from the innermost function to the root: one
wrong frame, one too many or one too few makes a path that there never was.

What is not, is told by kind:
- caller missing: with one more frame behind the innermost it is one. Under emulation registers are some instructions
  apart, so that in a function's first and last instructions another caller may be found (docs/inside-guests.md)
- entry code: what was hit is the assembly by which interrupts, exceptions and system calls enter the kernel, which is
  for these what a prologue is for a function; or such functions are all that differs
- past entry code: it is one as far as to such a function
- cut: it is the inner part of one
- wrong: anything else.

How much a path has to fit by chance is told, too: how many of the stacks are still among the paths when one of their
frames is taken out.

Left out are samples that hit the plugin itself, which no other run has.

Needs root, a QEMU with plugins, and the guests' kernels."""
import os
import re
import sys
from collections import Counter

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import plugged  # noqa: E402

EQUAL = 0.99  # of the stacks outside of prologues
PROLOGUES = ("caller missing", "entry code")
IN_PROLOGUES = 0.05  # at most, of all
STILL_THERE = 0.1  # at most, with a frame taken out
KINDS = ("equal", *PROLOGUES, "past entry code", "cut", "wrong")
SHOWN = 12
CALL, INTERRUPTED, UNKNOWN = range(3)  # enum shadow_kind
LIBRARY = "[library]"
ANYTHING = "[unknown]"
# The outermost functions of their stacks, by their own unwind tables, whoever called them: of bare's vCPUs, of programs.
ROOTS = ("vcpu_root", "_start")
OSV_ENTRY = re.compile(r"(ex_\w\w|interrupt_entry\w*|__elf_resolve_pltgot)$")
LINUX_ENTRY = ("__entry_text_start", "__entry_text_end")


class Places:
    """Functions by address and by name: each has one name of those that it has, the same in both. What lies neither in
    the kernel nor in the program is a library's."""

    def __init__(self, program, kernel, kernel_below=0):
        self.program, self.kernel, self.kernel_below = program, kernel, kernel_below
        self.bias, self.known, self.first = 0, {}, {}
        for names in (program, kernel):
            for address in sorted(set(names.addresses)) if names else ():
                aliases = names.find(address)
                for name in aliases:
                    self.first[self._first(name)] = self._first(aliases[0])
        self.entry = set()

    def _first(self, name):
        while self.first.get(name, name) != name:
            name = self.first[name]
        return name

    def in_kernel(self, address):
        return not self.program or address >= plugged.KERNEL_HALF or address < self.kernel_below

    def load_program(self, addresses):
        """It was loaded where most of these addresses begin a function."""
        self.bias = self.program.bias([address for address in addresses if not self.in_kernel(address)])

    def of(self, address):
        if address not in self.known:
            inside = self.in_kernel(address)
            names = self.kernel.find(address) if inside else self.program.find(address - self.bias)
            self.known[address] = self._first(names[0]) if names else "?" if inside else LIBRARY
        return self.known[address]

    def named(self, side, module, symbol, own):
        return LIBRARY if side == "guest-user" and module != own else self._first(symbol)


class Truth:
    """The call paths that there were, innermost function first."""

    def __init__(self, lines, places):
        self.places = places
        self.paths, self.loose, self.by_leaf = set(), set(), {}
        on, seen = [()], set()
        for kind, *words in lines:
            if kind == "n":
                parent, what, address = int(words[0]), int(words[1]), int(words[2], 16)
                name = ANYTHING if what == UNKNOWN else places.of(address - (what == CALL))
                on.append((name, *(on[parent] if name not in ROOTS else ())))
            elif kind == "b":
                name, node = places.of(int(words[1], 16)), int(words[0])
                if (name, node) not in seen:
                    seen.add((name, node))
                    path = (name, *on[node])
                    (self.loose if ANYTHING in path else self.paths).add(path)
        for path in (*self.paths, *self.loose):
            self.by_leaf.setdefault(path[0], []).append(path)

    @staticmethod
    def _fits(path, pattern):
        return len(path) == len(pattern) and all(b in (a, ANYTHING) for a, b in zip(path, pattern))

    def has(self, path):
        return path in self.paths or any(self._fits(path, pattern) for pattern in self.loose)

    def without_entry(self, path):
        return tuple(name for name in path if name not in self.places.entry)

    def kind(self, path):
        if self.has(path):
            return "equal"
        alike = self.by_leaf.get(path[0], ())
        if any(self._fits(path, p[:1] + p[2:]) for p in alike):
            return "caller missing"
        bare = self.without_entry(path)
        if path[0] in self.places.entry or any(self._fits(bare, self.without_entry(p)) for p in alike):
            return "entry code"
        entry = next((i + 1 for i, name in enumerate(path) if name in self.places.entry), 0)
        if entry and any(self._fits(path[:entry], p[:entry]) for p in alike):
            return "past entry code"
        return "cut" if any(self._fits(path, p[:len(path)]) for p in alike) else "wrong"


class Shadow(plugged.PluggedTest):
    def sampled(self, store, places, phase, own):
        """{path: samples}, without those that hit the plugin, and how many these were."""
        paths, plugin = Counter(), 0
        for count, frames in self.stacks(store, phase):
            guest = [f for f in frames if f[0] in ("guest-user", "guest-kernel")]
            if any("shadow_plugin" in module for _, module, _ in frames):
                plugin += count
            elif guest:
                paths[tuple(places.named(*frame, own) for frame in guest)] += count
        return paths, plugin

    def compare(self, store, lines, places, phase, own=""):
        truth = Truth(lines, places)
        paths, plugin = self.sampled(store, places, phase, own)
        kinds, whole, odd = Counter(), sum(paths.values()), []
        self.assertGreater(whole, 300, store.warnings())
        for path, count in paths.items():
            kind = truth.kind(path)
            kinds[kind] += count
            if kind != "equal":
                odd.append(f"  {count} {kind}: {' < '.join(path)[:300]}")
        changed = [path[:i] + path[i + 1:] for path in paths if truth.has(path) for i in range(1, len(path))]
        still = sum(map(truth.has, changed)) / len(changed)
        print(f"{store.runs()[0]['guest']}: {len(truth.paths)} paths, {whole} samples: "
              + ", ".join(f"{kinds[kind]} {kind} ({100 * kinds[kind] / whole:.2f} %)" for kind in KINDS)
              + f"; {plugin} in the plugin; with a frame taken out {100 * still:.1f} % are still there")
        print("\n".join(odd[:SHOWN]), flush=True)
        outside = whole - sum(kinds[kind] for kind in PROLOGUES)
        print(f"  outside of prologues {100 * kinds['equal'] / outside:.2f} % are equal", flush=True)
        self.assertGreaterEqual(kinds["equal"], EQUAL * outside)
        self.assertGreaterEqual(outside, (1 - IN_PROLOGUES) * whole)
        self.assertLess(still, STILL_THERE)

    def run_program(self, guest, *work):
        program = self.programs["program"]
        store, lines = self.run_plugged(guest, work, "--program", program, "--frequency", "1999")
        return store, lines, plugged.Names.of_elf(program), os.path.basename(program)

    @staticmethod
    def blocks(lines):
        return [int(words[2], 16) for words in lines if words[0] == "b"]

    def test_each_stack_of_bare_is_one_that_there_was(self):
        store, lines = self.run_plugged("bare", ("-burn", "alpha=60,beta=25,gamma=15", "-depth", "9", "-seconds", "3"),
                                        "--frequency", "1999", arguments=",marks=no")
        self.compare(store, lines, Places(None, plugged.Names.of_elf(self.programs["calibrator"])), "burn")

    @plugged.harness.patiently
    def test_each_stack_of_osv_is_one_that_there_was(self):
        kernel = plugged.Names.of_elf(plugged.harness.osv_symbols())
        store, lines, program, own = self.run_program("osv", "-seconds", "0.1", "-turns", "300")
        places = Places(program, kernel, plugged.OSV_PROGRAMS)
        places.entry = {name for _, name in kernel.functions if OSV_ENTRY.match(name)}
        places.load_program(self.blocks(lines))
        self.compare(store, lines, places, "work", own)

    @plugged.harness.patiently
    def test_each_stack_of_linux_is_one_that_there_was(self):
        store, lines, program, own = self.run_program("linux-minimal", "-seconds", "0.1", "-turns", "300", "-kallsyms")
        functions, at = [], 0
        for distance, name in re.findall(r"^text ([0-9a-f]+) (\S+)\r?$", store.console(1), re.M):
            at += int(distance, 16)
            functions.append((at, name))
        places = Places(program, plugged.Names(functions))
        begin, end = ({name: address for address, name in functions}[name] for name in LINUX_ENTRY)
        places.entry = {places.of(address) for address, _ in functions if begin <= address < end}
        places.load_program(self.blocks(lines))
        self.compare(store, lines, places, "work", own)


if __name__ == "__main__":
    plugged.harness.main("program", "calibrator", *plugged.PLUGINS)
