/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_boot.h"

/* The boot of a run, taken apart. What goes wrong here costs steps, never the run. */

#include <string.h>

#include "collector/probes/probe_boot.h"
#include "collector/probes/probe_set.h"
#include "collector/run/boot.h"
#include "collector/run/run_guest.h"
#include "collector/run/run_program.h"
#include "collector/symbols/symbol_process.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "guests/guest_files.h"
#include "guests/process/command.h"

#define SERVERS_MAX 16

/* Many processes of a boot are short-lived: what their samples hit is known by their maps, which
 * are to be had while they live. */
static void take_maps(struct run *run, pid_t pid)
{
	(void)symbols_process_add_maps(run->settings->names, pid);
}

int run_boot_prepare(struct run *run, struct probe_options *options)
{
	const struct guest_boot *plan = run->request->ops->boot;

	if (!plan || !run->guest) /* what we attach to has booted */
		return 0;
	options->boot = true;
	options->servers = run->guest->ops->helpers != NULL;
	return boot_new(plan, &run->boot);
}

/* The file whose code runs first: the stack's program, or where that is a script, its interpreter.
 * NULL: no memory. */
static char *first_program(const struct run *run)
{
	const struct guest_spec *spec = &run->guest->spec;
	_cleanup_(strv_freep) char **files = NULL;
	const char *first = run->guest->argv[0];

	if (spec->own && spec->program && strcmp(first, spec->program) == 0 &&
		guest_executables(spec, &files, NULL) == 0 && files[0])
		first = files[0];
	return strdup(first);
}

void run_boot_watch(struct run *run)
{
	const struct guest_ops *ops = run->guest->ops;
	_cleanup_free_ char *program = first_program(run);
	pid_t servers[SERVERS_MAX];
	struct probe_boot_plan plan = {
		.pid = run->guest->pid,
		.program = program ? program : run->guest->argv[0],
		.servers = servers,
	};
	struct error error = {0};

	run->begun = !run->boot;
	if (!run->boot)
		return;
	if (ops->helpers)
		plan.n_servers = ops->helpers(run->guest, servers, SERVERS_MAX);
	for (size_t i = 0; i < plan.n_servers; i++)
		take_maps(run, servers[i]);
	/* KVM's own event is better. */
	if (ops->is_vm && !probe_set_has(run->probes, PROBE_PART_KVM))
		plan.emulation = ops->boot->emulation;
	if (probe_set_boot(run->probes, &plan, &error) < 0) {
		run_warn(run, "the boot: %s", error.text);
		run->begun = true; /* perhaps nothing will tell */
		run_guest_find_registers(run, true);
	}
}

void run_boot_event(const struct record_boot *record, void *userdata)
{
	struct run *run = userdata;

	if (run->boot)
		boot_event(run->boot, record);
	run->begun |= record->event == BOOT_ENTRY || record->event == BOOT_GUEST;
	if (record->event == BOOT_EXEC || record->event == BOOT_FORK)
		take_maps(run, (pid_t)record->tgid);
	/* By now it has loaded its libraries. */
	if (record->event == BOOT_FORK)
		take_maps(run, (pid_t)record->parent);
}

void run_boot_sample(struct run *run, const struct record_sample *s, const uint64_t *frames)
{
	const struct run_result *r = run->result;

	/* Samples are fetched by and by, many of them after the first marker. */
	if (!run->boot || (r->has_boot && s->time_ns >= r->start_ns + r->boot_ns))
		return;
	if (s->guest.n_frames && run->result->view)
		boot_sample(run->boot, s, frames[s->n_kernel + s->n_user],
			guest_view_inside(run->result->view));
}

void run_boot_forget_samples(struct run *run)
{
	if (run->boot)
		boot_forget_samples(run->boot);
}

void run_boot_console(struct run *run, const char *data, size_t n)
{
	if (run->boot && !run->result->has_boot)
		boot_console(run->boot, data, n, clock_ns());
}

static enum boot_end boot_end(const struct run *run)
{
	if (run->settings->client)
		return BOOT_ENDS_BY_ANSWER;
	return run_lanes_are_cpus(run) ? BOOT_ENDS_BY_EXEC : BOOT_ENDS_BY_MARKER;
}

void run_boot_close(struct run *run)
{
	struct run_result *r = run->result;

	if (!run->boot || !r->has_boot)
		return;
	boot_close(run->boot, r->start_ns, r->start_ns + r->boot_ns, boot_end(run), &r->boot);
	for (size_t i = 0; i < r->boot.n; i++)
		if (strstr(r->boot.steps[i].name, BOOT_STEP_JOIN))
			run_warn(run, "the boot: \"%s\" could not be told apart",
				r->boot.steps[i].name);
}
