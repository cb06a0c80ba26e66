#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Known disturbances, and what the books say of them: truth_test.py COLLECTOR TRUTH_PROGRAM COMPETITOR

Nothing here passes or fails by how fast the machine is: each case compares the books with another witness of
the same time (the program's own clock, the kernel's account of another process, the kernel's counters)."""
import os
import re
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

MS = 1_000_000


class TruthTest(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        super().setUp()

    def truth(self, *arguments, options=(), guest="native", cores=1):
        """Start the program that does @arguments."""
        return self.start("--guest", guest, "--cores", str(cores), "--repeat", "1", "--program",
                          self.programs["truth"], *options, workload=("-do", *arguments))

    def measured(self, process, audited=False):
        """The store of a finished collector, all of whose runs went well."""
        done = self.finish(process)
        self.assertEqual(done.status, 0, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        self.assert_measured(store, audited)
        return store

    @staticmethod
    def said(store, run=1):
        """What the program itself measured: {(worker, phase): {key: ns}}"""
        found = {}
        for line in store.console(run).splitlines():
            if line.startswith("truth "):
                words = dict(word.split("=") for word in line.split()[1:])
                key = int(words.pop("worker")), words.pop("phase")
                found[key] = {name: int(value) for name, value in words.items()}
        return found

    def wait_for_render(self, guest, process):
        """Returns the stack's pid when the phase has begun, by the console's word."""
        path = process.folder + "/logs/run-0001.console"
        harness.wait_for(f"{guest} to work", lambda: process.poll() is not None or
                         "phase name=render" in (harness.read_file(path) or ""), 90)
        time.sleep(0.1)
        return self.find_process("truth_program" if guest == "native" else "qemu-system-x86_64", 1)

    def wall(self, store, phase):
        begin, end = store.phases(1)[phase]
        return end - begin

    def assert_near(self, books, truth, within, what, book=""):
        print(f"  {what}: books {books / MS:.3f} ms, truth {truth / MS:.3f} ms,"
              f" difference {(books - truth) / MS:+.3f} ms, allowed {within / MS:.3f} ms", flush=True)
        self.assertLessEqual(abs(books - truth), within, f"{what}; the book: {book}")


class Preempted(TruthTest):
    """(a)"""

    def check(self, guest):
        """A competitor beside lane 0."""
        if not harness.guests_available(self.collector, guest):
            harness.skip(f"{guest} cannot run here: collector --doctor says why")
        cpu = harness.usable_cpus()[0]
        process = self.truth("spin", "-ms", "3000", guest=guest, options=("--pin", str(cpu)))
        self.wait_for_render(guest, process)
        done = subprocess.run([self.programs["competitor"], str(cpu), "1000"],
                              capture_output=True, text=True, check=True, timeout=300,
                              preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
        begin, end, cpu_ns = map(int, done.stdout.split())
        store = self.measured(process)
        start, stop = store.phases(1)["render"]
        self.assertTrue(start < begin and end < stop, "the competitor ran outside the render phase")
        # Two with an equal claim share the CPU, where no third is at work.
        self.assertGreater(cpu_ns, 0.02 * (end - begin))
        self.assert_near(store.ns(1, "preempted", "gs-competitor", lane=0), cpu_ns,
                         0.02 * (stop - start), f"{guest}: CPU time of the competitor",
                         store.book(1, "render", 0))

    @harness.patiently
    def test_a_competitor_on_a_native_lane_is_named_with_its_CPU_time(self):
        self.check("native")

    @harness.patiently
    def test_a_competitor_on_a_vCPU_is_named_with_its_CPU_time(self):
        self.check("osv")


class Blocked(TruthTest):
    """(b)"""

    CAUSES = {"sleep": "clock_nanosleep", "condition": "futex condition", "lock": "futex lock",
              "pipe": "read pipe", "poll": "poll"}

    @harness.patiently
    def test_sleep_futex_pipe_and_poll_are_told_apart_with_their_times(self):
        cores = min(2, len(harness.usable_cpus()))
        # An emulated CPU takes too long between the scheduler's stamp of a switch and ours.
        audited = not os.environ.get("GUESTSCOPE_EMULATED")
        store = self.measured(self.truth("wait", cores=cores), audited=audited)
        said = self.said(store)
        for lane in range(cores):
            for phase, cause in self.CAUSES.items():
                truth = said[lane, phase]["waited"]
                # The program's clock also runs in the kernel on the way to the wait and back, while
                # interrupts last, and while it has been woken and waits for its CPU.
                queued = sum(store.ns(1, state, phase=phase, lane=lane)
                             for state in ("wakeup", "preempted", "kernel", "irq"))
                blocked = store.ns(1, "blocked", cause, phase, lane)
                within = max(0.01 * self.wall(store, phase), 2 * MS)
                book = store.book(1, phase, lane)
                self.assertGreater(truth, 290 * MS)
                self.assert_near(blocked, truth, within + queued, f"lane {lane}: {cause}", book)
                self.assertLessEqual(blocked, truth + MS, book)
                self.assertGreaterEqual(store.count(1, "blocked", cause, phase, lane), 10)
                for other in set(self.CAUSES.values()) - {cause}:
                    self.assertLess(store.ns(1, "blocked", other, phase, lane), 2 * MS, book)


    @harness.patiently
    def test_long_sleeps_in_a_storm_of_short_ones_are_in_the_graph_and_so_is_the_last(self):
        """In a storm stacks are taken of one sleep in so many."""
        store = self.measured(self.truth("naps", "-ms", "2000"))
        truth = self.said(store)[0, "naps"]
        off = sum(store.ns(1, state, phase="naps", lane=0) for state in ("wakeup", "preempted", "blocked"))
        graph, = store.rows("SELECT sum(weight_ns) AS ns FROM sample WHERE run = 1 AND phase = 'naps' AND kind = 'offcpu' AND lane = 0")
        self.assertGreater(truth["naps"], 1000, "no storm")
        self.assertGreater(truth["long"], 0.5 * truth["waited"])
        self.assert_near(graph["ns"], off, 0.05 * off, f"{truth['naps']} sleeps: graph and books", store.book(1, "naps", 0))


class Interrupts(TruthTest):
    """(c)"""

    def check(self, store, lane, phase, detail, truth):
        """The counts of an interrupt that hit the lane, and those of its CPU. The CPU may have been
        another's for a while: what hit it then is the difference, at most in proportion."""
        wall = self.wall(store, phase)
        away = (store.ns(1, "preempted", phase=phase, lane=lane) +
                store.ns(1, "wakeup", phase=phase, lane=lane)) / wall
        books = store.count(1, "irq", detail, phase, lane)
        ns = store.ns(1, "irq", detail, phase, lane)
        print(f"  {phase}, lane {lane}: {detail}: books {books}, /proc {truth}, {ns / MS:.2f} ms,"
              f" the lane was off its CPU for {100 * away:.2f} %", flush=True)
        book = store.book(1, phase, lane)
        self.assertLessEqual(books, truth * 1.005 + 20, book)
        self.assertGreaterEqual(books, truth * (0.99 - 1.5 * away) - 20, book)
        return books, ns

    @harness.patiently
    def test_storms_of_timers_and_packets_are_counted_as_the_kernel_counts(self):
        store = self.measured(self.truth("timers", "-ms", "700", options=("--profile", "none")))
        said = self.said(store)
        timers, network = said[0, "timers"], said[0, "network"]
        self.assertGreater(timers["local_timer"], 1000, "no storm of timers")
        self.assertGreater(network["net_rx"], 1000, "no storm of packets")
        count, ns = self.check(store, 0, "timers", "local timer", timers["local_timer"])
        self.assertTrue(200 < ns / count < 100_000, f"{ns / count:.0f} ns an interrupt")
        self.check(store, 0, "timers", "softirq timer", timers["timer"])
        self.check(store, 0, "timers", "softirq sched", timers["sched"])
        self.check(store, 0, "network", "softirq net_rx", network["net_rx"])

    @harness.patiently
    def test_interrupt_time_agrees_with_bpftrace(self):
        """Another program, which pairs entry and exit in its own way, on the same thread."""
        harness.need_program("bpftrace")
        script = ('tracepoint:irq_vectors:local_timer_entry /comm == "worker/0"/ '
                  '{ @begin[tid] = nsecs; } '
                  'tracepoint:irq_vectors:local_timer_exit /@begin[tid]/ '
                  '{ @ns[tid] = sum(nsecs - @begin[tid]); @n[tid] = count(); delete(@begin[tid]); } '
                  'BEGIN { printf("ready\\n"); } END { clear(@begin); }')
        tracer = subprocess.Popen(
            ["bpftrace", "-B", "line", "-e", script], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, env=self.environment(),
            preexec_fn=None if os.path.exists("/sys/kernel/tracing/events") else
            harness.private_mounts(("tracefs", "/sys/kernel/tracing", "")))
        self.addCleanup(self._end, tracer)
        self.addCleanup(tracer.stdout.close)
        lines = []
        for line in tracer.stdout:
            lines.append(line)
            if "ready" in line:
                break
        else:
            harness.skip("bpftrace does not work here: " + "".join(lines).strip())
        process = self.truth("timers", "-ms", "700", options=("--profile", "none"))
        pid = self.find_process("truth_program")
        # Others on this machine may call their threads so, too.
        tid = harness.wait_for("the worker", lambda: harness.threads_of(pid).get("worker/0"))
        process.wait(60)
        tracer.send_signal(signal.SIGINT)
        words = tracer.communicate(timeout=300)[0]
        store = self.measured(process)
        found = dict(re.findall(rf"@(\w+)\[{tid}\]: (\d+)", words))
        self.assertIn("n", found, words)
        count, ns = int(found["n"]), int(found["ns"])
        books, books_ns = (store.count(1, "irq", "local timer", lane=0),
                           store.ns(1, "irq", "local timer", lane=0))
        print(f"  local timer: books {books} in {books_ns / MS:.3f} ms,"
              f" bpftrace {count} in {ns / MS:.3f} ms", flush=True)
        self.assertLessEqual(books, 1.005 * count + 20)
        self.assertGreaterEqual(books, 0.98 * count - 20)
        # Which of two probes of one event runs first is chance: up to their own cost, an interrupt.
        self.assertLessEqual(abs(books_ns - ns), 0.1 * ns + 1500 * count)


class Stopped(TruthTest):
    """(d)"""

    def check(self, guest):
        if not harness.guests_available(self.collector, guest):
            harness.skip(f"{guest} cannot run here: collector --doctor says why")
        cores = min(2, len(harness.usable_cpus()))
        process = self.truth("spin", "-ms", "2500", guest=guest, cores=cores)
        pid = self.wait_for_render(guest, process)
        os.kill(pid, signal.SIGSTOP)
        begin = time.monotonic_ns()
        time.sleep(0.3)
        os.kill(pid, signal.SIGCONT)
        end = time.monotonic_ns()
        store = self.measured(process)
        start, stop = store.phases(1)["render"]
        self.assertTrue(start < begin and end < stop, "stopped outside the render phase")
        for lane in range(cores):
            self.assert_near(store.ns(1, "blocked", "stopped", "render", lane), end - begin,
                             0.1 * (end - begin), f"{guest}: lane {lane} stopped",
                             store.book(1, "render", lane))

    @harness.patiently
    def test_stopped_vCPUs_of_OSv_are_blocked_by_that(self):
        self.check("osv")

    @harness.patiently
    def test_stopped_vCPUs_of_Linux_are_blocked_by_that(self):
        self.check("linux-minimal")

    @harness.patiently
    def test_stopped_workers_are_blocked_by_that(self):
        self.check("native")


class Split(TruthTest):
    """(g)"""

    def check(self, how):
        store = self.measured(self.truth("reads", "-ms", "700", options=("--split", how)))
        said = self.said(store)[0, "reads"]
        kernel = store.ns(1, "kernel", "read", "reads", 0)
        other = (store.ns(1, "irq", phase="reads", lane=0) +
                 store.ns(1, "preempted", phase="reads", lane=0))
        book = store.book(1, "reads", 0)
        # The program's clock around its calls; interrupts and preemption hit it in there as well.
        tolerance = 0.02 if how == "exact" else 0.05
        self.assert_near(kernel + other, said["inside"],
                         tolerance * said["inside"] + 0.1 * other + 2 * MS,
                         f"{how}: inside read", book)
        # What rusage counts goes on during interrupts, and stops while another runs.
        self.assert_near(kernel + store.ns(1, "irq", phase="reads", lane=0), said["system"],
                         0.1 * said["system"] + 0.1 * other, f"{how}: system time by rusage", book)
        if how == "exact":
            # An interrupt within a call makes two intervals of it.
            self.assertGreaterEqual(store.count(1, "kernel", "read", "reads", 0), said["calls"], book)
            self.assertEqual(store.rows("SELECT split FROM run")[0][0], "exact")
        spin = store.ns(1, "user", phase="spin", lane=0)
        lost = sum(store.ns(1, state, phase="spin", lane=0) for state in ("irq", "preempted", "kernel"))
        wall = self.said(store)[0, "spin"]["wall"]
        self.assert_near(spin + lost, wall, 0.03 * wall, f"{how}: user time of a loop",
                         store.book(1, "spin", 0))

    @harness.patiently
    def test_exact_split_tells_the_time_inside_long_calls(self):
        self.check("exact")

    @harness.patiently
    def test_sampled_split_tells_the_same_within_its_error(self):
        self.check("sampled")


if __name__ == "__main__":
    harness.main("truth", "competitor")
