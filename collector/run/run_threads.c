/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_threads.h"

#include <stdlib.h>
#include <string.h>

#include "collector/probes/probe_accounts.h"
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

static void note_mark(const struct thread_record *record, void *userdata)
{
	struct run *run = userdata;

	(void)ARRAY_ADD(run->thread_marks, run->n_thread_marks, *record);
}

static int compare_pid(const void *a, const void *b)
{
	const struct thread_record *s = a, *t = b;

	return (s->pid > t->pid) - (s->pid < t->pid);
}

void run_mark_threads(struct run *run, uint64_t begin_ns)
{
	if (!run_lanes_are_cpus(run))
		return;
	probe_set_threads(run->probes, begin_ns, note_mark, run);
	if (run->n_thread_marks)
		qsort(run->thread_marks, run->n_thread_marks, sizeof(*run->thread_marks),
			compare_pid);
}

static uint64_t less(uint64_t ns, uint64_t before)
{
	return ns > before ? ns - before : 0;
}

/* Take off @r what it was when the run began. */
static void cut(const struct run *run, struct thread_record *r)
{
	size_t at = ARRAY_BISECT(run->thread_marks, run->n_thread_marks, e, e->pid < r->pid);
	const struct thread_record *mark = &run->thread_marks[at];

	if (at == run->n_thread_marks || mark->pid != r->pid || mark->begin_ns != r->begin_ns)
		return;
	r->cpu_ns = less(r->cpu_ns, mark->cpu_ns);
	r->wait_ns = less(r->wait_ns, mark->wait_ns);
	r->wait_siblings_ns = less(r->wait_siblings_ns, mark->wait_siblings_ns);
	/* A cause stays in its place. */
	for (unsigned i = 0; i < PROBE_THREAD_CAUSES; i++)
		if (mark->blocked[i].number == r->blocked[i].number)
			r->blocked[i].ns = less(r->blocked[i].ns, mark->blocked[i].ns);
	r->blocked_other_ns = less(r->blocked_other_ns, mark->blocked_other_ns);
	r->switches -= mark->switches;
	r->migrations -= mark->migrations;
}

void run_take_thread(const struct thread_record *whole, void *userdata)
{
	struct run *run = userdata;
	struct run_result *r = run->result;
	struct thread_record kept = *whole, *record = &kept;
	struct run_thread t;

	sum_up(&run->thread_sums, whole);
	cut(run, record);
	t = (struct run_thread){
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

/* Of threads that ended before it there is nothing to say. */
static void cut_to_run(struct run_result *r)
{
	uint64_t begin_ns = r->n_phases > 1 ? r->phases[1].start_ns : r->end_ns;
	size_t n = 0;

	for (size_t i = 0; i < r->n_threads; i++) {
		struct run_thread *t = &r->threads[i];

		if (t->end_ns && t->end_ns <= begin_ns)
			continue;
		if (t->start_ns < begin_ns)
			t->start_ns = begin_ns;
		r->threads[n++] = *t;
	}
	r->n_threads = n;
}

void run_close_threads(struct run *run)
{
	struct run_result *r = run->result;

	if (!run_lanes_are_cpus(run))
		r->n_threads = 0;
	if (run->settings->client)
		cut_to_run(r);
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
