/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The life cycle of a run. */

#include "collector/run/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collector/inside/guest_layout.h"
#include "collector/probes/probe_follow.h"
#include "collector/probes/probe_set.h"
#include "collector/run/attach_run.h"
#include "collector/run/run_boot.h"
#include "collector/run/run_client.h"
#include "collector/run/run_close.h"
#include "collector/run/run_console.h"
#include "collector/run/run_guest.h"
#include "collector/run/run_leftovers.h"
#include "collector/run/run_output.h"
#include "collector/run/run_probes.h"
#include "collector/run/run_processes.h"
#include "collector/run/run_sched.h"
#include "collector/run/run_unwind.h"
#include "collector/run/run_watch.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "guests/guest_port.h"

static void make_nonce(char ret[static 17])
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	snprintf(ret, 17, "%08x%08x", (unsigned)getpid() * 2654435761u ^ (unsigned)t.tv_sec,
		(unsigned)t.tv_nsec);
}

static int make_guest(struct run *run, char nonce[static 17], struct error *error)
{
	const struct run_settings *s = run->settings;
	const struct placement *where = run->request->placement;
	struct guest_spec spec = {
		.lanes = run->request->lanes,
		.image = s->image,
		.program = s->program,
		.arguments = s->arguments,
		.own = s->own,
		.environment = s->environment,
		.cwd = s->cwd,
		.with = s->with,
		.n_with = s->n_with,
		.run = run->request->id,
		.seed = s->seed,
		.port = s->port,
		.accel = run->request->accel,
		.kernel = s->kernel,
		.symbols = s->symbols,
		.disk = s->disk,
		.machine = s->machine,
		.append = s->append,
		.alone = s->alone,
		.runtime_args = s->runtime_args,
		.memory_bytes = s->memory_bytes,
		.ram_bytes = s->ram_bytes,
		.lane_cpus = where ? where->lane_cpus : NULL,
		.helper_cpus = where ? where->helper_cpus : NULL,
		.n_helper_cpus = where ? where->n_helper_cpus : 0,
		.work_dir = s->work_dir,
		.nonce = nonce,
		.keeper = s->keeper,
	};
	int r = s->port ? guest_port_choose(
				  run->request->ops, s->port, s->host_port, &spec.host_port, error)
			: 0;

	if (r < 0)
		return r;
	make_nonce(nonce);
	r = guest_new(run->request->ops, &spec, &run->guest);
	if (r < 0)
		return error_set_errno(error, r, "cannot prepare %s", run->request->ops->name);
	r = run->guest->ops->prepare(run->guest, error);
	if (r < 0)
		return r;
	return 0;
}

/* What instants of samples may take, within the timeline's budget: some five million. */
#define SAMPLE_TIMES_BYTES (24 << 20)

static int allocate(struct run *run, struct error *error)
{
	const struct run_settings *s = run->settings;

	run->threads = calloc(run->request->lanes, sizeof(*run->threads));
	if (s->timeline != TIMELINE_NONE)
		run->result->profile.times =
			sample_times_new(s->timeline == TIMELINE_BUDGET ? SAMPLE_TIMES_BYTES : 0);
	if (!run->threads || (s->timeline != TIMELINE_NONE && !run->result->profile.times))
		return error_set_errno(error, -ENOMEM, "cannot run");
	return s->count ? counter_set_new(s->counters, &run->counters, error) : 0;
}

static int execute(struct run *run, struct error *error)
{
	struct run_result *r = run->result;
	struct child_list others;
	char nonce[17];
	bool orderly, waits;
	int q;

	run_note_children(&others);
	q = make_guest(run, nonce, error);
	if (q < 0)
		return q;
	r->command = run_argv_json(run->guest->argv);
	if (run->guest->note)
		r->note = strdup(run->guest->note);
	q = run_output_begin(run);
	if (q == 0)
		q = run_console_open(run, &run->console, "console", error);
	if (q == 0)
		q = run_client_prepare(run, error);
	if (q < 0)
		return q;
	run_unwind_expect(run);
	q = run->guest->ops->start(run->guest, error);
	if (q < 0)
		return q;
	q = run_open_probes(run, error);
	if (q < 0)
		return q;
	q = probe_set_follow(run->probes, run->guest->pid);
	if (q < 0)
		return error_set_errno(error, q, "cannot follow the stack's process");

	run_boot_watch(run);
	run_begin(run, "boot");
	q = guest_release(run->guest);
	if (q < 0)
		return error_set_errno(error, q, "cannot start %s", run->guest->argv[0]);
	run_watch(run);
	if (!run->ended) {
		r->end_ns = clock_ns();
		r->phases[r->n_phases - 1].end_ns = r->end_ns;
		run_sched_take(run, true);
		run_snapshot_maps(run);
		run_guest_find_program(run);
		run_guest_find_kernel(run);
	}
	run_finish_probes(run, r->end_ns);
	waits = run_client_stop(run);
	orderly = r->ok && run->ended && !run->settings->boot_only;
	run_end_leftovers(run, &others, orderly && waits);
	run->guest->ops->stop(run->guest, orderly && (waits || run->request->ops->is_vm));
	run_end_leftovers(run, &others, false);
	run_explain_end(run);
	return run_close(run);
}

int run_execute(const struct run_settings *settings, const struct run_request *request,
	struct run_result *ret, struct error *error)
{
	struct run run = {.settings = settings,
		.request = request,
		.result = ret,
		.vmx_fd = -1,
		.client.child = {.pidfd = -EBADF, .console_fd = -EBADF, .hold_fd = -EBADF}};
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->lanes = request->lanes;
	r = allocate(&run, error);
	if (r == 0)
		r = request->attach ? attach_execute(&run, error) : execute(&run, error);
	guest_free(run.guest);
	probe_set_close(run.probes);
	if (run.vmx_fd >= 0)
		close(run.vmx_fd);
	guest_layout_close(run.layout);
	counter_set_free(run.counters);
	run_client_done(&run);
	run_console_close(&run, &run.console);
	free(run.output.begun);
	free(run.output.queue);
	free(run.threads);
	free(run.thread_marks);
	free(run.processes);
	for (size_t i = 0; i < STACK_SIDES; i++)
		free(run.ways[i].list);
	offcpu_done(&run.offcpu);
	offcpu_done(&run.exits);
	boot_free(run.boot);
	free(run.rows);
	free(run.clock.readings);
	free(run.clock.guests);
	free(run.clock.trouble);
	for (size_t i = 0; i < run.n_detours; i++)
		free(run.detours[i].list);
	free(run.detours);
	free(run.cgroup_cpu);
	free(run.cgroup_usage);
	return r;
}
