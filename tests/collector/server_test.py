#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers and their clients (--port, --client): server_test.py COLLECTOR SERVE_PROGRAM

The truth is the server's work by construction (serve_program.c): so much CPU time for each request, and so many
requests. Redis, where it is installed, is a server that nobody made for this."""
import os
import shutil
import signal
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402
from podman_settings import modest_podman  # noqa: E402

MS = 1_000_000
ON_CPU = ("user", "kernel", "irq")
# What a guest takes for CPU time: it does not see that its vCPU waits for a CPU.
IN_GUEST = ON_CPU + ("guest", "vmm", "preempted", "wakeup")


class ServerTest(harness.SystemTest):
    stack = "native"

    def setUp(self):
        harness.need_root()
        super().setUp()
        self.port = harness.free_ports()[0]

    def serve(self, client, *server, status=0, options=(), **more):
        """The store of a run of the test's server, with words of the test's client or a whole command line."""
        if not client.startswith("/"):
            client = f"'{self.programs['serve']}' {client}"
        done = self.collect("--guest", self.stack, "--cores", "1", "--repeat", "1", "--port", str(self.port), "--client",
                            client, "--program=" + self.programs["serve"], *options, workload=server, **more)
        self.assertEqual(done.status, status, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        return store

    def client_said(self, store):
        return harness.read_file(f"{store.folder}/logs/run-0001.client")

    def metrics(self, store):
        return {r["name"]: r["value"] for r in store.rows("SELECT name, value FROM metric WHERE run = 1")}

    def assert_truth(self, requests=30, ms=10, most=1.15, states=ON_CPU, options=()):
        """The store of a run in which the server did what it was asked for."""
        store = self.serve(f"ask {{host}} {{port}} {requests}", "serve", str(self.port), str(ms),
                           options=("--metric", "requests=^requests ([0-9]+)", "--metric", "burned=^burned (.*)", "--phase",
                                    "second=^half$", "--same-output", *options))
        self.assert_measured(store, audited=self.stack == "native")
        self.assertEqual(list(store.phases(1)), ["boot", "run", "second"])
        said = self.metrics(store)
        self.assertEqual(said["requests"], requests)
        self.assertGreaterEqual(said["burned"], requests * ms)
        half = requests * ms / 2  # at least; what is more may be of either
        for phase in ("run", "second"):
            spent = sum(store.ns(1, state, phase=phase) for state in states) / MS
            self.assertGreater(spent, 0.97 * half, phase)
            self.assertLess(spent, most * (said["burned"] - half) + 20, phase)
        spent = sum(store.ns(1, state, phase=phase) for state in states for phase in ("run", "second")) / MS
        self.assertGreater(spent, 0.97 * said["burned"])
        for t in store.rows("SELECT * FROM thread WHERE run = 1"):  # as the books: from the client's begin on
            self.assertGreaterEqual(t["start_ns"], store.phases(1)["run"][0])
            self.assertAlmostEqual(t["cpu_ns"] + t["wait_ns"] + t["blocked_ns"], t["end_ns"] - t["start_ns"], delta=2 * MS)
        last = store.rows("SELECT * FROM boot_step WHERE run = 1 ORDER BY start_ns DESC LIMIT 1")[0]
        self.assertIn("the server answers", tuple(last))
        self.assertIn("requests", self.client_said(store))
        self.assertNotIn("requests", store.console(1))
        return store


class Native(ServerTest):
    @harness.patiently
    def test_the_run_is_the_clients_and_the_lanes_time_the_servers(self):
        self.assert_truth()

    def test_words_in_the_clients_command_are_replaced_and_quotes_are_a_shells(self):
        store = self.serve("/bin/echo '{cores} {run}' {seed}\\ {port} \"{host}\"", "serve", str(self.port), "1",
                           options=("--seed", "77"))
        self.assertEqual(self.client_said(store), f"1 1 77 {self.port} 127.0.0.1\n")

    def test_a_client_that_fails_fails_the_run_with_its_last_words(self):
        for complaint, words in (("complain 3", "the client ended with status 3; its last words: this is what is wrong"),
                                 ("complain 206", "the client was ended by signal 6 (Aborted)")):
            store = self.serve(complaint, "serve", str(self.port), "1", status=1)
            self.assertIn(words, store.runs()[0]["error"])
            self.assertIn("this is what is wrong", store.runs()[0]["error"])

    def test_a_server_that_fails_fails_the_run_and_where_it_did_is_told(self):
        store = self.serve("wait 1", "complain", "4", status=1)
        self.assertEqual(store.runs()[0]["error"], f"the server ended before it answered at port {self.port}: the program ended "
                                                   "with status 4; its last words: this is what is wrong")
        store = self.serve(f"/bin/sh -c '\"{self.programs['serve']}\" ask 127.0.0.1 {self.port} 1; "
                           "sleep 20'", "serve-once", str(self.port), "1", status=1)
        self.assertIn("the server ended while the client ran", store.runs()[0]["error"])

    def test_a_server_that_never_answers_is_waited_for_as_long_as_a_run_may_take(self):
        store = self.serve("wait 1", "deaf", "60", status=1, options=("--timeout", "2"))
        self.assertEqual(store.runs()[0]["error"], f"the server did not answer at port {self.port} within 2 s; its last words: "
                                                   "I hear nothing")

    def test_a_client_that_does_not_end_is_ended(self):
        store = self.serve("wait 60", "serve", str(self.port), "1", status=1, options=("--timeout", "2"))
        self.assertIn("the client did not end: 2 s were over", store.runs()[0]["error"])

    def test_of_a_boot_alone_there_is_no_client(self):
        store = self.serve("wait 60", "serve", str(self.port), "1", options=("--boot-only",))
        self.assertEqual(list(store.phases(1)), ["boot"])
        self.assertEqual(self.client_said(store), "")

    def test_client_and_server_go_with_a_killed_collector(self):
        process = self.start("--cores", "1", "--repeat", "1", "--port", str(self.port), "--client",
                             f"'{self.programs['serve']}' wait 100", "--program=" + self.programs["serve"],
                             workload=("serve", str(self.port), "1"))
        harness.wait_for("the client", lambda: any(line.split(" ")[:2] == [self.programs["serve"], "wait"]
                                                   for line in self.traces.processes().values()), 60)
        process.send_signal(signal.SIGKILL)
        self.finish(process)

    def test_another_client_is_another_experiment(self):
        store = self.serve("ask {host} {port} 1", "serve", str(self.port), "1")
        again = self.collect("--client", "true", resume=store.folder)
        self.assert_one_line(again, 2, "--client differs from the experiment's plan")

    def test_mistakes_are_one_line_before_the_first_run(self):
        program, port = ("--program=" + self.programs["serve"],), ("--port", str(self.port))
        for options, status, words in (
                (("--client", "true", *program), 2, "--client needs --port"),
                ((*port, "--client", "true"), 2, "--port is for a program of yours"),
                (("--port", "0", *program), 2, "--port takes PORT or HOSTPORT:PORT, each from 1 to 65535, not '0'"),
                (("--port", "70000", *program), 2, "not '70000'"),
                (("--port", "80:", *program), 2, "not '80:'"),
                ((*port, "--client", "a | b", *program), 2, "there is no shell, so a '|' has to be quoted"),
                ((*port, "--client", "a 'b", *program), 2, "a ' has no end"),
                ((*port, "--client", " ", *program), 2, "there is no word"),
                ((*port, "--client", "no-such-program x", *program), 3, "--client: there is no program no-such-program"),
                ((*port, "--client", "/etc/passwd", *program), 3, "--client: cannot run /etc/passwd"),
                ((*port, "--client", "true", "--attach", "1"), 2, "cannot be used with --attach")):
            with self.subTest(options=options):
                self.assert_one_line(self.collect(*options, workload=None), status, words)

    def test_a_port_that_is_in_use_is_refused(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", self.port))
            other.listen()
            done = self.collect("--port", str(self.port), "--program=" + self.programs["serve"], "--client", "true",
                                workload=("serve", str(self.port), "1"))
        self.assert_one_line(done, 3, f"port {self.port} is in use on this machine")

    def test_a_dry_run_shows_the_client_of_each_run(self):
        done = self.collect("--guest", "native", "--cores", "1", "--repeat", "2", "--port", str(self.port), "--client",
                            "true '{run} x' {port}", "--program=" + self.programs["serve"], "--dry-run", workload=("serve",))
        self.assertEqual(done.status, 0, done.stderr)
        for run in "12":
            self.assertIn(f"  client: true '{run} x' {self.port}\n", done.stdout)


class Guests(ServerTest):
    """A whole Debian is in linux_test.py."""

    def need(self, stack):
        self.stack = stack
        if not harness.guests_available(self.collector, stack):
            harness.skip(f"no {stack} here: collector --list-guests says why")

    def test_of_a_linux_guest(self):
        self.need("linux-minimal")
        self.assert_truth(requests=10, ms=30, most=3, states=IN_GUEST)

    def test_of_osv(self):
        self.need("osv")
        self.assert_truth(requests=10, ms=30, most=3, states=IN_GUEST)

    def test_without_a_port_the_machine_has_no_network(self):
        self.need("linux-minimal")
        for options, there in (((), False), (("--port", "80"), True)):
            done = self.collect("--guest", "linux-minimal", "--cores", "1", "--repeat", "1", "--dry-run",
                                "--program=" + self.programs["serve"], *options, workload=("serve", "80", "1"))
            self.assertEqual(done.status, 0, done.stderr)
            self.assertEqual("virtio-net" in done.stdout, there)


class Podman(ServerTest):
    stack = "podman"

    def test_the_run_is_the_clients_and_the_lanes_time_the_servers(self):
        os.environ.update(modest_podman(self.work))
        if "podman" not in harness.guests_available(self.collector):
            harness.skip("no podman here: collector --list-guests says why")
        self.assert_truth(requests=10)


REQUESTS = 400


class Redis(ServerTest):
    """Few connections: of redis-benchmark's 50 some stall for ever where an emulated machine is slow, and QEMU's user network
    resets them in the end."""
    stacks = ("native", "linux-minimal", "osv")

    def test_it_serves_in_every_stack(self):
        for name in ("redis-server", "redis-benchmark"):
            harness.need_program(name, "redis-server redis-tools")
        stacks = harness.guests_available(self.collector, *self.stacks)
        if not stacks:
            harness.skip("none of " + ", ".join(self.stacks))
        done = self.collect("--guest", ",".join(stacks), "--cores", "1", "--repeat", "1", "--port", str(self.port), "--client",
                            f"redis-benchmark -h {{host}} -p {{port}} -t get -c 4 -n {REQUESTS} --csv", "--metric",
                            'rps=^"GET","([0-9.]+)":higher', "--program=" + shutil.which("redis-server"), timeout=2 * harness.PATIENCE,
                            workload=("--port", str(self.port), "--save", "", "--bind", "0.0.0.0", "--protected-mode", "no"))
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            self.assert_measured(store, storm=True)
            self.assertEqual({r["guest"] for r in store.runs()}, set(stacks))
            for run in store.runs():
                rate, = store.rows("SELECT value FROM metric WHERE run = ?", run["id"])
                self.assertGreater(rate["value"] * run["runtime_ns"] / 1e9, REQUESTS, run["guest"])


class Docker(Redis):
    """In a daemon that has a network."""
    stack = "docker"
    stacks = ("docker",)

    def setUp(self):
        super().setUp()
        if not harness.docker_answers():
            harness.skip("docker cannot run here: collector --doctor says why")

    @harness.patiently
    def test_the_run_is_the_clients_and_the_lanes_time_the_servers(self):
        self.assert_truth()

    def test_a_server_that_listens_where_nobody_gets_is_told(self):
        store = self.serve("wait 1", "serve", str(self.port), "1", "127.0.0.1", status=1)
        self.assertIn("it has to listen at 0.0.0.0", store.runs()[0]["error"])

    def test_it_is_published_where_it_is_asked_for(self):
        host = harness.free_ports()[0]
        done = self.collect("--guest", "docker", "--cores", "1", "--repeat", "1", "--port", f"{host}:{self.port}", "--client",
                            f"'{self.programs['serve']}' ask 127.0.0.1 {host} 3", "--program=" + self.programs["serve"],
                            workload=("serve", str(self.port), "1"))
        self.assertEqual(done.status, 0, done.stderr)


if __name__ == "__main__":
    harness.main("serve")
