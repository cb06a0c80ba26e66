#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports and differences, looked at in a browser: test_exports_in_browser.py REPORT SCHEMA FOLDER.

speedscope is fetched by npm into FOLDER, once; where there is no npm or no registry its test is skipped.
Pictures go to FOLDER, too.
"""
import base64
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser  # noqa: E402
import make_store  # noqa: E402
import make_timeline  # noqa: E402

REPORT, SCHEMA, FOLDER = sys.argv[1:4]
SPEEDSCOPE = "1.25.0"
FUNCTIONS = ["mandelbrot_row", "smooth_color", "log", "deflate_slow", "queue_steal", "do_futex"]
UNITS = {"s": 1e9, "ms": 1e6, "µs": 1e3, "ns": 1}


def wait_until(b, expression, seconds=30):
    end = time.monotonic() + seconds
    while not b.evaluate(expression):
        if time.monotonic() > end:
            raise AssertionError(f"never: {expression}")
        time.sleep(0.1)


def speedscope():
    """Its page, or None where it cannot be had."""
    page = os.path.join(FOLDER, "package", "dist", "release", "index.html")
    if os.path.exists(page):
        return page
    if not shutil.which("npm"):
        return None
    try:
        done = subprocess.run(["npm", "pack", "--silent", f"speedscope@{SPEEDSCOPE}"], cwd=FOLDER, timeout=60, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0:
        return None
    with tarfile.open(os.path.join(FOLDER, done.stdout.strip())) as archive:
        archive.extractall(FOLDER)
    return page


class InBrowser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.makedirs(FOLDER, exist_ok=True)
        cls.base = tempfile.mkdtemp(prefix="guestscope-browser-test-")
        cls.addClassCleanup(shutil.rmtree, cls.base, ignore_errors=True)
        make_store.make(SCHEMA, cls.base, seed=11)
        db = sqlite3.connect(os.path.join(cls.base, "experiment.db"))
        cls.run_id, = db.execute("SELECT id FROM run WHERE guest = 'native' AND cores = 1 LIMIT 1").fetchone()
        make_timeline.fill_samples(db, cls.run_id, 2)
        db.commit()
        db.close()

    def run_report(self, *arguments):
        subprocess.run([REPORT, *arguments], check=True, capture_output=True, timeout=300)

    def test_speedscope_shows_the_times_of_the_store(self):
        page = speedscope()
        if not page:
            self.skipTest(f"no speedscope here: npm pack speedscope@{SPEEDSCOPE}")
        self.run_report("export", "--format", "speedscope", self.base)
        with open(os.path.join(self.base, "report", "profile.speedscope.json"), "rb") as f:
            data = f.read()
        # how its own command line hands a file to the page
        script = os.path.join(self.base, "profile.js")
        with open(script, "w", encoding="ascii") as f:
            f.write(f"speedscope.loadFileFromBase64('profile.speedscope.json', {json.dumps(base64.b64encode(data).decode())})")
        with browser.Browser(1280, 700) as b:
            b.open(f"{page}#localProfilePath={script}")
            wait_until(b, "document.body.innerText.includes('native, 1 core: On-CPU (1/24)')")
            b.screenshot(os.path.join(FOLDER, "speedscope.png"))
            b.click("[...document.querySelectorAll('div')].find(e => /Sandwich$/.test(e.innerText) && !/Heavy/.test(e.innerText))")
            # the table's rows come after its head
            wait_until(b, f"{json.dumps(FUNCTIONS)}.every(name => document.body.innerText.includes(name))")
            text = b.evaluate("document.body.innerText")
        shown = {name: float(number) * UNITS[unit] for number, unit, name in
                 re.findall(r"\n\s*([\d.]+)(s|ms|µs|ns) \([\d.]+%\)\n\s*(\w+)(?=\n)", text)}
        db = sqlite3.connect(os.path.join(self.base, "experiment.db"))
        stored = dict(db.execute("SELECT symbol, sum(weight_ns) FROM sample s JOIN run r ON r.id = s.run JOIN stack k ON"
                                 " k.id = s.stack JOIN frame f ON f.id = k.frame WHERE guest = 'native' AND cores = 1 AND"
                                 " kind = 'oncpu' AND phase <> 'boot' GROUP BY symbol").fetchall())
        db.close()
        for name in FUNCTIONS:
            self.assertAlmostEqual(shown[name] / stored[name], 1, 2, name)

    def sandwich(self, page, name, ready):
        """{function: own ns} as speedscope shows a file of the report's."""
        with open(os.path.join(self.base, "report", name), "rb") as f:
            data = f.read()
        script = os.path.join(self.base, "profile.js")
        with open(script, "w", encoding="ascii") as f:
            f.write(f"speedscope.loadFileFromBase64({json.dumps(name)}, {json.dumps(base64.b64encode(data).decode())})")
        with browser.Browser(1280, 700) as b:
            b.open(f"{page}#localProfilePath={script}")
            wait_until(b, f"document.body.innerText.includes({json.dumps(ready)})")
            b.screenshot(os.path.join(FOLDER, f"speedscope-{name}.png"))
            b.click("[...document.querySelectorAll('div')].find(e => /Sandwich$/.test(e.innerText) && !/Heavy/.test(e.innerText))")
            wait_until(b, f"{json.dumps(FUNCTIONS[:4])}.every(name => document.body.innerText.includes(name))")
            text = b.evaluate("document.body.innerText")
        return {function: float(number) * UNITS.get(unit, 1) for number, unit, function in
                re.findall(r"\n\s*([\d.,]+)(s|ms|µs|ns|) \([\d.]+%\)\n\s*(\w+)(?=\n)", text)}

    def test_another_importer_shows_the_shares_of_perf_script(self):
        page = speedscope()
        if not page:
            self.skipTest(f"no speedscope here: npm pack speedscope@{SPEEDSCOPE}")
        db = sqlite3.connect(os.path.join(self.base, "experiment.db"))
        stored = dict(db.execute("SELECT symbol, sum(s.count) FROM sample s JOIN stack k ON k.id = s.stack JOIN frame f ON f.id = k.frame"
                                 " WHERE run = ? AND kind = 'oncpu' AND lane = 0 GROUP BY symbol", (self.run_id,)).fetchall())
        db.close()
        self.run_report("export", "--format", "perf-script", self.base)
        shown = self.sandwich(page, f"run-{self.run_id}.perf.txt", "worker/0")
        for function in FUNCTIONS[1:4]:
            share = (shown[function] / shown[FUNCTIONS[0]]) / (stored[function] / stored[FUNCTIONS[0]])
            self.assertAlmostEqual(share, 1, delta=0.25, msg=function)  # it weighs by the time to the next sample

    def test_a_differential_flame_graph_tells_zooms_and_searches(self):
        self.run_report("diff", self.base + ":native:2", ":osv:2")
        frame = "[...document.querySelectorAll('.frames > g')].find(g => g.querySelector('title').textContent.startsWith('{}\\n'))"
        with browser.Browser(1280, 500) as b:
            b.open(os.path.join(self.base, "report", "flamegraph-diff-native-osv-2.svg"))
            wait_until(b, "document.querySelector('svg.gs-fg').hasAttribute('data-ready')")
            b.hover(frame.format("mandelbrot_row"))
            info = b.evaluate("document.querySelector('.fg-info').textContent")
            self.assertRegex(info, r"^mandelbrot_row · .*native: .* s, .* %.* · osv: .* s, .* % · difference \+.* s \(\+.* %\)")
            whole = b.evaluate(f"+{frame.format('smooth_color')}.querySelector('rect').getAttribute('width')")
            b.click(frame.format("smooth_color"))
            self.assertEqual(b.evaluate("document.querySelector('svg').dataset.zoom"), "smooth_color")
            self.assertGreater(b.evaluate(f"+{frame.format('smooth_color')}.querySelector('rect').getAttribute('width')"), whole)
            # the sign stays before the name when frames are laid out anew
            self.assertRegex(b.evaluate(f"{frame.format('smooth_color')}.querySelector('text').textContent"), r"^×[\d.]+ smooth")
            self.assertEqual(b.evaluate(f"{frame.format('log')}.querySelector('text').textContent"), "gone: log")
            b.key("Escape")
            b.click("document.querySelector('.fg-controls input')")
            b.type("^mandelbrot_row$")
            self.assertRegex(b.evaluate("document.querySelector('.fg-controls output').textContent"), r"^Matched [\d.]+ % \(\d+\)$")
            b.screenshot(os.path.join(FOLDER, "difference.png"))
            self.assertEqual(b.problems(), [])


if __name__ == "__main__":
    if not browser.find():
        print("skipped: no Chromium here: apt install chromium")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0]] + sys.argv[4:])
