#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""By module, how call stacks are walked and why they end: stack_ways_test.py COLLECTOR ENDS_PROGRAM

The program does the same work in a function of each of its libraries, and how each library's code can be walked is known by
how it was built. Samples of the first instants, when the process was not known yet, are another matter."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

# (how its code is walked, why its stacks end)
LIBRARIES = {
    "table": (".eh_frame", "root"),
    "debug": (".debug_frame", "root"),
    "pointers": ("frame pointers: no unwind table", "root"),
    "sparse": ("frame pointers: table for less than half of the code", "root"),
    "gap": (".eh_frame", "no unwind rule"),
    "none": ("frame pointers: no unwind table", "no unwind table"),
}


class StackWays(harness.SystemTest):
    def test_each_module_is_said_to_be_walked_and_to_end_stacks_as_it_was_built(self):
        harness.need_root()
        done = self.collect("--guest", "native", "--cores", "1", "--repeat", "1", "--frequency", "997",
                            "--program=" + self.programs["program"], workload=("600000000",))
        self.assertEqual(done.status, 0, done.stderr)
        with done.store() as store:
            ways = {}
            for r in store.rows("SELECT * FROM stack_module WHERE side = 'host' AND way NOT LIKE '% not known yet'"):
                ways.setdefault(r["module"], {})[r["way"]] = r["frames"]
            ends = {(r["module"], r["why"]): r["samples"] for r in store.rows("SELECT * FROM host_stack_end")}
            hits = {r["module"]: r["n"] for r in store.rows(
                "SELECT module, sum(count) AS n FROM sample JOIN stack ON stack.id = sample.stack JOIN frame ON "
                "frame.id = stack.frame WHERE side = 'user' AND kind = 'oncpu' AND phase = 'run' GROUP BY 1")}
        for module in (os.path.basename(self.programs["program"]), "libc.so.6"):
            self.assertEqual(list(ways[module]), [".eh_frame"], ways)
        ended = {}
        for name, (way, why) in LIBRARIES.items():
            module = f"libends_{name}.so"
            self.assertEqual(list(ways[module]), [way], ways)
            self.assertGreater(hits[module], 30, hits)
            self.assertGreaterEqual(ways[module][way], 0.95 * hits[module], ways)
            if why != "root":
                ended[module, why] = hits[module]
                self.assertGreaterEqual(ends.get((module, why), 0), 0.95 * hits[module], ends)
        self.assertGreaterEqual(ends["", "root"], 0.95 * (sum(hits.values()) - sum(ended.values())), ends)


if __name__ == "__main__":
    harness.main("program")
