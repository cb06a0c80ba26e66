/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the timelines of runs: of the page, and of the files beside it, each of which calls take(). A lane becomes arrays of
 * intervals, and sums of their time by state at every 64th of them, so that the shares of states in any span are found
 * without a look at each interval.
 */
var guestscopeTime = (function () {
	'use strict';
	var STEP = 64, NOWHERE = -1, make = guestscopeMake;

	/* A run's document, as reports/time/time_data.h has it, read. */
	function Run(document, states) {
		this.run = document.run;
		this.details = document.details;
		this.phases = document.phases;
		this.rows = document.rows;
		this.channels = document.details.map(function (d) { return channelOf(d[0], states); });
		this.lost = states.length;
		this.merged = states.length + 1;
		this.lanes = document.lanes.map(function (blocks) { return new Lane(this, blocks); }, this);
		this.frames = document.frames || [];
		this.stacks = document.stacks || [];
		this.samples = document.samples || [];
		this.times = readTimes(document.times || [], this.samples);
		this.end = this.lanes.reduce(function (end, lane) { return Math.max(end, lane.begin[lane.n]); }, 0);
	}

	/*
	 * The instants of samples, by lane (of helpers -1) and kind, in order: t when, n the number of the store's row.
	 */
	function readTimes(blocks, samples) {
		var lanes = {};
		blocks.forEach(function (b) {
			var next = numbersOf(bytesOf(b[2])), t = b[1], kinds = lanes[b[0]] = lanes[b[0]] || [[], [], []], zigzag, n, list;
			while (next.more()) {
				zigzag = next();
				n = next();
				t += zigzag % 2 ? -(zigzag + 1) / 2 : zigzag / 2;
				list = kinds[samples[3 * n]];
				if (list)
					list.push([t, n]);
			}
		});
		Object.keys(lanes).forEach(function (lane) { lanes[lane] = lanes[lane].map(sorted); });
		return lanes;
	}

	function sorted(list) {
		list.sort(function (a, b) { return a[0] - b[0]; });
		return { t: Float64Array.from(list, function (s) { return s[0]; }), n: Uint32Array.from(list, function (s) { return s[1]; }) };
	}

	/* The first of sorted instants that is not before @t. */
	function firstFrom(times, t) {
		var low = -1, high = times.length, middle;
		while (high - low > 1) {
			middle = (low + high) >> 1;
			if (times[middle] < t)
				low = middle;
			else
				high = middle;
		}
		return high;
	}

	/* Call @act(time, number of its row) for each sample of the kind in a span; of one lane where that is given. */
	Run.prototype.eachSample = function (kind, from, to, act, lane) {
		var times = this.times;
		Object.keys(times).forEach(function (of) {
			var list = times[of][kind], i;
			if (lane !== undefined && Number(of) !== lane)
				return;
			for (i = firstFrom(list.t, from); i < list.t.length && list.t[i] < to; i++)
				act(list.t[i], list.n[i]);
		});
	};

	/* When the lane's next sample of that kind was taken; Infinity: there is none. */
	Run.prototype.nextSample = function (kind, lane, from) {
		var list = this.times[lane] ? this.times[lane][kind].t : [], i = firstFrom(list, from);
		return i < list.length ? list[i] : Infinity;
	};

	Run.prototype.hasSamples = function (kind) {
		var times = this.times;
		return Object.keys(times).some(function (lane) { return times[lane][kind].t.length > 0; });
	};

	/* The names of a sample's frames, the innermost first. */
	Run.prototype.stackOf = function (number) {
		var names = [], i = this.samples[3 * number + 1];
		for (; i >= 0 && this.stacks[2 * i] !== undefined; i = this.stacks[2 * i])
			names.push(this.frames[this.stacks[2 * i + 1]][2]);
		return names;
	};

	/* States this page does not know are those of no lane. */
	function channelOf(name, states) {
		return Math.max(0, states.findIndex(function (s) { return s[0] === name; }));
	}

	/* Where the first phase but the boot begins. */
	Run.prototype.marker = function () {
		var first = this.phases.find(function (p) { return p[0] !== 'boot'; });
		return first ? first[1] : 0;
	};

	/* Where that phase begins; NaN: it has none of that name. */
	Run.prototype.phaseBegin = function (name) {
		var phase = this.phases.find(function (p) { return p[0] === name; });
		return phase ? phase[1] : NaN;
	};

	Run.prototype.phaseAt = function (t) {
		var phase = this.phases.find(function (p) { return p[1] <= t && t < p[2]; });
		return phase ? phase[0] : '';
	};

	Run.prototype.mergedIn = function () {
		return this.lanes.reduce(function (sum, lane) { return { n: sum.n + lane.nMerged, ns: sum.ns + lane.mergedNs, lost: sum.lost + lane.lostNs }; },
			{ n: 0, ns: 0, lost: 0 });
	};

	/*
	 * begin: of each interval, and the end of the last. what: the number of its detail; NOWHERE: nothing is known; less: the
	 * index of one that stands for several, from -2 down. cpu: NOWHERE: not known.
	 */
	function Lane(run, blocks) {
		var bytes = blocks.map(function (b) { return bytesOf(b[5]); });
		var room = bytes.reduce(function (sum, b) { return sum + (b.length >> 1); }, 0);
		this.run = run;
		this.n = 0;
		this.begin = new Float64Array(room + 1);
		this.what = new Int32Array(room);
		this.cpu = new Int16Array(room);
		this.several = [];
		this.nMerged = this.mergedNs = this.lostNs = 0;
		blocks.forEach(function (b, i) {
			this.nMerged += b[2];
			this.mergedNs += b[3];
			this.lostNs += b[4];
			this.read(bytes[i], b[1]);
		}, this);
		this.sum();
	}

	function bytesOf(text) {
		var plain = atob(text), bytes = new Uint8Array(plain.length), i;
		for (i = 0; i < plain.length; i++)
			bytes[i] = plain.charCodeAt(i);
		return bytes;
	}

	/* A function that gives one number after the other. */
	function numbersOf(bytes) {
		var at = 0;
		function number() {
			var n = 0, scale = 1, byte;
			do {
				byte = bytes[at++];
				n += (byte & 127) * scale;
				scale *= 128;
			} while (byte > 127);
			return n;
		}
		number.more = function () { return at < bytes.length; };
		return number;
	}

	/* The store's block, as docs/database.md has it. */
	Lane.prototype.read = function (bytes, t) {
		var number = numbersOf(bytes), cpu = NOWHERE, head, kind, i;
		while (number.more()) {
			head = number();
			kind = head % 4;
			i = this.n++;
			this.begin[i] = t;
			if (kind === 1)
				cpu = number();
			this.cpu[i] = kind < 2 ? cpu : NOWHERE;
			this.what[i] = kind === 3 ? NOWHERE : kind === 2 ? this.readSeveral(number, (head - kind) / 4) : (head - kind) / 4;
			t += kind === 2 ? this.several[this.several.length - 1].ns : number();
		}
		this.begin[this.n] = t;
	};

	Lane.prototype.readSeveral = function (number, n) {
		var all = { count: number(), ns: 0, parts: [] }, part;
		while (n-- > 0 && number.more()) { /* a damaged store may say any number */
			part = [number(), number()];
			all.ns += part[1];
			all.parts.push(part);
		}
		this.several.push(all);
		return -1 - this.several.length;
	};

	/* Several intervals, or undefined. */
	Lane.prototype.severalAt = function (i) {
		return this.several[-2 - this.what[i]];
	};

	/* Add @part of interval @i to the channels from @at on. */
	Lane.prototype.add = function (i, part, sums, at) {
		var run = this.run, what = this.what[i], ns = (this.begin[i + 1] - this.begin[i]) * part, several, k;
		if (what >= 0) {
			sums[at + run.channels[what]] += ns;
			return;
		}
		if (what === NOWHERE) {
			sums[at + run.lost] += ns;
			return;
		}
		several = this.several[-2 - what];
		sums[at + run.merged] += ns;
		for (k = 0; k < several.parts.length; k++)
			sums[at + run.channels[several.parts[k][0]]] += several.parts[k][1] * part;
	};

	Lane.prototype.sum = function () {
		var c = this.run.merged + 1, sums = new Float64Array((Math.floor(this.n / STEP) + 1) * c), now = new Float64Array(c), i;
		for (i = 0; i < this.n; i++) {
			if (i % STEP === 0)
				sums.set(now, i / STEP * c);
			this.add(i, 1, now, 0);
		}
		if (this.n % STEP === 0)
			sums.set(now, this.n / STEP * c);
		this.sums = sums;
	};

	/* The last interval that begins at @t or before; -1: none does. */
	Lane.prototype.at = function (t) {
		var low = -1, high = this.n, middle;
		while (high - low > 1) {
			middle = (low + high) >> 1;
			if (this.begin[middle] <= t)
				low = middle;
			else
				high = middle;
		}
		return low;
	};

	/* Time in each channel up to @t. */
	Lane.prototype.sumsAt = function (t, ret) {
		var c = ret.length, i = this.at(t), from, k;
		ret.fill(0);
		if (i < 0)
			return;
		if (t >= this.begin[this.n]) {
			i = this.n;
			t = this.begin[this.n];
		}
		from = Math.floor(i / STEP);
		for (k = 0; k < c; k++)
			ret[k] = this.sums[from * c + k];
		for (k = from * STEP; k < i; k++)
			this.add(k, 1, ret, 0);
		if (i < this.n && t > this.begin[i])
			this.add(i, (t - this.begin[i]) / (this.begin[i + 1] - this.begin[i]), ret, 0);
	};

	/* The longest interval in a span, and how many there are; it looks at no more than a million. */
	Lane.prototype.longest = function (from, to) {
		var i = Math.max(0, this.at(from)), first = i, best = i, most = -1, ns, last = Math.min(this.n, first + 1e6);
		for (; i < last && (i === first || this.begin[i] < to); i++) {
			ns = Math.min(to, this.begin[i + 1]) - Math.max(from, this.begin[i]);
			if (ns > most) {
				most = ns;
				best = i;
			}
		}
		return this.n ? { i: best, n: i - first } : null;
	};

	/* What is known of interval @i; NULL: there is none. */
	Lane.prototype.describe = function (i) {
		var details = this.run.details, what = this.what[i], d = details[what], several = this.severalAt(i);
		if (i < 0 || i >= this.n)
			return null;
		return { begin: this.begin[i], end: this.begin[i + 1], cpu: this.cpu[i], phase: this.run.phaseAt(this.begin[i]),
			state: d ? d[0] : several ? 'merged' : 'lost', detail: d ? d[1] : '', takenBy: d ? d[2] : '',
			count: several ? several.count : 0,
			parts: several ? several.parts.map(function (p) { return [(details[p[0]] || ['lost'])[0], p[1]]; }) : [] };
	};

	/* Those of the page are read when they are shown first. */
	function Store(index) {
		this.states = index.states;
		this.sides = index.sides;
		this.entries = index.runs;
		this.runs = {};
	}

	Store.prototype.entry = function (run) {
		return this.entries.find(function (e) { return e.run === run; });
	};

	Store.prototype.keep = function (document) {
		this.runs[document.run] = new Run(document, this.states);
	};

	/* The run, or undefined where it is in a file that was not opened. */
	Store.prototype.get = function (run) {
		var text = this.runs[run] ? null : document.querySelector('.time-run[data-run="' + run + '"]');
		if (text)
			this.keep(JSON.parse(text.textContent));
		return this.runs[run];
	};

	/* Open the run's file; @done is told whether it was there. */
	Store.prototype.open = function (run, done) {
		var script = document.createElement('script'), self = this;
		script.src = './' + this.entry(run).file;
		script.onload = function () { done(Boolean(self.runs[run])); };
		script.onerror = function () { done(false); };
		document.head.appendChild(script);
	};

	function fromPage() {
		var index = document.getElementById('time-index');
		return index ? new Store(JSON.parse(index.textContent)) : null;
	}

	function button(parent, text, label, act) {
		var b = make('button', '', parent, text);
		b.type = 'button';
		b.setAttribute('aria-label', label);
		b.addEventListener('click', act);
		return b;
	}

	function choice(parent, label, options, value, act) {
		var outer = make('label', '', parent, label + ' '), select = make('select', '', outer);
		options.forEach(function (o) {
			var option = make('option', '', select, o[1]);
			option.value = o[0];
			option.selected = o[0] === value;
		});
		select.addEventListener('change', function () { act(select.value); });
		return select;
	}

	return { store: null, fromPage: fromPage, Run: Run, make: make, button: button, choice: choice, take: function (document) { this.store.keep(document); } };
})();
