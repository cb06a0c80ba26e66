#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest's scheduler, read from outside: sched_test.py COLLECTOR SCHED_PROGRAM COMPETITOR REPORT [CLASS...]

What a program did is known: it sleeps, yields, moves and burns as often and as long as it says. What is read
from the guest's memory has to agree with that, and in Linux with what the kernel told the program itself."""
import json
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

REPORT = os.path.abspath(sys.argv[4])
del sys.argv[4]

# Beside what a thread does on purpose it is woken once to begin and goes to sleep once at the end; a page of the program's
# that is new, a lock of the kernel's or another thread of the guest may come between.
MORE = 8
MOST_READ_NS = 20_000_000
COMPETITOR_MS = 1500

TIMERS = 5
LATE_NS = 100_000_000  # from when a thread looked at the clock until it slept

DIFFERENCE = """
SELECT e.name, e.state, e.torn OR b.torn AS torn, e.cpu_ns - b.cpu_ns AS cpu_ns, e.switches - b.switches AS switches,
    e.preemptions - b.preemptions AS preemptions, e.migrations - b.migrations AS migrations
FROM guest_task b JOIN guest_task e USING (run, phase, id, name) WHERE run = 1 AND phase = ? AND b.instant = 'begin'
    AND e.instant = 'end'"""


class Known(harness.SystemTest):
    guest = None
    exact = False  # the guest's kernel counts how long threads are queued

    def setUp(self):
        harness.need_root()
        if not self.guest:
            harness.skip("a test of none")
        super().setUp()
        if not harness.guests_available(self.collector, self.guest):
            harness.skip(f"{self.guest} cannot run here: collector --doctor says why")

    def measure(self, what, cores):
        harness.need_cpus(cores)
        done = self.collect_once("--guest", self.guest, "--cores", str(cores), "--repeat", "1",
                                 "--program", self.programs["sched"], workload=(*harness.TOLD, "-do", what))
        self.assertEqual(done.status, 0, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        with open(os.path.join(store.folder, "logs", "run-0001.console"), encoding="utf-8", errors="replace") as f:
            said = {name: dict(pair.split("=") for pair in rest.split())
                    for name, rest in re.findall(r"(?m)^known (\S+) (count=.*)", f.read())}
        return store, said

    def threads(self, store, phase):
        found = {r["name"]: r for r in store.rows(DIFFERENCE, phase)}
        self.assertTrue(found, store.warnings())
        return found

    def check_known(self, cores=2):
        store, said = self.measure("known", cores)
        threads = self.threads(store, "known")
        for name, what in said.items():
            self.assertIn(name, threads)
            self.assertEqual((threads[name]["torn"], threads[name]["state"]), (0, "waiting"), name)
            self.check_thread(threads[name], name, what)
        sleeps, moves = int(said["sleeper"]["count"]), int(said["mover"]["count"])
        self.assertTrue(sleeps <= threads["sleeper"]["switches"] <= sleeps + MORE, threads["sleeper"]["switches"])
        self.assertTrue(moves <= threads["mover"]["migrations"] <= moves + MORE, threads["mover"]["migrations"])
        for name in ("sleeper", "yield/0", "yield/1"):
            self.assertLessEqual(threads[name]["migrations"], 1)
        burnt = threads["burner"]["cpu_ns"] / 1e6
        self.assertTrue(0.95 * int(said["burner"]["count"]) <= burnt <= 1.3 * int(said["burner"]["count"]) + 10, burnt)
        cpus = store.rows("SELECT * FROM guest_cpu WHERE phase = 'known' ORDER BY cpu, instant")
        self.assertEqual([(r["cpu"], r["instant"]) for r in cpus],
                         [(cpu, instant) for cpu in range(cores) for instant in ("begin", "end")])
        for r in cpus:
            self.assertLess(r["read_ns"], MOST_READ_NS)
            self.assertLess(r["queued"], 5)
        self.check_report(store, threads)
        self.check_known_books(store, said)

    def check_thread(self, thread, name, what):
        pass

    def check_names(self, store):
        pass

    def books(self, store, phase):
        """The threads' books, by name; each sums to the phase."""
        rows = store.rows("SELECT *, running_ns + queued_ns + waiting_ns + absent_ns + unknown_ns AS whole FROM guest_book WHERE phase = ?",
                          phase)
        begin, end = store.phases(1)[phase]
        self.assertTrue(rows, store.warnings())
        self.assertEqual(len({r["whole"] for r in rows}), 1)
        self.assertAlmostEqual(rows[0]["whole"] / 1e9, (end - begin) / 1e9, delta=0.05)
        for r in rows:
            self.assertEqual(r["exact"], int(self.exact and not r["idle"]), r["name"])
            self.assertLessEqual(r["over_ns"], r["within_ns"] + 0.02 * r["whole"], r["name"])
        return rows

    def check_known_books(self, store, said):
        rows = self.books(store, "known")
        by_name = {r["name"]: r for r in rows}
        sleeper, burner = by_name["sleeper"], by_name["burner"]
        self.assertGreater(sleeper["waiting_ns"], 0.7 * sleeper["whole"])
        self.assertLess(sleeper["running_ns"], 0.2 * sleeper["whole"])
        self.assertAlmostEqual(burner["running_ns"] / 1e6, int(said["burner"]["count"]), delta=0.3 * int(said["burner"]["count"]) + 10)
        # They are in no reading at the phase's ends.
        briefs = [r for r in rows if r["name"] == "brief"]
        print(f"  {self.guest}: {len(briefs)} brief threads, ran {[r['running_ns'] // 10**6 for r in briefs]} ms and not known"
              f" {[r['unknown_ns'] // 10**6 for r in briefs]} ms", flush=True)
        self.assertTrue(2 <= len(briefs) <= 5, len(briefs))
        for r in briefs:
            self.assertGreater(r["absent_ns"], 0.3 * r["whole"])
            self.assertLess(r["running_ns"], 120e6)
        self.assertGreater(sum(r["running_ns"] + r["unknown_ns"] for r in briefs), 0.5 * len(briefs) * 60e6)
        if not self.exact:  # OSv's idle threads are counted, so all that its CPUs did is
            whole = 2 * rows[0]["whole"]
            self.assertAlmostEqual(sum(r["running_ns"] + r["unknown_ns"] for r in rows) / whole, 1, delta=0.1)

    def check_crowd_books(self, store, said):
        """Who only burns is queued when he does not run: by his own clocks."""
        by_name = {r["name"]: r for r in self.books(store, "crowd")}
        for name, what in said.items():
            row, took = by_name[name], int(what["took"])
            queued = took - row["running_ns"]
            low, high = (0, 0) if self.exact else (0.15 * took, 0.15 * took)
            print(f"  {self.guest}: {name} ran {row['running_ns'] / 1e9:.3f} s, queued {row['queued_ns'] / 1e9:.3f} s, by its own clocks"
                  f" {took / 1e9:.3f} s - {int(what['count']) / 1e3:.3f} s", flush=True)
            self.assertTrue(queued - low - 50e6 - 0.03 * took <= row["queued_ns"] <= queued + high + 50e6 + 0.03 * took,
                            (name, queued, row["queued_ns"]))
            self.assertAlmostEqual(row["running_ns"] / 1e9, 2, delta=0.4)

    def check_crowd(self):
        """Three threads that only burn, on two vCPUs: while all of them are there, one waits, for one vCPU or the other."""
        store, said = self.measure("crowd", 2)
        begin, end = store.phases(1)["crowd"]
        middle = store.rows("SELECT lane, sum(queued) * 1.0 / sum(ticks) AS queued, sum(ticks) AS ticks, max(most) AS most"
                            " FROM guest_queue WHERE phase = 'crowd' AND begin_ns > ? AND begin_ns < ? GROUP BY lane",
                            begin + (end - begin) // 3, begin + (end - begin) * 2 // 3)
        self.assertEqual(len(middle), 2)
        self.assertTrue(0.75 < sum(r["queued"] for r in middle) < 1.25, [tuple(r) for r in middle])
        lost, = store.rows("SELECT sum(lost_ns) AS ns FROM guest_queue WHERE phase = 'crowd'")
        self.assertLess(lost["ns"], (end - begin) // 2)
        threads = self.threads(store, "crowd")
        self.check_names(store)
        for k in range(3):
            self.assertAlmostEqual(threads[f"crowd/{k}"]["cpu_ns"] / 1e9, 2, delta=0.4)
        self.check_crowd_books(store, said)

    def beside_a_competitor(self, what):
        """Two vCPUs, each on its own CPU, the first of which another program takes part of. Returns time in which the host
        had taken a vCPU's CPU while threads waited for it, of each lane; the same whether any waited or not; what the
        competitor got, by the kernel's own clock; and the phase's length."""
        harness.need_cpus(2)
        cpus = harness.usable_cpus()[:2]
        process = self.start("--guest", self.guest, "--cores", "2", "--repeat", "1", "--program", self.programs["sched"],
                             "--pin", ",".join(map(str, cpus)), workload=(*harness.TOLD, "-do", what))
        console = process.folder + "/logs/run-0001.console"
        harness.wait_for(f"{self.guest} to work", lambda: process.poll() is not None or
                         f"phase name={what}" in (harness.read_file(console) or ""), 90)
        time.sleep(0.5)
        done = subprocess.run([self.programs["competitor"], str(cpus[0]), str(COMPETITOR_MS)], capture_output=True,
                              text=True, check=True, timeout=300, preexec_fn=lambda: os.sched_setaffinity(0, {cpus[0]}))
        first, last, cpu_ns = map(int, done.stdout.split())
        measured = self.finish(process)
        self.assertEqual(measured.status, 0, measured.stderr)
        store = measured.store()
        self.addCleanup(store.db.close)
        begin, end = store.phases(1)[what]
        self.assertTrue(begin < first and last < end, "the competitor ran outside the phase")
        stuck = dict(tuple(r) for r in store.rows("SELECT lane, ns FROM guest_stuck WHERE phase = ?", what))
        self.assertEqual(sorted(stuck), [0, 1], store.warnings())
        preempted = [store.ns(1, "preempted", phase=what, lane=lane) for lane in (0, 1)]
        print(f"  {self.guest}, {what}: double scheduling {stuck[0] / 1e6:.1f} and {stuck[1] / 1e6:.1f} ms, preempted"
              f" {preempted[0] / 1e6:.1f} and {preempted[1] / 1e6:.1f} ms, competitor {cpu_ns / 1e6:.1f} ms", flush=True)
        return stuck, preempted, cpu_ns, end - begin

    def check_double_scheduling(self):
        """Where two threads share each vCPU, one always waits: all that the competitor takes counts. Where each has a
        vCPU of its own none does. What others of the host take counts likewise, and is known by the books."""
        stuck, preempted, taken, wall = self.beside_a_competitor("pairs")
        within = 0.02 * wall
        self.assertGreater(taken, 0.02 * wall)
        self.assertGreater(stuck[0], taken - within)
        self.assertLess(stuck[0], max(taken, preempted[0]) + within)
        self.assertLess(stuck[1], preempted[1] + within)
        stuck, _, taken, wall = self.beside_a_competitor("alone")
        self.assertGreater(taken, 0.02 * wall)
        self.assertLess(stuck[0], 0.05 * taken + 0.02 * wall)

    def check_overcommitted(self):
        """Two vCPUs share one CPU, and threads wait for both: what they take from each other is double scheduling, and with what else
        that does to the speed-up it sums to what is lost of it."""
        cpu = str(harness.usable_cpus()[0])
        done = self.collect("--guest", self.guest, "--cores", "1,2", "--overcommit", "--pin", cpu, "--repeat", "1", "--program",
                            self.programs["sched"], workload=(*harness.TOLD, "-do", "pairs"))
        self.assertEqual(done.status, 0, done.stderr)
        made = json.loads(subprocess.run([REPORT, "--json", "--force", done.folder], check=True, capture_output=True).stdout)
        x, = made["explanation"]["speedup"]
        wall = {c["cores"]: c["runtime_ns"]["mean"] for c in made["cells"]}
        terms = {t["state"]: t["value"] for t in x["by_state"]}
        books = {c["cores"]: {s["state"]: s["ns"] for s in c["window"]["states"]} for c in made["cells"]}
        # Others may have taken the CPU from both.
        preempted = books[2]["preempted"] - books[1].get("preempted", 0)
        print(f"  {self.guest}: speed-up loss {sum(terms.values()) / 1e9:.2f} s: {terms}", flush=True)
        self.assertAlmostEqual(sum(terms.values()), 2 * wall[2] - wall[1], delta=5)
        for split in ("by_phase_and_state", "by_detail", "causes"):
            self.assertAlmostEqual(sum(t["value"] for t in x[split]), 2 * wall[2] - wall[1], delta=5)
        # A vCPU waits for the other one nearly half of the time, nearly always with a thread that waits for it.
        self.assertGreater(books[2]["preempted"], 0.5 * wall[2])
        self.assertGreater(terms["double scheduling"], 0.7 * preempted)
        self.assertLessEqual(terms["double scheduling"] + terms["preempted"], preempted + 5)
        self.assertIn("double scheduling", " ".join(f["text"] for f in made["findings"]))

    def check_report(self, store, threads):
        """The same in the report's tables and exports."""
        made = json.loads(subprocess.run([REPORT, "--json", store.folder], check=True, capture_output=True).stdout)
        rows = {r["name"]: r for r in made["cells"][0]["guest_threads"] if r["phase"] == "known"}
        self.assertAlmostEqual(rows["burner"]["cpu_ns"] / 1e6, threads["burner"]["cpu_ns"] / 1e6, delta=15)
        begin, end = (r["taken_ns"] for r in store.rows(
            "SELECT taken_ns FROM guest_cpu WHERE phase = 'known' AND cpu = 0 ORDER BY instant"))
        self.assertAlmostEqual(rows["sleeper"]["switches_per_s"] * (end - begin) / 1e9, threads["sleeper"]["switches"], 3)
        text = subprocess.run([REPORT, "--verbose", "--force", store.folder], check=True, capture_output=True, text=True).stdout
        self.assertRegex(text, r"(?m)^ *burner +1 ")


class Osv(Known):
    guest = "osv"

    def test_what_a_program_did_is_what_its_counters_say(self):
        self.check_known()

    @harness.patiently
    def test_what_a_competitor_takes_from_threads_that_wait_is_double_scheduling(self):
        self.check_double_scheduling()

    def test_a_guest_that_dies_leaves_its_timers(self):
        """Threads sleep for as long as they say, and their program aborts: the reading of the guest's end has each of their
        timers, due when it said, in the list of the CPU where it is, and no other of that program's."""
        done = self.collect("--guest", self.guest, "--cores", "2", "--repeat", "1", "--program", self.programs["sched"],
                            workload=(*harness.TOLD, "-do", "timers"))
        self.assertEqual(done.status, 1, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        with open(os.path.join(store.folder, "logs", "run-0001.console"), encoding="utf-8", errors="replace") as f:
            said = {name: int(begin) + int(ms) * 1_000_000
                    for name, begin, ms in re.findall(r"(?m)^sleeps (\S+) from=(\d+) ms=(\d+)", f.read())}
        self.assertEqual(len(said), TIMERS, "the program did not say how long its threads sleep")
        ends = store.rows("SELECT * FROM guest_timer WHERE phase = 'timers' AND instant = 'end' AND owner_name LIKE 'timer/%'")
        self.assertEqual(sorted(r["owner_name"] for r in ends), sorted(said), store.warnings())
        for r in ends:
            self.assertTrue(0 <= r["due_ns"] - said[r["owner_name"]] < LATE_NS, (r["owner_name"], r["due_ns"], said))
            self.assertEqual((r["state"], r["owner_kind"], r["owned"], r["fault"], r["torn"]), ("armed", "thread", 1, None, 0))
            self.assertEqual(r["list_cpu"], r["owner_cpu"])
        lists = store.rows("SELECT * FROM guest_timer_cpu WHERE phase = 'timers' AND instant = 'end' ORDER BY cpu")
        inside = store.rows("SELECT list_cpu FROM guest_timer WHERE phase = 'timers' AND instant = 'end'")
        self.assertEqual([r["timers"] for r in lists], [sum(i["list_cpu"] == cpu for i in inside) for cpu in (0, 1)])
        for r in lists:
            self.assertEqual((r["timers"], r["misfiled"], r["trouble"]), (r["counted"], 0, None))
        text = subprocess.run([REPORT, "--verbose", "--force", store.folder], check=True, capture_output=True, text=True).stdout
        for name in said:
            self.assertRegex(text, rf"(?m)^{name} \(\d+\) +[01] +CPU [01] +armed +in [123]\d\.")
        made = json.loads(subprocess.run([REPORT, "--json", store.folder], check=True, capture_output=True).stdout)
        self.assertEqual(len(made["runs"][0]["guest_at_failure"]["timers"]), len(inside))

    @harness.patiently
    def test_what_vcpus_on_one_cpu_take_from_each_other_is_a_term_of_the_speed_up(self):
        self.check_overcommitted()

    def check_thread(self, thread, name, what):
        if name.startswith("yield"):  # each of them switches to the other, which is there to take the CPU but at the end
            self.assertTrue(0.8 * int(what["count"]) <= thread["switches"] <= 1.2 * int(what["count"]) + MORE, thread["switches"])


class OsvCrowd(Known):
    """How fairly the vCPUs get the host's CPUs shows in what each thread has."""
    guest = "osv"

    def test_of_three_threads_on_two_vcpus_one_waits(self):
        self.check_crowd()

    def check_names(self, store):
        """All three want to burn as long: each has about a third of the samples, as fair as the scheduler is."""
        samples = dict(tuple(r) for r in store.rows("SELECT guest_name, sum(count) FROM sample WHERE phase = 'crowd' AND lane >= 0"
                                                    " AND kind = 'oncpu' AND guest_thread IS NOT NULL GROUP BY guest_name"))
        print(f"  samples by thread: {samples}", flush=True)
        total = sum(n for n in samples.values())
        self.assertLess(samples.get(None, 0), 0.02 * total, samples)
        burners = [samples.get(f"crowd/{k}", 0) for k in range(3)]
        self.assertGreater(sum(burners), 0.9 * total, samples)
        for n in burners:
            self.assertAlmostEqual(n / sum(burners), 1 / 3, delta=0.1)
        # In the middle of a switch the one may be the next thread's already.
        bases = store.rows("SELECT name, max(n) * 1.0 / sum(n) AS share FROM (SELECT name, sum(samples) AS n FROM guest_thread"
                           " WHERE name LIKE 'crowd/%' GROUP BY name, fs_base) GROUP BY name")
        self.assertEqual([r["name"] for r in bases], [f"crowd/{k}" for k in range(3)])
        for r in bases:
            self.assertGreater(r["share"], 0.99)


class LinuxMinimal(Known):
    guest = "linux-minimal"
    exact = True

    @harness.patiently
    def test_what_a_program_did_is_what_its_counters_say(self):
        self.check_known()

    def test_of_three_threads_on_two_vcpus_one_waits(self):
        self.check_crowd()

    @harness.patiently
    def test_what_a_competitor_takes_from_threads_that_wait_is_double_scheduling(self):
        self.check_double_scheduling()

    def test_when_each_cpu_wants_to_be_woken_is_known(self):
        store, _ = self.measure("known", 2)
        lists = store.rows("SELECT * FROM guest_timer_cpu WHERE phase = 'known' AND instant = 'end' ORDER BY cpu")
        self.assertEqual([r["cpu"] for r in lists], [0, 1], store.warnings())
        for r in lists:
            self.assertEqual((r["timers"], r["trouble"]), (None, None))
        self.assertTrue(any(r["next_ns"] for r in lists), [tuple(r) for r in lists])

    def check_thread(self, thread, name, what):
        """The kernel's own words to the program, from its first instruction to its last."""
        own = int(what["voluntary"]) + int(what["involuntary"])
        self.assertTrue(own <= thread["switches"] <= own + 3, (name, own, thread["switches"]))
        self.assertTrue(int(what["involuntary"]) <= thread["preemptions"] <= int(what["involuntary"]) + 2, name)


class Bare(harness.SystemTest):
    """The calibrator's fake threads, which its vCPUs run in turn, and whose scheduler may lie."""

    def setUp(self):
        harness.need_root()
        super().setUp()
        if not harness.guests_available(self.collector, "bare"):
            harness.skip("bare cannot run here: collector --doctor says why")

    def measure(self, threads, *more, seconds=2):
        done = self.collect("--guest", "bare", "--cores", "1", "--repeat", "1",
                            workload=("-burn", "alpha=1", "-seconds", str(seconds), "-threads", str(threads), *more))
        self.assertEqual(done.status, 0, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        return store

    def test_fake_threads_ran_and_were_queued_as_long_as_they_say(self):
        store = self.measure(4)
        rows = store.rows("SELECT * FROM guest_book WHERE phase = 'burn' ORDER BY id")
        self.assertEqual([r["name"] for r in rows], [f"fake/{k}" for k in range(4)], store.warnings())
        said = re.findall(r"burned-thread vcpu=0 fs=\w+ total=(\d+)", store.console(1))
        self.assertEqual(len(said), 4)
        for row, ns in zip(rows, map(int, said)):
            self.assertAlmostEqual(row["running_ns"] / 1e9, ns / 1e9, delta=0.1)
            self.assertAlmostEqual(row["queued_ns"] / 1e9, 2 - ns / 1e9, delta=0.15)
            self.assertEqual(row["exact"], 1)
        queue, = store.rows("SELECT sum(queued) * 1.0 / sum(ticks) AS mean FROM guest_queue WHERE phase = 'burn'")
        self.assertAlmostEqual(queue["mean"], 3, delta=0.2)
        self.assertFalse([w for w in store.warnings() if "guest's threads" in w])

    def test_a_scheduler_that_lies_is_told_and_costs_nothing_else(self):
        for lie, words in (("sched-loop", "no end"), ("sched-nowhere", "leads nowhere"), ("sched-rewrite", None)):
            with self.subTest(lie=lie):
                store = self.measure(64, "-hostile", lie, seconds=1)
                warned = [w for w in store.warnings() if "guest's threads" in w or "threads of the guest" in w]
                torn, = store.rows("SELECT total(torn) AS n FROM guest_task WHERE phase = 'burn' AND instant = 'begin'")
                print(f"  {lie}: {warned}, {torn['n']:.0f} torn", flush=True)
                self.assertTrue(warned or torn["n"], "nothing was said")
                if words:
                    self.assertTrue(any(words in w for w in warned), warned)
                self.assert_measured(store)
                for r in store.rows("SELECT read_ns FROM guest_cpu"):
                    self.assertLess(r["read_ns"], 4 * MOST_READ_NS)
                for r in store.rows("SELECT running_ns + queued_ns + waiting_ns + absent_ns + unknown_ns AS whole FROM guest_book"
                                    " WHERE phase = 'burn'"):
                    self.assertLess(r["whole"], 10e9)


if __name__ == "__main__":
    harness.main("sched", "competitor")
