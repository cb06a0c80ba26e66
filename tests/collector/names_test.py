#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of functions as compilers of today mangle them: names_test.py COLLECTOR

Programs of C++, Rust (both of its manglings) and Go, in which the time goes to functions of known names. As people read
them, without hashes, escapes and shapes, they have to be in the stacks."""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "languages")
MANGLED = re.compile(r"^_+[ZR][A-Za-z0-9]|::h[0-9a-f]{16}|%[0-9a-f]{2}|go\.shape")
FRAMES = """SELECT symbol, sum(count) AS n FROM sample JOIN stack ON stack.id = sample.stack JOIN frame ON frame.id = stack.frame
WHERE sample.kind = 'oncpu' AND frame.side = 'user' AND NOT inlined GROUP BY 1"""


class Names(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        super().setUp()

    def check(self, source, times, command, *names, **environment):
        """Of the samples' innermost functions nearly all have one of the names, and each has some."""
        harness.need_program(command[0])
        program = os.path.join(self.work, "names")
        made = subprocess.run([*command, "-o", program, os.path.join(SOURCES, source)], capture_output=True, text=True, cwd=self.work,
                              env=dict(os.environ, GOCACHE=os.path.join(self.work, "cache"), GOFLAGS="-mod=mod", CGO_ENABLED="0",
                                       **environment), timeout=300, check=False)
        if made.returncode:
            harness.skip(f"{command[0]} does not know this: {made.stderr.strip().splitlines()[0]}")
        done = self.collect("--guest", "native", "--cores", "1", "--repeat", "1", "--program=" + program, workload=(str(times),))
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            found = {r["symbol"]: r["n"] for r in store.rows(FRAMES)}
            self.assertEqual([r["symbol"] for r in store.rows("SELECT symbol FROM frame") if MANGLED.search(r["symbol"])], [])
        self.assertEqual([name for name in names if not found.get(name)], [], found)
        self.assertGreater(sum(found.get(name, 0) for name in names), 0.9 * sum(found.values()), found)
        self.assertGreater(sum(found.values()), 50, found)

    def test_cpp(self):
        self.check("names.cpp", 80_000, ("g++", "-O2"), "(anonymous namespace)::Adder::step", "main::{lambda(unsigned long)#1}::operator()")

    def test_rust(self):
        self.check("names.rs", 80_000, ("rustc", "-O", "-C", "symbol-mangling-version=v0"), "<names::Twice as names::Step>::step",
                   "names::work::<names::Twice, names::main::{closure#0}>")

    def test_rust_legacy(self):
        self.check("names.rs", 80_000, ("rustc", "-O", "-Z", "unstable-options", "-C", "symbol-mangling-version=legacy"),
                   "<names::Twice as names::Step>::step", "names::work", RUSTC_BOOTSTRAP="1")

    def test_go(self):
        self.check("names.go", 300, ("go", "build"), "main.(*List[int64]).Sum", "main.Walk[...]", "main.main.func1")


if __name__ == "__main__":
    harness.main()
