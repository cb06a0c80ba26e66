/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which runs are shown over time, how they are aligned, and what pointer, fingers and keys do with them. */
(function () {
	'use strict';
	var box = document.getElementById('time-view'), T = guestscopeTime, D = T.draw, store = T.store = T.fromPage();
	var make = T.make, button = T.button, choice = T.choice, MOST = 6, NEAREST = 20, CLICK = 4;
	var panels = [], view, canvas, plot, detail, align, pickers, fingers = {}, pinch = null, pressed = null, queued = false;

	function configurationOf(entry) {
		return entry.stack + ', ' + entry.cores;
	}

	function nameOf(entry) {
		return configurationOf(entry) + ', run ' + entry.run + (entry.runtime === null ? '' : ': ' + D.time(entry.runtime)) +
			(entry.note ? ' (' + entry.note + ')' : entry.median ? ' (median)' : '');
	}

	function ofConfiguration(name) {
		return store.entries.filter(function (e) { return configurationOf(e) === name; });
	}

	function medianOf(name) {
		var runs = ofConfiguration(name);
		return runs.find(function (e) { return e.median; }) || runs[0];
	}

	function unique(list) {
		return list.filter(function (x, i) { return list.indexOf(x) === i; });
	}

	/* The median run of each stack, on the most cores that it has. */
	function first() {
		var stacks = unique(store.entries.map(function (e) { return e.stack; }));
		return stacks.map(function (stack) {
			var runs = store.entries.filter(function (e) { return e.stack === stack && e.median; });
			return runs.sort(function (a, b) { return parseInt(b.cores, 10) - parseInt(a.cores, 10); })[0];
		}).filter(Boolean).slice(0, 4);
	}

	function addPanel(entry) {
		panels.push({ entry: entry, origin: 0 });
	}

	/* Take its data, if it is here. */
	function fill(panel) {
		panel.data = store.get(panel.entry.run);
		panel.title = nameOf(panel.entry) + (panel.data ? '' : panel.failed ? ': ' + panel.entry.file + ' is not beside this page' :
			panel.opening ? ': opening ' + panel.entry.file : ': in ' + panel.entry.file);
	}

	function open(panel) {
		panel.opening = true;
		store.open(panel.entry.run, function (there) {
			panel.opening = false;
			panel.failed = !there;
			refresh();
		});
	}

	function show(panel, entry) {
		panel.entry = entry;
		panel.failed = false;
		if (!store.get(entry.run))
			open(panel);
		refresh();
	}

	/* Where time 0 is in a run: NaN where it has no such phase. */
	function originOf(data) {
		if (align.value === 'begin')
			return 0;
		return align.value === 'marker' ? data.marker() : data.phaseBegin(align.value.slice('phase '.length));
	}

	function setOrigins() {
		panels.forEach(function (p) {
			var origin = p.data ? originOf(p.data) : 0;
			p.origin = isNaN(origin) ? p.data.marker() : origin;
			p.title += isNaN(origin) ? ' \u2013 has no such phase: aligned by its first marker' : '';
		});
	}

	/* All that can be seen. */
	function whole() {
		var from = Infinity, to = -Infinity;
		panels.forEach(function (p) {
			if (!p.data)
				return;
			from = Math.min(from, -p.origin);
			to = Math.max(to, p.data.end - p.origin);
		});
		return to > from ? [from, to] : [0, 1e9];
	}

	function look(from, to) {
		var all = whole(), span = Math.max(NEAREST, Math.min(to - from, all[1] - all[0]));
		var middle = (from + to) / 2;
		from = Math.max(all[0], Math.min(all[1] - span, middle - span / 2));
		view.from = from;
		view.to = from + span;
		redraw();
	}

	function zoom(factor, x) {
		var t = x === undefined ? (view.from + view.to) / 2 : view.timeAt(x);
		var from = t - (t - view.from) * factor;
		look(from, from + (view.to - view.from) * factor);
	}

	function pan(part) {
		var by = (view.to - view.from) * part;
		look(view.from + by, view.to + by);
	}

	function redraw() {
		if (queued)
			return;
		queued = true;
		requestAnimationFrame(function () {
			queued = false;
			view.draw();
		});
	}

	function alignments() {
		var names = unique([].concat.apply([], panels.map(function (p) {
			return p.data ? p.data.phases.map(function (phase) { return phase[0]; }) : [];
		}))).filter(function (name) { return name !== 'boot'; });
		return [['marker', 'first marker'], ['begin', 'begin of the run']].concat(names.map(function (name) {
			return ['phase ' + name, 'phase ' + name];
		}));
	}

	/* The controls anew: what can be chosen depends on what is shown. */
	function refresh() {
		var before = align ? align.value : 'marker', options;
		panels.forEach(fill);
		options = alignments();
		pickers.textContent = '';
		panels.forEach(picker);
		if (panels.length < MOST)
			button(pickers, 'Add a run', 'Show one more run', function () {
				addPanel(panels[panels.length - 1].entry);
				refresh();
				whenWhole();
			});
		align = choice(pickers, 'Time 0 is', options, options.some(function (o) { return o[0] === before; }) ? before : 'marker', function () {
			refresh();
			whenWhole();
		});
		setOrigins();
		words();
		view.panels = panels;
		view.at = view.at && panels.indexOf(view.at.panel) >= 0 && view.at.panel.data ? view.at : null;
		view.fit(Math.floor(plot.clientWidth) || 800);
		whenWhole();
	}

	function whenWhole() {
		var all = whole();
		look(all[0], all[1]);
	}

	/* Two choices: of stack and cores, and of a run. */
	T.chooseRun = function (parent, entry, act) {
		var names = unique(store.entries.map(configurationOf));
		choice(parent, 'Stack', names.map(function (n) { return [n, n]; }), configurationOf(entry), function (name) {
			act(medianOf(name));
		});
		choice(parent, 'run', ofConfiguration(configurationOf(entry)).map(function (e) {
			return [String(e.run), e.run + (e.note ? ' (' + e.note + ')' : e.median ? ' (median)' : '')];
		}), String(entry.run), function (run) {
			act(store.entry(Number(run)));
		});
	};

	function picker(panel) {
		var line = make('div', 'time-run-choice', pickers), size;
		T.chooseRun(line, panel.entry, function (entry) { show(panel, entry); });
		if (!panel.data && !panel.opening) {
			size = (panel.entry.bytes / 1e6).toFixed(1) + ' MB';
			button(line, 'Open ' + panel.entry.file + ' (' + size + ')', 'Open the timeline of run ' + panel.entry.run + ', ' + size, function () {
				open(panel);
				refresh();
			});
		}
		if (panels.length > 1)
			button(line, 'Remove', 'Show run ' + panel.entry.run + ' no more', function () {
				panels.splice(panels.indexOf(panel), 1);
				refresh();
			});
	}

	/* What was merged or lost, by run. */
	function words() {
		var lines = panels.map(function (p) {
			var m = p.data ? p.data.mergedIn() : { n: 0, lost: 0 }, name = 'Run ' + p.entry.run + ': ';
			return (m.n ? name + m.n.toLocaleString('en') + ' short intervals were merged to keep the timeline small; their ' + D.time(m.ns) +
				' of all lanes are hatched where they can be seen, and their time by state is true. ' : '') +
				(m.lost ? name + 'nothing is known of ' + D.time(m.lost) + ' of all lanes, drawn as grey stripes. ' : '');
		});
		view.words.textContent = unique(lines).join('');
	}

	function stateTitle(name) {
		var state = store.states.find(function (s) { return s[0] === name; });
		return state ? name + ' (' + state[2] + ')' : name;
	}

	var STACKS = 3, KINDS = [[' sample', ' samples'], [' stack off the CPU', ' stacks off the CPU'], [' exit', ' exits']];
	var TAKERS = { lane: 'another lane of the stack', helper: 'a helper thread of the stack', collector: 'guestscope itself', other: 'another program' };

	/* The stacks that were taken in an interval, most frequent first, and of time off the CPU where it began. */
	function sampleFacts(run, lane, d) {
		return KINDS.reduce(function (list, words, kind) {
			var n = {}, all = 0, most;
			run.eachSample(kind, d.begin, d.end, function (t, number) {
				n[number] = (n[number] || 0) + 1;
				all++;
			}, lane);
			most = Object.keys(n).sort(function (a, b) { return n[b] - n[a]; }).slice(0, STACKS);
			return list.concat(most.map(function (number) {
				return [n[number] + (n[number] === 1 ? words[0] : words[1]), run.stackOf(number).slice(0, -1).join(' \u2190 ') || 'no stack'];
			}), Object.keys(n).length > STACKS ? [['', 'and ' + (Object.keys(n).length - STACKS) + ' other stacks']] : []);
		}, []);
	}

	/* What an interval was, as pairs of words. */
	function facts(panel, lane, d) {
		var list = [['lane', lane + ' of ' + nameOf(panel.entry)]], step = Math.max(1, (d.end - d.begin) / 1000);
		if (d.state === 'merged')
			list.push(['merged', d.count.toLocaleString('en') + ' short intervals: ' + d.parts.map(function (p) { return p[0] + ' ' + D.time(p[1]); }).join(', ')]);
		else
			list.push(['state', d.state === 'lost' ? 'not known: it was lost' : stateTitle(d.state)]);
		if (d.state === 'preempted')
			list.push(['who ran', (d.detail || 'not known') + (TAKERS[d.takenBy] ? ', ' + TAKERS[d.takenBy] : '')]);
		else if (d.detail)
			list.push(['cause', d.detail]);
		list.push(['from', D.instant(d.begin - panel.origin, step)], ['to', D.instant(d.end - panel.origin, step)], ['duration', D.time(d.end - d.begin)]);
		if (d.cpu >= 0)
			list.push(['CPU', String(d.cpu)]);
		if (d.phase)
			list.push(['phase', d.phase]);
		return list.concat(sampleFacts(panel.data, lane, d));
	}

	function choose(panel, lane, i, n) {
		var d = panel.data.lanes[lane].describe(i), list;
		detail.textContent = '';
		view.chosen = d ? { panel: panel, lane: lane, i: i, begin: d.begin, end: d.end } : null;
		view.at = { panel: panel, lane: lane };
		redraw();
		if (!d)
			return;
		if (n > 1)
			make('p', '', detail, 'The longest of ' + n.toLocaleString('en') + ' intervals there:');
		list = make('dl', 'facts', detail);
		facts(panel, lane, d).forEach(function (f) {
			make('dt', '', list, f[0]);
			make('dd', '', list, f[1]);
		});
	}

	/* The longest interval about a place; half a pixel to each side. */
	function chooseAt(at, t) {
		var half = (view.to - view.from) / view.plot / 2, found;
		if (!at)
			return;
		t += at.panel.origin;
		found = at.panel.data.lanes[at.lane].longest(t - half, t + half);
		if (found)
			choose(at.panel, at.lane, found.i, found.n);
	}

	/* The one before or behind the chosen one, brought into view. */
	function chooseNext(by) {
		var m = view.chosen, middle, span = view.to - view.from;
		if (!m)
			return chooseAt(view.at, (view.from + view.to) / 2);
		choose(m.panel, m.lane, Math.max(0, Math.min(m.panel.data.lanes[m.lane].n - 1, m.i + by)), 1);
		m = view.chosen;
		middle = (m.begin + m.end) / 2 - m.panel.origin;
		if (middle < view.from || middle > view.to)
			look(middle - span / 2, middle + span / 2);
	}

	/* Up and down go from lane to lane, also to the next run's. */
	function nextLane(by) {
		var all = [], now;
		panels.forEach(function (p) {
			if (p.data)
				p.data.lanes.forEach(function (lane, i) { all.push({ panel: p, lane: i }); });
		});
		now = all.findIndex(function (a) { return view.at && a.panel === view.at.panel && a.lane === view.at.lane; });
		view.at = all[Math.max(0, Math.min(all.length - 1, now + by))] || null;
		redraw();
	}

	function letGo() {
		view.chosen = null;
		detail.textContent = '';
		redraw();
	}

	var KEYS = {
		ArrowLeft: function () { pan(-0.2); }, ArrowRight: function () { pan(0.2); },
		ArrowUp: function () { nextLane(-1); }, ArrowDown: function () { nextLane(1); },
		'+': function () { zoom(0.5); }, '=': function () { zoom(0.5); }, '-': function () { zoom(2); },
		0: function () { whenWhole(); }, Home: function () { whenWhole(); }, Escape: letGo,
		Enter: function () { chooseAt(view.at, (view.from + view.to) / 2); },
		',': function () { chooseNext(-1); }, '.': function () { chooseNext(1); },
		f: function () { var m = view.chosen, d = m ? m.end - m.begin : 0; if (m) look(m.begin - m.panel.origin - d, m.end - m.panel.origin + d); }
	};

	function onKey(event) {
		var act = event.ctrlKey || event.metaKey || event.altKey ? null : KEYS[event.key];
		if (!act)
			return;
		event.preventDefault();
		if (!view.at)
			nextLane(1);
		view.cursor = true;
		act();
	}

	/* The page scrolls by the wheel until the drawing was clicked, or with Ctrl. */
	function onWheel(event) {
		var x = event.clientX - canvas.getBoundingClientRect().left;
		if (document.activeElement !== plot && !event.ctrlKey && !event.metaKey)
			return;
		event.preventDefault();
		if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))
			pan((event.deltaX || event.deltaY) / 600);
		else
			zoom(Math.pow(1.0015, event.deltaY), x);
	}

	function two() {
		var list = Object.keys(fingers).map(function (id) { return fingers[id]; });
		return list.length === 2 ? { x: (list[0].x + list[1].x) / 2, apart: Math.max(10, Math.abs(list[0].x - list[1].x)) } : null;
	}

	function place(event) {
		var r = canvas.getBoundingClientRect();
		return { x: event.clientX - r.left, y: event.clientY - r.top };
	}

	function onDown(event) {
		var at = place(event);
		if (event.button)
			return;
		plot.focus({ preventScroll: true });
		view.cursor = false;
		fingers[event.pointerId] = at;
		canvas.setPointerCapture(event.pointerId);
		pressed = Object.keys(fingers).length === 1 ? { at: at, from: view.from, to: view.to, moved: false } : null;
		pinch = two();
		if (pinch) {
			pinch.t = view.timeAt(pinch.x);
			pinch.span = view.to - view.from;
		}
	}

	function onMove(event) {
		var at = place(event), now, span;
		if (!fingers[event.pointerId])
			return;
		fingers[event.pointerId] = at;
		now = two();
		if (pinch && now) {
			span = pinch.span * pinch.apart / now.apart;
			look(pinch.t - (now.x - D.GUTTER) / view.plot * span, pinch.t + (1 - (now.x - D.GUTTER) / view.plot) * span);
		} else if (pressed) {
			pressed.moved = pressed.moved || Math.abs(at.x - pressed.at.x) > CLICK;
			span = (pressed.at.x - at.x) / view.plot * (pressed.to - pressed.from);
			if (pressed.moved)
				look(pressed.from + span, pressed.to + span);
		}
	}

	function onUp(event) {
		var at = place(event);
		delete fingers[event.pointerId];
		if (pressed && !pressed.moved && event.type === 'pointerup')
			chooseAt(view.laneAt(at.y), view.timeAt(at.x));
		pressed = pinch = null;
	}

	function onResize() {
		var width = Math.floor(plot.clientWidth);
		if (width > 0 && width !== view.width) {
			view.fit(width);
			redraw();
		}
	}

	function listen() {
		plot.addEventListener('keydown', onKey);
		plot.addEventListener('wheel', onWheel, { passive: false });
		canvas.addEventListener('pointerdown', onDown);
		canvas.addEventListener('pointermove', onMove);
		['pointerup', 'pointercancel'].forEach(function (type) { canvas.addEventListener(type, onUp); });
		plot.addEventListener('blur', function () {
			view.cursor = false;
			redraw();
		});
		if (typeof ResizeObserver === 'function')
			new ResizeObserver(onResize).observe(plot);
		matchMedia('(prefers-color-scheme: dark)').addEventListener('change', function () {
			view.restyle();
			redraw();
		});
	}

	function build() {
		var tools;
		pickers = make('div', 'time-choices', box);
		plot = make('div', 'time-plot', box);
		plot.tabIndex = 0;
		plot.setAttribute('role', 'group');
		plot.setAttribute('aria-roledescription', 'timeline');
		plot.setAttribute('aria-label', 'Lanes over time. Left and right move in time, plus and minus zoom, 0 shows all; up and down choose a lane, ' +
			'Enter an interval, comma and full stop the one before and behind it; F zooms to it.');
		canvas = make('canvas', '', plot);
		canvas.setAttribute('aria-hidden', 'true');
		tools = make('div', 'time-tools', box);
		[['rows', 'Rows'], ['samples', 'Samples']].forEach(function (which) {
			var label = make('label', '', tools), input = make('input', '', label);
			input.type = 'checkbox';
			input.checked = true;
			make('span', '', label, ' ' + which[1]);
			input.addEventListener('change', function () {
				view.show[which[0]] = input.checked;
				view.fit(view.width);
				redraw();
			});
		});
		button(tools, '+', 'Zoom in', function () { zoom(0.5); });
		button(tools, '\u2212', 'Zoom out', function () { zoom(2); });
		button(tools, 'All', 'Show all of the time', whenWhole);
		make('span', '', tools, 'Drag to move; wheel (after a click, or with Ctrl) or two fingers to zoom; click an interval. Keys: \u2190 \u2192 + \u2212 0, ' +
			'\u2191 \u2193 for a lane, Enter, comma and full stop for intervals, F to zoom to one.');
		detail = make('div', 'time-detail', box);
		detail.setAttribute('role', 'status');
		view = new D.View(canvas, store.states);
		view.words = make('p', 'of-runs', box);
	}

	if (!store)
		return;
	box.hidden = false;
	build();
	first().forEach(addPanel);
	if (!panels.length)
		addPanel(store.entries[0]);
	refresh();
	listen();
	T.view = view;
	T.look = look;
	T.panels = panels;
	T.redraw = redraw;
	T.nameOf = nameOf;

	/* A span of a run, in ns since its begin; it is shown if it is not yet. */
	T.showSpan = function (entry, from, to) {
		var panel = panels.find(function (p) { return p.entry === entry; });
		if (!panel) {
			panel = panels[0];
			show(panel, entry);
		}
		look(from - panel.origin, to - panel.origin);
		box.scrollIntoView();
		plot.focus({ preventScroll: true });
	};
})();
