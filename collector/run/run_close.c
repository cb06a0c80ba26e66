/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_close.h"

/* What is left to do when a run is over: close and audit its books, gather counters, rows and
 * stacks. */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/books/syscall_names.h"
#include "collector/probes/probe_accounts.h"
#include "collector/probes/probe_set.h"
#include "collector/probes/probe_timeline.h"
#include "collector/run/run_audit.h"
#include "collector/run/run_boot.h"
#include "collector/run/run_checks.h"
#include "collector/run/run_clock.h"
#include "collector/run/run_detours.h"
#include "collector/run/run_distributions.h"
#include "collector/run/run_guest.h"
#include "collector/run/run_leftovers.h"
#include "collector/run/run_pins.h"
#include "collector/run/run_program.h"
#include "collector/run/run_records.h"
#include "collector/run/run_sched.h"
#include "collector/run/run_stacks.h"
#include "collector/run/run_threads.h"
#include "collector/run/run_unwind.h"
#include "collector/symbols/address_set.h"
#include "collector/symbols/debug_server.h"
#include "collector/symbols/symbol_process.h"
#include "collector/symbols/symbol_space.h"
#include "common/cleanup.h"

/* What a sample of a lane says of its on-CPU time. */
static unsigned classify(
	const struct profile_entry *e, char ret_detail[static DETAIL_SIZE], void *userdata)
{
	struct run *run = userdata;
	struct symbol symbol;

	ret_detail[0] = '\0';
	if (e->mode == SAMPLE_GUEST) {
		run_guest_detail(run, e, ret_detail);
		return STATE_GUEST;
	}
	if (e->mode == SAMPLE_KERNEL) {
		const char *name = e->syscall >= 0 ? syscall_name(e->syscall) : "fault";

		if (name)
			strncpy(ret_detail, name, DETAIL_SIZE - 1);
		return STATE_KERNEL;
	}
	if (!run->request->ops->is_vm)
		return STATE_USER;
	/* TCG keeps the code that it makes of the guest's in memory that belongs to no file. */
	if (symbols_lookup_user(run->settings->names, (pid_t)e->tgid, e->ip, &symbol) < 0)
		return STATE_VMM;
	if (strcmp(symbol.module, "[anon]") == 0) {
		run_guest_detail(run, e, ret_detail);
		return STATE_GUEST;
	}
	snprintf(ret_detail, DETAIL_SIZE, "%s", symbol.name);
	return STATE_VMM;
}

#define ROW_TIME_MAX_NS (100ULL * 366 * 86400 * 1000000000)

/* The program's times are its own clock's: moved to the host's by the first marker, which has both.
 */
static int translate_rows(struct run *run)
{
	struct run_result *r = run->result;

	if (!run->n_rows)
		return 0;
	r->rows = calloc(run->n_rows, sizeof(*r->rows));
	if (!r->rows)
		return -ENOMEM;
	for (size_t i = 0; i < run->n_rows; i++) {
		const struct reported_rows *from = &run->rows[i];

		/* No clock that can be believed shows a century after its begin. */
		if (from->start_ns < run->guest_begin_ns || from->end_ns < from->start_ns ||
			from->end_ns - run->guest_begin_ns > ROW_TIME_MAX_NS)
			continue;
		r->rows[r->n_rows++] = (struct run_row){
			.task = from->task,
			.lane = from->worker,
			.start_ns = from->start_ns - run->guest_begin_ns + run->host_begin_ns,
			.end_ns = from->end_ns - run->guest_begin_ns + run->host_begin_ns,
		};
	}
	return 0;
}

/* Callers by the byte before the one they return to, as store_stacks_put() looks them up. */
static int find_lines_of(struct run *run, pid_t pid)
{
	struct symbol_space *space = symbols_process_space(run->settings->names, pid);
	_cleanup_address_set_ struct address_set set = {0};
	const struct profile *profile = &run->result->profile;
	int r = 0;

	if (!space)
		return 0;
	for (size_t i = 0; i < profile->n; i++) {
		const struct profile_entry *e = profile->entries[i];
		const uint64_t *user = e->frames + e->n_kernel;

		for (uint32_t k = 0; e->tgid == (uint32_t)pid && k < e->n_user && r == 0; k++)
			r = address_set_add(&set, profile_address(user, k));
	}
	if (r < 0)
		return r;
	r = symbol_space_find_lines(space, set.addresses, set.n);
	return r < 0 ? r : 0;
}

static int find_lines(struct run *run)
{
	int r = 0;

	for (size_t i = 0; i < run->n_processes && r == 0; i++)
		r = find_lines_of(run, run->processes[i].pid);
	return r;
}

/* All files that a stack led into have been opened by now. */
static void say_files(struct run *run)
{
	struct symbols *names = run->settings->names;
	char text[256];

	if (debug_servers_take_trouble(symbols_servers(names), text))
		run_warn(run, "%s", text);
	if (symbols_process_take_replaced(names, text, sizeof(text)))
		run_warn(run,
			"replaced on disk while they were mapped: %s; their functions have no "
			"names, as what is mapped cannot be opened without CAP_SYS_ADMIN",
			text);
}

/* Of the lanes that the probes kept, only those of the run. */
static void choose_lanes(struct run *run, struct counted_account *accounts, size_t *n)
{
	struct profile *p = &run->result->profile;
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++) {
		int lane = run_lane_of(run, accounts[i].key.lane);

		if (accounts[i].key.lane != PROBE_LANE_HELPER) {
			if (lane < 0)
				continue;
			accounts[i].key.lane = (uint16_t)lane;
		}
		accounts[kept++] = accounts[i];
	}
	*n = kept;
	for (size_t i = 0; i < p->n; i++)
		p->entries[i]->lane = run_lane_of(run, p->entries[i]->lane);
	for (size_t i = 0; p->times && i < p->times->n; i++)
		p->times->blocks[i].lane = run_lane_of(run, p->times->blocks[i].lane);
}

static void take_timeline(struct run *run)
{
	struct timeline *t = probe_set_take_timeline(run->probes);

	/* What comes after the last phase is part of no book. */
	for (size_t i = 0; t && i < t->n_blocks; i++)
		t->blocks[i].lane = t->blocks[i].part < run->result->n_phases
					    ? run_lane_of(run, t->blocks[i].lane)
					    : PROBE_LANE_NONE;
	run->result->timeline = t;
}

static int close_books(struct run *run)
{
	struct run_result *r = run->result;
	_cleanup_free_ struct counted_account *accounts = NULL;
	struct books_input in = {
		.lanes = run_lane(run, 0),
		.n_lanes = run->request->lanes,
		.phases = r->phases,
		.n_phases = r->n_phases,
		.profile = &r->profile,
		.classify = classify,
		.unsampled = run->request->ops->is_vm ? STATE_VMM : STATE_USER,
		.userdata = run,
	};
	int q = probe_set_accounts(run->probes, &accounts, &in.n_accounts);

	in.accounts = accounts;
	choose_lanes(run, accounts, &in.n_accounts);
	return q < 0 ? q : books_close(&r->books, &in);
}

int run_close(struct run *run)
{
	struct run_result *r = run->result;
	int q;

	run_unwind_close(run); /* first: a lookup closes the files */
	run_guest_judge(run);
	run_boot_close(run);
	run_tell_leftovers(run);
	run_close_threads(run);
	offcpu_finish(&run->offcpu, &r->profile, r->phases, r->n_phases, r->end_ns);
	take_timeline(run);
	q = close_books(run);
	if (q < 0)
		return q;
	r->has_books = true;
	r->losses = probe_set_losses(run->probes);
	r->lost_events = r->losses.ring + r->losses.accounts + r->losses.tasks + r->profile.lost +
			 run->offcpu.lost + run->exits.lost;
	q = run->ended ? run_audit(run) : 0;
	if (q < 0)
		return q;
	if (run->guest && run->ended && r->ok && !run->settings->boot_only)
		run_check_lanes(run);
	if (run->ended && r->ok)
		run_check_offcpu(run);
	run_guest_close(run);
	run_take_exits(run);
	run_sched_close(run);
	run_stacks_close(run);
	q = run_take_pins(run);
	if (q == 0)
		q = find_lines(run);
	if (q < 0)
		return q;
	say_files(run);
	run_check_losses(run);
	q = translate_rows(run);
	run_clock_close(run);
	if (q == 0)
		q = run_close_distributions(run);
	return q == 0 ? run_close_detours(run) : q;
}
