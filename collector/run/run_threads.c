/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_threads.h"

#include <stdlib.h>
#include <string.h>

#include "collector/run/run_program.h"
#include "common/array.h"
#include "common/cleanup.h"

/* So many are kept each for itself; what comes after is added to the last. */
#define THREADS_MAX 100000

static void take_causes(struct run_thread *t, const struct thread_record *record)
{
	for (unsigned i = 0; i < PROBE_THREAD_CAUSES; i++) {
		const struct thread_cause *c = &record->blocked[i];
		struct probe_detail detail = {.number = c->number};
		struct run_sleep *sleep = &t->sleeps[i];

		t->blocked_ns += c->ns;
		sleep->ns = c->ns;
		if (c->ns)
			detail_text(STATE_BLOCKED, &detail, sleep->detail);
	}
	t->blocked_ns += record->blocked_other_ns;
}

static void add_to(struct run_thread *t, const struct run_thread *more)
{
	t->cpu_ns += more->cpu_ns;
	t->wait_ns += more->wait_ns;
	t->wait_siblings_ns += more->wait_siblings_ns;
	t->blocked_ns += more->blocked_ns;
	t->switches += more->switches;
	t->migrations += more->migrations;
	t->threads += more->threads;
	memset(t->sleeps, 0, sizeof(t->sleeps)); /* of whom is not known any more */
	strcpy(t->name, "(others)");
}

static void sum_up(struct thread_sums *s, const struct thread_record *r)
{
	s->exec_ns += r->exec_ns;
	s->exec_books_ns += r->exec_books_ns;
	s->delay_ns += r->delay_ns;
	s->delay_books_ns += r->delay_books_ns;
	s->switches += r->switches;
}

void run_take_thread(const struct thread_record *record, void *userdata)
{
	struct run *run = userdata;
	struct run_result *r = run->result;
	struct run_thread t = {
		.threads = 1,
		.pid = (pid_t)record->pid,
		.tgid = (pid_t)record->tgid,
		.parent = (pid_t)record->parent,
		.start_ns = record->begin_ns,
		.end_ns = record->end_ns,
		.cpu_ns = record->cpu_ns,
		.wait_ns = record->wait_ns,
		.wait_siblings_ns = record->wait_siblings_ns,
		.switches = record->switches,
		.migrations = record->migrations,
	};

	memcpy(t.name, record->name, sizeof(t.name) - 1);
	detail_clean_name(t.name);
	take_causes(&t, record);
	sum_up(&run->thread_sums, record);
	if (r->n_threads == THREADS_MAX)
		add_to(&r->threads[THREADS_MAX - 1], &t);
	else
		(void)ARRAY_ADD(r->threads, r->n_threads, t);
}

static int compare_cpu(const void *a, const void *b)
{
	const struct run_thread *s = a, *t = b;

	if (s->cpu_ns != t->cpu_ns)
		return s->cpu_ns < t->cpu_ns ? 1 : -1;
	return s->start_ns < t->start_ns ? -1 : s->start_ns > t->start_ns;
}

void run_close_threads(struct run *run)
{
	struct run_result *r = run->result;

	if (!run_lanes_are_cpus(run))
		r->n_threads = 0;
	for (size_t i = 0; i < r->n_threads; i++)
		if (!r->threads[i].end_ns || r->threads[i].end_ns > r->end_ns)
			r->threads[i].end_ns = r->end_ns;
	if (r->n_threads)
		qsort(r->threads, r->n_threads, sizeof(*r->threads), compare_cpu);
}

/* A sum over threads may be off by a switch of each; time that the hypervisor took is in the books, but
 * not in the kernel's. */
static uint64_t bound_ns(const struct run *run)
{
	uint64_t wall = run->result->end_ns - run->host_begin_ns, ns;
	unsigned lanes = run->request->lanes;

	ns = (uint64_t)((double)wall * AUDIT_SHARE) * lanes +
	     AUDIT_SWITCH_NS * (run->thread_sums.switches + 2);
	for (unsigned lane = 0; lane < lanes; lane++)
		for (unsigned phase = 0; phase < run->result->n_phases; phase++)
			ns += audit_gap_ns(run_lane(run, lane), phase);
	return ns;
}

int run_audit_threads(struct run *run)
{
	const struct thread_sums *s = &run->thread_sums;
	struct audit_row row = {
		.phase = run->result->n_phases, .lane = PROBE_LANE_NONE, .bound_ns = bound_ns(run)};
	int r;

	if (!run_lanes_are_cpus(run) || !s->exec_ns)
		return 0;
	row.what = "threads_cpu_time";
	row.books_ns = s->exec_books_ns;
	row.other_ns = s->exec_ns;
	r = audit_add(&run->result->audit, &row);
	if (r < 0 || !s->delay_ns)
		return r;
	row.what = "threads_run_delay";
	row.books_ns = s->delay_books_ns;
	row.other_ns = s->delay_ns;
	return audit_add(&run->result->audit, &row);
}
