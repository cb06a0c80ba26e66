#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stacks of guests under KVM: kvm_stacks_test.py COLLECTOR MANDELBROT IMAGE_TOOL BARE [-v] [TEST...]

Runs the collector in the lab (see lab.py) against unchanged guests and looks at the stores that come back.
The kernel bare burns known shares of its time in known functions, so there the truth is known.
Exit status 77 where something that the lab is built of is missing."""
import os
import sqlite3
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import lab  # pylint: disable=wrong-import-position

COLLECTOR, MANDELBROT, IMAGE_TOOL, BARE = (os.path.abspath(path) for path in sys.argv[1:5])
OSV = lab.find_osv()
PICTURE = "-width 200 -height 120 -smoothness 1 -iteration 2000"
SHARES = {"alpha": 50, "beta": 30, "gamma": 15, "delta": 5}
BURN = "-seconds 4 -burn " + ",".join(f"{name}={share}" for name, share in SHARES.items())

CELLS = {
    "bare": ("--guest bare --cores 1", BURN),
    "bare_two": ("--guest bare --cores 2", BURN),
    "linux": ("--guest linux-minimal --cores 1", PICTURE),
    "osv": ("--guest osv --cores 2", PICTURE),
}
if not OSV:
    del CELLS["osv"]

# Stacks without the inlined functions on top of them, and others by themselves.
WHOLE = """WITH RECURSIVE up(leaf, id) AS (
    SELECT id, id FROM stack
    UNION ALL SELECT leaf, parent FROM up JOIN stack ON stack.id = up.id JOIN frame f ON f.id = stack.frame WHERE f.inlined)
"""
# The innermost frame of each sample of a vCPU in its guest, outside of the boot.
LEAVES = WHOLE + """SELECT f.side, f.symbol, f.module, sum(s.count) AS n FROM sample s JOIN up ON up.leaf = s.stack JOIN stack k ON k.id = up.id
JOIN frame f ON f.id = k.frame WHERE NOT f.inlined AND s.kind = 'oncpu' AND s.lane >= 0 AND s.phase <> 'boot' AND f.side LIKE 'guest-%'
GROUP BY 1, 2, 3 ORDER BY n DESC"""
CALLERS = WHOLE + """SELECT f.symbol AS callee, g.symbol AS caller FROM stack k JOIN frame f ON f.id = k.frame
JOIN up ON up.leaf = k.parent JOIN stack p ON p.id = up.id JOIN frame g ON g.id = p.frame WHERE NOT g.inlined"""


class KvmStacks(unittest.TestCase):
    stores = {}

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="guestscope-lab-")
        cls.addClassCleanup(cls.temporary.cleanup)
        files = {"/guests/bare/bare.elf": BARE, **lab.osv_files()}
        folder = cls.temporary.name
        cells = {name: lab.collect("--accel kvm --repeat 1 " + options, words)
                 for name, (options, words) in CELLS.items()}
        lab.run(folder, cells, [COLLECTOR, MANDELBROT], files, IMAGE_TOOL)
        for name in CELLS:
            with open(os.path.join(folder, name, "said"), encoding="utf-8", errors="replace") as f:
                said = f.read()
            try:
                db = sqlite3.connect(f"file:{folder}/{name}/store/experiment.db?mode=ro", uri=True)
                db.row_factory = sqlite3.Row
                run = db.execute("SELECT status, error FROM run").fetchone()
            except sqlite3.Error as problem:
                raise AssertionError(f"{name} left no store: {problem}\n{said}") from problem
            if os.environ.get("GUESTSCOPE_KEEP"):
                os.system(f"cp -r {folder} {os.environ['GUESTSCOPE_KEEP']}")
            assert run and run["status"] == "ok", (name, run and run["error"], said)
            cls.stores[name] = db

    def leaves(self, name):
        return self.stores[name].execute(LEAVES).fetchall()

    def ends(self, name):
        return {r["why"]: r["samples"] for r in self.stores[name].execute("SELECT * FROM guest_stack_end")}

    def test_burnt_shares_are_recovered(self):
        for name in ("bare", "bare_two"):
            leaves = {r["symbol"]: r["n"] for r in self.leaves(name)}
            whole = sum(leaves.get(f, 0) for f in SHARES)
            self.assertGreater(whole, 500, leaves)
            for function, share in SHARES.items():
                self.assertAlmostEqual(100 * leaves.get(function, 0) / whole, share, delta=2, msg=str(leaves))

    def test_stacks_of_bare_reach_their_root(self):
        for name in ("bare", "bare_two"):
            ends = self.ends(name)
            self.assertGreater(ends["root"] / sum(ends.values()), 0.99, ends)

    def test_most_innermost_frames_are_known(self):
        for name in CELLS:
            leaves = self.leaves(name)
            known = sum(r["n"] for r in leaves if r["module"])
            self.assertGreater(known / sum(r["n"] for r in leaves), 0.95, [tuple(r) for r in leaves[:10]])

    def test_the_program_is_under_its_guests_threads(self):
        for name in set(CELLS) - {"bare", "bare_two"}:
            pairs = {(r["callee"], r["caller"]) for r in self.stores[name].execute(CALLERS)}
            self.assertIn(("fractal_row", "render_row"), pairs)
            self.assertIn(("worker_do", "goroutine_step"), pairs)

    def test_time_in_the_guest_is_split_by_subsystem(self):
        for name in CELLS:
            rows = self.stores[name].execute(
                "SELECT detail, sum(ns) AS ns, max(exact) AS exact FROM account WHERE state = 'guest' AND lane >= 0"
                " AND phase <> 'boot' GROUP BY 1").fetchall()
            shares = {r["detail"]: r["ns"] for r in rows}
            self.assertGreater(shares.get("application", 0) / sum(shares.values()), 0.5, shares)


if __name__ == "__main__":
    lab.need_everything()
    unittest.main(argv=[sys.argv[0], *sys.argv[5:]])
