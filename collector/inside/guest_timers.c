/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_timers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/inside/guest_sched_internal.h"
#include "collector/inside/guest_timers_internal.h"
#include "common/clock.h"

#define OVERDUE_NS 100000000ULL

#define ARMED "armed" /* OSv's word */

void timers_trouble(struct timers_snapshot *s, const char *why)
{
	if (!s->trouble)
		s->trouble = why;
}

bool timers_may_go_on(struct timers_snapshot *s)
{
	if (clock_ns() - s->begin_ns > SCHED_READ_NS)
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
	if (t->partial) /* what it is in no list of that was read may be in others */
		return NULL;
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

static int by_cpu(const void *a, const void *b)
{
	const struct guest_timer_cpu *x = a, *y = b;

	return x->cpu < y->cpu ? -1 : x->cpu > y->cpu;
}

static const struct torn_list timers = {sizeof(struct guest_timer), sizeof(struct guest_timer),
	offsetof(struct guest_timer, torn), by_address};
static const struct torn_list cpus = {sizeof(struct guest_timer_cpu),
	sizeof(struct guest_timer_cpu), offsetof(struct guest_timer_cpu, torn), by_cpu};

/* How many of @s are not the same in @other; they are marked. What runs looks at the clock all the time. */
static size_t compare(struct timers_snapshot *s, const struct timers_snapshot *other)
{
	return torn_mark(&timers, s->timers, s->n_timers, other->timers, other->n_timers) +
	       torn_mark(&cpus, s->cpus, s->n_cpus, other->cpus, other->n_cpus);
}

int timers_read(const struct sched_source *source, const struct sched_layout *sched,
	const struct timers_layout *layout, struct timers_snapshot *ret)
{
	struct timers_snapshot last = {0}, s = {0};
	uint64_t begin_ns = clock_ns();
	int r;

	if (layout->kind == SCHED_NONE || layout->kind != sched->kind)
		return -ENODATA;
	for (unsigned i = 0;; i++) {
		bool same;

		r = read_once(source, sched, layout, &s);
		same = r == 0 && i > 0 && compare(&s, &last) == 0 && !s.trouble;
		if (r < 0 || !sched_read_again(i, begin_ns, same))
			break;
		torn_unmark(&timers, s.timers, s.n_timers);
		torn_unmark(&cpus, s.cpus, s.n_cpus);
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
