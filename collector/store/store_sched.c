/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The guest's scheduler: tables guest_task and guest_cpu; its timers: guest_timer and guest_timer_cpu; its run queues:
 * guest_queue and guest_stuck. */

#include "collector/store/store_writer_internal.h"

/* What was taken, at the begin or at the end of a phase. */
static int write_instant(struct store_writer *s, int64_t run, const struct sched_snapshot *taken,
	const char *phase, const char *instant, struct error *error)
{
	int q = 0;

	for (size_t i = 0; i < taken->n_tasks && q == 0; i++) {
		const struct sched_task *t = &taken->tasks[i];

		q = store_insert(s, error,
			"INSERT INTO guest_task VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
			"issiossoiiiii", run, phase, instant, (int64_t)t->id, t->process != 0,
			(int64_t)t->process, t->name, t->state, t->cpu >= 0, (int64_t)t->cpu,
			(int64_t)t->cpu_ns, (int64_t)t->switches, (int64_t)t->preemptions,
			(int64_t)t->migrations, (int64_t)t->torn);
	}
	for (size_t i = 0; i < taken->n_cpus && q == 0; i++) {
		const struct sched_cpu *c = &taken->cpus[i];

		q = store_insert(s, error, "INSERT INTO guest_cpu VALUES (?,?,?,?,?,?,?,?,?,?,?)",
			"issiiiioiii", run, phase, instant, (int64_t)c->cpu, (int64_t)c->queued,
			(int64_t)c->current, (int64_t)c->idle, c->switches != 0,
			(int64_t)c->switches, (int64_t)c->torn, (int64_t)taken->begin_ns,
			(int64_t)(taken->end_ns - taken->begin_ns));
	}
	return q;
}

static const char *const owner_kinds[] = {
	[TIMER_OF_NOBODY] = NULL, [TIMER_OF_THREAD] = "thread", [TIMER_OF_CPU] = "cpu"};

static int write_timers(struct store_writer *s, int64_t run, const struct timers_snapshot *taken,
	const char *phase, const char *instant, struct error *error)
{
	int q = 0;

	for (size_t i = 0; i < taken->n_cpus && q == 0; i++) {
		const struct guest_timer_cpu *c = &taken->cpus[i];
		bool counted = c->timers != TIMERS_NOT_COUNTED;
		const char *trouble = c->trouble ? c->trouble : taken->trouble;

		q = store_insert(s, error,
			"INSERT INTO guest_timer_cpu VALUES (?,?,?,?,?,?,?,?,?,?,?)", "issiooooois",
			run, phase, instant, (int64_t)c->cpu, counted, (int64_t)c->timers, counted,
			(int64_t)c->counted, counted, (int64_t)c->misfiled, c->clock_ns != 0,
			(int64_t)c->clock_ns, c->next_ns != 0, (int64_t)c->next_ns,
			(int64_t)c->torn, trouble);
	}
	for (size_t i = 0; i < taken->n_timers && q == 0; i++) {
		const struct guest_timer *t = &taken->timers[i];

		q = store_insert(s, error,
			"INSERT INTO guest_timer VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
			"issisiooisosoisi", run, phase, instant, (int64_t)t->address, t->state,
			(int64_t)t->due_ns, t->list_cpu >= 0, (int64_t)t->list_cpu,
			t->links_cpu >= 0, (int64_t)t->links_cpu, (int64_t)t->expired,
			owner_kinds[t->owner_kind], t->owner_kind != TIMER_OF_NOBODY,
			(int64_t)t->owner, t->owner_kind == TIMER_OF_THREAD ? t->owner_name : NULL,
			t->owner_cpu >= 0, (int64_t)t->owner_cpu, (int64_t)t->owned,
			guest_timer_fault(t), (int64_t)t->torn);
	}
	return q;
}

static int write_queues(
	struct store_writer *s, int64_t run, const struct run_result *r, struct error *error)
{
	int q = 0;

	for (size_t i = 0; i < r->queues.n && q == 0; i++) {
		const struct queue_slice *k = &r->queues.slices[i];

		if (k->phase < r->n_phases)
			q = store_insert(s, error,
				"INSERT INTO guest_queue VALUES (?,?,?,?,?,?,?,?,?,?,?)",
				"isiiiiiiiii", run, r->phases[k->phase].name, (int64_t)k->lane,
				(int64_t)k->begin_ns, (int64_t)r->queues.slice_ns,
				(int64_t)k->ticks, (int64_t)k->queued, (int64_t)k->most,
				(int64_t)k->lost_ticks, (int64_t)k->lost_ns,
				(int64_t)k->lost_blocked_ns);
	}
	for (size_t i = 0; i < r->n_stuck && q == 0; i++)
		q = store_insert(s, error, "INSERT INTO guest_stuck VALUES (?,?,?,?,?)", "isiii",
			run, r->phases[r->stuck[i].phase].name, (int64_t)r->stuck[i].lane,
			(int64_t)r->stuck[i].ns, (int64_t)r->stuck[i].count);
	return q;
}

static int write_taken(struct store_writer *s, int64_t run, const struct run_sched *taken,
	const char *phase, const char *instant, struct error *error)
{
	int q = write_instant(s, run, &taken->snapshot, phase, instant, error);

	return q < 0 ? q : write_timers(s, run, &taken->timers, phase, instant, error);
}

static int write_books(
	struct store_writer *s, int64_t run, const struct run_result *r, struct error *error)
{
	const struct thread_book *b = &r->thread_book;
	int q = 0;

	for (size_t i = 0; i < b->n_phases; i++) {
		const struct thread_phase *p = &b->phases[i];

		for (size_t k = 0; k < p->n_rows && q == 0 && p->phase < r->n_phases; k++) {
			const struct thread_row *t = &p->rows[k];

			q = store_insert(s, error,
				"INSERT INTO guest_book VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
				"isioosiiiiiiiiiiiiii", run, r->phases[p->phase].name,
				(int64_t)t->id, t->process != 0, (int64_t)t->process, t->cpu >= 0,
				(int64_t)t->cpu, t->name, (int64_t)t->idle, (int64_t)t->running_ns,
				(int64_t)t->queued_ns, (int64_t)t->waiting_ns,
				(int64_t)t->absent_ns, (int64_t)t->unknown_ns, (int64_t)t->over_ns,
				(int64_t)t->within_ns, (int64_t)t->exact, (int64_t)t->readings,
				(int64_t)t->queued_readings, (int64_t)t->switches,
				(int64_t)t->preemptions, (int64_t)t->migrations);
		}
	}
	return q;
}

int store_write_sched(
	struct store_writer *s, int64_t run, const struct run_result *r, struct error *error)
{
	int q = 0;

	for (size_t i = 0; i < r->n_scheds && q == 0; i++) {
		const struct run_sched *taken = &r->scheds[i];

		if (taken->phase > 0)
			q = write_taken(
				s, run, taken, r->phases[taken->phase - 1].name, "end", error);
		if (q == 0 && taken->phase < r->n_phases)
			q = write_taken(
				s, run, taken, r->phases[taken->phase].name, "begin", error);
	}
	if (q == 0)
		q = write_queues(s, run, r, error);
	return q < 0 ? q : write_books(s, run, r, error);
}
