/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_sched.h"

/* What goes wrong here costs lines of a table, never the run. */

#include <limits.h>
#include <string.h>

#include "collector/probes/probe_guest.h"
#include "common/array.h"
#include "common/clock.h"

/* More than that was torn: a sentence for the user. */
#define TORN_TO_SAY 0.2

#define GLANCE_NS 20000000ULL /* in the mean from one look at the threads to the next */
#define GLANCE_COST                                                                                \
	200 /* that it is longer for each time that a look takes: 0.5 % of a CPU at most */

/* So many of the looks were in vain. */
#define SPOILT_TO_SAY 0.1

static void say_trouble(struct run *run, const struct sched_snapshot *s)
{
	size_t torn = 0;

	if (s->trouble)
		run_warn(run, "not all of the guest's threads are known: %s", s->trouble);
	for (size_t i = 0; i < s->n_tasks; i++)
		torn += s->tasks[i].torn;
	if (!s->trouble && (double)torn > TORN_TO_SAY * (double)s->n_tasks)
		run_warn(run, "of %zu threads of the guest %zu changed while they were read",
			s->n_tasks, torn);
}

/* From now on samples look at the run queues, and at the thread that a CPU is at work for. */
static void find_queues(struct run *run)
{
	struct guest_queue_place places[GUEST_QUEUES_MAX];
	struct guest_task_layout current;
	size_t n = guest_view_queues(run->result->view, run->request->lanes, places);

	/* Of some of them nothing could be said. */
	if (n == run->request->lanes)
		probe_set_guest_queues(run->probes, places, n);
	if (guest_view_current(run->result->view, &current) == 0)
		probe_set_guest_tasks(run->probes, &current);
}

static void done(struct run_sched *taken)
{
	sched_snapshot_done(&taken->snapshot);
	timers_snapshot_done(&taken->timers);
}

/* Timers, at the same instant. That they are not known is a sentence where a guest may have died of them. */
static void take_timers(struct run *run, struct timers_snapshot *ret)
{
	struct run_result *r = run->result;
	const char *why = NULL, *trouble;

	if (guest_view_timers(r->view, run->request->lanes, ret, &why) < 0) {
		*ret = (struct timers_snapshot){0};
		if (why && !r->ok)
			run_warn(run, "the guest's timers are not known: %s", why);
		return;
	}
	trouble = ret->trouble;
	for (size_t i = 0; i < ret->n_cpus && !trouble; i++)
		trouble = ret->cpus[i].trouble;
	if (trouble)
		run_warn(run, "not all of the guest's timers are known: %s", trouble);
}

void run_sched_take(struct run *run, bool end)
{
	struct run_result *r = run->result;
	struct run_sched taken = {.phase = end ? r->n_phases : r->n_phases - 1};
	const char *why = NULL;

	if (!r->view || !r->n_phases || run->distrusted) {
		thread_book_stop(&r->thread_book);
		return;
	}
	if (guest_view_sched(r->view, run->request->lanes, &taken.snapshot, &why) < 0) {
		thread_book_stop(&r->thread_book);
		if (why)
			run_warn(run, "the guest's threads are not known: %s", why);
		return;
	}
	say_trouble(run, &taken.snapshot);
	take_timers(run, &taken.timers);
	if (!end)
		find_queues(run);
	/* Where a program marks its own phases, those that were taken for it before are none. */
	while (r->n_scheds && r->scheds[r->n_scheds - 1].phase >= taken.phase)
		done(&r->scheds[--r->n_scheds]);
	(void)(end ? thread_book_add(&r->thread_book, &taken.snapshot, true)
		   : thread_book_begin(&r->thread_book, taken.phase, &taken.snapshot));
	if (ARRAY_ADD(r->scheds, r->n_scheds, taken) < 0)
		done(&taken);
}

/* At random, so that the guest's own time slices are in no step with it. */
static uint64_t pause_ns(struct run *run)
{
	run->glance_random = run->glance_random * 6364136223846793005ULL + 1442695040888963407ULL;
	return GLANCE_NS / 2 + (run->glance_random >> 33) % GLANCE_NS;
}

int run_sched_glance(struct run *run)
{
	struct sched_snapshot s = {0};
	uint64_t now = clock_ns(), took;

	if (!run->result->thread_book.open || run->ended || run->distrusted)
		return INT_MAX;
	if (now >= run->next_glance_ns) {
		if (run->next_glance_ns &&
			guest_view_glance(run->result->view, run->request->lanes, &s) == 0)
			(void)thread_book_add(&run->result->thread_book, &s, false);
		sched_snapshot_done(&s);
		took = clock_ns() - now;
		run->next_glance_ns = now + pause_ns(run) + took * GLANCE_COST;
		now += took;
	}
	return (int)(run->next_glance_ns > now ? (run->next_glance_ns - now) / 1000000 + 1 : 1);
}

void run_sched_sample(struct run *run, const struct record_sample *s, unsigned phase)
{
	if (s->queues.cpus && s->lane >= 0 && (unsigned)s->lane < run->request->lanes)
		queue_book_add(&run->result->queues, phase, (uint32_t)s->lane, s->time_ns,
			&s->queues, 1000000000ULL / run->settings->frequency_hz);
}

/* As the last reading has it: what follows from a timer that does not come is in all that was measured. */
static void say_overdue(struct run *run)
{
	const struct run_result *r = run->result;
	const struct guest_timer_cpu *c =
		r->n_scheds ? timers_overdue(&r->scheds[r->n_scheds - 1].timers) : NULL;

	if (c)
		run_warn(run,
			"CPU %u of the guest stopped receiving timer interrupts: a timer that was due "
			"%.2f s before the CPU last read its clock is still pending, so its threads had no time slices",
			c->cpu, (double)(c->clock_ns - c->next_ns) / 1e9);
}

static void say_spoilt(struct run *run)
{
	const struct thread_book *b = &run->result->thread_book;
	size_t spoilt = 0, readings = 0;

	for (size_t i = 0; i < b->n_phases; i++) {
		spoilt += b->phases[i].spoilt;
		readings += b->phases[i].readings;
	}
	if ((double)spoilt > SPOILT_TO_SAY * (double)(spoilt + readings))
		run_warn(run,
			"%zu of %zu readings of the guest's threads were incomplete and are missing from "
			"their books",
			spoilt, spoilt + readings);
}

void run_sched_close(struct run *run)
{
	struct run_result *r = run->result;
	uint64_t ns[PROBE_PHASES_MAX], count[PROBE_PHASES_MAX];

	say_overdue(run);
	thread_book_close(&r->thread_book);
	say_spoilt(run);
	if (r->queues.lost)
		run_warn(run,
			"%llu of %llu samples could not use the guest's run queues (unreadable memory, or no room): "
			"lost parallelism is estimated from the others",
			(unsigned long long)r->queues.lost, (unsigned long long)r->queues.ticks);
	if (!r->queues.n)
		return;
	for (unsigned lane = 0; lane < run->request->lanes; lane++) {
		probe_set_guest_stuck(run->probes, lane, ns, count);
		for (unsigned phase = 0; phase < r->n_phases; phase++)
			(void)ARRAY_ADD(r->stuck, r->n_stuck,
				(struct run_stuck){phase, lane, ns[phase], count[phase]});
	}
}
