# SPDX-License-Identifier: GPL-2.0-or-later
"""Stacks of guests under KVM: of bare, which burns known shares of its time in known functions, and of unchanged
kernels. kvm_test.py runs these tests."""
import lab

OSV = lab.find_osv()
KVM = "--accel kvm --repeat 1 "
SHARES = {"alpha": 50, "beta": 30, "gamma": 15, "delta": 5}
BURN = "-seconds 4 -burn " + ",".join(f"{name}={share}" for name, share in SHARES.items())

CELLS = {
    "bare": lab.collect(KVM + "--guest bare --cores 1", BURN),
    "bare_two": lab.collect(KVM + "--guest bare --cores 2", BURN),
}
# What is looked at: the books' guests too.
SEEN = [*CELLS, "linux"] + (["osv"] if OSV else [])

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


class KvmStacks(lab.Test):
    def leaves(self, name):
        return self.stores[name].all(LEAVES)

    def ends(self, name):
        return {r["why"]: r["samples"] for r in self.stores[name].all("SELECT * FROM guest_stack_end")}

    def test_burnt_shares_are_recovered(self):
        for name in ("bare", "bare_two"):
            leaves = {r["symbol"]: r["n"] for r in self.leaves(name)}
            whole = sum(leaves.get(f, 0) for f in SHARES)
            self.assertGreater(whole, 500, leaves)
            for function, share in SHARES.items():
                self.assertAlmostEqual(100 * leaves.get(function, 0) / whole, share, delta=3, msg=str(leaves))

    def test_no_run_says_that_it_has_no_stacks(self):
        for name in SEEN:
            self.assertNotIn("no stacks of the guest", self.stores[name].said)

    def test_stacks_of_bare_reach_their_root(self):
        for name in ("bare", "bare_two"):
            ends = self.ends(name)
            self.assertGreater(ends["root"] / sum(ends.values()), 0.99, ends)

    def test_most_innermost_frames_are_known(self):
        for name in SEEN:
            leaves = self.leaves(name)
            known = sum(r["n"] for r in leaves if r["module"])
            self.assertGreater(known / sum(r["n"] for r in leaves), 0.95, [tuple(r) for r in leaves[:10]])

    def test_the_program_is_under_its_guests_threads(self):
        for name in set(SEEN) - {"bare", "bare_two"}:
            pairs = {(r["callee"], r["caller"]) for r in self.stores[name].all(CALLERS)}
            self.assertIn(("fractal_row", "render_row"), pairs)
            self.assertIn(("worker_do", "goroutine_step"), pairs)

    def test_time_in_the_guest_is_split_by_subsystem(self):
        for name in SEEN:
            rows = self.stores[name].all(
                "SELECT detail, sum(ns) AS ns, max(exact) AS exact FROM account WHERE state = 'guest' AND lane >= 0"
                " AND phase <> 'boot' GROUP BY 1")
            shares = {r["detail"]: r["ns"] for r in rows}
            self.assertGreater(shares.get("application", 0) / sum(shares.values()), 0.5, shares)
