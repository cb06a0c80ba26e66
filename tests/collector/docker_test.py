#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Containers: throttling as the control group counts it, and cleaning up: docker_test.py COLLECTOR TRUTH_PROGRAM OWN_PROGRAM

To be run where a Docker daemon answers (tests/guests/dockerd.py sees to that)."""
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

MS = 1_000_000


def worker_processes():
    """Pids of processes in containers that have started a worker."""
    return [int(path.split("/")[2]) for path in glob.glob("/proc/[0-9]*/task/[0-9]*/comm")
            if harness.read_file(path) == "worker/0\n" and
            re.search("[0-9a-f]{64}", harness.read_file(path[:-4] + "cgroup") or "")]


def cpu_group(pid):
    """The folder of the control group that limits a process's CPU time, version 1 or 2; or None."""
    groups = {}
    for line in (harness.read_file(f"/proc/{pid}/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            groups[name] = path
    for line in harness.read_file("/proc/self/mountinfo").splitlines():
        fields = line.split()
        kind, options = fields[fields.index("-") + 1], fields[-1].split(",")
        if kind == "cgroup" and "cpu" in options and "cpu" in groups:
            return fields[4] + groups["cpu"]
    for line in harness.read_file("/proc/self/mountinfo").splitlines():
        fields = line.split()
        if fields[fields.index("-") + 1] == "cgroup2" and "" in groups:
            return fields[4] + groups[""]
    return None


class GroupWatch(threading.Thread):
    """Reads the cpu.stat of the container's group until it is gone: the last word is kept."""

    def __init__(self):
        super().__init__(daemon=True)
        self.others = set(worker_processes())
        self.stat = {}
        self.done = threading.Event()

    def run(self):
        folder = None
        while not self.done.wait(0.02):
            if not folder:
                new = [pid for pid in worker_processes() if pid not in self.others]
                folder = cpu_group(new[0]) if new else None
                continue
            text = harness.read_file(folder + "/cpu.stat")
            if text:
                self.stat = dict(line.split() for line in text.splitlines())

    def throttled_ns(self):
        if "throttled_time" in self.stat:
            return int(self.stat["throttled_time"])
        if "throttled_usec" in self.stat:
            return int(self.stat["throttled_usec"]) * 1000
        return None


class DockerTest(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        if not harness.docker_answers():
            harness.skip("no Docker daemon answers: sudo dockerd")
        super().setUp()

    def containers(self):
        return subprocess.run(["docker", "ps", "-q"], capture_output=True, text=True, timeout=300,
                              check=True).stdout.split()

    def wait_gone(self, what, seconds=15):
        harness.wait_for(what, lambda: not self.containers(), seconds, 0.2)


class Throttled(DockerTest):
    """(e)"""

    @harness.patiently
    def test_a_quota_shows_as_throttled_as_the_control_group_counts(self):
        """Where others work as well, what is throttled and what only waits flow into each other."""
        cores = min(2, len(harness.usable_cpus()))
        watch = GroupWatch()
        watch.start()
        self.addCleanup(watch.done.set)
        done = self.collect("--guest", "docker", "--cores", str(cores), "--repeat", "1", "--program",
                            self.programs["truth"], "--container-option=--cpus=0.5",
                            workload=("-do", "spin", "-ms", "2500"))
        watch.done.set()
        watch.join()
        self.assertEqual(done.status, 0, done.stderr)
        truth = watch.throttled_ns()
        if truth is None:
            harness.skip("the control groups here do not count throttled time")
        with done.store() as store:
            self.assert_measured(store)
            begin, end = store.phases(1)["render"]
            books = store.ns(1, "throttled")
            print(f"  throttled: books {books / MS:.1f} ms, cgroup {truth / MS:.1f} ms of"
                  f" {cores} x {(end - begin) / MS:.1f} ms", flush=True)
            book = "; ".join(store.book(1, "render", lane) for lane in range(cores))
            if truth <= 200 * MS:
                harness.skip("the quota was not used up: other work had the CPUs")
            self.assertLessEqual(abs(books - truth), 0.05 * truth, book)
            audits = store.rows("SELECT * FROM audit WHERE what LIKE 'cgroup%'")
            for row in audits:
                print(f"  audit {row['phase']} {row['what']}: books {row['books_ns'] / MS:.1f} ms,"
                      f" other {row['other_ns'] / MS:.1f} ms, bound {row['bound_ns'] / MS:.1f} ms",
                      flush=True)


class Daemon(DockerTest):
    def run_truth(self, *arguments, options=(), repeat="1"):
        return self.start("--guest", "docker", "--cores", "1", "--repeat", repeat, "--program",
                          self.programs["truth"], *options, workload=("-do", *arguments))

    def test_noise_runs_in_a_container_under_the_hosts_tick(self):
        done = self.collect("--guest", "docker", "--cores", "1", "--repeat", "1", "--scenario", "noise-ftq", "--timeline", "none",
                            workload=None)
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            (series,) = store.rows("SELECT * FROM distribution_series")
            (tick,) = store.rows("SELECT value FROM experiment WHERE key = 'tick_ns'")
            self.assertEqual((series["n"], series["tick_ns"]), (5000, int(tick["value"])))
            (head,) = store.rows("SELECT * FROM distribution")
            self.assertEqual((head["kernel"], head["n"]), ("ftq", 5000))

    def failed(self, process, pattern):
        done = self.finish(process)
        self.assertEqual(done.status, 1, done.stderr)
        with done.store() as store:
            (run,) = store.runs()
            self.assertEqual(run["status"], "failed")
            self.assertRegex(run["error"], pattern)
        self.wait_gone("the end of the container", 5)

    def test_a_container_that_hangs_is_removed(self):
        self.failed(self.run_truth("hang", options=("--timeout", "4")), "4 s.*render")

    def test_a_container_that_aborts_is_told(self):
        # The first process of a container is spared SIGABRT; abort() then ends itself by a fault.
        self.failed(self.run_truth("abort"), "signal 6|[Aa]bort|134|signal 11|139")

    def test_a_bad_option_for_the_engine_is_told_with_its_words(self):
        done = self.finish(self.run_truth("spin", options=("--container-option=--no-such",)))
        self.assertIn(done.status, (1, 3))
        self.assertIn("--no-such", done.stderr)

    def test_a_container_that_is_killed_is_a_failed_run(self):
        process = self.run_truth("hang")
        (name,) = harness.wait_for("the container", self.containers, 30, 0.1)
        time.sleep(1.0)
        subprocess.run(["docker", "kill", name], capture_output=True, timeout=300, check=True)
        self.failed(process, "[Kk]ill|signal 9|137")

    def test_a_program_of_the_users_gets_what_it_is_told_and_what_goes_along(self):
        """The folder is mounted, however large it is; here its names are as odd as may be."""
        folder = os.path.join(self.work, 'a, "b" \u00fc')
        os.mkdir(folder)
        program = os.path.join(folder, "pr\u00f6gram")
        shutil.copy(self.programs["own"], program)
        with open(folder + "/input", "w", encoding="ascii") as f:
            f.write("this is it\n")
        done = self.finish(self.start(
            "--guest", "docker", "--cores", "1", "--repeat", "1", "--with", f"{folder}:/in, here", "--cwd", "/in/the/image",
            "--env", "OWN=a b {cores}", f"--program={program}",
            workload=("/in, here/input", "200", "return", "7", "two words", "", "{cores} {run}")))
        self.assertEqual(done.status, 1, done.stderr)
        self.assertIn("status 7", done.stderr)
        with done.store() as store:
            console = store.console(1)
        for line in ("argument 5 [two words]", "argument 6 []", "argument 7 [1 1]", "variable OWN [a b 1]",
                     "variable OMP_NUM_THREADS [1]", "folder [/in/the/image]", "input [none]", "file [this is it]", "writes [yes]"):
            self.assertIn(line + "\n", console)
        self.wait_gone("the end of the container", 5)

    def in_second_run(self):
        process = self.run_truth("spin", "-ms", "1500", repeat="1000")
        harness.wait_for("the second container",
                         lambda: harness.stored_runs(process.folder) > 0 and self.containers(), 60, 0.1)
        time.sleep(0.5)
        return process

    def assert_first_kept(self, folder):
        with harness.Store(folder) as store:
            self.assertTrue(store.sound())
            self.assertEqual({r["status"] for r in store.runs()}, {"ok"})

    def test_SIGINT_removes_container_and_image_and_keeps_the_finished_run(self):
        process = self.in_second_run()
        process.send_signal(signal.SIGINT)
        done = self.finish(process, 30)
        self.assertEqual(done.status, 130, done.stderr)
        self.assert_first_kept(done.folder)
        self.wait_gone("the end of the container", 5)

    def test_SIGKILL_of_the_collector_removes_container_and_image_too(self):
        process = self.in_second_run()
        process.kill()
        process.wait()
        self.wait_gone("the end of the container")
        self.traces.assert_nothing_left(15)
        self.assert_first_kept(process.folder)

    def test_a_dry_run_leaves_no_image(self):
        done = self.finish(self.start("--guest", "docker", "--cores", "1", "--repeat", "1",
                                      "--dry-run"))
        self.assertEqual(done.status, 0, done.stderr)
        self.assertIn("docker run", done.stdout)


if __name__ == "__main__":
    harness.main("truth", "own")
