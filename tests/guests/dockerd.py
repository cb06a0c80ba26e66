#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a test where a Docker daemon answers: a private one, which no other test uses, or else the system's.

usage: dockerd.py DOCKERD_PRIVATE [--network] COMMAND...
Exits 77 where there is none and none can be started.
"""
import os
import shutil
import subprocess
import sys


def answers():
    done = subprocess.run(["docker", "version", "--format", "{{.Server.Version}}"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, timeout=300, check=False)
    return done.returncode == 0


def main(script, *command):
    if not shutil.which("docker"):
        print("skipped: no docker here: apt install docker.io")
        return 77
    private = os.geteuid() == 0 and shutil.which("dockerd")
    network = command[:1] == ("--network",)
    command = command[network:]
    if not private and answers():
        return subprocess.run(command, check=False).returncode
    if not private:
        print("skipped: no Docker daemon answers, and starting one needs root and dockerd")
        return 77
    status = subprocess.run([sys.executable, script, "run", *(["--network"] if network else []), "--", *command],
                            check=False).returncode
    return 77 if status == 3 else status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
