#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the report program promises: test_report.py REPORT SCHEMA [unittest arguments]."""
import base64
import contextlib
import csv
import hashlib
import html.parser
import json
import math
import os
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_store  # noqa: E402

REPORT, SCHEMA = sys.argv[1:3]
NAMESPACE = "{http://www.w3.org/2000/svg}"
UPLOT = "/*! https://github.com/leeoniya/uPlot (v1.6.32) */"  # names its maker, in a comment


def run(*arguments, **options):
    return subprocess.run([REPORT, *arguments], capture_output=True, text=True, timeout=400, check=False, **options)


class Case(unittest.TestCase):
    def setUp(self):
        self.base = tempfile.mkdtemp(prefix="guestscope-report-")
        self.addCleanup(shutil.rmtree, self.base, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.base, *names)

    def refuses(self, status, pattern, *arguments):
        """One clear line on standard error, and that exit status."""
        result = run(*arguments)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertRegex(result.stderr, pattern)


class Reported(Case):
    """One store, reported once, for all tests of the class."""

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="guestscope-report-")
        make_store.make(SCHEMA, cls.dir, seed=7)
        cls.result = run("--json", cls.dir)
        cls.text = run("--verbose", cls.dir).stdout
        cls.db = sqlite3.connect(os.path.join(cls.dir, "experiment.db"))
        cls.document = json.loads(cls.result.stdout)

    @classmethod
    def tearDownClass(cls):
        cls.db.close()
        shutil.rmtree(cls.dir)

    def rows(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    def files(self, ending):
        folder = os.path.join(self.dir, "report")
        return sorted(os.path.join(folder, n) for n in os.listdir(folder) if n.endswith(ending))

    @classmethod
    def read(cls, name):
        with open(os.path.join(cls.dir, "report", name), encoding="utf-8", newline="") as f:
            return f.read()


class Summary(Reported):
    def close(self, a, b):
        self.assertTrue(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-3), f"{a} is not {b}")

    def test_means_and_deviations_equal_those_of_the_store(self):
        self.assertEqual(len(self.document["cells"]), 8)
        for cell in self.document["cells"]:
            for key in ("boot_ns", "runtime_ns", "guest_runtime_ns", "residual_ns"):
                values = [v for v, in self.rows(f"SELECT {key} FROM run WHERE guest=? AND cores=? AND status='ok'",
                                                cell["guest"], cell["cores"])]
                self.assertEqual(cell[key]["n"], len(values))
                self.close(cell[key]["mean"], statistics.mean(values))
                self.close(cell[key]["stddev"], statistics.stdev(values))
                self.close(cell[key]["min"], min(values))
                self.close(cell[key]["max"], max(values))

    def test_phases_equal_those_of_the_store(self):
        for cell in self.document["cells"]:
            self.assertEqual([p["name"] for p in cell["phases"]], ["boot", "setup", "render", "encode"])
            for phase in cell["phases"]:
                values = [v for v, in self.rows(
                    "SELECT p.end_ns-p.start_ns FROM phase p JOIN run ON id=run WHERE guest=? AND cores=? AND name=?",
                    cell["guest"], cell["cores"], phase["name"])]
                self.close(phase["mean"], statistics.mean(values))

    def test_books_of_the_window_equal_the_accounts_and_sum_to_lane_time(self):
        for cell in self.document["cells"]:
            window, n = cell["window"], cell["runs_ok"]
            where = "FROM account a JOIN run r ON r.id=a.run WHERE guest=? AND cores=? AND lane>=0 AND phase<>'boot'"
            expected = dict(self.rows(f"SELECT state, sum(ns) {where} GROUP BY state", cell["guest"], cell["cores"]))
            self.assertEqual({s["state"] for s in window["states"]}, set(expected))
            for state in window["states"]:
                self.close(state["ns"], expected[state["state"]] / n)
                self.close(state["percent"], 100 * state["ns"] / window["lane_time_ns"])
                self.assertEqual(state["exact"], state["state"] not in make_store.SAMPLED)
            self.close(window["lane_time_ns"], cell["runtime_ns"]["mean"] * cell["cores"])
            self.close(sum(s["ns"] for s in window["states"]) + window["residual_ns"], window["lane_time_ns"])
            self.close(cell["residual_ns"]["mean"],
                       window["residual_ns"] + sum(b["residual_ns"] for b in cell["books"]
                                                   if b["name"] == "boot" and b["residual_ns"] is not None
                                                   and b["states"]))

    def test_helpers_are_beside_the_lanes(self):
        for cell in self.document["cells"]:
            total, = self.rows("SELECT sum(ns) FROM account a JOIN run r ON r.id=a.run WHERE guest=? AND cores=?"
                               " AND lane<0 AND phase<>'boot'", cell["guest"], cell["cores"])[0]
            self.close(cell["window"]["helper_ns"], total / cell["runs_ok"])
            self.assertNotIn("helper", {s["state"] for s in cell["window"]["states"]})

    def test_details_sum_to_their_state_where_a_phase_was_not_recorded(self):
        folder = tempfile.mkdtemp(prefix="guestscope-report-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        shutil.copy(os.path.join(self.dir, "experiment.db"), folder)
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "experiment.db"))) as db, db:
            db.execute("DELETE FROM phase WHERE name='render'")
        cells = json.loads(run("--json", folder).stdout)["cells"]
        self.assertEqual(len(cells), 8)
        for cell in cells:
            expected = {"helper": cell["window"]["helper_ns"],
                        **{s["state"]: s["ns"] for s in cell["window"]["states"]}}
            sums = {}
            for detail in cell["details"]:
                sums[detail["state"]] = sums.get(detail["state"], 0) + detail["ns"]
            self.assertEqual(sums.keys(), expected.keys())
            for state, ns in sums.items():
                self.close(ns, expected[state])

    def test_sampled_details_carry_wilsons_interval(self):
        cell = next(c for c in self.document["cells"] if (c["guest"], c["cores"]) == ("osv", 1))
        detail = next(d for d in cell["details"] if (d["state"], d["detail"]) == ("guest", "scheduler"))
        where = "FROM account a JOIN run r ON r.id=a.run WHERE guest='osv' AND cores=1 AND lane>=0 AND phase<>'boot'"
        part, = self.rows(f"SELECT sum(ns) {where} AND state='guest' AND detail='scheduler'")[0]
        pool, = self.rows(f"SELECT sum(ns) {where} AND exact=0")[0]
        n, = self.rows(f"SELECT sum(m) FROM (SELECT max(samples) AS m {where} AND exact=0 GROUP BY run, phase, lane)")[0]
        p, z = part / pool, 1.959964
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        self.assertEqual(detail["samples"], n)
        self.close(detail["ns"], part / 3)
        self.close(detail["low_ns"], (middle - half) * pool / 3)
        self.close(detail["high_ns"], (middle + half) * pool / 3)

    def test_every_run_is_there_individually(self):
        self.assertEqual(len(self.document["runs"]), 24)
        for r in self.document["runs"]:
            row, = self.rows("SELECT guest, cores, repetition, status, boot_ns, runtime_ns, guest_runtime_ns,"
                             " residual_ns, lost_events FROM run WHERE id=?", r["id"])
            self.assertEqual(tuple(r[k] for k in ("guest", "cores", "repetition", "status", "boot_ns", "runtime_ns",
                                                  "guest_runtime_ns", "residual_ns", "lost_events")), row)
            accounts = {(a["phase"], a["state"]): a["ns"] for a in r["accounts"]}
            expected = {(p, s): ns for p, s, ns in self.rows(
                "SELECT phase, state, sum(ns) FROM account WHERE run=? GROUP BY phase, state", r["id"])}
            self.assertEqual(accounts, expected)
            self.assertEqual(len(r["audits"]), self.rows("SELECT count(*) FROM audit WHERE run=?", r["id"])[0][0])
            self.assertIsInstance(r["command"], list)

    def test_a_failed_run_is_named_and_counts_nowhere_else(self):
        cell = next(c for c in self.document["cells"] if (c["guest"], c["cores"]) == ("osv", 2))
        self.assertEqual((cell["runs"], cell["runs_ok"], cell["runtime_ns"]["n"]), (3, 2, 2))
        self.assertIn("page fault", cell["failures"][0]["error"])
        self.assertIn("page fault", self.text)
        self.assertIn("page fault", self.read("index.html"))

    def test_lost_events_and_failed_audits_are_shown(self):
        cells = {(c["guest"], c["cores"]): c for c in self.document["cells"]}
        self.assertEqual(cells["linux-minimal", 1]["lost_events"], 17)
        self.assertEqual(cells["linux-minimal", 1]["runs_closed"], 2)
        self.assertEqual(cells["docker", 2]["runs_audited"], 2)
        self.assertGreater(cells["docker", 2]["audit_worst"], 1)
        self.assertIn("17 events could not be recorded", " ".join(self.text.split()))

    def test_uncounted_counters_are_null_and_never_zero(self):
        for r in self.document["runs"]:
            for c in r["counters"]:
                self.assertEqual(c["value"] is None, c["name"] in ("cycles", "instructions", "cache-misses"))
        self.assertIn("not counted", self.read("index.html"))

    def test_the_text_fits_a_terminal_and_has_no_escapes(self):
        self.assertLessEqual(max(map(len, self.text.split("\n\nThe page is")[0].splitlines())), 100)
        self.assertNotIn("\x1b", self.text)

    def brief(self, folder=None):
        return run(folder or self.dir).stdout.split("\n\nThe page is")[0]

    def test_the_closing_summary_of_four_stacks_has_at_most_40_lines(self):
        text = run(self.dir).stdout
        self.assertLessEqual(len(text.splitlines()), 40, text)
        self.assertLessEqual(max(map(len, self.brief().splitlines())), 100)
        self.assertGreater(len(self.text.splitlines()), 100)
        self.assertIn("--verbose prints all tables", text)

    def test_however_much_there_is_to_be_said_it_has_at_most_40_lines(self):
        """Every run but one of each configuration failed, each with its own long words; 500 warnings."""
        folder = tempfile.mkdtemp(prefix="guestscope-report-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        shutil.copy(os.path.join(self.dir, "experiment.db"), folder)
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "experiment.db"))) as db, db:
            db.execute("UPDATE run SET status='failed', error='no ' || id || printf('%.900c', 'x') || ' end ' || id "
                       "|| replace(printf('%.300c', 'y'), 'y', 'word ') WHERE repetition > 0")
            db.executemany("INSERT INTO warning (run, text) VALUES (?, ?)",
                           [(n % 24 + 1 if n % 2 else None, f"odd thing {n} " + "and more " * 60) for n in range(500)])
        text = run(folder).stdout
        self.assertLessEqual(len(text.splitlines()), 40, text)
        failed, = self.rows("SELECT count(*) FROM run WHERE repetition > 0")[0]
        self.assertRegex(text, r"(?m)^ ! Run \d+ failed")
        told = len(re.findall(r"(?m)^ ! Run \d+ failed", text))
        self.assertRegex(text, rf"(?m)^ ! and \d+ more, {failed - told} of them faults: --verbose tells all$")
        self.assertRegex(text, r"(?m)^50[0-9] warnings, the worst of them$")

    def test_what_is_for_the_record_alone_is_left_to_verbose(self):
        folder = tempfile.mkdtemp(prefix="guestscope-report-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        shutil.copy(os.path.join(self.dir, "experiment.db"), folder)
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "experiment.db"))) as db, db:
            db.executemany("INSERT INTO warning (run, text) VALUES (?, ?)", [
                (n, f"{n} context switches were not reported by the kernel: no time is lost") for n in range(1, 20)])
        text = run(folder).stdout
        self.assertIn("4 warnings, the worst of them", text)
        self.assertNotIn("context switches", text)
        self.assertRegex(" ".join(run("--verbose", folder).stdout.split()), "1 to 19 context switches were not reported")
        with open(os.path.join(folder, "report", "index.html"), encoding="utf-8") as f:
            page = f.read()
        self.assertLess(page.index("noisy neighbour"), page.index("1 to 19 context switches"))

    def test_the_closing_summary_says_faults_first_then_the_verdict_then_the_numbers(self):
        text = " ".join(self.brief().split())
        self.assertLess(text.index("17 events could not be recorded"), text.index("longer than "))
        self.assertLess(re.search(r"Run \d+ failed", text).start(), text.index("longer than "))
        self.assertLess(text.index("longer than "), text.index("stack cores runs"))
        self.assertLess(text.index("stack cores runs"), text.index("4 warnings, the worst of them"))
        self.assertIn("noisy neighbour", text)

    def test_the_one_table_has_the_numbers_of_the_document_and_its_shares_add_up(self):
        lines = self.brief().splitlines()
        title = next(i for i, line in enumerate(lines) if line.startswith("stack "))
        names = lines[title].split()
        self.assertEqual(names[:8], ["stack", "cores", "runs", "run", "s", "95", "%", "speed-up"])
        states = names[10:-1]
        self.assertGreaterEqual(len(states), 3)
        for line, cell in zip(lines[title + 1:], self.document["cells"]):
            words = line.replace("[", "").replace("]", "").replace(",", "").split()
            self.assertEqual(words[:3], [cell["guest"], str(cell["cores"]), f"{cell['runs_ok']}/{cell['runs']}"])
            self.assertAlmostEqual(float(words[3]), cell["runtime_ns"]["mean"] / 1e9, delta=0.0006)
            if cell["runs_ok"] < 3:  # no interval
                self.assertEqual(words[4], "-")
                words.insert(4, "-")
            else:
                self.assertLessEqual(float(words[4]), float(words[3]))
                self.assertGreaterEqual(float(words[5]), float(words[3]))
            self.assertAlmostEqual(float(words[7]), cell["boot_ns"]["mean"] / 1e9, delta=0.0006)
            percent = {s["state"]: s["percent"] for s in cell["window"]["states"]}
            for name, word in zip(states, words[8:]):
                self.assertAlmostEqual(float(word), percent.get(name, 0), delta=0.051, msg=(line, name))
            self.assertAlmostEqual(sum(map(float, words[8:])), 100, delta=0.3, msg=line)

    def test_the_page_has_the_verdict_then_the_one_table_then_the_details(self):
        page = self.read("index.html")
        places = [page.index(f'<section id="{name}"') for name in ("verdict", "comparison", "findings", "statistics", "books")]
        self.assertEqual(places, sorted(places))
        table = page[places[1]:places[2]]
        self.assertIn('data-m="runtime"', table)
        self.assertIn(">guest</th>", table)
        self.assertNotIn("noisy neighbour", page[places[0]:places[1]])
        self.assertIn("noisy neighbour", page[places[2]:places[3]])

    def test_findings_are_measured_facts(self):
        sentence = next(f["text"] for f in self.document["findings"] if "On 1 core" in f["text"] and "shortest" in f["text"])
        means = {c["guest"]: c["runtime_ns"]["mean"] for c in self.document["cells"] if c["cores"] == 1}
        best = min(means, key=means.get)
        self.assertIn(f"{best} has the shortest mean run time", sentence)
        self.assertIn(f"osv takes {means['osv'] / means[best]:.2f} times as long", sentence)

    def test_the_queries_of_the_documentation_give_the_documents_numbers(self):
        """A warm-up that took an hour is added first: it must be in none of them."""
        with open(os.path.join(os.path.dirname(SCHEMA), "..", "docs", "database.md"), encoding="utf-8") as f:
            section = f.read().split("## Questions, as SQL")[1].split("\n## ")[0]
        queries = [q for q in re.findall(r"(?:^    .*\n)+", section, re.M) if re.match(r" *(SELECT|WITH)", q)]
        self.assertEqual(len(queries), 7)
        db = sqlite3.connect(":memory:")
        self.db.backup(db)
        (copied,) = db.execute("SELECT id FROM run WHERE guest = 'native' AND cores = 1 AND status = 'ok'").fetchone()
        columns = [row[1] for row in db.execute("PRAGMA table_info(run)") if row[1] != "id"]
        db.execute(f"INSERT INTO run (id, {', '.join(columns)}) SELECT 999, {', '.join(columns)} FROM run WHERE id = ?", (copied,))
        db.execute("UPDATE run SET counted = 0, runtime_ns = 3600000000000 WHERE id = 999")
        db.execute("INSERT INTO account (run, phase, lane, state, detail, ns, exact) SELECT 999, phase, lane, state, detail, 1000 * ns, exact FROM account"
                   " WHERE run = ?", (copied,))
        rows = [db.execute(query).fetchall() for query in queries]
        cells = {(c["guest"], c["cores"]): c for c in self.document["cells"]}
        self.assertEqual(len(rows[0]), len(cells))
        for guest, _, cores, n, seconds in rows[0]:
            self.assertEqual(n, cells[guest, cores]["runs_ok"])
            self.assertAlmostEqual(seconds, cells[guest, cores]["runtime_ns"]["mean"] / 1e9, 6)
        whole = {}
        for guest, cores, _, percent in rows[1]:
            whole[guest, cores] = whole.get((guest, cores), 0) + percent
        for cell, percent in whole.items():
            self.assertAlmostEqual(percent, 100, 0, cell)

    def test_tables_as_csv_equal_the_document(self):
        cells = list(csv.DictReader(self.read("summary.csv").splitlines()))
        self.assertEqual(len(cells), 8)
        for row, cell in zip(cells, self.document["cells"]):
            self.assertEqual((row["guest"], int(row["cores"])), (cell["guest"], cell["cores"]))
            self.assertAlmostEqual(float(row["runtime_s"]), cell["runtime_ns"]["mean"] / 1e9, 8)
            for state in cell["window"]["states"]:
                self.assertAlmostEqual(float(row[state["state"] + "_s"]), state["ns"] / 1e9, 8)
        runs = list(csv.DictReader(self.read("runs.csv").splitlines()))
        self.assertEqual([int(r["run"]) for r in runs], [r["id"] for r in self.document["runs"]])
        self.assertTrue(all(r["user_s"] == "" for r in runs if r["status"] == "failed"))


class Folded(Reported):
    def test_totals_equal_the_weights_in_the_store(self):
        for guest in make_store.GUESTS:
            for cores in (1, 2):
                for kind, prefix in (("oncpu", "flamegraph"), ("offcpu", "offcpu")):
                    for boot, infix in ((0, ""), (1, "-boot")):
                        total, = self.rows(
                            "SELECT coalesce(sum(weight_ns), 0) FROM sample s JOIN run r ON r.id=s.run WHERE guest=?"
                            " AND cores=? AND kind=? AND (phase='boot')=? AND status='ok'", guest, cores, kind, boot)[0]
                        name = f"{prefix}{infix}-{guest}-{cores}.folded"
                        exists = os.path.exists(os.path.join(self.dir, "report", name))
                        self.assertEqual(exists, total > 0, name)
                        if exists:
                            lines = self.read(name).splitlines()
                            self.assertEqual(sum(int(line.rsplit(" ", 1)[1]) for line in lines), total, name)

    def test_stacks_run_from_the_thread_to_the_leaf(self):
        lines = self.read("flamegraph-native-1.folded").splitlines()
        self.assertTrue(any(re.fullmatch(r"worker/0;start_thread;worker_main;task_run;mandelbrot_row;smooth_color;log \d+",
                                         line) for line in lines), lines)

    def test_hostile_names_cannot_break_a_line(self):
        text = self.read("flamegraph-native-1.folded")
        self.assertNotRegex(text, r"[\x00-\x09\x0b-\x1f\u202e]")
        self.assertTrue(all(re.fullmatch(r"[^;]+(;[^;]+)+ \d+", line) for line in text.splitlines()))
        self.assertTrue(";a:b c\"d'e&amp: " in text)
        self.assertTrue(";std::vector<int>::operator[](unsigned long) const " in text)


class Idle(Case):
    """Threads that have nothing to do, off the CPU."""

    @staticmethod
    def add(store, lane, thread, ns, *symbols):
        stack = store.stack([("kernel" if s.startswith("__") or s == "do_sys_poll" else "user", "m", s) for s in symbols])
        store.insert("sample", run=1, phase="render", lane=lane, thread=thread, kind="offcpu", stack=stack, weight_ns=ns, count=1)

    def test_idle_helpers_have_a_root_and_halted_vCPUs_one_frame(self):
        make_store.make(SCHEMA, self.base, seed=1, small=True)
        os.remove(os.path.join(self.base, "experiment.db"))
        store = make_store.Store(SCHEMA, os.path.join(self.base, "experiment.db"))
        store.insert("run", guest="osv", cores=1, scenario="quick", repetition=1, position=1, accel="tcg", status="ok", start_ns=1, end_ns=10**10,
                     boot_ns=5, runtime_ns=10**9, guest_runtime_ns=10**9, closed=1, audited=1, residual_ns=0, block=1, counted=1, label="")
        store.insert("phase", run=1, name="render", start_ns=10, end_ns=10**9 + 10)
        self.add(store, -1, "qemu", 7, "main_loop_wait", "do_sys_poll", "__schedule")
        self.add(store, -1, "qemu", 5, "main_loop_wait", "pthread_mutex_lock", "__schedule")
        self.add(store, 0, "CPU 0/TCG", 11, "qemu_wait_io_event", "pthread_cond_wait", "__schedule")
        self.add(store, 0, "CPU 0/TCG", 3, "qemu_wait_io_event", "pthread_mutex_lock", "__schedule")
        store.db.commit()
        result = run(self.base)
        self.assertEqual(result.returncode, 0, result.stderr)
        with open(os.path.join(self.base, "report", "offcpu-osv-1.folded"), encoding="utf-8") as f:
            lines = set(f.read().splitlines())
        self.assertEqual(lines, {"[idle helpers];qemu;main_loop_wait;do_sys_poll;__schedule 7", "qemu;main_loop_wait;pthread_mutex_lock;__schedule 5",
                                 "CPU 0/TCG;[halted vCPU] 11", "CPU 0/TCG;qemu_wait_io_event;pthread_mutex_lock;__schedule 3"})


class Scan(html.parser.HTMLParser):
    """What a browser would make of the page: elements, attributes, scripts."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.ids, self.scripts, self.inside = [], [], [], [], False

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, k, v or "") for k, v in attrs]
        self.ids += [v for k, v in attrs if k == "id"]
        if tag == "script" and ("type", "application/json") not in attrs:  # that is data, not run
            self.inside = True
            self.scripts.append("")

    def handle_endtag(self, tag):
        if tag == "script":
            self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.scripts[-1] += data


class Page(Reported):
    def scan(self):
        scan = Scan()
        scan.feed(self.read("index.html"))
        return scan

    def test_nothing_is_loaded_from_elsewhere(self):
        page = self.read("index.html").replace(UPLOT, "")
        page = re.sub(r'xmlns(:xlink)?=("|%22)http://www\.w3\.org/[a-z0-9/]+("|%22)', "", page)  # names, not addresses
        found = re.search(r".{0,60}(https?://|//[a-z]+\.|url\((?!#|%23)|@import).{0,60}", page)
        self.assertIsNone(found, found and found[0])
        for tag, key, value in self.scan().attributes:
            if key in ("src", "href", "xlink:href", "data", "action", "srcset", "poster"):
                if (tag, key) == ("a", "href") and value.startswith("./"):  # followed, not loaded
                    self.assertTrue(os.path.isfile(os.path.join(self.dir, "report", value)), value)
                    continue
                self.assertTrue(value.startswith(("#", "data:image/svg+xml,")), (tag, key, value))

    def test_run_numbers_lead_to_the_run(self):
        scan = self.scan()
        runs = {v for _, k, v in scan.attributes if k == "href" and v.startswith("#run-")}
        self.assertGreater(len(runs), 10)
        self.assertLessEqual({r[1:] for r in runs}, set(scan.ids))
        # and those in sentences: of a warning about many runs those that are named
        self.assertRegex(self.read("index.html"), r'<li>Runs? <a href="#run-(\d+)">\1</a>(, <a href="#run-(\d+)">\3</a>)*')

    def test_bars_lead_to_their_details(self):
        scan = self.scan()
        ids = set(scan.ids)
        for of in ("details", "phase", "boot", "scaling", "variance", "contrast"):
            leads = [v[1:] for t, k, v in scan.attributes if (t, k) == ("a", "href") and re.fullmatch(rf"#{of}-\d+", v)]
            self.assertTrue(leads, of)
            self.assertLessEqual(set(leads), ids)

    def test_bars_add_up_and_say_that_they_are_lane_time(self):
        body = re.search(r'<section id="books".*?</section>', self.read("index.html"), re.S)[0]
        bars = re.findall(r'<a class="parts".*?</a>', body, re.S)
        self.assertEqual(len(bars), 8)
        for bar in bars:
            self.assertAlmostEqual(sum(map(float, re.findall(r"width:([\d.]+)%", bar))), 100, 0)
        self.assertEqual(len(re.findall(r'<div class="sum">[\d.]+ m?s lane time</div>', body)), 8)

    def test_why_stacks_differ_has_bars_of_the_same_seconds_as_its_table(self):
        body = re.search(r"<h3>Why stacks differ</h3>.*?</section>", self.read("index.html"), re.S)[0]
        pairs = re.findall(r'href="#contrast-(\d+)">(.*?)</a>\n<div class="sum">\+([\d.]+) s<', body, re.S)
        self.assertGreater(len(pairs), 4)
        scale = {round(float(w) / float(v)) for _, parts, _ in pairs for w, v in
                 re.findall(r"width:([\d.]+)%[^>]*><b>[^<]*</b> <b>([\d.]+) </b>", parts) if float(v) > 0.1}
        self.assertEqual(len(scale), 1, scale)  # percent of a bar for each second: one scale

    def test_legends_name_what_is_there_and_nothing_else(self):
        page = self.read("index.html")
        for section, ends in (("explanation", "</section>"), ("books", "</section>"), ("boot", "</section>")):
            body = re.search(rf'<section id="{section}".*?{ends}', page, re.S)[0]
            legend = set(re.findall(r'class="swatch" style="background:(#\w+)"', body))
            parts = set(re.findall(r'width:[\d.]+%;background:(#\w+)', body))
            self.assertEqual(legend, parts, section)

    def test_slowest_stack_is_unfolded(self):
        page = self.read("index.html")
        found = re.findall(r'<details class="quiet[^"]*" open><summary>([^<]*)', page)
        self.assertEqual(found, ["osv, 1 core", "osv against native, 1 core"])

    def test_names_from_the_store_stay_text(self):
        scan = self.scan()
        self.assertEqual(len(scan.scripts), 9)
        self.assertFalse([a for a in scan.attributes if a[1].startswith("on")])
        self.assertTrue(all(v.startswith("data:image/svg+xml,") for t, k, v in scan.attributes if (t, k) == ("img", "src")))
        self.assertNotIn("i", scan.tags)
        self.assertIn("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;", self.read("index.html"))

    def test_only_scripts_named_by_hash_may_run(self):
        policy = next(v for t, k, v in self.scan().attributes if t == "meta" and "default-src" in v)
        allowed = re.search(r"script-src ([^;]*)", policy)[1]
        self.assertEqual(re.sub(r" *'sha256-[^']*'", "", allowed), "'strict-dynamic'")  # no address, nothing inline
        for script in self.scan().scripts:
            digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            self.assertIn(f"'sha256-{digest}'", allowed)

    def test_inlined_graphs_do_not_clash(self):
        ids = self.scan().ids
        self.assertEqual(len(ids), len(set(ids)))
        self.assertGreaterEqual(self.read("index.html").count('class="gs-fg"'), 16)

    def test_every_section_is_filled(self):
        page = self.read("index.html")
        self.assertNotIn("<!--@", page)
        for text in ("noisy neighbour", "Seed of the run order", "L3 (32 MiB)", "collector --guest native,docker",
                     "local_timer", "run-queue wait, by the scheduler", "it&#39;\\&#39;&#39;s.png"):
            self.assertIn(text, page)


class PageSize(Case):
    """A page that can be sent by mail, however much was measured."""

    def setUp(self):
        super().setUp()
        make_store.make(SCHEMA, self.base, small=True)
        self.db = sqlite3.connect(self.path("experiment.db"))
        self.addCleanup(self.db.close)

    def add_stacks(self, run_id, kind, n, depth):
        """Stacks with names of their own, as long as those of C++: more than a page has room for."""
        last = {t: self.db.execute(f"SELECT max(id) FROM {t}").fetchone()[0] for t in ("frame", "stack")}
        frame, stack = last["frame"], last["stack"]
        frames, stacks, samples = [], [], []
        for i in range(n):
            parent = None
            for level in range(depth):
                frame, stack = frame + 1, stack + 1
                frames.append((frame, "user", "a-library.so.6", f"some::name_space::function_{run_id}_{i}_{level}(int, char const*)"))
                stacks.append((stack, parent, frame))
                parent = stack
            samples.append((run_id, "render", 0, "worker/0", kind, stack, 10_000_000 + i, 10))
        self.db.executemany("INSERT INTO frame(id, side, module, symbol) VALUES (?, ?, ?, ?)", frames)
        self.db.executemany("INSERT INTO stack(id, parent, frame) VALUES (?, ?, ?)", stacks)
        self.db.executemany("INSERT INTO sample(run, phase, lane, thread, kind, stack, weight_ns, count)"
                            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)", samples)

    def test_a_page_stays_below_5_mb_and_says_what_it_leaves_out(self):
        cells = self.db.execute("SELECT min(id) FROM run WHERE status = 'ok' GROUP BY guest, cores").fetchall()
        for run_id, in cells:
            for kind in ("oncpu", "offcpu"):
                self.add_stacks(run_id, kind, 600, 6)
        self.db.commit()
        self.assertEqual(run(self.base).returncode, 0)
        page = self.path("report", "index.html")
        graphs = [self.path("report", f"{k}-{g}-{c}.svg") for k in ("flamegraph", "offcpu") for g in make_store.GUESTS
                  for c in (1, 2)]
        self.assertGreater(sum(map(os.path.getsize, graphs)), 10e6)
        self.assertLess(os.path.getsize(page), 5e6)
        with open(page, encoding="utf-8") as f:
            self.assertRegex(f.read(), r"frames narrower than \d+(\.\d+)? px are not drawn")


class Unknown(Case):
    def test_a_frame_that_is_not_known_is_neutral_and_in_the_legend(self):
        make_store.make(SCHEMA, self.base, small=True)

        def graph():
            self.assertEqual(run(self.base).returncode, 0)
            root = xml.etree.ElementTree.parse(self.path("report", "offcpu-native-1.svg")).getroot()
            classes = {g.find(NAMESPACE + "title").text.split("\n")[0]: g.get("class")
                       for g in root.findall(f".//{NAMESPACE}g[@class='frames']/{NAMESPACE}g")}
            return classes, [t.text for t in root.findall(f".//{NAMESPACE}g[@class='fg-legend']/{NAMESPACE}text")]
        classes, legend = graph()
        self.assertNotIn("unknown", legend)
        name = next(n for n, c in classes.items() if c == "k")
        db = sqlite3.connect(self.path("experiment.db"))
        db.execute("UPDATE frame SET symbol = '[unknown]', module = '' WHERE symbol = ?", (name,))
        db.commit()
        db.close()
        classes, legend = graph()
        self.assertIn("unknown", legend)
        self.assertNotIn(classes["[unknown]"], (classes["all"], "u", "k", "b", "g", "p"))


class Svg(Reported):
    def test_every_graph_is_well_formed_and_alone_in_its_script(self):
        self.assertGreaterEqual(len(self.files(".svg")), 16)
        for name in self.files(".svg"):
            root = xml.etree.ElementTree.parse(name).getroot()
            self.assertEqual(root.tag, NAMESPACE + "svg")
            self.assertEqual(len(root.findall(f".//{NAMESPACE}script")), 1)
            for element in root.iter():
                self.assertFalse([k for k in element.attrib if k.startswith("on") or k.endswith("href")])

    def test_hostile_names_come_out_as_they_are(self):
        root = xml.etree.ElementTree.parse(self.files("flamegraph-native-1.svg")[0]).getroot()
        titles = [t.text.split("\n")[0] for t in root.findall(f".//{NAMESPACE}g/{NAMESPACE}title")]
        for name in make_store.HOSTILE:
            if name.isprintable():
                self.assertIn(name, titles)
        self.assertIn("bell\ufffd\ufffd[31mred", titles)
        self.assertIn("\ufffdgnp.exe", titles)

    def test_inlined_functions_look_and_say_so(self):
        root = xml.etree.ElementTree.parse(self.files("flamegraph-osv-2.svg")[0]).getroot()
        frames = {g.find(NAMESPACE + "title").text.split("\n")[0]: g
                  for g in root.findall(f".//{NAMESPACE}g[@class='frames']/{NAMESPACE}g")}
        self.assertEqual(frames["advance"].get("class"), frames["mandelbrot_row"].get("class") + " i")
        self.assertIn("guest program, inlined", frames["advance"].find(NAMESPACE + "title").text)
        self.assertNotIn("inlined", frames["mandelbrot_row"].find(NAMESPACE + "title").text)
        self.assertTrue(any("inlined" in (t.text or "") for t in root.iter(NAMESPACE + "text")))

    def test_widths_are_in_proportion_to_time(self):
        root = xml.etree.ElementTree.parse(self.files("flamegraph-native-1.svg")[0]).getroot()
        frames = root.findall(f".//{NAMESPACE}g[@class='frames']/{NAMESPACE}g")
        widths = {g.find(NAMESPACE + "title").text.split("\n")[0]: float(g.find(NAMESPACE + "rect").get("width"))
                  for g in frames}
        self.assertAlmostEqual(widths["all"], 1180, 2)
        total, = self.rows("SELECT sum(weight_ns) FROM sample s JOIN run r ON r.id=s.run WHERE guest='native' AND cores=1"
                           " AND kind='oncpu'")[0]
        part = sum(int(line.rsplit(" ", 1)[1]) for line in self.read("flamegraph-native-1.folded").splitlines()
                   if ";smooth_color" in line)
        self.assertAlmostEqual(widths["smooth_color"] / 1180, part / total, 5)


class BadInput(Case):
    def store(self, *statements):
        make_store.make(SCHEMA, self.base, small=True)
        db = sqlite3.connect(self.path("experiment.db"))
        for statement in statements:
            db.execute(statement)
        db.commit()
        db.execute("PRAGMA journal_mode=DELETE")
        db.close()

    def write(self, data):
        with open(self.path("experiment.db"), "wb") as f:
            f.write(data)

    def test_a_missing_folder_is_named(self):
        self.refuses(3, r"cannot open .*/nowhere: No such file", self.path("nowhere"))

    def test_a_folder_without_store_is_named(self):
        self.refuses(3, r"there is no experiment\.db", self.base)

    def test_an_empty_file_is_no_store(self):
        self.write(b"")
        self.refuses(3, r"is empty", self.base)

    def test_a_text_file_is_no_store(self):
        self.write(b"hello, world\n" * 500)
        self.refuses(3, r"not an SQLite file", self.base)

    def test_another_programs_database_is_no_store(self):
        db = sqlite3.connect(self.path("experiment.db"))
        db.execute("CREATE TABLE bookmarks(url)")
        db.commit()
        db.close()
        self.refuses(3, r"another program's SQLite file", self.base)

    def test_another_version_is_refused(self):
        self.store("PRAGMA user_version=99")
        self.refuses(3, r"has version 99, this report reads version 3", self.base)

    def test_a_store_without_a_table_is_damaged(self):
        self.store("DROP TABLE audit")
        self.refuses(3, r"damaged: it lacks the table \"audit\"", self.base)

    def test_a_circle_of_parents_ends(self):
        self.store("UPDATE stack SET parent = id")
        self.assertEqual(run(self.base).returncode, 0)

    def test_a_store_without_runs_makes_a_page(self):
        self.store(*(f"DELETE FROM {t}" for t in ("sample", "account", "audit", "counter", "phase", "worker",
                                                  "warning", "run", "experiment")))
        result = run(self.base)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("The store holds no runs", result.stdout)

    def test_of_one_run_the_page_has_no_section_without_anything_in_it(self):
        self.store(*(f"DELETE FROM {t} WHERE {'id' if t == 'run' else 'run'} <> 1" for t in (
            "sample", "account", "audit", "counter", "phase", "worker", "run")))
        self.assertEqual(run(self.base).returncode, 0)
        with open(self.path("report", "index.html"), encoding="utf-8") as f:
            sections = re.findall(r'<section id="([a-z]+)"[^>]*>\s*<h2[^>]*>[^<]*</h2>(.*?)</section>', f.read(), re.S)
        self.assertGreater(len(sections), 5)
        for name, inside in sections:
            self.assertTrue(re.sub(r"<[^>]*>", "", inside).strip(), name)

    def test_numbers_beyond_all_bounds_do_no_harm(self):
        self.store("UPDATE account SET ns = 9223372036854775807", "UPDATE run SET runtime_ns = -9223372036854775807",
                   "UPDATE phase SET end_ns = 9223372036854775807", "UPDATE sample SET weight_ns = 9223372036854775807",
                   "UPDATE audit SET bound_ns = 0", "UPDATE run SET position = -9223372036854775807 WHERE id = 2")
        result = run("--json", self.base)
        self.assertEqual(result.returncode, 0, result.stderr)
        json.loads(result.stdout)

    def test_wrong_usage_is_status_2(self):
        for arguments in ((), ("--nonsense",), ("export", self.base), ("--format", "csv", self.base)):
            self.assertEqual(run(*arguments).returncode, 2, arguments)
        self.store()
        self.refuses(2, r'unknown format "pdf"', "export", "--format", "pdf", self.base)

    def test_output_that_cannot_be_written_is_named(self):
        self.store()
        self.refuses(3, r"cannot make (the )?folder /proc/none", "--output", "/proc/none", self.base)
        self.write_file = self.path("file")
        with open(self.write_file, "w", encoding="ascii"):
            pass
        self.refuses(3, r"Not a directory", "--output", self.write_file, self.base)
        with open("/dev/full", "w", encoding="ascii") as full:
            result = subprocess.run([REPORT, self.base], stdout=full, stderr=subprocess.PIPE, timeout=300, check=False)
        self.assertEqual(result.returncode, 3)
        self.assertRegex(result.stderr, rb"\Areport: cannot write to standard output.*\n\Z")

    def test_a_reader_that_goes_away_ends_it_as_SIGPIPE_does_without_a_word(self):
        self.store()
        for words in ((self.base,), ("--verbose", self.base), ("--json", self.base), ("diff", "--force", f"{self.base}:native", ":osv"),
                      ("--help",), ("--reference", "selvacoumar2023")):
            with self.subTest(words=words):
                out, into = os.pipe()
                os.close(out)
                result = subprocess.run([REPORT, *words], stdout=into, stderr=subprocess.PIPE, timeout=300,
                                        check=False)
                os.close(into)
                self.assertEqual((result.returncode, result.stderr), (-signal.SIGPIPE, b""))
        self.assertTrue(os.path.isfile(os.path.join(self.base, "report", "index.html")))
        self.assertTrue(os.path.isfile(os.path.join(self.base, "report", "diff-states.csv")))


class Files(Case):
    def setUp(self):
        super().setUp()
        make_store.make(SCHEMA, self.path("a"), seed=1, small=True)

    def test_remaking_gives_the_same_bytes_and_leaves_other_files_alone(self):
        run(self.path("a"))
        with open(self.path("a", "report", "notes.txt"), "w", encoding="ascii") as f:
            f.write("mine")

        def content():
            found = {}
            for folder, _, names in os.walk(self.path("a", "report")):
                for name in names:
                    with open(os.path.join(folder, name), "rb") as f:
                        found[name] = f.read()
            return found

        before = content()
        run(self.path("a"))
        self.assertEqual(content(), before)
        self.assertFalse([n for n in before if n.startswith(".")])

    def test_folders_above_the_output_are_made(self):
        result = run("--output", self.path("deep", "er", "page") + "/", self.path("a"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(os.path.exists(self.path("deep", "er", "page", "index.html")))

    def test_several_stores_stand_side_by_side(self):
        make_store.make(SCHEMA, self.path("b"), seed=2, small=True)
        result = run("--json", "--output", self.path("both"), self.path("a"), self.path("b"))
        self.assertEqual(result.returncode, 0, result.stderr)
        document = json.loads(result.stdout)
        self.assertEqual(len(document["cells"]), 16)
        self.assertEqual(len(document["runs"]), 48)
        for letter in "ab":
            alone = json.loads(run("--json", self.path(letter)).stdout)
            merged = {(c["guest"], c["cores"]): c for c in document["cells"]}
            for cell in alone["cells"]:
                twin = merged[f"{cell['guest']}@{letter}", cell["cores"]]
                self.assertEqual(twin["runtime_ns"], cell["runtime_ns"])
                self.assertEqual(twin["window"], cell["window"])
        self.assertEqual(document["experiment"]["kernel"], "Linux 6.18.0 #1 SMP x86_64")
        self.assertEqual((document["experiment"]["seed (a)"], document["experiment"]["seed (b)"]), ("1", "2"))
        self.assertTrue(os.path.exists(self.path("both", "flamegraph-osv@b-2.svg")))

    def test_names_that_look_alike_as_files_get_files_of_their_own(self):
        db = sqlite3.connect(self.path("a", "experiment.db"))
        db.execute("UPDATE run SET guest = 'a/b' WHERE guest = 'native'")
        db.execute("UPDATE run SET guest = 'a b' WHERE guest = 'docker'")
        db.commit()
        db.close()
        self.assertEqual(run(self.path("a")).returncode, 0)
        files = set(os.listdir(self.path("a", "report")))
        for name in ("flamegraph-a_b-2.svg", "flamegraph-a_b~2-2.svg"):
            self.assertIn(name, files)

    def test_exports_go_where_they_are_told(self):
        for form, ending in (("folded", ".folded"), ("csv", ".csv"), ("json", ".json")):
            result = run("export", "--format", form, "--output", self.path(form), self.path("a"))
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(sorted(result.stdout.split()),
                             sorted(os.path.join(self.path(form), n) for n in os.listdir(self.path(form))))
            self.assertTrue(all(n.endswith(ending) for n in os.listdir(self.path(form))))

    def test_files_of_others_are_replaced_by_force_only(self):
        os.mkdir(self.path("mine"))
        for name in ("index.html", "summary.csv"):
            with open(self.path("mine", name), "w", encoding="ascii") as f:
                f.write("mine")
        for arguments in ((), ("export", "--format", "csv")):
            self.refuses(3, r"exists already: --force replaces it", *arguments, "-o", self.path("mine"), self.path("a"))
            self.assertEqual(sorted(os.listdir(self.path("mine"))), ["index.html", "summary.csv"])
            for name in os.listdir(self.path("mine")):
                with open(self.path("mine", name), encoding="utf-8") as f:
                    self.assertEqual(f.read(), "mine")
        result = run("--force", "-o", self.path("mine"), self.path("a"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertGreater(os.path.getsize(self.path("mine", "index.html")), 1000)

    def test_what_a_killed_report_left_is_removed_by_the_next(self):
        ended = subprocess.Popen(["true"])
        ended.wait()
        for pid in (ended.pid, os.getpid()):
            os.makedirs(self.path("a", "report", f".new-{pid}"))
            with open(self.path("a", "report", f".new-{pid}", "index.html"), "w", encoding="ascii") as f:
                f.write("half")
            os.utime(self.path("a", "report", f".new-{pid}"), (0, 0))
        self.assertEqual(run(self.path("a")).returncode, 0)
        self.assertEqual([n for n in os.listdir(self.path("a", "report")) if n.startswith(".")], [f".new-{os.getpid()}"])

    def test_a_store_that_is_no_good_leaves_no_folder(self):
        with open(self.path("no-store"), "w", encoding="ascii") as f:
            f.write("no store")
        self.refuses(3, r"not an SQLite file", "-o", self.path("out"), self.path("no-store"))
        self.assertFalse(os.path.exists(self.path("out")))

    @unittest.skipIf(os.geteuid() != 0, "needs root to become somebody else")
    def test_a_folder_one_may_only_read_is_enough(self):
        os.chmod(self.base, 0o755)
        os.mkdir(self.path("out"))
        os.chmod(self.path("out"), 0o777)
        program = shutil.copy(REPORT, self.path("report-program"))
        result = subprocess.run([program, "--output", self.path("out"), self.path("a")], capture_output=True, text=True,
                                user=65534, group=65534, extra_groups=[], timeout=300, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(os.path.exists(self.path("out", "index.html")))

    def test_help_and_version(self):
        self.assertIn("export --format FORMAT DIR...", run("--help").stdout)
        self.assertRegex(run("--version").stdout,
                         r"^report \(guestscope\) \d+\.\d+\.\d+\nrevision \S+\n\nCopyright")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
