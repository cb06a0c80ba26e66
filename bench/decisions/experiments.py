#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Real experiments for report gate: how often is it right on this machine?

experiments.py BUILD DIR aa FIRST N       measure N experiments of the same program, natively: DIR/aa-FIRST, ...
experiments.py BUILD DIR slower FIRST N   measure N of each build of slowed.c: as it is, and 1, 2 and 5 % longer
experiments.py BUILD DIR beside FIRST N   the same builds, and the first once more, as variants of one experiment: N such
experiments.py BUILD DIR tell             gate all pairs that are there, and count

Needs root. The machine should do nothing else; batches (FIRST N) let others have it in between. An A/A pair is two experiments
one after the other: (0, 1), (2, 3), ...; so is a base and what is held against it."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
RUNS = 8
MANDELBROT = ("-width", "100", "-height", "80", "-smoothness", "4")  # some 60 ms
PERMILLE = (0, 10, 20, 50)
BOUNDS = {0: "2%", 10: "0.5%", 20: "1%", 50: "2%"}  # of what is asked about a build that is so much slower


def measure(build, folder, name, *program):
    target = os.path.join(folder, name)
    if os.path.exists(target):
        return
    subprocess.run([os.path.join(build, "collector/collector"), "--guest", "native", "--cores", "1", "--repeat", str(RUNS),
                    "--timeline", "none", "--output", target, *program], stdout=subprocess.DEVNULL, check=True)


def measure_aa(build, folder, first, n):
    for i in range(first, first + n):
        measure(build, folder, f"aa-{i:03d}", "--", *MANDELBROT)


def make_builds(folder):
    for permille in PERMILLE:
        os.makedirs(f"{folder}/build-{permille}", exist_ok=True)
        subprocess.run(["cc", "-O1", "-g", "-fno-omit-frame-pointer", f"-DEXTRA_PERMILLE={permille}", "-o",
                        f"{folder}/build-{permille}/app", os.path.join(HERE, "slowed.c")], check=True)


def measure_slower(build, folder, first, n):
    make_builds(folder)
    for i in range(first, first + n):
        for permille in PERMILLE:
            measure(build, folder, f"slower-{i:03d}-{permille:02d}", "--program", f"{folder}/build-{permille}/app", "--", "20")


def measure_beside(build, folder, first, n):
    """The first build is there twice: base and again."""
    make_builds(folder)
    base = f"{folder}/build-0/app"
    variants = [("base", base), ("again", base), *((f"b{p}", f"{folder}/build-{p}/app") for p in PERMILLE[1:])]
    for i in range(first, first + n):
        measure(build, folder, f"beside-{i:03d}", "--program", base,
                *(word for name, program in variants for word in ("--variant", f"{name}=--program {program} --")), "--", "20")


def gate(build, a, b, bound, metric):
    done = subprocess.run([os.path.join(build, "reports/report"), "gate", "--json", a, b, "--slower", bound, "--metric",
                           metric], capture_output=True,
                          text=True, check=False)
    if done.returncode > 1:
        sys.exit(done.stderr)
    return json.loads(done.stdout)["comparisons"][0]


def spread(row):
    """How much the means of two experiments differ, in percent."""
    return 100 * (row["ratio"]["value"] - 1)


def tell_pairs(build, title, pairs, bound, metric):
    verdicts, off, named = {}, [], 0
    for a, b in pairs:
        row = gate(build, a, b, bound, metric)
        verdicts[row["verdict"]] = verdicts.get(row["verdict"], 0) + 1
        off.append(spread(row))
        named += row["verdict"] == "slower" and row["function"].get("name") == "hash_block"
    if not off:
        return
    off.sort()
    counts = ", ".join(f"{verdicts.get(v, 0)} {v}" for v in ("slower", "not slower", "undecided"))
    print(f"{title}, {metric}, bound {bound}, {len(off)} pairs: {counts}; hash_block named {named} times; difference of means in percent: "
          f"least {off[0]:.2f}, median {off[len(off) // 2]:.2f}, most {off[-1]:.2f}")


def tell(build, folder):
    have = sorted(os.listdir(folder))
    aa = [os.path.join(folder, n) for n in have if n.startswith("aa-")]
    for metric in ("runtime", "cpu"):
        for bound in ("1%", "2%", "5%"):
            tell_pairs(build, "A/A", list(zip(aa[::2], aa[1::2])), bound, metric)
        bases = [os.path.join(folder, n) for n in have if n.startswith("slower-") and n.endswith("-00")]
        for permille in PERMILLE[1:]:
            pairs = [(b, f"{b[:-2]}{permille:02d}") for b in bases if os.path.exists(f"{b[:-2]}{permille:02d}")]
            tell_pairs(build, f"{permille / 10:g} % slower", pairs, BOUNDS[permille], metric)
            tell_pairs(build, f"{permille / 10:g} % slower", pairs, "5%", metric)
        beside = [os.path.join(folder, n) for n in have if n.startswith("beside-")]
        for bound in ("1%", "2%", "5%"):
            tell_pairs(build, "A/A in one experiment", [(e + ":base", ":again") for e in beside], bound, metric)
        for permille in PERMILLE[1:]:
            tell_pairs(build, f"{permille / 10:g} % slower in one experiment", [(e + ":base", f":b{permille}") for e in beside],
                       BOUNDS[permille], metric)
    for metric in ("runtime", "cpu"):
        tell_history(build, folder, aa, metric)


def tell_history(build, folder, experiments, metric):
    """A history of experiments that are all the same."""
    for change in ("1%", "2%", "5%"):
        done = subprocess.run([os.path.join(build, "reports/report"), "history", "--json", "--force", "--change", change, "--metric",
                               metric, "-o", os.path.join(folder, "history"), *experiments], capture_output=True, text=True,
                              check=True)
        changes = json.loads(done.stdout)["history"][0]["changes"]
        print(f"history of {len(experiments)} that are the same, {metric}, changes of {change} or more: {len(changes)}")


def main():
    build, folder, what = sys.argv[1:4]
    if what == "tell":
        return tell(build, folder)
    os.makedirs(folder, exist_ok=True)
    {"aa": measure_aa, "slower": measure_slower, "beside": measure_beside}[what](build, folder, *map(int, sys.argv[4:6]))


if __name__ == "__main__":
    main()
