#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the report says of why: test_explanation.py REPORT SCHEMA [unittest arguments].

Stores of random whole numbers are explained by the report and, in fractions without rounding, here. Others hold one
planted effect each, which the words must name, or must not.
"""
import csv
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import unittest
from fractions import Fraction

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_store  # noqa: E402

REPORT, SCHEMA = sys.argv[1:3]
MS, S = 10**6, 10**9
STATES = ("user", "guest", "vmm", "kernel", "irq", "preempted", "wakeup", "blocked", "throttled")
DETAILS = {"guest": ("application", "scheduler", "idle", ""), "preempted": ("rival", "kworker/0:1"),
           "kernel": ("futex", "read"), "blocked": ("futex lock", "halt")}


class Experiment:
    """A store that is made run by run."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="guestscope-explanation-")
        self.store = make_store.Store(SCHEMA, os.path.join(self.folder, "experiment.db"))
        self.runs = 0

    def run(self, guest, cores, phases, runtime=None, **columns):
        """@phases: {name: [{(state, detail): ns} for each lane] and "wall"}"""
        self.runs += 1
        walls = sum(p["wall"] for n, p in phases.items() if n != "boot")
        runtime = walls if runtime is None else runtime
        start = 10**12 + self.runs * 10**11
        values = {"guest": guest, "cores": cores, "scenario": "quick", "repetition": 1, "position": self.runs,
                  "accel": "none", "status": "ok", "start_ns": start, "end_ns": start + 10**10, "boot_ns": 5 * MS,
                  "runtime_ns": runtime, "guest_runtime_ns": runtime, "closed": 1, "audited": 1, "residual_ns": 0,
                  "block": 1, "counted": 1, "label": ""}
        values.update(columns)
        run = self.store.insert("run", **values)
        at = start
        for name, phase in phases.items():
            self.store.insert("phase", run=run, name=name, start_ns=at, end_ns=at + phase["wall"])
            at += phase["wall"]
            for lane, account in enumerate(phase["lanes"]):
                for (state, detail), ns in account.items():
                    self.store.insert("account", run=run, phase=name, lane=lane, state=state, detail=detail, ns=ns,
                                      exact=1)
        return run

    def simple(self, guest, cores, ns, **columns):
        """A run of one phase, all of it the program's."""
        return self.run(guest, cores, {"render": {"wall": ns, "lanes": [{("user", ""): ns}] * cores}}, **columns)

    def report(self, *arguments):
        self.store.db.commit()
        done = subprocess.run([REPORT, "--json", *arguments, self.folder], capture_output=True, text=True, timeout=300,
                              check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def close(self):
        self.store.db.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Case(unittest.TestCase):
    def setUp(self):
        self.x = Experiment()
        self.addCleanup(lambda: self.x.close())  # the one that is there in the end

    def findings(self, document, words):
        return [f for f in document["findings"] if words in f["text"]]

    def finding(self, document, words):
        found = self.findings(document, words)
        self.assertEqual(len(found), 1, [f["text"] for f in document["findings"]])
        return found[0]


def random_account(rng, wall):
    """States of one lane that leave a residual of either sign."""
    account = {}
    for state in STATES:
        for detail in DETAILS.get(state, ("",)):
            if rng.random() < 0.7:
                account[state, detail] = rng.randrange(wall // 5)
    return account


class Identities(Case):
    """Σ of the terms is the whole, and each term is what its formula says: compared without rounding."""

    def make(self, seed):
        rng = random.Random(seed)
        self.runs = {}
        for cores in (1, rng.choice((2, 3, 8))):
            for guest in ("native", "osv"):
                for _ in range(rng.choice((3, 4, 8))):
                    phases = {}
                    for name in ("boot", "setup", "render", "encode"):
                        if name == "setup" and rng.random() < 0.2:
                            continue
                        wall = rng.randrange(10**6, 10**rng.choice((8, 10, 11)))
                        phases[name] = {"wall": wall, "lanes": [random_account(rng, wall) for _ in range(cores)]}
                    # Between phases there may be time that is in none.
                    runtime = sum(p["wall"] for n, p in phases.items() if n != "boot") + rng.choice((0, 12345))
                    self.x.run(guest, cores, phases, runtime)
                    self.runs.setdefault((guest, cores), []).append((runtime, phases))

    @staticmethod
    def column(runs, phase, state, detail, cores):
        """Of each run the time in a term, sum of the lanes; None stands for "any"."""
        for runtime, phases in runs:
            whole = phases if phase is None else {phase: phases.get(phase, {"wall": 0, "lanes": []})}
            window = {n: p for n, p in whole.items() if n != "boot"}
            wall = cores * (runtime if phase is None else sum(p["wall"] for p in window.values()))
            accounts = [(key, ns) for p in window.values() for lane in p["lanes"] for key, ns in lane.items()]
            if state is None:
                yield wall
            elif state == "residual":
                yield wall - sum(ns for _, ns in accounts)
            else:
                yield sum(ns for (s, d), ns in accounts if s == state and detail in (None, d))

    def between(self, runs, cores):
        return [cores * (t - sum(p["wall"] for n, p in ph.items() if n != "boot")) for t, ph in runs]

    def values(self, key, term, split):
        runs, cores = self.runs[key], key[1]
        if split != "by_state" and term["phase"] is None:
            self.assertEqual(term["state"], "residual")
            return self.between(runs, cores)
        return list(self.column(runs, term["phase"], term["state"], term["detail"], cores))

    def check(self, terms, exact, whole):
        total, size = Fraction(0), Fraction(1)
        for term in terms:
            want = exact(term)
            size = max(size, abs(want))
            self.assertLessEqual(abs(Fraction(term["value"]) - want), max(abs(want), size) / 10**9, term)
            if term["share"] is not None:
                self.assertLessEqual(abs(Fraction(term["share"]) * whole - want), max(abs(want), size) / 10**8, term)
            total += Fraction(term["value"])
        self.assertLessEqual(abs(total - whole), size * len(terms) / 10**10)
        sizes = sum(abs(exact(term)) for term in terms)
        if abs(sizes - 10 * abs(whole)) > sizes / 10**6:  # no share of what is nearly nothing
            for term in terms:
                self.assertEqual(term["share"] is None, sizes > 10 * abs(whole), term)

    @staticmethod
    def mean(values):
        return Fraction(sum(values), len(values))

    def cov(self, x, y):
        a, b = self.mean(x), self.mean(y)
        return sum((i - a) * (j - b) for i, j in zip(x, y)) / (len(x) - 1)

    def check_store(self, seed):
        self.make(seed)
        e = self.x.report()["explanation"]
        self.assertEqual((len(e["speedup"]), len(e["difference"]), len(e["spread"])), (2, 2, 4))
        for x in e["speedup"]:
            many = x["cell"]["guest"], x["cell"]["cores"]
            one = many[0], 1
            t1, tn = (self.mean([t for t, _ in self.runs[k]]) for k in (one, many))
            for split in ("by_state", "by_phase", "by_phase_and_state", "by_detail"):
                self.check(x[split], lambda term, s=split: self.mean(self.values(many, term, s)) -
                           self.mean(self.values(one, term, s)), many[1] * tn - t1)
            self.assertAlmostEqual(x["speedup"]["value"], t1 / tn, 12)
            self.assertAlmostEqual(x["efficiency"]["value"], t1 / tn / many[1], 12)
            self.check_causes(x["causes"], many[1] * tn - t1)
        for x in e["difference"]:
            a, b = ((x[k]["guest"], x[k]["cores"]) for k in "ab")
            whole = self.mean([t for t, _ in self.runs[a]]) - self.mean([t for t, _ in self.runs[b]])
            self.assertGreaterEqual(whole, 0)
            for split in ("by_state", "by_phase_and_state", "by_detail"):
                self.check(x[split], lambda term, s=split: (self.mean(self.values(a, term, s)) -
                                                            self.mean(self.values(b, term, s))) / a[1], whole)
            self.check_causes(x["causes"], whole)
        for x in e["spread"]:
            key = x["cell"]["guest"], x["cell"]["cores"]
            t = [t for t, _ in self.runs[key]]
            self.assertAlmostEqual(x["variance"] / float(self.cov(t, t)), 1, 9)
            for split in ("by_state", "by_phase", "by_detail"):
                self.check(x[split], lambda term, s=split: self.cov(t, self.values(key, term, s)) / key[1],
                           self.cov(t, t))
            self.check_causes(x["causes"], self.cov(t, t))

    def check_causes(self, causes, whole):
        size = max(abs(c["value"]) for c in causes)
        self.assertLessEqual(abs(sum(c["value"] for c in causes) - float(whole)), 1e-9 * size * len(causes))
        keys = [(c["phase"], c["state"], c["detail"]) for c in causes]
        self.assertEqual(len(keys), len(set(keys)))

    def test_the_terms_sum_to_the_whole_and_are_what_the_formulas_say(self):
        for seed in range(12):
            if seed:
                self.x.close()
                self.x = Experiment()
            with self.subTest(seed=seed):
                self.check_store(seed)

    def test_the_csv_holds_the_same_terms(self):
        self.make(99)
        document = self.x.report()
        with open(os.path.join(self.x.folder, "report", "explanation.csv"), encoding="utf-8", newline="") as f:
            rows = list(csv.DictReader(f))
        for quantity, key, unit in (("speedup", "speedup", 1e9), ("difference", "difference", 1e9),
                                    ("variance", "spread", 1e18)):
            want = sorted(t["value"] / unit for x in document["explanation"][key] for t in x["by_detail"])
            have = sorted(float(r["value"]) for r in rows if r["quantity"] == quantity and r["split"] == "detail")
            self.assertEqual(len(want), len(have))
            for a, b in zip(want, have):
                self.assertAlmostEqual(a, b, delta=1e-9 * max(1e-9, abs(a)))


class Statistics(Case):
    def test_descriptions_equal_those_of_another_library(self):
        rng = random.Random(3)
        times = [int(rng.gauss(20, 1) * S) for _ in range(8)]
        for ns in times:
            self.x.simple("native", 1, ns)
        d = self.x.report()["explanation"]["spread"][0]["runtime_ns"]
        self.assertAlmostEqual(d["mean"], statistics.mean(times), 3)
        self.assertAlmostEqual(d["stddev"], statistics.stdev(times), 3)
        self.assertAlmostEqual(d["median"], statistics.median(times), 3)
        middle = statistics.median(times)
        self.assertAlmostEqual(d["mad"], 1.482602218505602 * statistics.median(abs(t - middle) for t in times), 0)
        self.assertTrue(d["low"] < d["mean"] < d["high"])

    def test_a_warm_up_is_part_of_no_statistic(self):
        for i in range(4):
            self.x.simple("native", 1, 10 * S + i * MS)
        self.x.simple("native", 1, 90 * S, counted=0, block=0)
        document = self.x.report()
        cell, = document["cells"]
        self.assertEqual((cell["runs"], cell["warmups"], cell["runtime_ns"]["n"]), (4, 1, 4))
        self.assertEqual(document["explanation"]["spread"][0]["runtime_ns"]["n"], 4)
        self.assertLess(cell["runtime_ns"]["max"], 11 * S)
        self.assertEqual(cell["window"]["lane_time_ns"], 10 * S + 1.5 * MS)
        self.assertTrue(self.findings(document, "1 warm-up run was measured and not included in any statistic"))

    def test_where_only_warm_ups_were_measured_that_is_said(self):
        self.x.simple("native", 1, 90 * S, counted=0, block=0)
        document = self.x.report()
        self.assertTrue(self.findings(document, "only warm-up runs, which do not count"))
        self.assertFalse(self.findings(document, "holds no runs"))

    def test_where_bare_is_compared_its_missing_picture_is_said(self):
        for i in range(4):
            for guest, seconds in (("native", 11), ("osv", 20)):
                self.x.simple(guest, 1, seconds * S + i * MS)
        self.assertFalse(self.findings(self.x.report(), "writes no picture"))
        for i in range(4):
            self.x.simple("bare", 1, 10 * S + i * MS)
        document = self.x.report()
        text = self.finding(document, "has the shortest mean run time")["text"]
        self.assertTrue(text.endswith("; bare has no files and writes no picture (-file none)."), text)
        for x in document["explanation"]["difference"]:
            pair = {x["a"]["guest"], x["b"]["guest"]}
            self.assertEqual("writes no picture (-file none)" in x["text"], "bare" in pair, x["text"])

    def test_where_the_time_of_a_stack_alone_went_is_said_and_of_two_that_are_compared_it_is_not(self):
        def add(guest):
            for i in range(3):
                lane = {("user", ""): 6 * S + i, ("blocked", "write pipe"): 3 * S, ("blocked", "read"): S // 2, ("kernel", "futex"): S // 2}
                self.x.run(guest, 2, {"render": {"wall": 10 * S + i, "lanes": [lane] * 2}})
        add("native")
        text = self.finding(self.x.report(), "Where the lanes’ time of")["text"]
        self.assertEqual(text, "Where the lanes’ time of native on 2 cores went: 60.0 % the program’s own code, 35.0 % blocked (mostly write "
                               "pipe), 5.0 % the host’s kernel (futex).")
        add("docker")
        self.assertFalse(self.findings(self.x.report(), "Where the lanes’ time of"))

    def test_clocks_that_differ_are_told_with_what_and_by_how_much(self):
        run = self.x.simple("native", 1, 10 * S, audited=0)
        for lane, other in ((0, 1010), (1, 1250)):
            self.x.store.insert("audit", run=run, phase="render", lane=lane, what="run_delay", books_ns=1000 * MS, other_ns=other * MS,
                                bound_ns=20 * MS)
        text = self.finding(self.x.report(), "Independent clocks agree")["text"]
        self.assertIn("in no measured run; they differ most in run 1, lane 1, phase render: run-queue wait, by the scheduler’s own "
                      "account is 1.250 s, the books have 1.000 s (250.0 ms apart; up to 20.00 ms count as agreement).", text)

    def test_a_first_run_among_three_is_no_warm_up(self):
        for seconds in (20, 10, 10.001):
            self.x.simple("native", 1, int(seconds * S))
        self.assertFalse(self.findings(self.x.report(), "The first run of"))
        self.x.simple("native", 1, int(10.002 * S))
        self.assertIn("perhaps a warm-up effect", self.finding(self.x.report(), "The first run of")["text"])

    def test_a_warm_up_is_part_of_no_counters_mean(self):
        for counted, value in ((1, 4_000), (1, 6_000), (0, 900_000)):
            run = self.x.simple("native", 1, 10 * S, counted=counted, block=counted)
            self.x.store.insert("counter", run=run, lane=0, name="page-faults", value=value, enabled_ns=S, running_ns=S)
        self.x.report()
        with open(os.path.join(self.x.folder, "report", "index.html"), encoding="utf-8") as f:
            row = re.search(r"<code>page-faults</code></th><td[^>]*>([^<]*)</td>", f.read())
        self.assertRegex(row[1], r"^5[ ,.\u2009\u202f]?00")

    def test_an_outlier_is_named_and_kept(self):
        for ns in (100, 101, 99, 100.5, 99.5, 150):
            last = self.x.simple("native", 1, int(ns * S))
        document = self.x.report()
        found = self.finding(document, "Outliers of native on 1 core")
        self.assertIn(f"run {last}, 150.00", found["text"].replace("150.000", "150.00"))
        self.assertEqual(document["explanation"]["spread"][0]["outliers"], [last])
        self.assertEqual(document["cells"][0]["runtime_ns"]["max"], 150 * S)

    def test_drift_is_said_with_its_size(self):
        for seconds in (149.6, 155, 161, 166, 172, 185, 194, 202.8):
            self.x.simple("docker", 1, int(seconds * S))
        found = self.finding(self.x.report(), "Run times of docker on 1 core rise in order of execution")
        self.assertFalse(found["good"])
        self.assertIn("from 149.60 s to 202.80 s", found["text"])

    def test_runs_without_order_are_not_said_to_drift(self):
        for seconds in (10.3, 10.1, 10.4, 10.2, 10.35, 10.15, 10.25, 10.22):
            self.x.simple("docker", 1, int(seconds * S))
        document = self.x.report()
        self.assertFalse(self.findings(document, "in order of execution"))
        self.assertFalse(self.findings(document, "The first run"))

    def text_of(self, *arguments):
        self.x.report()
        done = subprocess.run([REPORT, "--verbose", *arguments, self.x.folder], capture_output=True, text=True, timeout=300,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return " ".join(done.stdout.split())

    def test_warnings_that_differ_in_their_first_number_are_one_with_its_range(self):
        for n in (74, 9, 120):
            run = self.x.simple("native", 1, 10 * S + n)
            self.x.store.insert("warning", run=run, text=f"{n} switches were not reported")
            self.x.store.insert("warning", run=run, text="1 of 2 kinds")
        self.x.store.insert("warning", run=None, text="5 switches were not reported")
        text = self.text_of()
        self.assertIn("! runs 1, 2, 3: 9 to 120 switches were not reported", text)
        self.assertIn("! runs 1, 2, 3: 1 of 2 kinds", text)
        self.assertIn("! 5 switches were not reported", text)
        self.assertEqual(text.count("switches were not reported"), 2)
        with open(self.x.folder + "/report/index.html", encoding="utf-8") as page:
            self.assertIn(": 9 to 120 switches were not reported", page.read())

    def test_what_was_attached_to_has_lanes_and_an_audit_that_is_lacking_has_a_reason(self):
        self.x.simple("process", 3, 5 * S, scenario="attach", audited=None)
        text = self.text_of()
        self.assertIn("Where the lanes’ time of process on 3 lanes went: 100.0 % the program’s own code.", text)
        self.assertNotIn("3 cores", text)
        self.assertIn("in no measured run (1 could not be audited: none of their lanes was seen to start", text)
        with open(self.x.folder + "/report/index.html", encoding="utf-8") as page:
            html = page.read()
        self.assertIn("3 lanes", html)
        self.assertNotIn("3 cores", html)

    def test_text_page_file_and_document_say_the_same_of_a_stack(self):
        seconds = {"native": (10, 11, 10.5, 10.2), "osv": (30, 31.5, 30.2, 32)}
        for i in range(4):
            for guest, times in seconds.items():
                self.x.simple(guest, 2, int(times[i] * S))
        text = self.text_of()
        spreads = self.x.report()["explanation"]["spread"]
        with open(self.x.folder + "/report/summary.csv", encoding="utf-8") as f:
            rows = {row["guest"]: row for row in csv.DictReader(f)}
        with open(self.x.folder + "/report/index.html", encoding="utf-8") as f:
            page = re.sub(r"<small>.*?</small>", "", f.read())
        table = page[page.index("spread, order and runs needed"):]
        for spread in spreads:
            name, d = spread["cell"]["name"], spread["runtime_ns"]
            median, mad = d["median"] / S, d["mad"] / S
            self.assertEqual(median, statistics.median(seconds[name]))
            self.assertAlmostEqual(float(rows[name]["runtime_median_s"]), median, 6)
            self.assertAlmostEqual(float(rows[name]["runtime_mad_s"]), mad, 6)
            shown = re.search(rf"{name} 2 4 \S+ \[\S+ \S+\] {median:.3f} {mad:.3f} \S+ (\S+(?: or more)?) (\S+) ", text)
            self.assertTrue(shown, text)
            row = re.search(rf">{name}</th>(.*?)</tr>", table).group(1)
            row = re.findall("<td[^>]*>(.*?)</td>", row)
            self.assertEqual(row[:7], ["2", "4", f"{median:.3f}", f"{mad:.3f}", f"{min(seconds[name]):.3f}",
                                       f"{max(seconds[name]):.3f}", shown.group(1)])
            self.assertEqual(row[8], shown.group(2))
            self.assertEqual(f"{spread['order']['rho']:+.2f}", shown.group(2))
        longer = re.search(r"longer p .*? osv 2 (\S+) (\S+) ", text)
        row = re.search("osv against native</th>(.*?)</tr>", page).group(1)
        row = [html.replace("&lt;", "<").strip() for html in re.findall("<td[^>]*>(.*?)</td>", row)]
        self.assertEqual((row[2], row[7]), longer.groups())

    def test_a_stack_all_of_whose_runs_failed_has_a_whole_row(self):
        self.x.simple("native", 1, 10 * S)
        self.x.simple("osv", 1, 10 * S, status="failed", error="no")
        self.x.report()
        with open(self.x.folder + "/report/summary.csv", encoding="utf-8") as f:
            head, *rows = csv.reader(f)
        self.assertEqual([(row[0], len(row)) for row in rows], [("native", len(head)), ("osv", len(head))])
        self.assertEqual(rows[1][head.index("runtime_low_s"):], [""] * (len(head) - head.index("runtime_low_s")))

    def test_repetitions_beyond_what_can_be_told_are_said_in_words(self):
        for seconds in (10, 20, 15):
            self.x.simple("native", 1, int(seconds * S))
        text = self.text_of()
        self.assertIn(" 4300-170000 ", text)  # the same in the sentence
        self.assertIn("about 4300 runs, and 170000 if σ is as large as these runs allow", text)
        self.assertNotIn("->", text)

    def test_a_difference_that_is_nearly_nothing_has_no_shares(self):
        for cores, user in ((1, 10 * S), (2, 5 * S - 100 * MS)):
            for i in range(3):
                self.x.run("native", cores, {"render": {"wall": 5 * S * 2 // cores + i, "lanes":
                                                        [{("user", ""): user}] * cores}})
        loss = self.x.report()["explanation"]["speedup"][0]
        self.assertLess(abs(loss["loss_ns"]["value"]), 10)
        self.assertGreater(max(abs(term["value"]) for term in loss["by_state"]), 100 * MS)
        self.assertEqual({term["share"] for term in loss["by_state"]}, {None})
        subprocess.run([REPORT, "export", "--format", "csv", "-o", self.x.folder + "/csv", self.x.folder], check=True,
                       stdout=subprocess.DEVNULL, timeout=300)
        with open(self.x.folder + "/csv/explanation.csv", encoding="utf-8") as f:
            for line in f.read().splitlines():
                if line.startswith("speedup") and ",state," in line:
                    self.assertTrue(line.endswith(","), line)
        with open(self.x.folder + "/report/index.html", encoding="utf-8") as page:
            self.assertNotRegex(page.read(), r"<td class=\"n\">-?\d{4,}\.\d</td></tr>")

    def test_a_slow_first_run_is_said(self):
        for seconds in (12, 10.03, 10.0, 10.05, 9.95, 10.02, 9.98, 10.0):
            self.x.simple("osv", 2, int(seconds * S))
        found = self.finding(self.x.report(), "The first run of osv on 2 cores takes 20 % longer than the others")
        self.assertFalse(found["good"])

    def test_a_guests_clock_that_runs_wrong_is_named(self):
        self.x.simple("osv", 1, 100 * S, guest_runtime_ns=100 * S + 100 * MS)
        wrong = self.x.simple("osv", 1, 100 * S, guest_runtime_ns=99 * S)
        found = self.finding(self.x.report(), "The program’s own clock agrees")
        self.assertFalse(found["good"])
        self.assertIn("in 1 of 2 measured runs", found["text"])
        self.assertIn(f"in run {wrong} they differ by up to 1.0 %", found["text"])


class Words(Case):
    """Never more than the intervals allow."""

    def test_a_doctored_serial_phase_is_the_main_loss(self):
        rng = random.Random(5)
        for cores in (1, 8):
            for _ in range(5):
                render = int((40 + rng.gauss(0, 0.1)) * S / cores)
                encode = int((6 + rng.gauss(0, 0.05)) * S)
                self.x.run("osv", cores, {
                    "render": {"wall": render, "lanes": [{("guest", "application"): render}] * cores},
                    "encode": {"wall": encode, "lanes": [{("guest", "application"): encode}] +
                               [{("blocked", "halt"): encode}] * (cores - 1)}})
        document = self.x.report()
        x, = document["explanation"]["speedup"]
        main = max(x["causes"], key=lambda c: c["value"])
        self.assertEqual((main["phase"], main["state"]), ("encode", None))
        self.assertGreater(main["share"], 0.9)
        self.assertLess(main["low"], main["value"])
        self.assertEqual([p["serial"] for p in x["phases"]], [False, True])
        self.assertAlmostEqual(x["phases"][1]["active_lanes"], 1, 6)
        self.assertAlmostEqual(x["serial_share"]["value"], 6 / 46, 2)
        self.assertAlmostEqual(x["amdahl"]["value"], 1 / (6 / 46 + 40 / 46 / 8), 1)
        self.assertRegex(self.finding(document, "On 8 cores osv is")["text"],
                         r"points lost\. Causes, in points: \d+ \[\d+, \d+\] the serial phase encode")

    def test_a_phase_that_waits_is_not_serial_and_neither_is_the_only_one(self):
        """Four tasks of 0.1 s that sleep for 0.15 s: on two cores twice as fast, and 0.8 lanes are at work. The same in
        one phase that is no faster."""
        rng = random.Random(7)
        for cores in (1, 2):
            for _ in range(5):
                busy, asleep = int((0.4 + rng.gauss(0, 0.002)) * S), int(0.6 * S)
                wall = (busy + asleep) // cores
                self.x.run("native", cores, {
                    "tasks": {"wall": wall, "lanes": [{("user", ""): busy // cores, ("blocked", "sleep"): wall - busy // cores}] * cores},
                    "end": {"wall": S // 100, "lanes": [{("user", ""): S // 100}] * cores}})
                self.x.run("osv", cores, {"run": {"wall": busy, "lanes": [{("guest", "application"): busy}] +
                                                  [{("blocked", "halt"): busy}] * (cores - 1)}})
        document = self.x.report()
        for x in document["explanation"]["speedup"]:
            self.assertFalse([p for p in x["phases"] if p["serial"]], x)
            self.assertEqual(x["serial_share"]["value"], 0)
        self.assertFalse([f for f in document["findings"] if "Amdahl" in f["text"]])

    def test_who_takes_the_CPU_is_the_variances_main_term(self):
        rng = random.Random(6)
        stolen = [0, 3, 0, 5, 1, 0, 8, 2]
        for seconds in stolen:
            ns, quiet = int(seconds * S), int((50 + rng.gauss(0, 0.05)) * S)
            self.x.run("native", 2, {"render": {"wall": quiet + ns, "lanes": [
                {("user", ""): quiet, ("preempted", "rival"): ns},
                {("user", ""): quiet, ("preempted", "rival"): ns}]}})
        document = self.x.report()
        x, = document["explanation"]["spread"]
        main = max(x["causes"], key=lambda c: c["value"])
        self.assertEqual(main["state"], "preempted")
        self.assertGreater(main["share"], 0.95)
        self.assertEqual((x["by_detail"][0]["state"], x["by_detail"][0]["detail"]), ("preempted", "rival"))
        self.assertRegex(x["text"], r"Causes of the variance: \d+ % \[\d+, \d+\] preempted \(rival\)")

    def pair(self, a, b):
        for x, y in zip(a, b):
            self.x.simple("native", 2, int(x * S))
            self.x.simple("osv", 2, int(y * S))
        document = self.x.report()
        x, = [d for d in document["explanation"]["difference"] if not d["control"]]
        return document, x

    def test_a_difference_that_is_there_is_said_with_its_interval(self):
        _, x = self.pair((10, 10.1, 9.9, 10.05), (12, 12.1, 11.9, 12.02))
        self.assertTrue(x["differs"])
        self.assertRegex(x["text"], r"^On 2 cores osv takes 1\.99\d s \[1\.\d+, 2\.\d+\] longer than native, 1\.20 times")

    def test_what_may_be_chance_is_not_called_a_difference(self):
        _, x = self.pair((10, 11, 9, 10.5), (10.4, 11.2, 9.6, 10.1))
        self.assertFalse(x["differs"])
        self.assertIn("no significant difference", x["text"])
        self.assertIn("would be found with a probability of 80 %", x["text"])

    def test_less_than_noise_alone_makes_is_not_called_a_difference(self):
        for a, b in zip((5, 5.01, 4.99, 5), (5.4, 5.41, 5.39, 5.4)):
            self.x.simple("docker", 2, int(a * S), label="a")
            self.x.simple("docker", 2, int(b * S), label="b")
        for ns in (5.2, 5.21, 5.19, 5.2):
            self.x.simple("native", 2, int(ns * S))
        document = self.x.report()
        control, = [d for d in document["explanation"]["difference"] if d["control"]]
        self.assertEqual({control["a"]["label"], control["b"]["label"]}, {"a", "b"})
        self.assertIn("A/A control: docker on 2 cores, measured as two, differs from itself by 0.400 s", control["text"])
        self.assertIn("more than chance explains", control["text"])
        for x in document["explanation"]["difference"]:
            if not x["control"]:
                self.assertFalse(x["differs"])
                self.assertIn("within the noise of the A/A control", x["text"])

    def test_single_runs_claim_nothing(self):
        document, x = self.pair((10,), (12,))
        self.assertFalse(x["differs"])
        self.assertIn("too few runs for a test of significance", x["text"])
        self.assertTrue(self.findings(document, "too few runs for a test of significance"))

    def test_more_instructions_are_told_from_slower_ones(self):
        for cores, ns in ((1, 80 * S), (8, 16 * S)):
            for i in range(3):
                run = self.x.simple("native", cores, ns + i * MS)
                for lane in range(cores):
                    for name, value in (("instructions", 10**12 // cores), ("cycles", ns), ("task-clock", ns)):
                        self.x.store.insert("counter", run=run, lane=lane, name=name, value=value, enabled_ns=ns,
                                            running_ns=ns)
        self.x.store.insert("experiment", key="topology", value='<object type="Core"/><object type="PU"/>' * 4)
        document = self.x.report()
        x, = document["explanation"]["speedup"]
        self.assertIn("8 lanes share 4 cores", x["text"])
        self.assertAlmostEqual(x["work"]["instructions"], 1, 6)
        self.assertAlmostEqual(x["work"]["cycles_per_instruction"], 1.6, 3)
        self.assertAlmostEqual(x["work"]["ns_per_cycle"], 1, 3)
        self.assertIn("instructions × 1.00, cycles per instruction × 1.60", x["text"])

    def test_the_text_is_at_most_100_columns_wide(self):
        rng = random.Random(8)
        for cores in (1, 2, 64):
            for guest in ("native", "docker", "linux-minimal", "osv"):
                for label in ("a", "b"):
                    for _ in range(3):
                        wall = int(rng.uniform(1, 2000) * S)
                        self.x.run(guest, cores, {"render": {"wall": wall, "lanes": [
                            random_account(rng, wall) for _ in range(cores)]}}, label=label)
        self.x.store.db.commit()
        brief = subprocess.run([REPORT, self.x.folder], capture_output=True, text=True, timeout=300, check=True).stdout
        self.assertLessEqual(max(map(len, brief.split("\n\nThe page is")[0].splitlines())), 100, brief)
        done = subprocess.run([REPORT, "--verbose", self.x.folder], capture_output=True, text=True, timeout=300, check=True)
        text = done.stdout.split("\n\nThe page is")[0]
        self.assertLessEqual(max(map(len, text.splitlines())), 100, max(text.splitlines(), key=len))
        for title in ("Run times: 95 %", "points of efficiency are lost", "longer than on the fastest",
                      "Where the variance of run times comes from"):
            self.assertIn(title, text)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
