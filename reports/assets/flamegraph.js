/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes every svg.gs-fg of the document zoomable and searchable. The drawing is complete without
 * this script; all data is read back from it (a frame's title holds its name and numbers), and
 * nothing is ever written as markup, so names stay text.
 */
(function () {
	'use strict';
	var MARGIN = 10, TEXT_PAD = 3, MIN_WIDTH = 0.1;

	function Graph(svg) {
		var first;
		this.svg = svg;
		this.group = svg.querySelector('.frames');
		this.info = svg.querySelector('.fg-info');
		this.frames = Array.prototype.map.call(this.group.children, readFrame);
		first = this.frames[0];
		this.frames.forEach(function (f) {
			f.x = (f.left - first.left) / first.width;
			f.w = f.width / first.width;
		});
		this.width = 0;
		this.height = +svg.getAttribute('height');
		this.zoomed = first;
		this.hint = this.info.textContent;
		this.link();
		this.controls();
		this.listen();
		this.resize();
	}

	function readFrame(g) {
		var rect = g.querySelector('rect'), lines = g.querySelector('title').textContent.split('\n');
		g.setAttribute('tabindex', '-1');
		g.setAttribute('role', 'button');
		g.setAttribute('aria-label', lines.join(', '));
		if (g.querySelector('text'))
			g.querySelector('text').setAttribute('aria-hidden', 'true'); /* cut, and in the label */
		return { g: g, rect: rect, text: g.querySelector('text'), name: lines[0], lines: lines,
			label: (g.getAttribute('data-sign') || '') + lines[0],
			left: +rect.getAttribute('x'), width: +rect.getAttribute('width'),
			y: +rect.getAttribute('y'), parent: null, children: [] };
	}

	/* Whose child is whose: the frame one row below whose span holds this one's middle. */
	Graph.prototype.link = function () {
		var rows = {}, step, ys;
		this.frames.forEach(function (f) { (rows[f.y] = rows[f.y] || []).push(f); });
		ys = Object.keys(rows).map(Number).sort(function (a, b) { return b - a; });
		ys.forEach(function (y, i) {
			var below = i ? rows[ys[i - 1]] : [];
			rows[y].sort(function (a, b) { return a.x - b.x; });
			step = 0;
			rows[y].forEach(function (f) {
				var middle = f.x + f.w / 2;
				while (step < below.length && below[step].x + below[step].w < middle)
					step++;
				f.parent = below[step] || null;
				if (f.parent)
					f.parent.children.push(f);
			});
		});
	};

	Graph.prototype.controls = function () {
		var box = this.svg.querySelector('.fg-controls'), self = this, doc = this.svg.ownerDocument;
		function make(name, attributes) {
			var e = doc.createElementNS(box.namespaceURI, name);
			Object.keys(attributes).forEach(function (k) { e.setAttribute(k, attributes[k]); });
			box.appendChild(e);
			return e;
		}
		this.result = make('output', { 'aria-live': 'polite' });
		this.input = make('input', { type: 'search', placeholder: 'Search (regex)',
			'aria-label': 'Search function names by regular expression', spellcheck: 'false' });
		this.reset = make('button', { type: 'button' });
		this.reset.textContent = 'Reset zoom';
		this.reset.disabled = true;
		this.input.addEventListener('input', function () { self.search(self.input.value); });
		this.reset.addEventListener('click', function () { self.zoom(self.frames[0]); });
	};

	Graph.prototype.frameOf = function (node) {
		while (node && node.parentNode !== this.group)
			node = node.parentNode;
		return this.frames.find(function (f) { return f.g === node; });
	};

	Graph.prototype.listen = function () {
		var self = this;
		this.group.addEventListener('click', function (event) {
			var f = self.frameOf(event.target);
			if (f)
				self.zoom(f);
		});
		['mouseover', 'focusin'].forEach(function (type) {
			self.group.addEventListener(type, function (event) {
				var f = self.frameOf(event.target);
				if (f)
					self.info.textContent = f.lines.join(' · ');
			});
		});
		this.group.addEventListener('mouseleave', function () { self.info.textContent = self.hint; });
		this.frames[0].g.setAttribute('tabindex', '0');
		this.svg.addEventListener('keydown', function (event) { self.key(event); });
		if (typeof ResizeObserver === 'function')
			new ResizeObserver(function () { self.resize(); }).observe(this.svg);
		else
			window.addEventListener('resize', function () { self.resize(); });
	};

	Graph.prototype.key = function (event) {
		var f = this.frameOf(event.target), row, to;
		if (event.target === this.input) {
			if (event.key === 'Escape') {
				this.input.value = '';
				this.search('');
			}
			return;
		}
		if (event.key === '/') {
			event.preventDefault();
			this.input.focus();
			return;
		}
		if (event.key === 'Escape') {
			this.zoom(this.frames[0]);
			return;
		}
		if (!f)
			return;
		row = f.parent ? f.parent.children.filter(shown) : [f];
		if (event.key === 'ArrowUp')
			to = f.children.filter(shown).sort(function (a, b) { return b.w - a.w; })[0];
		else if (event.key === 'ArrowDown')
			to = f.parent;
		else if (event.key === 'ArrowLeft')
			to = row[row.indexOf(f) - 1];
		else if (event.key === 'ArrowRight')
			to = row[row.indexOf(f) + 1];
		else if (event.key === 'Enter' || event.key === ' ')
			this.zoom(f);
		else
			return;
		event.preventDefault();
		if (to)
			this.focus(to);
	};

	function shown(f) {
		return !f.g.classList.contains('fg-out');
	}

	Graph.prototype.focus = function (f) {
		this.frames.forEach(function (o) { o.g.setAttribute('tabindex', '-1'); });
		f.g.setAttribute('tabindex', '0');
		f.g.focus();
	};

	Graph.prototype.zoom = function (f) {
		this.zoomed = f;
		this.reset.disabled = f === this.frames[0];
		this.svg.setAttribute('data-zoom', f === this.frames[0] ? '' : f.name);
		this.layout();
		this.info.textContent = f.lines.join(' · ');
		if (this.input.value)
			this.search(this.input.value);
	};

	/* Escape a text so that it means itself in a regular expression. */
	function literally(text) {
		return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
	}

	Graph.prototype.search = function (pattern) {
		var regex = null, reach = -1, sum = 0, hits = 0, zoomed = this.zoomed, ordered;
		this.input.setAttribute('aria-invalid', 'false');
		if (pattern) {
			try {
				regex = new RegExp(pattern);
			} catch (e) {
				this.input.setAttribute('aria-invalid', 'true');
				regex = new RegExp(literally(pattern));
			}
		}
		/* A hit within a hit counts once: outermost first, by where they begin. */
		ordered = this.frames.slice().sort(function (a, b) { return a.x - b.x || b.y - a.y; });
		ordered.forEach(function (f) {
			var hit = regex !== null && f.parent !== null && regex.test(f.name);
			var from = Math.max(f.x, zoomed.x), to = Math.min(f.x + f.w, zoomed.x + zoomed.w);
			f.g.classList.toggle('fg-hit', hit);
			if (!hit || to <= from)
				return;
			hits++;
			sum += Math.max(0, to - Math.max(from, reach));
			reach = Math.max(reach, to);
		});
		this.result.textContent = regex === null ? '' :
			'Matched ' + (100 * sum / zoomed.w).toFixed(1) + ' % (' + hits + ')';
	};

	Graph.prototype.resize = function () {
		var parent = this.svg.parentNode, width;
		if (!parent) /* another graph took its place */
			return;
		width = parent.nodeType === 1 ? parent.getBoundingClientRect().width : window.innerWidth;
		width = Math.max(320, Math.floor(width));
		if (!this.svg.getBoundingClientRect().width || width === this.width)
			return;
		this.width = width;
		this.svg.setAttribute('width', width);
		this.svg.setAttribute('viewBox', '0 0 ' + width + ' ' + this.height);
		this.head(width);
		this.layout();
	};

	/* Controls stand beside the title, or in place of the subtitle where there is no room. */
	Graph.prototype.head = function (width) {
		var box = this.svg.querySelector('foreignObject'), narrow = width < 760;
		var size = Math.min(420, width - 2 * MARGIN);
		box.setAttribute('width', size);
		box.setAttribute('x', width - MARGIN - size);
		box.setAttribute('y', narrow ? 29 : 6);
		this.svg.querySelector('.fg-sub').style.display = narrow ? 'none' : '';
	};

	/* Place all frames for the zoom and the width at hand. */
	Graph.prototype.layout = function () {
		var zoomed = this.zoomed, scale = (this.width - 2 * MARGIN) / zoomed.w, self = this;
		var end = zoomed.x + zoomed.w, slack = 1e-6;
		this.frames.forEach(function (f) {
			var left = Math.max(f.x, zoomed.x), right = Math.min(f.x + f.w, end), above = false, at;
			for (at = zoomed.parent; at && !above; at = at.parent)
				above = at === f;
			var out = !above && (right - left < slack * zoomed.w || f.y > zoomed.y ||
				(right - left) * scale < MIN_WIDTH);
			f.g.classList.toggle('fg-out', out);
			f.g.classList.toggle('fg-above', above);
			if (out)
				return;
			self.place(f, MARGIN + (left - zoomed.x) * scale, (right - left) * scale);
		});
	};

	Graph.prototype.place = function (f, x, width) {
		var room = Math.floor((width - 2 * TEXT_PAD) / this.glyph());
		f.rect.setAttribute('x', x);
		f.rect.setAttribute('width', Math.max(width - 0.6, 0.2));
		if (room < 3) {
			if (f.text)
				f.text.textContent = '';
			return;
		}
		if (!f.text) {
			f.text = this.svg.ownerDocument.createElementNS(this.svg.namespaceURI, 'text');
			f.text.setAttribute('y', f.y + 12);
			f.text.setAttribute('aria-hidden', 'true');
			f.g.appendChild(f.text);
		}
		f.text.setAttribute('x', x + TEXT_PAD);
		f.text.textContent = f.label.length <= room ? f.label : f.label.slice(0, room - 1) + '\u2026';
	};

	/* Width of a character of the frames' monospaced type, measured once it is shown. */
	Graph.prototype.glyph = function () {
		var probe, width;
		if (this.glyphWidth)
			return this.glyphWidth;
		probe = this.svg.ownerDocument.createElementNS(this.svg.namespaceURI, 'text');
		probe.textContent = 'mmmmmmmmmmmmmmmmmmmm';
		this.group.appendChild(probe);
		width = probe.getComputedTextLength() / 20;
		this.group.removeChild(probe);
		this.glyphWidth = width > 0 ? width : 0;
		return this.glyphWidth || 6.7;
	};

	function start() {
		Array.prototype.forEach.call(document.querySelectorAll('svg.gs-fg'), function (svg) {
			var details = svg.closest && svg.closest('details');
			if (svg.hasAttribute('data-ready'))
				return;
			if (details && !details.open) {
				details.addEventListener('toggle', start, { once: true });
				return;
			}
			svg.setAttribute('data-ready', '');
			new Graph(svg);
		});
	}

	document.addEventListener('gs-fg', start); /* one that was added */
	if (document.readyState === 'loading')
		document.addEventListener('DOMContentLoaded', start);
	else
		start();
})();
