/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_records.h"

#include "collector/probes/probe_set.h"
#include "collector/run/run_boot.h"
#include "collector/run/run_guest.h"
#include "collector/run/run_pins.h"
#include "collector/run/run_processes.h"
#include "collector/run/run_sched.h"
#include "collector/run/run_threads.h"
#include "common/array.h"
#include "probes/unwind.h"

#define NS_PER_S 1000000000ULL

void run_lane_thread(struct run *run, int lane, pid_t tgid, pid_t tid)
{
	struct lane_thread *t;

	if (lane < 0 || (unsigned)lane >= run->request->lanes)
		return;
	t = &run->threads[lane];
	run_pin_lane(run, (unsigned)lane, tid);
	if (t->tid && t->tid != tid) {
		t->several = true;
		return;
	}
	t->tid = tid;
	t->tgid = tgid;
	run->program_tgid = tgid;
	run_know_process(run, tgid, 0);
	if (run->counters)
		counter_set_open(run->counters, (unsigned)lane, tid);
}

static void on_lane(const struct record_lane *record, void *userdata)
{
	struct run *run = userdata;
	struct run_result *r = run->result;

	run_lane_thread(run, record->lane, (pid_t)record->tgid, (pid_t)record->pid);
	offcpu_join(&run->offcpu, &r->profile, r->phases, r->n_phases, record->pid, record->lane,
		record->time_ns);
}

static unsigned phase_at(const struct run *run, uint64_t time_ns)
{
	const struct run_result *r = run->result;

	for (unsigned i = r->n_phases; i-- > 1;)
		if (time_ns >= r->phases[i].start_ns)
			return i;
	return 0;
}

static void know_process(struct run *run, const struct record_sample *s)
{
	run_know_process(run, (pid_t)s->tgid, (pid_t)s->origin);
	if (s->user_end == UNWIND_END_NO_MODULE)
		run_renew_process(run, (pid_t)s->tgid);
	else if (s->user_end == UNWIND_END_NO_TABLE)
		run_renew_code(run, (pid_t)s->tgid, s->time_ns);
}

static void on_sample(const struct record_sample *s, const uint64_t *frames, void *userdata)
{
	struct run *run = userdata;

	if (run->ended && s->time_ns >= run->result->end_ns)
		return;
	know_process(run, s);
	run_guest_sample(run, s, frames);
	run_boot_sample(run, s, frames);
	run_sched_sample(run, s, phase_at(run, s->time_ns));
	profile_add_sample(&run->result->profile, s, frames, phase_at(run, s->time_ns),
		NS_PER_S / run->settings->frequency_hz);
}

static void on_off(const struct record_sample *s, const uint64_t *frames, void *userdata)
{
	struct run *run = userdata;

	know_process(run, s);
	offcpu_off(&run->offcpu, s, frames);
}

static void on_on(const struct record_on *record, void *userdata)
{
	struct run *run = userdata;
	struct run_result *r = run->result;
	uint64_t now = record->time_ns;

	if (run->ended && now > r->end_ns)
		now = r->end_ns;
	offcpu_on(&run->offcpu, &r->profile, r->phases, r->n_phases, record->pid, now);
}

static void on_long(const struct record_long *record, void *userdata)
{
	struct run *run = userdata;

	offcpu_long(&run->offcpu, record);
}

static void on_exit_stack(const struct record_sample *s, const uint64_t *frames, void *userdata)
{
	struct run *run = userdata;

	offcpu_exit(&run->exits, s, frames);
}

static void on_entry(const struct record_entry *record, void *userdata)
{
	struct run *run = userdata;
	struct run_result *r = run->result;

	if (run->ended && record->time_ns > r->end_ns)
		return;
	offcpu_entry(&run->exits, &r->profile, r->phases, r->n_phases, record,
		phase_at(run, record->time_ns) >= run_first_phase(run));
}

void run_take_exits(struct run *run)
{
	struct run_result *r = run->result;

	for (size_t i = 0; i < run->exits.n_exits; i++)
		if (ARRAY_ADD(r->exits, r->n_exits, run->exits.exits[i]) < 0)
			return;
}

static void on_warning(const char *sentence, void *userdata)
{
	run_warn(userdata, "%s", sentence);
}

struct probe_callbacks run_callbacks(struct run *run)
{
	return (struct probe_callbacks){
		.lane = on_lane,
		.sample = on_sample,
		.off = on_off,
		.on = on_on,
		.away = on_long,
		.exit = on_exit_stack,
		.entry = on_entry,
		.boot = run_boot_event,
		.thread = run_take_thread,
		.warn = on_warning,
		.userdata = run,
	};
}
