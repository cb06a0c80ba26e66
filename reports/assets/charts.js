/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Charts that answer to pointer and keyboard. The numbers are those of the page's own tables, so the tables are what a
 * chart says, for those who cannot see it.
 */
(function () {
	'use strict';
	var root = document.documentElement, make = guestscopeMake, charts = [];
	/* The shapes of reports/text/stack_style.c, in its order: a circle of radius 5 holds each. */
	var MARKS = ['M-4 0A4 4 0 1 1 4 0A4 4 0 1 1-4 0Z', 'M-3.6-3.6H3.6V3.6H-3.6Z', 'M0-4.8L4.6 3.4H-4.6Z',
		'M0-5L5 0L0 5L-5 0Z', 'M0 4.8L4.6-3.4H-4.6Z',
		'M-1.6-4.8H1.6V-1.6H4.8V1.6H1.6V4.8H-1.6V1.6H-4.8V-1.6H-1.6Z',
		'M-4.8-3L-3-4.8L0-1.8L3-4.8L4.8-3L1.8 0L4.8 3L3 4.8L0 1.8L-3 4.8L-4.8 3L-1.8 0Z', 'M-5-2.4H5V2.4H-5Z'];
	var METRICS = {
		runtime: { title: 'run time, s', unit: ' s', name: 'Run time', zero: true },
		speedup: { title: 'speed-up over one core', unit: '', name: 'Speed-up', zero: true, ideal: function (n) { return n; } },
		efficiency: { title: 'speed-up by cores, %', unit: ' %', name: 'Efficiency', zero: true, ideal: function () { return 100; } },
		boot: { title: 'boot, s', unit: ' s', name: 'Boot', zero: true }
	};

	function color(name) {
		return getComputedStyle(root).getPropertyValue(name).trim();
	}

	function digits(value) {
		return Number(value.toPrecision(4)).toString();
	}

	function attribute(element, name) {
		return Number(element.getAttribute('data-' + name));
	}

	/*
	 * A chart is made of points {series, x, y, low, high, text, leads}; what is drawn are its series' points, joined where
	 * lines is set. uPlot keeps axes, scales and the cursor; it knows neither marks of many shapes nor intervals: they are
	 * drawn here.
	 */
	function Chart(figure, names) {
		this.figure = figure;
		this.names = names;
		this.looks = looks(names);
		this.hidden = names.map(function () { return false; });
		this.at = null;
		this.box = make('div', 'plot');
		this.box.tabIndex = 0;
		this.box.setAttribute('role', 'group');
		this.box.setAttribute('aria-roledescription', 'interactive chart');
		this.live = make('p', 'reading');
		this.live.setAttribute('role', 'status');
		this.series = this.buttons();
		figure.appendChild(this.series);
		figure.appendChild(this.box);
		figure.appendChild(this.live);
		figure.hidden = false;
		this.listen();
	}

	/* Variants of a stack, "osv (thread)", have its colour, each one lighter; as stack_looks() of reports/text. */
	function looks(names) {
		var stacks = [], variants = {};
		return names.map(function (name) {
			var stack = name.split(' (')[0];
			if (stacks.indexOf(stack) < 0)
				stacks.push(stack);
			variants[stack] = (variants[stack] || 0) + 1;
			return { color: '--s' + stacks.indexOf(stack) % 8, alpha: [1, 0.66, 0.44][Math.min(2, variants[stack] - 1)] };
		});
	}

	function mark(series, look) {
		return '<svg viewBox="-7 -7 14 14" aria-hidden="true"><path style="fill: var(' + look.color + ')" opacity="' + look.alpha +
			'" d="' + MARKS[series % 8] + '"/></svg>';
	}

	/* The legend: a button for each stack, which shows and hides it. */
	Chart.prototype.buttons = function () {
		var self = this, list = make('ul', 'legend series');
		this.names.forEach(function (name, i) {
			var button = make('button', '', make('li', '', list));
			button.type = 'button';
			button.setAttribute('aria-pressed', 'true');
			button.innerHTML = mark(i, self.looks[i]);
			make('span', '', button, name);
			button.addEventListener('click', function () {
				self.hidden[i] = !self.hidden[i];
				button.setAttribute('aria-pressed', String(!self.hidden[i]));
				self.draw();
			});
		});
		return list;
	};

	Chart.prototype.listen = function () {
		var self = this;
		this.box.addEventListener('keydown', function (event) {
			var to = self.next(event.key);
			if (event.key === 'Enter')
				self.box.click();
			if (to === undefined)
				return;
			event.preventDefault();
			self.show(to);
		});
		this.box.addEventListener('focus', function () {
			if (self.box.matches(':focus-visible') && !self.at)
				self.show(self.visible()[0] || null);
		});
		this.box.addEventListener('blur', function () { self.show(null); });
		this.box.addEventListener('mousemove', function (event) { self.show(self.nearest(event)); });
		this.box.addEventListener('mouseleave', function () { self.show(null); });
		this.box.addEventListener('click', function () {
			if (self.at && self.at.leads)
				location.hash = self.at.leads;
		});
		if (typeof ResizeObserver === 'function')
			new ResizeObserver(function () { self.fit(); }).observe(this.box);
		else
			window.addEventListener('resize', function () { self.fit(); });
	};

	Chart.prototype.visible = function () {
		var hidden = this.hidden;
		return this.points.filter(function (p) { return !hidden[p.series]; });
	};

	/* Left and right go along a series, up and down from one to the next, to the point that is nearest in x. */
	Chart.prototype.next = function (key) {
		var points = this.visible(), at = this.at, same, i, best;
		if (key === 'Escape')
			return null;
		if (['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End'].indexOf(key) < 0 || !points.length)
			return undefined;
		if (!at || this.hidden[at.series])
			return points[0];
		same = points.filter(function (p) { return p.series === at.series; });
		if (key === 'Home')
			return same[0];
		if (key === 'End')
			return same[same.length - 1];
		if (key === 'ArrowLeft' || key === 'ArrowRight') {
			i = same.indexOf(at) + (key === 'ArrowLeft' ? -1 : 1);
			return same[Math.max(0, Math.min(same.length - 1, i))];
		}
		points.forEach(function (p) {
			var step = (p.series - at.series) * (key === 'ArrowDown' ? 1 : -1);
			var rank = step * 1e6 + Math.abs(p.x - at.x);
			if (step > 0 && (!best || rank < best.rank))
				best = { rank: rank, p: p };
		});
		return best ? best.p : at;
	};

	Chart.prototype.nearest = function (event) {
		var u = this.uplot, over = u.over.getBoundingClientRect(), best = null, least = 60 * 60, self = this;
		var x = event.clientX - over.left, y = event.clientY - over.top;
		this.visible().forEach(function (p) {
			var dx = u.valToPos(p.x, 'x') + self.dodge(p.series) - x, dy = u.valToPos(p.y, 'y') - y;
			if (dx * dx + dy * dy < least) {
				least = dx * dx + dy * dy;
				best = p;
			}
		});
		return best;
	};

	Chart.prototype.show = function (point) {
		var changed = this.at !== point;
		this.at = point;
		if (!changed)
			return;
		this.live.textContent = point ? point.text : '';
		this.uplot.redraw(false);
	};

	/* Intervals of several series at one x stand beside each other. */
	Chart.prototype.dodge = function (series) {
		return this.lines ? 5 * (series - (this.names.length - 1) / 2) : 0;
	};

	Chart.prototype.fit = function () {
		var width = Math.floor(this.box.clientWidth);
		if (this.uplot && width > 0 && width !== this.uplot.width)
			this.uplot.setSize({ width: width, height: this.height(width) });
	};

	Chart.prototype.height = function (width) {
		return Math.round(Math.max(250, Math.min(380, width * 0.5)));
	};

	/* Values that differ by more than ten, without an ideal to be held against, need a logarithmic axis. */
	Chart.prototype.isWide = function (points) {
		var ys = points.map(function (p) { return p.y; });
		return Boolean(this.zero && !this.guide && Math.min.apply(null, ys) > 0 &&
			Math.max.apply(null, ys) > 10 * Math.min.apply(null, ys));
	};

	/* uPlot's data: all x, and the points' extremes as one series that is not drawn but spans the y axis. */
	Chart.prototype.draw = function () {
		var width = Math.floor(this.box.clientWidth) || 700, self = this, points = this.visible(), xs, low = [], high = [];
		this.wide = this.isWide(points);
		xs = this.points.map(function (p) { return p.x; }).concat(this.ticks || []);
		xs = xs.sort(function (a, b) { return a - b; }).filter(function (x, i) { return !i || x !== xs[i - 1]; });
		xs.forEach(function (x) {
			var ys = [];
			points.forEach(function (p) {
				if (p.x === x)
					ys.push(p.y, p.low, p.high);
			});
			if (self.guide)
				ys.push(self.guide(x));
			if (self.zero && !self.wide)
				ys.push(0);
			ys = ys.filter(function (y) { return isFinite(y) && (y > 0 || !self.wide); });
			low.push(ys.length ? Math.min.apply(null, ys) : null);
			high.push(ys.length ? Math.max.apply(null, ys) : null);
		});
		if (this.uplot)
			this.uplot.destroy();
		this.at = null;
		this.live.textContent = '';
		this.uplot = new uPlot(this.options(width), [xs, low, high], this.box);
		this.box.setAttribute('aria-label', this.label + (this.wide ? ' The axis is logarithmic.' : '') + ' Arrow keys move from point to point; the numbers are in the ' + this.table + '.');
	};

	function plain(u, values) {
		return values.map(function (v) { return v === null ? '' : digits(v); });
	}

	Chart.prototype.options = function (width) {
		var self = this, axis = { stroke: color('--muted'), grid: { stroke: color('--line'), width: 1 },
			ticks: { show: false }, font: '12px system-ui, sans-serif', labelFont: '12px system-ui, sans-serif' };
		var x = Object.assign({}, axis, { label: this.xTitle, labelSize: 22, size: 30, grid: { show: false }, values: plain });
		var y = Object.assign({}, axis, { label: this.yTitle + (this.wide ? ', logarithmic' : ''), labelSize: 24, size: 54, values: plain });
		if (this.ticks)
			x.splits = function () { return self.ticks; };
		return {
			width: width, height: this.height(width), legend: { show: false },
			cursor: { show: true, x: false, y: false, drag: { x: false, y: false }, points: { show: false } },
			scales: {
				x: { time: false, distr: this.doubles ? 3 : 1, log: 2, range: function (u, min, max) { return self.span(min, max); } },
				y: this.wide ? { distr: 3, log: 10, range: function (u, min, max) { return uPlot.rangeLog(min, max, 10, true); } } :
					{ range: function (u, min, max) { return uPlot.rangeNum(min, max, { min: { pad: self.zero ? 0 : 0.1, soft: 0, mode: self.zero ? 1 : 0 }, max: { pad: 0.1 } }); } }
			},
			axes: [x, y],
			series: [{}, { show: true, paths: function () { return null; }, points: { show: false } },
				{ show: true, paths: function () { return null; }, points: { show: false } }],
			hooks: { draw: [function (u) { self.paint(u); }] }
		};
	};

	Chart.prototype.span = function (min, max) {
		var margin = Math.max(0.04 * (max - min), 0.5);
		if (!this.doubles)
			return [min - margin, max + margin];
		return [min / Math.pow(2, 0.2), max * Math.pow(2, 0.2)];
	};

	Chart.prototype.paint = function (u) {
		var c = u.ctx, ratio = uPlot.pxRatio || window.devicePixelRatio || 1, self = this, paper = color('--paper'), previous = {};
		function x(value, series) { return u.valToPos(value, 'x', true) + self.dodge(series) * ratio; }
		function y(value) { return u.valToPos(value, 'y', true); }
		c.save();
		c.lineWidth = 1.2 * ratio;
		if (this.guide) {
			c.strokeStyle = color('--muted');
			c.setLineDash([5 * ratio, 4 * ratio]);
			c.beginPath();
			this.ticks.forEach(function (t, i) {
				c[i ? 'lineTo' : 'moveTo'](u.valToPos(t, 'x', true), y(self.guide(t)));
			});
			c.stroke();
			c.setLineDash([]);
			c.fillStyle = color('--muted');
			c.font = 12 * ratio + 'px system-ui, sans-serif';
			c.textAlign = 'left';
			c.fillText('ideal', u.valToPos(this.ticks[this.ticks.length - 1], 'x', true) + 24 * ratio,
				y(this.guide(this.ticks[this.ticks.length - 1])) + 4 * ratio);
		}
		(this.levels || []).forEach(function (level) {
			if (self.hidden[level.series])
				return;
			c.strokeStyle = c.fillStyle = color('--s' + level.series % 8);
			c.setLineDash([2 * ratio, 3 * ratio]);
			c.beginPath();
			c.moveTo(u.bbox.left, y(level.y));
			c.lineTo(u.bbox.left + u.bbox.width, y(level.y));
			c.stroke();
			c.setLineDash([]);
			c.font = 12 * ratio + 'px system-ui, sans-serif';
			c.textAlign = 'right';
			c.fillText(level.text, u.bbox.left + u.bbox.width - 4 * ratio, y(level.y) - 4 * ratio);
		});
		this.visible().forEach(function (p) {
			c.strokeStyle = color(self.looks[p.series].color);
			c.globalAlpha = self.looks[p.series].alpha;
			c.lineWidth = 1.8 * ratio;
			c.beginPath();
			if (self.lines && previous[p.series]) {
				c.moveTo(x(previous[p.series].x, p.series), y(previous[p.series].y));
				c.lineTo(x(p.x, p.series), y(p.y));
			}
			previous[p.series] = p;
			c.stroke();
		});
		this.visible().forEach(function (p) {
			var left = x(p.x, p.series), size = p === self.at ? 1.7 : 1;
			c.strokeStyle = c.fillStyle = color(self.looks[p.series].color);
			c.globalAlpha = self.looks[p.series].alpha;
			c.lineWidth = 1.4 * ratio;
			if (isFinite(p.low) && isFinite(p.high)) {
				c.beginPath();
				[p.low, p.high].forEach(function (v) {
					c.moveTo(left - 4 * ratio, y(v));
					c.lineTo(left + 4 * ratio, y(v));
				});
				c.moveTo(left, y(p.low));
				c.lineTo(left, y(p.high));
				c.stroke();
			}
			c.save();
			c.translate(left, y(p.y));
			c.scale(ratio * size, ratio * size);
			c.lineWidth = 1;
			c.strokeStyle = paper;
			c.fill(new Path2D(MARKS[p.series % 8]));
			c.stroke(new Path2D(MARKS[p.series % 8]));
			c.restore();
		});
		c.restore();
	};

	/* The stacks, in the order of the table. */
	function stacks() {
		var rows = document.querySelectorAll('#comparison tr[data-stack]');
		return Array.from(new Set(Array.from(rows, function (row) { return row.getAttribute('data-stack'); })));
	}

	function coresChart(figure) {
		var chart = new Chart(figure, stacks()), choice = make('fieldset', 'metrics');
		var rows = document.querySelectorAll('#comparison tr[data-stack]');
		make('legend', 'away', choice, 'What to show');
		function points(metric) {
			var found = [];
			rows.forEach(function (row) {
				var cell = row.querySelector('[data-m="' + metric + '"]'), stack = row.getAttribute('data-stack'), p;
				if (!cell)
					return;
				p = { series: chart.names.indexOf(stack), x: attribute(row, 'cores'), y: attribute(cell, 'v'),
					low: cell.hasAttribute('data-low') ? attribute(cell, 'low') : NaN,
					high: cell.hasAttribute('data-high') ? attribute(cell, 'high') : NaN };
				p.text = stack + ', ' + p.x + (p.x === 1 ? ' core' : ' cores') + ': ' + digits(p.y) + METRICS[metric].unit +
					(isFinite(p.low) ? ' [' + digits(p.low) + ' to ' + digits(p.high) + ']' : '');
				found.push(p);
			});
			return found.sort(function (a, b) { return a.series - b.series || a.x - b.x; });
		}
		function choose(metric) {
			var m = METRICS[metric];
			chart.points = points(metric);
			chart.ticks = Array.from(new Set(chart.points.map(function (p) { return p.x; }))).sort(function (a, b) { return a - b; });
			chart.guide = m.ideal;
			chart.zero = m.zero;
			chart.yTitle = m.title;
			chart.label = m.name + ' over the number of cores.';
			chart.draw();
		}
		chart.lines = chart.doubles = true;
		chart.xTitle = 'cores';
		chart.table = 'comparison table';
		Object.keys(METRICS).forEach(function (metric, i) {
			var label, input;
			if (!points(metric).length)
				return;
			label = make('label', '', choice);
			input = make('input', '', label);
			input.type = 'radio';
			input.name = 'metric';
			input.checked = i === 0;
			make('span', '', label, METRICS[metric].name);
			input.addEventListener('change', function () { choose(metric); });
		});
		figure.insertBefore(choice, chart.series);
		choose('runtime');
		return chart;
	}

	/* Where a configuration's times come in several heaps: a line at the middle of each. */
	function addLevels(chart, rows, mean) {
		var modes = {};
		rows.forEach(function (row) {
			var mode = row.getAttribute('data-mode');
			if (mode)
				(modes[mode] = modes[mode] || []).push(attribute(row, 'v'));
		});
		Object.keys(modes).forEach(function (mode) {
			var times = modes[mode].sort(function (a, b) { return a - b; }), n = times.length;
			var middle = (times[(n - 1) >> 1] + times[n >> 1]) / 2;
			chart.levels.push({ series: chart.names.indexOf(rows[0].getAttribute('data-stack')), y: 100 * (middle / mean - 1),
				text: n + ' runs near ' + digits(middle) + ' s' });
		});
	}

	function orderChart(figure) {
		var chart = new Chart(figure, stacks()), cells = {};
		chart.levels = [];
		document.querySelectorAll('#runs tr[data-v]').forEach(function (row) {
			var key = row.getAttribute('data-stack') + ' on ' + row.getAttribute('data-cores');
			(cells[key] = cells[key] || []).push(row);
		});
		chart.points = [];
		Object.keys(cells).forEach(function (key) {
			var mean = cells[key].reduce(function (sum, row) { return sum + attribute(row, 'v'); }, 0) / cells[key].length;
			addLevels(chart, cells[key], mean);
			cells[key].forEach(function (row) {
				var stack = row.getAttribute('data-stack'), cores = attribute(row, 'cores');
				var off = 100 * (attribute(row, 'v') / mean - 1);
				if (cells[key].length < 2)
					return;
				chart.points.push({ leads: row.id, series: chart.names.indexOf(stack), x: attribute(row, 'position'), y: off, low: NaN, high: NaN,
					text: 'run ' + row.getAttribute('data-run') + ', position ' + row.getAttribute('data-position') + ': ' + stack + ', ' + cores +
						(cores === 1 ? ' core' : ' cores') + ', ' + digits(attribute(row, 'v')) + ' s, ' + (off < 0 ? '\u2212' : '+') +
						Math.abs(off).toFixed(1) + ' % of its mean' });
			});
		});
		chart.points.sort(function (a, b) { return a.series - b.series || a.x - b.x; });
		chart.xTitle = 'position in the order of execution';
		chart.yTitle = 'run time against its mean, %';
		chart.label = 'Run times against their means, in order of execution.';
		chart.table = 'table of every run';
		chart.draw();
		return chart;
	}

	if (typeof uPlot !== 'function')
		return;
	document.querySelectorAll('figure[data-chart]').forEach(function (figure) {
		charts.push(figure.getAttribute('data-chart') === 'cores' ? coresChart(figure) : orderChart(figure));
	});
	function redraw() {
		charts.forEach(function (chart) { chart.draw(); });
	}
	matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
})();
