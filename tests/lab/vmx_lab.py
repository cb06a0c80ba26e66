#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""KVM on Intel's VMX, by hand: vmx_lab.py [--build DIR] [--osv] [--keep FOLDER] [-v] [TEST...]

Boots the lab on Bochs (see bochs.py), runs the collector there with --accel kvm, and looks at the stores that come
back. Two to ten minutes. Exit status 77 where something that the lab is built of is missing."""
import argparse
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
import bochs  # pylint: disable=wrong-import-position
import lab  # pylint: disable=wrong-import-position
from collect import PROGRAMS, ROOT  # pylint: disable=wrong-import-position

SHARES = {"alpha": 60, "beta": 25, "gamma": 15}
DEPTH = 4
DIRECTIONS = ("north", "east", "south", "west")
BURN = f"-seconds 4 -depth {DEPTH} -burn " + ",".join(f"{name}={share}" for name, share in SHARES.items())
KVM = "--accel kvm --repeat 1 --cores 1 --frequency 499 --guest "
PICTURE = "-width 96 -height 64 -smoothness 1 -iteration 500"

STACKS = "SELECT stack, count FROM sample WHERE kind = 'oncpu' AND lane >= 0 AND phase = 'burn'"
# innermost first; the compiler's own inlining is no depth
FRAMES = """WITH RECURSIVE up(n, id) AS (SELECT 0, ? UNION ALL SELECT n + 1, parent FROM up JOIN stack ON stack.id = up.id WHERE parent)
SELECT f.symbol FROM up JOIN stack k ON k.id = up.id JOIN frame f ON f.id = k.frame WHERE f.side LIKE 'guest-%' AND NOT f.inlined
ORDER BY n"""


def cells(osv):
    """{name: script} for lab.run()."""
    found = {"bare": lab.collect(KVM + "bare", BURN, "uname -r; grep -m 1 model.name /proc/cpuinfo\n")}
    if osv and lab.find_osv():
        found["osv"] = lab.collect(KVM + "osv", PICTURE)
    return found


class Vmx(lab.Test):
    def stacks(self):
        """(frames, samples) of the functions that burn."""
        store = self.stores["bare"]
        found = [([r["symbol"] for r in store.all(FRAMES, row["stack"])], row["count"]) for row in store.all(STACKS)]
        return [(frames, count) for frames, count in found if frames and frames[0] in SHARES]

    def test_burnt_shares_are_recovered(self):
        found = {}
        for frames, count in self.stacks():
            found[frames[0]] = found.get(frames[0], 0) + count
        whole = sum(found.values())
        print({name: f"{100 * n / whole:.2f} %" for name, n in found.items()}, f"of {whole} samples")
        self.assertGreater(whole, 500)
        for name, share in SHARES.items():
            self.assertAlmostEqual(100 * found.get(name, 0) / whole, share, delta=3)

    def test_stacks_have_the_depth_that_was_asked_for(self):
        calls = [DIRECTIONS[i % len(DIRECTIONS)] for i in range(DEPTH - 1)][::-1]
        exact = sum(count for frames, count in self.stacks() if frames[1:] == [*calls, "burn_vcpu", "vcpu_root"])
        whole = sum(count for _, count in self.stacks())
        print(f"{exact} of {whole} stacks are exact")
        # RSP is not known: a function that has no frame yet misses its caller
        self.assertGreater(exact / whole, 0.99, self.stacks()[:5])

    def test_no_run_says_that_it_has_no_stacks(self):
        for store in self.stores.values():
            self.assertNotIn("no stacks of the guest", store.said)

    def test_stacks_reach_their_root(self):
        ends = {r["why"]: r["n"] for r in self.stores["bare"].all(
            "SELECT why, sum(samples) AS n FROM guest_stack_end GROUP BY 1")}
        print(ends)
        self.assertGreater(ends["root"] / sum(ends.values()), 0.99, ends)

    def test_books_close(self):
        for name, store in self.stores.items():
            run = store.all("SELECT * FROM run")[0]
            for row in store.all("SELECT * FROM audit"):
                off = row["books_ns"] - row["other_ns"]
                print(f"{name} {row['phase']} {row['what']}: off by {off / 1e6:.3f} ms of {row['other_ns'] / 1e6:.1f} ms")
            self.assertEqual((run["status"], run["closed"], run["lost_events"]), ("ok", 1, 0), store.said)

    def test_a_busy_vcpu_is_in_its_guest_and_leaves_it_for_reasons(self):
        states = {(r["state"], r["detail"]): r["ns"] for r in self.stores["bare"].all(
            "SELECT state, detail, sum(ns) AS ns FROM account WHERE lane >= 0 AND phase = 'burn' GROUP BY 1, 2")}
        guest = sum(ns for (state, _), ns in states.items() if state == "guest")
        print({" ".join(filter(None, key)): f"{ns / 1e6:.1f} ms" for key, ns in states.items()})
        self.assertGreater(guest / sum(states.values()), 0.5)
        self.assertGreater(states.get(("kernel", "exit external interrupt"), 0), 0)
        self.assertEqual([detail for _, detail in states if detail.startswith("exit 0x")], [])

    def test_threads_that_are_not_known_are_not_made_up(self):
        self.assertEqual(self.stores["bare"].all("SELECT * FROM guest_thread"), [])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0], usage=__doc__.split(": ", 1)[1].split("\n")[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="meson's build folder (build)")
    parser.add_argument("--osv", action="store_true", help="OSv too, where a kernel of it is found: takes long")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave everything in this new folder")
    args, tests = parser.parse_known_args()
    bochs.need_everything()
    tools = {name: str((args.build / path).resolve()) for path, name in PROGRAMS.items()}
    with tempfile.TemporaryDirectory(prefix="guestscope-vmx-") as folder:
        if args.keep:
            args.keep.mkdir()
            folder = str(args.keep.resolve())
        scripts = cells(args.osv)
        files = {**lab.bare_files(tools["bare"]), **(lab.osv_files() if "osv" in scripts else {})}
        lab.run(folder, scripts, [tools["collector"], tools["mandelbrot"]], files, tools["image_tool"], bochs.Bochs())
        Vmx.open_stores(folder, scripts)
        for store in Vmx.stores.values():
            print(store.said)
        done = unittest.main(argv=[sys.argv[0], *tests], exit=False)
    sys.exit(not done.result.wasSuccessful())


if __name__ == "__main__":
    main()
