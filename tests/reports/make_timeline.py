#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Put a busy timeline into a store: make_timeline.py SCHEMA DIR [--intervals N] [--seed N].

The store is that of make_store.py --small; its first run that ended well gets N intervals over its lanes in place of its
few, the other runs a thousandth of them.
"""
import argparse
import os
import random
import sqlite3

import make_store

# state, detail, taken_by, mean length in ns, weight
KINDS = (("oncpu", "", None, 900_000, 50), ("irq", "timer", None, 4_000, 40), ("preempted", "kworker/0:2", "other", 60_000, 4),
         ("preempted", "CPU 1/TCG", "lane", 300_000, 2), ("blocked", "futex", None, 500_000, 6), ("wakeup", "", None, 9_000, 6),
         ("kernel", "page fault", None, 3_000, 10))


def block(rng, wall, n):
    """@n intervals that fill @wall, and a list of them as (id, cpu, ns)."""
    picked = rng.choices(range(len(KINDS)), [k[4] for k in KINDS], k=n)
    lengths = [rng.expovariate(1 / KINDS[i][3]) + 1 for i in picked]
    scale = wall / sum(lengths)
    whole = [max(1, int(x * scale)) for x in lengths]
    widest = max(range(n), key=whole.__getitem__)
    whole[widest] += wall - sum(whole)
    data, cpu, items = bytearray(), None, []
    for i, ns in zip(picked, whole):
        here = 0 if rng.random() < 0.999 else 1
        data += make_store.leb128(4 * i, ns) if here == cpu else make_store.leb128(4 * i + 1, here, ns)
        cpu = here
        items.append((i, here, ns))
    return bytes(data), items


def fill(db, run, n, seed):
    """Give @run a timeline of @n intervals. Returns {lane: [(begin_ns, id, cpu, ns)]}."""
    rng = random.Random(seed)
    cores, = db.execute("SELECT cores FROM run WHERE id = ?", (run,)).fetchone()
    phases = db.execute("SELECT name, start_ns, end_ns FROM phase WHERE run = ? ORDER BY start_ns", (run,)).fetchall()
    whole = sum(p[2] - p[1] for p in phases)
    db.execute("DELETE FROM timeline WHERE run = ?", (run,))
    db.execute("DELETE FROM timeline_detail WHERE run = ?", (run,))
    db.executemany("INSERT INTO timeline_detail VALUES (?, ?, ?, ?, ?)",
                   [(run, i, *kind[:3]) for i, kind in enumerate(KINDS)])
    lanes = {}
    for lane in range(cores):
        lanes[lane] = []
        for name, start, end in phases:
            share = max(1, int(n / cores * (end - start) / whole))
            if end - start < 2 * share:
                share = 1
            data, items = block(rng, end - start, share)
            db.execute("INSERT INTO timeline VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0, ?)",
                       (run, name, lane, start, end, share, data))
            for i, cpu, ns in items:
                lanes[lane].append((start, i, cpu, ns))
                start += ns
    return lanes


def fill_samples(db, run, seed):
    """Give the samples of @run instants, at random within their phases. Returns [(time_ns, lane, number)]."""
    rng = random.Random(seed)
    phases = {name: (start, end) for name, start, end in
              db.execute("SELECT name, start_ns, end_ns FROM phase WHERE run = ?", (run,))}
    rows = db.execute("SELECT rowid, phase, lane, count FROM sample WHERE run = ? ORDER BY rowid", (run,)).fetchall()
    found = []
    for number, (rowid, phase, lane, count) in enumerate(rows):
        db.execute("UPDATE sample SET number = ? WHERE rowid = ?", (number, rowid))
        found += [(rng.randrange(*phases[phase]), lane, number) for _ in range(count)]
    db.execute("DELETE FROM sample_time WHERE run = ?", (run,))
    found.sort()
    for lane in sorted({f[1] for f in found}):
        mine = [f for f in found if f[1] == lane]
        for i in range(3, len(mine), 50):  # what a CPU has sent first may be there second
            mine[i - 1], mine[i] = mine[i], mine[i - 1]
        for begin in range(0, len(mine), 5000):
            part, data, last = mine[begin:begin + 5000], bytearray(), mine[begin][0]
            for t, _, number in part:
                later, last = t - last, t
                data += make_store.leb128(2 * later if later >= 0 else -2 * later - 1, number)
            db.execute("INSERT INTO sample_time VALUES (?, ?, ?, ?, ?)", (run, lane, part[0][0], len(part), bytes(data)))
    return found


def make(schema, directory, intervals, seed=1):
    make_store.make(schema, directory, seed=seed, small=True)
    db = sqlite3.connect(os.path.join(directory, "experiment.db"))
    runs = [r for r, in db.execute("SELECT id FROM run WHERE status = 'ok' ORDER BY guest <> 'native', cores DESC, runtime_ns")]
    for i, run in enumerate(runs):
        fill(db, run, intervals if i == 1 else max(20, intervals // 1000), seed + run)
        fill_samples(db, run, seed + run)
    db.commit()
    db.close()
    return runs[1]  # the median of three, so it is shown first


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("schema")
    parser.add_argument("directory")
    parser.add_argument("--intervals", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print("run", make(args.schema, args.directory, args.intervals, args.seed))
