/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/thread_book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

#define ROWS_MAX 20000                 /* of all phases */
#define DRIFT_NS 100000000             /* that two clocks drift apart in a run, at most */
#define WORD_MAX ((uint64_t)INT64_MAX) /* that the store can hold */

/* Linux's idle threads have all the same number. */
static int32_t key_cpu(const struct sched_task *t)
{
	return t->flags & SCHED_IS_IDLE ? t->cpu : -1;
}

static int compare_keys(const struct sched_task *t, const struct thread_row *row)
{
	int32_t cpu = key_cpu(t);

	if (t->id != row->id)
		return t->id < row->id ? -1 : 1;
	return cpu < row->cpu ? -1 : cpu > row->cpu;
}

/* @a - @b: what a guest says may be any number. */
static bool difference(uint64_t a, uint64_t b, int64_t *ret)
{
	return !__builtin_sub_overflow(a, b, ret);
}

/* Two clocks drift apart, so a bound of long ago may contradict a later one: by that much at most. */
static bool contradicts(int64_t low, int64_t high)
{
	int64_t apart;

	return low > high && (__builtin_sub_overflow(low, high, &apart) || apart > DRIFT_NS);
}

/* @cpu was given to a thread at @since; @before: the same as of the reading before this one, which ended at @end_ns. */
static void bound_by(struct thread_book *b, uint64_t since, uint64_t before, uint64_t end_ns)
{
	int64_t low, high;

	if (!difference(since, end_ns, &low) || !difference(since, b->cpus_ns, &high)) {
		b->clock_denied = true;
		return;
	}
	if (!b->clock_known) {
		b->clock_known = true;
		b->clock_low = low;
		b->clock_high = INT64_MAX;
	}
	b->clock_low = low > b->clock_low ? low : b->clock_low;
	if (before && before != since && high < b->clock_high)
		b->clock_high = high;
	b->clock_denied = contradicts(b->clock_low, b->clock_high);
}

/* What the guest's clock has to be: a CPU was given to a thread after the last reading, and before this one ended. */
static void bound_clock(struct thread_book *b, const struct sched_snapshot *s)
{
	for (size_t i = 0; i < s->n_cpus && !b->clock_denied; i++)
		if (s->cpus[i].since_ns && !s->cpus[i].torn)
			bound_by(b, s->cpus[i].since_ns, i < b->n_cpus ? b->cpus[i].since_ns : 0,
				s->end_ns);
	b->clock_known = b->clock_known && !b->clock_denied;
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
	int64_t gap;

	if (!is_in(t, SCHED_RUNNING) || t->cpu < 0 || (size_t)t->cpu >= s->n_cpus ||
		!s->cpus[t->cpu].since_ns)
		return 0;
	return difference(s->end_ns, s->cpus[t->cpu].since_ns, &gap) ? gap : 0;
}

/* How long it was queued so far, by its own kernel's count. */
static uint64_t delay_of(const struct sched_snapshot *s, const struct sched_task *t)
{
	uint64_t now = t->cpu >= 0 && (size_t)t->cpu < s->n_cpus ? s->cpus[t->cpu].clock_ns : 0;

	return t->delay_ns +
	       (t->queued_since_ns && now > t->queued_since_ns ? now - t->queued_since_ns : 0);
}

/* 0: there is no room. */
static int add_row(struct thread_book *b, const struct sched_snapshot *s,
	const struct sched_task *t, size_t at, uint64_t appeared_ns, bool before)
{
	struct thread_phase *p = &b->phases[b->n_phases - 1];
	struct thread_row row = {.id = t->id,
		.process = t->process,
		.cpu = key_cpu(t),
		.idle = t->flags & SCHED_IS_IDLE,
		.exact = t->flags & SCHED_COUNTS_DELAY,
		.first_ns = appeared_ns};

	if (b->n_rows >= ROWS_MAX)
		return 0;
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
	b->n_rows++;
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

/* @counts: it is one of those within the phase, which are at instants of no meaning to the guest. 0: not all threads had
 * room. */
static int take_threads(struct thread_book *b, const struct sched_snapshot *s, bool counts)
{
	struct thread_phase *p = &b->phases[b->n_phases - 1];
	bool first = p->begin_ns == s->end_ns;
	uint64_t before_ns = first ? s->end_ns : middle(p->end_ns, s->end_ns);
	int all = 1;

	for (size_t i = 0; i < s->n_tasks; i++) {
		const struct sched_task *t = &s->tasks[i];
		size_t at = ARRAY_BISECT(p->rows, p->n_rows, row, compare_keys(t, row) > 0);
		bool there = at < p->n_rows && compare_keys(t, &p->rows[at]) == 0;
		int r = there ? 1 : add_row(b, s, t, at, before_ns, first);

		if (r < 0)
			return r;
		if (r > 0)
			see(&p->rows[at], s, t, counts);
		all = r > 0 ? all : 0;
	}
	return all;
}

static int take(struct thread_book *b, const struct sched_snapshot *s, bool counts)
{
	struct thread_phase *p = &b->phases[b->n_phases - 1];
	int all;

	bound_clock(b, s);
	if (keep_cpus(b, s) < 0)
		return -ENOMEM;
	all = take_threads(b, s, counts);
	if (all < 0)
		return all;
	for (size_t i = 0; i < p->n_rows; i++)
		if (p->rows[i].last_ns != s->end_ns && !p->rows[i].gone_ns)
			p->rows[i].gone_ns = middle(p->rows[i].last_ns, s->end_ns);
	p->readings += all && s->end_ns != p->begin_ns;
	p->spoilt += !all;
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
	return take(b, s, !last);
}

void thread_book_stop(struct thread_book *b)
{
	b->open = false;
}

static void drop_last(struct thread_book *b)
{
	struct thread_phase *p = &b->phases[--b->n_phases];

	b->n_rows -= p->n_rows;
	free(p->rows);
}

int thread_book_begin(struct thread_book *b, unsigned phase, const struct sched_snapshot *s)
{
	struct thread_phase *p;
	int r = thread_book_add(b, s, true);

	/* Where a program marks its own phases, those that were taken for it before are none. */
	while (b->n_phases && b->phases[b->n_phases - 1].phase >= phase)
		drop_last(b);
	if (r < 0 || s->trouble)
		return r;
	p = ARRAY_PUSH(b->phases, b->n_phases);
	if (!p)
		return -ENOMEM;
	*p = (struct thread_phase){.phase = phase, .begin_ns = s->end_ns, .end_ns = s->end_ns};
	b->open = true;
	return take(b, s, false);
}

/* CPU time, with that since it was given the CPU. */
static uint64_t cpu_time(const struct thread_book *b, const struct sched_task *t, int64_t gap)
{
	int64_t stretch;
	uint64_t sum;

	if (!gap || !b->clock_known || __builtin_add_overflow(gap, b->clock_low, &stretch) ||
		stretch < 0)
		return t->cpu_ns;
	return __builtin_add_overflow(t->cpu_ns, stretch, &sum) ? UINT64_MAX : sum;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t bounded(uint64_t ns)
{
	return ns > WORD_MAX ? WORD_MAX : ns;
}

/* What running_ns may be off by: a thread that runs at an end of its time does so since an instant of a clock that is known
 * so well, or that drifted so far. */
static uint64_t uncertain(const struct thread_book *b, const struct thread_row *row)
{
	int64_t wide = 0;

	if (b->clock_known && b->clock_high != INT64_MAX &&
		__builtin_sub_overflow(b->clock_high, b->clock_low, &wide))
		return WORD_MAX;
	wide = wide < 0 ? -wide : wide;

	return bounded(
		(row->first_gap ? (uint64_t)wide : 0) + (row->last_gap ? (uint64_t)wide : 0));
}

static void close_row(
	const struct thread_book *b, const struct thread_phase *p, struct thread_row *row)
{
	uint64_t end = row->gone_ns ? row->gone_ns : p->end_ns, there = less(end, row->first_ns),
		 left, over;

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
	over = less(row->running_ns, left);
	row->running_ns -= over;
	row->over_ns = bounded(over);
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
		row->over_ns = bounded(row->over_ns + bounded(less(row->queued_ns, left)));
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
