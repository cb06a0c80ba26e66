#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The page and the graphs in a real browser: test_page_in_browser.py REPORT SCHEMA PICTURES."""
import csv
import os
import re
import shutil
import sqlite3
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
CHART = "document.querySelector('figure[data-chart={}]')"

# What keeps a reader without eyes or pointer from the page, as a list of sentences.
STRUCTURE = r"""(() => {
    const bad = [], all = s => [...document.querySelectorAll(s)], tell = (e, what) => bad.push(what + ': ' + e.outerHTML.slice(0, 90));
    for (const [s, n] of [['h1', 1], ['main', 1], ['body > header', 1], ['body > footer', 1], ['nav[aria-label]', 1]])
        if (all(s).length !== n) bad.push(s + ' is there ' + all(s).length + ' times');
    let level = 0;
    for (const h of all('h1, h2, h3, h4')) {
        if (+h.tagName[1] > level + 1) tell(h, 'a level of headings is left out');
        level = +h.tagName[1];
    }
    for (const s of all('main > section'))
        if (!document.getElementById(s.getAttribute('aria-labelledby'))) tell(s, 'a section without a name');
    for (const a of all('a[href^="#"]'))
        if (!document.getElementById(a.getAttribute('href').slice(1))) tell(a, 'a link to nowhere');
    for (const id of all('[id]').map(e => e.id).filter((id, i, ids) => ids.indexOf(id) !== i)) bad.push('twice: ' + id);
    for (const t of all('table'))
        if (!t.caption && !t.closest('[role=group][aria-label]')) tell(t, 'a table without a name');
    for (const th of all('th')) if (!th.scope) tell(th, 'a heading of nothing');
    for (const svg of all('svg:not(svg svg)'))
        if (svg.getAttribute('aria-hidden') !== 'true' && !(svg.getAttribute('role') &&
            (svg.getAttribute('aria-label') || svg.getAttribute('aria-labelledby')))) tell(svg, 'a picture without words');
    for (const e of all('button, input, summary, .plot'))
        if (!(e.textContent.trim() || e.getAttribute('aria-label') || e.labels && e.labels.length)) tell(e, 'a control without a name');
    return bad.slice(0, 20);
})()"""

# Tables that are wider than the screen and cannot be scrolled.
CUT = r"""[...document.querySelectorAll('table')].filter(t => {
    const box = t.closest('.scroll');
    return !box || (box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX !== 'auto')
        || box.getBoundingClientRect().right > innerWidth;
}).map(t => t.outerHTML.slice(0, 90))"""

# WCAG's contrast: 4.5 for text, 3 for the marks of charts.
CONTRAST = r"""(() => {
    const style = getComputedStyle(document.documentElement), bad = [];
    const light = name => {
        const rgb = style.getPropertyValue(name).trim().slice(1).match(/../g).map(h => parseInt(h, 16) / 255)
            .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2];
    };
    const test = (a, b, least) => {
        const x = light(a), y = light(b), c = (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
        if (c < least) bad.push(a + ' on ' + b + ': ' + c.toFixed(2));
    };
    for (const ink of ['--ink', '--muted', '--accent', '--alarm', '--good'])
        for (const ground of ['--paper', '--faint']) test(ink, ground, 4.5);
    test('--ink', '--alarm-paper', 4.5);
    for (let i = 0; i < 8; i++) test('--s' + i, '--paper', 3);
    return bad;
})()"""


class InBrowser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="guestscope-page-")
        make_store.make(SCHEMA, cls.dir, seed=7)
        subprocess.run([REPORT, cls.dir], check=True, stdout=subprocess.DEVNULL, timeout=300)
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
            self.assertEqual(b.evaluate("document.querySelectorAll('#flames details[open], #differences details[open]').length"), 2)
            b.evaluate(OPEN.format(0))
            for index in (0, 1):  # one that was opened, one that was open from the start
                graph = f"document.querySelectorAll('#flames details[open]')[{index}].querySelector('svg')"
                self.graph_works(graph, "task_run")
            b.hover("document.querySelector('#books .parts span')")
            self.assertRegex(b.evaluate("document.getElementById('tip').textContent"), r"%, .* a run")
            b.evaluate("scrollTo(0, 0)")
            b.screenshot(os.path.join(PICTURES, f"page-{scheme}.png"))
            self.assertEqual(b.problems(), [])
        b.prefer("light")

    def page(self, scheme="light"):
        self.browser.prefer(scheme)
        self.open("index.html")
        return self.browser

    def reading(self, chart):
        return self.browser.evaluate(f"{chart}.querySelector('.reading').textContent")

    def sweep(self, chart):
        """Move the pointer over the chart until it reads something out; what that is."""
        b = self.browser
        b.evaluate(f"{chart}.scrollIntoView()")
        x, y, width, height = b.evaluate(f"(r => [r.x, r.y, r.width, r.height])"
                                         f"({chart}.querySelector('.u-over').getBoundingClientRect())")
        for i in range(1, 12):
            for j in range(1, 8):
                b.call("Input.dispatchMouseEvent", type="mouseMoved", x=x + width * i / 12, y=y + height * j / 8)
                if self.reading(chart):
                    return self.reading(chart)
        return ""

    def test_charts_answer_to_the_pointer(self):
        b, cores, order = self.page(), CHART.format("cores"), CHART.format("order")
        self.assertRegex(self.sweep(cores), r"^[a-z-]+, [12] cores?: [\d.]+ s \[[\d.]+ to [\d.]+\]$")
        self.assertRegex(self.sweep(order), r"^run \d+, position \d+: [a-z-]+, [12] cores?, [\d.]+ s, .[\d.]+ % of its mean$")
        b.click(f"{cores}.querySelectorAll('input')[1]")
        self.assertIn("Speed-up", b.evaluate(f"{cores}.querySelector('.plot').getAttribute('aria-label')"))
        b.screenshot(os.path.join(PICTURES, "chart.png"), "figure[data-chart=cores]")
        for i in range(3):  # all stacks but the last are hidden: nothing but it can be found
            b.click(f"{cores}.querySelectorAll('.series button')[{i}]")
        self.assertEqual(b.evaluate(f"[...{cores}.querySelectorAll('.series button')]"
                                    ".map(e => e.getAttribute('aria-pressed'))"), ["false"] * 3 + ["true"])
        self.assertRegex(self.sweep(cores), r"^linux-minimal, [12] cores?: [\d.]+")
        self.assertEqual(b.problems(), [])

    def test_charts_answer_to_the_keyboard(self):
        b, cores = self.page(), CHART.format("cores")
        b.evaluate(f"{cores}.querySelector('.series li:last-child button').focus()")
        b.key("Tab", 9)
        self.assertEqual(b.evaluate("document.activeElement.className"), "plot")
        b.key("Home")
        self.assertRegex(self.reading(cores), r"^native, 1 core: ")
        b.key("ArrowRight")
        self.assertRegex(self.reading(cores), r"^native, 2 cores: ")
        b.key("ArrowDown")
        self.assertRegex(self.reading(cores), r"^docker, 2 cores: ")
        b.key("Escape")
        self.assertEqual(self.reading(cores), "")

    def test_what_charts_say_is_in_their_tables(self):
        b = self.page()
        mean = b.evaluate("document.querySelector('#comparison tr[data-stack=osv][data-cores=\"2\"] [data-m=runtime]')"
                          ".dataset.v")
        with open(os.path.join(self.dir, "report", "summary.csv"), encoding="utf-8") as f:
            row = next(r for r in csv.DictReader(f) if (r["guest"], r["cores"]) == ("osv", "2"))
        self.assertAlmostEqual(float(mean), float(row["runtime_s"]), 6)

    def test_without_scripts_the_page_is_complete(self):
        b = self.browser
        b.call("Emulation.setScriptExecutionDisabled", value=True)
        try:
            self.open("index.html")
        finally:
            b.call("Emulation.setScriptExecutionDisabled", value=False)
        self.assertEqual(b.evaluate("document.querySelectorAll('.plot, #tip').length"), 0)
        self.assertEqual(b.evaluate("[...document.querySelectorAll('.chart')].filter(e => e.offsetWidth).length"), 0)
        b.evaluate("document.querySelector('.paper').open = true; new Promise(r => setTimeout(r, 200))")
        widths = b.evaluate("[...document.querySelectorAll('.paper img')].map(e => e.naturalWidth && e.getBoundingClientRect().width)")
        self.assertGreaterEqual(len(widths), 8)
        self.assertGreater(min(widths), 200)
        self.assertGreater(b.evaluate("document.querySelector('#flames svg .frames g').getBoundingClientRect().width"), 500)
        self.assertEqual(b.evaluate("[...document.querySelectorAll('.parts [title]')].filter(e => e.offsetWidth > 1).length > 50"), True)
        b.screenshot(os.path.join(PICTURES, "page-without-scripts.png"))
        self.assertEqual(b.problems(), [])

    def test_structure_can_be_read_out(self):
        b = self.page()
        self.assertEqual(b.evaluate(STRUCTURE), [])

    def test_skip_link_is_first_and_leads_to_the_verdict(self):
        b = self.page()
        b.key("Tab", 9)
        self.assertEqual(b.evaluate("document.activeElement.className"), "skip")
        self.assertGreaterEqual(b.evaluate("document.activeElement.getBoundingClientRect().x"), 0)
        b.key("Enter", 13)
        self.assertEqual(b.evaluate("location.hash"), "#verdict")

    def test_text_can_be_told_from_its_ground_in_both_schemes(self):
        for scheme in ("light", "dark"):
            self.assertEqual(self.page(scheme).evaluate(CONTRAST), [], scheme)
        self.browser.prefer("light")

    def test_paper_is_white_and_has_the_figures_for_paper(self):
        b = self.page("dark")
        b.call("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        try:
            self.assertEqual(b.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)")
            shown = "e => getComputedStyle(e).display !== 'none' && e.getBoundingClientRect().width > 0"
            b.evaluate("dispatchEvent(new Event('beforeprint'))")
            self.assertTrue(b.evaluate(f"[...document.querySelectorAll('.paper img')].every({shown})"))
            self.assertFalse(b.evaluate(f"[...document.querySelectorAll('nav, .plot, .copy')].some({shown})"))
        finally:
            b.call("Emulation.setEmulatedMedia", media="")
            b.prefer("light")

    def test_page_fits_a_narrow_screen(self):
        b = self.browser
        for width in (390, 500):
            b.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
            try:
                self.open("index.html")
                self.assertLessEqual(b.evaluate("document.documentElement.scrollWidth"), width)
                b.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
                self.assertEqual(b.evaluate(CUT), [])
                self.assertGreater(b.evaluate("[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).length"), 5)
                if width == 390:  # a picture of all that is open takes seconds
                    b.screenshot(os.path.join(PICTURES, f"page-{width}.png"))
            finally:
                b.call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)

    def test_a_bar_leads_to_its_details_which_unfold(self):
        b = self.page()
        for of in ("#books", "#explanation", "#phases", "#boot"):
            bar = f"document.querySelector('{of} .parts[href]')"
            target = b.evaluate(f"{bar}.hash")
            open_ = f"(e => (e.closest('details') || {{open: true}}).open)(document.querySelector('{target}'))"
            self.assertFalse(b.evaluate(open_), target)
            b.click(f"{bar}.querySelector('span')")
            b.evaluate("new Promise(r => setTimeout(r, 100))")
            self.assertEqual(b.evaluate("location.hash"), target)
            self.assertTrue(b.evaluate(open_), target)
            self.assertTrue(b.evaluate(f"(r => r.top >= 0 && r.top < innerHeight)(document.querySelector('{target}').getBoundingClientRect())"))

    def test_a_name_is_in_its_part_of_a_bar_or_not_seen(self):
        cut = self.page().evaluate("""[...document.querySelectorAll('.parts span')].filter(part => {
            const name = part.firstElementChild.getBoundingClientRect(), box = part.getBoundingClientRect();
            return name.top < box.bottom - 1 && name.width > box.width + 1;
        }).length""")
        self.assertEqual(cut, 0)
        seen = self.browser.evaluate("""[...document.querySelectorAll('#books .parts')].every(bar => {
            const widest = [...bar.children].sort((a, b) => b.offsetWidth - a.offsetWidth)[0];
            return widest.lastElementChild.getBoundingClientRect().bottom <= widest.getBoundingClientRect().bottom + 1;
        })""")
        self.assertTrue(seen)  # the largest part has its number

    def test_a_dot_leads_to_its_run(self):
        b, order = self.page(), CHART.format("order")
        run = re.match(r"run (\d+),", self.sweep(order))[1]
        b.evaluate(f"{order}.querySelector('.plot').click()")
        self.assertEqual(b.evaluate("location.hash"), f"#run-{run}")

    def test_run_times_that_differ_by_more_than_ten_have_a_logarithmic_axis(self):
        label = "document.querySelector('figure[data-chart=cores] .plot').getAttribute('aria-label')"
        for factor, wide in ((2, False), (40, True)):
            with tempfile.TemporaryDirectory(prefix="guestscope-page-") as folder:
                make_store.make(SCHEMA, folder, small=True)
                db = sqlite3.connect(os.path.join(folder, "experiment.db"))
                db.execute("UPDATE run SET runtime_ns = CASE guest WHEN 'osv' THEN ? ELSE 1 END * 1000000 * (1000 + id)", (factor,))
                db.commit()
                db.close()
                subprocess.run([REPORT, folder], check=True, stdout=subprocess.DEVNULL, timeout=300)
                self.browser.open(os.path.join(folder, "report", "index.html"))
                self.assertEqual("logarithmic" in self.browser.evaluate(label), wide, factor)
                self.assertEqual(self.browser.problems(), [])

    def test_stacks_have_the_colours_of_the_figures(self):
        b = self.page()
        with open(os.path.join(self.dir, "report", "figures", "wallclock.gp"), encoding="utf-8") as f:
            paper = re.findall(r'linespoints .* lc rgb "(#\w+)"', f.read())
        shown = b.evaluate("[0, 1, 2, 3].map(i => getComputedStyle(document.documentElement).getPropertyValue('--s' + i).trim())")
        self.assertEqual(shown, list(dict.fromkeys(paper)))

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
        self.assertEqual(name, "mandelbrot_row")
        b.key("Enter")
        self.assertEqual(b.evaluate(f"{svg}.dataset.zoom"), "mandelbrot_row")
        self.assertIn("mandelbrot_row", b.evaluate("document.querySelector('.fg-info').textContent"))
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
