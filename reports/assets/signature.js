/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The signature of a run's noise: each detour as a point, when it began and how long it took, in the colour and shape of its
 * cause. Causes are shown and hidden by their buttons; the sums are in a table of the page.
 */
(function () {
	'use strict';
	var make = guestscopeMake, LEFT = 64, BOTTOM = 34, TOP = 8, RIGHT = 12, HEIGHT = 320, NEAREST = 12;
	var SHAPES = [
		function (c, x, y, r) { c.arc(x, y, r, 0, 7); },
		function (c, x, y, r) { c.rect(x - r, y - r, 2 * r, 2 * r); },
		function (c, x, y, r) { c.moveTo(x, y - r); c.lineTo(x + r, y + r); c.lineTo(x - r, y + r); c.closePath(); },
		function (c, x, y, r) { c.moveTo(x, y - r); c.lineTo(x + r, y); c.lineTo(x, y + r); c.lineTo(x - r, y); c.closePath(); },
		function (c, x, y, r) { c.moveTo(x, y + r); c.lineTo(x + r, y - r); c.lineTo(x - r, y - r); c.closePath(); }
	];

	function time(ns) {
		return guestscopeTime.draw.time(ns);
	}

	function Plot(box) {
		var data = JSON.parse(box.querySelector('script').textContent), self = this;
		this.box = box;
		this.causes = data.causes;
		this.points = data.points;
		this.length = data.length;
		this.hidden = data.causes.map(function () { return false; });
		this.range();
		this.buttons();
		this.plot = make('div', 'plot', box);
		this.canvas = make('canvas', '', this.plot);
		this.canvas.setAttribute('role', 'img');
		this.canvas.setAttribute('aria-label', 'Detours over time, by cause: ' + data.points.length / 4 + ' of them, the longest ' + time(this.high) +
			'. The sums by cause are in the table under Detours.');
		this.reading = make('p', 'reading', box);
		this.reading.setAttribute('role', 'status');
		this.canvas.addEventListener('mousemove', function (event) { self.read(event); });
		if (typeof ResizeObserver === 'function')
			new ResizeObserver(function () { self.draw(); }).observe(this.plot);
		matchMedia('(prefers-color-scheme: dark)').addEventListener('change', function () { self.draw(); });
		box.hidden = false;
		this.draw();
	}

	/* Lengths are on a logarithmic axis, of whole decades. */
	Plot.prototype.range = function () {
		var low = Infinity, high = 0, i;
		for (i = 2; i < this.points.length; i += 4) {
			low = Math.min(low, this.points[i]);
			high = Math.max(high, this.points[i]);
		}
		this.high = high;
		this.decades = [Math.floor(Math.log10(Math.max(low, 1))), Math.ceil(Math.log10(Math.max(high, 1)) + 1e-9)];
		if (this.decades[0] === this.decades[1])
			this.decades[1]++;
	};

	Plot.prototype.buttons = function () {
		var self = this, list = make('ul', 'legend series', this.box);
		this.causes.forEach(function (name, i) {
			var button = make('button', '', make('li', '', list)), mark = make('canvas', '', button), c = mark.getContext('2d');
			mark.width = mark.height = 14;
			mark.setAttribute('aria-hidden', 'true');
			c.fillStyle = self.color(i);
			c.beginPath();
			SHAPES[i % SHAPES.length](c, 7, 7, 4);
			c.fill();
			button.type = 'button';
			button.setAttribute('aria-pressed', 'true');
			make('span', '', button, name);
			button.addEventListener('click', function () {
				self.hidden[i] = !self.hidden[i];
				button.setAttribute('aria-pressed', String(!self.hidden[i]));
				self.draw();
			});
		});
	};

	Plot.prototype.color = function (cause) {
		return getComputedStyle(document.documentElement).getPropertyValue('--s' + cause % 8).trim();
	};

	Plot.prototype.x = function (ns) {
		return LEFT + ns / this.length * (this.width - LEFT - RIGHT);
	};

	Plot.prototype.y = function (ns) {
		var part = (Math.log10(ns) - this.decades[0]) / (this.decades[1] - this.decades[0]);
		return HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - TOP);
	};

	Plot.prototype.draw = function () {
		var ratio = window.devicePixelRatio || 1, c = this.canvas.getContext('2d'), i, k;
		this.width = Math.max(200, Math.floor(this.plot.clientWidth));
		this.canvas.width = this.width * ratio;
		this.canvas.height = HEIGHT * ratio;
		this.canvas.style.width = this.width + 'px';
		this.canvas.style.height = HEIGHT + 'px';
		c.scale(ratio, ratio);
		this.axes(c);
		/* What took most time is drawn last, above the others. */
		for (k = this.causes.length - 1; k >= 0; k--) {
			if (this.hidden[k])
				continue;
			c.fillStyle = this.color(k);
			c.globalAlpha = 0.7;
			for (i = 0; i < this.points.length; i += 4)
				if (this.points[i + 3] === k) {
					c.beginPath();
					SHAPES[k % SHAPES.length](c, this.x(this.points[i + 1]), this.y(this.points[i + 2]), 2.2);
					c.fill();
				}
		}
	};

	Plot.prototype.axes = function (c) {
		var style = getComputedStyle(document.documentElement), d, i, at, step;
		c.font = '12px system-ui, sans-serif';
		c.fillStyle = style.getPropertyValue('--muted').trim();
		c.strokeStyle = style.getPropertyValue('--line').trim();
		c.textAlign = 'right';
		c.textBaseline = 'middle';
		for (d = this.decades[0]; d <= this.decades[1]; d++) {
			at = this.y(Math.pow(10, d));
			c.beginPath();
			c.moveTo(LEFT, at);
			c.lineTo(this.width - RIGHT, at);
			c.stroke();
			c.fillText(time(Math.pow(10, d)), LEFT - 8, at);
		}
		c.textAlign = 'center';
		c.textBaseline = 'top';
		step = this.length / (this.width > 500 ? 5 : 2);
		for (i = 0; i * step <= this.length * 1.001; i++)
			c.fillText(time(Number((i * step).toPrecision(3))), Math.min(this.x(i * step), this.width - 30), HEIGHT - BOTTOM + 8);
	};

	Plot.prototype.read = function (event) {
		var at = this.canvas.getBoundingClientRect(), x = event.clientX - at.left, y = event.clientY - at.top, best = -1, least = NEAREST * NEAREST, i, dx, dy;
		for (i = 0; i < this.points.length; i += 4) {
			dx = this.x(this.points[i + 1]) - x;
			dy = this.y(this.points[i + 2]) - y;
			if (!this.hidden[this.points[i + 3]] && dx * dx + dy * dy < least) {
				least = dx * dx + dy * dy;
				best = i;
			}
		}
		this.reading.textContent = best < 0 ? '' : time(this.points[best + 2]) + ', ' + this.causes[this.points[best + 3]] + ', lane ' + this.points[best] +
			', ' + time(this.points[best + 1]) + ' after measuring began';
	};

	document.querySelectorAll('.noise-signature').forEach(function (box) {
		/* One that cannot be drawn leaves the others, and the rest of the page. */
		try {
			box.guestscopePlot = new Plot(box);
		} catch (error) {
			console.error(error);
		}
	});
})();
