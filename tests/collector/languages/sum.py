#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that compute parts of one number: sum.py PARTS STEPS PROCESSES. The test knows what comes out."""
import multiprocessing
import sys

STEPS = int(sys.argv[2])


def part(x):
    for _ in range(STEPS):
        x = (x * 1664525 + 1013904223) & 0xFFFFFFFF
    return x


if __name__ == "__main__":
    with multiprocessing.Pool(int(sys.argv[3])) as pool:
        total = sum(pool.map(part, range(int(sys.argv[1]))))
    print("at once", sys.argv[3])
    print("result", total & 0xFFFFFFFF)
