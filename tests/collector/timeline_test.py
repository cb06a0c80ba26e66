#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The timeline sums to the books: timeline_test.py COLLECTOR TRUTH_PROGRAM UNMARKED_PROGRAM REPORT DATABASE_MD

It is read by the documentation's own reader. What the books say is summed by the eBPF programs, apart from the timeline."""
import collections
import csv
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

REPORT, DATABASE_MD = (os.path.abspath(path) for path in sys.argv[4:6])
del sys.argv[4:6]

# Records of a lane in a second; and what a storm may have before it is one.
LANE_BUDGET = 5000
BEGIN = 20000


def documented_reader():
    """timeline(db, run, lane), as docs/database.md has it."""
    with open(DATABASE_MD, encoding="utf-8") as f:
        text = f.read()
    section = text.split("A reader in Python")[1].split("`report export")[0] + text.split("A reader, with `numbers_in()`")[1].split("### audit")[0]
    code = "".join(line[4:] or "\n" for line in re.findall(r"(?m)^(?:    .*)?\n", section))
    names = {}
    exec(compile(code, DATABASE_MD, "exec"), names)  # pylint: disable=exec-used
    return names["timeline"], names["sample_times"]


class TimelineTest(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        super().setUp()
        self.timeline, self.sample_times = documented_reader()

    def measure(self, program, *arguments, guest="native", cores=1, options=()):
        harness.need_cpus(cores)
        done = self.collect_once("--guest", guest, "--cores", str(cores), "--repeat", "1", *options,
                                 *(("--program=" + self.programs[program],) if program == "unmarked" else ()),
                                 *(("--program", self.programs[program]) if program == "truth" else ()),
                                 workload=arguments or harness.SMALL)
        self.assertEqual(done.status, 0, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        self.assertEqual([r["lost_events"] for r in store.runs()], [0])
        return store

    def wait_on_one_cpu(self):
        return self.measure("truth", "-do", "wait", options=("--timeline=full", "--pin", str(harness.usable_cpus()[0])))

    def items(self, store, lane):
        return list(self.timeline(store.db, 1, lane))

    def lanes(self, store):
        return range(store.runs()[0]["cores"])

    def assert_whole(self, store):
        """Without a gap from the run's begin to its end, and each row says what is in its block."""
        for lane in self.lanes(store):
            items = self.items(store, lane)
            self.assertEqual(items[0][1], store.runs()[0]["start_ns"])
            self.assertGreaterEqual(items[-1][2], store.runs()[0]["end_ns"])
            for one, next_one in zip(items, items[1:]):
                self.assertEqual(one[2], next_one[1])
            rows = store.rows("SELECT * FROM timeline WHERE run = 1 AND lane = ? ORDER BY begin_ns", lane)
            self.assertEqual(sum(r["lost_ns"] for r in rows), 0)
            self.assertEqual([r["end_ns"] for r in rows], [r["begin_ns"] for r in rows[1:]] + [items[-1][2]])
            self.assertEqual(sum(r["intervals"] for r in rows), sum(1 for i in items if not i[4]))
            self.assertEqual(sum(r["merged_ns"] for r in rows),
                             sum(i[2] - i[1] for i in items if i[4]))
            self.assertEqual(sum(r["merged"] for r in rows), sum(i[4] for i in items))

    def books(self, store, detailed):
        """{(phase, lane, state, ...): ns}, with oncpu as events know it."""
        sums = collections.Counter()
        for a in store.rows("SELECT * FROM account WHERE run = 1 AND lane >= 0"):
            state = (a["state"], a["detail"], a["taken_by"]) if a["exact"] else ("oncpu", "", None)
            sums[(a["phase"], a["lane"]) + (state if detailed else state[:1])] += a["ns"]
        return sums

    def sums(self, store, detailed):
        sums = collections.Counter()
        for lane in self.lanes(store):
            for phase, _, _, parts, _, _ in self.items(store, lane):
                for state, detail, taken_by, ns in parts:
                    sums[(phase, lane, state) + ((detail, taken_by) if detailed else ())] += ns
        return sums

    def assert_same(self, store, detailed):
        books, sums = self.books(store, detailed), self.sums(store, detailed)
        self.assertEqual({k: v for k, v in books.items() if v}, {k: v for k, v in sums.items() if v})
        self.assertGreater(len(books), 3)


class Full(TimelineTest):
    def test_its_sums_are_the_books_to_the_nanosecond(self):
        store = self.measure("truth", "-do", "wait", cores=2, options=("--timeline=full",))
        self.assert_whole(store)
        self.assert_same(store, detailed=True)

    def test_it_has_as_many_intervals_as_the_books(self):
        store = self.measure("truth", "-do", "timers", options=("--timeline", "full"))
        counted = collections.Counter()
        for phase, _, _, parts, merged, _ in self.items(store, 0):
            self.assertEqual(merged, 0)
            counted[phase, parts[0][0], parts[0][1]] += 1
        for a in store.rows("SELECT phase, state, detail, sum(count) AS n FROM account WHERE run = 1 AND lane = 0 AND exact"
                            " GROUP BY 1, 2, 3"):
            self.assertEqual(counted[a["phase"], a["state"], a["detail"]], a["n"], tuple(a))
        self.assert_same(store, detailed=True)

    def test_instants_and_cpus_are_those_of_what_happened(self):
        """The program sleeps ten times for 30 ms, on the one CPU that it has."""
        store = self.wait_on_one_cpu()
        items = [i for i in self.items(store, 0) if i[0] == "sleep"]
        begin, end = store.phases(1)["sleep"]
        sleeps = [i for i in items if i[3][0][:2] == ("blocked", "clock_nanosleep") and i[2] - i[1] > 25_000_000]
        self.assertEqual(len(sleeps), 10, [i[3][0] for i in items])
        self.assertEqual((items[0][1], items[-1][2]), (begin, end))
        self.assertEqual({i[5] for i in sleeps}, {harness.usable_cpus()[0]})

    def test_lanes_that_are_cpus_have_theirs(self):
        store = self.measure("unmarked", "three", cores=2, options=("--timeline=full",))
        self.assert_whole(store)
        self.assert_same(store, detailed=True)
        cpus = [{i[5] for i in self.items(store, lane) if i[0] == "run" and i[3][0][0] in ("oncpu", "irq")} - {None}
                for lane in (0, 1)]
        self.assertEqual([len(c) for c in cpus], [1, 1], cpus)
        self.assertNotEqual(*cpus)


class Budget(TimelineTest):
    def test_in_a_storm_the_shortest_are_merged_and_the_time_by_state_stays(self):
        store = self.measure("truth", "-do", "timers")
        self.assert_whole(store)
        self.assert_same(store, detailed=False)
        items = self.items(store, 0)
        merged = sum(i[4] for i in items)
        seconds = (items[-1][2] - items[0][1]) / 1e9
        events = store.rows("SELECT sum(count) AS n FROM account WHERE run = 1 AND lane = 0")[0]["n"]
        if events < 3 * (2 * LANE_BUDGET * seconds + BEGIN):
            harness.skip(f"{events} events in {seconds:.1f} s are no storm")
        self.assertGreater(merged, 0)
        self.assertLess(len(items), 2 * LANE_BUDGET * seconds + BEGIN)
        notes = [w for w in store.warnings() if "merged in the timeline" in w]
        self.assertEqual(len(notes), 1)
        row, = store.rows("SELECT sum(merged) AS n FROM timeline WHERE run = 1")
        self.assertTrue(notes[0].startswith(f"{row['n']} short intervals"), notes)

    def test_what_it_exports_is_the_same(self):
        store = self.measure("truth", "-do", "timers")
        out = os.path.join(self.work, "csv")
        subprocess.run([REPORT, "export", "--format", "csv", "-o", out, store.folder], check=True, capture_output=True)
        with open(os.path.join(out, "timeline.csv"), encoding="utf-8", newline="") as f:
            lines = [(r["phase"], int(r["begin_ns"]), int(r["end_ns"]), r["state"], r["detail"], r["taken_by"], int(r["ns"]),
                      r["cpu"], int(r["merged"])) for r in csv.DictReader(f)]
        expected = [(phase, begin, end, state, detail, taken_by or "", ns, "" if cpu is None else str(cpu), merged)
                    for phase, begin, end, parts, merged, cpu in self.items(store, 0)
                    for state, detail, taken_by, ns in parts]
        self.assertEqual(lines, expected)


class Samples(TimelineTest):
    def test_each_sample_has_its_instant_and_its_stack(self):
        store = self.measure("truth", "-do", "wait", cores=2, options=("--timeline=full",))
        run, = store.runs()
        rows = {r["number"]: r for r in store.rows("SELECT * FROM sample")}
        counted, off = collections.Counter(), 0
        for lane, time, number in self.sample_times(store.db, 1):
            counted[number] += 1
            self.assertEqual(rows[number]["lane"], lane)
            begin, end = store.phases(1)[rows[number]["phase"]]
            if rows[number]["kind"] == "oncpu":  # what is off the CPU may have begun in an earlier phase
                self.assertGreaterEqual(time, begin, (rows[number], store.phases(1), run["end_ns"]))
            self.assertLess(time, max(end, run["end_ns"]))
        for number, r in rows.items():
            if r["kind"] == "oncpu":
                self.assertEqual(counted[number], r["count"])
        states = {lane: self.items(store, lane) for lane in (0, 1)}
        for lane, time, number in self.sample_times(store.db, 1):
            if lane < 0 or rows[number]["kind"] != "oncpu":
                continue
            at = next(i for i in states[lane] if i[1] <= time < i[2])
            off += at[3][0][0] not in ("oncpu", "irq", "kernel")
        self.assertLessEqual(off, sum(counted.values()) // 50)  # between two events of one instant

    def test_time_off_the_cpu_has_the_stack_of_where_it_began(self):
        """The program sleeps ten times for 30 ms: each has the stack of clock_nanosleep."""
        store = self.wait_on_one_cpu()
        begins = {i[1] for i in self.items(store, 0) if i[0] == "sleep" and i[3][0][:2] == ("blocked", "clock_nanosleep")
                  and i[2] - i[1] > 25_000_000}
        names = dict(store.db.execute("WITH RECURSIVE up(number, id) AS (SELECT number, stack FROM sample WHERE kind = 'offcpu' UNION ALL"
                                      " SELECT number, parent FROM up JOIN stack ON stack.id = up.id WHERE parent NOT NULL)"
                                      " SELECT number, group_concat(symbol) FROM up JOIN stack ON stack.id = up.id JOIN frame ON frame.id = stack.frame"
                                      " GROUP BY number").fetchall())
        # It may have lost its CPU to others just before.
        found = {b: [names[number] for lane, time, number in self.sample_times(store.db, 1)
                     if lane == 0 and number in names and abs(time - b) < 100_000] for b in begins}
        self.assertEqual(len(found), 10, begins)
        for stacks in found.values():
            self.assertTrue(any("nanosleep" in stack for stack in stacks), found)


class Others(TimelineTest):
    def test_none_keeps_none(self):
        store = self.measure("truth", "-do", "status", options=("--timeline=none",))
        for table in ("timeline", "timeline_detail", "sample_time"):
            self.assertEqual(store.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"], 0)

    def test_of_a_virtual_machine_what_events_know_is_the_same(self):
        if not harness.guests_available(self.collector, "bare"):
            harness.skip("bare cannot run here: collector --doctor says why")
        store = self.measure(None, guest="bare", options=("--timeline=full",))
        self.assert_whole(store)
        self.assert_same(store, detailed=store.runs()[0]["accel"] != "kvm")


if __name__ == "__main__":
    harness.main("truth", "unmarked")
