# SPDX-License-Identifier: GPL-2.0-or-later
"""Stacks of guests under KVM: of bare, which burns known shares of its time in known functions, and of unchanged
kernels. kvm_test.py runs these tests."""
import math

import lab

OSV = lab.find_osv()
KVM = "--accel kvm --repeat 1 "
SHARES = {"alpha": 50, "beta": 30, "gamma": 15, "delta": 5}
BURN = "-seconds 4 -burn " + ",".join(f"{name}={share}" for name, share in SHARES.items())

# Exits of known kinds and numbers, each kind from one function: alpha, then beta; gamma causes none.
PAGES, WRITES = 8000, 8000

CELLS = {
    "bare": lab.collect(KVM + "--guest bare --cores 2", BURN),
    "exits": lab.collect(KVM + "--guest bare --cores 1 --frequency 999",
                         f"-seconds 1 -burn gamma=1 -pages {PAGES} -msr-writes {WRITES}"),
}
CALIBRATED = ("bare",)
# What is looked at: the books' guests too.
SEEN = ["bare", "linux"] + (["osv"] if OSV else [])

# Stacks of samples that hit the guest itself, not the host at work for it; under emulation all that have frames of the guest.
IN_GUEST = """WITH RECURSIVE above(leaf, id) AS (
    SELECT id, id FROM stack
    UNION ALL SELECT leaf, parent FROM above JOIN stack ON stack.id = above.id WHERE parent IS NOT NULL),
in_guest(leaf) AS (SELECT leaf FROM above JOIN stack ON stack.id = above.id JOIN frame f ON f.id = stack.frame
    WHERE f.side = 'boundary' AND (f.symbol = '[guest mode]'
        OR NOT EXISTS (SELECT 1 FROM frame WHERE side = 'boundary' AND symbol = '[guest mode]')))
"""
# Stacks without the inlined functions on top of them, and others by themselves.
WHOLE = IN_GUEST + """, up(leaf, id) AS (
    SELECT id, id FROM stack
    UNION ALL SELECT leaf, parent FROM up JOIN stack ON stack.id = up.id JOIN frame f ON f.id = stack.frame WHERE f.inlined)
"""
# The innermost frame of each sample of a vCPU in its guest, outside of the boot.
LEAVES = WHOLE + """SELECT f.side, f.symbol, f.module, sum(s.count) AS n FROM sample s JOIN up ON up.leaf = s.stack JOIN stack k ON k.id = up.id
JOIN frame f ON f.id = k.frame WHERE NOT f.inlined AND s.kind = 'oncpu' AND s.lane >= 0 AND s.phase <> 'boot' AND f.side LIKE 'guest-%'
AND s.stack IN (SELECT leaf FROM in_guest)
GROUP BY 1, 2, 3 ORDER BY n DESC"""
CALLERS = WHOLE + """SELECT f.symbol AS callee, g.symbol AS caller FROM stack k JOIN frame f ON f.id = k.frame
JOIN up ON up.leaf = k.parent JOIN stack p ON p.id = up.id JOIN frame g ON g.id = p.frame WHERE NOT g.inlined"""


# The frames of a stack, innermost first.
FRAMES = """WITH RECURSIVE up(n, id) AS (SELECT 0, ? UNION ALL SELECT n + 1, parent FROM up JOIN stack ON stack.id = up.id WHERE parent)
SELECT f.side, f.symbol FROM up JOIN stack k ON k.id = up.id JOIN frame f ON f.id = k.frame WHERE NOT f.inlined ORDER BY n"""
# Functions of KVM's for exits of these kinds, whichever of them the compiler has left.
FAULTS = ("npf_interception", "kvm_mmu_page_fault", "kvm_tdp_page_fault", "direct_page_fault", "kvm_mmu_do_page_fault")
WRITING = ("msr_interception", "kvm_complete_insn_gp", "kvm_emulate_wrmsr", "svm_set_msr", "kvm_set_msr_common")


class KvmStacks(lab.Test):
    def leaves(self, name):
        return self.stores[name].all(LEAVES)

    def ends(self, name):
        return {r["why"]: r["n"] for r in self.stores[name].all(
            "SELECT why, sum(samples) AS n FROM guest_stack_end GROUP BY 1")}

    def test_burnt_shares_are_recovered(self):
        for name in CALIBRATED:
            leaves = {r["symbol"]: r["n"] for r in self.leaves(name)}
            whole = sum(leaves.get(f, 0) for f in SHARES)
            self.assertGreater(whole, 500, leaves)
            for function, share in SHARES.items():
                self.assertAlmostEqual(100 * leaves.get(function, 0) / whole, share, delta=3, msg=str(leaves))

    def causes(self, functions):
        """{guest's function: samples of the host, in one of these functions, at work for it}"""
        store, found = self.stores["exits"], {}
        for row in store.all("SELECT stack, sum(count) AS n FROM sample WHERE kind = 'oncpu' AND lane = 0 AND phase = 'burn'"
                             " GROUP BY 1"):
            frames = [(r["side"], r["symbol"]) for r in store.all(FRAMES, row["stack"])]
            if any(frame == ("kernel", name) for frame in frames for name in functions):
                cause = frames[0][1] if ("boundary", "[guest code]") in frames else None
                found[cause] = found.get(cause, 0) + row["n"]
        return found

    def test_exits_stand_on_the_functions_that_cause_them(self):
        for cause, functions in (("alpha", FAULTS), ("beta", WRITING)):
            found = self.causes(functions)
            print(f"{functions[0]} for {found}")
            # an interrupt that hits the host there is not for the guest
            self.assertLess(found.pop(None, 0), 5 + 0.05 * sum(found.values()), found)
            self.assertGreater(found.get(cause, 0), 3, found)
            # the calibrator's own start touches a page or two
            self.assertLess(sum(found.values()) - found[cause], 2 + 0.01 * found[cause], found)

    def test_exits_are_as_many_as_were_caused(self):
        counts = {r["detail"]: r["n"] for r in self.stores["exits"].all(
            "SELECT detail, sum(count) AS n FROM account WHERE phase = 'burn' AND lane = 0 GROUP BY 1")}
        # an interrupt makes two intervals of one exit
        for detail, caused in (("exit nested page fault", PAGES), ("exit MSR", WRITES)):
            self.assertGreaterEqual(counts[detail], caused, counts)
            self.assertLess(counts[detail], 1.5 * caused, counts)

    def graph(self, detail):
        """The graph of exits for a reason: {guest's function: [exits, ns]} without interrupts, and the time that taking the stacks took."""
        store, found, own = self.stores["exits"], {}, 0
        for row in store.all("SELECT stack, sum(weight_ns) AS ns, sum(count) AS n FROM sample WHERE kind = 'exits' AND lane = 0"
                             " AND phase = 'burn' GROUP BY 1"):
            frames = [(r["side"], r["symbol"]) for r in store.all(FRAMES, row["stack"])]
            if ("kernel", detail) not in frames:
                continue
            if ("kernel", "[guestscope]") in frames:
                own += row["ns"]
            if ("kernel", "[guestscope]") in frames or ("kernel", "[interrupts]") in frames:
                continue
            cause = frames[0][1] if frames[0][0].startswith("guest-") else None
            exits = found.setdefault(cause, [0, 0])
            exits[0] += row["n"]
            exits[1] += row["ns"]
        return found, own

    def test_the_graph_of_exits_has_them_on_their_functions_with_the_time_of_the_books(self):
        store = self.stores["exits"]
        books = {(r["state"], r["detail"]): r["ns"] for r in store.all(
            "SELECT state, detail, sum(ns) AS ns FROM account WHERE phase = 'burn' AND lane = 0 GROUP BY 1, 2")}
        others = sum(ns for (state, _), ns in books.items() if state in ("preempted", "wakeup"))
        for detail, cause, caused in (("exit nested page fault", "alpha", PAGES), ("exit MSR", "beta", WRITES)):
            found, own = self.graph(detail)
            (row,) = store.all("SELECT sum(stacks) AS stacks, sum(error_ns) AS error_ns FROM exit_sampling WHERE detail = ?", detail)
            whole, error = sum(ns for _, ns in found.values()) + own, 4 * row["error_ns"]
            by_books = books["kernel", detail]
            print(f"{detail}: {found}, of {row['stacks']} stacks; {whole / 1e6:.1f} ms ± {error / 1e6:.1f}, of which {own / 1e6:.1f} our own;"
                  f" books {by_books / 1e6:.1f} ms, waiting {others / 1e6:.1f}")
            # each stack that was taken stands for so many exits, by chance
            weight = found[cause][0] / row["stacks"]
            deviation = math.sqrt(row["stacks"] * weight * max(weight - 1, 0))
            self.assertAlmostEqual(found[cause][0], caused, delta=0.05 * caused + 5 * deviation)
            self.assertLess(sum(n for n, _ in found.values()) - found[cause][0], 0.001 * caused, found)
            # waiting for a CPU in the middle of an exit is in its time, and is of a state of its own
            self.assertGreater(whole, by_books - error - 0.02 * by_books)
            self.assertLess(whole, by_books + error + others + 0.02 * by_books)

    def test_no_run_says_that_it_has_no_stacks(self):
        for name in SEEN:
            self.assertNotIn("no stacks of the guest", self.stores[name].said)

    def test_stacks_of_bare_reach_their_root(self):
        for name in CALIBRATED:
            ends = self.ends(name)
            self.assertGreater(ends["root"] / sum(ends.values()), 0.99, ends)

    def test_most_innermost_frames_are_known(self):
        for name in SEEN:
            leaves = self.leaves(name)
            known = sum(r["n"] for r in leaves if r["module"])
            self.assertGreater(known / sum(r["n"] for r in leaves), 0.95, [tuple(r) for r in leaves[:10]])

    def test_the_program_is_under_its_guests_threads(self):
        for name in set(SEEN) - set(CALIBRATED):
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
