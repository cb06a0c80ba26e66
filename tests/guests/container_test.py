#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The container stacks, really run.

usage: container_test.py docker|podman CONTAINER_LIFE CONTAINER_PROGRAM
Needs a Docker daemon that answers (dockerd.py gives it one), or Podman.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import container_common as common


class Engine(common.Life):
    """A Life whose guest is one engine, and what that engine has."""

    def __init__(self, name, life, program):
        super().__init__(life, program)
        self.name = name

    def run_here(self, *arguments, options=()):
        return self.run(self.name, *arguments, options=options)

    def ask(self, *arguments):
        done = subprocess.run([self.name, *arguments], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60,
                              check=True, text=True)
        return done.stdout.split()

    def containers(self):
        return [c for c in self.ask("ps", "--all", "--format", "{{.Names}}")
                if c.startswith("guestscope-")]

    def images(self):
        return [i for i in self.ask("images", "--format", "{{.Repository}}")
                if "guestscope/" in i]

    def assert_nothing_left(self):
        assert not self.containers(), self.containers()
        assert not self.images(), self.images()


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


def test_exec_carries_the_path_that_was_announced(engine):
    """By the kernel's word: the program's main thread was exec'd as program_path."""
    if not shutil.which("bpftrace"):
        print("     (bpftrace is not here: not asked)")
        return
    with tempfile.TemporaryFile("w+") as log:
        script = ('BEGIN { printf("begun\\n"); } tracepoint:sched:sched_process_exec '
                  '{ printf("%s\\n", str(args->filename)); }')
        tracer = subprocess.Popen(["bpftrace", "-B", "line", "-e", script], stdout=log,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

        def heard():
            log.seek(0)
            return log.read()

        try:
            try:
                common.wait_for("bpftrace", lambda: "begun" in heard(), 20)
            except AssertionError:
                print("     (bpftrace does not run here: not asked)")
                return
            status, output = engine.run_here()
            assert status == 0, output
            path = common.fact(output.splitlines(), "path")
            common.wait_for(f"exec of {path}", lambda: path in heard().splitlines(), 10)
        finally:
            tracer.terminate()
            tracer.wait()


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
    if len(common.usable_cpus()) < 1:
        return
    status, output = engine.run_here("-burn", "1500",
                                     options=["--runtime-arg=--cpus", "--runtime-arg=0.5"])
    assert status == 0, output
    assert os.path.basename(common.fact(output.splitlines(), "cgroup")) != "-", output
    later = re.findall(r"^# later usage (-?\d+) (\d+) throttled (-?\d+) (\d+)", output, re.M)
    assert later, output
    usage_error, usage, throttled_error, throttled = map(int, later[-1])
    assert throttled_error == 0 and throttled > 0, later[-1]
    # version 1 may have cpuacct in a hierarchy of its own, with its own folder
    assert usage_error in (0, -61), later[-1]
    assert usage_error or usage > 0


def test_failed_program_is_reported_with_its_status(engine):
    status, output = engine.run_here("-exit", "9")
    assert status == 1 and "ended with status 9: ready" in output, output
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
    for delay in (0.05, 0.15, 0.3, 0.45, 0.6):
        work = tempfile.mkdtemp(prefix="guestscope-test-")
        process = subprocess.Popen(engine.command(engine.name, work, "-hang"),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(delay)
        process.kill()
        process.wait()
        # before the keeper has heard of the folder, it is ours to remove
        try:
            common.wait_for("end of the folder", lambda: not os.path.exists(work), 12)
        except AssertionError:
            os.rmdir(work)
    time.sleep(1)
    engine.assert_nothing_left()


if __name__ == "__main__":
    subject = Engine(*sys.argv[1:4])
    reached, said = subject.run_here()
    if reached == 3:
        common.skip(said.strip())
    if subject.name == "podman" and reached == 1 and "could not run" in said:
        common.skip("Podman cannot run containers here: " + said.strip().splitlines()[-1])
    common.run_all(globals(), subject)
