#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The container stacks, really run.

usage: container_test.py docker|podman CONTAINER_LIFE CONTAINER_PROGRAM
Needs a Docker daemon that answers (dockerd.py gives it one), or Podman.
"""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import container_common as common

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "collector", "lib"))
from podman_settings import modest_podman  # noqa: E402


class Engine(common.Life):
    """A Life whose guest is one engine, and what that engine has."""

    def __init__(self, name, life, program):
        super().__init__(life, program)
        self.name = name

    def run_here(self, *arguments, options=()):
        return self.run(self.name, *arguments, options=options)

    def ask(self, *arguments):
        """Podman lists first and looks at each then: it fails where one is being removed meanwhile."""
        for attempt in range(10):
            done = subprocess.run([self.name, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=300, check=False, text=True)
            if done.returncode == 0:
                return done.stdout.split()
            time.sleep(0.1 * attempt)
        raise AssertionError(f"{' '.join(done.args)}: {done.stderr.strip()}")

    def containers(self):
        return [c for c in self.ask("ps", "--all", "--format", "{{.Names}}")
                if c.startswith("guestscope-")]

    def images(self):
        return [i for i in self.ask("images", "--format", "{{.Repository}}")
                if "guestscope/" in i]

    def monitors(self):
        """Processes that watch one of our containers."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/cmdline", "rb") as f:
                    words = f.read().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"conmon") and any(w.startswith(b"guestscope-") for w in words):
                found.append(name)
        return found

    def assert_nothing_left(self):
        assert not self.containers(), self.containers()
        assert not self.images(), self.images()


def children(parent):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as f:
                if f.read().rpartition(")")[2].split()[1] == str(parent):
                    found.append(name)
        except OSError:
            pass
    return found


def test_program_runs_with_its_arguments_and_output(engine):
    status, output = engine.run_here("-burn", "20", "-iteration", "7")
    assert status == 0, output
    arguments = common.words(output, "arg")
    assert re.fullmatch(r"/guestscope-[0-9a-f]+/\.\./container_program", arguments[0]), arguments
    assert arguments[1:5] == ["-cores", "1", "-markers", "-rows"], arguments
    assert "picture ok" in output
    engine.assert_nothing_left()


def test_cpus_are_those_of_the_lanes(engine):
    cpu = common.usable_cpus()[-1]
    status, output = engine.run_here(options=["--pin", str(cpu)])
    assert status == 0, output
    assert common.words(output, "cpus") == [str(cpu)], output


def test_one_image_serves_all_runs_of_an_experiment(engine):
    status, output = engine.run_here(options=["--repeat", "3"])
    assert status == 0, output
    notes = re.findall(r"^# note image (\S+)", output, re.M)
    assert len(notes) == 3 and len(set(notes)) == 1, notes
    paths = re.findall(r"^# path (\S+)", output, re.M)
    assert len(set(paths)) == 3, paths
    engine.assert_nothing_left()


@contextlib.contextmanager
def execs_seen():
    """A function that gives the paths of all programs that the kernel has executed since, by its own trace."""
    with tempfile.TemporaryDirectory(prefix="guestscope-test-") as tracing:
        subprocess.run(["mount", "-t", "tracefs", "none", tracing], check=True)
        instance = f"{tracing}/instances/guestscope-test-{os.getpid()}"
        try:
            os.mkdir(instance)
            with open(f"{instance}/events/sched/sched_process_exec/enable", "w", encoding="ascii") as f:
                f.write("1")

            def seen():
                with open(f"{instance}/trace", encoding="utf-8", errors="replace") as f:
                    return re.findall(r"sched_process_exec: filename=(\S+) ", f.read())
            yield seen
        finally:
            if os.path.isdir(instance):
                os.rmdir(instance)
            subprocess.run(["umount", tracing], check=True)


def test_exec_carries_the_path_that_was_announced(engine):
    """By the kernel's word: the program's main thread was exec'd as program_path."""
    if os.geteuid() != 0:
        print("     (not root: the kernel is not asked)")
        return
    with execs_seen() as seen:
        status, output = engine.run_here()
        assert status == 0, output
        path = common.fact(output.splitlines(), "path")
        assert path in seen(), (path, seen())


def test_helpers_are_the_engines_own(engine):
    process, work, lines = engine.start(engine.name, "-hang")
    try:
        helpers = [line.split()[3] for line in lines if line.startswith("# helper")]
        expected = {"docker": {"dockerd", "containerd", "containerd-shim"},
                    "podman": {"conmon"}}[engine.name]
        assert set(helpers) == expected, helpers
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        common.wait_for("folder removed", lambda: not os.path.exists(work))


def test_cgroup_tells_usage_and_throttling(engine):
    # So little that a loaded machine, too, would give more.
    if len(common.usable_cpus()) < 1:
        return
    status, output = engine.run_here("-burn", "1500",
                                     options=["--runtime-arg=--cpus", "--runtime-arg=0.05"])
    assert status == 0, output
    assert os.path.basename(common.fact(output.splitlines(), "cgroup")) != "-", output
    later = re.findall(r"^# later usage (-?\d+) (\d+) throttled 0 (\d+)", output, re.M)
    assert later, output
    usage_error, usage, throttled = map(int, later[-1])
    assert throttled > 100_000_000, later
    # version 1 may have cpuacct in a hierarchy of its own, with its own folder
    assert usage_error in (0, -61), later[-1]
    assert usage_error or usage > 0


def test_warnings_of_the_client_are_no_names(engine):
    """As of Podman 5, which warns of control groups' version 1 whatever it is asked for."""
    with tempfile.TemporaryDirectory(prefix="guestscope-test-") as folder:
        client = os.path.join(folder, engine.name)
        with open(client, "w", encoding="utf-8") as f:
            f.write(f'#!/bin/sh\necho "level=warning msg=deprecated" >&2\nexec {shutil.which(engine.name)} "$@"\n')
        os.chmod(client, 0o755)
        status, output = engine.run(engine.name, environment={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"})
    assert status == 0, output
    engine.assert_nothing_left()


def test_failed_program_is_reported_with_its_status(engine):
    status, output = engine.run_here("-exit", "9")
    assert status == 1 and "ended with status 9; its last words: " in output and " / ready\n" in output, output
    engine.assert_nothing_left()


def test_killed_program_is_reported_with_the_signal(engine):
    status, output = engine.run_here("-exit", "139")
    assert status == 1 and "ended by signal 11" in output, output


def test_wrong_runtime_option_is_reported_in_the_engines_words(engine):
    status, output = engine.run_here(options=["--runtime-arg=--no-such-option"])
    assert status == 1 and "could not run the program (status 125)" in output, output
    engine.assert_nothing_left()


def test_stop_removes_a_container_that_hangs(engine):
    status, output = engine.run_here("-hang", options=["--stop-at-ready"])
    assert status == 0, output
    engine.assert_nothing_left()


def test_killed_collector_leaves_no_container_image_or_folder(engine):
    process, work, lines = engine.start(engine.name, "-hang")
    assert len(engine.containers()) == 1
    client = int(common.fact(lines, "client"))
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    common.wait_for("end of the client", lambda: not common.alive(client))
    common.wait_for("end of the container", lambda: not engine.containers())
    common.wait_for("end of the image", lambda: not engine.images())
    common.wait_for("end of the folder", lambda: not os.path.exists(work))


def test_collector_killed_at_any_moment_leaves_nothing(engine):
    """Also while the image is imported or the container is being made."""
    for delay in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.45, 0.6):
        work = tempfile.mkdtemp(prefix="guestscope-test-")
        process = subprocess.Popen(engine.command(engine.name, work, "-hang"),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGSTOP)
        family = children(process.pid)  # the keeper, if it was started already, and the client
        process.kill()
        process.wait()
        common.wait_for("end of the keeper", lambda f=family: not any(map(common.alive, f)))
        if os.path.exists(work):
            os.rmdir(work)  # the keeper had not heard of it yet, so it is empty
    common.wait_for("end of all containers", lambda: not engine.containers())
    common.wait_for("end of all images", lambda: not engine.images())
    common.wait_for("end of all monitors", lambda: not engine.monitors())


def main(subject):
    status, said = subject.run_here()
    with tempfile.TemporaryDirectory(prefix="guestscope-test-") as folder:
        if subject.name == "podman" and status == 1 and "could not run" in said:
            print("     (Podman with its defaults: " + said.strip().splitlines()[-1] + ")")
            os.environ.update(modest_podman(folder))
            status, said = subject.run_here()
            if status == 1 and "could not run" in said:
                common.skip("Podman cannot run containers: " + said.strip().splitlines()[-1])
        if status == 3:
            common.skip(said.strip())
        common.run_all(globals(), subject)


if __name__ == "__main__":
    main(Engine(*sys.argv[1:4]))
