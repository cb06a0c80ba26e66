#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The worked examples of collector(1), run as they are written there: examples_test.py COLLECTOR REPORT COLLECTOR.1

They are read out of the manual, so they cannot rot. What they name is made here: sources, data, a machine. Where parts
are missing (a compiler, a stack), an example is skipped and says so. What needs more than a test has, such as a server
of its own or four machines, is planned (--dry-run) in place of run.

Where an example has several stacks, it is planned as it is written, and run once, in the first two of them, on the most cores:
languages_test.py has the same programs in all of them. With GUESTSCOPE_EVERY_PROGRAM in the environment it is run as it is
written."""
import os
import random
import re
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
LIBVIRT = "/run/libvirt"
HEAT = """
#include <stdio.h>
#include <stdlib.h>
#define N 400
static double a[N][N], b[N][N];
int main(int argc, char **argv)
{
	double sum = 0;
	for (int i = 0; i < N; i++)
		a[i][0] = b[i][0] = 100;
	for (int n = 1; n <= (argc > 1 ? atoi(argv[1]) : 1); n++) {
		printf("iteration %d\\n", n);
#pragma omp parallel for
		for (int i = 1; i < N - 1; i++)
			for (int k = 1; k < N - 1; k++)
				b[i][k] = (a[i - 1][k] + a[i + 1][k] + a[i][k - 1] + a[i][k + 1]) / 4;
#pragma omp parallel for
		for (int i = 1; i < N - 1; i++)
			for (int k = 1; k < N - 1; k++)
				a[i][k] = b[i][k];
	}
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++)
			sum += a[i][k];
	printf("sum %.6f\\n", sum);
	return 0;
}
"""

# What the examples that are run are recognised by; the others are planned.
RUN = ("-o heat heat.c", "--phase 'solve=", "sum-go", "sum-rust", "./sum.py", "--program pigz", "--program sysbench",
       "report diff --force before after", "report gate", "--attach web", "--doctor")


def once(line):
    """The same with one run of two stacks, where it has several; or None."""
    found = re.search(r"--guest (\S+,\S+)", line)
    if os.environ.get("GUESTSCOPE_EVERY_PROGRAM") or not found:
        return None
    stacks = [stack for stack in found[1].split(",") if stack != "linux"]
    line = line.replace(found[0], "--guest " + ",".join(stacks[:2])).replace("--cores 1,2", "--cores 2")
    return re.sub(r"--repeat \d+", "--repeat 1 --warmup 0", line)


def as_plan(line):
    begin, dashes, rest = line.partition(" -- ")
    return f"{begin} --dry-run{dashes}{rest}"


def unroff(text):
    for mark, meaning in (("\\-", "-"), ("\\(aq", "'"), ("\\(ti", "~"), ("\\(dq", '"'), ("\\(rs", "\\"), ("\\e", "\\")):
        text = text.replace(mark, meaning)
    return text


def read_examples(path):
    """[(what it is, [command lines])] of the section."""
    with open(path, encoding="utf-8") as f:
        section = re.search(r"^\.SH EXAMPLES\n(.*?)^\.SH ", f.read(), re.M | re.S)[1]
    found = []
    for words, inside in re.findall(r"(.*?)^\.RS\n(.*?)^\.RE\n", section, re.M | re.S):
        lines = [unroff(line[3:]).strip() for line in inside.splitlines() if line.startswith(".B ")]
        what = " ".join(unroff(re.sub(r"^\.\w+ ?", "", line)) for line in words.splitlines() if not line.startswith(".PP"))
        found.append((what.strip(), lines))
    return found


class ExamplesTest(harness.SystemTest):
    @classmethod
    def setUpClass(cls):
        harness.need_root()
        harness.need_cpus(2)
        cls.examples = read_examples(cls.programs["manual"])

    def setUp(self):
        super().setUp()
        self.bin = os.path.join(self.work, "bin")
        os.mkdir(self.bin)
        for name in ("collector", "report"):
            os.symlink(self.collector if name == "collector" else self.programs[name], os.path.join(self.bin, name))
        for name in ("sum.go", "sum.rs", "sum.py"):
            shutil.copy(os.path.join(HERE, "languages", name), self.work)
        self.put("heat.c", HEAT)
        self.put("words", "\n".join(random.Random(1).choices([str(n * n * n) for n in range(2000)], k=100_000)))
        self.put("input.dat", "1 2 3\n")
        self.put("app", "", source="/bin/true")
        with open(os.path.join(self.work, "app.img"), "wb") as f:  # a disk with one partition, which begins at 4 KiB
            f.write(bytes(446) + bytes((0, 0, 2, 0, 0x83, 0, 0, 0, 8, 0, 0, 0, 0, 8, 0, 0)) + bytes(48) + b"\x55\xaa" + bytes(1 << 20))

    def put(self, name, text, source=None):
        path = os.path.join(self.work, name)
        if source:
            shutil.copy(source, path)
            return
        with open(path, "w", encoding="ascii") as f:
            f.write(text)

    def shell(self, line, timeout=300):
        environment = self.environment(PATH=f"{self.bin}:{os.environ['PATH']}", GOCACHE=os.path.join(self.work, "go"))
        return subprocess.run(["/bin/sh", "-c", line], stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=self.work,
                              env=environment, timeout=timeout, check=False)

    def run_lines(self, lines):
        for line in lines:
            tool = re.sub(r"^(\w+=\S* )*", "", line).split()[0]
            wanted = [tool, *re.findall(r"--program ([a-z]\S*)", line)]
            missing = [name for name in wanted if name not in ("collector", "report") and not shutil.which(name)]
            if missing:
                harness.skip(f"no {missing[0]} here")
            if once(line):
                self.assertIn(self.shell(as_plan(line)).returncode, (0, 3), line)  # 3: where a stack is missing
            line = once(line) or line
            begun = time.monotonic()
            done = self.shell(line)
            if tool == "collector" and done.returncode == 3:
                harness.skip(done.stderr.strip().splitlines()[-1])
            print(f"  {time.monotonic() - begun:4.0f} s: {line}", flush=True)
            self.assertEqual(done.returncode, 0, f"{line}\n{done.stderr}\n{done.stdout}")
            if tool == "collector" and "--doctor" not in line:
                self.assertRegex(done.stdout, r"(?m)^report: .*/report/index\.html$")
                self.assertLessEqual(len(done.stdout.splitlines()), 40, done.stdout)
        self.traces.assert_nothing_left()

    def example(self, words):
        found = [lines for _, lines in self.examples if words in "\n".join(lines)]
        self.assertTrue(found, f"no example has {words}")
        return found[0]

    def prepare_heat(self, lines):
        if "./heat" in "\n".join(lines) and "cc " not in "\n".join(lines):
            self.assertEqual(self.shell("cc -O2 -fopenmp -o heat heat.c").returncode, 0)

    def check(self, words):
        lines = self.example(words)
        self.prepare_heat(lines)
        self.run_lines(lines)

    def test_c_with_openmp(self):
        self.check("-static -o heat heat.c")

    def test_a_phase_from_the_output(self):
        self.check("--phase 'solve=")

    def test_go(self):
        self.check("sum-go")

    def test_rust(self):
        self.check("sum-rust")

    def test_python(self):
        self.check("./sum.py")

    def test_pigz(self):
        self.check("--program pigz")
        self.assertTrue(os.path.exists(os.path.join(self.work, "words.gz")))

    def test_sysbench(self):
        self.check("--program sysbench")

    def test_two_builds(self):
        self.check("report diff --force before after")

    def test_doctor(self):
        done = self.shell(self.example("--doctor")[0])
        self.assertIn(done.returncode, (0, 3), done.stderr)

    def test_a_machine_of_libvirt(self):
        """QEMU as libvirt names it, and libvirt's file with its number."""
        harness.need_program("qemu-system-x86_64", "qemu-system-x86")
        if os.path.exists(LIBVIRT):
            harness.skip(f"{LIBVIRT} is somebody's")
        os.makedirs(LIBVIRT + "/qemu")
        self.addCleanup(shutil.rmtree, LIBVIRT)
        machine = subprocess.Popen(["qemu-system-x86_64", "-name", "guest=web,debug-threads=on", "-machine", "pc",
                                    "-accel", "tcg,thread=multi", "-smp", "2", "-m", "64", "-nodefaults", "-display", "none",
                                    "-pidfile", LIBVIRT + "/qemu/web.pid"], stdin=subprocess.DEVNULL)
        self.addCleanup(machine.wait)
        self.addCleanup(machine.kill)
        harness.wait_for("QEMU's number", lambda: harness.read_file(LIBVIRT + "/qemu/web.pid"))
        self.check("--attach web")

    def test_all_others_can_be_planned(self):
        """Whatever they need beyond a plan may be missing here; wrong usage is status 2."""
        planned = 0
        for what, lines in self.examples:
            if any(words in "\n".join(lines) for words in RUN):
                continue
            for line in lines:
                line = line.split(" | ")[0]
                if not line.startswith("collector ") or "--attach" in line:
                    continue
                done = self.shell(as_plan(line))
                self.assertIn(done.returncode, (0, 3), f"{what}\n{line}\n{done.stderr}")
                planned += done.returncode == 0
                print(f"  {'planned' if done.returncode == 0 else done.stderr.strip()}: {line}", flush=True)
        self.assertGreater(planned, 0)


if __name__ == "__main__":
    harness.main("report", "manual")
