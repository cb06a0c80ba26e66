/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Linux's tasks and run queues: kernel/sched/sched.h and include/linux/sched.h of its source. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/inside/guest_btf.h"
#include "collector/inside/guest_sched_internal.h"
#include "common/array.h"
#include "common/cleanup.h"

#define COMM_BYTES    16
#define STRUCTURE_MAX 65536
#define OF_KERNEL     0x00200000U /* PF_KTHREAD */

/* Bits of a task's state (include/linux/sched.h). */
#define STATE_WAITING 0x0043U /* interruptible or not; parked */
#define STATE_STOPPED 0x000cU
#define STATE_ENDED   0x00b0U

static int find_first(
	const void *btf, size_t size, const struct guest_btf_member *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (guest_btf_find(btf, size, &members[i], 1) == 0)
			return 0;
	return -ENODATA;
}

int sched_linux_layout(const void *btf, size_t size, struct sched_layout *ret)
{
	struct sched_linux l = {0};
	uint32_t thread_info = 0;
	const struct guest_btf_member members[] = {
		{"task_struct", "tasks", &l.tasks},
		{"task_struct", "pid", &l.pid},
		{"task_struct", "tgid", &l.tgid},
		{"task_struct", "comm", &l.comm},
		{"task_struct", "flags", &l.flags},
		{"task_struct", "signal", &l.signal},
		{"task_struct", "thread_node", &l.thread_node},
		{"task_struct", "on_rq", &l.on_rq},
		{"task_struct", "se", &l.se},
		{"task_struct", "nvcsw", &l.switches},
		{"task_struct", "nivcsw", &l.preemptions},
		{"signal_struct", "thread_head", &l.thread_head},
		{"sched_entity", "sum_exec_runtime", &l.cpu_ns},
		{"sched_entity", "nr_migrations", &l.migrations},
		{"rq", "nr_running", &l.queued},
		{"rq", "curr", &l.current},
		{"rq", "idle", &l.idle},
		{"rq", "nr_switches", &l.cpu_switches},
		{"task_struct", "on_cpu", &l.on_cpu},
	};
	/* 5.14 gave it another name. */
	const struct guest_btf_member state[] = {
		{"task_struct", "__state", &l.state}, {"task_struct", "state", &l.state}};
	const struct guest_btf_member info = {"task_struct", "thread_info", &thread_info};
	/* Since 5.16 it is the thread_info's. */
	const struct guest_btf_member cpu[] = {
		{"thread_info", "cpu", &l.thread_cpu}, {"task_struct", "cpu", &l.thread_cpu}};
	/* CONFIG_SCHED_INFO, as distributions have it. */
	uint32_t sched_info = 0, delay = 0, last_queued = 0;
	const struct guest_btf_member delays[] = {
		{"task_struct", "sched_info", &sched_info},
		{"sched_info", "run_delay", &delay},
		{"sched_info", "last_queued", &last_queued},
		{"rq", "clock", &l.clock},
	};
	int r = guest_btf_find(btf, size, members, ARRAY_SIZE(members));

	if (r < 0 || find_first(btf, size, state, ARRAY_SIZE(state)) < 0)
		return -ENODATA;
	if (guest_btf_find(btf, size, &cpu[0], 1) == 0) {
		if (guest_btf_find(btf, size, &info, 1) < 0)
			return -ENODATA;
		l.thread_cpu += thread_info;
	} else if (guest_btf_find(btf, size, &cpu[1], 1) < 0) {
		return -ENODATA;
	}
	if (guest_btf_find(btf, size, delays, ARRAY_SIZE(delays)) == 0 &&
		sched_info < STRUCTURE_MAX && delay < STRUCTURE_MAX &&
		last_queued < STRUCTURE_MAX && l.clock < STRUCTURE_MAX) {
		l.delay = sched_info + delay;
		l.last_queued = sched_info + last_queued;
	}
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (*members[i].ret_offset >= STRUCTURE_MAX)
			return -ENODATA;
	*ret = (struct sched_layout){.kind = SCHED_LINUX, .linux_kernel = l};
	return 0;
}

/* A pointer or a long; a 32-bit number. */

static bool get8(struct guest_reader *r, uint64_t at, uint64_t *ret)
{
	return guest_reader_number(r, at, 8, ret);
}

static bool get4(struct guest_reader *r, uint64_t at, uint64_t *ret)
{
	return guest_reader_number(r, at, 4, ret);
}

static void name_state(struct sched_task *t, bool on_cpu, bool on_rq, uint64_t state)
{
	const char *word = "other";

	if (on_cpu)
		word = SCHED_RUNNING;
	else if (on_rq)
		word = SCHED_QUEUED;
	else if (state & STATE_ENDED)
		word = "ended";
	else if (state & STATE_STOPPED)
		word = "stopped";
	else if (state & STATE_WAITING)
		word = "waiting";
	else if (state == 0)
		word = "waking";
	memset(t->state, 0, sizeof(t->state));
	memcpy(t->state, word, strlen(word));
}

static bool read_task(
	struct guest_reader *r, const struct sched_linux *l, uint64_t task, struct sched_task *t)
{
	uint64_t flags, tgid, on_cpu, on_rq, state, cpu, voluntary;
	char comm[COMM_BYTES];

	if (!get4(r, task + l->pid, &t->id) || !get4(r, task + l->tgid, &tgid) ||
		!get4(r, task + l->flags, &flags) || !get4(r, task + l->on_cpu, &on_cpu) ||
		!get4(r, task + l->on_rq, &on_rq) || !get4(r, task + l->state, &state) ||
		!get4(r, task + l->thread_cpu, &cpu) ||
		!get8(r, task + l->se + l->cpu_ns, &t->cpu_ns) ||
		!get8(r, task + l->se + l->migrations, &t->migrations) ||
		!get8(r, task + l->switches, &voluntary) ||
		!get8(r, task + l->preemptions, &t->preemptions) ||
		!guest_reader_copy(r, task + l->comm, comm, sizeof(comm)))
		return false;
	if (l->delay && (!get8(r, task + l->delay, &t->delay_ns) ||
				!get8(r, task + l->last_queued, &t->queued_since_ns)))
		return false;
	t->flags = SCHED_COUNTS_CPU | (l->delay ? SCHED_COUNTS_DELAY : 0);
	t->switches = voluntary + t->preemptions;
	t->process = flags & OF_KERNEL ? 0 : tgid;
	t->cpu = cpu < SCHED_CPUS_MAX ? (int32_t)cpu : -1;
	sched_take_name(comm, sizeof(comm), t->name);
	name_state(t, on_cpu, on_rq, state);
	return true;
}

/* One more task; false: the reading is over. */
static int add_task(struct guest_reader *r, const struct sched_linux *l, uint64_t task, bool idle,
	struct sched_snapshot *s)
{
	struct sched_task t = {0};

	if (!read_task(r, l, task, &t)) {
		sched_trouble(s, "one of its tasks is not there");
		return 0;
	}
	if (idle)
		t.flags = SCHED_IS_IDLE;
	return ARRAY_ADD(s->tasks, s->n_tasks, t);
}

/* The threads of the process whose first one is @leader. */
static int read_process(struct guest_reader *r, const struct sched_linux *l, uint64_t leader,
	struct sched_snapshot *s)
{
	uint64_t signal, head, node, own;

	if (!get8(r, leader + l->signal, &signal) || !get8(r, signal + l->thread_head, &node) ||
		!get4(r, leader + l->tgid, &own)) {
		sched_trouble(s, "one of its tasks is not there");
		return 0;
	}
	head = signal + l->thread_head;
	while (node != head && sched_may_go_on(s)) {
		uint64_t task = node - l->thread_node, tgid;
		int q;

		if (!get4(r, task + l->tgid, &tgid) || tgid != own || !get8(r, node, &node)) {
			sched_trouble(s, "a list of threads leads elsewhere");
			return 0;
		}
		q = add_task(r, l, task, false, s);
		if (q < 0)
			return q;
	}
	return 0;
}

/* The CPUs that have a run queue, and their idle tasks, which are in no list. */
static int read_cpus(struct guest_reader *r, const struct sched_linux *l, unsigned cpus,
	struct sched_snapshot *s)
{
	s->cpus = calloc(cpus ? cpus : 1, sizeof(*s->cpus));
	if (!s->cpus)
		return -ENOMEM;
	for (unsigned i = 0; i < cpus && i < SCHED_CPUS_MAX; i++) {
		uint64_t offset, rq, running, current, idle, id, switches, clock = 0;
		int q;

		if (!get8(r, l->cpu_offsets + i * sizeof(offset), &offset)) {
			sched_trouble(s, "its CPUs are not there");
			return 0;
		}
		rq = l->runqueues + offset;
		if (!get4(r, rq + l->queued, &running) || !get8(r, rq + l->current, &current) ||
			!get8(r, rq + l->idle, &idle) ||
			!get8(r, rq + l->cpu_switches, &switches) || running > SCHED_TASKS_MAX ||
			!get4(r, current + l->pid, &id) ||
			(l->delay && !get8(r, rq + l->clock, &clock))) {
			sched_trouble(s, "one of its run queues is not there");
			return 0;
		}
		s->cpus[s->n_cpus++] = (struct sched_cpu){.cpu = i,
			.idle = current == idle,
			.queued = running - (current != idle && running),
			.current = id,
			.switches = switches,
			.clock_ns = clock};
		q = add_task(r, l, idle, true, s);
		if (q < 0 || s->trouble)
			return q;
	}
	return 0;
}

size_t sched_linux_queues(struct guest_reader *r, const struct sched_linux *l, unsigned cpus,
	uint64_t *ret, size_t max)
{
	size_t n = 0;
	uint64_t offset;

	while (n < cpus && n < max && get8(r, l->cpu_offsets + n * sizeof(offset), &offset))
		ret[n++] = l->runqueues + offset + l->queued;
	return n;
}

int sched_linux_read(struct guest_reader *r, const struct sched_linux *l, unsigned cpus,
	struct sched_snapshot *s)
{
	uint64_t node;
	int q = read_cpus(r, l, cpus, s);

	if (q < 0 || s->trouble)
		return q;
	if (!get8(r, l->init_task + l->tasks, &node))
		sched_trouble(s, "its list of processes is not there");
	while (q == 0 && node != l->init_task + l->tasks && sched_may_go_on(s)) {
		q = read_process(r, l, node - l->tasks, s);
		if (q == 0 && !get8(r, node, &node))
			sched_trouble(s, "its list of processes leads nowhere");
	}
	return q;
}
