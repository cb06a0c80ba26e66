#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The page and the graphs in a real browser: test_page_in_browser.py REPORT SCHEMA PICTURES."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser  # noqa: E402
import make_store  # noqa: E402

REPORT, SCHEMA, PICTURES = sys.argv[1:4]

OPEN = "document.querySelectorAll('#flames details')[{}].open = true; new Promise(r => setTimeout(r, 200))"
FRAME = "[...{}.querySelectorAll('.frames g')].find(g => g.querySelector('title').textContent.startsWith({!r} + '\\n'))"
SHOWN = "[...{}.querySelectorAll('.frames g')].filter(g => getComputedStyle(g).display !== 'none').length"


class InBrowser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="guestscope-page-")
        make_store.make(SCHEMA, cls.dir, seed=7)
        subprocess.run([REPORT, cls.dir], check=True, stdout=subprocess.DEVNULL, timeout=60)
        cls.browser = browser.Browser()
        cls.browser.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.browser.__exit__()
        shutil.rmtree(cls.dir)

    def open(self, name):
        self.browser.open(os.path.join(self.dir, "report", name))

    def graph_works(self, svg, name):
        """Zoom by a click, search, reset: as a reader would."""
        b = self.browser
        before = b.evaluate(SHOWN.format(svg))
        b.click(FRAME.format(svg, name))
        self.assertEqual(b.evaluate(f"{svg}.dataset.zoom"), name)
        frame, whole = (b.evaluate(FRAME.format(svg, n) + ".querySelector('rect').getBoundingClientRect().width")
                        for n in (name, "all"))
        self.assertAlmostEqual(frame, whole, delta=1)
        self.assertLess(b.evaluate(SHOWN.format(svg)), before)
        b.click(f"{svg}.querySelector('input')")
        b.type("smooth_color|nothing-like-it")
        self.assertGreaterEqual(b.evaluate(f"{svg}.querySelectorAll('.fg-hit').length"), 1)
        self.assertRegex(b.evaluate(f"{svg}.querySelector('output').textContent"), r"^Matched \d+\.\d % \(\d+\)$")
        b.click(f"{svg}.querySelector('button')")
        self.assertEqual(b.evaluate(f"{svg}.dataset.zoom"), "")
        self.assertEqual(b.evaluate(SHOWN.format(svg)), before)

    def test_page_works_in_light_and_dark_without_a_word_of_complaint(self):
        b = self.browser
        for scheme in ("light", "dark"):
            b.prefer(scheme)
            self.open("index.html")
            b.evaluate(OPEN.format(1))
            for index in (0, 1):  # one that was open from the start, one that was opened
                self.graph_works(f"document.querySelectorAll('#flames details')[{index}].querySelector('svg')", "task_run")
            b.hover("document.querySelector('#books .bars svg g rect')")
            self.assertRegex(b.evaluate("document.getElementById('tip').textContent"), r"%, .* a run")
            b.evaluate("scrollTo(0, 0)")
            b.screenshot(os.path.join(PICTURES, f"page-{scheme}.png"))
            self.assertEqual(b.problems(), [])
        b.prefer("light")

    def test_page_fits_a_narrow_screen(self):
        b = self.browser
        b.call("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=False)
        try:
            self.open("index.html")
            self.assertLessEqual(b.evaluate("document.documentElement.scrollWidth"), 390)
            b.screenshot(os.path.join(PICTURES, "page-narrow.png"))
        finally:
            b.call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)

    def test_graph_works_as_a_file_of_its_own(self):
        self.open("flamegraph-osv-2.svg")
        self.graph_works("document.documentElement", "worker_main")
        self.browser.screenshot(os.path.join(PICTURES, "flamegraph.png"))
        self.assertEqual(self.browser.problems(), [])

    def test_graph_obeys_the_keyboard(self):
        b, svg = self.browser, "document.documentElement"
        self.open("flamegraph-osv-1.svg")
        b.evaluate("document.querySelector('.frames g').focus()")
        for _ in range(4):
            b.key("ArrowUp")
        name = b.evaluate("document.activeElement.querySelector('title').textContent.split('\\n')[0]")
        self.assertEqual(name, "cpu_exec")
        b.key("Enter")
        self.assertEqual(b.evaluate(f"{svg}.dataset.zoom"), "cpu_exec")
        self.assertIn("cpu_exec", b.evaluate("document.querySelector('.fg-info').textContent"))
        b.key("Escape")
        self.assertEqual(b.evaluate(f"{svg}.dataset.zoom"), "")

    def test_a_broken_expression_is_searched_literally(self):
        self.open("flamegraph-native-1.svg")
        b = self.browser
        b.click("document.querySelector('input')")
        b.type("operator[](unsigned")
        self.assertEqual(b.evaluate("document.querySelectorAll('.fg-hit').length"), 1)
        self.assertEqual(b.evaluate("document.querySelector('input').getAttribute('aria-invalid')"), "true")

    def test_names_from_the_store_run_nowhere(self):
        for name in ("index.html", "flamegraph-native-1.svg", "flamegraph-osv-1.svg"):
            self.open(name)
            self.assertNotEqual(self.browser.evaluate("document.title"), "owned")
            self.assertEqual(self.browser.problems(), [])


if __name__ == "__main__":
    if not browser.find():
        print("skipped: no chromium here (Debian package: chromium)")
        sys.exit(77)
    os.makedirs(PICTURES, exist_ok=True)
    unittest.main(argv=[sys.argv[0]] + sys.argv[4:])
