#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Make a realistic synthetic store: make_store.py SCHEMA DIR [--seed N] [--small].

Four stacks on one and two cores, three repetitions each. One run failed, one lost events, one does
not agree with the audit; some rows are split by samples; some symbols are hostile.
"""
import argparse
import json
import os
import random
import sqlite3

APPLICATION_ID = 0x67737063
GUESTS = {
    # guest: (accel, seconds of render on one core, boot seconds, share of each state)
    "native": ("none", 6.0, 0.004, {"user": 97.0, "kernel": 0.7, "irq": 0.4, "preempted": 1.2,
                                    "wakeup": 0.1, "blocked": 0.6}),
    "docker": ("none", 6.1, 0.62, {"user": 95.1, "kernel": 0.9, "irq": 0.5, "preempted": 1.6,
                                   "wakeup": 0.2, "blocked": 0.9, "throttled": 0.8}),
    "linux-minimal": ("tcg", 19.0, 4.1, {"guest": 78.0, "vmm": 12.0, "kernel": 2.0, "irq": 0.6,
                                         "preempted": 5.3, "wakeup": 0.4, "blocked": 1.7}),
    "osv": ("tcg", 21.0, 0.51, {"guest": 69.0, "vmm": 14.0, "kernel": 3.0, "irq": 0.7,
                                "preempted": 8.5, "wakeup": 0.9, "blocked": 3.9}),
}
DETAILS = {
    "guest": [("application", 88), ("scheduler", 5), ("timer", 4), ("memory", 3)],
    "user": [("", 1)],
    "vmm": [("cpu_exec", 40), ("helper_lookup_tb_ptr", 35), ("tb_gen_code", 15), ("tcg_optimize", 10)],
    "kernel": [("futex", 30), ("page fault", 30), ("write", 12), ("mmap", 10), ("clock_nanosleep", 8),
               ("read", 5), ("ppoll", 5)],
    "irq": [("local_timer", 60), ("softirq NET_RX", 20), ("virtio0-input.0", 15), ("softirq SCHED", 5)],
    "preempted": [("kworker/0:2", 40), ("sshd", 25), ("dockerd", 20), ("rcu_preempt", 10),
                  ("</td><script>alert(2)</script>", 5)],
    "wakeup": [("", 1)],
    "blocked": [("futex", 70), ("halt", 20), ("read", 10)],
    "throttled": [("cgroup quota", 1)],
}
SAMPLED = {"guest", "user", "vmm", "kernel"}
PHASES = (("setup", 0.01), ("render", 0.9), ("encode", 0.09))
HOSTILE = ("</script><script>alert(1)</script>", "std::vector<int>::operator[](unsigned long) const",
           "a;b c\"d'e&amp;", "<img src=x onerror=alert(3)>", "]]>", "\u202egnp.exe", "bell\a\x1b[31mred",
           "</title></svg><script>document.title='owned'</script>")


BOOT_STEPS = {
    "native": [("process start", 60, "first code of mandelbrot"), ("program", 40, "marker")],
    "docker": [("client", 8, "client wakes dockerd"), ("daemon", 30, "exec of containerd-shim"),
               ("monitor", 12, "exec of runc"), ("runtime create", 30, "end of runc"),
               ("start request", 5, "exec of runc"), ("runtime start", 10, "exec of mandelbrot"),
               ("program", 5, "marker")],
    "linux-minimal": [("process start", 1, "first code of QEMU"), ("QEMU set-up", 5, "first guest code"),
                      ("firmware", 4, "sample"), ("kernel", 80, "console"), ("init", 2, "console"),
                      ("program", 8, "marker")],
    "osv": [("process start", 8, "first code of QEMU"), ("QEMU set-up", 30, "first guest code"),
            ("firmware", 20, "sample"), ("kernel", 30, "console"), ("program", 12, "marker")],
}


class Store:
    def __init__(self, schema, path):
        self.db = sqlite3.connect(path)
        self.db.execute("PRAGMA journal_mode=WAL")
        with open(schema, encoding="utf-8") as f:
            self.db.executescript(f.read())
        self.db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        self.db.execute("PRAGMA user_version=3")
        self.frames = {}
        self.stacks = {}

    def insert(self, table, **columns):
        marks = ",".join("?" * len(columns))
        cursor = self.db.execute(f"INSERT INTO {table} ({','.join(columns)}) VALUES ({marks})",
                                 tuple(columns.values()))
        return cursor.lastrowid

    def frame(self, side, module, symbol, inlined=0):
        key = (side, module, symbol, inlined)
        if key not in self.frames:
            self.frames[key] = self.insert("frame", side=side, module=module, symbol=symbol, inlined=inlined)
        return self.frames[key]

    def stack(self, frames):
        parent = None
        for frame in frames:
            key = (parent, self.frame(*frame))
            if key not in self.stacks:
                self.stacks[key] = self.insert("stack", parent=parent, frame=key[1])
            parent = self.stacks[key]
        return parent


def split_exactly(total, shares):
    """Whole numbers in proportion to shares that add up to total."""
    whole = sum(shares)
    parts = [total * s // whole for s in shares] if isinstance(total, int) else None
    parts = [int(total * s / whole) for s in shares] if parts is None else [int(p) for p in parts]
    parts[0] += total - sum(parts)
    return parts


def host_stacks(rng, guest, kind):
    k = lambda s: ("kernel", "[kernel]", s)
    if kind == "offcpu":
        base = [("user", "mandelbrot", "worker_main"), ("user", "libc.so.6", "pthread_cond_wait")]
        if guest in ("osv", "linux-minimal"):
            base = [("user", "qemu-system-x86_64", "mttcg_cpu_thread_fn"),
                    ("user", "qemu-system-x86_64", "qemu_wait_io_event")]
        yield base + [k("entry_SYSCALL_64"), k("do_syscall_64"), k("do_futex"), k("futex_wait_queue"),
                      k("schedule")], 80
        yield base + [k("entry_SYSCALL_64"), k("do_syscall_64"), k("ksys_read"), k("pipe_read"), k("schedule")], 20
        return
    if guest in ("native", "docker"):
        u = lambda s: ("user", "mandelbrot", s)
        base = [u("start_thread"), u("worker_main")]
        for i, symbol in enumerate(HOSTILE):
            yield base + [u("task_run"), u(symbol)], 1 + i
        yield base + [u("task_run"), u("mandelbrot_row")], 600
        yield base + [u("task_run"), u("mandelbrot_row"), u("smooth_color")], 150
        yield base + [u("task_run"), u("mandelbrot_row"), u("smooth_color"), ("user", "libm.so.6", "log")], 90
        yield base + [u("queue_steal")], 9
        yield base + [u("png_encode"), ("user", "libpng16.so.16", "png_write_row"),
                      ("user", "libz.so.1", "deflate_slow")], 60
        yield base + [u("queue_steal"), k("entry_SYSCALL_64"), k("do_syscall_64"), k("do_futex")], 6
    else:
        q = lambda s: ("user", "qemu-system-x86_64", s)
        base = [q("mttcg_cpu_thread_fn"), q("tcg_cpus_exec"), q("cpu_exec")]
        gk = "kernel.elf" if guest == "osv" else "vmlinuz"
        g = lambda s: ("guest-user", "mandelbrot", s)
        n = lambda s: ("guest-kernel", gk, s)
        boundary = [("boundary", "guest", "[generated code]")]
        yield base + boundary + [g("worker_main"), g("task_run"), g("mandelbrot_row")], 520
        yield base + boundary + [g("worker_main"), g("task_run"), g("mandelbrot_row"), g("smooth_color")], 150
        yield base + boundary + [g("worker_main"), g("task_run"), g("mandelbrot_row"), g("advance") + (1,),
                                 g("escaped") + (1,)], 60
        for i, symbol in enumerate(HOSTILE):
            yield base + boundary + [g("worker_main"), g(symbol)], 1 + i
        sched = ["sched::thread::wait", "sched::cpu::schedule", "sched::cpu::reschedule_from_interrupt"]
        if guest != "osv":
            sched = ["entry_SYSCALL_64", "schedule", "pick_next_task_fair"]
        yield base + boundary + [g("worker_main"), g("park")] + [n(s) for s in sched], 30
        yield base + boundary + [n("interrupt_entry_common"), n("interrupt"), n("timer_fired")], 25
        yield base + [q("helper_lookup_tb_ptr")], 70
        yield base + [q("tb_gen_code"), q("tcg_gen_code"), q("tcg_optimize")], 40
        yield base + [k("asm_sysvec_apic_timer_interrupt"), k("hrtimer_interrupt")], 9
    for i in range(40):  # a bush of rare small frames
        yield base + [("user", "libc.so.6", f"rare_{rng.randrange(25)}"), ("user", "libc.so.6", f"leaf_{i}")], 0.3


def add_samples(store, rng, run, guest, lanes, phase, ns, kind):
    for lane in range(lanes):
        thread = f"CPU {lane}/TCG" if guest in ("osv", "linux-minimal") else f"worker/{lane}"
        stacks = list(host_stacks(rng, guest, kind))
        for part, (stack, _) in zip(split_exactly(ns, [w for _, w in stacks]), stacks):
            store.insert("sample", run=run, phase=phase, lane=lane, thread=thread, kind=kind,
                         stack=store.stack(stack), weight_ns=part, count=max(1, part // 1001001))
    if kind == "oncpu":
        store.insert("sample", run=run, phase=phase, lane=-1, thread="qemu main", kind=kind, stack=None,
                     weight_ns=3003003, count=3)


def add_books(store, rng, run, guest, cores, phase, wall):
    shares = dict(GUESTS[guest][3])
    for state in shares:
        shares[state] *= rng.uniform(0.9, 1.1)
    if phase == "encode" and cores > 1:
        shares["blocked"] += 100 * (cores - 1)
    if phase == "boot":
        shares["blocked"] += 20
    residual = 0
    for lane in range(cores):
        missing = rng.randrange(0, max(1, wall // 20000))
        residual += missing
        samples = max(1, int(wall / 1e9 * 999 * 0.9))
        for ns, state in zip(split_exactly(wall - missing, list(shares.values())), shares):
            details = DETAILS[state]
            for part, (detail, _) in zip(split_exactly(ns, [w for _, w in details]), details):
                exact = state not in SAMPLED
                store.insert("account", run=run, phase=phase, lane=lane, state=state, detail=detail, ns=part,
                             exact=int(exact), samples=None if exact else samples,
                             count=part // 20000 + 1 if exact else None)
        for what, scale in (("cpu_time", 0.9), ("run_delay", 0.05)):
            books = int(wall * scale)
            off = rng.randrange(-wall // 5000 - 1, wall // 5000 + 1)
            store.insert("audit", run=run, phase=phase, lane=lane, what=what, books_ns=books,
                         other_ns=books + off, bound_ns=wall // 1000 + 100000)
    for thread, ns in (("qemu main", wall // 200), ("containerd-shim", wall // 900)):
        store.insert("account", run=run, phase=phase, lane=-1, state="helper", detail=thread, ns=ns, exact=1)
    return residual


def leb128(*numbers):
    data = bytearray()
    for n in numbers:
        while n > 127:
            data.append(n & 127 | 128)
            n >>= 7
        data.append(n)
    return bytes(data)


def add_timeline(store, run, phase, lane, begin, wall):
    """On CPU 3, moved to 200, an interrupt, 1000 intervals merged, a gap, and blocked for what remains."""
    for i, (state, detail) in enumerate((("oncpu", ""), ("irq", "timer, \"local\""), ("blocked", "futex"))):
        store.db.execute("INSERT INTO timeline_detail SELECT ?, ?, ?, ?, NULL WHERE NOT EXISTS"
                         " (SELECT 1 FROM timeline_detail WHERE run = ? AND id = ?)", (run, i, state, detail, run, i))
    data = leb128(1, 3, 1000) + leb128(4 * 1, 300) + leb128(1, 200, 5) + leb128(4 * 2 + 2, 1000, 0, 70_000, 1, 20) \
        + leb128(3, 9) + leb128(4 * 2, wall - 71_334)
    store.insert("timeline", run=run, phase=phase, lane=lane, begin_ns=begin, end_ns=begin + wall, intervals=4, merged=1000,
                 merged_ns=70_020, lost_ns=9, data=data)


def add_boot(store, run, guest, start, boot_ns, joined):
    """One run's steps; @joined: its firmware could not be told from its kernel."""
    steps = BOOT_STEPS[guest]
    if joined:
        at = [s[0] for s in steps].index("firmware")
        steps = steps[:at] + [("firmware + kernel", steps[at][1] + steps[at + 1][1], "console")] + steps[at + 2:]
    at = start
    for position, (ns, (name, _, source)) in enumerate(zip(split_exactly(boot_ns, [s[1] for s in steps]), steps)):
        store.insert("boot_step", run=run, position=position, name=name, start_ns=at, end_ns=at + ns, source=source)
        at += ns


def add_run(store, rng, position, guest, cores, repetition, small):
    accel, render, boot, _ = GUESTS[guest]
    failed = (guest, cores, repetition) == ("osv", 2, 2)
    lossy = (guest, cores, repetition) == ("linux-minimal", 1, 1)
    unaudited = (guest, cores, repetition) == ("docker", 2, 0)
    seconds = render / cores ** 0.93 * rng.gauss(1, 0.02 if guest != "osv" else 0.06)
    start = 1_000_000_000_000 + position * 40_000_000_000
    boot_ns = int(boot * rng.gauss(1, 0.05) * 1e9)
    total = int(seconds * 1e9)
    argv = ["qemu-system-x86_64", "-accel", "tcg", "-smp", str(cores), "-append", f"/mandelbrot -cores {cores}"] \
        if accel == "tcg" else ["mandelbrot", "-cores", str(cores), "-file", "/tmp/it's.png"]
    run = store.insert("run", guest=guest, cores=cores, scenario="quick", repetition=repetition, position=position,
                       accel=accel, status="failed" if failed else "ok",
                       error="the guest printed a backtrace: page fault outside application, addr: 0x18" if failed else None,
                       start_ns=start, end_ns=start + boot_ns + total, boot_ns=boot_ns,
                       runtime_ns=None if failed else total, guest_runtime_ns=None if failed else total - 41_000,
                       lost_events=17 if lossy else 0, closed=None if failed else int(not lossy),
                       audited=None if failed else int(not unaudited),
                       start_utc=f"2026-01-02T03:{position:02d}:00Z", split="sampled", frequency_hz=999,
                       command=json.dumps(argv), raster_sha256=None if failed else "ab" * 32)
    if failed:
        return
    add_boot(store, run, guest, start, boot_ns, (guest, cores, repetition) == ("osv", 1, 2))
    walls = [("boot", boot_ns)] + list(zip([n for n, _ in PHASES], split_exactly(total, [s for _, s in PHASES])))
    at, residual = start, 0
    for name, wall in walls:
        store.insert("phase", run=run, name=name, start_ns=at, end_ns=at + wall)
        at += wall
        if name == "boot" and accel == "none":
            continue  # the workers are not there yet
        if guest == "osv" and name != "boot":
            add_guest_tasks(store, run, name, at - wall, wall, cores)
            add_guest_queues(store, run, name, at - wall, wall, cores)
        residual += add_books(store, rng, run, guest, cores, name, wall)
        for lane in range(cores):
            add_timeline(store, run, name, lane, at - wall, wall)
        if small and name != "render":
            continue
        add_samples(store, rng, run, guest, cores, name, wall * 9 // 10, "oncpu")
        add_samples(store, rng, run, guest, cores, name, wall // 10, "offcpu")
    store.db.execute("UPDATE run SET residual_ns=? WHERE id=?", (residual, run))
    if unaudited:
        store.db.execute("UPDATE audit SET other_ns=other_ns*5/4 WHERE run=? AND lane=0 AND what='cpu_time'"
                         " AND phase='render'", (run,))
        store.insert("warning", run=run, text="CPU 1 was busy with something else for 8 % of the run (noisy neighbour)")
    for lane in range(cores):
        for name, value in (("task-clock", total), ("context-switches", 120 + lane), ("page-faults", 900),
                            ("cycles", None), ("instructions", None), ("cache-misses", None)):
            store.insert("counter", run=run, lane=lane, name=name, value=value,
                         enabled_ns=total, running_ns=total // 2 if name == "page-faults" else total)
        store.insert("worker", run=run, worker=lane, cpu=lane, busy_ns=total * 9 // 10, tasks=50, steals=4, parks=2)


def add_guest_tasks(store, run, phase, at, wall, cores):
    """What the guest's scheduler counted: each worker switches 100 times a second, is preempted 50 times and moves 10 times."""
    for instant, time_ns in (("begin", at), ("end", at + wall)):
        since = time_ns - at
        tasks = [(2 + k, f"worker/{k}", k, 5_000 + since * 3 // 4, 7 + since // 10_000_000, 3 + since // 20_000_000,
                  since // 100_000_000) for k in range(cores)] + [(1, "idle0", 0, 900 + since // 4, 11, 0, 0)]
        if instant == "end":
            tasks.append((90, "young", 0, 1_000_000, 4, 2, 1))
        else:
            tasks.append((80, "old", 0, 2_000_000, 400, 200, 100))
        for number, name, cpu, cpu_ns, switches, preemptions, migrations in tasks:
            store.insert("guest_task", run=run, phase=phase, instant=instant, id=number, process=None, name=name, state="queued",
                         cpu=cpu, cpu_ns=cpu_ns, switches=switches, preemptions=preemptions, migrations=migrations, torn=0)
        for cpu in range(cores):
            store.insert("guest_cpu", run=run, phase=phase, instant=instant, cpu=cpu, queued=1, thread=2 + cpu, idle=0,
                         switches=None, torn=0, taken_ns=time_ns, read_ns=300_000)


def add_guest_queues(store, run, phase, at, wall, cores):
    """In each lane a thread waits for half of the time; 6 % of lane time are lost, all but a hundredth of it in the first slice; the
    host makes 3 % wait."""
    for lane in range(cores):
        for number, share in ((0, 0.99), (1, 0), (2, 0.01)):
            store.insert("guest_queue", run=run, phase=phase, lane=lane, begin_ns=at + number * wall // 3, slice_ns=wall // 3,
                         ticks=1000, queued=500, most=2, lost_ticks=int(180 * share), lost_ns=int(0.06 * share * wall),
                         lost_blocked_ns=int(0.03 * share * wall))
        store.insert("guest_stuck", run=run, phase=phase, lane=lane, ns=wall * 3 // 100, count=7)


def add_settings(store, seed):
    settings = {
        "command": json.dumps(["collector", "--guest", "native,docker,linux-minimal,osv", "--cores", "1,2",
                               "--repeat", "3", "--seed", str(seed)]),
        "guestscope": "0.1.0", "kernel": "Linux 6.18.0 #1 SMP x86_64", "cpu_model": "Synthetic CPU <i>5000</i> @ 3.00GHz",
        "hostname": "bench-01", "governor": json.dumps(["performance", "powersave"]), "smt_active": 1, "memory_bytes": 8375324672, "clocksource": "tsc", "seed": seed,
        "mitigations": "spectre_v2: Mitigation: Enhanced IBRS\nmeltdown: Not affected",
        "versions": json.dumps({"qemu": "7.2.13", "docker": "20.10.24", "libbpf": "1.1.2"}),
        "started_utc": "2026-01-02T03:00:00Z", "scenario": "quick",
        "topology_text": "Machine (7.8 GiB)\n  Package L#0\n    L3 (32 MiB)\n      Core L#0  PU L#0 (P#0)\n"
                         "      Core L#1  PU L#1 (P#1)",
        "topology": "<topology/>",
    }
    for key, value in settings.items():
        store.insert("experiment", key=key, value=value)
    for text in ("osv and linux-minimal ran under software emulation (TCG): absolute times say nothing about real hardware",
                 "SMT is on: two lanes may share a core", "governor of CPU 1 is powersave"):
        store.insert("warning", run=None, text=text)


def make(schema, directory, seed=1, small=False):
    os.makedirs(directory, exist_ok=True)
    rng = random.Random(seed)
    store = Store(schema, os.path.join(directory, "experiment.db"))
    add_settings(store, seed)
    cells = [(g, c, r) for g in GUESTS for c in (1, 2) for r in range(3)]
    rng.shuffle(cells)
    for position, (guest, cores, repetition) in enumerate(cells):
        add_run(store, rng, position, guest, cores, repetition, small)
    store.db.commit()
    store.db.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("schema")
    parser.add_argument("directory")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="samples of the render phase only")
    args = parser.parse_args()
    make(args.schema, args.directory, args.seed, args.small)
