#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Unwind tables say what readelf (binutils) reads from the same files, row by row.

usage: readelf_test.py UNWIND-DUMP [FILE...]
"""
import bisect
import collections
import glob
import os
import re
import shutil
import subprocess
import sys

RSP, RBP, CFA, OTHER = 1, 2, 3, 4
OTHERS = "r15 r14 r13 r12 - rbx r11 r10 r9 r8 rax rcx rdx rsi rdi".split()
ROOT, RSP_SAVED, EXACT = 1, 8, 16
Row = collections.namedtuple("Row", "pc cfa other cfa_offset cfa_add flags rip rsp rbp rbp_offset")


def table(dump, path):
    done = subprocess.run([dump, path], capture_output=True, text=True, check=True)
    return [Row(*map(int, line.split())) for line in done.stdout.splitlines()]


def readelf_rows(path):
    """Each row: its address, and the rules by column. What is a register's is written "r10 (r10)", two words."""
    process = subprocess.Popen(["readelf", "--debug-dump=frames-interp", path], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
    extent = columns = None
    for line in process.stdout:
        found = re.search(r" FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)", line)
        if found:
            extent, columns = (int(found[1], 16), int(found[2], 16)), None
        elif " CIE " in line:
            extent = None
        elif extent and line.split()[:1] == ["LOC"]:
            columns = line.split()
        elif extent and columns and re.match(r"[0-9a-f]{16} ", line):
            words = re.sub(r"(r\d+) \(\w+\)", r"\1", line).split()
            pc = int(words[0], 16)
            if extent[0] <= pc < extent[1]:
                yield pc, dict(zip(columns, words))
    process.wait()


def is_same(row, rules):
    """None: an expression, or a register that rules have not, of which readelf says no more."""
    cfa, rip, rbp, rsp = (rules.get(column, "u") for column in ("CFA", "ra", "rbp", "rsp"))
    register = re.match(r"\w+", cfa)[0]
    base = {"rsp": RSP, "rbp": RBP}.get(register, OTHER)
    if rip == "u" and base == OTHER:  # an entry that says nothing
        return None if row.cfa == 0 else False
    if rip == "u":
        return bool(row.flags & ROOT)
    if "exp" in (cfa, rip, rbp) or "vexp" in (cfa, rip, rbp):
        return None
    if not rip.startswith("c"):
        return None if row.cfa == 0 else False
    same = row.cfa == base and row.other == (OTHERS.index(register) if base == OTHER else 0)
    same = same and row.cfa_offset == int(cfa[len(register):]) and rip == f"c{row.rip:+}"
    same = same and row.flags & ~EXACT == (RSP_SAVED if rsp.startswith("c") else 0)
    if rsp.startswith("c"):
        same = same and rsp == f"c{row.rsp:+}"
    if rbp in ("u", "s"):
        return same and row.rbp == 0
    return same and row.rbp == CFA and rbp == f"c{row.rbp_offset:+}"


def check(dump, path):
    rows = table(dump, path)
    begins = [row.pc for row in rows]
    counts = collections.Counter()
    for pc, rules in readelf_rows(path):
        at = bisect.bisect_right(begins, pc) - 1
        same = at >= 0 and is_same(rows[at], rules)
        counts[same] += 1
        if same is False and counts[False] <= 5:
            print(f"{path}: at {pc:#x} readelf has {rules}, the table {rows[at]}")
    print(f"{path}: {counts[True]} rows are the same, {counts[False]} differ, {counts[None]} are not compared")
    return counts[True] > 20 and not counts[False] and counts[None] * 20 < counts[True]


def main():
    if not shutil.which("readelf"):
        print("skipped: no readelf here: apt install binutils")
        sys.exit(77)
    dump, *paths = sys.argv[1:]
    libraries = subprocess.run(["ldd", dump], capture_output=True, text=True, check=True).stdout
    paths += re.findall(r"(/\S*(?:libc|ld-linux-x86-64|libdw)\.so\.\d)", libraries)
    qemu = shutil.which("qemu-system-x86_64")
    paths += [qemu] if qemu else []
    paths += glob.glob("/usr/lib/x86_64-linux-gnu/libcrypto.so.3")  # assembly with frames in any register
    guests = os.environ.get("GUESTSCOPE_GUESTS") or os.path.expanduser("~/.local/share/guestscope/guests")
    paths += glob.glob(f"{guests}/osv/loader.elf")  # interrupts' frames, hand-written
    sys.exit(0 if all([check(dump, path) for path in paths]) else 1)


main()
