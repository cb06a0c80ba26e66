# SPDX-License-Identifier: GPL-2.0-or-later
"""What the system tests of the collector share: run it, read its store, see what is missing here, and
make sure that nothing was left behind.

Every process that a collector starts inherits a mark in its environment, so that a test tells its own
from those of anybody else on the machine. Containers do not inherit it: they are asked of the daemon.
"""
import contextlib
import ctypes
import functools
import glob
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

SKIP = 77
TRIES = 3
# Seconds until a command that does not end is a fault: not a promise of speed, as machines differ by far.
PATIENCE = 400

# What the first run was doing in phase `run`: a row for each frame of each sample's stack, innermost first.
STACKS = """
WITH RECURSIVE up(id, count, stack, depth) AS (
    SELECT rowid, count, stack, 0 FROM sample WHERE run = 1 AND kind = 'oncpu' AND phase = 'run' AND stack IS NOT NULL
    UNION ALL SELECT up.id, count, parent, depth + 1 FROM up JOIN stack ON stack.id = up.stack WHERE parent IS NOT NULL)
SELECT up.id, count, side, symbol FROM up JOIN stack ON stack.id = up.stack
JOIN frame ON frame.id = stack.frame WHERE NOT inlined ORDER BY up.id, depth"""
MARK = "GUESTSCOPE_TEST_MARK"
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS = 0x00020000
MS_REC_PRIVATE = 0x4000 | 0x40000
# Enough samples in a short run, and the same number everywhere; --frequency auto has a test of its own.
FREQUENCY = ("--frequency", "999")
# A picture of a fraction of a second, under emulation too.
SMALL = ("-width", "256", "-height", "192", "-smoothness", "1", "-iteration", "300")
# What mandelbrot, and test programs in its place, are told beside the work. --program hands on what it is given.
TOLD = ("-cores", "{cores}", "-markers", "-rows")
libc = ctypes.CDLL(None, use_errno=True)


def skip(reason):
    """End the test; main() exits with 77 where no test was left over."""
    raise unittest.SkipTest(reason)


def need_root():
    """Probes need privileges; the tests also pin, signal and mount."""
    if os.geteuid() != 0:
        skip("needs root: sudo meson test -C BUILD --suite system")
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        skip("this kernel has no BTF (CONFIG_DEBUG_INFO_BTF)")


def usable_cpus():
    return sorted(os.sched_getaffinity(0))


def need_cpus(number):
    if len(usable_cpus()) < number:
        skip(f"needs {number} CPUs, there are {len(usable_cpus())}")


def need_program(name, package=None):
    if not shutil.which(name):
        skip(f"no {name} here: apt install {package or name}")


def docker_answers():
    if not shutil.which("docker"):
        return False
    return subprocess.run(["docker", "version"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300,
                          check=False).returncode == 0


def osv_symbols():
    """OSv's kernel with its symbols, from where kernels of guests are searched; else the test is skipped."""
    for folder in (os.environ.get("GUESTSCOPE_GUESTS", "/nowhere"), os.path.expanduser("~/.local/share/guestscope/guests"),
                   "/usr/share/guestscope/guests"):
        path = os.path.join(folder, "osv", "loader.elf")
        if os.path.exists(path):
            return path
    return skip("no loader.elf of OSv here, with its symbols (see docs/guests.md)")


def free_ports(number=1):
    """Nobody listens there at the moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def wait_for(what, condition, seconds=30.0, interval=0.01):
    """Poll until condition() is true, and return it; an assertion that names @what if it does not
    come true in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(interval)


def read_file(path, mode="r"):
    """The content of a small file that may vanish, or None."""
    try:
        with open(path, mode, **({} if "b" in mode else {"errors": "replace"})) as f:
            return f.read()
    except OSError:
        return None


def process_state(pid):
    """The letter of /proc/PID/stat, or None if there is no such process."""
    text = read_file(f"/proc/{pid}/stat")
    return text.rpartition(")")[2].split()[0] if text else None


def threads_of(pid):
    """{name: tid} of the threads of a process."""
    found = {}
    for path in glob.glob(f"/proc/{pid}/task/*/comm"):
        name = read_file(path)
        if name:
            found[name.rstrip("\n")] = int(path.split("/")[4])
    return found


@functools.cache
def _can_run(collector, guest):
    return subprocess.run([collector, "--guest", guest, "--cores", "1", "--repeat", "1", "--dry-run"], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=120, check=False).returncode == 0


def guests_available(collector, *guests):
    """Those of the stacks that could run here, by the collector's own word (a dry run), for which each is asked once."""
    return [guest for guest in guests if _can_run(collector, guest)]


def crowded():
    """So many want the CPUs that programs hardly get on, and markers are read late."""
    cpus = len(usable_cpus())
    idle = cpus if os.environ.get("GUESTSCOPE_IDLE") else 0  # processes that take nothing from others
    return os.getloadavg()[0] - idle > 3 * cpus


def patiently(test):
    """For a test: what fails is tried again where there is an excuse, which the run itself or the load
    gives; without one it fails at once. In the end a crowded machine can tell nothing: skipped.

    Some kernels do not report every context switch. From such a one to the next, time is charged rightly,
    but interrupts are not seen; the run says so."""
    @functools.wraps(test)
    def tried(self):
        for attempt in range(TRIES):
            try:
                return test(self)
            except AssertionError as difference:
                crowd = crowded()
                if not crowd and not self.excused():
                    raise
                if attempt + 1 == TRIES and not crowd:
                    raise
                self.made_once.clear()
                print(f"  again: {difference}", flush=True)
        skip(f"too much other work on this machine: load {os.getloadavg()[0]:.0f}")
    return tried


class Traces:
    """What there was on the machine before, to tell what is there afterwards."""

    def __init__(self):
        self.mark = f"{os.getpid()}-{time.monotonic_ns()}"
        self.folders = self._folders()
        self.mounts = self._mounts()
        self.containers = self._containers()

    @staticmethod
    def _folders():
        return {path for path in glob.glob("/tmp/guestscope-??????")
                if not os.path.basename(path).startswith("guestscope-test")}

    @staticmethod
    def _mounts():
        return {line.split()[4] for line in read_file("/proc/self/mountinfo").splitlines()}

    @staticmethod
    def _containers():
        if not docker_answers():
            return set()
        words = set()
        for command in (["docker", "ps", "-a", "--format", "container {{.Names}}"],
                        ["docker", "images", "--format", "image {{.Repository}}:{{.Tag}}"]):
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=300, check=False)
            words |= {w for w in done.stdout.splitlines() if "guestscope" in w}
        return words

    def processes(self):
        """{pid: command line} of living processes that carry our mark."""
        needle = f"{MARK}={self.mark}".encode()
        found = {}
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == os.getpid():
                continue
            environment = read_file(f"/proc/{name}/environ", "rb")
            if environment and needle in environment.split(b"\0"):
                if process_state(name) not in (None, "Z", "X"):
                    line = read_file(f"/proc/{name}/cmdline", "rb") or b""
                    found[int(name)] = line.replace(b"\0", b" ").decode(errors="replace")
        return found

    def _strangers(self):
        """Is somebody else measuring? Then a new folder may be theirs: there is no telling."""
        ours = self.processes()
        names = {"collector", "collector-dev", "run_guest", "container_life"}
        return [name for name in os.listdir("/proc") if name.isdigit() and int(name) not in ours
                and (read_file(f"/proc/{name}/comm") or "").strip() in names
                and process_state(name) not in (None, "Z", "X")]

    def find(self, name):
        """The pid of a living process of ours whose program is called @name, or None. QEMU counts once
        it is a machine: it is also asked for its version."""
        for pid, line in self.processes().items():
            if os.path.basename(line.split(" ")[0]) == name and \
                    (not name.startswith("qemu") or " -smp " in line):
                return pid
        return None

    def reap(self):
        """Orphans come to us, the subreaper: let them go."""
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

    def left(self, reap=True):
        """What is there now and was not before: a list of sentences."""
        if reap:
            self.reap()
        found = [f"process {pid}: {line}" for pid, line in self.processes().items()]
        if not self._strangers():
            found += [f"folder {path}" for path in self._folders() - self.folders]
        found += [f"mount {path}" for path in self._mounts() - self.mounts
                  if "guestscope" in path and "guestscope-dockerd-" not in path]
        return found

    def assert_nothing_left(self, seconds=10.0):
        deadline = time.monotonic() + seconds
        left = self.left()
        while left and time.monotonic() < deadline:
            time.sleep(0.1)
            left = self.left()
        left += sorted(self._containers() - self.containers)
        assert not left, "left behind: " + "; ".join(left)

    def end_processes(self):
        """After a failed test: ours, by their numbers; but the keeper may first do its work."""
        deadline = time.monotonic() + 5
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.1)
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Store:
    """An experiment's store, for reading."""

    def __init__(self, folder):
        self.folder = folder
        self.db = sqlite3.connect(f"file:{folder}/experiment.db?mode=ro", uri=True)
        self.db.row_factory = sqlite3.Row

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.db.close()

    def rows(self, query, *values):
        return self.db.execute(query, values).fetchall()

    def runs(self, status=None):
        return [r for r in self.rows("SELECT * FROM run ORDER BY id")
                if status is None or r["status"] == status]

    def sound(self):
        return self.rows("PRAGMA integrity_check")[0][0] == "ok"

    def phases(self, run):
        """{name: (start_ns, end_ns)}"""
        return {r["name"]: (r["start_ns"], r["end_ns"])
                for r in self.rows("SELECT * FROM phase WHERE run = ?", run)}

    def ns(self, run, state, detail=None, phase=None, lane=None):
        return self._sum("ns", run, state, detail, phase, lane)

    def count(self, run, state, detail=None, phase=None, lane=None):
        return self._sum("count", run, state, detail, phase, lane)

    def _sum(self, column, run, state, detail, phase, lane):
        query, values = f"SELECT total({column}) FROM account WHERE run = ? AND state = ?", [run, state]
        for name, value in (("detail", detail), ("phase", phase), ("lane", lane)):
            if value is not None:
                query += f" AND {name} = ?"
                values.append(value)
        if lane is None:
            query += " AND lane >= 0"
        return int(self.db.execute(query, values).fetchone()[0])

    def book(self, run, phase, lane):
        """For messages: the lane's phase, the largest first."""
        rows = self.rows("SELECT state, detail, sum(ns) AS ns, sum(count) AS n FROM account"
                         " WHERE run = ? AND phase = ? AND lane = ? GROUP BY state, detail"
                         " ORDER BY 3 DESC LIMIT 12", run, phase, lane)
        return ", ".join(f"{r['state']}/{r['detail']} {r['ns'] / 1e6:.2f} ms x{r['n']}" for r in rows)

    def warnings(self):
        return [r["text"] for r in self.rows("SELECT text FROM warning")]

    def console(self, run):
        return read_file(f"{self.folder}/logs/run-{run:04d}.console") or ""


def stored_runs(folder):
    """How many runs are in the store so far; 0 while there is none."""
    try:
        with Store(folder) as store:
            return len(store.runs())
    except sqlite3.Error:
        return 0


def wait_for_runs(folder, n, seconds):
    wait_for(f"run {n} in the store", lambda: stored_runs(folder) == n, seconds)


class Collected:
    """What a finished collector left: exit status, words, store."""

    def __init__(self, status, stdout, stderr, folder):
        self.status = status
        self.stdout = stdout
        self.stderr = stderr
        self.folder = folder

    def errors(self):
        """The lines of standard error that are complaints, not progress."""
        return [line for line in self.stderr.splitlines()
                if not line.startswith(("run ", "collector: sampling at ")) and "neither vmx nor svm" not in line]

    def store(self):
        return Store(self.folder)


class SystemTest(unittest.TestCase):
    """A test that runs collectors; in the end nothing of theirs may be left."""

    collector = None  # set by main()
    programs = {}
    made_once = {}  # by collect_once()

    def setUp(self):
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        folder = tempfile.TemporaryDirectory(prefix="guestscope-test-")
        self.addCleanup(folder.cleanup)
        self.work = folder.name
        self.traces = Traces()
        self.addCleanup(self.traces.end_processes)
        self.outputs = self.started = 0

    def environment(self, **changes):
        """Ours with the mark; a change to None removes the variable."""
        changed = dict(os.environ, **{MARK: self.traces.mark}, **changes)
        return {key: value for key, value in changed.items() if value is not None}

    def new_output(self):
        self.outputs += 1
        return os.path.join(self.work, f"results-{self.outputs}")

    def start(self, *arguments, workload=SMALL, output=None, env=None, before=None, command=None,
              stderr=None, resume=None):
        """Start a collector, or let one go on in the folder @resume. A program that is no workload of ours
        is named as --program=FILE: it gets @workload alone. The Popen has .folder, where its
        results go, and .stdout_path, .stderr_path, where its words go."""
        folder = resume or output or self.new_output()
        words = [*(command or [self.collector]), "--resume" if resume else "--output", folder,
                 *(() if resume or "--frequency" in arguments else FREQUENCY), *arguments]
        if workload is not None and not resume:
            words += ["--", *(TOLD if "--program" in arguments else ()), *workload]
        self.started += 1
        paths = [os.path.join(self.work, f"{name}-{self.started}") for name in ("stdout", "stderr")]
        with open(paths[0], "wb") as out, open(paths[1], "wb") as err:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=stderr or err, cwd=self.work, env=self.environment(**(env or {})),
                                       preexec_fn=before)
        process.folder = folder
        process.stdout_path, process.stderr_path = paths
        self.addCleanup(self._end, process)
        return process

    @staticmethod
    def _end(process):
        if process.poll() is None:
            process.kill()
            process.wait()

    def finish(self, process, timeout=PATIENCE, clean=True):
        status = process.wait(timeout)
        done = Collected(status, read_file(process.stdout_path), read_file(process.stderr_path), process.folder)
        if clean:
            self.traces.assert_nothing_left()
        return done

    def collect(self, *arguments, timeout=PATIENCE, **more):
        return self.finish(self.start(*arguments, **more), timeout)

    def collect_once(self, *arguments, **more):
        """A run that several tests look at: measured for the first that asks."""
        key = (arguments, tuple(more.items()))
        if key not in self.made_once:
            folder = tempfile.TemporaryDirectory(prefix="guestscope-test-")
            self.made_once[key] = self.collect(*arguments, output=folder.name + "/results", **more), folder
        return self.made_once[key][0]

    def excused(self):
        """Does the last run itself say why it may be off?"""
        try:
            with Store(f"{self.work}/results-{self.outputs}") as store:
                return any(word in words for word in ("context switches were not reported", "noisy", "stolen time")
                           for words in store.warnings())
        except sqlite3.Error:
            return False

    def find_process(self, name, seconds=60.0):
        return wait_for(f"a process {name}", lambda: self.traces.find(name), seconds)

    def assert_one_line(self, done, status, *words):
        """The collector ended with @status and one line that has all @words; nothing on stdout."""
        self.assertEqual(done.status, status, done.stderr)
        lines = done.errors()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("collector: "), lines[0])
        for word in words:
            self.assertIn(word, lines[0])
        self.assertEqual(done.stdout, "")

    def assert_measured(self, store, audited=False, storm=False):
        """Every run ended well and its books close; where @audited, other clocks agree. Of a @storm of sleeps the off-CPU
        stacks are a sample, whose sum the run may have to warn of."""
        for run in store.runs():
            self.assertEqual(run["status"], "ok", run["error"])
            self.assertEqual(run["lost_events"], 0)
            self.assertEqual(run["closed"], 1, f"run {run['id']}: residual {run['residual_ns']} ns")
            self.assertFalse([w for w in store.warnings() if "off-CPU stacks" in w and not storm])
            if audited:
                wrong = [dict(r) for r in store.rows(
                    "SELECT * FROM audit WHERE run = ? AND abs(books_ns - other_ns) > bound_ns",
                    run["id"])]
                self.assertEqual(run["audited"], 1, wrong)


def private_mounts(*mounts):
    """For Popen's preexec_fn: a mount namespace of its own, and in it @mounts: (type, folder, options)."""
    def change():
        if libc.unshare(CLONE_NEWNS) or libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None):
            os._exit(126)
        for kind, folder, options in mounts:
            if libc.mount(kind.encode(), folder.encode(), kind.encode(), 0, options.encode()):
                os._exit(126)
    return change


def main(*programs):
    """Take the collector and @programs (names for SystemTest.programs) from the command line; the rest
    is unittest's."""
    SystemTest.collector = os.path.abspath(sys.argv.pop(1))
    for name in programs:
        SystemTest.programs[name] = os.path.abspath(sys.argv.pop(1))
    result = unittest.main(verbosity=2, exit=False).result
    for _, reason in result.skipped:
        print(f"skipped: {reason}")
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIP if len(result.skipped) == result.testsRun else 0)
