#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the report promises of figures and of references: test_figures.py REPORT SCHEMA [unittest arguments]."""
import csv
import glob
import json
import math
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
import xml.etree.ElementTree
from collections import defaultdict

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_store  # noqa: E402

REPORT, SCHEMA = (os.path.abspath(path) for path in sys.argv[1:3])
SVG = "{http://www.w3.org/2000/svg}"
ALL = ["wallclock", "speedup", "efficiency", "boot", "books", "loss", "variance", "order", "timeline", "picture"]
DRAWN = ALL[:-1]  # with lines and letters
SHIPPED = os.path.join(os.path.dirname(REPORT), "reference", "selvacoumar2023.csv")
HOSTILE = ["`touch pwned`", "$(touch pwned)", "\"; system('touch pwned') #", "'.system(\"touch pwned\").'", "<touch pwned",
           "|touch pwned", "@HOME a,b;c\\n\\", "{/Symbol a}^2_3 %s%n%999999f", "</title><script>alert(1)</script>", "\u202e𝄞" * 30]


def run(*arguments, **options):
    return subprocess.run([REPORT, *arguments], capture_output=True, text=True, timeout=100, check=False, **options)


def need(program):
    if not shutil.which(program):
        raise unittest.SkipTest(f"no {program} here")


def add_rows(directory):
    """What the workload reports of its rows: make_store leaves it out."""
    db = sqlite3.connect(os.path.join(directory, "experiment.db"))
    for run_id, cores in db.execute("SELECT id, cores FROM run WHERE status='ok'").fetchall():
        (start, end), = db.execute("SELECT start_ns, end_ns FROM phase WHERE run=? AND name='render'", (run_id,))
        for task in range(384):
            step = (end - start) / 400 * cores
            at = start + int(task // cores * step)
            db.execute("INSERT INTO row VALUES (?,?,?,?,?)", (run_id, task, task % cores, at, at + int(step * 0.97)))
    db.commit()
    db.close()


def set_commands(directory, *words):
    db = sqlite3.connect(os.path.join(directory, "experiment.db"))
    db.execute("UPDATE run SET command=?", (json.dumps(["mandelbrot", "-cores", "2", *words]),))
    db.commit()
    db.close()


def table(path):
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


class Case(unittest.TestCase):
    def setUp(self):
        self.base = tempfile.mkdtemp(prefix="guestscope-figures-")
        self.addCleanup(shutil.rmtree, self.base, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.base, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)

    def store(self, name="store", **options):
        make_store.make(SCHEMA, self.path(name), small=True, **options)
        return self.path(name)

    def edit(self, store, *statements):
        db = sqlite3.connect(os.path.join(store, "experiment.db"))
        for statement in statements:
            db.execute(*statement)
        db.commit()
        db.close()


class Figures(unittest.TestCase):
    """One store, reported once."""

    @classmethod
    def setUpClass(cls):
        need("gnuplot")
        cls.dir = tempfile.mkdtemp(prefix="guestscope-figures-")
        make_store.make(SCHEMA, cls.dir, seed=3, small=True)
        add_rows(cls.dir)
        set_commands(cls.dir, "-width", "96", "-height=64", "-iteration", "50")
        cls.result = run("--json", cls.dir)
        cls.folder = os.path.join(cls.dir, "report", "figures")
        cls.db = sqlite3.connect(os.path.join(cls.dir, "experiment.db"))

    @classmethod
    def tearDownClass(cls):
        cls.db.close()
        shutil.rmtree(cls.dir)

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def test_every_figure_is_there_as_svg_and_pdf_with_data_and_script(self):
        self.assertEqual(self.result.returncode, 0, self.result.stderr)
        self.assertNotIn("gnuplot", self.result.stderr)
        flames = [f"{k}-{g}-{c}" for k in ("flamegraph", "offcpu") for g in make_store.GUESTS for c in (1, 2)]
        self.assertEqual(sorted(os.listdir(self.folder)),
                         sorted([f"{n}.{s}" for n in ALL for s in ("svg", "pdf", "csv", "gp")] + ["picture.png"] +
                                [f"{n}.{s}" for n in flames for s in ("pdf", "csv", "gp")]))

    def test_a_flame_graph_for_a_paper_has_the_frames_and_times_of_the_store(self):
        rows = table(self.path("flamegraph-osv-2.csv"))
        whole = self.db.execute("SELECT sum(weight_ns) FROM sample s JOIN run r ON r.id = s.run WHERE guest = 'osv' AND cores = 2 AND"
                                " status = 'ok' AND s.kind = 'oncpu' AND s.phase <> 'boot'").fetchone()[0] / 1e9
        self.close(max(float(r["to_s"]) for r in rows), whole)
        for level in {r["level"] for r in rows}:  # neighbours do not overlap
            spans = sorted((float(r["from_s"]), float(r["to_s"])) for r in rows if r["level"] == level)
            self.assertTrue(all(a[1] <= b[0] + 1e-6 for a, b in zip(spans, spans[1:])), level)
        self.assertEqual({r["side"] for r in rows if r["function"] == "smooth_color"}, {"guest program"})
        need("pdftotext")
        said = subprocess.run(["pdftotext", self.path("flamegraph-osv-2.pdf"), "-"], capture_output=True, text=True, check=True).stdout
        for name in ("all", "guest program", "mandelbrot_row"):
            self.assertIn(name, said)

    def test_the_largest_part_of_a_bar_has_its_number(self):
        need("pdftotext")
        for name in ("books", "boot"):
            said = subprocess.run(["pdftotext", "-layout", self.path(f"{name}.pdf"), "-"], capture_output=True, text=True, check=True)
            most = defaultdict(float)
            for row in table(self.path(f"{name}.csv")):
                most[row["row"]] = max(most[row["row"]], float(row["percent"]))
            for value in most.values():
                self.assertRegex(said.stdout, rf"(?<![\d.]){value:.0f}(?![\d.])", name)

    def test_names_in_a_key_do_not_reach_into_the_next_box(self):
        need("pdftotext")
        for name in ("books", "boot", "loss", "variance", "speedup"):
            page = subprocess.run(["pdftotext", "-bbox", self.path(f"{name}.pdf"), "-"], capture_output=True, text=True, check=True).stdout
            boxes = [tuple(map(float, m)) for m in
                     re.findall(r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">', page)]
            for i, a in enumerate(boxes):
                for b in boxes[:i]:  # the middle of one line of letters is not within another
                    apart = a[2] <= b[0] + 0.5 or b[2] <= a[0] + 0.5 or abs((a[1] + a[3]) - (b[1] + b[3])) / 2 > 4
                    self.assertTrue(apart, (name, a, b))

    def test_svg_stands_for_itself(self):
        for name in ALL:
            text = self.read(f"{name}.svg")
            root = xml.etree.ElementTree.fromstring(text)
            self.assertEqual(root.tag, SVG + "svg")
            self.assertEqual(root.find(SVG + "title").text, name)
            ids = [e.get("id") for e in root.iter() if e.get("id")]
            self.assertEqual(len(ids), len(set(ids)), name)
            for reference in re.findall(r"(?:href='#|url\(#)([^')]+)", text):
                self.assertIn(reference, ids)
            self.assertNotRegex(text.replace("http://www.w3.org/", ""), r"(?i)https?:|<script|@import" + ("" if name == "picture" else "|<image"))
            self.assertLess(len(text), 400000)

    def test_the_page_holds_the_drawings_as_they_are_in_the_files(self):
        with open(os.path.join(self.dir, "report", "index.html"), encoding="utf-8") as f:
            held = [urllib.parse.unquote(t) for t in re.findall(r'src="data:image/svg\+xml,([^"]*)"', f.read())]
        self.assertEqual(held, [self.read(f"{name}.svg") for name in ALL])

    def test_programs_that_papers_are_made_with_can_read_the_svgs(self):
        for program, arguments in (("rsvg-convert", ["-o"]), ("convert", [])):
            if not shutil.which(program):
                continue
            said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
            if not re.search("rsvg|ImageMagick", said):
                continue  # another program of that name
            for path in glob.glob(self.folder + "/books.svg") + glob.glob(self.dir + "/report/*-osv-2.svg"):
                png = os.path.join(self.dir, "read.png")
                done = subprocess.run([program, path, *arguments, png], capture_output=True, text=True, check=False, timeout=100)
                self.assertEqual((done.returncode, done.stderr), (0, ""), (program, path))
                with open(png, "rb") as f:
                    head = f.read(24)
                width = xml.etree.ElementTree.parse(path).getroot().get("width")
                self.assertEqual((head[1:4], int.from_bytes(head[16:20], "big")), (b"PNG", int(width)), path)

    def test_width_is_that_of_a_column(self):
        for name in ALL:
            self.assertEqual(xml.etree.ElementTree.fromstring(self.read(f"{name}.svg")).get("width"), "321")

    def test_pdf_can_be_read_and_holds_text_not_pictures(self):
        need("pdftotext")
        for name in DRAWN:
            text = subprocess.run(["pdftotext", self.path(f"{name}.pdf"), "-"], capture_output=True, text=True, check=True)
            self.assertRegex(text.stdout, r"native|cores", name)
            images = subprocess.run(["pdfimages", "-list", self.path(f"{name}.pdf")], capture_output=True, text=True, check=True)
            self.assertEqual(len(images.stdout.splitlines()), 2, name)

    def test_pdf_is_dated_by_the_experiment_and_not_by_the_clock(self):
        need("pdfinfo")
        ((begun,),) = self.db.execute("SELECT value FROM experiment WHERE key = 'started_utc'")
        for name in DRAWN:
            said = subprocess.run(["pdfinfo", "-isodates", self.path(f"{name}.pdf")], capture_output=True, text=True,
                                  check=True, env=dict(os.environ, TZ="UTC"))
            date = re.search(r"CreationDate: +(\S+)", said.stdout)[1]
            self.assertEqual(re.sub(r"\D", "", date)[:14], re.sub(r"\D", "", begun)[:14], name)
            self.assertEqual(said.stderr, "")

    def test_scripts_draw_the_same_again(self):
        with tempfile.TemporaryDirectory(prefix="guestscope-figures-") as folder:
            shutil.copy(self.path("picture.png"), folder)
            for name in ALL:
                for suffix in ("csv", "gp"):
                    shutil.copy(self.path(f"{name}.{suffix}"), folder)
                done = subprocess.run(["gnuplot", f"{name}.gp"], cwd=folder, capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                again = xml.etree.ElementTree.parse(os.path.join(folder, f"{name}.svg")).getroot()
                ours = xml.etree.ElementTree.fromstring(self.read(f"{name}.svg"))
                self.assertEqual([e.text for e in again.iter(SVG + "text")], [e.text for e in ours.iter(SVG + "text")])

    def close(self, a, b, tolerance=1e-6):
        self.assertTrue(math.isclose(float(a), b, rel_tol=tolerance, abs_tol=tolerance), f"{a} is not {b}")

    def test_means_are_those_of_the_store(self):
        rows = table(self.path("wallclock.csv"))
        self.assertEqual(len(rows), 8)
        for row in rows:
            values = [v / 1e9 for v, in self.db.execute(
                "SELECT runtime_ns FROM run WHERE guest=? AND cores=? AND status='ok'", (row["stack"], row["cores"]))]
            self.assertEqual(int(row["runs"]), len(values))
            self.close(row["mean_s"], statistics.mean(values))
            if len(values) < 3:
                self.assertEqual((row["low"], row["high"]), ("", ""))
                continue
            self.assertLess(float(row["low"]), float(row["mean_s"]))
            self.assertGreater(float(row["high"]), float(row["mean_s"]))

    def test_speedup_and_efficiency_are_ratios_of_the_means(self):
        means = {(r["stack"], r["cores"]): float(r["mean_s"]) for r in table(self.path("wallclock.csv"))}
        for name, scale in (("speedup", 1), ("efficiency_percent", 50)):
            rows = [r for r in table(self.path(f"{name.split('_')[0]}.csv")) if r["kind"] == "measured" and r["cores"] == "2"]
            self.assertEqual(len(rows), 4)
            for row in rows:
                self.close(row[name], scale * means[row["stack"], "1"] / means[row["stack"], "2"])

    def test_bars_sum_to_the_whole(self):
        for name, value, whole in (("books", "percent", lambda row: 100), ("variance", "percent", lambda row: 100),
                                   ("loss", "cores", lambda row: float(row["group"].split()[0])), ("boot", "percent", lambda row: 100)):
            sums = defaultdict(float)
            rows = table(self.path(f"{name}.csv"))
            for row in rows:
                sums[row["row"]] += float(row[value])
            for row in rows:
                self.close(sums[row["row"]], whole(row), 1e-4)

    def test_the_timeline_shows_the_median_run_and_all_its_rows(self):
        rows = table(self.path("timeline.csv"))
        runs = [r for r in rows if r["kind"] == "run"]
        self.assertEqual(len(runs), 4)
        for panel in runs:
            guest, run_id = re.match(r"(\S+) · quick · run (\d+)$", panel["name"]).groups()
            values = sorted(self.db.execute("SELECT runtime_ns, id FROM run WHERE guest=? AND cores=2 AND status='ok'", (guest,)))
            self.assertEqual(values[(len(values) - 1) // 2][1], int(run_id))
            self.assertEqual(sum(int(r["rows"]) for r in rows if r["kind"] == "rows" and r["panel"] == panel["panel"]), 384)
            self.close(panel["end_s"], values[(len(values) - 1) // 2][0] / 1e9)


    def test_the_picture_is_what_the_program_renders(self):
        program = next(p for p in (os.path.join(os.path.dirname(REPORT), *where, "mandelbrot") for where in ([], ["..", "workload"]))
                       if os.path.exists(p))
        with tempfile.TemporaryDirectory(prefix="guestscope-figures-") as folder:
            subprocess.run([program, "-width", "96", "-height", "64", "-iteration", "50", "-smoothness", "1", "-file",
                            os.path.join(folder, "again.png")], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            with open(os.path.join(folder, "again.png"), "rb") as again, open(self.path("picture.png"), "rb") as ours:
                self.assertEqual(again.read(), ours.read())


class Without(Case):
    """gnuplot is not there, or does not do what it should."""

    def path_with(self, script):
        os.mkdir(self.path("bin"))
        if script:
            with open(self.path("bin", "gnuplot"), "w", encoding="ascii") as f:
                f.write(script)
            os.chmod(self.path("bin", "gnuplot"), 0o755)
        return {**os.environ, "PATH": self.path("bin")}

    def reported_without(self, script, pattern):
        store = self.store()
        result = run(store, env=self.path_with(script))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertRegex(result.stderr, pattern)
        self.assertIn("index.html", os.listdir(os.path.join(store, "report")))
        figures = os.listdir(os.path.join(store, "report", "figures"))
        self.assertIn("books.gp", figures)
        self.assertIn("books.csv", figures)
        self.assertFalse([f for f in figures if f.endswith((".svg", ".pdf")) or f.startswith(".")], figures)

    def test_without_gnuplot_all_else_is_made(self):
        self.reported_without(None, "gnuplot is not installed")

    def test_a_gnuplot_that_fails_costs_the_figures_alone(self):
        self.reported_without("#!/bin/sh\n: > books.svg\necho line 3: oh dear >&2\nexit 1\n", "oh dear")

    def test_a_gnuplot_that_dies_costs_the_figures_alone(self):
        self.reported_without("#!/bin/sh\nkill -9 $$\n", "signal 9")

    def test_no_start_up_file_is_read(self):
        need("gnuplot")
        with open(self.path(".gnuplot"), "w", encoding="ascii") as f:
            f.write("exit status 3\n")
        store = self.store()
        result = run(store, env={**os.environ, "HOME": self.base, "LC_ALL": "de_DE.UTF-8", "GNUTERM": "x11"})
        self.assertEqual((result.returncode, result.stderr), (0, ""))


class Hostile(Case):
    """A store's texts are data, whatever they say."""

    def setUp(self):
        need("gnuplot")
        super().setUp()
        self.home = self.path("home")
        os.mkdir(self.home)

    def check(self, folder):
        self.assertFalse(glob.glob(self.base + "/**/pwned*", recursive=True))
        for path in glob.glob(folder + "/*.gp"):
            with open(path, encoding="utf-8") as f:
                self.assertNotRegex(f.read(), r"touch|system|alert|pwned|`|\$\(|Symbol", path)
        for path in glob.glob(folder + "/*.svg"):
            with open(path, encoding="utf-8") as f:
                self.assertNotIn("<script", f.read())
            xml.etree.ElementTree.parse(path)

    def test_names_never_become_commands(self):
        for i in range(0, len(HOSTILE), 2):
            names = HOSTILE[i:] + HOSTILE[:i]
            store = self.store(f"store{i}")
            add_rows(store)
            self.edit(store, ("UPDATE run SET guest=? WHERE guest='osv'", names[:1]), ("UPDATE run SET label=? WHERE guest='docker'", names[1:2]),
                      ("UPDATE run SET scenario=?", names[2:3]),
                      ("UPDATE phase SET name=? WHERE name='render'", names[3:4]), ("UPDATE boot_step SET name=? WHERE name='kernel'", names[4:5]),
                      ("UPDATE account SET state=? WHERE state='irq'", names[5:6]))
            result = run(store, cwd=self.home)
            self.assertEqual((result.returncode, result.stderr), (0, ""), names)
            folder = os.path.join(store, "report", "figures")
            self.assertTrue(set(os.listdir(folder)) >= {f"{n}.pdf" for n in DRAWN}, (names, os.listdir(folder)))
            self.check(folder)

    def test_a_command_line_reaches_the_program_as_numbers_alone(self):
        store = self.store()
        for words in (["-width", "64", "-file", self.path("pwned")], ["-width", "64", "-iteration", "9" * 22], ["-width", "64", "-height", "1e9"],
                      ["-width", "64;touch pwned"], ["-width 64 -palette ../../x"], ["-width", "64", "-radius", "nan"], ["-width"], ["-width="],
                      ["-width", "99999999999999999999"], ["-width", "64", "-height", "0"], ["-iteration", "0"], ["-width", "-64"]):
            set_commands(store, *words)
            result = run(store, cwd=self.home)
            self.assertEqual((result.returncode, result.stderr), (0, ""), words)
            self.assertFalse(glob.glob(self.base + "/**/pwned*", recursive=True))
            if words[2:3] != ["-file"]:
                self.assertNotIn("picture.png", os.listdir(os.path.join(store, "report", "figures")), words)
            else:
                self.assertIn("picture.png", os.listdir(os.path.join(store, "report", "figures")), words)
                shutil.rmtree(os.path.join(store, "report"))

    def test_absurd_numbers_cost_at_most_a_figure(self):
        for i, value in enumerate((0, -1, -2**62, 2**62)):
            store = self.store(f"store{i}")
            add_rows(store)
            self.edit(store, ("UPDATE run SET runtime_ns=?, position=? WHERE guest='osv'", (value, value)),
                      ("UPDATE account SET ns=? WHERE state='user'", (value,)), ("UPDATE phase SET end_ns=? WHERE name='encode'", (value,)),
                      ("UPDATE row SET start_ns=? WHERE task=3", (value,)), ("UPDATE boot_step SET end_ns=? WHERE position=0", (value,)))
            result = run(store)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertLessEqual(result.stderr.count("\n"), 1)
            self.assertIn("index.html", os.listdir(os.path.join(store, "report")))

    def test_many_stacks_and_many_cores(self):
        store = self.store()
        self.edit(store, ("UPDATE run SET guest=guest || (id % 13), cores=1 + (id * 7919) % 300",))
        result = run(store)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.edit(store, ("UPDATE run SET cores=cores * 1000000000",))
        result = run(store)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_a_references_names_never_become_commands(self):
        rows = ["stack,scenario,cores,repetition,seconds"]
        for i, name in enumerate(HOSTILE):
            quoted = '"' + name.replace('"', '""') + '"'
            rows += [f"{quoted},{quoted},{c},{r},{10 / c + r / 10 + i}" for c in (1, 2) for r in (1, 2, 3)]
        path = self.write("evil.csv", "# `touch pwned` <script>\n" + "\n".join(rows[:25]) + "\n")
        result = run("--reference", path, "-o", self.path("out"), cwd=self.home)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("wallclock.pdf", os.listdir(self.path("out", "figures")))
        self.check(self.path("out", "figures"))


class Reference(Case):
    """The published runs, against numbers that are computed here."""

    @classmethod
    def setUpClass(cls):
        with open(SHIPPED, encoding="utf-8") as f:
            lines = [line for line in f if not line.startswith("#")]
        cls.runs = defaultdict(list)
        for row in csv.DictReader(lines):
            cls.runs[row["stack"], row["scenario"], int(row["cores"])].append(float(row["seconds"]))
        cls.text = run("--reference", "selvacoumar2023").stdout
        cls.document = json.loads(run("--reference", "selvacoumar2023", "--json").stdout)
        cls.flat = re.sub(r"\n +", " ", cls.text)

    def test_all_128_runs_are_there(self):
        self.assertEqual(sum(len(v) for v in self.runs.values()), 128)
        self.assertEqual({k: v for k, v in self.runs.items()},
                         {(c["stack"], c["scenario"], c["cores"]): c["seconds"] for c in self.document["cells"]})

    def test_the_table_is_that_of_the_raw_data(self):
        for cell in self.document["cells"]:
            values = self.runs[cell["stack"], cell["scenario"], cell["cores"]]
            one = self.runs[cell["stack"], cell["scenario"], 1]
            speedup = statistics.mean(one) / statistics.mean(values)
            for got, expected in ((cell["mean_s"]["value"], statistics.mean(values)), (cell["stddev_s"], statistics.stdev(values)),
                                  (cell["speedup"]["value"], speedup), (cell["efficiency_percent"]["value"], 100 * speedup / cell["cores"])):
                self.assertTrue(math.isclose(got, expected, rel_tol=1e-9), (cell, expected))
            if cell["cores"] > 1:
                self.assertLess(cell["speedup"]["low"], speedup)
                self.assertGreater(cell["speedup"]["high"], speedup)

    def test_the_text_has_the_table(self):
        self.assertRegex(self.text, r"docker +8 +8 +51\.98 +0\.55 +3\.49 \(3\.\d\d-3\.\d\d\) +43\.6 .* 2\.80 ! +44")
        self.assertRegex(self.text, r"linux +4 +8 +86\.37 +0\.44 +2\.05 ")
        self.assertIn("doi 10.1007/978-3-031-31209-0_23", self.flat)
        self.assertLessEqual(max(len(line) for line in self.text.splitlines()), 100)

    def test_disagreements_are_found(self):
        wrong = [(c["stack"], c["scenario"], c["cores_low"], c["what"]) for c in self.document["claims"] if c["agrees"] is False]
        self.assertEqual(wrong, [("docker", "paper-1", 8, "speedup"), ("docker", "paper-2", 1, "stddev_seconds")])
        self.assertRegex(self.flat, r"docker on 8 cores in paper-1: the text says speed-up 2\.80, the runs give 3\.49.*own efficiency of "
                                    r"44 % means 3\.52, which fits the runs")
        self.assertRegex(self.flat, r"docker on 1 core in paper-2: the text says standard deviation 40 s, the runs give 29\.86 s")

    def test_the_drift_is_found(self):
        self.assertRegex(self.flat, r"docker on 1 core in paper-1: run times rise in order of execution, from 149\.6 s to 202\.8 s")

    def test_findings_come_from_the_numbers(self):
        """Other numbers, other findings: the same runs in another order, the text corrected, something else made wrong."""
        with open(SHIPPED, encoding="utf-8") as f:
            lines = f.read().replace("docker,paper-1,1,", "docker,paper-1,1,1").splitlines()  # repetitions 11, 12, ... in the same order
        swap = {"11": "14", "12": "18", "13": "11", "14": "17", "15": "12", "16": "15", "17": "13", "18": "16"}
        lines = [re.sub(r"^(docker,paper-1,1,)(\d+)", lambda m: m[1] + swap[m[2]], line) for line in lines]
        with open(SHIPPED.replace(".csv", "-claims.csv"), encoding="utf-8") as f:
            claims = f.read().replace("docker,paper-1,8,speedup,2.80", "docker,paper-1,8,speedup,3.49")
        claims = claims.replace("linux,paper-2,6,speedup,2.80", "linux,paper-2,6,speedup,2.10")
        path = self.write("other.csv", "\n".join(lines))
        self.write("other-claims.csv", claims)
        document = json.loads(run("--reference", path, "--json").stdout)
        wrong = [(c["stack"], c["scenario"], c["cores_low"], c["what"]) for c in document["claims"] if c["agrees"] is False]
        self.assertEqual(wrong, [("linux", "paper-2", 6, "speedup"), ("docker", "paper-2", 1, "stddev_seconds")])
        self.assertNotIn("rise", " ".join(f["text"] for f in document["findings"]))

    def test_figures_of_the_reference_alone(self):
        need("gnuplot")
        result = run("--reference", "selvacoumar2023", "-o", self.path("out"))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual({f for f in os.listdir(self.path("out", "figures")) if f.endswith(".pdf")},
                         {"wallclock.pdf", "speedup.pdf", "efficiency.pdf", "order.pdf"})
        self.assertEqual(len(table(self.path("out", "reference.csv"))), 16)
        result = run("--reference", "selvacoumar2023", "-o", self.path("out"))
        self.assertEqual(result.returncode, 3)
        self.assertIn("--force", result.stderr)
        self.assertEqual(run("--reference", "selvacoumar2023", "-o", self.path("out"), "--force").returncode, 0)

    def test_a_reference_is_laid_over_the_figures(self):
        store = self.store()
        self.edit(store, ("UPDATE run SET scenario='paper-1'",))
        result = run("--reference", "selvacoumar2023", store)
        self.assertEqual(result.returncode, 0, result.stderr)
        rows = table(os.path.join(store, "report", "figures", "wallclock.csv"))
        published = {(r["stack"], int(r["cores"])): float(r["mean_s"]) for r in rows if r["kind"] == "published"}
        self.assertEqual(len(published), 8)
        for (stack, cores), mean in published.items():
            self.assertTrue(math.isclose(mean, statistics.mean(self.runs[stack, "paper-1", cores]), rel_tol=1e-6))
        with sqlite3.connect(os.path.join(store, "experiment.db")) as db:
            ours = {c: statistics.mean(v / 1e9 for v, in db.execute(
                "SELECT runtime_ns FROM run WHERE guest='docker' AND cores=? AND status='ok'", (c,))) for c in (1, 2)}
        db.close()
        theirs = statistics.mean(self.runs["docker", "paper-1", 1])
        self.assertRegex(result.stdout, rf"(?m)^docker +1 +{ours[1]:.2f} +{theirs:.2f} +{ours[1] / theirs:.2f} \(")
        document = json.loads(run("--json", "--reference", "selvacoumar2023", store).stdout)
        self.assertEqual(len(document["reference"]["cells"]), 16)
        kinds = {r["kind"] for r in table(os.path.join(store, "report", "figures", "speedup.csv"))}
        self.assertEqual(kinds, {"measured", "published", "published text", "Amdahl's bound"} & kinds | {"measured", "published", "published text"})

    def test_another_scenario_is_not_compared(self):
        store = self.store()
        result = run("--reference", "selvacoumar2023", store)
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stderr, r'^report: .*scenario "quick"')
        self.assertEqual(result.stderr.count("\n"), 1)
        self.assertEqual({r["kind"] for r in table(os.path.join(store, "report", "figures", "wallclock.csv"))}, {"measured"})


class BadReference(Case):
    HEAD = "stack,scenario,cores,repetition,seconds\n"

    def refuses(self, pattern, text, name="bad.csv"):
        path = self.write(name, text) if text is not None else self.path(name)
        store = self.path("store")
        for arguments in ((), (store,)):
            before = sorted(os.listdir(store))
            result = run("--reference", path, *arguments)
            self.assertEqual(result.returncode, 3, result.stderr)
            self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
            self.assertRegex(result.stderr, pattern)
            self.assertEqual(result.stdout, "")
            self.assertEqual(sorted(os.listdir(store)), before)

    def setUp(self):
        super().setUp()
        self.store()

    def test_files_that_are_none(self):
        self.refuses("cannot read .*missing.csv: No such file", None, "missing.csv")
        self.refuses("is empty", "")
        self.refuses("is empty", "# only a comment\n")
        self.refuses("has no runs", self.HEAD)
        self.refuses("zero byte", self.HEAD + "osv,q,1,1,\0\n")
        self.refuses('no column "repetition"', "stack,scenario,cores,seconds\nosv,q,1,3\n")
        os.mkdir(self.path("folder.csv"))
        self.refuses("cannot read .*folder.csv: Is a directory", None, "folder.csv")

    def test_numbers_that_are_none(self):
        for seconds in ("", "x", "nan", "inf", "0", "-1", "1e300", "0x10", "1.5s", "1,5"):
            self.refuses("line 2: ", self.HEAD + f"osv,q,1,1,{seconds}\n")
        for cores in ("", "0", "-1", "1.5", "99999999", "two"):
            self.refuses("line 3: bad number of cores", self.HEAD + f"osv,q,1,1,2\nosv,q,{cores},1,3\n")
        for repetition in ("", "0", "x"):
            self.refuses("line 2: bad repetition", self.HEAD + f"osv,q,1,{repetition},3\n")
        self.refuses("line 4: repetition 1 is there twice", self.HEAD + "osv,q,1,1,3\nosv,q,1,2,3\nosv,q,1,1,4\n")
        self.refuses("line 2: no stack", self.HEAD + ",q,1,1,3\n")

    def test_rows_that_do_not_fit(self):
        self.refuses("line 3: 4 fields, where there are 5", self.HEAD + "osv,q,1,1,3\nosv,q,1,3\n")
        self.refuses("line 2: a quote is not closed", self.HEAD + '"osv,q,1,1,3\n')
        self.refuses("line 2: something follows a closing quote", self.HEAD + '"osv"x,q,1,1,3\n')
        self.refuses("line 2: .* or a quote is within a field", self.HEAD + 'o"sv,q,1,1,3\n')
        # Comments, empty lines, and line ends of other systems and within quotes are counted.
        self.refuses("line 8: 3 fields", "# one\r\n# two\r\n" + self.HEAD + 'osv,"a\nb",1,1,3\r\n\r\n\r\nosv,q,1\r\n')

    def test_claims_that_are_none(self):
        self.write("bad-claims.csv", "stack,scenario,cores,what,value\nosv,q,2,happiness,3\n")
        self.refuses('bad-claims.csv, line 2: nothing is known of "happiness"', self.HEAD + "osv,q,1,1,3\n")
        self.write("bad-claims.csv", "stack,scenario,cores,what,value\nosv,q,8-4,speedup,3\n")
        self.refuses("line 2: bad number of cores", self.HEAD + "osv,q,1,1,3\n")

    def test_forms_of_csv_that_are_fine(self):
        path = self.write("fine.csv", '\ufeff# a source\r\nseconds,note,stack,scenario,cores,repetition\r\n3.5,"a ""b"", c",osv,"q, r",1,2\r\n'
                                      "\r\n2.5,,osv,\"q, r\",1,1\r\n")
        document = json.loads(run("--reference", path, "--json").stdout)
        self.assertEqual([(c["stack"], c["scenario"], c["seconds"]) for c in document["cells"]], [("osv", "q, r", [2.5, 3.5])])
        self.assertEqual(document["source"], "a source")

    def test_a_name_that_is_none(self):
        result = run("--reference", "nobody2023")
        self.assertEqual((result.returncode, result.stdout), (3, ""))
        self.assertRegex(result.stderr, "selvacoumar2023")
        self.assertEqual(run().returncode, 2)
        self.assertEqual(run("export", "--format", "csv", "--reference", "selvacoumar2023", self.path("store")).returncode, 2)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:], verbosity=2)
