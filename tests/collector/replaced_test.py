#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A program and its library that are replaced on disk while they run: replaced_test.py COLLECTOR PROGRAM OTHER_PROGRAM LIBRARY
OTHER_LIBRARY

The others are of the same sources, compiled otherwise, and their functions have other names: names of these would show that
the wrong file was read. Of the library the collector sees the mapping only when another one has its name."""
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402

SECONDS = 0.7
WORK = ("work_of_the_program", "work_of_the_library")
NOW = "what_is_there_now"


class Replaced(harness.SystemTest):
    def setUp(self):
        harness.need_root()
        super().setUp()

    def files(self, build_ids):
        """Copies of the four, with or without build-ids."""
        copies = {name: os.path.join(self.work, name) for name in self.programs}
        for name, copy in copies.items():
            shutil.copy(self.programs[name], copy)
            if not build_ids:
                subprocess.run(["objcopy", "--remove-section=.note.gnu.build-id", copy], check=True)
            self.assertIn(NOW if "other" in name else WORK["library" in name],
                          subprocess.run(["nm", copy], capture_output=True, text=True, check=True).stdout)
        return copies

    def measure(self, files, command=None):
        done = self.collect("--guest", "native", "--cores", "1", "--repeat", "1", "--program=" + files["program"], command=command,
                            workload=(str(SECONDS), files["library"], files["other_library"], files["program"], files["other_program"]))
        self.assertEqual(done.status, 0, done.stderr)
        self.assertFalse(os.path.exists(files["other_program"]) or os.path.exists(files["other_library"]))
        store = done.store()
        self.addCleanup(store.db.close)
        return store

    def stacks(self, store):
        """{"outermost;...;innermost": samples}"""
        frames, counts, found = {}, {}, {}
        for r in store.rows(harness.STACKS):
            if r["side"] == "user":
                frames.setdefault(r["id"], []).insert(0, r["symbol"])
                counts[r["id"]] = r["count"]
        for sample, names in frames.items():
            stack = ";".join(names)
            found[stack] = found.get(stack, 0) + counts[sample]
        return found

    def samples(self, stacks, pattern):
        return sum(count for stack, count in stacks.items() if re.search(pattern, stack))

    def test_what_runs_is_read_and_not_what_has_its_name(self):
        for build_ids in (True, False):
            with self.subTest(build_ids=build_ids):
                store = self.measure(self.files(build_ids))
                stacks = self.stacks(store)
                for work in WORK:
                    of_it = self.samples(stacks, work)
                    self.assertGreater(of_it, SECONDS * 999 / 2, stacks)
                    self.assertGreaterEqual(self.samples(stacks, f"_start;.*;main;{work}"), 0.98 * of_it, stacks)
                self.assertEqual(self.samples(stacks, NOW), 0, stacks)
                self.assertEqual([w for w in store.warnings() if "replaced" in w], [])

    def test_without_the_right_to_open_the_old_file_one_warning_says_so(self):
        harness.need_program("setpriv", "util-linux")
        rights = "-all,+bpf,+perfmon,+sys_ptrace,+syslog,+dac_override"
        store = self.measure(self.files(True), command=["setpriv", f"--inh-caps={rights}", f"--bounding-set={rights}", self.collector])
        stacks = self.stacks(store)
        self.assertGreater(self.samples(stacks, WORK[0]), SECONDS * 999 / 2, stacks)
        self.assertEqual(self.samples(stacks, NOW), 0, stacks)
        said = [w for w in store.warnings() if "replaced" in w]
        if self.samples(stacks, WORK[1]):  # the collector had opened it before it was replaced
            self.assertEqual(said, [])
        else:
            self.assertEqual(said, ["replaced on disk while they were mapped: library; their functions have no names, as what is mapped cannot "
                                    "be opened without CAP_SYS_ADMIN"])


if __name__ == "__main__":
    harness.main("program", "other_program", "library", "other_library")
