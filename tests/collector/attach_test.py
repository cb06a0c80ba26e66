#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--attach: what runs already is measured and left alone: attach_test.py COLLECTOR ATTACH_PROGRAM [CLASS]

The truth is what the program does by construction."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

NOBODY = 65534
PHASE = "attached"


class AttachTest(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        super().setUp()

    def program(self, *kinds, cpus=()):
        """A running program with a thread of each kind, and one more that waits for its end."""
        process = subprocess.Popen([self.programs["program"], *kinds], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True, preexec_fn=lambda: os.sched_setaffinity(0, cpus) if cpus else None)
        self.addCleanup(self._end_program, process)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    @staticmethod
    def _end_program(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()

    def attach(self, pid, *arguments, **more):
        """A collector that is attached."""
        process = self.start("--attach", str(pid), *arguments, workload=None, **more)
        said = process.stderr_path
        harness.wait_for("an attached collector", lambda: "attached to " in (harness.read_file(said) or "")
                         or process.poll() is not None)
        self.assertIsNone(process.poll(), harness.read_file(said))
        return process

    def measure(self, pid, *arguments, seconds=1.0, number=signal.SIGINT):
        """Attached for that long, then told to end."""
        process = self.attach(pid, *arguments)
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.send_signal(number)
        done = self.finish(process)
        self.assertEqual(done.status, 0, done.stderr)
        return done

    def the_run(self, store):
        self.assert_measured(store)
        (run,) = store.runs()
        self.assertEqual(run["scenario"], "attach")
        self.assertEqual(list(store.phases(1)), [PHASE])
        begin, end = store.phases(1)[PHASE]
        self.assertEqual(run["runtime_ns"], end - begin)
        return run

    def threads(self, store, pid=None):
        return store.rows("SELECT * FROM thread WHERE run = 1 AND (process = ? OR ? IS NULL) ORDER BY id", pid, pid)

    def assert_sound(self, store, lanes):
        """Each lane's states are the phase to the nanosecond, each thread's are its life, and the kernel agrees."""
        begin, end = store.phases(1)[PHASE]
        for lane in range(lanes):
            self.assertEqual(sum(store.ns(1, state, lane=lane) for state in (
                "user", "kernel", "irq", "preempted", "wakeup", "blocked", "throttled")), end - begin)
        for t in self.threads(store):
            life = t["end_ns"] - t["start_ns"]
            self.assertAlmostEqual(t["cpu_ns"] + t["wait_ns"] + t["blocked_ns"], life, delta=life / 1000 + 200_000)
            self.assertLessEqual(t["wait_siblings_ns"], t["wait_ns"])
        audits = store.rows("SELECT * FROM audit WHERE run = 1")
        self.assertIn("threads_cpu_time", [r["what"] for r in audits])
        self.assertEqual([tuple(r) for r in audits if abs(r["books_ns"] - r["other_ns"]) > r["bound_ns"]], [])

    def missing(self, pid, *words, **more):
        done = self.collect("--attach", str(pid), workload=None, **more)
        self.assert_one_line(done, 3, *words)


class Attach(AttachTest):
    @harness.patiently
    def test_lanes_are_the_CPUs_that_it_may_use(self):
        cpu = harness.usable_cpus()[-1]
        program = self.program("burn", cpus=(cpu,))
        done = self.measure(program.pid)
        with done.store() as store:
            run = self.the_run(store)
            self.assertEqual((run["guest"], run["cores"]), ("process", 1))
            self.assertEqual([r["cpus"] for r in store.rows("SELECT * FROM pin")], [str(cpu)])
            self.assert_sound(store, 1)
            waited = store.ns(1, "preempted") + store.ns(1, "wakeup")
            # What no one took from it, apart from interrupts, it computed, from the first moment on.
            self.assertEqual(store.ns(1, "blocked"), 0, store.book(1, PHASE, 0))
            self.assertGreater(store.ns(1, "user"), 0.8 * (run["runtime_ns"] - waited))
            first = self.threads(store)[0]
            self.assertEqual((first["pid"], first["parent"], first["end_ns"] - first["start_ns"]),
                             (program.pid, None, run["runtime_ns"]))
            self.assertGreater(first["cpu_ns"], 0.9 * (run["runtime_ns"] - waited))
        self.assertIsNone(program.poll(), "the process does not survive")

    @harness.patiently
    def test_threads_that_share_a_CPU_wait_for_each_other(self):
        program = self.program("burn", "burn", "burn", cpus=harness.usable_cpus()[:1])
        done = self.measure(program.pid, seconds=2)
        with done.store() as store:
            run = self.the_run(store)
            self.assert_sound(store, 1)
            busy = [t for t in self.threads(store, program.pid) if t["cpu_ns"] > run["runtime_ns"] / 20]
            self.assertEqual(len(busy), 3)
            for t in busy:
                self.assertEqual(t["blocked_ns"], 0)
                # Two thirds, of the time that others left.
                self.assertGreater(t["wait_siblings_ns"], 0.4 * store.ns(1, "user"))

    @harness.patiently
    def test_counters_are_those_of_all_threads_on_each_CPU(self):
        """cpu-clock, which the probes do not count themselves, is the time that they find the program on each CPU."""
        program = self.program("burn", "burn", "fork", "sleep", cpus=harness.usable_cpus()[:2])
        done = self.measure(program.pid, "--counters", "cpu-clock", seconds=2)
        with done.store() as store:
            run = self.the_run(store)
            for lane in range(run["cores"]):
                (clock,) = store.rows("SELECT value FROM counter WHERE run = 1 AND lane = ? AND name LIKE '%cpu-clock'", lane)
                ran = sum(store.ns(1, state, lane=lane) for state in ("user", "kernel", "irq"))
                self.assertAlmostEqual(clock["value"], ran, delta=0.05 * ran)

    def test_a_thread_that_sleeps_all_the_time_is_blocked_on_what_it_sleeps_in(self):
        program = self.program("sleep", "pipe", "futex")
        done = self.measure(program.pid)
        with done.store() as store:
            run = self.the_run(store)
            self.assertEqual(run["cores"], len(harness.usable_cpus()))
            threads = self.threads(store, program.pid)
            self.assertEqual([t["blocked_ns"] for t in threads], [run["runtime_ns"]] * 4)
            causes = store.rows("SELECT detail, ns FROM thread_blocked WHERE run = 1")
            self.assertEqual(sorted(r["detail"] for r in causes), ["clock_nanosleep", "futex lock", "read pipe", "read pipe"])
            for lane in range(run["cores"]):
                self.assertEqual(store.ns(1, "blocked", lane=lane), run["runtime_ns"], store.book(1, PHASE, lane))
            # Their stacks are not known, their time is.
            away = store.rows("SELECT sum(weight_ns) FROM sample WHERE kind = 'offcpu'")[0][0]
            self.assertEqual(away, 4 * run["runtime_ns"])

    def test_a_stopped_process_is_blocked_and_stopped(self):
        program = self.program("burn")
        program.send_signal(signal.SIGSTOP)
        harness.wait_for("a stopped process", lambda: harness.process_state(program.pid) == "T")
        done = self.measure(program.pid)
        with done.store() as store:
            run = self.the_run(store)
            (stopped,) = store.rows("SELECT sum(ns) AS ns FROM thread_blocked WHERE detail = 'stopped'")
            self.assertEqual(stopped["ns"], 2 * run["runtime_ns"])

    def test_threads_that_call_themselves_workers_are_the_lanes(self):
        program = self.program("sleep", "worker/1", "worker/0")
        # Enough samples that each of them has one, whoever else takes the CPUs.
        done = self.measure(program.pid, "--frequency", "999", seconds=0.5)
        with done.store() as store:
            run = self.the_run(store)
            self.assertEqual(run["cores"], 2)
            self.assertEqual(store.ns(1, "blocked"), 0)
            threads = store.rows("SELECT DISTINCT lane, thread FROM sample WHERE kind = 'oncpu' AND lane >= 0 ORDER BY lane")
            self.assertEqual([tuple(r) for r in threads], [(0, "worker/0"), (1, "worker/1")])

    def test_the_lanes_of_QEMU_are_its_vCPUs(self):
        if not shutil.which("qemu-system-x86_64"):
            self.skipTest("no qemu-system-x86_64 here: apt install qemu-system-x86")
        # Without anything to boot from: the firmware looks for it, on the first vCPU.
        qemu = subprocess.Popen(["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "64M",
                                 "-nodefaults", "-display", "none", "-name", "attach,debug-threads=on"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(qemu.wait)
        self.addCleanup(qemu.kill)
        harness.wait_for("the vCPUs", lambda: "CPU 1/TCG" in harness.threads_of(qemu.pid))
        done = self.measure(qemu.pid)
        with done.store() as store:
            run = self.the_run(store)
            self.assertEqual((run["guest"], run["cores"], run["accel"]), ("qemu-attach", 2, "tcg"))
        self.assertIsNone(qemu.poll())

    def test_a_process_with_a_process_namespace_of_its_own_is_a_container(self):
        harness.need_program("unshare", "util-linux")
        outside = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", self.programs["program"], "burn"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self._end_program, outside)
        self.assertEqual(outside.stdout.readline(), "ready\n")
        (inside,) = harness.read_file(f"/proc/{outside.pid}/task/{outside.pid}/children").split()
        done = self.measure(inside, seconds=0.3)
        with done.store() as store:
            self.assertEqual(self.the_run(store)["guest"], "container")

    @harness.patiently
    def test_what_is_forked_later_is_its_own(self):
        program = self.program("sleep", "fork")
        done = self.measure(program.pid, seconds=1)
        with done.store() as store:
            run = self.the_run(store)
            self.assert_sound(store, run["cores"])
            children = [t for t in self.threads(store) if t["parent"] == program.pid]
            self.assertGreater(len(children), 3)
            for t in children[:-1]: # the last may be cut
                self.assertLess(t["cpu_ns"], 8e6)
            self.assertGreater(max(t["cpu_ns"] for t in children), 4.9e6)

    def test_workers_alone_are_lanes_and_what_is_forked_is_a_helper(self):
        program = self.program("worker/0", "fork")
        done = self.measure(program.pid, seconds=1)
        with done.store() as store:
            run = self.the_run(store)
            self.assertEqual(run["cores"], 1)
            self.assertEqual(self.threads(store), [])
            (helpers,) = store.rows("SELECT total(ns) AS ns FROM account WHERE lane = -1 AND state = 'helper'")
            self.assertGreater(helpers["ns"], 5e6)

    def test_it_ends_with_the_process(self):
        program = self.program("burn")
        process = self.attach(program.pid)
        program.stdin.close()
        self.assertEqual(program.wait(10), 0)
        done = self.finish(process)
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            self.the_run(store)
        self.assertTrue(os.path.isfile(done.folder + "/report/index.html"))

    def test_SIGTERM_and_the_timeout_are_good_ends_too(self):
        program = self.program("sleep")
        self.measure(program.pid, seconds=0.2, number=signal.SIGTERM)
        done = self.finish(self.attach(program.pid, "--timeout", "1"))
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            run = self.the_run(store)
            self.assertGreaterEqual(run["runtime_ns"], 1e9)
            self.assertFalse([text for text in store.warnings() if "--timeout" in text])
        self.assertIsNone(program.poll())

    def test_the_summary_is_there_as_JSON(self):
        program = self.program("sleep")
        done = self.measure(program.pid, "--json", seconds=0.2)
        self.assertEqual(len(json.loads(done.stdout)["runs"]), 1)

    def test_a_dry_run_names_the_lanes(self):
        program = self.program("burn")
        done = self.finish(self.start("--attach", str(program.pid), "--dry-run", workload=None))
        self.assertEqual(done.status, 0, done.stderr)
        self.assertIn(f"attach to process {program.pid}: process, {len(harness.usable_cpus())} lane", done.stdout)
        self.assertIn(f"lane 0: CPU {harness.usable_cpus()[0]}", done.stdout)
        self.assertFalse(os.path.exists(done.folder))

    def test_a_word_that_names_nothing_is_told(self):
        self.assert_one_line(self.collect("--attach", "no/process", workload=None), 2, "no/process", "container")
        # Neither engine answers: there is no client, and no daemon.
        done = self.collect("--attach", "web", workload=None, env={"PATH": "/nowhere"})
        self.assert_one_line(done, 3, "web", "docker")
        if shutil.which("docker"):
            os.symlink(shutil.which("docker"), self.work + "/docker")
            done = self.collect("--attach", "web", workload=None,
                                env={"PATH": self.work, "DOCKER_HOST": f"unix://{self.work}/no.sock"})
            self.assert_one_line(done, 3, "web", "daemon")

    def test_a_process_that_is_not_there_is_named(self):
        gone = subprocess.Popen(["true"])
        gone.wait()
        self.missing(gone.pid, str(gone.pid), "no process")

    def test_a_process_that_has_ended_is_told_from_one_that_runs(self):
        zombie = subprocess.Popen(["true"])
        self.addCleanup(zombie.wait)
        harness.wait_for("a zombie", lambda: harness.process_state(zombie.pid) == "Z")
        self.missing(zombie.pid, str(zombie.pid), "ended")

    def test_a_thread_is_not_a_process(self):
        program = self.program("sleep", "sleep")
        (tid,) = {int(t) for t in os.listdir(f"/proc/{program.pid}/task")} - {
            program.pid, harness.threads_of(program.pid)["end"]}
        self.missing(tid, str(tid), str(program.pid))

    def test_without_privileges_it_says_what_it_needs(self):
        program = self.program("sleep")
        os.chmod(self.work, 0o755)
        results = self.work + "/nobodys"
        os.mkdir(results)
        os.chown(results, NOBODY, NOBODY)
        subprocess.run(["cp", self.collector, self.work + "/collector"], check=True)

        def become_nobody():
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)

        done = self.collect("--attach", str(program.pid), workload=None, output=results + "/r", before=become_nobody,
                            command=[self.work + "/collector"])
        self.assert_one_line(done, 3)
        self.assertRegex(done.stderr, "sudo|root|CAP_")


class Container(AttachTest):
    IMAGE = "gs-attach" # none of those that the collector would have to remove

    def setUp(self):
        super().setUp()
        if not harness.docker_answers():
            harness.skip("docker cannot run here: collector --doctor says why")
        self.image = f"{self.IMAGE}-{os.getpid()}"
        root = self.work + "/root"
        program = self.programs["program"]
        for source in (program, *re.findall(r"(/\S+) \(", subprocess.run(["ldd", program], check=True, text=True,
                                                                         capture_output=True).stdout)):
            target = root + ("/program" if source == program else source)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(source, target)
        subprocess.run(f"tar -C {root} -c . | docker import - {self.image}", shell=True, check=True,
                       stdout=subprocess.DEVNULL)
        self.addCleanup(self.docker, "rmi", "--force", self.image)

    def docker(self, *words):
        return subprocess.run(["docker", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              timeout=300).stdout.strip()

    def container(self, *kinds, options=()):
        name = f"gs-attach-{os.getpid()}-{len(self._cleanups)}"
        self.docker("run", "-d", "-i", "--name", name, "--network", "none", *options, self.image, "/program", *kinds)
        self.addCleanup(self.docker, "rm", "--force", name)
        pid = self.docker("inspect", "--format", "{{.State.Pid}}", name)
        harness.wait_for("the program's threads", lambda: len(harness.threads_of(int(pid))) > 1)
        return name, int(pid)

    @harness.patiently
    def test_a_container_by_name_is_all_its_processes(self):
        cpu = str(harness.usable_cpus()[-1])
        name, pid = self.container("burn", "fork", options=("--cpuset-cpus", cpu))
        done = self.measure(name, seconds=1)
        with done.store() as store:
            run = self.the_run(store)
            self.assertEqual((run["guest"], run["cores"]), ("container-" + name, 1))
            self.assertEqual([r["cpus"] for r in store.rows("SELECT * FROM pin")], [cpu])
            self.assert_sound(store, 1)
            self.assertIn("cgroup_usage", [r["what"] for r in store.rows("SELECT * FROM audit")])
            self.assertTrue([t for t in self.threads(store) if t["parent"] == pid])
        self.assertEqual(self.docker("inspect", "--format", "{{.State.Status}}", name), "running")

    @harness.patiently
    def test_whoever_comes_by_exec_is_seen(self):
        name, pid = self.container("sleep")
        process = self.attach(name)
        joined = subprocess.Popen(["docker", "exec", "-i", name, "/program", "burn"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(self._end_program, joined)
        self.assertEqual(joined.stdout.readline(), "ready\n")
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        done = self.finish(process)
        with done.store() as store:
            run = self.the_run(store)
            self.assert_sound(store, run["cores"])
            own = [t for t in self.threads(store) if t["process"] != pid and t["cpu_ns"] > 100e6]
            self.assertEqual(len(own), 1, [tuple(t) for t in self.threads(store)])
            pids = [t["pid"] for t in self.threads(store)]
            self.assertEqual(len(pids), len(set(pids)), "a thread is there twice")

    def test_any_process_in_it_means_the_container(self):
        name, pid = self.container("sleep", "fork")
        joined = subprocess.Popen(["docker", "exec", "-i", name, "/program", "sleep"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(self._end_program, joined)
        self.assertEqual(joined.stdout.readline(), "ready\n")
        others = [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) != pid and
                  (harness.read_file(f"/proc/{p}/cmdline") or "").startswith("/program\0sleep\0")]
        inside, = [p for p in others if len(harness.threads_of(p)) == 2]
        for what in (inside, self.docker("inspect", "--format", "{{.Id}}", name)[:12]):
            done = self.finish(self.start("--attach", str(what), "--dry-run", workload=None))
            self.assertEqual(done.status, 0, done.stderr)
            self.assertIn(f"attach to container {name}: container-{name}, ", done.stdout)
            self.assertRegex(done.stdout, "all processes of its control group, /.*[0-9a-f]{64}")

    def test_it_ends_with_the_container(self):
        name, _ = self.container("sleep")
        process = self.attach(name)
        self.docker("kill", name)
        done = self.finish(process)
        self.assertEqual(done.status, 0, done.stderr)

    def test_one_that_does_not_run_or_is_not_there_is_told(self):
        name, _ = self.container("sleep")
        self.docker("kill", name)
        self.missing(name, name, "does not run")
        self.missing(name + "-x", name + "-x", "no container")


if __name__ == "__main__":
    harness.main("program")
