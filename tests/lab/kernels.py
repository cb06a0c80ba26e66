#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The collector on other kernels, by hand: kernels.py [--build DIR] [--keep FOLDER] DIR...

Boots the kernel of each DIR in the lab (see lab.py) and runs the collector there: its doctor, natively, with a program
that knows nothing of it, and with bare under KVM and under emulation. Then it takes away what a kernel can forbid (see forbidden.py). DIR is what guests/fetch-kernel --folder DIR
made. Prints a table, one row for each kernel and cell: the verdicts of the doctor, the books of each stack (closed, or what was said), the
shares of bare's three functions (60, 25 and 15 %), and what each prohibition led to. No privileges are needed."""
import argparse
import glob
import json
import os
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
import forbidden  # pylint: disable=wrong-import-position
import kvm_stacks  # pylint: disable=wrong-import-position
import lab  # pylint: disable=wrong-import-position

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = {"collector": "collector/collector", "mandelbrot": "workload/mandelbrot",
            "unmarked": "tests/collector/unmarked_program", "image_tool": "tests/guests/image_tool", "bare": "guests/bare/bare.elf"}
PICTURE = "-width 256 -height 192 -smoothness 2 -iteration 2000"
BURN = "-seconds 3 -burn alpha=60,beta=25,gamma=15"
RUN = "--repeat 1 --guest "
CELLS = {
    "doctor": forbidden.DOCTOR,
    "native": lab.collect(RUN + "native --cores 2", PICTURE),
    "unmarked": lab.collect(RUN + "native --cores 2 --program=/bin/unmarked_program", "three"),
    "kvm": lab.collect(RUN + "bare --cores 1 --accel kvm", BURN),
    "tcg": lab.collect(RUN + "bare --cores 1 --accel tcg", BURN),
    **forbidden.CELLS,
}
SHARES = ("alpha", "beta", "gamma")


def doctor(folder):
    """What is wrong with the probes, by the doctor."""
    checks = json.loads(forbidden.read(folder, "doctor.json"))["checks"]
    wrong = [f"{c['name']}: {c['finding']}" for c in checks
             if c["name"] in ("kernel", "BPF", "probes", "probes for KVM") and c["status"] != "ok"]
    return "; ".join(wrong) or "ok"


def books(folder):
    """How a run of one stack ended: its books, its shares, its warnings."""
    status = forbidden.read(folder, "status").strip()
    try:
        db = sqlite3.connect(f"file:{folder}/store/experiment.db?mode=ro", uri=True)
        runs = db.execute("SELECT status, error, residual_ns, closed FROM run").fetchall()
        leaves = {symbol: n for _, symbol, _, n in db.execute(kvm_stacks.LEAVES)}
        warnings = [text for (text,) in db.execute("SELECT DISTINCT text FROM warning")]
    except sqlite3.Error:
        runs, leaves, warnings = [], {}, []
    if not runs or runs[0][0] != "ok":
        return f"status {status}: {(runs and runs[0][1]) or ' '.join(forbidden.read(folder, 'said').split())[-700:]}"
    text = f"{sum(r[3] for r in runs)} of {len(runs)} closed, residual {sum(r[2] or 0 for r in runs)} ns"
    whole = sum(leaves.get(name, 0) for name in SHARES)
    if whole:
        text += ", " + "/".join(f"{100 * leaves.get(name, 0) / whole:.1f}" for name in SHARES) + f" of {whole}"
    probes = [w for w in warnings if any(word in w for word in ("verifier", "eBPF", "kptr", "samples:", "KVM's"))]
    return "; ".join([text, *probes])


def boot(folder, where, tools, cells, thread):
    modules = glob.glob(os.path.join(where, "modules-*"))[0]
    release = os.path.basename(modules)[len("modules-"):]
    machine = lab.Machine(kernel=os.path.join(where, "vmlinuz-" + release), modules=modules, thread=thread,
                          boot_seconds=90, silence_seconds=90)
    lab.run(folder, cells, [tools["collector"], tools["mandelbrot"], tools["unmarked"], forbidden.SETPRIV], lab.bare_files(tools["bare"]),
            tools["image_tool"], machine)
    return release


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="meson's build folder (build)")
    parser.add_argument("--keep", help="keep stores in this folder")
    parser.add_argument("--thread", default="single", choices=("single", "multi"), help="of QEMU's emulation (%(default)s)")
    parser.add_argument("--cells", default=",".join(CELLS), help="which of %(default)s")
    parser.add_argument("kernels", nargs="+", metavar="DIR")
    args = parser.parse_args()
    tools = {name: str((args.build / path).resolve()) for name, path in PROGRAMS.items()}
    cells = {name: script for name, script in CELLS.items() if name in args.cells.split(",")}
    for where in args.kernels:
        with tempfile.TemporaryDirectory(prefix="guestscope-kernels-") as folder:
            try:
                release = boot(folder, where, tools, cells, args.thread)
            except RuntimeError as problem:
                print(f"{where}: {problem}")
                continue
            for name in cells:
                own = os.path.join(folder, name)
                print(f"Linux {release:24} {name:12} {doctor(own) if name == 'doctor' else books(own)}", flush=True)
            if args.keep:
                shutil.copytree(folder, os.path.join(args.keep, release), dirs_exist_ok=True)


if __name__ == "__main__":
    main()
