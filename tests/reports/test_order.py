#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""In which order call stacks are shown that go into a guest, and how whole they are said to be:
test_order.py REPORT SCHEMA [unittest arguments].

Each stack below is written down in the store's order and in both that a report shows, by hand."""
import csv
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_store  # noqa: E402

REPORT, SCHEMA = sys.argv[1:3]


def host(*names):
    return [("user", "qemu", name) for name in names]


def kernel(*names):
    return [("kernel", "[kernel]", name) for name in names]


def guest(*names):
    return [("guest-user", "program", name) for name in names]


def mark(name):
    return [("boundary", "guest", name)]


GENERATED, MODE, GUEST = mark("[generated code]"), mark("[guest mode]"), mark("[guest code]")
# (what the store has, by the guest, by the host)
STACKS = {
    "the guest's own code": (
        host("_start", "cpu_exec") + GENERATED + guest("main", "advance"),
        "main;advance", "_start;cpu_exec;[generated code];main;advance"),
    "called by it": (
        host("_start", "cpu_exec") + GENERATED + host("helper", "float64_add") + GUEST + guest("main", "advance"),
        "main;advance;[hypervisor];helper;float64_add",
        "_start;cpu_exec;[generated code];helper;float64_add;[guest code];main;advance"),
    "the kernel, for it": (
        host("_start", "cpu_exec") + GENERATED + kernel("fault", "clear_page") + GUEST + guest("main", "store"),
        "main;store;[hypervisor];fault;clear_page",
        "_start;cpu_exec;[generated code];fault;clear_page;[guest code];main;store"),
    "not called by it": (
        host("_start", "cpu_exec", "tb_gen_code") + GUEST + guest("main", "rare"),
        "main;rare;[hypervisor];_start;cpu_exec;tb_gen_code", "_start;cpu_exec;tb_gen_code;[guest code];main;rare"),
    "of a guest of which nothing is known": (
        host("_start", "cpu_exec") + GENERATED + host("lookup"),
        "[guest code];[hypervisor];lookup", "_start;cpu_exec;[generated code];lookup"),
    "such a guest itself": (
        host("_start", "cpu_exec") + GENERATED, "[guest code]", "_start;cpu_exec;[generated code]"),
    "KVM's guest": (
        host("_start", "ioctl") + MODE + guest("main", "alpha"), "main;alpha", "_start;ioctl;[guest mode];main;alpha"),
    "KVM's guest, after an exit": (
        host("_start", "ioctl") + kernel("handle_exit", "npf") + GUEST + guest("main", "alpha"),
        "main;alpha;[hypervisor];_start;ioctl;handle_exit;npf", "_start;ioctl;handle_exit;npf;[guest code];main;alpha"),
    "nothing of a guest": (host("_start", "main_loop"), "_start;main_loop", "_start;main_loop"),
    "inlined frames stay on theirs": (
        host("_start") + GENERATED + host("helper") + [("user", "qemu", "lane", 1)] + GUEST + guest("main")
        + [("guest-user", "program", "step", 1)],
        "main;step_[i];[hypervisor];helper;lane_[i]", "_start;[generated code];helper;lane_[i];[guest code];main;step_[i]"),
    # as stores have it that were made before stacks were whole: one boundary for all
    "old, the guest's own code": (GUEST + guest("main", "old"), "main;old", "[guest code];main;old"),
    "old, a function of QEMU's": (
        host("float64_mul") + GUEST + guest("main", "old"), "main;old;[hypervisor];float64_mul",
        "float64_mul;[guest code];main;old"),
    "old, KVM's": (host("ioctl") + GUEST + guest("main", "older"), "main;older", "ioctl;[guest code];main;older"),
    "old, nothing known": (host("ioctl") + GUEST, "[guest code]", "ioctl;[guest code]"),
}


# (module, why, samples) of two runs of osv each; more reasons than the table has rows
HOST_ENDS = [("", "root", 900), ("libold.so", "no unwind rule", 40), *((f"lib{i}.so", "no unwind table", 10 - i) for i in range(9))]
GUEST_ENDS = [("[kernel]", "page not present", 3), ("program", "outside known text", 5)]
MODULES = [("host", "qemu", ".eh_frame", 70), ("host", "libold.so", "frame pointers: no unwind table", 30), ("guest", "[kernel]", "ORC", 9)]


def make(folder, stacks):
    os.makedirs(folder)
    store = make_store.Store(SCHEMA, os.path.join(folder, "experiment.db"))
    make_store.add_settings(store, 1)
    for position, name in enumerate(("osv", "native")):
        make_store.add_run(store, random.Random(1), position, name, 1, 0, True)
    store.db.execute("DELETE FROM sample")
    for weight, (frames, *_) in enumerate(stacks, 1):
        store.insert("sample", run=1, phase="render", lane=0, thread="CPU 0/TCG", kind="oncpu",
                     stack=store.stack(frames), weight_ns=weight, count=1)
    store.insert("sample", run=2, phase="render", lane=0, thread="worker/0", kind="oncpu",
                 stack=store.stack([("user", "program", "main"), ("user", "program", "advance")]), weight_ns=7, count=1)
    for module, why, samples in HOST_ENDS:
        store.insert("host_stack_end", run=1, module=module, why=why, samples=samples)
    for module, why, samples in GUEST_ENDS:
        store.insert("guest_stack_end", run=1, module=module, why=why, samples=samples)
    for side, module, way, frames in MODULES:
        store.insert("stack_module", run=1, side=side, module=module, way=way, frames=frames)
    store.db.commit()
    store.db.close()


class Order(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = tempfile.mkdtemp(prefix="guestscope-order-")
        cls.addClassCleanup(shutil.rmtree, cls.base, ignore_errors=True)
        cls.folder = os.path.join(cls.base, "a")
        make(cls.folder, STACKS.values())

    def run_report(self, *arguments, status=0):
        done = subprocess.run([REPORT, *arguments], capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def folded(self, *order):
        out = os.path.join(self.base, "folded")
        self.run_report("export", "--format", "folded", "--force", "-o", out, *order, self.folder)
        with open(os.path.join(out, "flamegraph-osv-1.folded"), encoding="utf-8") as f:
            lines = (line.rstrip().rsplit(" ", 1) for line in f)
            return {stack: int(weight) for stack, weight in lines}

    def expected(self, column):
        sums = {}
        for weight, stack in enumerate(STACKS.values(), 1):
            sums["CPU 0/TCG;" + stack[column]] = sums.get("CPU 0/TCG;" + stack[column], 0) + weight
        return sums

    def test_the_guest_comes_first_unless_the_host_is_asked_for(self):
        os.makedirs(os.path.join(self.base, "folded"), exist_ok=True)
        self.assertEqual(self.folded(), self.expected(1))
        self.assertEqual(self.folded("--order", "guest"), self.expected(1))
        self.assertEqual(self.folded("--order=host"), self.expected(2))

    def test_the_page_says_how_much_time_functions_of_the_guest_take_with_what_is_done_for_them(self):
        tables = []
        for order in ("guest", "host"):
            out = os.path.join(self.base, "page-" + order)
            os.makedirs(out)
            self.run_report("-o", out, "--order", order, self.folder)
            with open(os.path.join(out, "index.html"), encoding="utf-8") as f:
                page = f.read()
            begin = page.index("Time by function of the guest")
            tables.append(page[begin:page.index("</table>", begin)])
        self.assertIn("advance", tables[0])
        self.assertEqual(*tables)

    def test_a_difference_shows_what_is_done_for_the_guest_where_it_stands_on_it(self):
        out = os.path.join(self.base, "diff")
        for order, functions in (("guest", {"advance", "helper", "float64_add", "[hypervisor]"}), ("host", {"advance"})):
            os.makedirs(out, exist_ok=True)
            self.run_report("diff", "--force", "-o", out, "--order", order, self.folder + ":native", ":osv")
            with open(os.path.join(out, "flamegraph-diff-native-osv-1.svg"), encoding="utf-8") as f:
                drawing = f.read()
            for name in ("advance", "helper", "float64_add"):
                self.assertEqual(f"<title>{name}\n" in drawing, name in functions, (order, name))

    def test_the_share_of_whole_stacks_comes_first_and_why_the_others_end_worst_first(self):
        rest = HOST_ENDS[2:]
        expected = [("host", "root", "", 900), ("host", "no unwind rule", "libold.so", 40),
                    *(("host", why, module, n) for module, why, n in rest[:6]),
                    ("host", "(others)", "", sum(n for *_, n in rest[6:])),
                    ("guest", "root", "", 0), ("guest", "outside known text", "program", 5), ("guest", "page not present", "[kernel]", 3)]
        cells = {cell["guest"]: cell for cell in json.loads(self.run_report("--json", self.folder).stdout)["cells"]}
        self.assertEqual([tuple(row.values()) for row in cells["osv"]["stacks"]], expected)
        self.assertEqual(cells["native"]["stacks"], [])
        text = self.run_report("--verbose", self.folder).stdout
        whole = sum(n for *_, n in HOST_ENDS)
        self.assertRegex(text, rf"Call stacks.*\n.*\n *osv on 1 core\n *host +root +900 +{100 * 900 / whole:.1f}\n")
        self.assertRegex(text, r"\n *guest +root +0 +0(?:\.0)?\n *guest +outside known text +program +5 +62.5\n")
        with open(os.path.join(self.folder, "report", "index.html"), encoding="utf-8") as f:
            page = f.read()
        self.assertIn('id="stacks"', page)
        self.assertIn("libold.so", page)

    def test_each_output_says_by_side_and_file_how_frames_were_walked(self):
        cells = {cell["guest"]: cell for cell in json.loads(self.run_report("--json", self.folder).stdout)["cells"]}
        self.assertEqual([tuple(row.values()) for row in cells["osv"]["stack_modules"]], MODULES)
        text = self.run_report("--verbose", self.folder).stdout
        self.assertRegex(text, r"how the callers of frames were found.*\n.*\n *osv on 1 core\n *host +qemu +\.eh_frame +70 +70\.0\n"
                               r" *host +libold\.so +frame pointers: no unwind table +30 +30\.0\n *guest +\[kernel\] +ORC +9 +100\.0\n")
        with open(os.path.join(self.folder, "report", "index.html"), encoding="utf-8") as f:
            page = f.read()
        self.assertRegex(page, "<td[^>]*>frame pointers: no unwind table")
        for name, rows in (("stack_modules", MODULES), ("stack_ends", [("host", "root", "", 900)])):
            with open(os.path.join(self.folder, "report", name + ".csv"), encoding="utf-8", newline="") as f:
                found = list(csv.reader(f))[1:]
            self.assertEqual(found[:len(rows)], [["osv", "1", *map(str, row)] for row in rows])

    def test_a_store_that_knows_less_of_its_stacks_is_read(self):
        old = os.path.join(self.base, "old")
        shutil.copytree(self.folder, old)
        with sqlite3.connect(os.path.join(old, "experiment.db")) as db:
            db.execute("DROP TABLE stack_module")
            db.execute("ALTER TABLE guest_stack_end DROP COLUMN module")
        cells = {cell["guest"]: cell for cell in json.loads(self.run_report("--json", old).stdout)["cells"]}
        self.assertEqual(cells["osv"]["stack_modules"], [])
        self.assertIn(("guest", "outside known text", "", 5), [tuple(row.values()) for row in cells["osv"]["stacks"]])

    def test_another_word_is_wrong_usage(self):
        self.assertIn("guest or host", self.run_report("--order", "sideways", self.folder, status=2).stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
