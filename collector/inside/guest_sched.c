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

static int by_cpu(const void *a, const void *b)
{
	const struct sched_cpu *x = a, *y = b;

	return x->cpu < y->cpu ? -1 : x->cpu > y->cpu;
}

static const struct torn_list tasks = {sizeof(struct sched_task), sizeof(struct sched_task),
	offsetof(struct sched_task, torn), by_id};
static const struct torn_list cpus = {sizeof(struct sched_cpu),
	offsetof(struct sched_cpu, clock_ns), offsetof(struct sched_cpu, torn), by_cpu};

size_t torn_mark(
	const struct torn_list *kind, void *list, size_t n, const void *other, size_t n_other)
{
	size_t torn = n > n_other ? 0 : n_other - n, k = 0;

	for (size_t i = 0; i < n; i++) {
		char *one = (char *)list + i * kind->size;
		const char *before = other;
		uint32_t mark;

		while (k < n_other && kind->order(before + k * kind->size, one) < 0)
			k++;
		mark = k >= n_other || memcmp(one, before + k * kind->size, kind->compared) != 0;
		memcpy(one + kind->mark, &mark, sizeof(mark));
		torn += mark;
	}
	return torn;
}

void torn_unmark(const struct torn_list *kind, void *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		memset((char *)list + i * kind->size + kind->mark, 0, sizeof(uint32_t));
}

bool sched_read_again(unsigned i, uint64_t begin_ns, bool same)
{
	return !same && i + 1 < READINGS && (i == 0 || clock_ns() - begin_ns <= READINGS_NS);
}

/* How many threads and CPUs of @s, sorted, are not the same in @other; they are marked. */
static size_t compare(struct sched_snapshot *s, const struct sched_snapshot *other)
{
	return torn_mark(&tasks, s->tasks, s->n_tasks, other->tasks, other->n_tasks) +
	       torn_mark(&cpus, s->cpus, s->n_cpus, other->cpus, other->n_cpus);
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

int sched_read(const struct sched_source *source, const struct sched_layout *layout,
	struct sched_snapshot *ret)
{
	struct sched_snapshot last = {0}, s = {0};
	uint64_t begin_ns = clock_ns();
	int r;

	for (unsigned i = 0;; i++) {
		bool same;

		r = read_once(source, layout, &s);
		sort(&s);
		same = r == 0 && i > 0 && compare(&s, &last) == 0 && !s.trouble;
		if (r < 0 || !sched_read_again(i, begin_ns, same))
			break;
		torn_unmark(&tasks, s.tasks, s.n_tasks);
		torn_unmark(&cpus, s.cpus, s.n_cpus);
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
