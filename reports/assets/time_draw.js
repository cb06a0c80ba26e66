/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Draws lanes over time on a canvas. A column of pixels is one state where there was no other, and else is divided by the
 * shares of the states in its span; what was there is at least one pixel high. So nothing is left out, however far off.
 */
guestscopeTime.draw = (function () {
	'use strict';
	var GUTTER = 64, HEAD = 24, BAND = 18, GAP = 3, AXIS = 30, ROW = 7, SAMPLE = 9;
	var UNITS = [['s', 1e9], ['ms', 1e6], ['\u00b5s', 1e3], ['ns', 1]];

	/* "1.25 ms" */
	function time(ns) {
		var unit = UNITS.find(function (u) { return Math.abs(ns) >= u[1]; }) || UNITS[3];
		return Number((ns / unit[1]).toPrecision(5)) + ' ' + unit[0];
	}

	/* An instant, with as many digits as tell it from one @step away; in the unit of @most, the farthest beside it. */
	function instant(ns, step, most) {
		var at = UNITS.findIndex(function (u) { return Math.max(Math.abs(most || ns), step) >= u[1]; });
		function digits(unit) { return Math.max(0, Math.min(9, Math.ceil(Math.log10(unit / step) - 1e-9))); }
		if (at < 0)
			at = 3;
		if (at === 0 && digits(UNITS[0][1]) > 6)
			at = 1;
		return (ns / UNITS[at][1]).toFixed(digits(UNITS[at][1])) + ' ' + UNITS[at][0];
	}

	/* The least of 1, 2, 5 x 10^n that is no less. */
	function step(least) {
		var ten = Math.pow(10, Math.floor(Math.log10(least)));
		return [1, 2, 5, 10].find(function (m) { return m * ten >= least * (1 - 1e-9); }) * ten;
	}

	function hex(color) {
		return [1, 3, 5].map(function (i) { return parseInt(color.slice(i, i + 2), 16); });
	}

	/* As ImageData has a pixel, on a machine of little-endian order, which all browsers run on. */
	function pixel(rgb) {
		return (255 << 24 | rgb[2] << 16 | rgb[1] << 8 | rgb[0]) >>> 0;
	}

	function mix(a, b, part) {
		return a.map(function (x, i) { return Math.round(x * (1 - part) + b[i] * part); });
	}

	function paintOf(states) {
		var style = getComputedStyle(document.documentElement);
		function own(name) { return style.getPropertyValue(name).trim(); }
		var paper = hex(own('--paper'));
		return { ink: own('--ink'), muted: own('--muted'), line: own('--line'), faint: own('--faint'), paper: own('--paper'), accent: own('--accent'),
			plain: Uint32Array.from(states.map(function (s) { return pixel(hex(s[1])); }).concat([pixel(paper)])),
			hatched: Uint32Array.from(states.map(function (s) { return pixel(mix(hex(s[1]), paper, 0.45)); }).concat([pixel(hex(own('--muted')))])) };
	}

	/* How high each channel of a column is, in place: all that were there at least 1. */
	function heights(shares, n, span, h) {
		var left = h, most = -1, k;
		for (k = 0; k < n; k++) {
			shares[k] = shares[k] > 0 ? Math.max(1, Math.floor(shares[k] / span * h)) : 0;
			left -= shares[k];
			if (most < 0 || shares[k] > shares[most])
				most = k;
		}
		if (shares[most])
			shares[most] = Math.max(1, shares[most] + left);
	}

	/*
	 * One lane as pixels: @w x @h of @words, of which column x shows what was from @from + x * @ns on. The channels are the
	 * states, what is lost, what is merged: the last is no share; a column of which it is a quarter is hatched.
	 */
	function laneInto(words, w, h, lane, from, ns, paint) {
		var c = lane.run.merged + 1, before = new Float64Array(c), after = new Float64Array(c), share = new Float64Array(c), swap, x, k, sum;
		lane.sumsAt(from, before);
		for (x = 0; x < w; x++) {
			lane.sumsAt(from + (x + 1) * ns, after);
			sum = 0;
			for (k = 0; k < c; k++) {
				share[k] = after[k] - before[k];
				share[k] = share[k] < 1e-3 ? 0 : share[k];
				sum += k < c - 1 ? share[k] : 0;
			}
			if (sum > 0)
				column(words, w, h, x, share, sum, paint);
			swap = before;
			before = after;
			after = swap;
		}
	}

	function column(words, w, h, x, share, sum, paint) {
		var n = share.length - 1, merged = 4 * share[n] > sum, y = 0, k, end;
		heights(share, n, sum, h);
		for (k = 0; k < n; k++)
			for (end = Math.min(h, y + share[k]); y < end; y++)
				words[y * w + x] = (merged || k === n - 1) && (x + y) % 6 < 2 ? paint.hatched[k] : paint.plain[k];
	}

	/* Lanes become lower where there are many. */
	function laneHeight(run) {
		return run.lanes.length > 24 ? 9 : run.lanes.length > 8 ? 15 : 26;
	}

	/* Where things of a panel are, from its top on. */
	function layout(panel, top, show) {
		var run = panel.data, h = run ? laneHeight(run) : 0, rows = run && show.rows && run.rows.length ? ROW : 0;
		var samples = run && show.samples && run.samples.length ? SAMPLE : 0;
		panel.top = top;
		panel.bandTop = top + HEAD;
		panel.lanesTop = panel.bandTop + BAND + GAP;
		panel.laneHeight = h;
		panel.rowHeight = rows;
		panel.sampleHeight = samples;
		panel.pitch = h + rows + samples + GAP;
		panel.bottom = run ? panel.lanesTop + run.lanes.length * panel.pitch : panel.bandTop + 6;
		return panel.bottom + 6;
	}

	function View(canvas, states) {
		this.canvas = canvas;
		this.states = states;
		this.images = {};
		this.panels = [];
		this.show = { rows: true, samples: true };
		this.restyle();
	}

	View.prototype.restyle = function () {
		this.paint = paintOf(this.states);
	};

	/* As wide as its box, and as high as the panels need. */
	View.prototype.fit = function (width) {
		var top = 0, ratio = window.devicePixelRatio || 1;
		this.panels.forEach(function (p) { top = layout(p, top, this.show); }, this);
		this.width = width;
		this.plot = Math.max(50, width - GUTTER);
		this.height = top + AXIS;
		if (this.canvas.width === Math.round(width * ratio) && this.canvas.height === Math.round(this.height * ratio))
			return;
		this.canvas.width = Math.round(width * ratio);
		this.canvas.height = Math.round(this.height * ratio);
		this.canvas.style.height = this.height + 'px';
	};

	View.prototype.x = function (t) {
		return GUTTER + (t - this.from) / (this.to - this.from) * this.plot;
	};

	View.prototype.timeAt = function (x) {
		return this.from + (x - GUTTER) / this.plot * (this.to - this.from);
	};

	/* The panel and lane at a place of the canvas, or null. */
	View.prototype.laneAt = function (y) {
		var panel = this.panels.find(function (p) { return p.data && y >= p.lanesTop && y < p.bottom; });
		var lane = panel ? Math.floor((y - panel.lanesTop) / panel.pitch) : 0;
		return panel && lane < panel.data.lanes.length ? { panel: panel, lane: lane } : null;
	};

	View.prototype.draw = function () {
		var ratio = window.devicePixelRatio || 1, c = this.canvas.getContext('2d');
		c.setTransform(1, 0, 0, 1, 0, 0);
		c.fillStyle = this.paint.paper;
		c.fillRect(0, 0, this.canvas.width, this.canvas.height);
		c.setTransform(ratio, 0, 0, ratio, 0, 0);
		this.panels.forEach(function (p) { this.drawPanel(c, p); }, this);
		this.panels.forEach(function (p) {
			if (p.data)
				p.data.lanes.forEach(function (lane, i) { this.drawLane(c, ratio, p, lane, i); }, this);
		}, this);
		this.drawAxis(c);
		this.drawMarks(c);
	};

	View.prototype.drawLane = function (c, ratio, panel, lane, i) {
		var w = Math.max(1, Math.round(this.plot * ratio)), h = Math.round(panel.laneHeight * ratio), key = w + 'x' + h;
		var image = this.images[key], words;
		if (!image) {
			image = this.images[key] = { data: new ImageData(w, h) };
			image.words = new Uint32Array(image.data.data.buffer);
		}
		words = image.words;
		words.fill(this.paint.plain[this.paint.plain.length - 1]);
		laneInto(words, w, h, lane, this.from + panel.origin, (this.to - this.from) / w, this.paint);
		c.putImageData(image.data, Math.round(GUTTER * ratio), Math.round((panel.lanesTop + i * panel.pitch) * ratio));
	};

	View.prototype.drawPanel = function (c, p) {
		c.textBaseline = 'middle';
		c.textAlign = 'left';
		c.font = '600 13px system-ui, sans-serif';
		c.fillStyle = this.paint.ink;
		c.fillText(p.title, 0, p.top + HEAD / 2 + 2, this.width);
		if (!p.data)
			return;
		this.drawPhases(c, p);
		c.font = '12px system-ui, sans-serif';
		p.data.lanes.forEach(function (lane, i) {
			var y = p.lanesTop + i * p.pitch + p.laneHeight / 2, here = this.at && this.at.panel === p && this.at.lane === i;
			if (p.laneHeight < 12 && i % 4 && !here)
				return;
			c.font = (here ? '700 ' : '') + '12px system-ui, sans-serif';
			c.fillStyle = here ? this.paint.ink : this.paint.muted;
			c.fillText('lane ' + i, 0, y);
		}, this);
		if (p.rowHeight)
			this.drawRows(c, p);
		if (p.sampleHeight)
			this.drawSamples(c, p);
	};

	/* Cut to the plot; false: nothing of it is seen. */
	View.prototype.span = function (begin, end) {
		var left = Math.max(GUTTER, this.x(begin)), right = Math.min(this.width, this.x(end));
		return right >= GUTTER && left <= this.width ? [left, Math.max(0, right - left)] : null;
	};

	View.prototype.drawPhases = function (c, p) {
		c.font = '12px system-ui, sans-serif';
		p.data.phases.forEach(function (phase, i) {
			var at = this.span(phase[1] - p.origin, phase[2] - p.origin);
			if (!at)
				return;
			c.fillStyle = i % 2 ? this.paint.faint : this.paint.line;
			c.fillRect(at[0], p.bandTop, at[1], BAND);
			c.fillStyle = this.paint.ink;
			if (at[1] > 12 + c.measureText(phase[0]).width)
				c.fillText(phase[0], at[0] + 5, p.bandTop + BAND / 2 + 1);
			c.fillRect(at[0], p.bandTop, 1, p.bottom - p.bandTop - GAP);
		}, this);
	};

	/* The program's rows: a tick where each begins, below its lane. */
	View.prototype.drawRows = function (c, p) {
		c.fillStyle = this.paint.ink;
		p.data.rows.forEach(function (row) {
			var x = this.x(row[2] - p.origin), y = p.lanesTop + row[1] * p.pitch + p.laneHeight + 1;
			if (row[1] >= p.data.lanes.length || x < GUTTER || x > this.width)
				return;
			c.fillRect(x, y, 1, ROW - 2);
		}, this);
	};

	View.prototype.drawAxis = function (c) {
		var y = this.height - AXIS, each = step((this.to - this.from) / Math.max(2, this.plot / 110)), t;
		var most = Math.max(Math.abs(this.from), Math.abs(this.to));
		c.font = '12px system-ui, sans-serif';
		c.textAlign = 'center';
		c.fillStyle = this.paint.muted;
		c.fillRect(GUTTER, y, this.plot, 1);
		for (t = Math.ceil(this.from / each) * each; t <= this.to; t += each) {
			c.fillRect(this.x(t), y, 1, 5);
			c.fillText(Math.abs(t) < each / 2 ? '0' : instant(t, each, most), Math.max(GUTTER + 20, Math.min(this.width - 45, this.x(t))), y + 16);
		}
		c.textAlign = 'left';
	};

	/* The interval that was chosen, and where the keyboard is. */
	View.prototype.drawMarks = function (c) {
		var m = this.chosen, at, y;
		if (m && m.panel.data && this.panels.indexOf(m.panel) >= 0) {
			at = this.span(m.begin - m.panel.origin, m.end - m.panel.origin);
			y = m.panel.lanesTop + m.lane * m.panel.pitch;
			c.strokeStyle = this.paint.ink;
			c.lineWidth = 2;
			if (at)
				c.strokeRect(at[0] - 1, y - 1, Math.max(2, at[1]) + 2, m.panel.laneHeight + 2);
		}
		if (this.cursor && this.at && this.at.panel.data) {
			c.fillStyle = this.paint.accent;
			c.fillRect(GUTTER + this.plot / 2 - 1, this.at.panel.lanesTop + this.at.lane * this.at.panel.pitch - 2, 2, this.at.panel.laneHeight + 4);
		}
	};

	/* A tick for each sample: above those on a CPU, below where the lane left it and its stack was taken. */
	View.prototype.drawSamples = function (c, p) {
		var self = this;
		p.data.lanes.forEach(function (lane, i) {
			var y = p.lanesTop + i * p.pitch + p.laneHeight + p.rowHeight + 1;
			[0, 1, 2].forEach(function (kind) {
				c.fillStyle = kind ? self.paint.muted : self.paint.accent;
				self.ticks(c, p, kind, i, y + (kind ? SAMPLE / 2 : 0));
			});
		});
	};

	/* One in each pixel at most. */
	View.prototype.ticks = function (c, p, kind, lane, y) {
		var t = p.data.nextSample(kind, lane, this.from + p.origin), x;
		while (t < this.to + p.origin) {
			x = Math.floor(this.x(t - p.origin));
			c.fillRect(x, y, 1, SAMPLE / 2 - 1);
			t = p.data.nextSample(kind, lane, Math.max(t + 1, this.timeAt(x + 1) + p.origin));
		}
	};

	return { View: View, time: time, instant: instant, GUTTER: GUTTER };
})();
