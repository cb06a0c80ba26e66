#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is exported is what the store holds: test_exports.py REPORT SCHEMA [unittest arguments].

Every format is read back by something that has no code in common with what wrote it.
"""
import csv
import glob
import gzip
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_store  # noqa: E402
import make_timeline  # noqa: E402

REPORT, SCHEMA = sys.argv[1:3]
GOOD = "r.status = 'ok' AND r.counted <> 0"


def find_go():
    return shutil.which("go") or next(iter(sorted(glob.glob("/usr/lib/go-*/bin/go"), reverse=True)), None)


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    """A protobuf message as (number, value) pairs: whole numbers and bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 2:
            length, at = varint(data, at)
            value = data[at:at + length]
            if len(value) != length:
                raise ValueError("the message is cut off")
            at += length
        else:
            raise ValueError(f"wire type {kind} is not expected")
        yield number, value


def only(data, number, default=None):
    return next((v for n, v in fields(data) if n == number), default)


class Exported(unittest.TestCase):
    FORMAT, FILE = None, None

    @classmethod
    def setUpClass(cls):
        cls.base = tempfile.mkdtemp(prefix="guestscope-export-")
        cls.addClassCleanup(shutil.rmtree, cls.base, ignore_errors=True)
        make_store.make(SCHEMA, cls.base, seed=9)
        db = sqlite3.connect(os.path.join(cls.base, "experiment.db"))
        for run, start, end, cores in db.execute("SELECT id, start_ns, end_ns, cores FROM run WHERE status = 'ok'").fetchall():
            step = (end - start) // 20
            db.executemany("INSERT INTO row (run, task, lane, start_ns, end_ns) VALUES (?, ?, ?, ?, ?)",
                           [(run, i, i % cores, start + i * step, start + (i + 1) * step - 7) for i in range(20)])
        db.execute("UPDATE frame SET file = 'src/mandelbrot.c', line = 77 WHERE symbol = 'mandelbrot_row'")
        cls.samples = {run: make_timeline.fill_samples(db, run, run) for run, in db.execute(
            f"SELECT id FROM run r WHERE {GOOD} AND guest IN ('native', 'osv') AND repetition = 0").fetchall()}
        db.commit()
        db.close()
        result = subprocess.run([REPORT, "export", "--format", cls.FORMAT, cls.base], capture_output=True, text=True,
                                timeout=300, check=False)
        if result.returncode != 0:
            raise AssertionError(result.stderr)
        cls.files = result.stdout.split()
        cls.db = sqlite3.connect(os.path.join(cls.base, "experiment.db"))
        cls.addClassCleanup(cls.db.close)

    def rows(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    def read(self, name=None):
        with open(os.path.join(self.base, "report", name or self.FILE), "rb") as f:
            return f.read()


class Pprof(Exported):
    FORMAT, FILE = "pprof", "profile.pb.gz"
    COLUMNS = ("samples", "cpu", "intervals", "off-cpu", "exits", "exit-time")

    def expected(self, *keys):
        sums = Counter()
        columns = {"guest": "r.guest", "cores": "r.cores", "run": "r.id", "phase": "s.phase", "lane": "s.lane",
                   "thread": "s.thread", "leaf": "f.symbol", "side": "f.side"}
        for *key, kind, weight, count in self.rows(
                f"SELECT {', '.join(columns[k] for k in keys)}, kind, sum(weight_ns), sum(count) FROM sample s"
                f" JOIN run r ON r.id = s.run LEFT JOIN stack k ON k.id = s.stack LEFT JOIN frame f ON f.id = k.frame"
                f" WHERE {GOOD} AND weight_ns > 0 GROUP BY {', '.join(columns[k] for k in keys)}, kind"):
            which = 0 if kind == "oncpu" else 2
            sums[tuple(map(str, key)), self.COLUMNS[which]] += count
            sums[tuple(map(str, key)), self.COLUMNS[which + 1]] += weight
        return sums

    def by_go(self, *arguments):
        go = find_go()
        if not go:
            self.skipTest("no go here: apt install golang-go")
        environment = dict(os.environ, HOME=self.base, PPROF_TMPDIR=self.base, GOTOOLCHAIN="local", GOFLAGS="-mod=mod")
        result = subprocess.run([go, "tool", "pprof", *arguments, os.path.join(self.base, "report", self.FILE)], text=True,
                                capture_output=True, env=environment, timeout=120, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_go_reads_every_sample_with_its_labels(self):
        raw = self.by_go("-raw")
        self.assertRegex(raw, r"samples/count cpu/nanoseconds\[dflt\] intervals/count off-cpu/nanoseconds exits/count exit-time/nanoseconds")
        keys = ("guest", "cores", "run", "phase", "lane", "thread")
        sums, values = Counter(), None
        for line in raw.split("\nLocations\n")[0].splitlines():
            numbers = re.match(r"\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+): [\d ]+$", line)
            labels = dict(re.findall(r"(\S+):\[([^]]*)\]", line))
            if numbers:
                values = list(map(int, numbers.groups()))
            elif values and "guest" in labels:
                for column, value in zip(self.COLUMNS, values):
                    if value:
                        sums[tuple(labels.get(k, "-1") for k in keys), column] += value
                values = None
        self.assertEqual(sums, self.expected(*keys))

    def test_go_says_which_functions_take_the_time(self):
        for column in ("cpu", "off-cpu"):
            top = self.by_go("-top", "-unit=ns", f"-sample_index={column}", "-nodecount=10000", "-nodefraction=0",
                             "-edgefraction=0", "-functions")
            found = Counter()
            for line in top.splitlines():
                row = re.match(r"\s*(\d+)(?:ns)?\s+[\d.]+%\s+[\d.]+%\s+\d+(?:ns)?\s+[\d.]+%\s+(\w+)(?: \(inline\))?$", line)
                if row and int(row[1]) > 0:
                    found[row[2]] += int(row[1])
            plain = {k[0]: v for (k, c), v in self.expected("leaf").items() if c == column and re.fullmatch(r"\w+", k[0])
                     and k[0] != "None"}
            self.assertGreater(len(plain), 3 if column == "cpu" else 0)
            self.assertEqual({k: v for k, v in found.items() if k in plain}, plain)

    def test_go_knows_what_is_inlined(self):
        raw = self.by_go("-raw", "-sample_index=cpu")
        self.assertRegex(raw, r"\d+: 0x0 M=\d+ escaped [^\n]*\n\s+advance [^\n]*\n\s+mandelbrot_row src/mandelbrot\.c:77")
        self.assertRegex(self.by_go("-top", "-nodecount=10000", "-nodefraction=0"), r"escaped \(inline\)")

    def test_go_finds_the_source(self):
        self.assertRegex(self.by_go("-raw"), r"mandelbrot_row src/mandelbrot\.c:77")

    def test_the_plain_format_agrees(self):
        data = gzip.decompress(self.read())
        texts = [v.decode() for n, v in fields(data) if n == 6]
        self.assertEqual(texts[0], "")
        functions = {only(v, 1): texts[only(v, 2)] for n, v in fields(data) if n == 5}
        leaf = {only(v, 1): functions[only(only(v, 4), 1)] for n, v in fields(data) if n == 4}
        sums = Counter()
        for number, sample in fields(data):
            if number != 2:
                continue
            locations, values = [], []
            for n, v in fields(sample):
                if n in (1, 2):
                    at = 0
                    while at < len(v):
                        one, at = varint(v, at)
                        (locations if n == 1 else values).append(one)
            labels = {texts[only(v, 1)]: texts[only(v, 2)] for n, v in fields(sample) if n == 3}
            self.assertEqual(len(values), len(self.COLUMNS))
            for column, value in zip(self.COLUMNS, values):
                if value:
                    sums[(labels["guest"], leaf[locations[0]]), column] += value
        expected = Counter()
        for ((guest, name), column), value in self.expected("guest", "leaf").items():
            clean = re.sub(r"[\x00-\x1f\u202e]", "\ufffd", "[unknown]" if name == "None" else name)
            expected[(guest, clean), column] += value
        self.assertEqual(sums, expected)

    def test_equal_stores_make_equal_bytes(self):
        before = self.read()
        subprocess.run([REPORT, "export", "--format", "pprof", self.base], check=True, capture_output=True, timeout=300)
        self.assertEqual(self.read(), before)


class Speedscope(Exported):
    FORMAT, FILE = "speedscope", "profile.speedscope.json"

    def test_every_cell_and_kind_is_a_profile_with_the_time_of_the_store(self):
        document = json.loads(self.read())
        frames = document["shared"]["frames"]
        found = {}
        for p in document["profiles"]:
            self.assertEqual((p["type"], p["unit"], p["startValue"], p["endValue"]),
                             ("sampled", "nanoseconds", 0, sum(p["weights"])))
            self.assertEqual(len(p["samples"]), len(p["weights"]))
            self.assertTrue(all(0 <= i < len(frames) for s in p["samples"] for i in s))
            found[p["name"]] = p["endValue"]
        expected = Counter()
        titles = {("oncpu", 0): "On-CPU", ("offcpu", 0): "Off-CPU", ("oncpu", 1): "On-CPU during boot",
                  ("offcpu", 1): "Off-CPU during boot"}
        for guest, cores, kind, boot, total in self.rows(
                f"SELECT guest, cores, kind, phase = 'boot', sum(weight_ns) FROM sample s JOIN run r ON r.id = s.run WHERE {GOOD}"
                " GROUP BY guest, cores, kind, phase = 'boot'"):
            expected[f"{guest}, {cores} core{'s' if cores > 1 else ''}: {titles[kind, boot]}"] += total
        self.assertEqual(found, dict(expected))

    def test_stacks_are_those_of_the_folded_files(self):
        document = json.loads(self.read())
        names = [f["name"] for f in document["shared"]["frames"]]
        subprocess.run([REPORT, "export", "--format", "folded", self.base], check=True, capture_output=True, timeout=300)
        folded = self.read("flamegraph-osv-2.folded").decode().splitlines()
        profile = next(p for p in document["profiles"] if p["name"] == "osv, 2 cores: On-CPU")
        self.assertTrue(any(";mandelbrot_row;advance_[i];escaped_[i] " in line for line in folded))
        folded = [line.replace("_[i]", "") for line in folded]
        self.assertEqual(Counter(folded), Counter(";".join(names[i].replace(";", ":") for i in s) + f" {w}"
                                                  for s, w in zip(profile["samples"], profile["weights"])))


class Perfetto(Exported):
    FORMAT, FILE = "perfetto", "trace.perfetto-trace"

    def setUp(self):
        self.tracks, self.slices, self.counters, self.instants, open_slices = {}, [], Counter(), [], {}
        for number, packet in fields(self.read()):
            self.assertEqual(number, 1)
            track, event = only(packet, 60), only(packet, 11)
            if track is not None:
                process, thread = only(track, 3), only(track, 4)
                self.tracks[only(track, 1)] = {
                    "name": (only(track, 2) or only(process or b"", 6) or only(thread or b"", 5)).decode(),
                    "pid": only(process or thread or b"", 1), "parent": only(track, 5), "counter": only(track, 8)}
                continue
            at, kind, uuid = only(packet, 8), only(event, 9), only(event, 11)
            if kind == 3:
                note = only(event, 4)
                self.instants.append((uuid, at, only(event, 23).decode(), only(note, 6).decode()))
            elif kind == 1:
                open_slices.setdefault(uuid, []).append((only(event, 23).decode(), at))
            elif kind == 2:
                name, start = open_slices[uuid].pop()
                self.slices.append((uuid, name, start, at))
            else:
                self.counters[uuid, at] = only(event, 30)
        self.assertFalse([s for s in open_slices.values() if s])

    def process(self, uuid):
        track = self.tracks[uuid]
        return track["pid"] if track["pid"] is not None else self.tracks[track["parent"]]["pid"]

    def test_runs_are_processes_and_lanes_their_threads(self):
        runs = {t["pid"]: t["name"] for t in self.tracks.values() if t["pid"] is not None and "run" in t["name"]}
        self.assertEqual(set(runs), {r for r, in self.rows("SELECT id FROM run")})
        for run, guest, cores, status in self.rows("SELECT id, guest, cores, status FROM run"):
            self.assertTrue(runs[run].startswith(f"{guest}, {cores} core"), runs[run])
            self.assertEqual("failed" in runs[run], status != "ok")
            lanes = sorted(t["name"] for t in self.tracks.values() if t["pid"] == run and t["name"] != runs[run])
            self.assertEqual(lanes, [f"lane {i}" for i in range(cores)])

    def test_phases_and_rows_are_slices_where_they_were(self):
        found = sorted((self.process(u), n, a, b) for u, n, a, b in self.slices if self.tracks[u]["name"] == "phases")
        self.assertEqual(found, sorted(self.rows("SELECT run, name, start_ns, end_ns FROM phase")))
        found = sorted((self.process(u), self.tracks[u]["name"], n, a, b) for u, n, a, b in self.slices if n.startswith("row "))
        self.assertEqual(found, sorted(self.rows("SELECT run, 'lane ' || lane, 'row ' || task, start_ns, end_ns FROM row")))

    def test_steps_of_the_boot_are_slices(self):
        found = sorted((self.process(u), n, a, b) for u, n, a, b in self.slices if self.tracks[u]["name"] == "boot")
        self.assertEqual(found, sorted(self.rows("SELECT run, name, start_ns, end_ns FROM boot_step")))

    def test_each_interval_of_the_timeline_is_a_slice_where_it_was(self):
        found = sorted((self.process(u), self.tracks[u]["name"], a, b, n) for u, n, a, b in self.slices
                       if self.tracks[u]["name"].endswith(" states"))
        expected = []
        for run, lane, begin, end in self.rows("SELECT run, lane, begin_ns, end_ns FROM timeline"):
            at = begin
            for name, ns in (("oncpu", 1000), ("irq", 300), ("oncpu", 5), ("merged", 70_020), ("lost", 9), ("blocked", end - begin - 71_334)):
                expected.append((run, f"lane {lane} states", at, at + ns, name))
                at += ns
        self.assertEqual(found, sorted(expected))

    def test_each_sample_on_a_cpu_is_an_instant_with_its_stack(self):
        expected = []
        for run, samples in self.samples.items():
            leaves = dict(self.rows("SELECT number, coalesce(symbol, '[unknown]') FROM sample s LEFT JOIN stack k ON k.id = s.stack"
                                    " LEFT JOIN frame f ON f.id = k.frame WHERE s.run = ? AND kind = 'oncpu'", run))
            expected += [(run, lane, t, number in leaves) for t, lane, number in samples if number in leaves]
        found = [(self.process(u), -1 if "helpers" in self.tracks[u]["name"] else int(self.tracks[u]["name"].split()[1]), at, True)
                 for u, at, _, _ in self.instants]
        self.assertEqual(sorted(found), sorted(expected))
        for _, _, name, stack in self.instants[::997]:
            self.assertTrue(stack.endswith(name), (name, stack))

    def test_the_books_are_counters_that_equal_the_accounts(self):
        expected = {(r, f"lane {lane} {state}", at): ns for r, lane, state, at, ns in self.rows(
            "SELECT a.run, lane, state, start_ns, sum(ns) FROM account a JOIN phase p ON p.run = a.run AND p.name = a.phase"
            " WHERE lane >= 0 GROUP BY a.run, lane, state, phase")}
        found = {(self.process(u), self.tracks[u]["name"], at): v for (u, at), v in self.counters.items()}
        self.assertEqual({k: v for k, v in found.items() if v}, {k: v for k, v in expected.items() if v})
        self.assertTrue(all(self.tracks[u]["counter"] == b"\x18\x01" for u, _ in self.counters))


class OverTime(Exported):
    """What the samples of a run are, by the store."""

    def stack_of(self, id_):
        names = []
        while id_ is not None:
            id_, name = self.rows("SELECT parent, symbol FROM stack k JOIN frame f ON f.id = k.frame WHERE k.id = ?", id_)[0]
            names.append(re.sub(r"[\x00-\x1f\x7f\u202e]", "\ufffd", name))
        return names or ["[unknown]"]

    def expected(self, run):
        """[(time_ns, lane, frames from the innermost, ns)] of samples on a CPU, in order."""
        rows = {n: (self.stack_of(stack), ns // count) for n, stack, ns, count in self.rows(
            "SELECT number, stack, weight_ns, count FROM sample WHERE run = ? AND kind = 'oncpu'", run)}
        return sorted((t, lane, *rows[number]) for t, lane, number in self.samples[run] if number in rows)

    def natives(self):
        return [r for r in self.samples if self.rows("SELECT guest FROM run WHERE id = ?", r)[0][0] == "native"]


class PerfScript(OverTime):
    FORMAT, FILE = "perf-script", None
    # As stackcollapse-perf.pl and FlameScope take the lines apart.
    HEAD = re.compile(r"^(\S.+?)\s+(\d+)/*(\d+)*\s+([\d.]+):\s*(\d+)\s+(\S+):\s*$")
    FRAME = re.compile(r"^\s*(\w+)\s*(.+) \((\S*)\)$")

    def test_each_run_with_instants_has_a_file(self):
        self.assertEqual(sorted(map(os.path.basename, self.files)), sorted(f"run-{r}.perf.txt" for r in self.samples))

    def test_every_sample_is_there_in_order_with_its_frames(self):
        for run in self.natives():  # the order of frames of a guest is another
            found = []
            for text in self.read(f"run-{run}.perf.txt").decode().split("\n\n"):
                if not text.strip():
                    continue
                head, *frames = text.strip("\n").split("\n")
                _, pid, tid, at, period, event = self.HEAD.match(head).groups()
                self.assertEqual((int(pid), event), (run, "cpu-clock"))
                seconds, ns = at.split(".")
                found.append((int(seconds) * 10**9 + int(ns), int(tid) - run * 65536 - 1,
                              [self.FRAME.match(f)[2] for f in frames], int(period)))
            self.assertEqual(sorted(found), self.expected(run))
            self.assertEqual([f[0] for f in found], sorted(f[0] for f in found))

    def test_instants_that_lead_nowhere_are_refused_in_a_sentence(self):
        with tempfile.TemporaryDirectory(prefix="guestscope-export-") as folder:
            shutil.copy(os.path.join(self.base, "experiment.db"), folder)
            db = sqlite3.connect(os.path.join(folder, "experiment.db"))
            db.execute("UPDATE sample SET number = 1 << 40 WHERE rowid = (SELECT max(rowid) FROM sample WHERE number NOT NULL AND kind = 'oncpu')")
            db.execute("UPDATE sample_time SET data = x'00ffff7f' WHERE run = ?", (next(iter(self.samples)),))
            db.commit()
            db.close()
            for form in ("perf-script", "firefox", "perfetto"):
                done = subprocess.run([REPORT, "export", "--format", form, folder], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 3)
                self.assertIn("the store is damaged", done.stderr)

    def test_a_store_without_instants_is_refused_in_a_sentence(self):
        with tempfile.TemporaryDirectory(prefix="guestscope-export-") as folder:
            make_store.make(SCHEMA, folder, small=True)
            db = sqlite3.connect(os.path.join(folder, "experiment.db"))
            db.execute("DROP TABLE sample_time")
            db.commit()
            db.close()
            for form in ("perf-script", "firefox"):
                done = subprocess.run([REPORT, "export", "--format", form, folder], capture_output=True, text=True, check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("instants of samples", done.stderr)


class Firefox(OverTime):
    """By the published format, version 46."""
    FORMAT, FILE = "firefox", "profile.firefox.json"

    def setUp(self):
        self.profile = json.loads(self.read())

    def test_columns_are_as_long_as_their_tables_and_lead_somewhere(self):
        meta = self.profile["meta"]
        self.assertEqual(meta["preprocessedProfileVersion"], 46)
        for thread in self.profile["threads"]:
            for name in ("frameTable", "funcTable", "stackTable", "samples", "markers", "resourceTable", "nativeSymbols"):
                for column in thread[name].values():
                    if isinstance(column, list):
                        self.assertEqual(len(column), thread[name]["length"], name)
            strings = len(thread["stringArray"])
            self.assertLess(max(thread["funcTable"]["name"] + thread["funcTable"]["fileName"] + thread["markers"]["name"]), strings)
            self.assertLess(max(thread["frameTable"]["func"]), thread["funcTable"]["length"])
            self.assertLess(max(thread["frameTable"]["category"]), len(meta["categories"]))
            self.assertTrue(all(p is None or p < i for i, p in enumerate(thread["stackTable"]["prefix"])))
            self.assertEqual(thread["samples"]["time"], sorted(thread["samples"]["time"]))

    def test_every_sample_is_there_with_its_stack(self):
        zero, = self.rows("SELECT min(start_ns) FROM run WHERE status = 'ok'")[0]
        for run in self.natives():
            found = []
            for thread in self.profile["threads"]:
                if thread["pid"] != run:
                    continue
                lane = int(thread["name"].split()[1])
                for stack, at, weight in zip(*(thread["samples"][k] for k in ("stack", "time", "weight"))):
                    frames = []
                    while stack is not None:
                        func = thread["frameTable"]["func"][thread["stackTable"]["frame"][stack]]
                        frames.append(thread["stringArray"][thread["funcTable"]["name"][func]])
                        stack = thread["stackTable"]["prefix"][stack]
                    self.assertEqual(frames.pop(), f"worker/{lane}")
                    found.append((round(at * 1e6) + zero, lane, frames, round(weight * 1e6)))
            self.assertEqual(sorted(found), [e for e in self.expected(run) if e[1] >= 0])

    def test_phases_are_markers(self):
        zero, = self.rows("SELECT min(start_ns) FROM run WHERE status = 'ok'")[0]
        for thread in self.profile["threads"]:
            m = thread["markers"]
            found = [(thread["stringArray"][n], round(a * 1e6) + zero, round(b * 1e6) + zero)
                     for n, a, b in zip(m["name"], m["startTime"], m["endTime"])]
            self.assertEqual(found, self.rows("SELECT name, start_ns, end_ns FROM phase WHERE run = ? ORDER BY start_ns", thread["pid"]))


class Tables(Exported):
    FORMAT, FILE = "csv", "accounts.csv"

    def table(self, name):
        return list(csv.reader(self.read(name).decode().splitlines()))

    def same(self, name, sql):
        heading, *found = self.table(name)
        self.assertEqual(heading[:6], ["run", "guest", "cores", "variant", "label", "repetition"])
        expected = [["" if v is None else re.sub(r"[\x00-\x1f\u202e]", "\ufffd", str(v)) for v in row] for row in self.rows(sql)]
        self.assertEqual(len(found), len(expected))
        self.assertEqual(found, expected)

    def test_every_account_phase_audit_counter_and_row_is_there(self):
        run = "SELECT r.id, guest, cores, variant, label, repetition,"
        self.same("accounts.csv", f"{run} phase, lane, state, detail, ns, exact, samples, count, taken_by FROM account a JOIN run r"
                  " ON r.id = a.run ORDER BY r.id, a.rowid")
        self.same("phases.csv", f"{run} name, p.start_ns, p.end_ns, p.end_ns - p.start_ns FROM phase p JOIN run r ON r.id = p.run"
                  " ORDER BY r.id, p.start_ns")
        self.same("audits.csv", f"{run} phase, lane, what, books_ns, other_ns, bound_ns FROM audit a JOIN run r ON r.id = a.run"
                  " ORDER BY r.id, a.rowid")
        self.same("counters.csv", f"{run} lane, name, value, enabled_ns, running_ns FROM counter c JOIN run r ON r.id = c.run"
                  " ORDER BY r.id, c.rowid")
        self.same("rows.csv", f"{run} task, lane, t.start_ns, t.end_ns FROM row t JOIN run r ON r.id = t.run"
                  " ORDER BY r.id, t.rowid")
        self.same("guest_tasks.csv", f"{run} phase, instant, t.id, process, name, state, cpu, cpu_ns, switches, preemptions,"
                  " migrations, torn FROM guest_task t JOIN run r ON r.id = t.run ORDER BY r.id, t.rowid")
        self.same("guest_cpus.csv", f"{run} phase, instant, cpu, queued, thread, idle, switches, torn, taken_ns, read_ns"
                  " FROM guest_cpu t JOIN run r ON r.id = t.run ORDER BY r.id, t.rowid")
        self.same("guest_timers.csv", f"{run} phase, instant, address, state, due_ns, list_cpu, links_cpu, expired, owner_kind, owner,"
                  " owner_name, owner_cpu, owned, fault, torn FROM guest_timer t JOIN run r ON r.id = t.run ORDER BY r.id, t.rowid")
        self.same("guest_timer_cpus.csv", f"{run} phase, instant, cpu, timers, t.counted, misfiled, clock_ns, next_ns, torn, trouble"
                  " FROM guest_timer_cpu t JOIN run r ON r.id = t.run ORDER BY r.id, t.rowid")
        self.same("guest_books.csv", f"{run} phase, t.id, process, cpu, name, idle, running_ns, queued_ns, waiting_ns, absent_ns, unknown_ns, over_ns,"
                  " within_ns, exact, readings, queued_readings, switches, preemptions, migrations FROM guest_book t JOIN run r ON r.id = t.run"
                  " ORDER BY r.id, t.rowid")
        self.same("guest_queues.csv", f"{run} phase, lane, begin_ns, slice_ns, ticks, queued, most, lost_ticks, lost_ns, lost_blocked_ns"
                  " FROM guest_queue t JOIN run r ON r.id = t.run ORDER BY r.id, t.rowid")
        self.same("guest_stuck.csv", f"{run} phase, lane, ns, count FROM guest_stuck t JOIN run r ON r.id = t.run"
                  " ORDER BY r.id, t.rowid")

    def test_each_interval_of_the_timeline_has_its_line(self):
        heading, *found = self.table("timeline.csv")
        self.assertEqual(",".join(heading), "run,phase,lane,begin_ns,end_ns,ns,state,detail,taken_by,cpu,merged")
        expected = []
        for run, phase, lane, begin, end in self.rows(
                "SELECT run, phase, lane, begin_ns, end_ns FROM timeline ORDER BY run, lane, begin_ns"):
            for start, length, ns, state, detail, cpu, merged in (
                    (0, 1000, 1000, "oncpu", "", 3, 0), (1000, 300, 300, "irq", 'timer, "local"', 3, 0),
                    (1300, 5, 5, "oncpu", "", 200, 0), (1305, 70_020, 70_000, "oncpu", "", "", 1000),
                    (1305, 70_020, 20, "irq", 'timer, "local"', "", 1000), (71_325, 9, 9, "lost", "", "", 0),
                    (71_334, end - begin - 71_334, end - begin - 71_334, "blocked", "futex", 200, 0)):
                expected.append([str(v) for v in (run, phase, lane, begin + start, begin + start + length, ns, state, detail, "",
                                                  cpu, merged)])
        self.assertGreater(len(expected), 100)
        self.assertEqual(found, expected)

    def test_a_damaged_timeline_is_refused_in_a_sentence(self):
        for damage in ("data = x'80'", "data = x'0405'", "end_ns = end_ns + 1", "data = x'fcffffffffffffffff01'"):
            with tempfile.TemporaryDirectory(prefix="guestscope-export-") as folder:
                shutil.copy(os.path.join(self.base, "experiment.db"), folder)
                db = sqlite3.connect(os.path.join(folder, "experiment.db"))
                db.execute(f"UPDATE timeline SET {damage} WHERE rowid = 7")
                db.commit()
                db.close()
                done = subprocess.run([REPORT, "export", "--format", "csv", folder], capture_output=True, text=True, check=False)
                self.assertNotEqual(done.returncode, 0, damage)
                self.assertRegex(done.stderr, r"the timeline of lane \d+ in run \d+ is damaged")
                self.assertFalse(os.path.exists(os.path.join(folder, "report", "timeline.csv")))

    def test_cells_and_runs_are_those_of_the_report(self):
        both = {n: self.read(n) for n in ("summary.csv", "runs.csv", "boot.csv")}
        subprocess.run([REPORT, self.base], check=True, capture_output=True, timeout=300)
        for name, data in both.items():
            self.assertEqual(self.read(name), data)


class Document(Exported):
    FORMAT, FILE = "json", "summary.json"

    def test_it_is_the_summary(self):
        printed = subprocess.run([REPORT, "--json", self.base], check=True, capture_output=True, timeout=300).stdout
        self.assertEqual(json.loads(self.read()), json.loads(printed))


if __name__ == "__main__":
    del Exported, OverTime
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
