# SPDX-License-Identifier: GPL-2.0-or-later
"""What something costs a program, by switching it on and off in turn while the program works.

The times of on and off, some hundredths or tenths of a second each, come in pairs, of which by chance the first or the
second is with it on. How fast the program was in each is told by its own progress. What is reported is the median of the
pairs' ratios, time of the same work with it on to off, and its 95 % interval (order statistics: it takes no
distribution for granted). Whole runs cannot tell a hundredth: two of the same kind differ by tens of percent where
others use the machine too.
"""
import bisect
import contextlib
import ctypes
import fcntl
import os
import random
import statistics
import struct
import sys
import time
from collections import namedtuple
from pathlib import Path

# How long a window is, at least and at most, and what passes between a switch and the window.
Timing = namedtuple("Timing", "least_s most_s settle_s")
TIMING = Timing(0.02, 0.04, 0.002)
# How much of a window whole rows have to cover.
ROWS_MIN_NS = 5000000
PAIRS_MIN = 20
RESAMPLINGS = 2000
SYS_PERF_EVENT_OPEN, SYS_PIDFD_OPEN, SYS_PIDFD_GETFD = 298, 434, 438
CPU_CLOCK, TASK_CLOCK = 0, 1
PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_DISABLE, PERF_EVENT_IOC_PERIOD = 0x2400, 0x2401, 0x40082404

# Of a program so far: steps of its work, and the CPU time that it took
Progress = namedtuple("Progress", "steps cpu_ns")
# Start and end in ns (CLOCK_MONOTONIC); whether it was on; the progress meanwhile
Window = namedtuple("Window", "start end on steps cpu_ns")
libc = ctypes.CDLL(None, use_errno=True)


def fail(message):
    sys.exit(f"bench/{Path(sys.argv[0]).name}: {message}")


# CPU time

class CpuTime:
    """Of a program and all that it starts: of a control group (version 2)."""

    def __init__(self, folder):
        self.folder = folder

    def joined(self, *command):
        """The command that runs @command in it."""
        return ["sh", "-c", 'echo 0 >"$0" && exec "$@"', f"{self.folder}/cgroup.procs", *command]

    def ns(self):
        return 1000 * int(Path(self.folder, "cpu.stat").read_text(encoding="utf-8").split()[1])


class CpuClocks:
    """CPU time of what runs, to the instant. Their own clocks would be as old as the last tick for threads on other CPUs."""

    def __init__(self, pids, without=None):
        threads = [task for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()]
        self.fds = [open_clock(TASK_CLOCK, int(task.name), -1) for task in threads
                    if (task / "comm").read_text(encoding="utf-8").strip() != without]

    def ns(self):
        return sum(int.from_bytes(os.read(fd, 8), sys.byteorder) for fd in self.fds)

    def close(self):
        close_all(self.fds)
        self.fds = []


def open_clock(which, thread, cpu, period_ns=0):
    """One of the kernel's software events, as a file descriptor."""
    software, exclude_idle = 1, 1 << 7
    attr = struct.pack("=IIQQQQQ80x", software, 128, which, period_ns, 0, 0, exclude_idle)
    fd = libc.syscall(SYS_PERF_EVENT_OPEN, attr, thread, cpu, -1, 0)
    if fd < 0:
        fail(f"cannot open a clock of perf: {os.strerror(ctypes.get_errno())}")
    return fd


@contextlib.contextmanager
def cpu_time():
    mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    found = [line.split()[1] for line in mounts if line.split()[2] == "cgroup2"]
    if not found:
        fail("no control groups of version 2 are mounted here, which tell CPU time")
    folder = Path(found[0], f"guestscope-bench-{os.getpid()}")
    folder.mkdir()
    try:
        yield CpuTime(folder)
    finally:
        for _ in range(100):  # the last processes may still be ending
            with contextlib.suppress(OSError):
                folder.rmdir()
                break
            time.sleep(0.05)


# What is switched

@contextlib.contextmanager
def sampling_clocks(frequency):
    """The software clock that the collector and perf sample by, on every CPU, without anybody who listens."""
    fds = [open_clock(CPU_CLOCK, -1, cpu, 1000000000 // frequency) for cpu in sorted(os.sched_getaffinity(0))]
    try:
        yield fds
    finally:
        close_all(fds)


def close_all(fds):
    for fd in fds:
        if fd >= 0:
            os.close(fd)


def is_sampler(fd, frequency):
    """Only an event that samples takes a period; it has this one already."""
    try:
        fcntl.ioctl(fd, PERF_EVENT_IOC_PERIOD, struct.pack("Q", 1000000000 // frequency))
        return True
    except OSError:
        return False


def borrow_events(pid, wanted=lambda fd: True):
    """The perf events of process @pid, as file descriptors of ours."""
    pidfd, found = libc.syscall(SYS_PIDFD_OPEN, pid, 0), []
    for entry in os.scandir(f"/proc/{pid}/fd") if pidfd >= 0 else ():
        with contextlib.suppress(OSError):
            if os.readlink(entry.path) == "anon_inode:[perf_event]":
                fd = libc.syscall(SYS_PIDFD_GETFD, pidfd, int(entry.name), 0)
                if fd >= 0 and wanted(fd):
                    found.append(fd)
                elif fd >= 0:
                    os.close(fd)
    if pidfd >= 0:
        os.close(pidfd)
    return found


def enable(fds, on):
    for fd in fds:
        with contextlib.suppress(OSError):
            fcntl.ioctl(fd, PERF_EVENT_IOC_ENABLE if on else PERF_EVENT_IOC_DISABLE, 0)


# Windows

@contextlib.contextmanager
def urgent():
    """Ours is the next turn whenever it comes, or windows last as long as others please."""
    os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(2))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def take_pairs(alive, turn, progress=lambda: Progress(0, 0), timing=TIMING):
    """As long as alive(): pairs of windows in which turn(True) and turn(False) held for certain."""
    pairs = []
    with urgent():
        while alive():
            pair, first = [], bool(random.getrandbits(1))
            for on in (first, not first):
                turn(on)
                time.sleep(timing.settle_s)
                start, before = time.clock_gettime_ns(time.CLOCK_MONOTONIC), progress()
                time.sleep(random.uniform(timing.least_s, timing.most_s))
                end, after = time.clock_gettime_ns(time.CLOCK_MONOTONIC), progress()
                pair.append(Window(start, end, on, after.steps - before.steps, after.cpu_ns - before.cpu_ns))
            pairs.append(pair)
    return pairs


# Ratios

def ratios(pairs, slowness):
    """Of each pair: with it on, to off. @slowness of a window may be None: nothing can be said of it."""
    found = []
    for pair in pairs:
        value = {window.on: slowness(window) for window in pair}
        if value[True] and value[False]:
            found.append(value[True] / value[False])
    return found


def by_steps(window):
    """What one step of the work took, in ns."""
    return (window.end - window.start) / window.steps if window.steps > 0 else None


def by_cpu_time(window):
    """What one step of the work took of CPU time, in ns."""
    return window.cpu_ns / window.steps if window.steps > 0 else None


def usual_rows(runs):
    """What each row of a picture takes: the median over the runs of its share in its run. Rows: (task, start, end)."""
    shares = {}
    for rows in runs:
        whole = sum(end - start for _, start, end in rows)
        for task, start, end in rows:
            shares.setdefault(task, []).append((end - start) / whole)
    return {task: statistics.median(values) for task, values in shares.items()}


def by_rows(rows, usual, margin_ns=0):
    """What the rows within a window took, to what they usually take; None: too little lies within. A row has to be
    @margin_ns away from a window's end, as far as the clock of the rows is uncertain."""
    rows = sorted(rows, key=lambda row: row[1])
    starts = [start for _, start, _ in rows]

    def slowness(window):
        took = work = 0
        for task, start, end in rows[bisect.bisect_left(starts, window.start + margin_ns):]:
            if start >= window.end:
                break
            if end <= window.end - margin_ns:
                took += end - start
                work += usual[task]
        return took / work if took >= ROWS_MIN_NS and work > 0 else None

    return slowness


def by_cpu_time_of_rows(rows, usual):
    """What the rows within a window, and the parts of rows, took of CPU time, to what they usually take."""
    rows = sorted(rows, key=lambda row: row[1])
    starts, longest = [start for _, start, _ in rows], max(end - start for _, start, end in rows)
    last = min(max(end for _, _, end in rows), max(starts))

    def slowness(window):
        work = 0
        for task, start, end in rows[bisect.bisect_left(starts, window.start - longest):]:
            if start >= window.end:
                break
            if end > start:
                within = min(end, window.end) - max(start, window.start)
                work += usual[task] * max(within, 0) / (end - start)
        inside = starts[0] <= window.start and window.end <= last
        return window.cpu_ns / work if inside and work > 0 and window.cpu_ns > 0 else None

    return slowness


def interval(values):
    """Of the median of sorted @values, 95 %: between two of them, by the normal approximation of their ranks."""
    half = 1.96 * len(values) ** 0.5 / 2
    return values[max(0, round(len(values) / 2 - half))], values[min(len(values) - 1, round(len(values) / 2 + half))]


def share_of_extra(ours, theirs):
    """(median of @ours - 1) / (median of @theirs - 1), and its 95 % interval by resampling both."""
    def share(a, b):
        extra = statistics.median(b) - 1
        return (statistics.median(a) - 1) / extra if extra > 0 else float("inf")

    rng = random.Random(1)
    found = sorted(share(rng.choices(ours, k=len(ours)), rng.choices(theirs, k=len(theirs))) for _ in range(RESAMPLINGS))
    return share(ours, theirs), (found[RESAMPLINGS // 40], found[-RESAMPLINGS // 40])


# Tables

def row(title, *values):
    print(f"{title:32}" + "".join(f"{value:>16}" for value in values))


def print_ratios(found):
    """@found: by name, sorted ratios."""
    for name, values in found.items():
        if len(values) < PAIRS_MIN:
            fail(f"{name}: only {len(values)} pairs of windows tell anything")
    row("", *found)
    row("time, on to off, median", *(f"{statistics.median(values):.4f}" for values in found.values()))
    for title, end in (("  95 % interval, from", 0), ("                 to", 1)):
        row(title, *(f"{interval(values)[end]:.4f}" for values in found.values()))
    row("pairs", *(len(values) for values in found.values()))


def judge(what, value, between, aim):
    """Print whether @value, which lies within @between, is at most @aim. False: it is not."""
    low, high = between
    word = "met" if high <= aim else "MISSED" if low > aim else "cannot be told"
    print(f"  {what}: {value:.4g} [{low:.4g}, {high:.4g}], aim at most {aim}: {word}")
    return low <= aim
