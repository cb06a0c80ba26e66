#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Variants and weak scaling in the report: test_variants.py REPORT SCHEMA [unittest arguments].

Each store holds a truth that is known from how it is made: which variant takes how many times as long, which two are
the same, how much is lost by work that grows with the cores.
"""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_store  # noqa: E402
import test_explanation  # noqa: E402
from test_explanation import MS, Case  # noqa: E402

REPORT = test_explanation.REPORT


class VariantCase(Case):
    def declare(self, **words):
        self.setting("variants", json.dumps([{"name": n, "words": w} for n, w in words.items()]))

    def setting(self, key, value):
        self.x.store.insert("experiment", key=key, value=value)

    def fill(self, ms, n=5, **columns):
        """@ms: {(guest, variant, cores): run time}"""
        for k in range(n):
            for (guest, variant, cores), mean in ms.items():
                self.x.simple(guest, cores, mean * MS + (k * 7919 % 5) * MS // 10, variant=variant, **columns)

    def pairs(self, document):
        return {(d["a"]["name"], d["b"]["name"]): d for d in document["explanation"]["difference"]}


class Variants(VariantCase):
    def test_twice_the_work_takes_twice_as_long_and_is_named(self):
        self.declare(once="", twice="-work 2")
        self.fill({("native", "once", 1): 100, ("native", "twice", 1): 200})
        d = self.x.report()
        self.assertEqual([(c["name"], c["guest"], c["variant"]) for c in d["cells"]],
                         [("native (once)", "native", "once"), ("native (twice)", "native", "twice")])
        pair = self.pairs(d)[("native (twice)", "native (once)")]
        ratio = pair["runtime_ns"]["ratio"]
        self.assertLess(ratio["low"], 2)
        self.assertGreater(ratio["high"], 2 * 100 / 100.2 - 0.01)
        self.assertAlmostEqual(ratio["value"], 2, delta=0.01)
        self.assertTrue(pair["differs"])
        self.assertFalse(pair["control"])
        text = " ".join(f["text"] for f in d["findings"])
        self.assertIn("native (twice) takes", text)
        self.assertIn("longer than native (once)", text)

    def test_stacks_are_compared_in_a_variant_and_variants_within_a_stack(self):
        self.declare(a="", b="-x")
        self.fill({(g, v, c): ms * c for g, ms in (("native", 50), ("osv", 90)) for v in "ab" for c in (1, 2)}, n=3)
        pairs = {frozenset((x["name"], y["name"])) for x, y in
                 ((d["a"], d["b"]) for d in self.x.report()["explanation"]["difference"])}
        self.assertEqual(pairs, {frozenset(p) for p in (
            ("native (a)", "native (b)"), ("osv (a)", "osv (b)"), ("native (a)", "osv (a)"), ("native (b)", "osv (b)"))})

    def test_speed_up_is_over_the_same_variant(self):
        self.declare(a="", b="-x")
        self.fill({("osv", "a", 1): 100, ("osv", "a", 2): 50, ("osv", "b", 1): 300, ("osv", "b", 2): 200}, n=3)
        speedups = {s["cell"]["name"]: s["speedup"]["value"] for s in self.x.report()["explanation"]["speedup"]}
        self.assertAlmostEqual(speedups["osv (a)"], 2, delta=0.02)
        self.assertAlmostEqual(speedups["osv (b)"], 1.5, delta=0.02)

    def test_variants_of_the_same_words_are_a_control(self):
        self.declare(x="-n 1", y="-n 1", z="-n 2")
        self.fill({("native", "x", 1): 100, ("native", "y", 1): 100, ("native", "z", 1): 150})
        controls = {p: d["control"] for p, d in self.pairs(self.x.report()).items()}
        self.assertEqual(sum(controls.values()), 1)
        self.assertTrue(all(c == ("native (z)" not in p) for p, c in controls.items()))
        text = " ".join(f["text"] for f in self.x.report()["findings"])
        self.assertRegex(text, r"A/A control: native \([xy] and [xy] are the same\) on 1 core")

    def test_numbers_in_names_are_in_order(self):
        self.fill({("native", v, 1): 100 for v in ("10x", "2x", "1x")}, n=2)
        self.assertEqual([c["variant"] for c in self.x.report()["cells"]], ["1x", "2x", "10x"])

    def test_a_store_without_the_column_is_read_as_before(self):
        self.fill({("native", None, 1): 100}, n=3)
        self.x.store.db.execute("ALTER TABLE run RENAME COLUMN variant TO another")
        d = self.x.report()
        self.assertEqual([(c["name"], c["variant"]) for c in d["cells"]], [("native", "")])

    def test_files_of_variants_have_names_of_their_own(self):
        self.fill({("native", v, 1): 100 for v in ("a/b", "a.b", "</script>")}, n=2)
        self.x.report()
        done = subprocess.run([REPORT, self.x.folder], capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("native (a/b)", done.stdout)
        with open(os.path.join(self.x.folder, "report", "index.html"), encoding="utf-8") as f:
            page = f.read()
        self.assertNotIn("native (</script>", page)
        self.assertRegex(page, r"report diff (?:'|&#39;)\.:native \(")  # a shell's own signs are quoted

    def test_diff_takes_names_of_variants(self):
        self.declare(a="", b="-x")
        self.fill({(g, v, 1): 50 for g in ("native", "osv") for v in "ab"}, n=2)
        self.x.store.db.commit()
        for left, right, expected in (("a", "b", {("native (a)", "native (b)"), ("osv (a)", "osv (b)")}),
                                      ("native", "osv", {("native (a)", "osv (a)"), ("native (b)", "osv (b)")}),
                                      ("osv (b)", "native (a)", {("osv (b)", "native (a)")})):
            done = subprocess.run([REPORT, "diff", "--json", "--force", "-o", os.path.join(self.x.folder, "out"),
                                   f"{self.x.folder}:{left}", f":{right}"], capture_output=True, text=True, timeout=300,
                                  check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            found = set()
            for d in json.loads(done.stdout)["differences"]:
                found.add((d["a"]["name"], d["b"]["name"]))
            self.assertEqual(found, expected)


    def shard(self, index, **blocks):
        """A store of one block: {variant: run time} of its runs."""
        x = test_explanation.Experiment()
        self.addCleanup(x.close)
        for key, value in (("plan_id", "p"), ("shard", f"{index}/2"), ("started_utc", f"2026-01-0{index}"),
                           ("planned_runs", 2), ("variants", json.dumps([{"name": n, "words": n} for n in "xy"]))):
            x.store.insert("experiment", key=key, value=value)
        for variant, ms in blocks.items():
            x.simple("native", 1, ms * MS, variant=variant, block=index, repetition=index)
        x.store.db.commit()
        return x.folder

    def test_shards_are_united_by_variant(self):
        folders = self.shard(1, x=100, y=200), self.shard(2, x=101, y=202)
        done = subprocess.run([REPORT, "--json", *folders], capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        cells = json.loads(done.stdout)["cells"]
        self.assertEqual([(c["name"], c["runs_ok"]) for c in cells], [("native (x)", 2), ("native (y)", 2)])

    def test_a_variant_that_two_shards_have_of_one_block_is_refused(self):
        first, second = self.shard(1, x=100), self.shard(1, y=200)
        done = subprocess.run([REPORT, "--json", first, second], capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        third = self.shard(1, x=300)
        done = subprocess.run([REPORT, "--json", first, third], capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("block 1", done.stderr)


class Weak(VariantCase):
    def test_work_that_grows_loses_what_it_takes_longer(self):
        self.setting("weak", "1")
        for k in range(5):
            more = k * 7919 % 5 * MS // 10
            self.x.simple("native", 1, 100 * MS + more)
            wall = 125 * MS + more
            self.x.run("native", 2, {"render": {"wall": wall, "lanes": [
                {("user", ""): 100 * MS, ("blocked", "futex lock"): wall - 100 * MS}] * 2}})
        s = self.x.report()["explanation"]["speedup"][0]
        self.assertTrue(s["weak"])
        self.assertAlmostEqual(s["efficiency"]["value"], 100 / 125, delta=0.005)
        self.assertAlmostEqual(s["speedup"]["value"], 2 * 100 / 125, delta=0.01)
        self.assertIsNone(s["amdahl"]["value"])
        self.assertAlmostEqual(s["loss_ns"]["value"], sum(t["value"] for t in s["by_state"]), delta=1)
        terms = {t["state"]: t["value"] for t in s["by_state"]}
        self.assertAlmostEqual(terms["blocked"] / MS, 50, delta=1)
        self.assertAlmostEqual(terms["user"] / MS, 0, delta=1)
        self.assertIn("1.25 times", s["text"])
        self.assertIn("as long as on one, for 2 times the work: weak-scaling efficiency 80 %", s["text"])

    def test_work_that_stays_is_told_as_before(self):
        self.fill({("native", None, 1): 100, ("native", None, 2): 50}, n=3)
        s = self.x.report()["explanation"]["speedup"][0]
        self.assertFalse(s["weak"])
        self.assertAlmostEqual(s["efficiency"]["value"], 1, delta=0.01)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
