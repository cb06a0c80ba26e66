#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of many languages, unmodified, in every stack that can run them: languages_test.py COLLECTOR [CLASS...]

Go, Rust, C++ with OpenMP, Python, pigz and sysbench, on one and two cores in one experiment. The test knows what
they have to compute: the number of their sum by arithmetic, pigz's input because it wrote it. Natively it also asks the
kernel how much CPU time the same program takes without the collector. Needs root, the compilers, QEMU or containers."""
import functools
import gzip
import os
import random
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402
import program_stacks_test  # noqa: E402
from podman_settings import modest_podman  # noqa: E402

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "languages")
PYTHON = "/usr/bin/python3"
PARTS = 16
RESULT = "^result ([0-9]+)"
# What a script says of what it is told and given.
SAYS = """
import os
import sys
print("told", sys.argv[4:], os.environ.get("OWN"), os.environ.get("OMP_NUM_THREADS"), os.environ.get("GOMAXPROCS"), os.getcwd(),
      repr(sys.stdin.read()), open("data/input").read(), os.access(".", os.W_OK))
"""
EVENTS = 40
MS = 1e6


def sum_of(steps):
    """Known truth: @steps times x → a x + c is one such step, whose a and c come from doubling."""
    a, c, all_a, all_c = 1664525, 1013904223, 1, 0
    while steps:
        if steps & 1:
            all_a, all_c = all_a * a % 2**32, (all_c * a + c) % 2**32
        a, c, steps = a * a % 2**32, (a * c + c) % 2**32, steps >> 1
    return sum(all_a * x + all_c for x in range(PARTS)) % 2**32


def library_of(python):
    """Its own modules, which go along by --with: the folder, below which nothing else is needed."""
    return subprocess.run([python, "-c", "import os; print(os.path.dirname(os.__file__))"], capture_output=True, text=True,
                          check=True).stdout.strip()


@functools.cache
def folder():
    path = os.path.join(os.environ.get("MESON_BUILD_ROOT", "/tmp"), "tests", "collector", "languages.p")
    os.makedirs(path, exist_ok=True)
    return path


@functools.cache
def build(name, *command, **environment):
    """The program of that source, made once; None where its compiler is missing."""
    if not shutil.which(command[0]):
        print(f"  no {command[0]} here", flush=True)
        return None
    path = os.path.join(folder(), name.replace(".", "-") + ("-static" if "-static" in command else ""))
    subprocess.run([*command, "-o", path, os.path.join(HERE, name)], check=True, timeout=180, cwd=folder(),
                   env=dict(os.environ, GOCACHE=os.path.join(folder(), "go"), GOFLAGS="-mod=mod", **environment))
    return path


class LanguagesTest(harness.SystemTest):
    stacks = ()
    cores = openmp_cores = (1, 2)  # of most programs; of those with OpenMP

    @classmethod
    def setUpClass(cls):
        harness.need_root()
        harness.need_cpus(2)
        if not cls.stacks:
            harness.skip("its subclasses are the tests")

    def available(self, program, options):
        """Those of the stacks that can run it here, by the collector's own word."""
        found = []
        for guest in self.stacks:
            done = subprocess.run([self.collector, "--dry-run", "--guest", guest, "--cores", "1", "--repeat", "1", *options,
                                   "--program", program], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  cwd=self.work, timeout=300, env=self.environment(), check=False)
            if done.returncode == 0:
                found.append(guest)
            else:
                print(f"  {guest}: {done.stderr.strip()}", flush=True)
        return found

    def measure(self, program, *words, options=(), without=()):
        """Each stack on one and two cores, all in one experiment. The store, and which stacks there are."""
        if program is None:
            harness.skip("its compiler is missing")
        if not os.path.exists(program) and not shutil.which(program):
            harness.skip(f"no {program} here")
        stacks = [g for g in self.available(program, options) if g not in without]
        if not stacks:
            harness.skip("no stack can run it here")
        done = self.collect("--guest", ",".join(stacks), "--cores", ",".join(map(str, self.cores)), "--repeat", "1", "--warmup", "0", "--timeout", "100",
                            *options, f"--program={program}", workload=words, timeout=400, env=self.extra())
        if self.stacks == ("podman",) and "could not run the program" in done.stderr:
            harness.skip("Podman cannot run containers here")
        self.assertEqual(done.status, 0, done.stderr)
        store = done.store()
        self.addCleanup(store.db.close)
        self.assert_sound(store, stacks)
        return store, stacks

    def extra(self):
        return {}

    def assert_sound(self, store, stacks):
        runs = store.runs()
        self.assertEqual(sorted((r["guest"], r["cores"]) for r in runs),
                         sorted((g, c) for g in stacks for c in self.cores))
        for run in runs:
            self.assertEqual(tuple(run[k] for k in ("status", "lost_events", "closed", "residual_ns")), ("ok", 0, 1, 0), dict(run))
            audits = store.rows("SELECT what, abs(books_ns - other_ns) > bound_ns AS apart FROM audit WHERE run = ?", run["id"])
            self.assertTrue(audits)
            # Beside other tests an emulated guest's lines are late, and by them the host knows when the program ran.
            self.assertEqual([row["what"] for row in audits if row["apart"] and row["what"] != "guest_clock"], [], dict(run))
            self.assertEqual(set(store.phases(run["id"])), {"boot", "run"})
            wall = sum(end - begin for name, (begin, end) in store.phases(run["id"]).items() if name == "run")
            told = {s: store.ns(run["id"], s, phase="run") for s in ("guest", "user", "kernel", "vmm", "irq", "blocked",
                                                                      "preempted", "wakeup", "throttled", "oncpu")}
            self.assertEqual(sum(told.values()), wall * run["cores"], told)
            print("  {guest:14} {cores} {ms:8.0f} ms: ".format(ms=wall / MS, **run)
                  + ", ".join(f"{s} {100 * ns / wall / run['cores']:.0f} %" for s, ns in told.items() if ns), flush=True)

    def assert_results(self, store, truth):
        for run in store.runs():
            (row,) = store.rows("SELECT result FROM output WHERE run = ?", run["id"])
            self.assertEqual(row["result"], str(truth), (run["guest"], run["cores"]))

    def cpu_ms(self, *command):
        """What the kernel says that it takes without the collector."""
        pid = os.posix_spawn(command[0], command, os.environ,
                             file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
        _, status, usage = os.wait4(pid, 0)
        self.assertEqual(status, 0)
        return 1000 * (usage.ru_utime + usage.ru_stime)

    def assert_cpu_time(self, store, *command):
        """Natively, where the CPU time is the same with and without the collector. CPUs are not always as fast."""
        alone = [self.cpu_ms(*command) for _ in range(2)]
        for run in store.runs():
            if run["guest"] != "native":
                continue
            lanes = sum(store.ns(run["id"], s, phase="run") for s in ("user", "kernel", "oncpu")) / MS
            (threads,) = store.rows("SELECT total(cpu_ns) AS ns, count(*) AS n FROM thread WHERE run = ?", run["id"])
            print(f"  native, {run['cores']} cores: {lanes:.0f} ms on the lanes, {threads['ns'] / MS:.0f} ms by {threads['n']}"
                  f" threads, {alone[0]:.0f} and {alone[1]:.0f} ms without the collector", flush=True)
            self.assertAlmostEqual(lanes, threads["ns"] / MS, delta=20 + 0.1 * lanes)
            self.assertGreater(lanes, 0.6 * min(alone) - 20)
            self.assertLess(lanes, 1.7 * max(alone) + 40)

    def check_sum(self, program, steps, *words, at_once=True, interpreter=(), options=(), without=()):
        store, stacks = self.measure(program, str(PARTS), str(steps), *words, options=("--result", RESULT, *options),
                                     without=without)
        self.assert_results(store, sum_of(steps))
        for run in store.runs():
            self.assertIn(f"at once {run['cores']}\n", store.console(run["id"]).replace("\r", ""))
        if "native" in stacks:
            self.assert_cpu_time(store, *interpreter, program, str(PARTS), str(steps), *(w.format(cores=1) for w in words))
        return store

    @harness.patiently
    def test_go(self):
        # A static program that is not PIE: OSv runs that, and no Go program that is.
        store = self.check_sum(build("sum.go", "go", "build", CGO_ENABLED="0"), 10_000_000)
        for guest in {run["guest"] for run in store.runs()} & {"osv", "linux-minimal"}:  # where it is linked to, it is found
            named = [r["n"] for r in store.rows(
                "SELECT sum(count) AS n FROM sample JOIN run ON run.id = sample.run JOIN stack ON stack.id = stack JOIN frame ON"
                " frame.id = stack.frame WHERE side = 'guest-user' AND symbol LIKE 'main.%' AND phase = 'run' AND guest = ?", guest)]
            self.assertTrue(named[0], guest)

    @harness.patiently
    def test_rust(self):
        self.check_sum(build("sum.rs", "rustc", "-O"), 60_000_000, "{cores}")

    @harness.patiently
    def test_cpp_with_openmp(self):
        """OSv does not align the thread-local memory of libgomp.so.1 as it wants."""
        self.cores = self.openmp_cores
        self.check_sum(build("sum.cpp", "g++", "-O2", "-fopenmp"), 10_000_000, without=("osv",))

    @harness.patiently
    def test_cpp_with_openmp_inside(self):
        if "osv" not in self.stacks:
            harness.skip("for OSv")
        self.stacks = ("native", "osv")
        self.check_sum(build("sum.cpp", "g++", "-O2", "-fopenmp", "-static"), 10_000_000)

    @harness.patiently
    def test_python(self):
        self.check_python()

    def check_python(self, *words, more="", options=()):
        if not os.path.exists(PYTHON):
            harness.skip(f"no {PYTHON} here")
        script = os.path.join(self.work, "sum.py")
        shutil.copy(os.path.join(HERE, "sum.py"), script)
        with open(script, "a", encoding="ascii") as f:
            f.write(more)
        return self.check_sum(script, 20_000, "{cores}", *words, options=("--with", library_of(PYTHON), *options), interpreter=(PYTHON,))

    @harness.patiently
    def test_pigz(self):
        """It writes beside its input: OSv's disk can only be read."""
        words = random.Random(4).choices([bytes(random.Random(n).randbytes(5).hex(), "ascii") for n in range(3000)], k=300_000)
        text = b"\n".join(words)
        path = os.path.join(self.work, "words")
        with open(path, "wb") as f:
            f.write(text)
        pigz = shutil.which("pigz") or "pigz"
        store, stacks = self.measure(pigz, "-k", "-f", "-v", "-p", "{cores}", "words", options=(
            "--with", "words", "--result", "^(words to words.gz)"), without=("osv",))
        self.assert_results(store, "words to words.gz")
        if "native" in stacks:
            with gzip.open(path + ".gz") as f:
                self.assertTrue(f.read() == text)
            self.assert_cpu_time(store, pigz, "-k", "-f", "-p", "2", path)

    def check_sysbench(self, test, *words):
        program = shutil.which("sysbench") or "sysbench"
        words = (test, f"--events={EVENTS}", "--time=0", *words, "run")
        store, stacks = self.measure(program, "--threads={cores}", *words, options=(
            "--metric", r"rate=events per second: +([0-9.]+):higher", "--result", r"total number of events: +([0-9]+)"))
        self.assert_results(store, EVENTS)
        if test == "cpu":
            rates = {r["run"]: r["value"] for r in store.rows("SELECT * FROM metric WHERE name = 'rate'")}
            self.assertEqual(len(rates), len(self.cores) * len(stacks))
            self.assertTrue(all(value > 0 for value in rates.values()), rates)
        if "native" in stacks:
            self.assert_cpu_time(store, program, "--threads=2", *words)

    @harness.patiently
    def test_sysbench_cpu(self):
        self.check_sysbench("cpu", "--cpu-max-prime=8000")

    @harness.patiently
    def test_sysbench_threads(self):
        self.check_sysbench("threads", "--thread-yields=200", "--thread-locks=4")


class Guests(LanguagesTest):
    """Natively, and with the kernels that are there in a moment. On one core most programs are measured in containers."""
    stacks = ("native", "linux-minimal", "osv")
    cores = (2,)


class Whole(LanguagesTest):
    """A whole Linux takes long to boot: the program with the most files, and with GUESTSCOPE_EVERY_PROGRAM in the environment all."""
    stacks = ("linux",)
    cores = openmp_cores = (2,)

    @harness.patiently
    def test_python(self):
        """It is told and given what programs are in program_stacks_test.py, and says so."""
        os.mkdir(self.work + "/data")
        with open(self.work + "/data/input", "w", encoding="ascii") as f:
            f.write("this is input")
        store = self.check_python(*program_stacks_test.WORDS, more=SAYS, options=(
            "--with", "data", "--env", "OWN=a b {cores}", "--env", "GOMAXPROCS=7"))
        told = [*program_stacks_test.WORDS[:-1], "2 of 1"]
        self.assertIn(f"told {told} a b 2 2 7 {self.work} '' this is input True\n", store.console(1).replace("\r", ""))
        run, = store.runs()
        self.assertLess(abs(run["runtime_ns"] - run["guest_runtime_ns"]), 150 * MS + 0.2 * run["guest_runtime_ns"])


if not os.environ.get("GUESTSCOPE_EVERY_PROGRAM"):
    Whole.test_rust = Whole.test_go = Whole.test_pigz = Whole.test_sysbench_cpu = Whole.test_sysbench_threads = None
    Whole.test_cpp_with_openmp = None


class Docker(LanguagesTest):
    stacks = ("docker",)

    def setUp(self):
        super().setUp()
        if not harness.docker_answers():
            harness.skip("docker cannot run here: collector --doctor says why")


class Podman(LanguagesTest):
    stacks = ("podman",)

    def extra(self):
        return modest_podman(self.work)


if __name__ == "__main__":
    harness.main()
