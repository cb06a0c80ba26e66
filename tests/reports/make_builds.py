#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stores of builds of one program, with a slow-down that is known: how much, in which state, in which function, in which step
of the boot. For test_gate.py and test_history.py.

By hand: make_builds.py SCHEMA DIR [SHARE]"""
import json
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_store  # noqa: E402

RUNTIME = 60_000_000
BOOT = 4_000_000
STATES = (("user", "", 0.90), ("kernel", "futex", 0.06), ("blocked", "futex", 0.04))
FUNCTIONS = (("parse_block", 0.5), ("hash_block", 0.3), ("emit", 0.2))
STEPS = (("process start", 0.6, "first code of program"), ("program", 0.4, "marker"))


class Build:
    """What one build of the program does. @slower: share of the run time that @state and @function take longer;
    @boot_slower: of the boot, in its step @step. @variants: pairs of a
    name and what is its @slower, all in one experiment."""

    def __init__(self, seed=1, runs=8, spread=0.01, slower=0.0, state="user", function="hash_block", boot_slower=0.0,
                 step="program", cores=(1,), guests=("native",), metrics=(), arguments=None, digest="aa", failed=(), drift=0.0, variants=()):
        self.__dict__.update(locals())

    def make(self, schema, directory):
        os.makedirs(directory, exist_ok=True)
        store = make_store.Store(schema, os.path.join(directory, "experiment.db"))
        rng = random.Random(self.seed)
        plan = {"arguments": self.arguments or ["work"], "files": {"program": self.digest}}
        for key, value in {"guestscope": "0.2.0", "scenario": "own", "plan": json.dumps(plan), "seed": self.seed,
                           "started_utc": "2026-01-02T03:00:00Z"}.items():
            store.insert("experiment", key=key, value=value)
        position = 0
        for repetition in range(self.runs):
            for guest in self.guests:
                for cores in self.cores:
                    for variant, slower in self.variants or (("", self.slower),):
                        self.slower = slower
                        self.add_run(store, rng, position, guest, cores, repetition, variant)
                        position += 1
        store.db.commit()
        store.db.close()
        return directory

    def add_run(self, store, rng, position, guest, cores, repetition, variant):
        failed = self.failed == "all" or (guest, cores, repetition) in self.failed
        start = 1_000_000_000_000 + position * 1_000_000_000
        base = int(RUNTIME / cores * rng.gauss(1 + self.drift * repetition, self.spread))
        extra = int(RUNTIME / cores * self.slower)
        boot_base = int(BOOT * rng.gauss(1, self.spread))
        boot_extra = int(BOOT * self.boot_slower)
        total, boot = base + extra, boot_base + boot_extra
        run = store.insert("run", guest=guest, cores=cores, scenario="own", repetition=repetition, position=position, accel="none",
                           status="failed" if failed else "ok", error="the program ended with status 1" if failed else None,
                           start_ns=start, end_ns=start + boot + total, boot_ns=boot, runtime_ns=None if failed else total,
                           lost_events=0, closed=None if failed else 1, audited=None if failed else 1, counted=1,
                           block=repetition + 1, variant=variant, split="sampled", frequency_hz=999)
        if failed:
            return
        at = start
        for place, ((name, _, source), ns) in enumerate(zip(STEPS, make_store.split_exactly(boot_base, [s[1] * 100 for s in STEPS]))):
            ns += boot_extra if name == self.step else 0
            store.insert("boot_step", run=run, position=place, name=name, start_ns=at, end_ns=at + ns, source=source)
            at += ns
        store.insert("phase", run=run, name="boot", start_ns=start, end_ns=at)
        store.insert("phase", run=run, name="run", start_ns=at, end_ns=at + total)
        for lane in range(cores):
            self.add_lane(store, run, lane, base, extra)
        store.db.execute("UPDATE run SET residual_ns = 0 WHERE id = ?", (run,))
        for name, value, wish in self.metrics:
            store.insert("metric", run=run, name=name, value=value * rng.gauss(1, self.spread), better=wish)

    def add_lane(self, store, run, lane, base, extra):
        times = make_store.split_exactly(base, [s[2] * 100 for s in STATES])
        for (state, detail, _), ns in zip(STATES, times):
            exact = state == "blocked"
            ns += extra if state == self.state else 0
            store.insert("account", run=run, phase="run", lane=lane, state=state, detail=detail, ns=ns, exact=int(exact),
                         samples=None if exact else ns // 100_000, count=5 if exact else None)
        on_cpu = times[0] + times[1]
        for (function, _), ns in zip(FUNCTIONS, make_store.split_exactly(on_cpu, [f[1] * 100 for f in FUNCTIONS])):
            ns += extra if function == self.function and self.state != "blocked" else 0
            stack = store.stack([("user", "work", "main"), ("user", "work", function)])
            store.insert("sample", run=run, phase="run", lane=lane, thread=f"worker/{lane}", kind="oncpu", stack=stack,
                         weight_ns=ns, count=max(1, ns // 10_000))
        off = times[2] + (extra if self.state == "blocked" else 0)
        stack = store.stack([("user", "work", "main"), ("user", "libc.so.6", "pthread_cond_wait"),
                             ("kernel", "[kernel]", "futex_wait_queue")])
        store.insert("sample", run=run, phase="run", lane=lane, thread=f"worker/{lane}", kind="offcpu", stack=stack, weight_ns=off,
                     count=5)


if __name__ == "__main__":
    Build(slower=float(sys.argv[3]) if len(sys.argv) > 3 else 0).make(*sys.argv[1:3])
