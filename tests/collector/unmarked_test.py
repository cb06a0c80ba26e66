#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that know nothing of the collector: unmarked_test.py COLLECTOR UNMARKED_PROGRAM MANDELBROT CLASS

Lanes are CPUs, the phase `run` lasts from exec to exit. The truth is what the program does by construction, and says of
itself by its own clocks."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

MS = 1_000_000
ON_CPU = ("user", "kernel", "irq")
OFF_CPU = ("preempted", "wakeup", "blocked", "throttled")


class UnmarkedTest(harness.SystemTest):
    stack = "native"

    def setUp(self):
        harness.need_root()
        super().setUp()

    def meet(self, *what, cores="2", status=0, options=()):
        """The store, and what the program says of itself, in ms."""
        harness.need_cpus(int(cores))
        done = self.collect("--guest", self.stack, "--cores", cores, "--repeat", "1",
                            "--program=" + self.programs["unmarked"], *options, workload=what)
        self.assertEqual(done.status, status, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        said = re.findall(r"(?m)^(\w+)=([0-9.]+)\r?$", store.console(1))
        return store, {name: float(value) for name, value in said}

    def lanes_ms(self, store, states):
        return sum(store.ns(1, state, phase="run") for state in states) / MS

    def threads(self, store):
        return store.rows("SELECT * FROM thread WHERE run = 1 ORDER BY id")

    def assert_sound(self, store, lanes=2):
        """Each lane's states are the phase to the nanosecond, each thread's are its life, and the kernel agrees."""
        begin, end = store.phases(1)["run"]
        for lane in range(lanes):
            self.assertEqual(sum(store.ns(1, state, phase="run", lane=lane) for state in ON_CPU + OFF_CPU), end - begin)
        for t in self.threads(store):
            life = t["end_ns"] - t["start_ns"]
            self.assertAlmostEqual(t["cpu_ns"] + t["wait_ns"] + t["blocked_ns"], life, delta=life / 1000 + 200_000)
            self.assertLessEqual(t["wait_siblings_ns"], t["wait_ns"])
        self.assertEqual([r["closed"] for r in store.runs()], [1])
        off = store.rows("SELECT * FROM audit WHERE run = 1 AND abs(books_ns - other_ns) > bound_ns")
        self.assertEqual([tuple(r) for r in off], [])

    def assert_cpu(self, store, truth_ms):
        """On lanes and in threads the time that the program says it had, and what a tick and interrupts add."""
        for ms in (self.lanes_ms(store, ON_CPU), sum(t["cpu_ns"] for t in self.threads(store)) / MS):
            self.assertGreater(ms, truth_ms - 6)
            self.assertLess(ms, truth_ms * 1.1 + 15)


class Native(UnmarkedTest):
    @harness.patiently
    def test_three_threads_on_two_cpus(self):
        store, said = self.meet("three")
        self.assert_sound(store)
        self.assert_cpu(store, said["cpu"])
        threads = self.threads(store)
        self.assertEqual(len(threads), 4)
        for t in threads[:3]:
            self.assertAlmostEqual(t["cpu_ns"] / MS, 100, delta=8)
        # 300 ms of work on two CPUs; who waits, waits for the others, and for whom else the machine runs.
        run, = store.runs()
        self.assertGreater(run["runtime_ns"], 149 * MS)
        self.assertGreater(sum(t["wait_siblings_ns"] for t in threads), 30 * MS)
        # the first thread sleeps until the others are done
        self.assertGreater(threads[3]["blocked_ns"] + threads[3]["wait_ns"], 0.8 * run["runtime_ns"])

    @harness.patiently
    def test_on_one_cpu_each_waits_for_the_other_two(self):
        store, said = self.meet("three", cores="1")
        self.assert_sound(store, lanes=1)
        self.assert_cpu(store, said["cpu"])
        # All three are there all the time until the first is done: 300 ms of which 100 are its own.
        waits = [t["wait_siblings_ns"] / MS for t in self.threads(store)[:3]]
        self.assertGreater(min(waits), 150)
        self.assertLess(max(waits), 210)

    @harness.patiently
    def test_a_thousand_short_threads_are_all_there(self):
        store, said = self.meet("many")
        self.assert_sound(store)
        self.assert_cpu(store, said["cpu"])
        threads = self.threads(store)
        self.assertEqual(len(threads), 1001)
        self.assertGreater(min(t["cpu_ns"] for t in threads), 0.4 * MS)
        self.assertEqual({t["threads"] for t in threads}, {1})

    @harness.patiently
    def test_processes_that_it_forks_are_the_programs(self):
        store, said = self.meet("fork-join")
        self.assert_sound(store)
        self.assert_cpu(store, said["cpu"] + said["children"])
        threads = self.threads(store)
        first, = (t for t in threads if t["parent"] is None)
        self.assertEqual(len(threads), 21)
        self.assertEqual(len({t["process"] for t in threads}), 21)
        self.assertEqual({t["parent"] for t in threads if t is not first}, {first["process"]})

    @harness.patiently
    def test_a_pipeline(self):
        store, said = self.meet("pipeline")
        self.assert_sound(store)
        self.assert_cpu(store, said["cpu"] + said["children"])
        causes = store.rows("SELECT detail, sum(ns) AS ns FROM thread_blocked WHERE run = 1 GROUP BY 1 ORDER BY 2 DESC")
        self.assertIn("read pipe", [r["detail"] for r in causes])

    @harness.patiently
    def test_sleep_is_sleep(self):
        store, said = self.meet("sleeps")
        self.assert_sound(store)
        first, = self.threads(store)
        slept, = store.rows("SELECT sum(ns) AS ns FROM thread_blocked WHERE run = 1 AND detail = 'clock_nanosleep'")
        self.assertAlmostEqual(slept["ns"] / MS + first["wait_ns"] / MS, said["slept"], delta=said["slept"] * 0.05)
        self.assertGreaterEqual(first["switches"], 50)

    @harness.patiently
    def test_a_niced_process_is_the_programs_too(self):
        store, said = self.meet("niced")
        self.assert_sound(store)
        self.assert_cpu(store, said["cpu"] + said["children"])

    @harness.patiently
    def test_a_workers_name_alone_makes_no_lane(self):
        store, said = self.meet("named")
        self.assert_sound(store)
        self.assert_cpu(store, said["cpu"])
        self.assertEqual(list(store.phases(1)), ["boot", "run"])


class Ends(UnmarkedTest):
    """What other load does not change."""

    def test_what_the_program_becomes_is_the_program(self):
        store, _ = self.meet("exec")
        self.assert_sound(store)
        self.assertEqual([t["name"] for t in self.threads(store)], ["sh"])

    def test_its_status_and_its_signal_fail_the_run(self):
        for what, words in ((("sleeps", "7"), "status 7"), (("abort",), "signal 6")):
            store, _ = self.meet(*what, status=1)
            self.assertIn(words, store.runs()[0]["error"])

    def test_what_it_leaves_is_ended_and_said(self):
        store, _ = self.meet("daemon")
        self.assertTrue(any("1 process still running" in w for w in store.warnings()), store.warnings())

    def test_without_cpus_of_its_own_there_are_no_lanes(self):
        store, _ = self.meet("three", status=1, options=("--pin", "none"))
        self.assertIn("--pin none", store.runs()[0]["error"])

    def test_one_that_writes_markers_has_lanes_by_name_and_phases_of_its_own(self):
        done = self.collect("--cores", "2", "--repeat", "1", "--program=" + self.programs["mandelbrot"],
                            workload=("-cores", "{cores}", "-markers", "-rows", "-width", "64", "-height", "64", "-file",
                                      self.new_output() + ".png"))
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            self.assertEqual(list(store.phases(1)), ["boot", "setup", "render", "encode"])
            self.assertEqual(store.rows("SELECT * FROM thread"), [])
            self.assertGreater(store.ns(1, "user", phase="render", lane=0), 0)
            self.assertEqual(len(store.rows("SELECT * FROM worker")), 2)

    def test_a_worker_is_a_lane_whether_it_is_named_before_or_after_the_first_marker(self):
        for what in ("marks-then-names", "names-then-marks"):
            store, _ = self.meet(what)
            self.assertEqual(list(store.phases(1)), ["boot", "work"])
            self.assertGreater(sum(store.ns(1, state, phase="work", lane=0) for state in ON_CPU) / MS, 95, what)


class Docker(UnmarkedTest):
    stack = "docker"

    def setUp(self):
        super().setUp()
        if not harness.docker_answers():
            harness.skip("docker cannot run here: collector --doctor says why")

    @harness.patiently
    def test_processes_in_a_container(self):
        store, said = self.meet("fork-join")
        self.assert_sound(store)
        self.assertEqual(len(self.threads(store)), 21)
        self.assertAlmostEqual(self.lanes_ms(store, ON_CPU), said["children"], delta=20)

    def test_the_status_of_the_program(self):
        store, _ = self.meet("sleeps", "7", status=1)
        self.assertIn("status 7", store.runs()[0]["error"])

    def test_what_ends_with_the_container_is_said(self):
        for script, left in (("sleep 100 & sleep 100 & exec sleep 0.2", 2), ("sleep 0.1 & sleep 0.2; wait", 0)):
            done = self.collect("--guest", "docker", "--cores", "1", "--repeat", "1", "--program=/bin/sh", "--with=/bin/sleep",
                                workload=("-c", script))
            self.assertEqual(done.status, 0, done.stderr)
            with done.store() as store:
                said = [w for w in store.warnings() if "still running" in w]
            self.assertEqual(said, ["the program left 2 processes still running (sleep, sleep), which the end of the "
                                    "container ended"] * (left > 0))


if __name__ == "__main__":
    harness.main("unmarked", "mandelbrot")
