/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_stacks.h"

/* What goes wrong here costs a line of a table, never the run. */

#include "collector/symbols/symbol_process.h"
#include "common/array.h"

void run_stacks_way(struct run *run, enum stack_side side, const char *module, enum unwind_way way)
{
	struct module_ways *ways = &run->ways[side];

	for (size_t i = 0; i < ways->n; i++) {
		if (ways->list[i].module == module) {
			ways->list[i].way = way;
			return;
		}
	}
	(void)ARRAY_ADD(ways->list, ways->n, {.module = module, .way = way});
}

static enum unwind_way way_of(const struct run *run, enum stack_side side, const char *module)
{
	const struct module_ways *ways = &run->ways[side];

	for (size_t i = 0; i < ways->n; i++)
		if (ways->list[i].module == module)
			return ways->list[i].way;
	return UNWIND_WAY_UNKNOWN;
}

static void count_frame(
	struct stack_walks *w, const char *module, enum unwind_way way, uint64_t frames)
{
	size_t i = 0;

	while (i < w->n_modules &&
		(w->modules[i].module != module || w->modules[i].way != (uint32_t)way))
		i++;
	if (i < w->n_modules ||
		ARRAY_ADD(w->modules, w->n_modules, {.module = module, .way = way}) == 0)
		w->modules[i].frames += frames;
}

static void count_end(struct stack_walks *w, const char *module, uint32_t why, uint64_t samples)
{
	size_t i = 0;

	while (i < w->n_ends && (w->ends[i].module != module || w->ends[i].why != why))
		i++;
	if (i < w->n_ends || ARRAY_ADD(w->ends, w->n_ends, {.module = module, .why = why}) == 0)
		w->ends[i].samples += samples;
}

/* A Linux kernel's modules lie outside of it, and have no table. */
static enum unwind_way way_of_guest(const struct run *run, const struct guest_frame *f)
{
	if (f->address >= run->kernel.begin && f->address < run->kernel.end)
		return run->kernel_way;
	if (f->kernel && !guest_view_inside(run->result->view)->one_ring)
		return UNWIND_WAY_NO_TABLE;
	return way_of(run, STACK_GUEST, f->symbol.module);
}

void run_stacks_count_guest(struct run *run, const struct profile_entry *e)
{
	struct stack_walks *w = &run->result->walks[STACK_GUEST];
	struct guest_frame frames[PROBE_STACK_DEPTH + 1];
	const char *module = "";
	unsigned end = GUEST_END_UNKNOWN;
	int n = e->n_guest ? guest_view_frames(run->result->view, e, frames, &end) : 0;

	if (n < 0)
		return;
	for (int i = 0; i < n; i++)
		count_frame(w, frames[i].symbol.module, way_of_guest(run, &frames[i]), e->count);
	if (n > 0 && end != GUEST_END_ROOT)
		module = frames[n - 1].symbol.module;
	count_end(w, module, end, e->count);
}

static void count_host(struct run *run, const struct profile_entry *e)
{
	struct stack_walks *w = &run->result->walks[STACK_HOST];
	struct symbols *names = run->settings->names;
	struct symbol symbol = {.module = ""};

	for (uint32_t i = 0; i < e->n_kernel; i++) {
		if (symbols_lookup_kernel(names, profile_address(e->frames, i), &symbol) < 0)
			return;
		count_frame(w, symbol.module, UNWIND_WAY_HOST_KERNEL, e->count);
	}
	for (uint32_t i = 0; i < e->n_user; i++) {
		if (symbols_lookup_user(names, (pid_t)e->tgid,
			    profile_address(e->frames + e->n_kernel, i), &symbol) < 0)
			return;
		count_frame(w, symbol.module,
			e->user_end == UNWIND_END_NONE ? UNWIND_WAY_PROCESS
						       : way_of(run, STACK_HOST, symbol.module),
			e->count);
	}
	if (e->n_user)
		count_end(w, e->user_end == UNWIND_END_ROOT ? "" : symbol.module, e->user_end,
			e->count);
}

void run_stacks_close(struct run *run)
{
	const struct profile *p = &run->result->profile;

	for (size_t i = 0; i < p->n; i++)
		if (p->entries[i]->kind == PROFILE_ONCPU &&
			p->entries[i]->phase >= run_first_phase(run))
			count_host(run, p->entries[i]);
}
