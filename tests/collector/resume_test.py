#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Experiments that are cut off and go on: resume_test.py COLLECTOR MANDELBROT TRUTH_PROGRAM

However often and whenever a collector is killed, the experiment ends with the runs of its plan, each of
them once, and what was measured before a cut stays as it was. GUESTSCOPE_TEST_SEED gives the instants
of a failed test again."""
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

KILLS = 50
LONGEST_S = 2.0  # from a collector's start to its end
TINY = ("-width", "64", "-height", "48", "-smoothness", "1", "-iteration", "100")


class ResumeTest(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        super().setUp()

    def planned(self, *arguments, workload=TINY):
        """What --dry-run says of the plan: {id: (block, guest, cores, label)}."""
        done = subprocess.run([self.collector, "--dry-run", *arguments, "--", *workload],
                              capture_output=True, text=True, timeout=120, check=True)
        runs = {}
        for line in done.stdout.splitlines():
            m = re.match(r"run (\d+): (block|warm-up) (\d+), ([\w-]+), (\d+) cores?(?:, label (\w))?", line)
            if m:
                block = int(m[3]) if m[2] == "block" else 0
                runs[int(m[1])] = (block, m[4], int(m[5]), m[6] or "")
        return runs

    @staticmethod
    def measured(folder):
        """The same of what is in the store, and when each run began."""
        if not os.path.exists(folder + "/experiment.db"):
            return {}, {}
        with harness.Store(folder) as store:
            runs = store.runs()
        return ({r["id"]: (r["block"], r["guest"], r["cores"], r["label"]) for r in runs},
                {r["id"]: r["start_ns"] for r in runs})

    def assert_whole(self, folder, plan):
        runs, _ = self.measured(folder)
        self.assertEqual(runs, plan)
        with harness.Store(folder) as store:
            self.assertTrue(store.sound())
            for run in store.runs():
                self.assertEqual(run["status"], "ok", run["error"])
                self.assertEqual(run["counted"], int(run["block"] > 0))
                self.assertEqual(run["position"], run["id"])
                self.assertIn("render", store.phases(run["id"]))
            for table in ("phase", "account", "audit", "counter", "sample", "worker", "row"):
                strays = store.rows(f"SELECT run FROM {table} WHERE run NOT IN (SELECT id FROM run)")
                self.assertEqual(strays, [], table)
                twice = store.rows("SELECT run, name FROM phase GROUP BY run, name HAVING count(*) > 1")
                self.assertEqual(twice, [])

    def go_on(self, folder, arguments, workload=TINY):
        """Begin, or continue, the experiment: as a user would, by whether there is a store."""
        if os.path.exists(folder + "/experiment.db"):
            return self.start(resume=folder)
        return self.start(*arguments, output=folder, workload=workload)

    def cut_off(self, arguments, kills, seed):
        """Kill collectors at @kills instants, spread over the length of the whole experiment; whenever
        one has come to its end all the same, begin another."""
        print(f"  GUESTSCOPE_TEST_SEED={seed}", flush=True)
        instants = random.Random(seed)
        plan = self.planned(*arguments)
        begin = time.monotonic()
        done = self.finish(self.start(*arguments, workload=TINY))
        self.assertEqual(done.status, 0, done.stderr)
        self.assert_whole(done.folder, plan)
        whole = min(time.monotonic() - begin, LONGEST_S)
        folder, at_once = self.new_output(), 0
        while kills:
            _, before = self.measured(folder)
            # The store is made within a moment: aim at that in particular.
            instant = instants.uniform(0, whole if before else whole / 4)
            process = self.go_on(folder, arguments)
            try:
                process.wait(instant)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                kills -= 1
                at_once += not os.path.exists(folder + "/experiment.db")
                runs, after = self.measured(folder)
                self.assertEqual(runs, {i: plan[i] for i in runs})
                self.assertEqual(list(runs), list(plan)[:len(runs)], "not in the order of the plan")
                self.assertEqual({i: after.get(i) for i in before}, before, "a run was lost or done again")
                continue
            self.assertEqual(process.returncode, 0, harness.read_file(process.stderr_path))
            self.assert_whole(folder, plan)
            folder = self.new_output()
        done = self.finish(self.go_on(folder, arguments))
        self.assertEqual(done.status, 0, done.stderr)
        self.assert_whole(folder, plan)
        print(f"  {at_once} of the cuts were before there was a store", flush=True)

    def begun(self, *arguments, runs=1, workload=TINY, number=signal.SIGKILL):
        """An experiment cut off after at least @runs of its runs. Returns its folder."""
        process = self.start(*arguments, workload=workload)
        harness.wait_for("the first runs", lambda: len(self.measured(process.folder)[0]) >= runs, 60)
        process.send_signal(number)
        process.wait(60)
        self.traces.assert_nothing_left()
        return process.folder


class Killed(ResumeTest):
    def test_at_fifty_instants_no_run_is_lost_or_doubled(self):
        seed = int(os.environ.get("GUESTSCOPE_TEST_SEED", time.time_ns() % 1000000))
        cores = "1,2" if len(harness.usable_cpus()) > 1 else "1"
        self.cut_off(("--cores", cores, "--repeat", "1", "--warmup", "1", "--aa", "--seed", str(seed)),
                     KILLS, seed)

    def cut_off_guest(self, guest):
        if not harness.guests_available(self.collector, guest):
            harness.skip(f"{guest} cannot run here: collector --doctor says why")
        seed = int(os.environ.get("GUESTSCOPE_TEST_SEED", time.time_ns() % 1000000))
        self.cut_off(("--guest", guest, "--cores", "1", "--repeat", "2", "--seed", str(seed)), 4, seed)

    def test_of_a_virtual_machine_neither(self):
        self.cut_off_guest("osv")

    def test_of_a_container_neither(self):
        self.cut_off_guest("docker")

    def test_an_interrupted_experiment_goes_on_as_well(self):
        arguments = ("--cores", "1", "--repeat", "3", "--seed", "1")
        folder = self.begun(*arguments, number=signal.SIGINT)
        done = self.finish(self.start(resume=folder))
        self.assertEqual(done.status, 0, done.stderr)
        self.assert_whole(folder, self.planned(*arguments))
        with harness.Store(folder) as store:
            (value,) = store.rows("SELECT value FROM experiment WHERE key = 'resumed'")
            self.assertIn('"after_runs":', value[0])


class GoingOn(ResumeTest):
    ARGUMENTS = ("--cores", "1", "--repeat", "30", "--seed", "7", "--warmup", "0")

    def finish_quickly(self, folder):
        """Pretend that all but the last two runs are measured."""
        with sqlite3.connect(folder + "/experiment.db") as db:
            db.execute("""INSERT INTO run (id, guest, cores, scenario, repetition, position, accel, status,
                block) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 28)
                SELECT i, 'native', 1, 'own', i, i, 'none', 'ok', i FROM n
                WHERE i NOT IN (SELECT id FROM run)""")

    def refused(self, folder, status, *arguments, words=()):
        done = self.finish(self.start(*arguments, resume=folder))
        self.assert_one_line(done, status, *words)

    def set(self, folder, **settings):
        with sqlite3.connect(folder + "/experiment.db") as db:
            for key, value in settings.items():
                db.execute("INSERT OR REPLACE INTO experiment VALUES (?, ?)", (key, value))

    def test_an_option_that_contradicts_the_plan_is_refused(self):
        folder = self.begun(*self.ARGUMENTS)
        for words in (("--repeat", "9"), ("--guest", "osv"), ("--cores", "2"), ("--seed", "8"), ("--aa",),
                      ("--frequency", "99"), ("--pin", "none"), ("--shard", "1/2"),
                      ("--scenario", "quick"), ("--counters", "none"), ("--", "-width", "9")):
            with self.subTest(words=words):
                self.refused(folder, 2, *words, words=[words[0], "plan"])
        self.refused(folder, 2, "--output", "there", words=["--output", "--resume"])
        self.refused(folder, 2, "--attach", "1", words=["--attach", "--resume"])
        self.finish_quickly(folder)
        done = self.finish(self.start("--repeat", "30", "--cores", "1", "--seed", "7", "--", *TINY,
                                      resume=folder))
        self.assertEqual(done.status, 0, done.stderr)
        self.assertEqual(list(self.measured(folder)[0]), list(range(1, 31)))

    def test_what_is_not_the_same_any_more_is_refused_but_by_force(self):
        program = os.path.join(self.work, "program")
        shutil.copy(self.programs["mandelbrot"], program)
        folder = self.begun(*self.ARGUMENTS, "--program", program)
        with open(program, "ab") as f:
            f.write(b"\0")
        self.refused(folder, 3, words=["program", "SHA-256", "--force"])
        shutil.copy(self.programs["mandelbrot"], program)
        for key, word in (("topology_shape", "topology"), ("kernel", "kernel"),
                          ("cpu_model", "processor")):
            with self.subTest(key=key):
                with harness.Store(folder) as store:
                    (was,) = store.rows("SELECT value FROM experiment WHERE key = ?", key)[0]
                self.set(folder, **{key: "another"})
                self.refused(folder, 3, words=[word, "another", "--force"])
                self.set(folder, **{key: was})
        self.set(folder, kernel="another", hostname="elsewhere")
        self.finish_quickly(folder)
        done = self.finish(self.start("--force", resume=folder))
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            self.assertTrue(any("not the machine" in w for w in store.warnings()))
            self.assertTrue(any("elsewhere" in w for w in store.warnings()))

    def test_a_program_that_has_moved_is_told_by_its_new_place(self):
        program = os.path.join(self.work, "program")
        shutil.copy(self.programs["mandelbrot"], program)
        folder = self.begun(*self.ARGUMENTS, "--program", program)
        os.rename(program, program + "-2")
        self.refused(folder, 3, words=[program])
        self.finish_quickly(folder)
        done = self.finish(self.start("--program", program + "-2", resume=folder))
        self.assertEqual(done.status, 0, done.stderr)

    def test_a_failed_run_is_kept_and_not_tried_again(self):
        process = self.start("--cores", "1", "--repeat", "3", "--warmup", "0", "--program",
                             self.programs["truth"], workload=("-do", "spin", "-ms", "500"))
        os.kill(self.find_process("truth_program"), signal.SIGKILL)
        harness.wait_for("the first run", lambda: self.measured(process.folder)[0], 60)
        process.kill()
        process.wait()
        done = self.finish(self.start(resume=process.folder))
        self.assertEqual(done.status, 1, done.stderr)
        with done.store() as store:
            self.assertEqual([r["status"] for r in store.runs()], ["failed", "ok", "ok"])

    def test_a_finished_experiment_gets_its_report_again(self):
        done = self.collect("--cores", "1", "--repeat", "1", workload=TINY)
        shutil.rmtree(done.folder + "/report")
        again = self.finish(self.start(resume=done.folder))
        self.assertEqual(again.status, 0, again.stderr)
        self.assertEqual(again.stderr, "")
        self.assertTrue(os.path.exists(done.folder + "/report/index.html"))
        self.assertEqual(len(self.measured(done.folder)[0]), 1)

    def test_a_finished_experiment_needs_nothing_that_it_measured(self):
        program = os.path.join(self.work, "program")
        shutil.copy(self.programs["mandelbrot"], program)
        done = self.collect("--cores", "1", "--repeat", "1", "--program", program, workload=TINY)
        os.unlink(program)
        self.set(done.folder, kernel="another")
        shutil.rmtree(done.folder + "/report")
        again = self.finish(self.start(resume=done.folder))
        self.assertEqual(again.status, 0, again.stderr)
        self.assertTrue(os.path.exists(done.folder + "/report/index.html"))

    def test_a_dry_run_tells_what_is_left(self):
        folder = self.begun(*self.ARGUMENTS)
        done = self.finish(self.start("--dry-run", resume=folder))
        self.assertEqual(done.status, 0, done.stderr)
        self.assertEqual(done.stdout.count("measured already"), len(self.measured(folder)[0]))

    def test_two_collectors_do_not_work_in_one_folder(self):
        process = self.start("--cores", "1", "--repeat", "1", "--program", self.programs["truth"],
                             workload=("-do", "hang"))
        self.find_process("truth_program")
        for other in (self.start(resume=process.folder),
                      self.start("--cores", "1", output=process.folder)):
            self.assertEqual(other.wait(60), 3)
            self.assertIn(f"process {process.pid}", harness.read_file(other.stderr_path))
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process).status, 130)
        self.assertFalse(os.path.exists(process.folder + "/.lock"))

    def test_what_is_no_experiment_is_named(self):
        empty = os.path.join(self.work, "empty")
        os.mkdir(empty)
        self.refused(empty + "/none", 3, words=[empty + "/none", "No such file"])
        self.refused(empty, 3, words=["no experiment to continue", empty])
        with open(empty + "/experiment.db", "w", encoding="ascii") as f:
            f.write("no database\n" * 100)
        self.refused(empty, 3, words=["experiment.db", "no store"])
        self.assertEqual(harness.read_file(empty + "/experiment.db"), "no database\n" * 100)
        os.unlink(empty + "/experiment.db")
        with sqlite3.connect(empty + "/experiment.db") as db:
            db.execute("CREATE TABLE other(x)")
        self.refused(empty, 3, words=["experiment.db", "no store"])
        done = self.collect("--cores", "1", "--repeat", "1", workload=TINY)
        with sqlite3.connect(done.folder + "/experiment.db") as db:
            db.execute("DELETE FROM experiment WHERE key = 'plan'")
        self.refused(done.folder, 3, words=["no plan"])
        self.set(done.folder, plan='{"version": 2, "guests": ["none such"]}')
        self.refused(done.folder, 3, words=["plan", "damaged", "lacks"])
        self.set(done.folder, plan="[")
        self.refused(done.folder, 3, words=["plan", "damaged"])
        with sqlite3.connect(done.folder + "/experiment.db") as db:
            db.execute("PRAGMA user_version = 99")
        self.refused(done.folder, 3, words=["version 99"])


if __name__ == "__main__":
    harness.main("mandelbrot", "truth")
