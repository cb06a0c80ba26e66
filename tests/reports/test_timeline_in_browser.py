#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The page's timeline in a real browser: test_timeline_in_browser.py REPORT SCHEMA PICTURES.

What is drawn and read out is held against the intervals that were put into the store. --measure N prints how long frames
of N intervals take."""
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import browser  # noqa: E402
import make_store  # noqa: E402
import make_timeline  # noqa: E402

REPORT, SCHEMA, PICTURES = sys.argv[1:4]
INTERVALS = 40_000
MANY = 1_000_000

# The pixels of a lane as states: [[state of each row, from above], ...] for each column; hatched ones are -1.
PIXELS = """((panel, lane) => {
    const v = guestscopeTime.view, p = v.panels[panel], c = v.canvas.getContext('2d');
    const image = c.getImageData(guestscopeTime.draw.GUTTER, p.lanesTop + lane * p.pitch, v.plot, p.laneHeight);
    const color = s => [1, 3, 5].map(i => parseInt(s[1].slice(i, i + 2), 16)).join();
    const names = Object.fromEntries(v.states.slice(1).map(s => [color(s), s[0]]));
    return Array.from({length: image.width}, (_, x) => Array.from({length: image.height}, (_, y) => {
        const at = 4 * (y * image.width + x);
        return names[[...image.data.slice(at, at + 3)].join()] || '';
    }));
})"""
FRAME = "new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))"
FACTS = "Object.fromEntries([...document.querySelectorAll('.time-detail dt')].map(e => [e.textContent, e.nextSibling.textContent]))"
VIEW = "[guestscopeTime.view.from, guestscopeTime.view.to]"


def store_with(folder, intervals):
    """A store whose run with so many intervals is shown; its id and the intervals."""
    make_store.make(SCHEMA, folder, small=True)
    db = sqlite3.connect(os.path.join(folder, "experiment.db"))
    run, = db.execute("SELECT id FROM run WHERE guest = 'native' AND cores = 2 ORDER BY runtime_ns LIMIT 1 OFFSET 1").fetchone()
    start, = db.execute("SELECT start_ns FROM run WHERE id = ?", (run,)).fetchone()
    lanes = make_timeline.fill(db, run, intervals, 3)
    samples = make_timeline.fill_samples(db, run, 4)
    db.commit()
    db.close()
    subprocess.run([REPORT, folder], check=True, stdout=subprocess.DEVNULL, timeout=300)
    return run, {lane: [(begin - start, *rest) for begin, *rest in items] for lane, items in lanes.items()}, \
        [(t - start, *rest) for t, *rest in samples]


class Timeline(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="guestscope-timeline-")
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        cls.run_id, cls.lanes, cls.samples = store_with(cls.dir, INTERVALS)
        cls.browser = browser.Browser()
        cls.browser.__enter__()
        cls.addClassCleanup(cls.browser.__exit__)

    def setUp(self):
        self.browser.open(os.path.join(self.dir, "report", "index.html"))
        self.panel = self.browser.evaluate(f"guestscopeTime.panels.findIndex(p => p.entry.run === {self.run_id})")
        self.browser.evaluate("document.getElementById('time-view').scrollIntoView(); " + FRAME)

    def tearDown(self):
        self.assertEqual(self.browser.problems(), [])

    def look(self, begin, end):
        """Times since the run's begin."""
        return self.browser.evaluate(f"(o => {{ guestscopeTime.look({begin} - o, {end} - o); return {FRAME}; }})"
                                     f"(guestscopeTime.panels[{self.panel}].origin).then(() => {VIEW}.map(t => t + "
                                     f"guestscopeTime.panels[{self.panel}].origin))")

    def place(self, lane, t):
        """Where an instant of a lane is on the screen."""
        return self.browser.evaluate(
            f"(() => {{ const v = guestscopeTime.view, p = v.panels[{self.panel}], r = v.canvas.getBoundingClientRect();"
            f" return [r.x + v.x({t} - p.origin), r.y + p.lanesTop + {lane} * p.pitch + p.laneHeight / 2]; }})()")

    def mouse(self, kind, x, y, **more):
        self.browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x, y):
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)
        self.browser.evaluate(FRAME)

    def expected(self, lane, at):
        begin, kind, cpu, ns = self.lanes[lane][at]
        state, detail, taken_by = make_timeline.KINDS[kind][:3]
        return begin, ns, state, detail, taken_by, cpu

    def index_of(self, lane, state):
        """The longest interval of that state, which a click can hit."""
        items = self.lanes[lane]
        return max((i for i, item in enumerate(items) if make_timeline.KINDS[item[1]][0] == state), key=lambda i: items[i][3])

    def assert_told(self, lane, at):
        begin, ns, state, detail, taken_by, cpu = self.expected(lane, at)
        told = self.browser.evaluate(FACTS)
        self.assertTrue(told["state"].startswith(state + " ("), told)
        if detail:
            self.assertTrue(told["who ran" if state == "preempted" else "cause"].startswith(detail), told)
        self.assertEqual("another lane of the stack" in told.get("who ran", ""), taken_by == "lane", told)
        self.assertEqual(told["CPU"], str(cpu))
        number, unit = told["duration"].split()
        self.assertAlmostEqual(float(number) * {"s": 1e9, "ms": 1e6, "µs": 1e3, "ns": 1}[unit], ns, delta=ns / 1e4)
        origin = self.browser.evaluate(f"guestscopeTime.panels[{self.panel}].origin")
        number, unit = told["from"].split()
        self.assertAlmostEqual(float(number) * {"s": 1e9, "ms": 1e6, "µs": 1e3, "ns": 1}[unit], begin - origin, delta=max(1, ns / 100))

    def test_a_click_tells_of_the_interval_that_is_there(self):
        for lane in (0, 1):
            for state in ("oncpu", "irq", "preempted", "blocked", "kernel"):
                at = self.index_of(lane, state)
                begin, ns = self.expected(lane, at)[:2]
                self.look(begin - 2 * ns, begin + 3 * ns)
                self.click(*self.place(lane, begin + ns / 2))
                self.assert_told(lane, at)
        self.browser.screenshot(os.path.join(PICTURES, "timeline-interval.png"), "#timeline")

    def test_every_pixel_shows_the_shares_of_its_states(self):
        from_ns, to_ns = self.look(0, 10**12)
        columns = self.browser.evaluate(f"{PIXELS}({self.panel}, 0)")
        width, height = len(columns), len(columns[0])
        each = (to_ns - from_ns) / width
        seen = 0
        for x in range(5, width, 37):
            begin, end = from_ns + x * each, from_ns + (x + 1) * each
            shares = {}
            for start, kind, _, ns in self.lanes[0]:
                part = min(end, start + ns) - max(begin, start)
                if part > 0:
                    name = make_timeline.KINDS[kind][0]
                    shares[name] = shares.get(name, 0) + part / (end - begin)
            for name, share in shares.items():
                rows = columns[x].count(name)
                if share > 1e-6:  # what was there is seen
                    self.assertGreaterEqual(rows, 1, (x, name, share))
                if sum(shares.values()) > 0.999:
                    self.assertAlmostEqual(rows / height, share, delta=8 / height)
            self.assertLessEqual(set(columns[x]) - {""}, set(shares))
            seen += len(shares) > 2
        self.assertGreater(seen, 3)

    def test_the_wheel_zooms_where_the_pointer_is_and_dragging_moves(self):
        begin, ns = self.expected(0, 5000)[:2]
        self.look(begin - 10**8, begin + 10**8)
        x, y = self.place(0, begin)
        self.click(x, y)
        before = self.browser.evaluate(VIEW)
        self.mouse("mouseWheel", x, y, deltaX=0, deltaY=-600)
        self.browser.evaluate(FRAME)
        after = self.browser.evaluate(VIEW)
        self.assertLess(after[1] - after[0], 0.5 * (before[1] - before[0]))
        self.assertAlmostEqual(self.place(0, begin)[0], x, delta=1)
        self.mouse("mousePressed", x, y, button="left", clickCount=1)
        self.mouse("mouseMoved", x + 100, y, button="left", buttons=1)
        self.mouse("mouseReleased", x + 100, y, button="left", clickCount=1)
        self.browser.evaluate(FRAME)
        self.assertAlmostEqual(self.place(0, begin)[0], x + 100, delta=1)

    def test_the_wheel_scrolls_the_page_until_the_drawing_was_clicked(self):
        before = self.browser.evaluate(VIEW)
        x, y = self.place(0, 10**8)
        self.mouse("mouseWheel", x, y, deltaX=0, deltaY=100)
        self.browser.evaluate("new Promise(r => setTimeout(r, 200))")
        self.assertEqual(self.browser.evaluate(VIEW), before)

    def test_two_fingers_zoom_and_one_moves(self):
        b = self.browser
        begin = self.expected(0, 5000)[0]
        self.look(begin - 10**8, begin + 10**8)
        x, y = self.place(0, begin)

        def touch(kind, *points):
            b.call("Input.dispatchTouchEvent", type=kind,
                   touchPoints=[{"x": px, "y": y, "id": i} for i, px in enumerate(points)])
        b.call("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=2)
        try:
            before = b.evaluate(VIEW)
            touch("touchStart", x - 50)
            touch("touchStart", x - 50, x + 50)
            for i in range(1, 6):
                touch("touchMove", x - 50 - 20 * i, x + 50 + 20 * i)
            touch("touchEnd")
            b.evaluate(FRAME)
            after = b.evaluate(VIEW)
            self.assertAlmostEqual((before[1] - before[0]) / (after[1] - after[0]), 3, delta=0.1)
            self.assertAlmostEqual(self.place(0, begin)[0], x, delta=2)
            touch("touchStart", x)
            for i in range(1, 6):
                touch("touchMove", x + 20 * i)
            touch("touchEnd")
            b.evaluate(FRAME)
            self.assertAlmostEqual(self.place(0, begin)[0], x + 100, delta=2)
        finally:
            b.call("Emulation.setTouchEmulationEnabled", enabled=False)

    def test_keys_do_all_that_the_pointer_does(self):
        b = self.browser
        b.evaluate("document.querySelector('.time-plot').focus()")
        whole = b.evaluate(VIEW)
        for key in "++":
            b.key(key)
        near = b.evaluate(VIEW)
        self.assertAlmostEqual((whole[1] - whole[0]) / (near[1] - near[0]), 4, delta=0.01)
        b.key("ArrowRight")
        self.assertAlmostEqual(b.evaluate(VIEW)[0] - near[0], 0.2 * (near[1] - near[0]), delta=1e3)
        b.key("ArrowLeft")
        b.key("0")
        self.assertEqual(b.evaluate(VIEW), whole)
        at = self.index_of(1, "oncpu")
        begin, ns = self.expected(1, at)[:2]
        self.look(begin - ns, begin + 2 * ns)
        for _ in range(20):
            if b.evaluate(f"guestscopeTime.view.at && guestscopeTime.view.at.panel === guestscopeTime.panels[{self.panel}]"
                          " && guestscopeTime.view.at.lane === 1"):
                break
            b.key("ArrowDown")
        b.key("Enter", 13)
        self.assert_told(1, at)
        b.key(".")
        self.assert_told(1, at + 1)
        b.key(",")
        b.key(",")
        self.assert_told(1, at - 1)
        b.key("Escape")
        self.assertEqual(b.evaluate(FACTS), {})

    def choose(self, panel, select, value):
        self.browser.evaluate(f"(s => {{ s.value = {json.dumps(value)}; s.dispatchEvent(new Event('change')); return {FRAME}; }})"
                              f"(document.querySelectorAll('.time-run-choice')[{panel}].querySelectorAll('select')[{select}])")

    def test_two_runs_of_a_configuration_stand_on_their_first_markers(self):
        b = self.browser
        self.choose(0, 0, "osv, 1 core")
        self.choose(1, 0, "osv, 1 core")
        run = b.evaluate("[...document.querySelectorAll('.time-run-choice')[1].querySelectorAll('select')[1].options]"
                         ".map(o => o.value).find(v => v !== String(guestscopeTime.panels[0].entry.run))")
        self.choose(1, 1, run)
        runs = b.evaluate("guestscopeTime.panels.slice(0, 2).map(p => [p.entry.run, p.entry.stack, p.origin])")
        self.assertNotEqual(runs[0][0], runs[1][0])
        db = sqlite3.connect(os.path.join(self.dir, "experiment.db"))
        for run_id, stack, origin in runs:
            self.assertEqual(stack, "osv")
            self.assertEqual(db.execute("SELECT boot_ns FROM run WHERE id = ?", (run_id,)).fetchone()[0], origin)
        db.close()

    def test_runs_of_stacks_are_aligned_by_a_phase(self):
        b = self.browser
        b.evaluate("(s => { s.value = 'phase encode'; s.dispatchEvent(new Event('change')); })"
                   "([...document.querySelectorAll('#time-view .time-choices select')].pop())")
        db = sqlite3.connect(os.path.join(self.dir, "experiment.db"))
        found = b.evaluate("guestscopeTime.panels.map(p => [p.entry.run, p.origin])")
        self.assertGreater(len(found), 2)
        for run_id, origin in found:
            self.assertEqual(db.execute("SELECT p.start_ns - r.start_ns FROM phase p JOIN run r ON r.id = p.run WHERE r.id = ? AND name = 'encode'",
                                        (run_id,)).fetchone()[0], origin)
        db.close()
        b.screenshot(os.path.join(PICTURES, "timeline-phases.png"), "#timeline")

    def test_the_median_run_of_each_stack_is_shown_first(self):
        self.assertEqual(sorted(self.browser.evaluate("guestscopeTime.panels.map(p => p.entry.stack)")), sorted(make_store.GUESTS))
        self.assertEqual(self.browser.evaluate("guestscopeTime.panels.map(p => p.entry.median)"), [True] * 4)

    def test_what_was_merged_is_hatched_and_said(self):
        """make_store.py has 1000 merged intervals of 70020 ns, from 1305 ns on, in each block."""
        b = self.browser
        self.choose(0, 0, "osv, 1 core")
        text = b.evaluate("guestscopeTime.view.words.textContent")
        self.assertRegex(text, r"Run \d+: 4,000 short intervals were merged .* hatched")
        self.assertIn("nothing is known of 36 ns", text)
        b.evaluate(f"(o => {{ guestscopeTime.look(-o, 100000 - o); return {FRAME}; }})(guestscopeTime.panels[0].origin)")
        columns = b.evaluate(f"{PIXELS}(0, 0)")
        hatched = [x for x, column in enumerate(columns) if "" in column]
        self.assertAlmostEqual(min(hatched) / len(columns), 1305 / 1e5, delta=2 / len(columns))
        self.assertAlmostEqual(max(hatched) / len(columns), 71334 / 1e5, delta=2 / len(columns))
        x, y = b.evaluate("(() => { const v = guestscopeTime.view, p = v.panels[0], r = v.canvas.getBoundingClientRect();"
                          " return [r.x + v.x(30000 - p.origin), r.y + p.lanesTop + 5]; })()")
        self.click(x, y)
        self.assertEqual(b.evaluate(FACTS)["merged"], "1,000 short intervals: oncpu 70 µs, irq 20 ns")
        b.screenshot(os.path.join(PICTURES, "timeline-merged.png"), "#timeline")

    def test_it_is_seen_in_the_dark_and_on_a_narrow_screen(self):
        b = self.browser
        b.prefer("dark")
        try:
            b.evaluate(FRAME)
            b.screenshot(os.path.join(PICTURES, "timeline-dark.png"), "#timeline")
        finally:
            b.prefer("light")
        b.call("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=2, mobile=True)
        try:
            b.evaluate("new Promise(r => setTimeout(r, 200))")
            self.assertLessEqual(b.evaluate("document.documentElement.scrollWidth"), 390)
            self.assertEqual(b.evaluate("guestscopeTime.view.canvas.width"), 2 * b.evaluate("guestscopeTime.view.width"))
            b.screenshot(os.path.join(PICTURES, "timeline-390.png"), "#timeline")
        finally:
            b.call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)


    def by_function(self, kind, begin, end):
        """How many samples of that kind there are in a span, and {function: in how many of them it is}, by the store."""
        db = sqlite3.connect(os.path.join(self.dir, "experiment.db"))
        stacks = {i: (parent, symbol) for i, parent, symbol in
                  db.execute("SELECT k.id, k.parent, f.symbol FROM stack k JOIN frame f ON f.id = k.frame")}
        rows = dict(db.execute("SELECT number, stack FROM sample WHERE run = ? AND kind = ?", (self.run_id, kind)))
        db.close()
        found, n = {}, 0
        for t, _, number in self.samples:
            if not begin <= t < end or number not in rows:
                continue
            n += 1
            at, names = rows[number], set()
            while at is not None:
                at, name = stacks[at]
                names.add(make_clean(name))
            for name in names or {"[unknown]"}:
                found[name] = found.get(name, 0) + 1
        return n, found

    def test_an_interval_tells_of_its_samples(self):
        b, lane = self.browser, 0
        begin, ns = max(((i[0], i[3]) for i in self.lanes[lane]), key=lambda i: i[1])
        inside = [s for s in self.samples if s[1] == lane and begin <= s[0] < begin + ns]
        self.look(begin - ns, begin + 2 * ns)
        self.click(*self.place(lane, begin + ns / 2))
        told = b.evaluate("[...document.querySelectorAll('.time-detail dt')].map(e => e.textContent)")
        counted = sum(int(re.match(r"\d+", t)[0]) for t in told if re.match(r"\d+ (samples?|stacks?) ?", t))
        self.assertEqual(min(counted, 3), min(len(inside), 3))

    def heat(self, kind=None):
        self.browser.evaluate(f"guestscopeTime.heat.show(guestscopeTime.store.entry({self.run_id}))")
        if kind:
            self.browser.evaluate("(s => { s.value = '1'; s.dispatchEvent(new Event('change')); })"
                                  "(document.querySelectorAll('#heat-view select')[2])")

    def test_a_part_of_the_heat_map_becomes_its_flame_graph(self):
        b = self.browser
        for kind in ("oncpu", "offcpu"):
            self.heat(kind == "offcpu")
            x, y, w, h, columns, rows = b.evaluate(
                "(() => { document.getElementById('heat').scrollIntoView(); const r = document.querySelector('.heat-plot canvas').getBoundingClientRect(),"
                " s = guestscopeTime.heat.size(), c = guestscopeTime.heat.cells(); return [r.x + 64, r.y + 18, s.w, s.h, c.columns, c.rows]; })()")
            first, last = (columns // 3, 2), (columns // 2, rows - 4)
            self.mouse("mousePressed", x + (first[0] + 0.5) * w, y + 300 - (first[1] + 0.5) * h, button="left", clickCount=1)
            self.mouse("mouseMoved", x + (last[0] + 0.5) * w, y + 300 - (last[1] + 0.5) * h, button="left", buttons=1)
            self.mouse("mouseReleased", x + (last[0] + 0.5) * w, y + 300 - (last[1] + 0.5) * h, button="left", clickCount=1)
            b.evaluate("new Promise(r => setTimeout(r, 400))")
            begin, end = (b.evaluate(f"guestscopeTime.heat.timeOf({at[0] * rows + at[1] + more})") for at, more in ((first, 0), (last, 1)))
            whole, expected = self.by_function(kind, begin, end)
            self.assertGreater(whole, 5)
            reading = b.evaluate("document.querySelector('.heat-reading').textContent")
            self.assertIn(f"{whole:,} {'samples' if kind == 'oncpu' else 'intervals'}", reading)
            titles = b.evaluate("[...document.querySelectorAll('.heat-flame .frames g title')].map(e => e.textContent)")
            self.assertTrue(titles[0].startswith("all\n"))
            found = {}
            for title in titles[1:]:
                if "\nthread\n" in title:
                    continue
                n = int(re.search(r"([\d,]+) (samples|intervals)$", title)[1].replace(",", ""))
                found[title.split("\n")[0]] = found.get(title.split("\n")[0], 0) + n
            self.assertEqual(found, expected)
            b.screenshot(os.path.join(PICTURES, f"heat-{kind}.png"), "#heat")

    def test_the_graph_of_a_part_can_be_zoomed_and_its_span_is_found_in_the_timeline(self):
        b = self.browser
        self.heat()
        b.evaluate("document.querySelector('.heat-plot').focus()")
        b.key("ArrowRight")
        for _ in range(6):
            b.key("ArrowRight")
        b.call("Input.dispatchKeyEvent", type="keyDown", key="ArrowRight", code="ArrowRight", windowsVirtualKeyCode=39, modifiers=8)
        b.evaluate("new Promise(r => setTimeout(r, 400))")
        svg = "document.querySelector('.heat-flame svg')"
        self.assertTrue(b.evaluate(f"{svg}.hasAttribute('data-ready')"))
        b.click(f"[...{svg}.querySelectorAll('.frames g')].find(g => g.querySelector('title').textContent.startsWith('task_run\\n'))")
        self.assertEqual(b.evaluate(f"{svg}.dataset.zoom"), "task_run")
        b.click("document.querySelector('.heat-reading button')")
        b.evaluate(FRAME)
        words = b.evaluate("document.querySelector('.heat-reading').textContent")
        begin, end = (float(n) * {"s": 1e9, "ms": 1e6}[u] for n, u in re.findall(r"([\d.]+) (m?s)", words)[:2])
        view = b.evaluate(VIEW)
        self.assertAlmostEqual(view[0], begin, delta=1e6)
        self.assertAlmostEqual(view[1], end, delta=1e6)


def make_clean(name):
    """As the reader of stores makes names fit for a page."""
    return re.sub("[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]", "\ufffd", name)


class Large(unittest.TestCase):
    """What finds no room in the page is in a file, which the page opens when it is asked to."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="guestscope-timeline-")
        self.addCleanup(shutil.rmtree, self.dir)

    def test_a_file_is_opened_on_demand_and_missed_in_a_sentence(self):
        run_id, lanes, _ = store_with(self.dir, 300_000)
        page = os.path.join(self.dir, "report", "index.html")
        self.assertLess(os.path.getsize(page), 5e6)
        panel = f"guestscopeTime.panels.find(p => p.entry.run === {run_id})"
        button = "[...document.querySelectorAll('.time-run-choice button')].find(e => /^Open timeline\\/run-/.test(e.textContent))"
        with browser.Browser() as b:
            b.open(page)
            self.assertFalse(b.evaluate(f"Boolean({panel}.data)"))
            self.assertEqual(b.problems(), [])
            b.click(button)
            end = time.monotonic() + 30
            while not b.evaluate(f"Boolean({panel}.data)"):
                self.assertLess(time.monotonic(), end)
            self.assertEqual(b.evaluate(f"{panel}.data.lanes.map(l => l.n)"), [len(lanes[0]), len(lanes[1])])
            last = lanes[1][-1]
            self.assertEqual(b.evaluate(f"(l => [l.begin[l.n - 1], l.begin[l.n]])({panel}.data.lanes[1])"), [last[0], last[0] + last[3]])
            b.evaluate(FRAME)
            b.screenshot(os.path.join(PICTURES, "timeline-large.png"), "#timeline")
            shutil.rmtree(os.path.join(self.dir, "report", "timeline"))
            b.open(page)
            b.click(button)
            end = time.monotonic() + 30
            while not re.search("is not beside this page", b.evaluate(f"{panel}.title")):
                self.assertLess(time.monotonic(), end)


    def test_a_script_that_a_name_would_smuggle_in_is_refused(self):
        store_with(self.dir, 1000)
        page = os.path.join(self.dir, "report", "index.html")
        with open(page, encoding="utf-8") as f:
            text = f.read()
        with open(os.path.join(self.dir, "report", "own.js"), "w", encoding="ascii") as f:
            f.write("document.title = 'owned';")
        with open(page, "w", encoding="utf-8") as f:
            f.write(text.replace("</main>", "<script src=\"./own.js\"></script><script>document.title = 'owned'</script></main>"))
        with browser.Browser() as b:
            b.open(page)
            self.assertNotEqual(b.evaluate("document.title"), "owned")
            self.assertEqual(sum("Content Security Policy" in p for p in b.problems()), 2, b.problems())


def measure(intervals):
    """How long a frame takes while the view zooms in and out over all of the time, and how long until it is drawn first."""
    with tempfile.TemporaryDirectory() as folder:
        run_id, _, _ = store_with(folder, intervals)
        panel = f"guestscopeTime.panels.find(p => p.entry.run === {run_id})"
        with browser.Browser() as b:
            b.open(os.path.join(folder, "report", "index.html"))
            opened = b.evaluate(f"""new Promise(done => {{
                const panel = {panel}, begin = performance.now();
                guestscopeTime.panels.splice(0, 99, panel);
                const wait = () => panel.data ? done(performance.now() - begin) : setTimeout(wait, 5);
                const file = [...document.querySelectorAll('.time-run-choice button')].find(e => /^Open/.test(e.textContent));
                if (file) file.click();
                wait();
            }})""")
            times = b.evaluate(f"""(() => {{
                const v = guestscopeTime.view, all = [v.from, v.to], times = [];
                for (let i = 0; i < 200; i++) {{
                    const span = (all[1] - all[0]) * Math.pow(10, -5 * Math.abs(Math.sin(i / 30))), from = all[0] + (all[1] - all[0] - span) * (i / 200);
                    v.from = from; v.to = from + span;
                    const begin = performance.now();
                    v.draw();
                    v.canvas.getContext('2d').getImageData(0, 0, 1, 1);
                    times.push(performance.now() - begin);
                }}
                return times.sort((a, b) => a - b);
            }})()""")
            print(f"{intervals} intervals on 2 lanes, {b.evaluate('guestscopeTime.view.plot')} pixels: read and summed in {opened:.0f} ms;"
                  f" a frame {times[100]:.1f} ms (median), {times[198]:.1f} ms (99th percentile of 200)")


if __name__ == "__main__":
    if not browser.find():
        print("skipped: no chromium here (Debian package: chromium)")
        sys.exit(77)
    os.makedirs(PICTURES, exist_ok=True)
    if sys.argv[4:5] == ["--measure"]:
        measure(int((sys.argv[5:] or [MANY])[0]))
    else:
        unittest.main(argv=[sys.argv[0]] + sys.argv[4:])
