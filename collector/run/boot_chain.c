/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A container's boot, by the chain of processes that led to its program. Seen from the program it
 * goes up by the forks: the OCI runtime that made the container, the process that watches it
 * (containerd-shim, conmon), who started that. The runtime is called a second time, to let the
 * program go: that call is no ancestor of the program.
 */

#include <stdlib.h>
#include <string.h>

#include "collector/run/boot_internal.h"

#define CHAIN_MAX 64

struct chain {
	uint32_t tgid[CHAIN_MAX]; /* the program, its parent, ... */
	size_t n;
};

static int compare_events(const void *a, const void *b)
{
	const struct record_boot *x = a, *y = b;

	return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

/* The first event of that kind of process @tgid at or after @from_ns, or NULL. */
static const struct record_boot *first_of(
	const struct boot *b, enum boot_event event, uint32_t tgid, uint64_t from_ns)
{
	for (size_t i = 0; i < b->n_events; i++)
		if (b->events[i].event == event && b->events[i].tgid == tgid &&
			b->events[i].time_ns >= from_ns)
			return &b->events[i];
	return NULL;
}

static const struct record_boot *find_program(const struct boot *b)
{
	for (size_t i = 0; i < b->n_events; i++)
		if (b->events[i].event == BOOT_EXEC && b->events[i].is_program)
			return &b->events[i];
	return NULL;
}

static void climb(const struct boot *b, uint32_t program, struct chain *c)
{
	uint32_t tgid = program;

	c->n = 0;
	while (tgid && c->n < CHAIN_MAX) {
		const struct record_boot *fork = first_of(b, BOOT_FORK, tgid, 0);

		c->tgid[c->n++] = tgid;
		tgid = fork ? fork->parent : 0;
	}
}

/* What process chain[@i] was called before @time_ns: by its last exec, else as its parent. */
static const char *name_of(const struct boot *b, const struct chain *c, size_t i, uint64_t time_ns)
{
	const char *name = "";

	for (; i < c->n && !*name; i++)
		for (size_t j = 0; j < b->n_events && b->events[j].time_ns < time_ns; j++)
			if (b->events[j].event == BOOT_EXEC && b->events[j].tgid == c->tgid[i])
				name = b->events[j].name;
	return name;
}

static bool in_chain(const struct chain *c, uint32_t tgid)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->tgid[i] == tgid)
			return true;
	return false;
}

/* Where the monitor's first exec is: the end of whatever comes before the monitor. */
static void mark_monitor(struct boot *b, const struct chain *c)
{
	enum boot_step before = BOOT_CLIENT;

	for (size_t i = 0; i < b->plan->n_steps; i++)
		if (b->plan->steps[i] == BOOT_DAEMON)
			before = BOOT_DAEMON;
	for (size_t i = 0; i < b->n_events; i++) {
		const struct record_boot *e = &b->events[i];

		if (e->event != BOOT_EXEC || !in_chain(c, e->tgid) ||
			strcmp(e->name, b->plan->monitor) != 0)
			continue;
		boot_mark(b, before, MARK_EVENT, e->time_ns, "exec of %s", e->name);
		return;
	}
}

/* The runtime's second call comes from one of the chain, after the first has ended. */
static void mark_start(struct boot *b, const struct chain *c, const char *runtime, uint64_t from_ns,
	uint64_t until_ns)
{
	for (size_t i = 0; i < b->n_events; i++) {
		const struct record_boot *e = &b->events[i], *fork;

		if (e->event != BOOT_EXEC || e->time_ns < from_ns || e->time_ns >= until_ns ||
			strcmp(e->name, runtime) != 0 || in_chain(c, e->tgid))
			continue;
		fork = first_of(b, BOOT_FORK, e->tgid, 0);
		if (fork && in_chain(c, fork->parent))
			boot_mark(b, BOOT_START_REQUEST, MARK_EVENT, e->time_ns,
				"exec of %s (start)", runtime);
	}
}

void boot_chain_mark(struct boot *b)
{
	const struct record_boot *program, *create, *end;
	struct chain c;
	size_t i = 1;

	qsort(b->events, b->n_events, sizeof(*b->events), compare_events);
	program = find_program(b);
	if (!program)
		return;
	boot_mark(b, BOOT_RUNTIME_START, MARK_EVENT, program->time_ns, "exec of %s", program->name);
	climb(b, program->tgid, &c);
	mark_monitor(b, &c);
	while (i < c.n && strcmp(name_of(b, &c, i, program->time_ns), b->plan->monitor) != 0)
		i++;
	/* Below the monitor is the runtime; if that is the program itself, there is none. */
	if (i < 2 || i >= c.n)
		return;
	create = first_of(b, BOOT_EXEC, c.tgid[i - 1], 0);
	if (!create)
		return;
	boot_mark(
		b, BOOT_MONITOR, MARK_EVENT, create->time_ns, "exec of %s (create)", create->name);
	end = first_of(b, BOOT_EXIT, c.tgid[i - 1], create->time_ns);
	if (!end || end->time_ns >= program->time_ns)
		return;
	boot_mark(b, BOOT_RUNTIME_CREATE, MARK_EVENT, end->time_ns, "end of %s (create)",
		create->name);
	mark_start(b, &c, create->name, end->time_ns, program->time_ns);
}
