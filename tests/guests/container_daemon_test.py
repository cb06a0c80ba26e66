#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said where Docker cannot be used, and the private daemon's promise to leave nothing.

usage: container_daemon_test.py CONTAINER_LIFE CONTAINER_PROGRAM DOCKERD_PRIVATE
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import container_common as common

DOCKERD_PRIVATE = None


def test_missing_client_names_the_package(life):
    with tempfile.TemporaryDirectory(prefix="guestscope-test-") as empty:
        status, output = life.run("docker", environment={"PATH": empty})
    assert status == 3 and "apt install docker.io" in output, output


def test_missing_daemon_is_named_with_the_fix(life):
    if not shutil.which("docker"):
        print("     (no docker here: not asked)")
        return
    environment = dict(os.environ, DOCKER_HOST="unix:///nonexistent/docker.sock")
    status, output = life.run("docker", environment=environment)
    assert status == 3, output
    assert "no Docker daemon answers at unix:///nonexistent/docker.sock" in output, output
    assert "systemctl start docker, or sudo dockerd" in output, output


def test_daemon_on_another_machine_is_refused(life):
    if not shutil.which("docker"):
        print("     (no docker here: not asked)")
        return
    environment = dict(os.environ, DOCKER_HOST="tcp://192.0.2.1:2375")
    status, output = life.run("docker", environment=environment)
    assert status == 3 and "only on this machine" in output, output


def can_start_one():
    return os.geteuid() == 0 and shutil.which("dockerd") and shutil.which("docker")


def remains(folder):
    """What is left of the private daemon in @folder."""
    left = [folder] if os.path.exists(folder) else []
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        mounts = [line.split()[4] for line in f]
    left += [m for m in mounts if m.startswith(folder)]
    left += [g for m in mounts if m.startswith("/sys/fs/cgroup")
             for g in [os.path.join(m, os.path.basename(folder))] if os.path.exists(g)]
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as f:
                words = f.read().split(b"\0")
        except OSError:
            continue
        if any(word.startswith(folder.encode() + b"/") for word in words[1:]):
            left.append(" ".join(w.decode(errors="replace") for w in words))
    return left


def start_private(command):
    """Returns (process, folder of the daemon) once COMMAND runs in it."""
    process = subprocess.Popen([sys.executable, DOCKERD_PRIVATE, "run", "--", "sh", "-c",
                                f"echo $DOCKER_HOST; {command}"], stdout=subprocess.PIPE,
                               stdin=subprocess.DEVNULL, text=True)
    address = process.stdout.readline().strip()
    match = re.fullmatch(r"unix://(/.*/guestscope-[^/]+)/docker.sock", address)
    assert match, address
    return process, match[1]


def test_private_daemon_passes_the_status_on_and_leaves_nothing(_):
    if not can_start_one():
        print("     (needs root and docker.io: not asked)")
        return
    process, folder = start_private("exit 7")
    assert process.wait(timeout=300) == 7
    process.stdout.close()
    assert not remains(folder), remains(folder)


def test_private_daemon_goes_with_a_killed_caller(_):
    if not can_start_one():
        print("     (needs root and docker.io: not asked)")
        return
    for sig in (signal.SIGTERM, signal.SIGKILL):
        process, folder = start_private("exec sleep 600")
        process.send_signal(sig)
        process.wait(timeout=300)
        process.stdout.close()
        common.wait_for(f"end of {folder}", lambda: not remains(folder), 40)


def test_private_daemon_can_be_started_and_stopped_by_name(_):
    if not can_start_one():
        print("     (needs root and docker.io: not asked)")
        return
    folder = os.path.join(tempfile.gettempdir(), f"guestscope-test-daemon-{os.getpid()}")
    call = [sys.executable, DOCKERD_PRIVATE]
    try:
        started = subprocess.run([*call, "start", folder], stdout=subprocess.PIPE, text=True,
                                 check=True, timeout=90)
        assert started.stdout == f"DOCKER_HOST=unix://{folder}/docker.sock\n", started.stdout
    finally:
        subprocess.run([*call, "stop", folder], check=True, timeout=300)
    assert not remains(folder), remains(folder)


def test_private_daemon_refuses_to_remove_a_strange_folder(_):
    with tempfile.TemporaryDirectory(prefix="other-") as folder:
        done = subprocess.run([sys.executable, DOCKERD_PRIVATE, "stop", folder], check=False,
                              stderr=subprocess.PIPE, text=True, timeout=300)
        assert done.returncode == 3 and os.path.isdir(folder), done.stderr


if __name__ == "__main__":
    DOCKERD_PRIVATE = sys.argv[3]
    common.run_all(globals(), common.Life(*sys.argv[1:3]))
