/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/probes/probe_accounts.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/probes/probe_boot.h"
#include "collector/probes/probe_set_internal.h"
#include "collector/probes/probe_timeline.h"
#include "collector/probes/probe_wait.h"
#include "common/array.h"
#include "common/clock.h"
#include "common/proc.h"
#include "probes/charge.h"

/* Where nothing else adds any more. */
static void add_to_account(struct probe_set *p, const struct account_key *key, uint64_t ns)
{
	int map = bpf_map__fd(p->bpf->maps.accounts);
	struct account_value value = {0};

	bpf_map_lookup_elem(map, key, &value);
	value.ns += ns;
	value.count++;
	if (bpf_map_update_elem(map, key, &value, BPF_ANY) < 0)
		p->bpf->bss->losses.accounts++;
}

static void charge(struct probe_set *p, unsigned id, uint64_t ns)
{
	struct lane_record *l = &p->bpf->bss->lanes[id];
	struct account_key key = charge_account(id, l->phase, l->state, &l->detail);

	probe_timeline_interval(p, id, l, ns);
	if (charge_has_account(&l->detail)) {
		add_to_account(p, &key, ns);
	} else {
		l->ns[l->phase][l->state] += ns;
		l->count[l->phase][l->state]++;
	}
}

/* The interval that is open at the end. */
static void charge_open_interval(struct probe_set *p, unsigned id, uint64_t end_ns)
{
	struct guestscope_bpf__bss *bss = p->bpf->bss;
	struct lane_record *l = &bss->lanes[id];

	while (l->since_ns < end_ns && l->phase < PROBE_PARTS_MAX) {
		uint32_t next = l->phase + 1;
		bool is_last = next >= p->bpf->data->phase_count;
		uint64_t until =
			charge_part_end(is_last ? NULL : &bss->phase_start_ns[next], end_ns);

		if (until > l->since_ns) {
			charge(p, id, until - l->since_ns);
			l->since_ns = until;
		}
		if (until < end_ns)
			l->phase = next;
	}
}

static void close_lane(struct probe_set *p, unsigned id, uint64_t end_ns)
{
	struct lane_record *l = &p->bpf->bss->lanes[id];

	probe_timeline_merged(p, id, l);
	if (l->state == STATE_BLOCKED && l->waking_ns > l->last_in_ns &&
		l->waking_ns > l->since_ns && l->waking_ns < end_ns) {
		charge_open_interval(p, id, l->waking_ns);
		l->state = STATE_WAKEUP;
		l->detail.number = 0;
	}
	charge_open_interval(p, id, end_ns);
}

/* Part @part of a lane's books belongs to @phase, which is that part or an earlier one. */
static void fold_part(struct lane_record *l, unsigned part, unsigned phase)
{
	if (part == phase)
		return;
	for (unsigned state = 0; state < STATE_COUNT; state++) {
		l->ns[phase][state] += l->ns[part][state];
		l->count[phase][state] += l->count[part][state];
		l->ns[part][state] = l->count[part][state] = 0;
	}
	l->switches[phase] += l->switches[part];
	l->switches[part] = 0;
	if (!l->first[phase].time_ns)
		l->first[phase] = l->first[part];
	if (l->last[part].time_ns)
		l->last[phase] = l->last[part];
	l->first[part] = l->last[part] = (struct audit_point){0};
}

/* The CPU time of a helper that is still in its own record; its open interval too. */
static void close_helper(struct probe_set *p, struct task_record *t, uint64_t end_ns)
{
	struct probe_detail who = charge_helper(t);
	struct account_key key;

	if (t->run == TASK_ON_CPU && t->in_ns && t->in_ns < end_ns)
		t->helper_ns += end_ns - t->in_ns;
	key = charge_account(PROBE_LANE_HELPER, t->helper_phase, STATE_ONCPU, &who);
	if (t->helper_ns)
		add_to_account(p, &key, t->helper_ns);
}

/* What was counted of threads that are still there. */
static void keep_events(struct probe_set *p, const struct task_record *t)
{
	for (unsigned i = 0; (unsigned)t->lane < p->lanes && i < EVENT_COUNT; i++)
		p->bpf->bss->lanes[t->lane].events[i] += charge_events(t, i);
}

/* One that is off its CPU and has not been recorded. */
static void close_away(struct probe_set *p, const struct task_record *t, uint64_t end_ns)
{
	struct record_long record = {
		.type = RECORD_LONG,
		.lane = t->lane,
		.tgid = t->tgid,
		.begin_ns = t->off_ns,
		.time_ns = end_ns,
	};

	if (!p->callbacks.away || t->run == TASK_ON_CPU || !t->off_ns ||
		end_ns < t->off_ns + OFFCPU_LONG_NS)
		return;
	memcpy(record.name, t->name, sizeof(record.name));
	p->callbacks.away(&record, p->callbacks.userdata);
}

static void close_tasks(struct probe_set *p, uint64_t end_ns)
{
	int tasks = bpf_map__fd(p->bpf->maps.tasks);
	uint64_t task, *previous = NULL;

	while (bpf_map_get_next_key(tasks, previous, &task) == 0) {
		struct task_record t;

		previous = &task;
		if (bpf_map_lookup_elem(tasks, &task, &t) < 0)
			continue;
		if (t.lane < 0) {
			close_helper(p, &t, end_ns);
			continue;
		}
		keep_events(p, &t);
		close_away(p, &t, end_ns);
	}
}

/* A thread that still lives: what it does at the end. */
static void close_thread(struct thread_record *th, uint64_t end_ns)
{
	uint64_t ns = end_ns > th->since_ns ? end_ns - th->since_ns : 0;

	if (th->run == TASK_ON_CPU)
		th->cpu_ns += ns;
	else if (th->run == TASK_WAITING)
		th->wait_ns += ns;
	else
		charge_sleep(th, ns);
}

/* One that was there before, of which no event came: what it seemed to do then, it did until the end. */
static void close_unseen(struct probe_set *p, const struct task_record *t, uint64_t end_ns)
{
	struct thread_record th = {
		.type = RECORD_THREAD,
		.pid = t->pid,
		.tgid = t->tgid,
		.parent = t->parent,
		.begin_ns = t->late ? t->adopted_ns : p->bpf->bss->phase_start_ns[0],
		.run = t->seems == STATE_ONCPU ? TASK_ON_CPU : TASK_ASLEEP,
		.cause = t->seems_why,
	};

	memcpy(th.name, t->name, sizeof(th.name));
	th.since_ns = th.begin_ns;
	close_thread(&th, end_ns);
	p->callbacks.thread(&th, p->callbacks.userdata);
}

/* Without an event it can only have ended before the gate opened. */
static bool is_gone(const struct task_record *t)
{
	struct proc_stat s;

	return proc_read_stat((pid_t)t->pid, &s) < 0;
}

struct pid_list {
	uint32_t *pids;
	size_t n;
};

static bool has_pid(const struct pid_list *list, uint32_t pid)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->pids[i] == pid)
			return true;
	return false;
}

/* Where no event came of a thread it is still among those that were adopted. So is one that came to be
 * known late, but was known already. */
static void close_adopted(
	struct probe_set *p, int map, const struct pid_list *closed, uint64_t end_ns)
{
	uint64_t key = 0, *previous = NULL; /* the shorter keys fit, too */

	while (p->callbacks.thread && p->floats && bpf_map_get_next_key(map, previous, &key) == 0) {
		struct task_record t;

		previous = &key;
		if (bpf_map_lookup_elem(map, &key, &t) == 0 && t.floats && t.run == TASK_UNKNOWN &&
			!is_gone(&t) && !(t.late && has_pid(closed, t.pid)))
			close_unseen(p, &t, end_ns);
	}
}

void probe_set_threads(
	const struct probe_set *p, uint64_t until_ns, probe_thread_t thread, void *userdata)
{
	int threads = bpf_map__fd(p->bpf->maps.threads);
	uint64_t task, *previous = NULL;

	while (bpf_map_get_next_key(threads, previous, &task) == 0) {
		struct thread_record th;

		previous = &task;
		if (bpf_map_lookup_elem(threads, &task, &th) < 0)
			continue;
		close_thread(&th, until_ns);
		thread(&th, userdata);
	}
}

static void note_closed(const struct thread_record *th, void *userdata)
{
	struct pid_list *closed = userdata;

	(void)ARRAY_ADD(closed->pids, closed->n, th->pid);
}

static void close_threads(struct probe_set *p, struct pid_list *closed, uint64_t end_ns)
{
	if (!p->callbacks.thread)
		return;
	if (p->floats)
		probe_set_threads(p, end_ns, note_closed, closed);
	probe_set_threads(p, end_ns, p->callbacks.thread, p->callbacks.userdata);
}

void probe_set_finish(struct probe_set *p, uint64_t end_ns)
{
	struct timespec pause = {.tv_nsec = 50000000};
	struct pid_list closed = {0};

	while (clock_ns() < end_ns)
		;
	__atomic_store_n(&p->bpf->bss->gate, 0, __ATOMIC_SEQ_CST);
	/* A program that passed the gate before it closed may still charge a lane. */
	if (probe_wait_programs() < 0)
		nanosleep(&pause, NULL);
	probe_boot_detach(p->boot);
	p->boot = NULL;
	probe_load_detach(&p->load);
	ring_buffer__consume(p->ring);
	for (unsigned i = 0; i < p->lanes; i++) {
		close_lane(p, i, end_ns);
		for (unsigned part = 0; part < PROBE_PARTS_MAX; part++)
			fold_part(&p->bpf->bss->lanes[i], part, p->phase_of_part[part]);
	}
	if (p->timeline)
		timeline_close(p->timeline, end_ns, p->phase_of_part);
	close_tasks(p, end_ns);
	close_threads(p, &closed, end_ns);
	close_adopted(p, bpf_map__fd(p->bpf->maps.tasks), &closed, end_ns);
	close_adopted(p, bpf_map__fd(p->bpf->maps.adopted), &closed, end_ns);
	free(closed.pids);
}

const struct lane_record *probe_set_lane(const struct probe_set *p, unsigned lane)
{
	return &p->bpf->bss->lanes[lane];
}

int probe_set_accounts(const struct probe_set *p, struct counted_account **ret, size_t *ret_n)
{
	int map = bpf_map__fd(p->bpf->maps.accounts);
	size_t n = 0, most = bpf_map__max_entries(p->bpf->maps.accounts);
	struct counted_account *all = calloc(most, sizeof(*all));
	struct account_key key, *previous = NULL;

	if (!all)
		return -ENOMEM;
	while (n < most && bpf_map_get_next_key(map, previous, &key) == 0) {
		previous = &key;
		if (bpf_map_lookup_elem(map, &key, &all[n].value) != 0)
			continue;
		all[n].key = key;
		if (key.phase < PROBE_PARTS_MAX)
			all[n].key.phase = p->phase_of_part[key.phase];
		n++;
	}
	*ret = all;
	*ret_n = n;
	return 0;
}
