#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the build in a chroot can do: measure.py BUILD ROW

Loads the probes, measures native, bare with known shares and linux-minimal, and writes a row of the matrix's table
into the file ROW: compiler, libbpf, QEMU, build, probes, books, shares, linux. Exit status 1 if something is wrong."""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../collector/lib"))
import harness  # noqa: E402

PICTURE = ("-width", "120", "-height", "60")
SHARES = {"alpha": 60, "beta": 25, "gamma": 15}  # percent
POINTS = 3  # of a hundred: more than four standard errors of the samples that are asked for
SAMPLES = 4000
TRIES = 3
EMULATED = ("--accel", "tcg")
# What the doctor says of a machine that has no KVM: nothing was refused there.
NO_KVM = "not tried: there is no /dev/kvm"
TWICE = ("--cores", "2", "--repeat", "2")
BURN = ("-seconds", "4", "-burn", ",".join(f"{name}={share}" for name, share in SHARES.items()), "-depth", "5")
# Where a leaf is inlined, the function around it is the one that was asked for.
FUNCTIONS = """
WITH RECURSIVE up(id, count, stack, depth) AS (
    SELECT rowid, count, stack, 0 FROM sample WHERE kind = 'oncpu' AND lane >= 0 AND phase <> 'boot'
        AND stack IS NOT NULL
    UNION ALL SELECT up.id, count, parent, depth + 1 FROM up JOIN stack ON stack.id = up.stack
        JOIN frame ON frame.id = stack.frame WHERE parent IS NOT NULL AND inlined)
SELECT frame.symbol AS symbol, sum(up.count) AS n FROM up JOIN stack ON stack.id = up.stack
JOIN frame ON frame.id = stack.frame WHERE NOT inlined GROUP BY 1"""


def said(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class Matrix:
    def __init__(self, build):
        self.collector = os.path.join(build, "collector/collector")
        self.results = os.path.join(build, "matrix-results")
        self.problems = []
        self.cells = []

    def cell(self, text, problem=None):
        self.cells.append(text)
        if problem:
            self.problems.append(problem)

    def versions(self):
        version = said(self.collector, "--version")
        compiler = said("gcc", "-dumpversion").strip()
        clang = re.search(r"clang [\d.]+", version)[0]
        self.cell(f"gcc {compiler} {clang}")
        self.cell(re.search(r"libbpf v?([\d.]+)", version)[1])
        self.cell(re.search(r"version ([\d.]+)", said("qemu-system-x86_64", "--version"))[1])
        self.cell("ok")

    def run(self, guest, *arguments, workload):
        """The store of an experiment, or None with the problem told. On a crowded machine a guest's kernel may take
        itself for hung, which says nothing of the release: tried again."""
        for attempt in range(TRIES):
            folder = f"{self.results}-{guest}-{attempt}"
            command = [self.collector, "--guest", guest, "--warmup", "0", "--output", folder, *arguments, "--", *workload]
            print("+", *command, flush=True)
            done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False, timeout=600)
            if done.returncode == 0:
                return harness.Store(folder)
            if done.returncode != 1:
                break
        self.problems.append(f"{guest}: status {done.returncode}")
        return None

    def books(self, store):
        """How many runs closed their books, of how many."""
        runs = store.runs() if store else []
        closed = [r for r in runs if r["status"] == "ok" and r["closed"]]
        if not runs or len(closed) < len(runs):
            self.problems.append(f"{len(closed)} of {len(runs)} books closed")
        return f"{len(closed)}/{len(runs)}"

    def probes(self):
        done = subprocess.run([self.collector, "--doctor"], capture_output=True, text=True, check=False)
        print(done.stdout, done.stderr, flush=True)
        refused = [line for line in done.stdout.splitlines() if re.match(r"(missing|limited) +probes", line)
                   and not line.endswith(NO_KVM)]
        if done.returncode != 0 or refused:
            self.cell("refused", (refused or done.stdout.splitlines())[-1])
        else:
            self.cell("loaded")

    def shares(self):
        store = self.run("bare", *EMULATED, *TWICE, "--frequency", "999", workload=BURN)
        if not store:
            return self.cell("-")
        with store:
            found = {r["symbol"]: r["n"] for r in store.rows(FUNCTIONS)}
        whole = sum(found.get(name, 0) for name in SHARES)
        ours = {name: 100 * found.get(name, 0) / max(whole, 1) for name in SHARES}
        self.cell("/".join(f"{share:.1f}" for share in ours.values()))
        if whole < SAMPLES / 2:
            self.problems.append(f"bare: only {whole} samples of the functions: {found}")
        for name, share in SHARES.items():
            if abs(ours[name] - share) > POINTS:
                self.problems.append(f"bare: {name} {ours[name]:.1f} % in place of {share} %")
        return None

    def all(self):
        self.versions()
        self.probes()
        native = self.run("native", *TWICE, workload=PICTURE)
        self.cell(self.books(native))
        self.shares()
        linux = self.run("linux-minimal", *EMULATED, "--cores", "1", "--repeat", "1", workload=PICTURE)
        self.cell(self.books(linux))


def main(build, row):
    matrix = Matrix(build)
    try:
        matrix.all()
    except (OSError, subprocess.SubprocessError, TypeError) as problem:
        matrix.problems.append(str(problem))
    widths = (24, 7, 9, 9, 7, 9, 15, 5)
    with open(row, "w", encoding="utf-8") as f:
        f.write(" ".join(f"{text:<{width}}" for text, width in zip(matrix.cells, widths)).rstrip() + "\n")
    for problem in matrix.problems:
        print(f"matrix: {problem}")
    return 1 if matrix.problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
