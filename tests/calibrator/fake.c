/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/calibrator/fake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define REWRITES 5000                  /* at each step: about as long as a slice */
#define NOWHERE  0xffff8a5a5a5a5000ULL /* canonical, and never mapped */

/* Found by its name from outside. */
struct fake_sched fake_scheduler;

static struct fake_sched_task *tasks;
static struct fake_sched_cpu *cpus;
static enum fake_lie lies;

static void link_all(unsigned first, unsigned step)
{
	unsigned n = (unsigned)fake_scheduler.n_tasks;
	volatile uint64_t *link = &fake_scheduler.first;

	for (unsigned i = 0; i < n; i++) {
		struct fake_sched_task *t = &tasks[(first + i * step) % n];

		*link = (uint64_t)t;
		link = &t->next;
	}
	*link = 0;
}

int fake_init(unsigned n_threads, unsigned n_cpus)
{
	tasks = calloc(n_threads, sizeof(*tasks));
	cpus = calloc(n_cpus, sizeof(*cpus));
	if (!tasks || !cpus)
		return -ENOMEM;
	fake_scheduler =
		(struct fake_sched){.n_cpus = n_cpus, .cpus = (uint64_t)cpus, .n_tasks = n_threads};
	for (unsigned i = 0; i < n_threads; i++) {
		tasks[i].id = i + 1;
		snprintf(tasks[i].name, sizeof(tasks[i].name), "fake/%u", i);
	}
	link_all(0, 1);
	fake_scheduler.magic = FAKE_SCHED_MAGIC;
	return 0;
}

void fake_deal(unsigned thread, unsigned cpu)
{
	tasks[thread].cpu = cpu;
}

void fake_begin(unsigned cpu, uint64_t now_ns)
{
	for (unsigned i = 0; i < fake_scheduler.n_tasks; i++) {
		if (tasks[i].cpu != cpu)
			continue;
		tasks[i].state = FAKE_SCHED_QUEUED;
		tasks[i].queued_since_ns = now_ns;
		cpus[cpu].queued++;
	}
	cpus[cpu].clock_ns = now_ns;
}

static void tell_lies(uint64_t step)
{
	unsigned n = (unsigned)fake_scheduler.n_tasks;

	if (lies == FAKE_LOOP)
		tasks[n - 1].next = (uint64_t)&tasks[n / 2];
	else if (lies == FAKE_NOWHERE)
		tasks[n / 2].next = NOWHERE;
	for (unsigned i = 0; lies == FAKE_REWRITE && i < REWRITES; i++) {
		link_all((unsigned)(step + i) % n, n - 1);
		tasks[i % n].cpu_ns += step * 1000003;
		tasks[i % n].switches ^= step + i;
	}
}

void fake_run(unsigned thread, uint64_t now_ns)
{
	struct fake_sched_task *t = &tasks[thread];
	struct fake_sched_cpu *c = &cpus[t->cpu];

	t->queued_ns += t->queued_since_ns ? now_ns - t->queued_since_ns : 0;
	t->queued_since_ns = 0;
	t->state = FAKE_SCHED_RUNNING;
	t->switches++;
	c->current = t->id;
	c->since_ns = c->clock_ns = now_ns;
	tell_lies(now_ns);
}

void fake_stop(unsigned thread, uint64_t now_ns, uint64_t ns)
{
	struct fake_sched_task *t = &tasks[thread];

	t->cpu_ns += ns;
	t->preemptions++;
	t->state = FAKE_SCHED_QUEUED;
	t->queued_since_ns = now_ns;
	cpus[t->cpu].clock_ns = now_ns;
}

void fake_end(unsigned cpu, uint64_t now_ns)
{
	for (unsigned i = 0; i < fake_scheduler.n_tasks; i++) {
		struct fake_sched_task *t = &tasks[i];

		if (t->cpu != cpu)
			continue;
		t->queued_ns += t->queued_since_ns ? now_ns - t->queued_since_ns : 0;
		t->queued_since_ns = 0;
		t->state = FAKE_SCHED_WAITING;
	}
	cpus[cpu] = (struct fake_sched_cpu){.clock_ns = now_ns};
}

void fake_lie(enum fake_lie lie)
{
	lies = lie;
}
