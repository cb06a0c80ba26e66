#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Call stacks of code without frame pointers: whole_stacks_test.py COLLECTOR STACKS_PROGRAM...

Each leaf function of the program is called in one way only, which the program tells. So the innermost function of a sample
says what its stack has to be: to the last function, whatever the compiler made of it."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402


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
                frames.append(r["symbol"])
        return list(found.values())

    def check(self, program):
        done = self.collect("--guest", "native", "--cores", "1", "--repeat", "1", "--frequency", "997",
                            "--program=" + program, workload=("0.2",))
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            truth = {leaf: stack.split(";") for leaf, stack in
                     re.findall(r"(?m)^(leaf_\w+): (\S+?)\r?$", store.console(1))}
            self.assertGreater(len(truth), 9)
            own = {name for stack in truth.values() for name in stack}
            seen, wrong, whole = dict.fromkeys(truth, 0), {}, 0
            for count, frames in self.stacks(store):
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

    def test_each_sample_has_the_stack_that_its_leaf_has_to_have(self):
        for name in sorted(self.programs):
            with self.subTest(program=name):
                self.check(self.programs[name])


if __name__ == "__main__":
    harness.main("gcc", "clang", "static", "pointers")
