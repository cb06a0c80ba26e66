#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Call stacks of code without frame pointers: whole_stacks_test.py COLLECTOR STACKS_PROGRAM...

Each leaf function of the program is called in one way only, which the program tells. So the innermost function of a sample
says what its stack has to be: to the last function, whatever the compiler made of it. Programs of C++, Rust and Go do what
these languages alone do with stacks: exceptions and panics, goroutines and stacks that move."""
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402


LANGUAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "languages")


class WholeStacks(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        super().setUp()

    def stacks(self, store):
        """[(count, [function, ...])], innermost first, of the program's own code."""
        found = {}
        for r in store.rows(harness.STACKS):
            count, frames = found.setdefault(r["id"], (r["count"], []))
            if r["side"] == "user":
                frames.append(re.sub(r"(\.| \[clone \.)cold.*", "", r["symbol"]))  # what a compiler moved out of the way
        return list(found.values())

    def check(self, program, work="0.1"):
        done = self.collect("--guest", "native", "--cores", "1", "--repeat", "1", "--frequency", "997",
                            "--program=" + program, workload=(work,), timeout=harness.PATIENCE)
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            stacks = self.stacks(store)
            truth = {leaf: stack.split(";") for leaf, stack in
                     re.findall(r"(?m)^([\w.]*leaf_\w+): (\S+?)\r?$", store.console(1))}
            self.assertGreater(len(truth), 1)
            own = {name for stack in truth.values() for name in stack}
            seen, wrong, whole = dict.fromkeys(truth, 0), {}, 0
            for count, frames in stacks:
                leaf = next((f for f in frames if f in own), None)
                if leaf not in truth:
                    continue
                seen[leaf] += count
                called = [f for f in reversed(frames) if f in own]
                if called == truth[leaf]:
                    whole += count
                else:
                    wrong[leaf, ";".join(called)] = count
            self.assertGreaterEqual(min(seen.values()), 30, seen)
            self.assertGreaterEqual(whole / sum(seen.values()), 0.995, wrong)
            ends = {r["why"]: r["n"] for r in store.rows("SELECT why, sum(samples) AS n FROM host_stack_end GROUP BY 1")}
            self.assertGreaterEqual(ends["root"] / sum(ends.values()), 0.98, ends)
        return stacks

    def test_each_sample_has_the_stack_that_its_leaf_has_to_have(self):
        for name in sorted(self.programs):
            with self.subTest(program=name):
                self.check(self.programs[name])

    def check_language(self, source, work, *command, **environment):
        harness.need_program(command[0])
        program = os.path.join(self.work, "stacks")
        made = subprocess.run([*command, "-o", program, os.path.join(LANGUAGES, source)], capture_output=True, text=True,
                              cwd=self.work, timeout=300, check=False,
                              env=dict(os.environ, GOCACHE=os.path.join(self.work, "cache"), GOFLAGS="-mod=mod", **environment))
        self.assertEqual(made.returncode, 0, made.stderr)
        return self.check(program, work)

    def test_cpp(self):
        self.check_language("stacks.cpp", "0.1", "g++", "-O2", "-fomit-frame-pointer", "-pthread")
        if shutil.which("clang++"):
            self.check_language("stacks.cpp", "0.1", "clang++", "-O2", "-fomit-frame-pointer", "-pthread")

    def test_rust(self):
        self.check_language("stacks.rs", "200000000", "rustc", "-O")

    def test_go(self):
        stacks = self.check_language("stacks.go", "600000000", "go", "build", CGO_ENABLED="0")
        # The runtime makes a goroutine's stack larger while it is on another one, and of late does not tell whose.
        grown = [(count, frames) for count, frames in stacks if "runtime.copystack" in frames]
        whole = sum(count for count, frames in grown if frames.count("runtime.morestack") == 1 and
                    (frames[-1] == "runtime.morestack" or
                     frames[-3:] == ["main.leaf_grows", "main.grows.func1", "runtime.goexit"]))
        self.assertGreater(whole, 10)
        self.assertGreaterEqual(whole + 3, 0.95 * sum(count for count, _ in grown), grown[:5])  # of some dozens

    def test_go_that_calls_c(self):
        harness.need_program("gcc")
        self.check_language("stacks_cgo.go", "300000000", "go", "build", CGO_ENABLED="1")


if __name__ == "__main__":
    harness.main("gcc", "clang", "static", "pointers")
