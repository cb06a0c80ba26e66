# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests with plugins of QEMU's share: a QEMU that is started with one, and what its addresses are called."""
import bisect
import os
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../collector/lib"))
import harness  # noqa: E402

QEMU = "qemu-system-x86_64"
# The same plugin, for QEMU's interface of then and of now.
PLUGINS = ("plugin_1", "plugin_4", "plugin_7")
PAGE = 4096
KERNEL_HALF = 1 << 63
OSV_PROGRAMS = 0x100000000000
FUNCTION_MAX = 1 << 16

# Each sample of a phase that has a stack: its frames, outermost last. What is inlined has no instructions of its own.
STACKS = """
WITH RECURSIVE up(id, count, stack, depth) AS (
    SELECT rowid, count, stack, 0 FROM sample WHERE kind = 'oncpu' AND lane = 0 AND phase = ?
        AND stack IS NOT NULL
    UNION ALL SELECT up.id, count, parent, depth + 1 FROM up JOIN stack ON stack.id = up.stack
        WHERE parent IS NOT NULL)
SELECT up.id, count, side, module, symbol FROM up JOIN stack ON stack.id = up.stack
JOIN frame ON frame.id = stack.frame WHERE NOT inlined ORDER BY up.id, depth"""

WRAPPER = """#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
case " $* " in
*" -smp "*) exec {qemu} "$@" -plugin {plugin} ;;
esac
exec {qemu} "$@"
"""


class Names:
    """An independent second opinion on what an address is: functions, as (address, name)."""

    def __init__(self, functions):
        self.functions = sorted(functions)
        self.addresses = [address for address, _ in self.functions]

    @classmethod
    def of_elf(cls, path):
        """By nm; and slots of the PLT."""
        listed = subprocess.run(["nm", "--defined-only", path], capture_output=True, text=True, check=True).stdout
        # without parameters, as the collector shows them
        shown = subprocess.run(["c++filt", "-p"], input=listed, capture_output=True, text=True, check=True).stdout
        lines = [line.split(" ", 2) for line in shown.splitlines()]
        code = subprocess.run(["objdump", "--disassemble", "--section=.plt", "--section=.plt.sec", path], capture_output=True, text=True,
                              check=False).stdout
        slots = re.findall(r"(?m)^([0-9a-f]+) <(.*@plt)>:$", code)
        return cls([(int(words[0], 16), words[2]) for words in lines if words[1] in "tTwWV"]
                   + [(int(address, 16), name) for address, name in slots])

    def find(self, address):
        """All the names that the function at @address has."""
        at = bisect.bisect_right(self.addresses, address) - 1
        if at < 0 or address - self.addresses[at] >= FUNCTION_MAX:
            return ()
        start = bisect.bisect_left(self.addresses, self.addresses[at])
        return tuple(name for _, name in self.functions[start:at + 1])

    def bias(self, addresses):
        """Where the file was loaded: at that distance most of @addresses begin a function."""
        by_place = defaultdict(list)
        for address in self.addresses:
            by_place[address % PAGE].append(address)
        votes = Counter(address - linked for address in addresses for linked in by_place[address % PAGE])
        return votes.most_common(1)[0][0]


class PluggedTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        harness.need_root()
        harness.need_program(QEMU, "qemu-system-x86")
        harness.need_program("nm", "binutils")
        harness.need_program("c++filt", "binutils")
        self.need_plugins()

    def need_plugins(self):
        """A QEMU that takes one of our plugins."""
        for name in PLUGINS:
            self.plugin = self.programs[name]
            done = subprocess.run([QEMU, "-M", "none", "-nodefaults", "-display", "none", "-qmp", "stdio", "-plugin",
                                   f"{self.plugin},out=/dev/null"],
                                  input='{"execute":"qmp_capabilities"}\n{"execute":"quit"}\n', capture_output=True,
                                  text=True, timeout=300, check=False)
            if done.returncode == 0:
                return
        harness.skip(f"this QEMU takes no such plugin: {done.stderr.strip().splitlines()[-1]}")

    def run_guest(self, guest, work, *options, env=None):
        done = self.collect("--guest", guest, "--cores", "1", "--accel", "tcg", "--repeat", "1", *options, workload=work,
                            env=env, timeout=300)
        if done.status == 3:
            harness.skip(done.stderr.strip())
        self.assertEqual(done.status, 0, done.stderr)
        return done.store()

    def run_plugged(self, guest, work, *options, arguments=""):
        """The store of a run with the plugin, and the lines that this wrote, as lists of words."""
        out, folder = os.path.join(self.work, "truth"), os.path.join(self.work, "bin")
        os.makedirs(folder, exist_ok=True)
        wrapper = os.path.join(folder, QEMU)
        with open(wrapper, "w", encoding="ascii") as f:
            f.write(WRAPPER.format(qemu=shutil.which(QEMU), plugin=f"{self.plugin},out={out}{arguments}"))
        os.chmod(wrapper, 0o755)
        store = self.run_guest(guest, work, *options, env={"PATH": f"{folder}:{os.environ['PATH']}"})
        self.addCleanup(store.db.close)
        return store, [line.split() for line in harness.read_file(out).splitlines()]

    @staticmethod
    def stacks(store, phase):
        """[(samples, [(side, module, symbol), ...])], innermost first."""
        found = {}
        for r in store.rows(STACKS, phase):
            found.setdefault(r["id"], (r["count"], []))[1].append((r["side"], r["module"], r["symbol"]))
        return list(found.values())
