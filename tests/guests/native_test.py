#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The native stack and the keeper's promises that need no container.

usage: native_test.py CONTAINER_LIFE CONTAINER_PROGRAM
"""
import os
import signal
import sys

import container_common as common


def test_program_gets_the_workloads_command_line(life):
    status, output = life.run("native", "-iteration", "7", options=["--cores", "1"])
    assert status == 0, output
    arguments = common.words(output, "arg")
    assert arguments[0] == life.program, arguments
    assert arguments[1:7] == ["-cores", "1", "-markers", "-rows", "-iteration", "7"], arguments
    assert arguments[7] == "-file" and len(arguments) == 9, arguments
    assert "picture ok" in output


def test_program_runs_on_the_lanes_cpus_only(life):
    cpu = common.usable_cpus()[-1]
    status, output = life.run("native", options=["--pin", str(cpu)])
    assert status == 0, output
    assert common.words(output, "cpus") == [str(cpu)], output


def test_failed_program_is_reported_with_its_last_words(life):
    status, output = life.run("native", "-exit", "9")
    assert status == 1 and "# failed: the program ended with status 9; its last words: " in output, output
    assert " / picture ok / ready\n" in output, output


def test_killed_program_is_reported_with_the_signal(life):
    status, output = life.run("native", "-kill", "11")
    assert status == 1 and "ended by signal 11" in output, output


def test_stop_ends_a_program_that_hangs(life):
    status, output = life.run("native", "-hang", options=["--stop-at-ready"])
    assert status == 0, output


def test_missing_program_is_named(life):
    missing = common.Life(life.life, "/nonexistent/program")
    status, output = missing.run("native")
    assert status == 3 and "/nonexistent/program" in output, output


def test_killed_collector_leaves_no_process_and_no_folder(life):
    process, work, lines = life.start("native", "-hang")
    program = int(common.fact(lines, "client"))
    assert common.alive(program)
    process.send_signal(signal.SIGKILL)
    process.wait()
    common.wait_for("end of the program", lambda: not common.alive(program))
    common.wait_for("end of the folder", lambda: not os.path.exists(work))
    # the keeper held no descriptor of the collector's output: it ends at once
    process.stdout.read()
    process.stdout.close()


if __name__ == "__main__":
    common.run_all(globals(), common.Life(*sys.argv[1:3]))
