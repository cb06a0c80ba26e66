/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The samples of a run over time: a column is a second, from below to above, in rows of 10 ms (or of a tenth of a second or of
 * ten). What is chosen becomes a flame graph, made from those samples alone.
 */
(function () {
	'use strict';
	var box = document.getElementById('heat-view'), T = guestscopeTime, D = T.draw, store = T.store;
	var COLUMNS = { 0.1: 20, 1: 100, 10: 100 }, HEIGHT = 300, BAND = 18, AXIS = 26, LEFT = 64, ROW = 17, NARROWEST = 0.1;
	var KINDS = ['on a CPU', 'off a CPU', 'exits of vCPUs'], COUNTS = ['samples', 'intervals', 'exits'];
	var entry, run, kind = 0, column = 1, cells, canvas, plot, pickers, reading, graph, picked = null, cursor = null, later = 0, width = 0;

	/* A cell is so long; times are since the first marker. */
	function cell() {
		return column * 1e9 / COLUMNS[column];
	}

	/* How many samples each cell has, from the first column on. */
	function count() {
		var origin = run.marker(), rows = COLUMNS[column], first = Math.floor(-origin / (column * 1e9));
		var last = Math.floor((run.end - origin) / (column * 1e9)), counts = new Uint32Array((last - first + 1) * rows), most = 0;
		run.eachSample(kind, -Infinity, Infinity, function (t) {
			var at = Math.floor((t - origin) / cell()) - first * rows;
			if (at >= 0 && at < counts.length)
				most = Math.max(most, ++counts[at]);
		});
		cells = { origin: origin, first: first, rows: rows, columns: last - first + 1, counts: counts, most: most };
	}

	function size() {
		return { w: Math.max(1, Math.min(24, Math.floor((width - LEFT) / cells.columns * 10) / 10)), h: HEIGHT / cells.rows };
	}

	function colors() {
		var style = getComputedStyle(document.documentElement);
		return ['paper', 'ink', 'muted', 'line', 'faint', 'accent', 'alarm'].reduce(function (all, name) {
			all[name] = style.getPropertyValue('--' + name).trim();
			return all;
		}, {});
	}

	function draw() {
		var ratio = window.devicePixelRatio || 1, c = canvas.getContext('2d'), paint = colors(), s, i, n;
		width = Math.floor(plot.clientWidth) || 800;
		canvas.width = Math.round(width * ratio);
		canvas.height = Math.round((BAND + HEIGHT + AXIS) * ratio);
		canvas.style.height = BAND + HEIGHT + AXIS + 'px';
		c.setTransform(ratio, 0, 0, ratio, 0, 0);
		s = size();
		c.fillStyle = paint.faint;
		c.fillRect(LEFT, BAND, s.w * cells.columns, HEIGHT);
		c.fillStyle = paint.alarm;
		for (i = 0; i < cells.counts.length; i++) {
			n = cells.counts[i];
			if (!n)
				continue;
			c.globalAlpha = 0.12 + 0.88 * n / cells.most;
			c.fillRect(LEFT + Math.floor(i / cells.rows) * s.w, BAND + HEIGHT - (i % cells.rows + 1) * s.h, s.w, s.h);
		}
		c.globalAlpha = 1;
		drawPhases(c, paint, s);
		drawAxis(c, paint, s);
		drawPicked(c, paint, s);
	}

	function drawPhases(c, paint, s) {
		c.font = '12px system-ui, sans-serif';
		c.textBaseline = 'middle';
		run.phases.forEach(function (phase, i) {
			var from = LEFT + ((phase[1] - cells.origin) / column / 1e9 - cells.first) * s.w, w = (phase[2] - phase[1]) / column / 1e9 * s.w;
			c.fillStyle = i % 2 ? paint.faint : paint.line;
			c.fillRect(from, 0, w, BAND - 2);
			c.fillStyle = paint.ink;
			if (w > 12 + c.measureText(phase[0]).width)
				c.fillText(phase[0], from + 4, BAND / 2);
		});
	}

	function drawAxis(c, paint, s) {
		var every = Math.max(1, Math.ceil(90 / s.w)), i;
		c.fillStyle = paint.muted;
		c.fillText(D.time(column * 1e9), 0, BAND + 6);
		c.fillText('0', 0, BAND + HEIGHT - 6);
		c.textAlign = 'center';
		for (i = 0; i < cells.columns; i++) {
			if ((i + cells.first) % every)
				continue;
			c.fillRect(LEFT + i * s.w, BAND + HEIGHT, 1, 5);
			c.fillText(Number(((i + cells.first) * column).toFixed(1)) + ' s', Math.max(LEFT + 8, LEFT + i * s.w), BAND + HEIGHT + 16);
		}
		c.textAlign = 'left';
	}

	/* Each column's part of what is chosen, from its first cell to its last. */
	function drawPicked(c, paint, s) {
		var span = picked || (cursor !== null ? [cursor, cursor] : null), at, end;
		if (!span)
			return;
		c.strokeStyle = paint.ink;
		c.lineWidth = 1.5;
		for (at = Math.floor(span[0] / cells.rows); at <= Math.floor(span[1] / cells.rows); at++) {
			end = Math.min(span[1], (at + 1) * cells.rows - 1) % cells.rows + 1;
			c.strokeRect(LEFT + at * s.w, BAND + HEIGHT - end * s.h, s.w, (end - Math.max(span[0], at * cells.rows) % cells.rows) * s.h);
		}
	}

	/* Which cell is there, in order of time. */
	function cellAt(event) {
		var r = canvas.getBoundingClientRect(), s = size();
		var x = Math.floor((event.clientX - r.left - LEFT) / s.w), y = Math.floor((BAND + HEIGHT - (event.clientY - r.top)) / s.h);
		x = Math.max(0, Math.min(cells.columns - 1, x));
		return x * cells.rows + Math.max(0, Math.min(cells.rows - 1, y));
	}

	/* When a cell begins, since the run's begin. */
	function timeOf(at) {
		return cells.origin + (at + cells.first * cells.rows) * cell();
	}

	function pick(a, b) {
		picked = [Math.min(a, b), Math.max(a, b)];
		draw();
		clearTimeout(later);
		later = setTimeout(tell, 120);
	}

	/* The samples of what is chosen, summed by stack. */
	function sums(from, to) {
		var ns = new Float64Array(run.stacks.length / 2), n = new Float64Array(ns.length), all = 0;
		run.eachSample(kind, from, to, function (t, number) {
			var stack = run.samples[3 * number + 1];
			ns[stack] += run.samples[3 * number + 2];
			n[stack]++;
			all++;
		});
		return { ns: ns, n: n, all: all };
	}

	function tell() {
		var from = timeOf(picked[0]), to = timeOf(picked[1] + 1), s = sums(from, to), step = cell() / 10, words;
		words = D.instant(from - cells.origin, step, to - cells.origin) + ' to ' + D.instant(to - cells.origin, step) + ': ' + s.all.toLocaleString('en') + ' ' + COUNTS[kind];
		reading.textContent = words;
		graph.textContent = '';
		if (!s.all)
			return;
		drawGraph(s, words);
		T.button(reading, 'In the timeline', 'Show this span in the timeline', function () {
			T.showSpan(entry, from, to);
		});
	}

	/* Totals of all stacks, and where each begins: parents come before their children. */
	function place(s) {
		var parents = run.stacks, n = s.ns.length, total = Float64Array.from(s.ns), count = Float64Array.from(s.n), order = [], x = new Float64Array(n), next = {}, depth = new Int32Array(n), i, parent;
		for (i = n - 1; i >= 0; i--) {
			parent = parents[2 * i];
			if (parent >= 0) {
				total[parent] += total[i];
				count[parent] += count[i];
			}
			if (total[i] > 0)
				order.push(i);
		}
		order.sort(function (a, b) {
			return parents[2 * a] - parents[2 * b] || (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : a - b);
		});
		next[-1] = 0;
		order.forEach(function (k) {
			var p = parents[2 * k];
			x[k] = next[p];
			next[p] += total[k];
			next[k] = x[k];
			depth[k] = p < 0 ? 1 : depth[p] + 1;
		});
		return { order: order, total: total, count: count, x: x, depth: depth, whole: next[-1] };
	}

	function nameOf(stack) {
		return run.frames[run.stacks[2 * stack + 1]][2];
	}

	/* The drawing of the page's template, with these frames. */
	function drawGraph(s, words) {
		var svg = document.getElementById('flame-template').content.firstElementChild.cloneNode(true), at = place(s), frames = svg.querySelector('.frames');
		var root = frames.firstElementChild, inner = 1180, deep = 0;
		at.order = at.order.filter(function (k) { return at.total[k] / at.whole * inner >= NARROWEST; });
		at.order.forEach(function (k) { deep = Math.max(deep, at.depth[k]); });
		svg.querySelector('.fg-title').textContent = T.nameOf(entry) + ', ' + KINDS[kind];
		svg.querySelector('.fg-sub').textContent = words;
		svg.setAttribute('aria-label', svg.querySelector('.fg-title').textContent);
		deepen(svg, (deep - 1) * ROW);
		frames.textContent = '';
		frames.appendChild(root);
		root.querySelector('title').textContent = 'all\n' + D.time(at.whole) + ', 100 %, ' + s.all.toLocaleString('en') + ' ' + COUNTS[kind];
		at.order.forEach(function (k) { frames.appendChild(frame(root, k, at, inner)); });
		graph.appendChild(svg);
		document.dispatchEvent(new Event('gs-fg'));
	}

	/* The template has one row of frames above the root. */
	function deepen(svg, by) {
		var height = Number(svg.getAttribute('height')) + by;
		svg.setAttribute('height', height);
		svg.setAttribute('viewBox', '0 0 1200 ' + height);
		[svg.querySelector('.frames rect'), svg.querySelector('.frames text'), svg.querySelector('.fg-info')].forEach(function (e) {
			if (e)
				e.setAttribute('y', Number(e.getAttribute('y')) + by);
		});
		svg.querySelector('.fg-legend').setAttribute('transform', 'translate(0 ' + by + ')');
	}

	function frame(root, k, at, inner) {
		var g = root.cloneNode(true), f = run.frames[run.stacks[2 * k + 1]], side = store.sides[f[0]] || ['z', f[0]], rect = g.querySelector('rect');
		g.setAttribute('class', (f[2] === '[unknown]' ? 'z' : side[0]) + (f[3] ? ' i' : ''));
		g.querySelector('title').textContent = f[2] + '\n' + (f[1] ? f[1] + ', ' : '') + side[1] + (f[3] ? ', inlined' : '') + '\n' + D.time(at.total[k]) + ', ' +
			(100 * at.total[k] / at.whole).toFixed(1) + ' %, ' + at.count[k].toLocaleString('en') + ' ' + COUNTS[kind];
		if (g.querySelector('text'))
			g.querySelector('text').remove();
		rect.setAttribute('x', (10 + at.x[k] / at.whole * inner).toFixed(2));
		rect.setAttribute('width', (at.total[k] / at.whole * inner).toFixed(2));
		rect.setAttribute('y', Number(rect.getAttribute('y')) - at.depth[k] * ROW);
		return g;
	}

	/* Columns as long as the run has some for. */
	function fitting() {
		return run.end < 8e9 ? 0.1 : run.end < 2000e9 ? 1 : 10;
	}

	function show(next) {
		entry = next;
		run = store.get(entry.run);
		picked = cursor = null;
		graph.textContent = reading.textContent = '';
		if (!run)
			store.open(entry.run, function (there) {
				if (there)
					show(entry);
				else
					reading.textContent = entry.file + ' is not beside this page';
			});
		refresh();
	}

	function refresh() {
		var kinds = run ? KINDS.map(function (name, i) { return [String(i), name]; }).filter(function (k) { return run.hasSamples(Number(k[0])); }) : [];
		pickers.textContent = '';
		T.chooseRun(pickers, entry, show);
		canvas.hidden = !kinds.length;
		if (!run)
			reading.textContent = 'opening ' + entry.file;
		else if (!kinds.length)
			reading.textContent = 'Of this run there are no instants of samples.';
		if (!kinds.length)
			return;
		if (!kinds.some(function (k) { return k[0] === String(kind); }))
			kind = Number(kinds[0][0]);
		column = fitting();
		T.choice(pickers, 'Samples', kinds, String(kind), function (k) {
			kind = Number(k);
			recount();
		});
		T.choice(pickers, 'A column is', Object.keys(COLUMNS).map(function (c) { return [c, c + ' s']; }), String(column), function (c) {
			column = Number(c);
			recount();
		});
		recount();
	}

	function recount() {
		count();
		picked = null;
		cursor = null;
		draw();
		reading.textContent = 'The darkest cell has ' + cells.most.toLocaleString('en') + ' ' + COUNTS[kind] + ' in ' + D.time(cell()) + '.';
		graph.textContent = '';
	}

	/* Time goes up, then to the right. */
	function onKey(event) {
		var by = { ArrowUp: 1, ArrowDown: -1, ArrowRight: cells.rows, ArrowLeft: -cells.rows }[event.key], from = picked ? picked[0] : null;
		if (event.key === 'Escape')
			recount();
		if (!by || event.ctrlKey || event.altKey || event.metaKey)
			return;
		event.preventDefault();
		if (cursor === null)
			by = cursor = 0;
		from = event.shiftKey && picked ? (cursor === picked[0] ? picked[1] : picked[0]) : null;
		cursor = Math.max(0, Math.min(cells.counts.length - 1, cursor + by));
		pick(from === null ? cursor : from, cursor);
	}

	function listen() {
		var begin = null;
		plot.addEventListener('keydown', onKey);
		canvas.addEventListener('pointerdown', function (event) {
			if (event.button)
				return;
			plot.focus({ preventScroll: true });
			canvas.setPointerCapture(event.pointerId);
			begin = cursor = cellAt(event);
			pick(begin, begin);
		});
		canvas.addEventListener('pointermove', function (event) {
			if (begin !== null)
				pick(begin, cursor = cellAt(event));
		});
		['pointerup', 'pointercancel'].forEach(function (type) {
			canvas.addEventListener(type, function () { begin = null; });
		});
		if (typeof ResizeObserver === 'function')
			new ResizeObserver(function () {
				if (cells && Math.floor(plot.clientWidth) !== width)
					draw();
			}).observe(plot);
		matchMedia('(prefers-color-scheme: dark)').addEventListener('change', function () {
			if (cells)
				draw();
		});
	}

	if (!box || !store)
		return;
	box.hidden = false;
	pickers = T.make('div', 'time-choices', box);
	plot = T.make('div', 'time-plot heat-plot', box);
	plot.tabIndex = 0;
	plot.setAttribute('role', 'group');
	plot.setAttribute('aria-roledescription', 'heat map');
	plot.setAttribute('aria-label', 'Samples over time. Arrows choose a cell, up and down along its column, left and right from column to column; with Shift they choose all up to there.');
	canvas = T.make('canvas', '', plot);
	canvas.setAttribute('aria-hidden', 'true');
	reading = T.make('p', 'reading heat-reading', box);
	reading.setAttribute('role', 'status');
	graph = T.make('div', 'flame heat-flame', box);
	listen();
	T.heat = { show: show, timeOf: timeOf, cells: function () { return cells; }, pick: pick, size: size };
	show(store.entries.find(function (e) { return e.median && store.get(e.run) && store.get(e.run).hasSamples(0); }) || store.entries[0]);
})();
