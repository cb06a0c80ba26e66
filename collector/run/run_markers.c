/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_markers.h"

/* What the program in the stack says by its markers. All of it is untrusted input. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/probes/probe_phases.h"
#include "collector/run/run_audit.h"
#include "collector/run/run_clock.h"
#include "collector/run/run_detours.h"
#include "collector/run/run_distributions.h"
#include "collector/run/run_guest.h"
#include "collector/run/run_metrics.h"
#include "collector/run/run_pins.h"
#include "collector/run/run_probes.h"
#include "collector/run/run_processes.h"
#include "collector/run/run_program.h"
#include "collector/run/run_sched.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/utf8.h"
#include "guests/containers/cgroup.h"
#include "workload/report.h"

#define ROWS_MAX 1000000

/* What a store cannot hold is no number. */
static int take_number(const struct marker *m, const char *key, uint64_t *ret)
{
	uint64_t value;
	int r = marker_get_u64(m, key, &value);

	if (r < 0)
		return r;
	if (value > INT64_MAX)
		return -ERANGE;
	*ret = value;
	return 0;
}

static bool has_phase(const struct run_result *r, const char *name)
{
	for (unsigned i = 0; i < r->n_phases; i++)
		if (strcmp(r->phases[i].name, name) == 0)
			return true;
	return strcmp(name, "all") == 0; /* the store's word for all of them */
}

/* The store tells phases apart by name: a second one of the same name gets a number. */
static void name_phase(struct run *run, const char *said)
{
	struct run_result *r = run->result;
	struct phase *fresh = &r->phases[r->n_phases];
	_cleanup_free_ char *name = utf8_clean(said, strlen(said), false);
	unsigned number = 1;

	if (name && strlen(name) >= sizeof(fresh->reported))
		run_warn(run, "the name of phase %u is too long: its first %zu bytes are kept",
			r->n_phases, sizeof(fresh->reported) - 1);
	if (!name || !*name)
		strcpy(fresh->reported, "unnamed");
	else
		snprintf(fresh->reported, sizeof(fresh->reported), "%.*s",
			(int)utf8_within(name, sizeof(fresh->reported) - 1), name);
	memcpy(fresh->name, fresh->reported, sizeof(fresh->name));
	while (has_phase(r, fresh->name)) {
		size_t kept = utf8_within(fresh->reported, sizeof(fresh->name) - sizeof("-99"));

		snprintf(fresh->name + kept, sizeof("-99"), "-%u", ++number);
	}
	r->n_phases++;
}

/* All that is left is one, whose name must not be that of its first part alone. */
static void say_too_many(struct run *run)
{
	struct phase *last = &run->result->phases[run->result->n_phases - 1];
	static const char more[] = " and later";

	run_warn(run, "the program reports more than %d phases; the rest is one",
		PROBE_PHASES_MAX - 1);
	memcpy(last->name, last->reported, sizeof(last->name));
	memcpy(last->name + utf8_within(last->name, sizeof(last->name) - sizeof(more)), more,
		sizeof(more));
}

/* The program has begun: that is all that was asked for. The stack is ended by us. */
static void end_at_boot(struct run *run, uint64_t now)
{
	run->result->end_ns = now;
	run->ended = true;
	run_snapshot_maps(run);
	run_guest_find_program(run);
	run_guest_find_kernel(run);
	run_finish_probes(run, now);
}

/* The program's own clock is known from its first marker that tells it: that need not be what began
 * the first phase. */
static void note_guest_clock(struct run *run, uint64_t now, uint64_t guest_ns)
{
	uint64_t since_ns = now - run->host_begin_ns;

	if (!run->guest_begin_ns && guest_ns > since_ns)
		run->guest_begin_ns = guest_ns - since_ns;
}

bool run_end_boot(struct run *run, uint64_t now)
{
	struct run_result *r = run->result;

	r->phases[0].end_ns = now;
	r->boot_ns = now - r->start_ns;
	r->has_boot = true;
	run->host_begin_ns = now;
	if (run->settings->boot_only) {
		end_at_boot(run, now);
		return false;
	}
	run->cgroup_begin = run_read_cgroup(run);
	return true;
}

bool run_open_phase(struct run *run, const char *name, uint64_t guest_ns)
{
	struct run_result *r = run->result;
	uint64_t now;

	if (run->ended)
		return false;
	now = probe_set_phase(run->probes);
	if (!now) {
		say_too_many(run);
		return false;
	}
	run_guest_find_registers(run, true);
	r->phases[r->n_phases - 1].end_ns = now;
	if (!r->has_boot && !run_end_boot(run, now))
		return false;
	note_guest_clock(run, now, guest_ns);
	r->phases[r->n_phases].start_ns = now;
	name_phase(run, name);
	run_sched_take(run, false);
	run_clock_guest(run);
	return true;
}

void run_look_at_phase(struct run *run)
{
	run_check_pins(run, run->result->phases[run->result->n_phases - 1].name);
	run_snapshot_maps(run);
	run_guest_find_program(run);
}

void run_begin_phase(struct run *run, const char *name, uint64_t guest_ns)
{
	if (run_open_phase(run, name, guest_ns))
		run_look_at_phase(run);
}

void run_end_phases(struct run *run)
{
	struct run_result *r = run->result;
	uint64_t now;

	if (run->ended || !r->has_boot)
		return;
	now = probe_set_phase(run->probes);
	if (!now) {
		/* The last phase may not have begun yet, if all was said at once. */
		now = clock_ns();
		if (now < r->phases[r->n_phases - 1].start_ns)
			now = r->phases[r->n_phases - 1].start_ns;
	}
	r->phases[r->n_phases - 1].end_ns = now;
	r->runtime_ns = now - run->host_begin_ns;
	r->has_runtime = true;
	r->end_ns = now;
	run_sched_take(run, true);
	run_clock_guest(run);
	run->cgroup_end = run_read_cgroup(run);
	run_check_pins(run, "");
	run->ended = true;
	/* The guest is about to vanish: first what only its memory tells. The books have ended. */
	run_snapshot_maps(run);
	run_guest_find_program(run);
	run_guest_find_kernel(run);
	run_finish_probes(run, now);
}

static void begin_phase(struct run *run, const struct marker *m)
{
	const char *name = marker_get(m, "name");
	uint64_t guest = 0;

	if (!name) {
		run_warn(run, "a marker of a phase has no name: it begins none");
		return;
	}
	run_program_marked(run, marker_get(m, "by"));
	if (run->ended)
		return;
	take_number(m, "t", &guest);
	run_begin_phase(run, name, guest);
}

static void end_phases(struct run *run, const struct marker *m)
{
	struct run_result *r = run->result;

	if (run->ended || !r->has_boot)
		return;
	r->has_guest_runtime = take_number(m, "runtime", &r->guest_runtime_ns) == 0;
	if (take_number(m, "status", &run->program_status) < 0)
		run->program_status = 0;
	run_end_phases(run);
}

static void take_worker(struct run *run, const struct marker *m)
{
	struct run_result *r = run->result;
	struct run_worker w = {0};

	if (r->n_workers >= PROBE_LANES_MAX || take_number(m, "id", &w.worker) < 0)
		return;
	take_number(m, "cpu", &w.cpu);
	take_number(m, "busy", &w.busy_ns);
	take_number(m, "tasks", &w.tasks);
	take_number(m, "steals", &w.steals);
	take_number(m, "parks", &w.parks);
	(void)ARRAY_ADD(r->workers, r->n_workers, w);
}

static void take_rows(struct run *run, const struct marker *m)
{
	struct row_report rows[ROW_REPORT_MAX];
	uint32_t worker;
	size_t n = 0;

	if (row_report_decode(m, &worker, rows, &n) < 0 || worker >= run->request->lanes)
		return;
	if (run->n_rows + n > ROWS_MAX) {
		run_warn(run, "the program reports more than %d rows; the rest is left out",
			ROWS_MAX);
		return;
	}
	if (ARRAY_MORE(run->rows, run->n_rows, n) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		run->rows[run->n_rows++] = (struct reported_rows){
			worker, rows[i].task, rows[i].start_ns, rows[i].end_ns};
}

/* Of a picture, or of a kernel's results. */
static void take_checksum(struct run *run, const struct marker *m)
{
	const char *hex = marker_get(m, "sha256");

	if (hex && strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64)
		memcpy(run->result->raster_sha256, hex, 64 + 1);
}

static void take_bye(struct run *run, const struct marker *m)
{
	(void)m;
	run->said_bye = run->ended;
	run->bye_ns = clock_ns();
}

static const struct {
	const char *kind;
	void (*handle)(struct run *run, const struct marker *m);
} kinds[] = {
	{"phase", begin_phase},
	{"end", end_phases},
	{"worker", take_worker},
	{"rows", take_rows},
	{"raster", take_checksum},
	{"result", take_checksum},
	{"metric", run_take_metric},
	{"distribution", run_take_distribution},
	{"buckets", run_take_buckets},
	{"largest", run_take_largest},
	{"series", run_take_series},
	{"values", run_take_values},
	{"detours", run_take_detours},
	{"detour-times", run_take_detour_times},
	{"bye", take_bye},
};

void run_on_marker(const struct marker *m, void *userdata)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(m->kind, kinds[i].kind) == 0)
			kinds[i].handle(userdata, m);
}
