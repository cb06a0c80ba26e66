#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debug files from servers: debuginfod_test.py COLLECTOR STACKS_PROGRAM

The program is stripped; what was stripped, its functions' names and its source file, is the truth. Servers are Debian's
debuginfod, and ones of this test's own, which note when they are asked, or never answer. All are on the loopback. A proxy that
does not exist is in the environment."""
import http.server
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

FRAMES = "SELECT DISTINCT symbol, file, module FROM frame JOIN stack ON stack.frame = frame.id WHERE side = 'user'"
BURN = ("0.05",)


class Asked(http.server.ThreadingHTTPServer):
    """A server of @files: {build-id: path}, that notes when it was asked for what."""

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Answer)
        self.files, self.asked = files, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((time.monotonic_ns(), self.path))
        found = re.fullmatch("/buildid/([0-9a-f]+)/debuginfo", self.path)
        body = harness.read_file(self.server.files.get(found[1], "/nonexistent") if found else "/nonexistent", "rb")
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_):
        pass


class Silent:
    """Takes connections, and says nothing."""

    def __init__(self):
        self.socket, self.connections = socket.create_server(("127.0.0.1", 0)), []
        threading.Thread(target=self.take, daemon=True).start()

    def take(self):
        while True:
            try:
                self.connections.append(self.socket.accept()[0])
            except OSError:
                return

    def url(self):
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def close(self):
        self.socket.close()
        for connection in self.connections:
            connection.close()


class Debuginfod(harness.SystemTest):
    built_without = None

    def setUp(self):
        harness.need_root()
        harness.need_program("objcopy", "binutils")
        super().setUp()
        program = self.programs["program"]
        notes = subprocess.run(["readelf", "-n", program], capture_output=True, text=True, check=True).stdout
        found = re.search("Build ID: ([0-9a-f]+)", notes)
        if not found:
            harness.skip("this linker makes no build-ids")
        self.build_id = found[1]
        if self.built_without is None:
            Debuginfod.built_without = "without libdebuginfod" in self.doctor("http://127.0.0.1:1")
        if self.built_without:
            harness.skip("the collector is built without libdebuginfod: apt install libdebuginfod-dev")
        self.stripped, self.debug = os.path.join(self.work, "stripped"), os.path.join(self.work, "files", "program.debug")
        os.mkdir(os.path.dirname(self.debug))
        subprocess.run(["objcopy", "--strip-all", program, self.stripped], check=True)
        subprocess.run(["objcopy", "--only-keep-debug", program, self.debug], check=True)

    def settings(self, urls, **more):
        proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy"), f"http://127.0.0.1:{harness.free_ports()[0]}")
        return dict(proxies, no_proxy=None, NO_PROXY=None, DEBUGINFOD_URLS=urls, DEBUGINFOD_CACHE_PATH=os.path.join(self.work, "cache"),
                    **{"DEBUGINFOD_TIMEOUT": None, **more})

    def doctor(self, urls):
        """What it says of debug files."""
        done = subprocess.run([self.collector, "--doctor"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120, env=self.environment(**self.settings(urls)), check=False)
        (line,) = [line for line in done.stdout.splitlines() if " debug files " in line]
        return line

    def measure(self, urls, runs=1, **more):
        done = self.collect("--guest", "native", "--cores", "1", "--repeat", str(runs), "--program=" + self.stripped,
                            workload=BURN, env=self.settings(urls, **more))
        self.assertEqual(done.status, 0, done.stderr)
        return done

    def frames(self, store):
        """{function: source file} of the program."""
        return {r["symbol"]: r["file"] for r in store.rows(FRAMES) if r["module"] == "stripped"}

    def truth(self, store):
        return set(re.findall(r"(?m)^(leaf_\w+): ", store.console(1)))

    def assert_named(self, done):
        with done.store() as store:
            frames, truth = self.frames(store), self.truth(store)
            self.assertGreater(len(truth), 9)
            self.assertEqual(truth - set(frames), set())
            files = [os.path.basename(frames[name]) for name in truth if frames[name]]  # assembly has no lines
            self.assertEqual(set(files), {"stacks_program.c"})
            self.assertGreater(len(files), 9)
            self.assertEqual([w for w in store.warnings() if "DEBUGINFOD" in w], [])

    def assert_nameless(self, store):
        frames = self.frames(store)
        self.assertTrue(frames)
        self.assertEqual([name for name in frames if name in self.truth(store)], [])

    def test_names_and_lines_of_a_stripped_program_come_from_debians_server(self):
        harness.need_program("debuginfod")
        port = harness.free_ports()[0]
        url = f"http://127.0.0.1:{port}"
        with open(os.path.join(self.work, "server.log"), "wb") as log:
            server = subprocess.Popen(["debuginfod", "-d", ":memory:", "-p", str(port), "-F", os.path.dirname(self.debug)],
                                      stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

        def is_ready():
            try:
                return opener.open(f"{url}/buildid/{self.build_id}/debuginfo", timeout=5).status == 200
            except (urllib.error.URLError, OSError):
                return False
        harness.wait_for("the server's first look", is_ready, 60, 0.2)
        self.assert_named(self.measure(url))

    def test_servers_are_asked_once_for_a_file_and_never_while_a_run_is_measured(self):
        server = Asked({self.build_id: self.debug})
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        done = self.measure(server.url(), runs=2)
        self.assert_named(done)
        self.assertEqual(len({path for _, path in server.asked}), len(server.asked), server.asked)
        self.assertIn(f"/buildid/{self.build_id}/debuginfo", [path for _, path in server.asked])
        with done.store() as store:
            self.assertEqual(len(store.runs()), 2)
            for run in store.runs():
                for name, (begin, end) in store.phases(run["id"]).items():
                    self.assertEqual([path for at, path in server.asked if begin <= at <= end], [], name)

        asked = len(server.asked)  # the second time it is in the cache
        self.assert_named(self.measure(server.url()))
        self.assertNotIn(f"/buildid/{self.build_id}/debuginfo", [path for _, path in server.asked[asked:]])

    def test_without_the_variable_nobody_is_asked(self):
        server = Asked({self.build_id: self.debug})
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        for urls in (None, "", " "):
            with self.measure(urls).store() as store:
                self.assert_nameless(store)
                self.assertEqual([w for w in store.warnings() if "DEBUGINFOD" in w], [])
        self.assertEqual(server.asked, [])
        self.assertFalse(os.path.exists(os.path.join(self.work, "cache")))

    def assert_given_up(self, done, *words):
        with done.store() as store:
            self.assert_nameless(store)
            said = [w for w in store.warnings() if "DEBUGINFOD_URLS" in w]
            self.assertEqual(len(said), 1, said)
            for word in words:
                self.assertIn(word, said[0])

    def test_a_server_that_does_not_answer_is_one_warning_and_asked_no_more(self):
        server = Silent()
        self.addCleanup(server.close)
        begin = time.monotonic()
        done = self.measure(server.url(), DEBUGINFOD_TIMEOUT="2")
        self.assertLess(time.monotonic() - begin, 60)
        self.assert_given_up(done, "do not answer in time")
        self.assertIn(len(server.connections), (1, 2, 3))  # one question: the library tries again at once
        self.assertEqual([name for _, _, names in os.walk(os.path.join(self.work, "cache")) for name in names
                          if name.startswith("debuginfo.")], [], "files that were not got whole")

    def test_a_port_that_nobody_listens_on_is_one_warning(self):
        self.assert_given_up(self.measure(f"http://127.0.0.1:{harness.free_ports()[0]}"), "refused")

    def test_a_file_of_another_build_is_not_believed(self):
        with open(self.debug, "r+b") as f:
            data = f.read()
            self.assertEqual(data.count(bytes.fromhex(self.build_id)), 1)
            f.seek(data.index(bytes.fromhex(self.build_id)))
            f.write(bytes(20))
        server = Asked({self.build_id: self.debug})
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        with self.measure(server.url()).store() as store:
            self.assert_nameless(store)
        self.assertIn(f"/buildid/{self.build_id}/debuginfo", [path for _, path in server.asked])

    def test_who_interrupts_does_not_wait_for_a_server(self):
        server = Silent()
        self.addCleanup(server.close)
        collector = self.start("--guest", "native", "--cores", "1", "--repeat", "1", "--program=" + self.stripped,
                               workload=BURN, env=self.settings(server.url(), DEBUGINFOD_TIMEOUT="200"))
        harness.wait_for("a question", lambda: server.connections, 60)
        begin = time.monotonic()
        collector.send_signal(signal.SIGINT)
        self.finish(collector)
        self.assertLess(time.monotonic() - begin, 30)

    def test_the_doctor_says_whether_servers_are_asked(self):
        for urls, words in ((None, "names no server"), ("http://127.0.0.1:1", "http://127.0.0.1:1")):
            self.assertIn(words, self.doctor(urls))


if __name__ == "__main__":
    harness.main("program")
