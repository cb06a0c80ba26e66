#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The collector in the lab, by hand: collect.py [--build DIR] [--cpus N] FOLDER NAME=OPTIONS [-- WORDS...]

Boots the lab (see lab.py), a virtual machine in which KVM works, and runs the collector in it with --accel kvm
and OPTIONS, once for each NAME. WORDS go to the program that it measures; where "{}" is among them, NAME takes its
place. Each store comes back as FOLDER/NAME/store, for `report FOLDER/NAME/store`. For instance

    tests/lab/collect.py results goroutine='--guest osv --cores 1,2' thread='--guest osv --cores 1,2' -- -schedule {}

Needs what the tests of the lab need, but no privileges. Times are those of an emulated machine: shares may be
compared, seconds mean nothing."""
import argparse
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True
import lab  # pylint: disable=wrong-import-position

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = {"collector/collector": "collector", "workload/mandelbrot": "mandelbrot", "tests/guests/image_tool": "image_tool",
            "guests/bare/bare.elf": "bare"}


def main():
    own, words = sys.argv[1:], []
    if "--" in own:
        own, words = own[:own.index("--")], own[own.index("--") + 1:]
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0], usage=__doc__.split(": ", 1)[1].split("\n")[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="meson's build folder (build)")
    parser.add_argument("--cpus", type=int, default=2, help="of the lab (2)")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("cells", nargs="+", metavar="NAME=OPTIONS")
    args = parser.parse_args(own)
    lab.need_everything()
    tools = {name: str((args.build / path).resolve()) for path, name in PROGRAMS.items()}
    for path in tools.values():
        if not os.path.exists(path):
            parser.error(f"no {path}; build first, or name the folder with --build")
    cells = {}
    for cell in args.cells:
        name, equals, options = cell.partition("=")
        if not equals or not name.isidentifier():
            parser.error(f"'{cell}' is not NAME=OPTIONS")
        if (args.folder / name).exists():
            parser.error(f"{args.folder / name} is there already")
        cells[name] = lab.collect(f"--accel kvm {options}", " ".join(words).replace("{}", name))
    args.folder.mkdir(parents=True, exist_ok=True)
    lab.run(str(args.folder), cells, [tools["collector"], tools["mandelbrot"]],
            {**lab.bare_files(tools["bare"]), **lab.osv_files()}, tools["image_tool"], lab.Machine(cpus=args.cpus))
    for name in cells:
        print(f"{name}: exit status {(args.folder / name / 'status').read_text().strip()}, {args.folder / name / 'store'}")


if __name__ == "__main__":
    main()
