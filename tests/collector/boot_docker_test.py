#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The boot of containers, taken apart: boot_docker_test.py COLLECTOR BOOT_PROGRAM

To be run where a Docker daemon answers (tests/guests/dockerd.py sees to that). Delays are put into known
steps; Docker's own events are another witness."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import boot_test  # noqa: E402
from boot_test import harness, MS  # noqa: E402

DOCKER = ["client", "daemon", "monitor", "runtime create", "start request", "runtime start", "program"]
# A program that takes its time before it becomes another; it says from when to when, by CLOCK_MONOTONIC.
SLOW = """#!/usr/bin/env python3
import os, sys, time
for word in sys.argv[1:]:
    if word in {words!r}:
        begun = time.monotonic_ns()
        time.sleep(0.3)
        with open({log!r}, "a") as f:
            print(word, begun, time.monotonic_ns(), file=f)
os.execv({path!r}, [os.path.basename({path!r}), *sys.argv[1:]])
"""


def to_monotonic(real_ns):
    """A time of CLOCK_REALTIME in CLOCK_MONOTONIC's terms, as long as nobody sets the clock."""
    return real_ns - time.time_ns() + time.monotonic_ns()


class Docker(boot_test.BootTest):
    def setUp(self):
        if not harness.docker_answers():
            harness.skip("no Docker daemon answers: sudo dockerd")
        super().setUp()

    def events(self, since):
        """{what happened to the last container: when}, by Docker's own word."""
        done = subprocess.run(["docker", "events", "--since", str(since), "--until", "0s", "--filter", "type=container",
                               "--format", "{{json .}}"], capture_output=True, text=True, timeout=300, check=True)
        return {e["Action"]: to_monotonic(e["timeNano"]) for e in map(json.loads, done.stdout.splitlines())}

    def test_a_container_has_all_its_steps_and_dockers_events_fit(self):
        since = int(time.time()) - 1
        _, steps, console, done = self.boot("docker", program="boot", workload=("-wait", "300"))
        self.assertEqual(list(steps), DOCKER)
        self.assert_within(self.waited(console), steps["program"])
        self.assertRegex(steps["monitor"]["source"], "exec of runc")
        events = self.events(since)
        for what, at in sorted(events.items(), key=lambda item: item[1]):
            print(f"  docker event {what}: {(at - steps['client']['start_ns']) / MS:.2f} ms", flush=True)
        # Said when the container is made, and when it was started: its program runs by then.
        self.assertTrue(steps["daemon"]["start_ns"] <= events["create"] <= steps["daemon"]["end_ns"])
        self.assertGreaterEqual(events["start"], steps["runtime start"]["start_ns"])
        folded = harness.read_file(os.path.join(done.folder, "report", "flamegraph-boot-docker-1.folded"))
        threads = {line.split(";")[0] for line in folded.splitlines()}
        self.assertTrue({"dockerd", "containerd-shim", "runc"} <= threads, threads)

    def slow(self, name, program, *words):
        """A slow @program in the folder @name, and where it says so; slow at @words in its arguments."""
        path, log = os.path.join(self.work, name), os.path.join(self.work, "slow.log")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as f:
            f.write(SLOW.format(log=log, words=words, path=shutil.which(program)))
        os.chmod(path, 0o755)
        return path, log

    def assert_slow(self, log, steps, names):
        lines = [line.split() for line in (harness.read_file(log) or "").splitlines()]
        self.assertEqual(sorted(word for word, _, _ in lines), sorted(names))
        for word, begun, ended in lines:
            self.assert_within((int(begun), int(ended)), steps[names[word]])

    def test_a_client_that_is_delayed_is_so_in_its_own_step(self):
        path, log = self.slow("bin/docker", "docker", "run")
        _, steps, _, _ = self.boot("docker", program="boot",
                                   env={"PATH": os.path.dirname(path) + ":" + os.environ["PATH"]})
        self.assertEqual(list(steps), DOCKER)
        self.assert_slow(log, steps, {"run": "client"})

    def test_a_runtime_that_is_delayed_is_so_in_its_own_steps(self):
        folder = os.path.dirname(os.environ.get("DOCKER_HOST", "").removeprefix("unix://"))
        if not os.path.basename(folder).startswith("guestscope-"):
            harness.skip("the settings of this Docker daemon are not ours to change")
        script, log = self.slow("slow-runtime", "runc", "create", "start")
        with open(os.path.join(folder, "daemon.json"), "w", encoding="ascii") as f:
            json.dump({"runtimes": {"slow": {"path": script}}}, f)
        with open(os.path.join(folder, "pid"), encoding="ascii") as f:
            os.kill(int(f.read()), signal.SIGHUP)
        harness.wait_for("the new runtime", lambda: "slow" in subprocess.run(
            ["docker", "info", "--format", "{{json .Runtimes}}"], capture_output=True, text=True, timeout=300,
            check=True).stdout)
        _, steps, _, _ = self.boot("docker", "--container-option=--runtime=slow", program="boot")
        self.assertEqual(list(steps), DOCKER)
        self.assert_slow(log, steps, {"create": "runtime create", "start": "runtime start"})


if __name__ == "__main__":
    harness.main("boot")
