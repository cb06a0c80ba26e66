#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What "report diff" promises: test_diff.py REPORT SCHEMA [unittest arguments]."""
import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from fractions import Fraction

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_store  # noqa: E402

REPORT, SCHEMA = sys.argv[1:3]
SVG = "{http://www.w3.org/2000/svg}"


def run(*arguments):
    return subprocess.run([REPORT, "diff", *arguments], capture_output=True, text=True, timeout=300, check=False)


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = tempfile.mkdtemp(prefix="guestscope-diff-")
        cls.addClassCleanup(shutil.rmtree, cls.base, ignore_errors=True)
        make_store.make(SCHEMA, cls.path("a"), seed=1)
        make_store.make(SCHEMA, cls.path("b"), seed=2)

    @classmethod
    def path(cls, *names):
        return os.path.join(cls.base, *names)

    def rows(self, name, sql, *values):
        db = sqlite3.connect(self.path(name, "experiment.db"))
        try:
            return db.execute(sql, values).fetchall()
        finally:
            db.close()

    def change(self, name, *statements):
        db = sqlite3.connect(self.path(name, "experiment.db"))
        for statement in statements:
            db.execute(statement)
        db.commit()
        db.close()

    def differences(self, *arguments):
        result = run("--json", *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)["differences"]

    def refuses(self, status, pattern, *arguments):
        result = run(*arguments)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertRegex(result.stderr, pattern)

    def frames(self, *names):
        """Of a graph: (lines of the title, class, sign, left, width, top) of each frame."""
        root = xml.etree.ElementTree.parse(self.path(*names)).getroot()
        found = []
        for g in root.findall(f".//{SVG}g[@class='frames']/{SVG}g"):
            rect = g.find(SVG + "rect")
            found.append((g.find(SVG + "title").text.split("\n"), g.get("class"), g.get("data-sign", ""),
                          *(float(rect.get(k)) for k in ("x", "width", "y"))))
        return found


class Sums(Case):
    def lane_sum(self, name, guest, cores):
        return self.rows(name, "SELECT sum(weight_ns) FROM sample s JOIN run r ON r.id = s.run WHERE guest = ? AND cores = ?"
                         " AND phase <> 'boot' AND status = 'ok' AND lane >= 0", guest, cores)[0][0]

    def runtimes(self, name, guest, cores):
        return [v for v, in self.rows(name, "SELECT runtime_ns FROM run WHERE guest = ? AND cores = ? AND status = 'ok'",
                                      guest, cores)]

    def pairs(self):
        yield self.differences(self.path("a:native:2"), ":osv:2")[0], ("a", "native", 2), ("a", "osv", 2)
        yield self.differences(self.path("a:osv:1"), self.path("b:osv:1"))[0], ("a", "osv", 1), ("b", "osv", 1)
        yield self.differences(self.path("a:osv:1"), ":osv:2")[0], ("a", "osv", 1), ("a", "osv", 2)

    def test_states_sum_to_the_difference_of_run_times(self):
        for d, a, b in self.pairs():
            means = [sum(t) / len(t) for t in (self.runtimes(*a), self.runtimes(*b))]
            self.assertAlmostEqual(d["runtime"]["difference_ns"], means[1] - means[0], delta=1)
            self.assertAlmostEqual(sum(s["difference_ns"] for s in d["states"]), d["runtime"]["difference_ns"], delta=1)
            for letter, cell in (("a", a), ("b", b)):
                have = {s["state"]: s[letter + "_ns"] for s in d["states"][:-1]}
                # What run queues say is taken out of the states in which it lies.
                for states in (("guest", "vmm", "blocked", "lost parallelism"), ("preempted", "throttled", "double scheduling"), ("user",),
                               ("kernel",), ("irq",), ("wakeup",)):
                    total, = self.rows(cell[0], "SELECT sum(ns) FROM account x JOIN run r ON r.id = x.run WHERE guest = ? AND cores = ? AND"
                                       f" state IN ({','.join('?' * len(states))}) AND lane >= 0 AND phase <> 'boot'", *cell[1:], *states)[0]
                    self.assertAlmostEqual(sum(have.pop(s, 0) for s in states), (total or 0) / len(self.runtimes(*cell)) / cell[2], delta=1)
                self.assertEqual(have, {})

    def test_functions_sum_exactly_to_the_samples_and_with_the_rest_to_the_difference(self):
        for d, a, b in self.pairs():
            shares = []
            for letter, cell in (("a", a), ("b", b)):
                total = sum(f[letter + "_sum_ns"] for f in d["functions"])
                self.assertEqual(total, self.lane_sum(*cell))
                shares.append(Fraction(total, len(self.runtimes(*cell)) * cell[2]))
            rest = d["unsampled"]["difference_ns"]
            self.assertAlmostEqual(float(shares[1] - shares[0]) + rest, d["runtime"]["difference_ns"], delta=1)
            self.assertAlmostEqual(sum(f["difference_ns"] for f in d["functions"]) + rest,
                                   d["runtime"]["difference_ns"], delta=10)

    def test_an_experiment_does_not_differ_from_its_copy(self):
        shutil.copytree(self.path("a"), self.path("copy"), dirs_exist_ok=True)
        for d in self.differences(self.path("a"), self.path("copy")):
            self.assertEqual(d["runtime"]["difference_ns"], 0)
            self.assertEqual({s["difference_ns"] for s in d["states"]}, {0})
            self.assertEqual({f["difference_ns"] for f in d["functions"]}, {0})
        looks = {f[1:3] for n in os.listdir(self.path("copy", "report")) if n.endswith(".svg")
                 for f in self.frames("copy", "report", n)}
        self.assertEqual(looks, {("z", "")})

    def test_a_known_change_comes_out_as_the_largest(self):
        shutil.copytree(self.path("a"), self.path("slower"), dirs_exist_ok=True)
        leaf = "(SELECT k.id FROM stack k JOIN frame f ON f.id = k.frame WHERE symbol = 'smooth_color')"
        self.change("slower", f"UPDATE sample SET weight_ns = weight_ns * 2, count = count * 2 WHERE stack IN {leaf}")
        d, = self.differences(self.path("a:native:1"), self.path("slower"))
        first = d["functions"][0]
        self.assertEqual(first["function"], "smooth_color")
        self.assertEqual(first["b_sum_ns"], 2 * first["a_sum_ns"])
        self.assertGreater(first["difference_ns"], first["error_ns"])
        self.assertEqual({f["difference_ns"] for f in d["functions"][1:]}, {0})
        for lines, look, sign, *_ in self.frames("slower", "report", "flamegraph-diff-native@a-native@slower-1.svg"):
            changed = lines[0] in ("smooth_color", "mandelbrot_row", "task_run", "worker_main", "start_thread", "lanes", "all")
            self.assertEqual(look.startswith("p"), changed, lines)
            self.assertEqual(sign.startswith(("+", "×")), changed, lines)

    def test_tables_equal_the_document(self):
        d, = self.differences(self.path("a:native:2"), ":osv:2")
        with open(self.path("a", "report", "diff-states.csv"), encoding="utf-8", newline="") as f:
            states = list(csv.DictReader(f))
        self.assertEqual([r["state"] for r in states], [s["state"] for s in d["states"]] + ["runtime"])
        for row, state in zip(states, d["states"] + [d["runtime"]]):
            self.assertAlmostEqual(float(row["difference_s"]), state["difference_ns"] / 1e9, 8)
        with open(self.path("a", "report", "diff-functions.csv"), encoding="utf-8", newline="") as f:
            functions = list(csv.DictReader(f))
        self.assertEqual([r["function"] for r in functions], [f["function"] for f in d["functions"]] + ["[in no stack]"])
        for row, function in zip(functions, d["functions"] + [d["unsampled"]]):
            self.assertAlmostEqual(float(row["a_s"]), function["a_ns"] / 1e9, 8)


class Drawing(Case):
    NAME = ("a", "report", "flamegraph-diff-native-osv-2.svg")

    def graph(self):
        result = run(self.path("a:native:2"), ":osv:2")
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.frames(*self.NAME)

    def test_what_is_gone_and_what_is_new_stays_visible(self):
        frames = self.graph()
        gone = next(f for f in frames if f[0][0] == "log")
        self.assertEqual((gone[2], gone[1]), ("gone: ", "m3"))
        self.assertTrue(any(line == "osv: none" for line in gone[0]))
        new = next(f for f in frames if f[0][0] == "[hypervisor]")
        self.assertEqual((new[2], new[1]), ("new: ", "p3"))
        self.assertTrue(any(line == "native: none" for line in new[0]))

    def test_both_values_and_their_difference_are_told(self):
        lines = next(f for f in self.graph() if f[0][0] == "mandelbrot_row")[0]
        self.assertRegex("\n".join(lines), r"\nnative: \d.*s, [\d.]+ %\nosv: \d.*s, [\d.]+ %\ndifference \+.*s \(\+\d+.*%\),"
                         r" of which sampling may be ± .*s\nof its own time \+")

    def test_the_program_covers_itself_in_two_stacks(self):
        frames = self.graph()
        self.assertEqual(len([f for f in frames if f[0][0] == "mandelbrot_row"]), 1)
        # what is inlined there is seen in osv only, and is no difference
        self.assertFalse([f for f in frames if f[0][0] in ("advance", "escaped")])
        self.assertFalse([f for f in frames if f[0][0] in ("[generated code]", "start_thread") and f[2] == "new: "])

    def test_children_lie_within_their_parents(self):
        rows = {}
        for lines, _, _, left, width, top in self.graph():
            rows.setdefault(top, []).append((left, left + width, lines[0]))
        tops = sorted(rows, reverse=True)
        for below, above in zip(tops, tops[1:]):
            for left, right, name in rows[above]:
                self.assertTrue(any(a - 0.01 <= left and right <= b + 0.01 for a, b, _ in rows[below]), name)

    def test_every_graph_is_well_formed_and_stays_text(self):
        self.graph()
        for name in os.listdir(self.path("a", "report")):
            if not name.endswith(".svg"):
                continue
            root = xml.etree.ElementTree.parse(self.path("a", "report", name)).getroot()
            self.assertEqual(len(root.findall(f".//{SVG}script")), 1)
            for element in root.iter():
                self.assertFalse([k for k in element.attrib if k.startswith("on") or k.endswith("href")])


class BadInput(Case):
    def test_wrong_usage_is_status_2(self):
        for arguments in ((), (self.path("a"),), (self.path("a"), self.path("b"), self.path("b"))):
            self.assertEqual(run(*arguments).returncode, 2)
        self.refuses(2, r"names no experiment", ":osv", self.path("a"))
        self.refuses(2, r"names no stack", self.path("a:7"), self.path("b"))

    def test_a_form_that_is_not_known_is_answered_with_the_right_ones(self):
        form = r"is none of DIR, DIR:STACK and DIR:STACK:CORES"
        for wrong in ("a:osv:2:3", "a:osv:two", "a:osv:2:", "a:osv:2:3:4"):
            self.refuses(2, f'"[^"]*{wrong}" {form}', self.path(wrong), self.path("b"))
        self.refuses(2, f'":osv:2:3" {form}', self.path("a:osv:1"), ":osv:2:3")

    def test_what_is_not_there_is_named(self):
        self.refuses(3, r"cannot open .*/none: No such file", self.path("none"), self.path("a"))
        self.refuses(3, r"cannot open .*/none: No such file", self.path("a"), self.path("none:osv:2"))
        self.refuses(2, r"A has no stack \"xen\": .*/a has native:1, .*osv:1", self.path("a:xen:1"), ":osv")
        self.refuses(2, r"B has no stack \"nope\": .*/a has native:1", self.path("a:osv:1"), ":nope")
        self.refuses(2, r"B has no \"osv:77\": .*/b has native:1", self.path("a:osv:1"), self.path("b:osv:77"))
        self.refuses(2, r"A and B are the same: .*native:1", self.path("a"), self.path("a"))

    def test_different_workloads_are_compared_by_force_only(self):
        shutil.copytree(self.path("b"), self.path("other"), dirs_exist_ok=True)
        self.change("other", "UPDATE run SET scenario = 'paper-1'")
        self.refuses(3, r"the workloads differ: .*\"quick\".*\"paper-1\": --force", self.path("a"), self.path("other"))
        self.assertFalse(os.path.exists(self.path("other", "report")))
        result = run("--force", self.path("a:native:1"), self.path("other"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("Attention: the workloads differ", result.stdout)
        self.change("other", "UPDATE run SET scenario = 'quick', raster_sha256 = 'cd'")
        self.refuses(3, r"did not compute the same", self.path("a"), self.path("other"))

    def test_what_was_measured_is_the_program_and_its_arguments(self):
        """Programs that name no picture are told apart by the plans of their experiments."""
        plan = {"arguments": ["-width", "64"], "files": {"program": "ab" * 32}}
        for name, changed in (("p", {}), ("q", {"arguments": ["-width", "96"]}), ("r", {"files": {"program": "cd" * 32}})):
            shutil.copytree(self.path("b"), self.path(name), dirs_exist_ok=True)
            self.change(name, "UPDATE run SET raster_sha256 = NULL",
                        f"INSERT INTO experiment VALUES ('plan', '{json.dumps({**plan, **changed})}')")
        self.refuses(3, r"program's arguments were \[\"-width\",\"64\"\] and \[\"-width\",\"96\"\]: --force",
                     self.path("p"), self.path("q"))
        self.refuses(3, r"programs \(SHA-256\) were \"abab.* and \"cdcd", self.path("p"), self.path("r"))

    def test_files_of_others_are_replaced_by_force_only(self):
        os.mkdir(self.path("out"))
        with open(self.path("out", "diff-states.csv"), "w", encoding="ascii") as f:
            f.write("mine")
        self.refuses(3, r"diff-states.csv exists already: --force replaces it", "-o", self.path("out"),
                     self.path("a:native:1"), ":docker:1")
        self.assertEqual(os.listdir(self.path("out")), ["diff-states.csv"])
        self.assertEqual(run("--force", "-o", self.path("out"), self.path("a:native:1"), ":docker:1").returncode, 0)

    def test_the_text_fits_a_terminal(self):
        text = run(self.path("a:native:1"), ":osv:1").stdout.split("\n\n/")[0]
        self.assertLessEqual(max(map(len, text.splitlines())), 100)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
