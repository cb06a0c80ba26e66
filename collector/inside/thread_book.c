/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/thread_book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

#define ROWS_MAX 20000 /* of a phase */

static int compare_keys(uint64_t id, int32_t cpu, const struct thread_row *row)
{
	if (id != row->id)
		return id < row->id ? -1 : 1;
	return cpu < row->cpu ? -1 : cpu > row->cpu;
}

/* Linux's idle threads have all the same number. */
static int32_t key_cpu(const struct sched_task *t)
{
	return t->flags & SCHED_IS_IDLE ? t->cpu : -1;
}

/* Where the thread's row is, or would be. */
static size_t find_row(const struct thread_phase *p, const struct sched_task *t, bool *ret_there)
{
	size_t low = 0, high = p->n_rows;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_keys(t->id, key_cpu(t), &p->rows[middle]);

		if (order == 0) {
			*ret_there = true;
			return middle;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	*ret_there = false;
	return low;
}

/* What the guest's clock has to be: a CPU was given to a thread after the last reading, and before this one ended. */
static void bound_clock(struct thread_book *b, const struct sched_snapshot *s)
{
	for (size_t i = 0; i < s->n_cpus; i++) {
		uint64_t since = s->cpus[i].since_ns;
		int64_t low = (int64_t)(since - s->end_ns), high;

		if (!since || s->cpus[i].torn)
			continue;
		if (!b->clock_known) {
			b->clock_known = true;
			b->clock_low = low;
			b->clock_high = INT64_MAX;
		}
		b->clock_low = low > b->clock_low ? low : b->clock_low;
		if (i >= b->n_cpus || !b->cpus[i].since_ns || b->cpus[i].since_ns == since)
			continue;
		high = (int64_t)(since - b->cpus_ns);
		b->clock_high = high < b->clock_high ? high : b->clock_high;
	}
}

static int keep_cpus(struct thread_book *b, const struct sched_snapshot *s)
{
	struct sched_cpu *cpus = calloc(s->n_cpus + 1, sizeof(*cpus));

	if (!cpus)
		return -ENOMEM;
	if (s->n_cpus)
		memcpy(cpus, s->cpus, s->n_cpus * sizeof(*cpus));
	free(b->cpus);
	b->cpus = cpus;
	b->n_cpus = s->n_cpus;
	b->cpus_ns = s->begin_ns;
	return 0;
}

static bool is_in(const struct sched_task *t, const char *state)
{
	return strcmp(t->state, state) == 0;
}

/* How long ago its CPU was given to it, if the clocks were one. 0: it has none, or that is not known. */
static int64_t gap_of(const struct sched_snapshot *s, const struct sched_task *t)
{
	if (!is_in(t, SCHED_RUNNING) || t->cpu < 0 || (size_t)t->cpu >= s->n_cpus ||
		!s->cpus[t->cpu].since_ns)
		return 0;
	return (int64_t)(s->end_ns - s->cpus[t->cpu].since_ns);
}

/* How long it was queued so far, by its own kernel's count. */
static uint64_t delay_of(const struct sched_snapshot *s, const struct sched_task *t)
{
	uint64_t now = t->cpu >= 0 && (size_t)t->cpu < s->n_cpus ? s->cpus[t->cpu].clock_ns : 0;

	return t->delay_ns +
	       (t->queued_since_ns && now > t->queued_since_ns ? now - t->queued_since_ns : 0);
}

static int add_row(struct thread_phase *p, const struct sched_snapshot *s,
	const struct sched_task *t, size_t at, uint64_t appeared_ns, bool before)
{
	struct thread_row row = {.id = t->id,
		.process = t->process,
		.cpu = key_cpu(t),
		.idle = t->flags & SCHED_IS_IDLE,
		.exact = t->flags & SCHED_COUNTS_DELAY,
		.first_ns = appeared_ns,
		.before = before};

	if (p->n_rows >= ROWS_MAX) {
		p->spoilt++;
		return 0;
	}
	if (before) {
		row.first = *t;
		row.first_gap = gap_of(s, t);
		row.first_delay_ns = delay_of(s, t);
	}
	if (ARRAY_MORE(p->rows, p->n_rows, 1) < 0)
		return -ENOMEM;
	memmove(&p->rows[at + 1], &p->rows[at], (p->n_rows - at) * sizeof(*p->rows));
	p->rows[at] = row;
	p->n_rows++;
	return 1;
}

static void see(struct thread_row *row, const struct sched_snapshot *s, const struct sched_task *t,
	bool counts)
{
	memcpy(row->name, t->name, sizeof(row->name));
	row->last = *t;
	row->last_gap = gap_of(s, t);
	row->last_delay_ns = delay_of(s, t);
	row->last_ns = s->end_ns;
	row->gone_ns = 0;
	row->readings += counts;
	row->queued_readings += counts && (is_in(t, SCHED_QUEUED) || is_in(t, SCHED_WAKING));
}

static uint64_t middle(uint64_t a, uint64_t b)
{
	return a + (b - a) / 2;
}

/* @counts: it is one of those within the phase, which are at instants of no meaning to the guest. */
static int take(struct thread_book *b, const struct sched_snapshot *s, bool counts)
{
	struct thread_phase *p = &b->phases[b->n_phases - 1];
	bool first = p->begin_ns == s->end_ns;
	uint64_t before_ns = first ? s->end_ns : middle(p->end_ns, s->end_ns);

	for (size_t i = 0; i < s->n_tasks; i++) {
		const struct sched_task *t = &s->tasks[i];
		bool there;
		size_t at = find_row(p, t, &there);
		int r = there ? 1 : add_row(p, s, t, at, before_ns, first);

		if (r < 0)
			return r;
		if (r > 0)
			see(&p->rows[at], s, t, counts);
	}
	for (size_t i = 0; i < p->n_rows; i++)
		if (p->rows[i].last_ns != s->end_ns && !p->rows[i].gone_ns)
			p->rows[i].gone_ns = middle(p->rows[i].last_ns, s->end_ns);
	p->end_ns = s->end_ns;
	return 0;
}

int thread_book_add(struct thread_book *b, const struct sched_snapshot *s, bool last)
{
	struct thread_phase *p;

	if (!b->open)
		return 0;
	p = &b->phases[b->n_phases - 1];
	b->open = !last;
	if (s->trouble || s->end_ns <= p->end_ns) {
		p->spoilt++;
		return 0;
	}
	p->readings++;
	bound_clock(b, s);
	if (keep_cpus(b, s) < 0)
		return -ENOMEM;
	return take(b, s, !last);
}

int thread_book_begin(struct thread_book *b, unsigned phase, const struct sched_snapshot *s)
{
	struct thread_phase *p;
	int r = thread_book_add(b, s, true);

	/* Where a program marks its own phases, those that were taken for it before are none. */
	while (b->n_phases && b->phases[b->n_phases - 1].phase >= phase)
		free(b->phases[--b->n_phases].rows);
	if (r < 0 || s->trouble)
		return r;
	p = ARRAY_PUSH(b->phases, b->n_phases);
	if (!p)
		return -ENOMEM;
	*p = (struct thread_phase){.phase = phase, .begin_ns = s->end_ns, .end_ns = s->end_ns};
	b->open = true;
	bound_clock(b, s);
	if (keep_cpus(b, s) < 0)
		return -ENOMEM;
	return take(b, s, false);
}

/* CPU time, with that since it was given the CPU. */
static uint64_t cpu_time(const struct thread_book *b, const struct sched_task *t, int64_t gap)
{
	int64_t stretch = gap && b->clock_known ? gap + b->clock_low : 0;

	return t->cpu_ns + (stretch > 0 ? (uint64_t)stretch : 0);
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* What running_ns may be off by: a thread that runs at an end of its time does so since an instant of a clock that is known
 * so well. */
static uint64_t uncertain(const struct thread_book *b, const struct thread_row *row)
{
	uint64_t wide = b->clock_known && b->clock_high != INT64_MAX && b->clock_high > b->clock_low
				? (uint64_t)(b->clock_high - b->clock_low)
				: 0;

	return (row->first_gap ? wide : 0) + (row->last_gap ? wide : 0);
}

static void close_row(
	const struct thread_book *b, const struct thread_phase *p, struct thread_row *row)
{
	uint64_t end = row->gone_ns ? row->gone_ns : p->end_ns, there = less(end, row->first_ns),
		 left;

	row->unknown_ns = row->gone_ns ? less(row->gone_ns, row->last_ns) : 0;
	row->absent_ns = p->end_ns - p->begin_ns - there;
	row->switches = less(row->last.switches, row->first.switches);
	row->preemptions = less(row->last.preemptions, row->first.preemptions);
	row->migrations = less(row->last.migrations, row->first.migrations);
	if (!(row->last.flags & SCHED_COUNTS_CPU)) {
		row->unknown_ns = there;
		return;
	}
	left = less(there, row->unknown_ns);
	row->running_ns = less(
		cpu_time(b, &row->last, row->last_gap), cpu_time(b, &row->first, row->first_gap));
	row->over_ns = less(row->running_ns, left);
	row->running_ns -= row->over_ns;
	left -= row->running_ns;
	row->within_ns = uncertain(b, row);
	if (!row->exact && !row->idle && !row->readings) { /* nothing tells queued from waiting */
		row->unknown_ns += left;
		return;
	}
	if (row->exact)
		row->queued_ns = less(row->last_delay_ns, row->first_delay_ns);
	else if (!row->idle)
		row->queued_ns = (uint64_t)((double)(left + row->running_ns) *
					    (double)row->queued_readings / (double)row->readings);
	if (row->exact)
		row->over_ns += less(row->queued_ns, left);
	row->queued_ns = row->queued_ns > left ? left : row->queued_ns;
	row->waiting_ns = left - row->queued_ns;
}

void thread_book_close(struct thread_book *b)
{
	for (size_t i = 0; i < b->n_phases; i++)
		for (size_t k = 0; k < b->phases[i].n_rows; k++)
			close_row(b, &b->phases[i], &b->phases[i].rows[k]);
}

void thread_book_done(struct thread_book *b)
{
	for (size_t i = 0; i < b->n_phases; i++)
		free(b->phases[i].rows);
	free(b->phases);
	free(b->cpus);
	memset(b, 0, sizeof(*b));
}
