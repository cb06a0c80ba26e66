#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the collector sees inside guests that nobody changed: stacks, functions, subsystems, threads.
Needs root and QEMU; OSv's kernel and a Linux kernel where they are asked for."""
import html
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

PICTURE = ("-width", "160", "-height", "50")
OFTEN = ("--frequency", "1999")
QEMU = "qemu-system-x86_64"
# As the collector starts it, but with the processor that emulation has by itself.
WRAPPER = """#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
exec {qemu} "${{@/max,la57=off/max}}"
"""
# What bare does with its page tables and frame pointers, and why chains of frames end there at times.
HOSTILE = {"loop": ("no frame pointer", "outside known text"), "range": ("outside of RAM",),
           "unmapped": ("page not present", "no frame pointer"), "switch": ()}

SHARES = {"alpha": 50, "beta": 30, "gamma": 15, "delta": 5}
# What the compiler puts into each of them: nearly all that they do.
BURNING = [[inlined, name] for inlined in ("spin", "read_tsc") for name in SHARES]
# Where the stacks of OSv's threads begin: the first one's, and all others'.
OSV_ROOTS = ("_start", "thread_main")

# Every sample of a lane outside of the boot, or in one phase, that has frames of the guest: these, innermost first.
STACKS = """
WITH RECURSIVE up(id, count, stack, depth) AS (
    SELECT rowid, count, stack, 0 FROM sample WHERE run = ?1 AND kind = 'oncpu' AND lane >= 0
        AND (phase = ?2 OR ?2 IS NULL AND phase <> 'boot') AND stack IS NOT NULL
    UNION ALL SELECT up.id, count, parent, depth + 1 FROM up JOIN stack ON stack.id = up.stack
        WHERE parent IS NOT NULL)
SELECT up.id, count, side, symbol, inlined FROM up JOIN stack ON stack.id = up.stack
JOIN frame ON frame.id = stack.frame ORDER BY up.id, depth"""


class Calls:
    """Which functions of an ELF file call others."""

    def __init__(self, elf):
        self.elf = elf
        self.known = {}
        names = subprocess.run(["nm", "--print-size", "--demangle", elf], capture_output=True, text=True, check=True)
        rows = (line.split(None, 3) for line in names.stdout.splitlines())
        self.places = {self.short(r[3]): (int(r[0], 16), int(r[1], 16)) for r in rows if len(r) == 4 and r[2] in "tTwW"}

    @staticmethod
    def short(symbol):
        return symbol.split("(")[0]

    def any_in(self, symbol):
        name = self.short(symbol)
        if name not in self.known and name in self.places:
            start, size = self.places[name]
            code = subprocess.run(["objdump", "--disassemble", "--no-show-raw-insn", f"--start-address={start}",
                                   f"--stop-address={start + size}", self.elf], capture_output=True, text=True, check=True)
            self.known[name] = "\tcall" in code.stdout
        return self.known.get(name, False)


class GuestStacks(harness.SystemTest):
    def setUp(self):
        super().setUp()
        harness.need_root()
        harness.need_program(QEMU, "qemu-system-x86")

    def measure(self, guest, *options, cores="2", workload=PICTURE, env=None):
        if not harness.guests_available(self.collector, guest):
            harness.skip(f"{guest} cannot run here: collector --doctor says why")
        done = self.collect("--guest", guest, "--cores", cores, "--accel", "tcg", "--repeat", "1",
                            *options, workload=workload, env=env, timeout=harness.PATIENCE)
        self.assertEqual(done.status, 0, done.stderr)
        return done.store()

    @staticmethod
    def ends(store):
        return {r["why"]: r["n"] for r in store.rows("SELECT why, sum(samples) AS n FROM guest_stack_end GROUP BY 1")}

    def stacks(self, store, at_least=200, inlined=False, phase=None):
        """[(count, [(side, symbol), ...])] of the samples that have frames of the guest."""
        found = {}
        for r in store.rows(STACKS, 1, phase):
            if r["inlined"] and not inlined:
                continue
            found.setdefault(r["id"], (r["count"], []))[1].append((r["side"], r["symbol"]))
        guest = [s for s in found.values() if s[1][0][0].startswith("guest-")]
        self.assertGreater(sum(n for n, _ in guest), at_least)
        return guest

    def share(self, stacks, condition):
        return sum(n for n, s in stacks if condition(s)) / sum(n for n, _ in stacks)

    def check_program(self, store, *thread_functions):
        stacks = self.stacks(store)
        known = self.share(stacks, lambda s: s[0][1] and not s[0][1].startswith("[unknown]"))
        self.assertGreater(known, 0.95)
        rendered = [s for s in stacks if s[1][0][1] == "fractal_row"]
        self.assertGreater(sum(n for n, _ in rendered), 100)
        for function in ("render_row", "worker_do", "goroutine_step"):
            self.assertGreater(self.share(rendered, lambda s: function in [f[1] for f in s]), 0.9, function)
        # Two workers: one of them is the main thread, the other a thread of its own, which on a crowded machine may
        # get little.
        self.assertGreater(self.share(rendered, lambda s: ("guest-user", "worker_main") in s
                                      and any(f[1] in thread_functions for f in s)), 0)
        self.assertGreater(self.share(rendered, lambda s: "boundary" in [f[0] for f in s]), 0.99)
        # The thread begins outside of the guest, whose code is called by it.
        self.assertGreater(self.share(rendered, lambda s: ("boundary", "[generated code]") in s and s[-1][0] == "user"), 0.9)
        ends = self.ends(store)
        self.assertGreater(ends["root"] / sum(ends.values()), 0.8, ends)
        lines = store.rows("SELECT DISTINCT file, line FROM frame WHERE symbol = 'fractal_row'")
        self.assertTrue(any((r["file"] or "").endswith("workload/fractal.c") and r["line"] > 0 for r in lines))

    def check_books(self, store):
        self.assert_measured(store)
        application = store.ns(1, "guest", "application")
        self.assertGreater(application, 0.5 * store.ns(1, "guest", phase="render"))
        self.assertGreater(store.ns(1, "guest", "scheduler"), 0)
        threads = store.rows("SELECT lane, max(samples) AS most, sum(samples) AS n FROM guest_thread"
                             " GROUP BY lane ORDER BY lane")
        self.assertEqual([r["lane"] for r in threads], [0, 1])
        (guest,) = {r["guest"] for r in store.runs()}
        drawn = harness.read_file(os.path.join(store.folder, "report", f"flamegraph-threads-{guest}-2.svg"))
        for r in store.rows("SELECT guest_name AS name, guest_thread AS fs FROM sample WHERE guest_thread IS NOT NULL AND"
                            " phase <> 'boot' GROUP BY 1, 2 HAVING sum(count) > 20"):
            title = html.escape(r["name"]) if r["name"] else f"guest thread {r['fs']:#x}"
            self.assertIn(f"<title>{title}\n", drawn)

    def assert_depth(self, stacks, depth):
        """In a function's first and last instructions another caller may be found."""
        exact = self.share(stacks, lambda s: len([f for f in s if f[0].startswith("guest-")]) == depth)
        self.assertGreaterEqual(exact, 0.99, stacks[:10])

    @harness.patiently
    def test_burnt_shares_and_depths_are_recovered(self):
        burn = ",".join(f"{name}={share}" for name, share in SHARES.items())
        for cores in ("1", "2"):
            with self.measure("bare", *OFTEN, cores=cores,
                              workload=("-seconds", "3", "-burn", burn, "-depth", "7")) as store:
                stacks = [(n, s) for n, s in self.stacks(store) if s[0][1] in SHARES]
                whole = sum(n for n, _ in stacks)
                self.assertGreater(whole, 1000)
                for name, share in SHARES.items():
                    found = 100 * sum(n for n, s in stacks if s[0][1] == name) / whole
                    self.assertAlmostEqual(found, share, delta=2, msg=name)
                self.assert_depth(stacks, 7 + 2)  # and burn_vcpu, vcpu_root
                burning = self.share(self.stacks(store, inlined=True), lambda s: [f[1] for f in s[:2]] in BURNING)
                self.assertGreater(burning, 0.98 * whole / sum(n for n, _ in self.stacks(store)))
                ends = self.ends(store)
                self.assertGreaterEqual(ends["root"] / sum(ends.values()), 0.99, ends)

    def test_kernel_stacks_of_osv_reach_a_root_outside_of_leaf_functions(self):
        """Looked at where OSv is called by code that has frame pointers, as the program itself has: Debian's hwloc and
        libpng have none, and past them nothing can follow. A leaf function need not keep RBP as a frame pointer."""
        harness.need_program("objdump", "binutils")
        with self.measure("osv", workload=("-width", "512", "-height", "480", "-smoothness", "2", "-iteration", "300",
                                           "-schedule", "thread", "-pin", "none")) as store:
            calls = Calls(harness.osv_symbols())
            checked = [(n, [f for f in s if f[0].startswith("guest-")]) for n, s in self.stacks(store, phase="render")
                       if s[0][0] == "guest-kernel" and calls.any_in(s[0][1])]
            self.assertGreater(sum(n for n, _ in checked), 100)
            whole = self.share(checked, lambda s: s[-1][1] in OSV_ROOTS)
            self.assertGreaterEqual(whole, 0.95, [s for _, s in checked if s[-1][1] not in OSV_ROOTS][:10])

    def test_osv_is_seen_into(self):
        with self.measure("osv") as store:
            self.check_program(store, "thread_main_c")
            self.assertFalse(any("another build" in w for w in store.warnings()), store.warnings())
            self.check_books(store)
            kernel = [s for s in self.stacks(store) if s[1][0][0] == "guest-kernel"]
            self.assertTrue(any(f[1].startswith("sched::") for _, s in kernel for f in s))
            self.assertTrue(store.rows("SELECT 1 FROM frame WHERE symbol LIKE 'sched::%' AND file LIKE '%core/sched.cc'"))
            inlined = {(r["symbol"], r["side"]) for r in store.rows("SELECT symbol, side FROM frame WHERE inlined AND file <> ''")}
            self.assertIn(("advance", "guest-user"), inlined)
            self.assertTrue(any(name.startswith("sched::") and side == "guest-kernel" for name, side in inlined), inlined)

    def test_nanos_is_seen_into_wherever_its_kernel_lies(self):
        """Threads of their own for all rows, so that there is something for its kernel to do."""
        with self.measure("nanos", workload=("-width", "256", "-height", "320", "-smoothness", "2", "-iteration", "300",
                                             "-schedule", "thread", "-pin", "none")) as store:
            stacks = self.stacks(store, phase="render")
            self.assertGreater(self.share(stacks, lambda s: s[0][1] and not s[0][1].startswith("[unknown]")), 0.9)
            rendered = [s for s in stacks if s[1][0][1] == "fractal_row"]
            self.assertGreater(self.share(rendered, lambda s: "render_row" in [f[1] for f in s]), 0.9)
            kernel = [(n, [f[1] for f in s if f[0] == "guest-kernel"]) for n, s in stacks if s[0][0] == "guest-kernel"]
            self.assertGreater(sum(n for n, _ in kernel), 20)
            self.assertGreater(self.share(kernel, lambda s: not s[0].startswith("[unknown]")), 0.95, kernel)
            self.assertTrue(any(name in ("runloop_internal", "syscall_handler") for _, s in kernel for name in s), kernel)
            self.assertGreater(store.ns(1, "guest", "application"), 0)
            self.assertFalse([w for w in store.warnings() if "not found in its memory" in w])

    def test_linux_is_seen_into_by_the_first_run_of_all_and_above_the_hole(self):
        """Without a cache of tables. With 5 GiB, all that the kernel likes to use lies above 4 GiB."""
        cache = os.path.join(self.work, "cache")
        os.mkdir(cache)
        with self.measure("linux-minimal", "--memory", "5G", env={"XDG_CACHE_HOME": cache}) as store:
            self.check_program(store, "start_thread")
            self.check_books(store)
            self.check_tables(store)
            names = {s[0][1] for _, s in self.stacks(store) if s[0][0] == "guest-kernel"}
            self.assertTrue(names & {"clear_page_erms", "read_hpet", "__schedule", "finish_task_switch",
                                     "finish_task_switch.isra.0", "copy_page", "native_apic_mem_write"}, names)
            # Firmware, and what unpacks the kernel, are no programs, as low as they lie.
            boot = self.stacks(store, 50, phase="boot")
            self.assertLess(self.share(boot, lambda s: s[0][0] == "guest-user" and s[0][1].startswith("[unknown]")), 0.05)

    def check_tables(self, store):
        """Whole stacks of QEMU, whose emulation may be a module that it loads itself, of what that makes, and of the guest."""
        ends = {r["why"]: r["n"] for r in store.rows("SELECT why, sum(samples) AS n FROM host_stack_end GROUP BY 1")}
        self.assertGreater(ends["root"] / sum(ends.values()), 0.95, ends)
        ways = {(r["side"], r["module"]): r["way"] for r in store.rows("SELECT * FROM stack_module ORDER BY frames")}
        for module, way in {("host", QEMU): ".eh_frame", ("host", "[anon]"): "JIT interface",
                            ("guest", "mandelbrot"): ".eh_frame", ("guest", "[kernel]"): "ORC"}.items():
            self.assertEqual(ways[module], way, ways)

    def test_memory_above_the_hole_is_read(self):
        """With 5 GiB the last of bare's stacks lie above 4 GiB."""
        with self.measure("bare", "--memory", "5G", workload=("-seconds", "1", "-burn", "alpha=1", "-depth", "9")) as store:
            ends = self.ends(store)
            self.assertGreater(ends["root"] / sum(ends.values()), 0.95, ends)
            self.assert_depth([(n, s) for n, s in self.stacks(store, 50) if s[0][1] == "alpha"], 9 + 2)

    def test_five_levels_of_page_tables_are_refused_in_one_sentence(self):
        folder = os.path.join(self.work, "bin")
        os.mkdir(folder)
        with open(os.path.join(folder, QEMU), "w", encoding="ascii") as f:
            f.write(WRAPPER.format(qemu=shutil.which(QEMU)))
        os.chmod(f.name, 0o755)
        with self.measure("linux-minimal", cores="1", env={"PATH": f"{folder}:{os.environ['PATH']}"}) as store:
            said = [w for w in store.warnings() if "five levels" in w]
            self.assertEqual(len(said), 1, store.warnings())
            self.assertFalse(any("does not match" in w or "reach a root" in w for w in store.warnings()))
            self.assertEqual(list(self.ends(store)), ["five-level page tables"])
            self.assert_measured(store)

    def test_hostile_page_tables_end_a_walk_and_no_more(self):
        for mode, reasons in HOSTILE.items():
            with self.subTest(mode=mode), self.measure("bare", *OFTEN, cores="1", workload=(
                    "-seconds", "1", "-burn", "alpha=60,beta=40", "-depth", "5", "-hostile", mode)) as store:
                self.assert_measured(store)
                ends = self.ends(store)
                for reason in reasons:
                    self.assertGreater(ends.get(reason, 0), 0, ends)
                if not reasons:
                    self.assertGreater(ends["root"] / sum(ends.values()), 0.9, ends)
                leaves = [(n, s[0][1]) for n, s in self.stacks(store, 50)]
                shares = {name: sum(n for n, leaf in leaves if leaf == name) for name in ("alpha", "beta")}
                self.assertGreater(sum(shares.values()) / sum(n for n, _ in leaves), 0.9, shares)
                self.assertAlmostEqual(shares["alpha"] / sum(shares.values()), 0.6, delta=0.15)

    def test_symbols_of_another_program_are_noticed(self):
        with self.measure("osv", "--symbols", self.programs["mandelbrot"], cores="1") as store:
            for words in ("does not match the guest's kernel", "is of another build"):
                self.assertTrue(any(words in w for w in store.warnings()), store.warnings())

    def test_a_kernel_without_symbols_is_told(self):
        harness.need_program("strip", "binutils")
        kernel = os.path.join(os.path.dirname(self.collector), "../tests/calibrator/calibrator.elf")
        stripped = os.path.join(self.work, "stripped.elf")
        subprocess.run(["strip", "-s", "-o", stripped, kernel], check=True)
        for path, told in ((kernel, 0), (stripped, 1)):
            with self.measure("bare", "--kernel", path, cores="1", workload=("-seconds", "0.3", "-burn", "alpha=1")) as store:
                said = [w for w in store.warnings() if "has no symbols but those it exports" in w]
                self.assertEqual(len(said), told, store.warnings())

    def test_symbols_that_are_not_there_are_refused_at_once(self):
        harness.osv_symbols()
        done = self.collect("--guest", "osv", "--cores", "1", "--accel", "tcg", "--symbols",
                            "/nonexistent/loader.elf", workload=PICTURE)
        self.assertIn(done.status, (2, 3))
        self.assertIn("/nonexistent/loader.elf", done.stderr)


if __name__ == "__main__":
    harness.main("mandelbrot")
