#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the workload noise means, in reports: test_noise_report.py REPORT SCHEMA

The store's noise is made here, of known frequencies, lengths, probabilities and causes; what it makes of many ranks is known in
closed form."""
import csv
import json
import math
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_store  # noqa: E402

REPORT, SCHEMA = (os.path.abspath(a) for a in sys.argv[1:3])
MS, RUNS, LANES = 1_000_000, 3, 2
BEGIN = 5_000_000_000_000
P, LATE = 0.01, 2 * MS  # fwq: so often, so much
HOSTILE = "</td><script>9</"


def run(*arguments):
    return subprocess.run([REPORT, *arguments], capture_output=True, text=True, timeout=300, check=False)


def leb128(*numbers):
    data = bytearray()
    for n in numbers:
        while n > 127:
            data.append(n & 127 | 128)
            n >>= 7
        data.append(n)
    return bytes(data)


class Maker:
    def __init__(self, folder):
        os.mkdir(folder)
        self.db = sqlite3.connect(folder + "/experiment.db")
        with open(SCHEMA, encoding="utf-8") as f:
            self.db.executescript(f.read())
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute(f"PRAGMA application_id = {make_store.APPLICATION_ID}")
        self.db.execute("PRAGMA user_version = 3")
        self.insert("experiment", key="tick_ns", value=4 * MS)
        self.n = 0

    def insert(self, table, **row):
        self.db.execute(f"INSERT INTO {table} ({','.join(row)}) VALUES ({','.join('?' * len(row))})", list(row.values()))

    def run(self, guest, accel, kernel, repetition, seconds=5):
        self.n += 1
        begin = BEGIN + self.n * 10**11
        self.insert("run", id=self.n, guest=guest, cores=LANES, scenario="noise-" + kernel, repetition=repetition,
                    position=self.n, accel=accel, status="ok", start_ns=begin, end_ns=begin + seconds * 10**9, boot_ns=0,
                    runtime_ns=seconds * 10**9, guest_runtime_ns=seconds * 10**9, lost_events=0, closed=1, audited=1,
                    residual_ns=0, start_utc="2026-01-02T03:04:05Z", split="sampled", command="[]", counted=1, block=1, label="")
        self.insert("phase", run=self.n, name="measure", start_ns=begin, end_ns=begin + seconds * 10**9)
        return self.n, begin

    def distribution(self, kernel, worker, values, time_ns=5 * 10**9):
        self.insert("distribution", run=self.n, kernel=kernel, worker=worker, n=len(values), sum_ns=sum(values),
                    min_ns=min(values), max_ns=max(values), time_ns=time_ns, lost_ns=0, quantum_ns=MS)
        for value in sorted(set(values)):
            self.insert("distribution_bucket", run=self.n, kernel=kernel, worker=worker, low_ns=value, high_ns=value,
                        n=values.count(value))

    def close(self):
        self.db.commit()
        self.db.close()


def make_ftq(m, rng):
    """A linux guest with a tick of 100 Hz, on a host of 250 Hz, beside something that comes 61.3 times a second."""
    for repetition in range(RUNS):
        m.run("linux", "tcg", "ftq", repetition)
        for worker in range(LANES):
            values = [rng.randrange(20_000) for _ in range(5000)]
            for hz, length in ((100, 9_000), (250, 9_000), (61.3, 30_000)):
                at = rng.random() / hz
                while at < 5:
                    values[int(at * 1000)] += length
                    at += 1 / hz
            m.distribution("ftq", worker, [max(v // 100 * 100, 100) for v in values])
            m.insert("distribution_series", run=m.n, kernel="ftq", worker=worker, begin_ns=BEGIN + m.n * 10**11, step_ns=MS,
                     n=5000, total=7000, tick_ns=10 * MS, data=leb128(*values))


def make_restless(m, rng):
    """Something that comes 125 times a second, but never quite."""
    m.run("native", "none", "ftq", 0)
    values, at = [rng.randrange(20_000) for _ in range(5000)], 0
    while at < 5:
        values[int(at * 1000)] += 300_000
        at += 1 / 125 + rng.gauss(0, 0.00035)
    m.distribution("ftq", 0, [max(v // 100 * 100, 100) for v in values])
    m.insert("distribution_series", run=m.n, kernel="ftq", worker=0, begin_ns=BEGIN + m.n * 10**11, step_ns=MS,
             n=5000, total=5000, tick_ns=None, data=leb128(*values))


def make_fwq(m):
    for repetition in range(RUNS):
        m.run("native", "none", "fwq", repetition)
        for worker in range(LANES):
            m.distribution("fwq", worker, [MS + LATE] * 100 + [MS] * 9900)


def make_levels(m):
    """Of 100 values in a run half are 1000 ns, half 1200; runs 0, 100 and 200 ns above that: σ is 100.504 within, 100 between, but for
    100.504² / 100. 100 iterations take 1 s, the run beside them 4 s."""
    for repetition in range(3):
        m.run("native", "none", "switch", repetition)
        m.distribution("switch", 0, [1000 + 100 * repetition] * 50 + [1200 + 100 * repetition] * 50, time_ns=10**9)


def make_detours(m):
    """Every 10 ms an interrupt of 0.1 ms, every 100 ms 2 ms for another program; on all lanes at once, in each run at another time."""
    for repetition in range(RUNS):
        number, begin = m.run("osv", "tcg", "detour", repetition)
        for lane in range(LANES):
            m.distribution("detour", lane, [100_000] * 490 + [2 * MS] * 49)
            for k in range(500):
                at = begin + k * 10 * MS + 3_300_000 + 100_000 * repetition
                long = k % 10 == 5
                m.insert("detour", run=number, lane=lane, start_ns=at, length_ns=2 * MS if long else 100_000,
                         cause="preempted" if long else "interrupt", detail=HOSTILE if long else "local_timer",
                         taken_by="other" if long else None, cause_ns=2 * MS if long else 100_000)
            for cause, n, ns in (("preempted", 50, 100 * MS), ("interrupt", 450, 45 * MS)):
                m.insert("detour_cause", run=number, lane=lane, cause=cause, detail="", detours=n, ns=ns, around_ns=0,
                         sampled_ns=0)


class NoiseReport(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = tempfile.mkdtemp(prefix="guestscope-report-")
        cls.addClassCleanup(shutil.rmtree, cls.base)
        cls.dir = cls.base + "/noise"
        m = Maker(cls.dir)
        make_ftq(m, random.Random(3))
        make_fwq(m)
        make_detours(m)
        m.close()
        done = run("noise", "--json", "--ranks", "2,10,100,1000000", cls.dir)
        assert done.returncode == 0, done.stderr
        cls.cells = {c["scenario"]: c["noise"] for c in json.loads(done.stdout)["cells"]}

    def slow(self, scenario, ranks, lanes="apart", without=None):
        row, = (a for a in self.cells[scenario]["amplification"]
                if a["ranks"] == ranks and a["lanes"] == lanes and a["without"] == without)
        return row

    def test_peaks_are_named_by_the_ticks_of_host_and_guest(self):
        spectrum = self.cells["noise-ftq"]["spectrum"]
        self.assertEqual((spectrum["host_tick_hz"], spectrum["guest_tick_hz"]), (250, 100))
        self.assertEqual((spectrum["series"], spectrum["values"], spectrum["total"]), (6, 30000, 42000))
        names = {round(p["hz"]): p["name"] for p in spectrum["peaks"]}
        self.assertEqual(names[100], "tick of the guest")
        self.assertEqual(names[200], "2 × tick of the guest")
        self.assertEqual(names[250], "tick of the host")
        self.assertEqual(names[61], "unnamed")
        self.assertRegex(names[123], r"^unnamed, 2 × 61\.[23]\d* Hz$")
        base = min(spectrum["peaks"], key=lambda p: abs(p["hz"] - 61.3))
        self.assertAlmostEqual(base["hz"], 61.3, delta=0.25)
        self.assertTrue([p for p in spectrum["peaks"] if p["name"].endswith("Hz (folded)")])
        self.assertTrue(all(0 < p["share"] < 1 for p in spectrum["peaks"]))

    def test_no_peak_is_a_multiple_of_itself(self):
        m = Maker(self.base + "/restless")
        make_restless(m, random.Random(5))
        m.close()
        done = run("noise", "--json", self.base + "/restless")
        peaks = json.loads(done.stdout)["cells"][0]["noise"]["spectrum"]["peaks"]
        near = [p["name"] for p in peaks if abs(p["hz"] - 125) < 20]
        self.assertTrue(near)
        for name in near:
            self.assertNotRegex(name, r"× 1[123]\d(\.\d+)? Hz \(folded\)")
        text = run("noise", self.base + "/restless").stdout
        self.assertIn("1 series of ftq, 5,000 values in all, one each 1.000 ms", text)
        shown = re.search(r"; the 12 largest of (\d+) peaks", text)
        rows = [line for line in text.splitlines() if re.match(r"(unnamed|tick|\d+ × tick)", line)]
        self.assertEqual(len(rows), 12 if shown else len(peaks))

    def test_levels_of_variance_are_those_that_were_made(self):
        folder = self.base + "/levels"
        m = Maker(folder)
        make_levels(m)
        make_fwq(m)
        m.close()
        levels = {c["scenario"]: c["levels"] for c in json.loads(run("noise", "--json", folder).stdout)["cells"]}["noise-switch"]
        within2 = 100**2 * 100 / 99
        between = math.sqrt(100**2 - within2 / 100)
        self.assertAlmostEqual(levels["within_ns"], math.sqrt(within2), delta=1e-6)
        self.assertAlmostEqual(levels["between_ns"], between, delta=1e-6)
        self.assertEqual((levels["runs"], levels["iterations"], levels["iteration_ns"], levels["overhead_ns"]), (3, 100, 1e7, 4e9))
        self.assertEqual(levels["best_iterations"], math.ceil(math.sqrt(4e9 / 1e7 * within2) / between))
        cells = json.loads(run("noise", "--json", self.dir).stdout)["cells"]
        self.assertEqual([c["levels"] for c in cells if c["scenario"] == "noise-detour"], [None], "detours are no iterations")
        said = run("noise", folder).stdout
        self.assertIn("3 runs of 100 values: σ within a run 101 ns, from run to run 99 ns; best for the time: about 21 values a run", said)
        self.assertIn("runs do not differ beyond that", said)  # fwq: the same in each

    def test_why_nothing_is_said_of_ranks(self):
        done = run("noise", "--work", "6000000", self.dir)
        for name in ("linux noise-ftq", "osv noise-detour"):
            self.assertIn(name + " on 2 cores: no estimate for many ranks: no lane was measured for as long as a step of 6.000 s",
                          done.stdout)
        m = Maker(self.base + "/others")
        m.run("native", "none", "timer", 0)
        m.distribution("timer", 0, [1000, 2000])
        m.run("osv", "tcg", "detour", 0)
        m.db.execute("UPDATE run SET status = 'failed' WHERE guest = 'osv'")
        m.close()
        done = run("noise", self.base + "/others")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("has no runs of the workload", done.stdout)
        self.assertIn("native noise-timer on 2 cores: no estimate for many ranks: only the kernels fwq, ftq and detour give one, and this is timer", done.stdout)
        self.assertIn("osv noise-detour on 2 cores: no estimate for many ranks: no counted run of it ended well", done.stdout)

    def test_a_cause_is_the_same_in_sentences_and_tables(self):
        folder = self.base + "/causes"
        m = Maker(folder)
        number, _ = m.run("native", "none", "detour", 0)
        m.distribution("detour", 0, [MS] * 100)
        causes = [("interrupt", "local_timer", 36)] + [("preempted", f"other{i}", 2) for i in range(22)] + [("unmatched", "", 20)]
        for cause, detail, n in causes:
            m.insert("detour_cause", run=number, lane=0, cause=cause, detail=detail, taken_by="other" if detail[0:1] == "o" else None,
                     detours=n, ns=n * MS, around_ns=0, sampled_ns=0)
        m.close()
        done = run(folder)
        self.assertIn("the largest cause of detours is preempted, with 44.0 % of their time (by other", " ".join(done.stdout.split()))
        # 24 rows, of which 16 are shown.
        self.assertRegex(run("--verbose", folder).stdout, r"rest +8 more +16 +0\.016\d* +16\.0")

    def test_bernoulli_noise_is_amplified_as_its_closed_form_says(self):
        for ranks in (2, 10, 100, 1000000):
            row = self.slow("noise-fwq", ranks)
            # Means of cells, and cells are of one value each here: exact.
            self.assertAlmostEqual(row["slow_down"]["value"], 1 + LATE / MS * (1 - (1 - P) ** ranks), delta=1e-9)
            self.assertEqual(row["at_least"], ranks >= 100)
            self.assertEqual((row["work_ns"], row["measured"], row["steps"]), (MS, 60000, 10000))
            # All runs are equal.
            self.assertAlmostEqual(row["slow_down"]["low"], row["slow_down"]["value"], delta=1e-6)
        self.assertEqual(self.slow("noise-fwq", 1000000)["p50_ns"], 3 * MS)

    def test_lanes_that_are_held_up_together_cost_once(self):
        # 0.1 ms in 450 and 2 ms in 50 of some 4855 steps.
        steps = (5000 - 45 - 100)
        late, often = (0.1, 450 / steps), (2.0, 50 / steps)
        apart, together = self.slow("noise-detour", 2), self.slow("noise-detour", 2, "together")
        self.assertAlmostEqual(together["slow_down"]["value"], 1 + late[0] * late[1] + often[0] * often[1], delta=0.002)
        longest = often[0] * (1 - (1 - often[1]) ** 2)
        longest += late[0] * ((1 - often[1]) ** 2 - (1 - often[1] - late[1]) ** 2)
        self.assertAlmostEqual(apart["slow_down"]["value"], 1 + longest, delta=0.002)
        self.assertAlmostEqual(self.slow("noise-detour", 1000000)["slow_down"]["value"], 3, delta=0.01)

    def test_a_cause_that_is_removed_leaves_the_others(self):
        left = self.slow("noise-detour", 1000000, without="preempted")
        self.assertAlmostEqual(left["slow_down"]["value"], 1.1, delta=0.001)
        self.assertAlmostEqual(left["gain"]["value"], 1 - 1.1 / 3, delta=0.005)
        other = self.slow("noise-detour", 1000000, without="interrupt")
        self.assertAlmostEqual(other["slow_down"]["value"], 3, delta=0.001)
        self.assertAlmostEqual(other["gain"]["value"], 0, delta=0.005)

    def test_removing_a_cause_never_costs_time(self):
        folder = self.base + "/crowded"
        os.mkdir(folder)
        m = Maker(folder + "/x")
        rng = random.Random(7)
        for repetition in range(RUNS):
            number, begin = m.run("osv", "tcg", "detour", repetition)
            for lane in range(LANES):
                at, lengths = begin, []
                while at < begin + 4900 * MS:
                    at += rng.randrange(MS)
                    lengths.append(rng.choice((10_000, 100_000, 3 * MS, 7 * MS)))
                    m.insert("detour", run=number, lane=lane, start_ns=at, length_ns=lengths[-1],
                             cause="preempted" if lengths[-1] > MS else "interrupt", detail="", cause_ns=lengths[-1])
                    at += lengths[-1]
                m.distribution("detour", lane, lengths)
        m.close()
        done = run("noise", "--json", "--ranks", "1,2,3,6,100,10000", folder + "/x")
        rows = json.loads(done.stdout)["cells"][0]["noise"]["amplification"]
        measured = {(r["ranks"], r["measured"]): r["slow_down"]["value"] for r in rows if not r["without"] and r["lanes"] == "apart"}
        removed = [r for r in rows if r["without"]]
        self.assertEqual(len(removed), 12)
        for r in removed:
            self.assertGreaterEqual(r["gain"]["value"], 0)
            self.assertGreaterEqual(r["gain"]["low"], 0)
            self.assertLessEqual(r["slow_down"]["value"], measured[r["ranks"], r["measured"]])
        # One rank is no node of two lanes.
        self.assertEqual({r["ranks"] for r in rows if r["lanes"] == "together"}, {2, 3, 6, 100, 10000})

    def test_detours_that_do_not_make_up_what_was_measured_say_nothing_of_ranks(self):
        folder = self.base + "/few"
        os.mkdir(folder)
        with sqlite3.connect(self.dir + "/experiment.db") as db:
            with sqlite3.connect(folder + "/experiment.db") as copy:
                db.backup(copy)
                copy.execute("DELETE FROM detour WHERE length_ns < 1000000")
        cells = json.loads(run("noise", "--json", folder).stdout)["cells"]
        self.assertEqual([c["noise"] for c in cells if c["guest"] == "osv"], [None])
        self.assertEqual({c["guest"]: bool(c["missing"]) for c in cells}, {"linux": False, "native": False, "osv": True})

    def test_the_page_and_the_tables_have_it(self):
        done = run(self.dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.dir + "/report/index.html", encoding="utf-8") as f:
            page = f.read()
        for word in ('id="noise"', "tick of the guest", "lanes of a run held up together", "% less time", "61.3"):
            self.assertIn(word, page)
        self.assertNotIn(HOSTILE, page)
        points = json.loads(re.search(r'class="noise-signature" hidden><script type="application/json">(.*?)</script>', page)[1])
        self.assertEqual(points["causes"], ["preempted", "interrupt"])
        # The longest first, lane, begin, length and cause: all of one run, a tenth of them preempted.
        self.assertEqual(len(points["points"]), 4 * 1000)
        self.assertEqual(points["points"][2::4], [2 * MS] * 100 + [100_000] * 900)
        self.assertEqual(points["points"][3::4], [0] * 100 + [1] * 900)
        self.assertEqual({begin % (10 * MS) for begin in points["points"][1::4]}, {points["points"][1] % (10 * MS)})
        with open(self.dir + "/report/figures/signature.csv", encoding="utf-8") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual(len([r for r in rows if r["kind"] == "detour"]), 1000)
        with open(self.dir + "/report/noise_ranks.csv", encoding="utf-8") as f:
            rows = list(csv.DictReader(f))
        usual = [r for r in rows if r["guest"] == "native"]
        for r in rows:
            self.assertLessEqual(float(r["slow_down_low"]), float(r["slow_down"]) + 1e-6)
            self.assertGreaterEqual(float(r["slow_down_high"]), float(r["slow_down"]) - 1e-6)
            self.assertEqual(bool(r["without"]), bool(r["gain"]))
            self.assertEqual(bool(r["without"]), bool(r["gain_low"]) and bool(r["gain_high"]))
        self.assertEqual([float(r["ranks"]) for r in usual], [1e3, 1e4, 1e5, 1e6])
        self.assertEqual(usual[0]["lanes"], "apart")
        with open(self.dir + "/report/noise_peaks.csv", encoding="utf-8") as f:
            self.assertIn("tick of the host", [r["name"] for r in csv.DictReader(f)])
        self.assertTrue(os.path.exists(self.dir + "/report/figures/spectrum.csv"))
        done = run("noise", self.dir)
        for word in ("What is periodic", "Noise amplified", "What it would bring to remove a cause", "preempted"):
            self.assertIn(word, done.stdout)

    def test_other_experiments_have_none(self):
        folder = self.base + "/other"
        make_store.make(SCHEMA, folder, seed=5, small=True)
        done = run("noise", folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("This experiment has no runs of the workload noise", done.stdout)
        self.assertEqual({c["noise"] for c in json.loads(run("--json", folder).stdout)["cells"]}, {None})
        self.assertFalse(os.path.exists(folder + "/report/noise_ranks.csv"))

    def test_many_steps_are_simulated(self):
        done = run("noise", "--json", "--ranks", "1e6", "--steps", "3e6", "--work", "500", self.dir)
        row, = (c["noise"]["amplification"][0] for c in json.loads(done.stdout)["cells"] if c["guest"] == "osv")
        self.assertEqual((row["steps"], row["work_ns"]), (3e6, 500_000))

    def test_mistakes_are_told_in_one_line(self):
        for arguments, word in ((("--ranks", "x"), "--ranks"), (("--ranks", "1,,2"), "--ranks"), (("--steps", "0"), "--steps"),
                                (("--work", "1y"), "--work"), (("--ranks", ",".join("1" * 20)), "--ranks"),
                                (("--steps", "1.7"), "--steps"), (("--ranks", "nan"), "--ranks"), (("--ranks", "1.5"), "--ranks"),
                                (("--ranks", "0x10"), "--ranks"), (("--work", "0x10"), "--work")):
            done = run("noise", *arguments, self.dir)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(word, done.stderr)
        self.assertEqual(run("--ranks", "5", self.dir).returncode, 2)

    def test_detours_that_are_not_kept_one_by_one_say_nothing_of_ranks(self):
        folder = self.base + "/unkept"
        os.mkdir(folder)
        with sqlite3.connect(self.dir + "/experiment.db") as db:
            with sqlite3.connect(folder + "/experiment.db") as copy:
                db.backup(copy)
                copy.execute("DELETE FROM detour")
                copy.execute("DELETE FROM detour_cause")
        cells = json.loads(run("noise", "--json", folder).stdout)["cells"]
        self.assertEqual([c["noise"] for c in cells if c["guest"] == "osv"], [None])

    def test_workers_of_any_number_are_lanes(self):
        folder = self.base + "/numbers"
        os.mkdir(folder)
        with sqlite3.connect(self.dir + "/experiment.db") as db:
            with sqlite3.connect(folder + "/experiment.db") as copy:
                db.backup(copy)
                for table in ("distribution", "distribution_bucket"):
                    copy.execute(f"UPDATE {table} SET worker = worker - 1 WHERE kernel = 'fwq'")
        done = run("noise", "--json", "--ranks", "2", folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        row, = (c["noise"]["amplification"][0] for c in json.loads(done.stdout)["cells"] if c["guest"] == "native")
        self.assertEqual(row["slow_down"], self.slow("noise-fwq", 2)["slow_down"])

    def altered(self, name, *statements):
        folder = f"{self.base}/{name}"
        os.mkdir(folder)
        with sqlite3.connect(self.dir + "/experiment.db") as db:
            with sqlite3.connect(folder + "/experiment.db") as copy:
                db.backup(copy)
                for statement in statements:
                    copy.execute(statement)
        return folder

    def test_what_cannot_have_been_measured_is_damage(self):
        row = "INSERT INTO distribution (run, kernel, worker, n, sum_ns, min_ns, max_ns, time_ns) "
        long = row + "VALUES (9, 'detour', 1, 0, 0, 0, 0, 9000000000000000000)"
        for name, table, number, *statements in (
                ("long", "distribution", 9, "DELETE FROM distribution WHERE run = 9 AND worker = 1", long),
                ("endless", "distribution", 9, "UPDATE run SET end_ns = 9200000000000000000 WHERE id = 9",
                 "DELETE FROM distribution WHERE run = 9 AND worker = 1", "DELETE FROM detour WHERE run = 9 AND lane = 1",
                 "DELETE FROM detour_cause WHERE run = 9 AND lane = 1", long),
                ("step", "distribution_series", 1, "UPDATE distribution_series SET step_ns = 1000000000000000000 WHERE run = 1"),
                ("twice", "distribution", 9, row + "SELECT run, kernel, worker, n, sum_ns, min_ns, max_ns, time_ns"
                                                   " FROM distribution WHERE run = 9"),
                ("many", "distribution", 9, row + "SELECT run, kernel, worker + 2, n, sum_ns, min_ns, max_ns, time_ns"
                                                  " FROM distribution WHERE run = 9"),
                ("nothing", "distribution", 4, "UPDATE distribution SET min_ns = 0 WHERE run = 4"),
                ("work-twice", "distribution", 4, row + "SELECT run, kernel, worker, n, sum_ns, min_ns, max_ns, time_ns"
                                                        " FROM distribution WHERE run = 4"),
                ("work-many", "distribution", 4, "UPDATE run SET cores = 1 WHERE guest = 'native'"),
                ("many-causes", "detour", 7, "UPDATE detour SET cause = 'cause ' || rowid"),
                ("sums", "detour_cause", 7, "INSERT INTO detour_cause SELECT run, lane, 'cause ' || rowid, '', NULL, 1, 1, 0, 0"
                                            " FROM detour")):
            with self.subTest(name):
                done = run("noise", self.altered(name, *statements))
                self.assertEqual(done.returncode, 3, done.stdout)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn(f'the table "{table}" has rows of run {number} that', done.stderr)

    def test_a_detour_long_after_measuring_is_no_work(self):
        folder = self.altered("late", "UPDATE detour SET start_ns = 9000000000000000000 WHERE run = 9 AND rowid ="
                              " (SELECT max(rowid) FROM detour)")
        done = run("noise", "--json", "--ranks", "2", folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [c for c in json.loads(done.stdout)["cells"] if c["guest"] == "osv"][0]["noise"]["amplification"]
        self.assertAlmostEqual(rows[0]["measured"], self.slow("noise-detour", 2)["measured"], delta=5)

    def test_runs_that_do_not_tell_all_their_workers_say_nothing_of_lanes_together(self):
        for kernel, runs in (("detour", (7, 8, 9)), ("ftq", (1, 2, 3))):
            for short in runs:
                tables = ("distribution", "detour") if kernel == "detour" else ("distribution", "distribution_series")
                folder = self.altered(f"short-{short}", *(
                    f"DELETE FROM {table} WHERE run = {short} AND {'lane' if table == 'detour' else 'worker'} = 1" for table in tables))
                done = run("noise", "--json", "--ranks", "1,2,10", folder)
                cell, = (c for c in json.loads(done.stdout)["cells"] if c["scenario"] == "noise-" + kernel)
                rows = [a for a in cell["noise"]["amplification"] if a["lanes"] == "together"]
                whole = self.slow("noise-" + kernel, 2, "together")["measured"]
                self.assertEqual([a["ranks"] for a in rows], [2, 10])
                self.assertAlmostEqual(rows[0]["measured"], whole * 2 / 3, delta=3)

    def test_numbers_that_are_none_are_not_drawn(self):
        folder = self.altered("infinite", "UPDATE detour SET start_ns = 9e999 WHERE rowid % 7 = 0",
                              "UPDATE detour SET lane = 'x' WHERE rowid % 7 = 1")
        done = run(folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(folder + "/report/index.html", encoding="utf-8") as f:
            text = re.search(r'class="noise-signature" hidden><script type="application/json">(.*?)</script>', f.read())[1]
        points = json.loads(text)["points"]
        self.assertEqual(len(points), 4 * sum(1 for i in range(1, 1001) if i % 7 > 1))
        self.assertTrue(all(isinstance(p, int) for p in points))

    def test_a_distribution_without_values_is_told(self):
        done = run("noise", self.altered("no-values", "DELETE FROM distribution_bucket WHERE kernel = 'fwq'"))
        self.assertIn("native noise-fwq on 2 cores: no estimate for many ranks: its distribution has no values", done.stdout)

    def test_a_damaged_series_is_told(self):
        folder = self.base + "/damaged"
        os.mkdir(folder)
        with sqlite3.connect(self.dir + "/experiment.db") as db:
            with sqlite3.connect(folder + "/experiment.db") as copy:
                db.backup(copy)
                copy.execute("UPDATE distribution_series SET data = ?", (b"\xff\xff",))
        done = run("noise", folder)
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn('the table "distribution_series" has rows of run 1 that', done.stderr)

    def apart(self, name, threshold):
        """Two stacks whose detours differ ten times; of the second the threshold is @threshold ns."""
        folder = f"{self.base}/{name}"
        m = Maker(folder)
        for repetition in range(RUNS):
            for guest, accel, above, times in (("native", "none", 20, 1), ("osv", "tcg", threshold, 10)):
                number, _ = m.run(guest, accel, "detour", repetition, seconds=5 if guest == "native" else 4)
                for worker in range(LANES):
                    m.distribution("detour", worker, [100 * times])
                m.db.execute("UPDATE distribution SET threshold_ns = ? WHERE run = ?", (above, number))
                for metric in ("p99 us", "mean us", "max us", "noise %"):
                    m.insert("metric", run=number, name="detour " + metric, value=times * (10 + repetition / 100),
                             better="lower")
        m.close()
        compared = {x["metric"] for x in json.loads(run("--json", folder).stdout)["explanation"]["metric_difference"]}
        with open(folder + "/report/index.html", encoding="utf-8") as f:
            page = f.read()
        return compared, run(folder).stdout, run("--verbose", folder).stdout, page

    def test_quantiles_of_detours_above_other_thresholds_are_not_compared(self):
        why = "not compared for all stacks: thresholds (20 to 41 ns) differ by more than a factor of 2"
        compared, brief, verbose, page = self.apart("apart", 41)
        self.assertEqual(compared, {"detour max us", "detour noise %"})
        for text in (brief, verbose):
            self.assertNotIn("detour p99 us on 2 cores", text)
            self.assertIn("detour noise % on 2 cores", text)
            self.assertIn(why, " ".join(text.split()))
        self.assertIn("detour p99 us is " + why, page)
        compared, brief, verbose, page = self.apart("alike", 40)
        self.assertIn("detour p99 us", compared)
        for text in (brief, verbose, page):
            self.assertNotIn("not compared", text)

    def test_a_length_that_is_set_is_not_compared(self):
        _, brief, verbose, page = self.apart("set", 400)
        for text in (brief, verbose, page):
            self.assertNotIn("has the shortest mean run time", text)
        folder = self.base + "/equal"
        m = Maker(folder)
        for repetition in range(RUNS):
            for guest, accel, more in (("native", "none", 0), ("osv", "tcg", 0.01)):
                number, _ = m.run(guest, accel, "ftq", repetition, seconds=5 if guest == "native" else 4)
                m.insert("metric", run=number, name="ftq noise %", value=7 + repetition + more, better="lower")
        m.close()
        text = " ".join(run(folder).stdout.split())
        self.assertIn("On 2 cores ftq noise % is 8 for native (n = 3), 8.0100 for osv (n = 3): no significant difference;", text)
        self.assertIn("how long these runs take is set, not measured", text)
        with sqlite3.connect(folder + "/experiment.db") as db:
            db.execute("UPDATE run SET counted = 0 WHERE repetition > 0")
        text = " ".join(run(folder).stdout.split())
        self.assertIn("8.0100 for osv (n = 1)".replace("8.0", "7.0"), text)
        self.assertNotIn("no significant difference", text)
        self.assertIn("(n = 1): too few runs for a test of significance; how long these runs take is set", text)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
