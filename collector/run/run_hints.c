/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_hints.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/books/syscall_names.h"
#include "collector/symbols/symbol_process.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/timeline_code.h"

/* What at least so many of a lane's samples beside its detours show is usual. */
#define USUAL_SHARE 0.02

/* By which a kernel's interrupts begin: begins of functions' names. */
static const char *const interrupts[] = {
	"interrupt", "asm_sysvec_", "asm_common_interrupt", "common_interrupt"};

static int number(uint32_t *ret, int q)
{
	if (q >= 0)
		*ret = (uint32_t)q;
	return q < 0 ? q : 0;
}

static bool is_interrupt(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(interrupts); i++)
		if (strncmp(name, interrupts[i], strlen(interrupts[i])) == 0)
			return true;
	return false;
}

/* The guest's thread, or process. */
static int find_thread(struct run *run, const struct profile_entry *e, uint32_t *ret)
{
	struct detour_causes *c = &run->result->detour_causes;
	char process[GUEST_PROCESS_SIZE];

	if (e->guest_task.kind == GUEST_TASK_THREAD && e->guest_task.name[0])
		return number(
			ret, detour_cause_number(c, "guest thread", e->guest_task.name, NULL));
	if (guest_view_process(run->result->view, e, process))
		return number(ret, detour_cause_number(c, "guest thread", process, NULL));
	return 0;
}

static int find_guest_function(struct run *run, const struct profile_entry *e, uint32_t *ret)
{
	struct guest_frame frames[PROBE_STACK_DEPTH + 1];
	struct detour_causes *c = &run->result->detour_causes;
	unsigned end;
	int n = guest_view_frames(run->result->view, e, frames, &end);

	if (n <= 0)
		return n;
	for (int i = 0; i < n; i++)
		if (is_interrupt(frames[i].symbol.name))
			return number(ret, detour_cause_number(c, "guest interrupt",
						   frames[i].symbol.name, NULL));
	return number(ret, detour_cause_number(c, "function", frames[0].symbol.name, NULL));
}

static int find_host(struct run *run, const struct profile_entry *e, struct stack_causes *ret)
{
	struct detour_causes *c = &run->result->detour_causes;
	bool is_vm = run->request->ops->is_vm;
	struct symbol symbol;

	if (e->mode == SAMPLE_KERNEL)
		return number(&ret->host,
			detour_cause_number(c, "host kernel",
				e->syscall >= 0 ? syscall_name(e->syscall) : "fault", NULL));
	if (e->mode != SAMPLE_USER ||
		symbols_lookup_user(run->settings->names, (pid_t)e->tgid, e->ip, &symbol) < 0 ||
		(is_vm && strcmp(symbol.module, "[anon]") == 0))
		return 0;
	return number(is_vm ? &ret->host : &ret->function,
		detour_cause_number(c, is_vm ? "emulator" : "function", symbol.name, NULL));
}

int run_hints_new(struct run *run, struct run_hints *ret)
{
	const struct run_result *r = run->result;
	int q = 0;

	ret->of_entry = calloc(r->profile.n + 1, sizeof(*ret->of_entry));
	if (!ret->of_entry)
		return -ENOMEM;
	for (size_t i = 0; i < r->profile.n && q == 0; i++) {
		const struct profile_entry *e = r->profile.entries[i];
		struct stack_causes *causes = &ret->of_entry[i];

		*causes = (struct stack_causes){DETOUR_LOOP, DETOUR_LOOP, DETOUR_LOOP};
		if (e->kind != PROFILE_ONCPU || e->mode == SAMPLE_IRQ || e->lane < 0)
			continue;
		if (r->view && e->n_guest)
			q = find_thread(run, e, &causes->thread);
		if (q == 0 && r->view && e->n_guest)
			q = find_guest_function(run, e, &causes->function);
		if (q == 0)
			q = find_host(run, e, causes);
	}
	return q;
}

/* Samples of the lane from @begin to @end: as hints whose cause is the number of an entry. */
static int take_samples(const struct run_result *r, unsigned lane, uint64_t begin, uint64_t end,
	struct detour_hint **list, size_t *n)
{
	const struct sample_times *t = r->profile.times;

	for (size_t i = 0; t && i < t->n; i++) {
		const struct sample_block *b = &t->blocks[i];
		struct timeline_reader reader = timeline_read(b->data, b->bytes, b->begin_ns);
		struct sample_time s;

		while (b->lane == (int)lane && sample_time_next(&reader, &s) > 0) {
			if (s.time_ns < begin || s.time_ns > end || s.number >= r->profile.n ||
				r->profile.entries[s.number]->kind != PROFILE_ONCPU)
				continue;
			if (ARRAY_ADD(*list, *n,
				    (struct detour_hint){s.time_ns, (uint32_t)s.number}) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct detour_hint *x = a, *y = b;

	return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

/* Was the lane in a detour for some time at @time_ns? Its very begin may be the sample's own doing. */
static bool is_held_up(const struct run_detours *d, uint64_t time_ns)
{
	size_t i = ARRAY_BISECT(d->list, d->n, e, e->end_ns <= time_ns);

	return i < d->n && d->list[i].begin_ns + DETOUR_AROUND_NS < time_ns;
}

/* How many samples beside the detours show each cause. */
static double count_usual(const struct run_hints *h, const struct run_detours *d,
	const struct detour_hint *samples, size_t n, uint64_t *counts)
{
	double all = 0;

	for (size_t i = 0; i < n; i++) {
		const struct stack_causes *c = &h->of_entry[samples[i].cause];

		if (is_held_up(d, samples[i].time_ns))
			continue;
		all++;
		counts[c->thread]++;
		if (c->function != c->thread)
			counts[c->function]++;
		counts[c->host]++;
	}
	return all;
}

static uint32_t unusual(const struct stack_causes *c, const uint64_t *counts, double all)
{
	const uint32_t in_order[] = {c->thread, c->function, c->host};

	for (size_t i = 0; i < ARRAY_SIZE(in_order); i++)
		if (in_order[i] != DETOUR_LOOP && (double)counts[in_order[i]] < USUAL_SHARE * all)
			return in_order[i];
	return DETOUR_LOOP;
}

int run_hints_of_lane(struct run_hints *h, const struct run *run, const struct run_detours *d,
	struct detour_hint **ret, size_t *ret_n)
{
	const struct run_result *r = run->result;
	_cleanup_free_ uint64_t *counts = calloc(r->detour_causes.n, sizeof(*counts));
	struct detour_hint *list = NULL;
	size_t n = 0;
	double all;
	int q = counts ? take_samples(r, d->lane, d->list[0].begin_ns, d->list[d->n - 1].end_ns,
				 &list, &n)
		       : -ENOMEM;

	if (q < 0) {
		free(list);
		return q;
	}
	if (n)
		qsort(list, n, sizeof(*list), by_time);
	all = count_usual(h, d, list, n, counts);
	for (size_t i = 0; i < n; i++)
		list[i].cause = unusual(&h->of_entry[list[i].cause], counts, all);
	*ret = list;
	*ret_n = n;
	return 0;
}

void run_hints_done(struct run_hints *h)
{
	free(h->of_entry);
	*h = (struct run_hints){0};
}
