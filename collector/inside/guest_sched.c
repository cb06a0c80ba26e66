/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_sched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/inside/guest_sched_internal.h"
#include "common/clock.h"

#define READINGS    4
#define READINGS_NS 2000000ULL /* no more after that, if there were two */

void sched_trouble(struct sched_snapshot *s, const char *why)
{
	if (!s->trouble)
		s->trouble = why;
}

bool sched_may_go_on(struct sched_snapshot *s)
{
	if (s->n_tasks >= SCHED_TASKS_MAX)
		sched_trouble(s, "its lists of threads have no end");
	else if (clock_ns() - s->begin_ns > SCHED_READ_NS)
		sched_trouble(s, "reading all its threads took too long");
	return !s->trouble;
}

void sched_take_name(const char *bytes, size_t size, char ret[static SCHED_NAME_BYTES])
{
	size_t n = strnlen(bytes, size < SCHED_NAME_BYTES ? size : SCHED_NAME_BYTES - 1);

	memset(ret, 0, SCHED_NAME_BYTES);
	for (size_t i = 0; i < n; i++)
		ret[i] = (char)(bytes[i] < ' ' || bytes[i] > '~' ? '?' : bytes[i]);
}

static int read_once(const struct sched_source *source, const struct sched_layout *layout,
	struct sched_snapshot *ret)
{
	struct guest_reader reader = {.memory = source->memory, .cr3 = source->cr3};
	int r;

	*ret = (struct sched_snapshot){.begin_ns = clock_ns()};
	if (layout->kind == SCHED_OSV)
		r = sched_osv_read(&reader, &layout->osv, ret);
	else if (layout->kind == SCHED_FAKE)
		r = sched_fake_read(&reader, &layout->fake, ret);
	else
		r = sched_linux_read(&reader, &layout->linux_kernel, source->cpus, ret);
	ret->end_ns = clock_ns();
	guest_memory_forget(source->memory);
	return r;
}

static int by_id(const void *a, const void *b)
{
	const struct sched_task *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->cpu < y->cpu ? -1 : x->cpu > y->cpu;
}

/* How many threads and CPUs of @s, sorted, are not the same in @other; they are marked. */
static size_t compare(struct sched_snapshot *s, const struct sched_snapshot *other)
{
	size_t torn = s->n_tasks > other->n_tasks ? 0 : other->n_tasks - s->n_tasks, k = 0;

	for (size_t i = 0; i < s->n_tasks; i++) {
		while (k < other->n_tasks && by_id(&other->tasks[k], &s->tasks[i]) < 0)
			k++;
		s->tasks[i].torn = k >= other->n_tasks ||
				   memcmp(&s->tasks[i], &other->tasks[k], sizeof(*s->tasks)) != 0;
		torn += s->tasks[i].torn;
	}
	for (size_t i = 0; i < s->n_cpus; i++) {
		s->cpus[i].torn =
			i >= other->n_cpus || memcmp(&s->cpus[i], &other->cpus[i],
						      offsetof(struct sched_cpu, clock_ns)) != 0;
		torn += s->cpus[i].torn;
	}
	return torn;
}

static void sort(struct sched_snapshot *s)
{
	if (s->n_tasks)
		qsort(s->tasks, s->n_tasks, sizeof(*s->tasks), by_id);
}

int sched_glance(const struct sched_source *source, const struct sched_layout *layout,
	struct sched_snapshot *ret)
{
	struct sched_snapshot s;
	int r = read_once(source, layout, &s);

	if (r < 0) {
		sched_snapshot_done(&s);
		return r;
	}
	sort(&s);
	*ret = s;
	return 0;
}

static void unmark(struct sched_snapshot *s)
{
	for (size_t i = 0; i < s->n_tasks; i++)
		s->tasks[i].torn = 0;
	for (size_t i = 0; i < s->n_cpus; i++)
		s->cpus[i].torn = 0;
}

int sched_read(const struct sched_source *source, const struct sched_layout *layout,
	struct sched_snapshot *ret)
{
	struct sched_snapshot last = {0}, s = {0};
	uint64_t begin_ns = clock_ns();
	int r = 0;

	for (unsigned i = 0; i < READINGS && r == 0; i++) {
		r = read_once(source, layout, &s);
		sort(&s);
		if (r == 0 && i > 0 && compare(&s, &last) == 0 && !s.trouble)
			break;
		if (i + 1 == READINGS || (i > 0 && clock_ns() - begin_ns > READINGS_NS))
			break;
		unmark(&s);
		sched_snapshot_done(&last);
		last = s;
		s = (struct sched_snapshot){0};
	}
	sched_snapshot_done(&last);
	s.begin_ns = begin_ns;
	if (r < 0)
		sched_snapshot_done(&s);
	else
		*ret = s;
	return r;
}

size_t sched_queues(const struct sched_source *source, const struct sched_layout *layout,
	uint64_t *ret, size_t max, uint32_t *ret_size)
{
	struct guest_reader r = {.memory = source->memory, .cr3 = source->cr3};

	if (layout->kind == SCHED_OSV) {
		*ret_size = layout->osv.cpu_queue.size;
		return sched_osv_queues(&r, &layout->osv, ret, max);
	}
	if (layout->kind == SCHED_FAKE) {
		*ret_size = 8;
		return sched_fake_queues(&r, &layout->fake, ret, max);
	}
	*ret_size = 4;
	return sched_linux_queues(&r, &layout->linux_kernel, source->cpus, ret, max);
}

int sched_current(const struct sched_source *source, const struct sched_layout *layout,
	struct guest_task_layout *ret)
{
	struct guest_reader r = {.memory = source->memory, .cr3 = source->cr3};

	return layout->kind == SCHED_OSV ? sched_osv_current(&r, &layout->osv, ret) : -ENODATA;
}

void sched_snapshot_done(struct sched_snapshot *s)
{
	free(s->tasks);
	free(s->cpus);
	memset(s, 0, sizeof(*s));
}
