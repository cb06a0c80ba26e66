# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of native and container stacks share: running container_life, waiting, counting."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

SKIP = 77


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIP)


class Life:
    """The driver, the program that it runs, and how to call them."""

    def __init__(self, life, program):
        self.life = life
        self.program = program
        self.count = 0

    def nonce(self):
        self.count += 1
        return f"{os.getpid() & 0xffffff:06x}{self.count:02x}"

    def command(self, guest, work, *arguments, options=()):
        return [self.life, "--work", work, "--nonce", self.nonce(), *options, guest, self.program,
                *arguments]

    def run(self, guest, *arguments, options=(), environment=None):
        """Run to the end. Returns (exit status, output)."""
        work = tempfile.mkdtemp(prefix="guestscope-test-")
        done = subprocess.run(self.command(guest, work, *arguments, options=options),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120, check=False,
                              env=environment, text=True)
        left = os.path.exists(work)
        shutil.rmtree(work, ignore_errors=True)
        if done.returncode in (0, 1):  # 3: the keeper was not started yet
            assert not left, f"the keeper left {work}"
        return done.returncode, done.stdout

    def start(self, guest, *arguments, options=()):
        """Start, and wait until the program is ready. Returns (process, work folder, lines)."""
        work = tempfile.mkdtemp(prefix="guestscope-test-")
        process = subprocess.Popen(self.command(guest, work, *arguments, options=options),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("# cgroup"):
                break
        return process, work, lines


def wait_for(what, condition, seconds=30):
    """Poll until condition() holds; an assertion that names @what if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.05)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def fact(lines, name):
    """The rest of the last line "# NAME ..."."""
    found = [line.partition(f"# {name} ")[2] for line in lines if line.startswith(f"# {name} ")]
    assert found, f"no '# {name}' in: {lines}"
    return found[-1]


def usable_cpus():
    return sorted(os.sched_getaffinity(0))


def words(output, name):
    return re.findall(rf"^{name} (.*)$", output, re.M)


def run_all(scope, argument):
    """Call every test_* function of @scope, all of them even after a failure; exit."""
    failed = 0
    for name, function in list(scope.items()):
        if not name.startswith("test_"):
            continue
        try:
            start = time.monotonic()
            function(argument)
            print(f"ok   {name[5:]} ({time.monotonic() - start:.1f} s)", flush=True)
        except (AssertionError, subprocess.SubprocessError, OSError) as problem:
            failed += 1
            print(f"FAIL {name[5:]}: {problem}", flush=True)
    sys.exit(1 if failed else 0)
