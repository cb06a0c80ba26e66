/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The fake threads of bare: guests/fake_sched.h. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/inside/guest_sched_internal.h"
#include "collector/inside/guest_symbols.h"
#include "common/array.h"
#include "guests/fake_sched.h"

int sched_fake_layout(const char *symbols, struct sched_layout *ret, struct error *error)
{
	static const char *const name = "fake_scheduler";
	uint64_t address;

	(void)error;
	/* bare itself has none. */
	if (guest_symbols_find(symbols, &name, 1, &address) < 0 || !address)
		return -ENODATA;
	*ret = (struct sched_layout){.kind = SCHED_FAKE, .fake = {.scheduler = address}};
	return 0;
}

/* 1; 0: it is not what it should be; -ENODATA: there are no fake threads, or not yet. */
static int read_head(struct guest_reader *r, const struct sched_fake *l, struct fake_sched *ret)
{
	if (!guest_reader_copy(r, l->scheduler, ret, sizeof(*ret)))
		return 0;
	if (!ret->magic)
		return -ENODATA;
	return ret->magic == FAKE_SCHED_MAGIC && ret->n_cpus && ret->n_cpus <= SCHED_CPUS_MAX;
}

static int read_cpus(
	struct guest_reader *r, const struct fake_sched *head, struct sched_snapshot *s)
{
	s->cpus = calloc(head->n_cpus, sizeof(*s->cpus));
	if (!s->cpus)
		return -ENOMEM;
	for (uint32_t i = 0; i < head->n_cpus; i++) {
		struct fake_sched_cpu cpu;

		if (!guest_reader_copy(r, head->cpus + i * sizeof(cpu), &cpu, sizeof(cpu)) ||
			cpu.queued > SCHED_TASKS_MAX) {
			sched_trouble(s, "one of its CPUs is not what it should be");
			return 0;
		}
		s->cpus[s->n_cpus++] = (struct sched_cpu){.cpu = i,
			.idle = !cpu.current,
			.queued = cpu.queued - (cpu.current && cpu.queued),
			.current = cpu.current,
			.since_ns = cpu.current ? cpu.since_ns : 0,
			.clock_ns = cpu.clock_ns};
	}
	return 0;
}

static bool take_task(
	const struct fake_sched_task *from, const struct sched_snapshot *s, struct sched_task *ret)
{
	static const char *const states[] = {[FAKE_SCHED_WAITING] = "waiting",
		[FAKE_SCHED_QUEUED] = SCHED_QUEUED,
		[FAKE_SCHED_RUNNING] = SCHED_RUNNING};

	if (from->state > FAKE_SCHED_RUNNING || from->cpu >= s->n_cpus || !from->id)
		return false;
	*ret = (struct sched_task){.id = from->id,
		.cpu = (int32_t)from->cpu,
		.flags = SCHED_COUNTS_CPU | SCHED_COUNTS_DELAY,
		.delay_ns = from->queued_ns,
		.queued_since_ns = from->queued_since_ns,
		.cpu_ns = from->cpu_ns,
		.switches = from->switches,
		.preemptions = from->preemptions,
		.migrations = from->migrations};
	memcpy(ret->state, states[from->state], strlen(states[from->state]));
	sched_take_name(from->name, sizeof(from->name), ret->name);
	return true;
}

int sched_fake_read(struct guest_reader *r, const struct sched_fake *l, struct sched_snapshot *s)
{
	struct fake_sched head;
	uint64_t at;
	int q = read_head(r, l, &head);

	if (q == 0)
		sched_trouble(s, "its scheduler is not there");
	if (q <= 0)
		return q;
	q = read_cpus(r, &head, s);
	if (q < 0 || s->trouble)
		return q;
	for (at = head.first; at && sched_may_go_on(s);) {
		struct fake_sched_task task;
		struct sched_task t;

		if (!guest_reader_copy(r, at, &task, sizeof(task))) {
			sched_trouble(s, "its list of threads leads nowhere");
			break;
		}
		if (!take_task(&task, s, &t))
			sched_trouble(s, "one of its threads is not what it should be");
		else if (ARRAY_ADD(s->tasks, s->n_tasks, t) < 0)
			return -ENOMEM;
		at = task.next;
	}
	if (s->n_tasks != head.n_tasks)
		sched_trouble(s, "its list of threads is not as long as it says");
	return 0;
}

size_t sched_fake_queues(
	struct guest_reader *r, const struct sched_fake *l, uint64_t *ret, size_t max)
{
	struct fake_sched head;
	size_t n = 0;

	if (read_head(r, l, &head) <= 0)
		return 0;
	for (; n < head.n_cpus && n < max; n++)
		ret[n] = head.cpus + n * sizeof(struct fake_sched_cpu) +
			 offsetof(struct fake_sched_cpu, queued);
	return n;
}
