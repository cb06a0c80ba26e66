/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_timers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/inside/guest_timers_internal.h"
#include "common/clock.h"

#define READINGS    4
#define READINGS_NS 2000000ULL  /* no more after that, if there were two */
#define READ_NS     20000000ULL /* no reading takes longer */
#define OVERDUE_NS  100000000ULL

#define ARMED "armed" /* OSv's word */

void timers_trouble(struct timers_snapshot *s, const char *why)
{
	if (!s->trouble)
		s->trouble = why;
}

bool timers_may_go_on(struct timers_snapshot *s)
{
	if (s->n_timers >= TIMERS_MAX)
		timers_trouble(s, "its lists of timers have no end");
	else if (clock_ns() - s->begin_ns > READ_NS)
		timers_trouble(s, "reading all its timers took too long");
	return !s->trouble;
}

/* In the order of how much each says. */
const char *guest_timer_fault(const struct guest_timer *t)
{
	bool armed = strcmp(t->state, ARMED) == 0;

	if (t->owner_kind == TIMER_OF_NOBODY)
		return "its owner is neither a thread nor a CPU";
	if (t->list_cpu >= 0 && t->owner_cpu >= 0 && t->list_cpu != t->owner_cpu)
		return "in the list of another CPU than its owner's";
	if (!armed && (t->list_cpu >= 0 || t->owned))
		return "in a list, but not armed";
	if (t->list_cpu < 0 && t->links_cpu >= 0 && t->owner_cpu >= 0 &&
		t->links_cpu != t->owner_cpu)
		return "half linked into the lists of another CPU than its owner's";
	if (t->list_cpu < 0 && !t->owned)
		return "armed, but in no list";
	if (t->list_cpu < 0 && !t->suspended)
		return "among its owner's, but in no CPU's list";
	if (!t->owned)
		return "in a CPU's list, but not among its owner's";
	return NULL;
}

static int by_address(const void *a, const void *b)
{
	const struct guest_timer *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static int read_once(const struct sched_source *source, const struct sched_layout *sched,
	const struct timers_layout *layout, struct timers_snapshot *ret)
{
	struct guest_reader reader = {.memory = source->memory, .cr3 = source->cr3};
	int r;

	*ret = (struct timers_snapshot){.begin_ns = clock_ns()};
	if (layout->kind == SCHED_OSV)
		r = timers_osv_read(&reader, &sched->osv, &layout->osv, ret);
	else
		r = timers_linux_read(
			&reader, &sched->linux_kernel, &layout->linux_kernel, source->cpus, ret);
	ret->end_ns = clock_ns();
	guest_memory_forget(source->memory);
	if (ret->n_timers)
		qsort(ret->timers, ret->n_timers, sizeof(*ret->timers), by_address);
	return r;
}

/* How many of @s are not the same in @other; they are marked. What runs looks at the clock all the time. */
static size_t compare(struct timers_snapshot *s, const struct timers_snapshot *other)
{
	size_t torn = s->n_timers > other->n_timers ? 0 : other->n_timers - s->n_timers, k = 0;

	for (size_t i = 0; i < s->n_timers; i++) {
		while (k < other->n_timers && by_address(&other->timers[k], &s->timers[i]) < 0)
			k++;
		s->timers[i].torn = k >= other->n_timers || memcmp(&s->timers[i], &other->timers[k],
								    sizeof(*s->timers)) != 0;
		torn += s->timers[i].torn;
	}
	for (size_t i = 0; i < s->n_cpus; i++) {
		struct guest_timer_cpu *c = &s->cpus[i];

		c->torn = i >= other->n_cpus || memcmp(c, &other->cpus[i], sizeof(*c)) != 0;
		torn += c->torn;
	}
	return torn;
}

static void unmark(struct timers_snapshot *s)
{
	for (size_t i = 0; i < s->n_timers; i++)
		s->timers[i].torn = 0;
	for (size_t i = 0; i < s->n_cpus; i++)
		s->cpus[i].torn = 0;
}

int timers_read(const struct sched_source *source, const struct sched_layout *sched,
	const struct timers_layout *layout, struct timers_snapshot *ret)
{
	struct timers_snapshot last = {0}, s = {0};
	uint64_t begin_ns = clock_ns();
	int r = 0;

	if (layout->kind == SCHED_NONE || layout->kind != sched->kind)
		return -ENODATA;
	for (unsigned i = 0; i < READINGS && r == 0; i++) {
		r = read_once(source, sched, layout, &s);
		if (r == 0 && i > 0 && compare(&s, &last) == 0 && !s.trouble)
			break;
		if (i + 1 == READINGS || (i > 0 && clock_ns() - begin_ns > READINGS_NS))
			break;
		unmark(&s);
		timers_snapshot_done(&last);
		last = s;
		s = (struct timers_snapshot){0};
	}
	timers_snapshot_done(&last);
	s.begin_ns = begin_ns;
	if (r < 0)
		timers_snapshot_done(&s);
	else
		*ret = s;
	return r;
}

const struct guest_timer_cpu *timers_overdue(const struct timers_snapshot *s)
{
	for (size_t i = 0; i < s->n_cpus; i++) {
		const struct guest_timer_cpu *c = &s->cpus[i];

		if (c->next_ns && c->clock_ns > c->next_ns &&
			c->clock_ns - c->next_ns >= OVERDUE_NS && !c->torn && !c->trouble)
			return c;
	}
	return NULL;
}

void timers_snapshot_done(struct timers_snapshot *s)
{
	free(s->timers);
	free(s->cpus);
	memset(s, 0, sizeof(*s));
}
