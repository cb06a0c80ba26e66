/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The life cycle of a run. */

#include "collector/run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collector/probes/probe_accounts.h"
#include "collector/probes/probe_follow.h"
#include "collector/probes/probe_phases.h"
#include "collector/run/run_internal.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/utf8.h"
#include "guests/containers/cgroup.h"

#define NS_PER_S 1000000000ULL

void run_warn(struct run *run, const char *format, ...)
{
	struct run_result *r = run->result;
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	for (size_t i = 0; i < r->n_warnings; i++) {
		if (strcmp(r->warnings[i], text) == 0) {
			free(text);
			return;
		}
	}
	(void)array_add_text(&r->warnings, &r->n_warnings, text);
}

/* Probes' records */

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
	run_lane_thread(userdata, record->lane, (pid_t)record->tgid, (pid_t)record->pid);
}

static unsigned phase_at(const struct run *run, uint64_t time_ns)
{
	const struct run_result *r = run->result;

	for (unsigned i = r->n_phases; i-- > 1;)
		if (time_ns >= r->phases[i].start_ns)
			return i;
	return 0;
}

static void on_sample(const struct record_sample *s, const uint64_t *frames, void *userdata)
{
	struct run *run = userdata;
	struct profile_entry key = profile_key(s, frames, phase_at(run, s->time_ns));

	if (run->ended && s->time_ns >= run->result->end_ns)
		return;
	run_know_process(run, (pid_t)s->tgid, (pid_t)s->origin);
	memcpy(key.thread, s->name, sizeof(key.thread));
	key.thread[sizeof(key.thread) - 1] = '\0';
	detail_clean_name(key.thread);
	run_guest_sample(run, s);
	run_boot_sample(run, s, frames);
	profile_add(&run->result->profile, &key, frames, frames + s->n_kernel,
		NS_PER_S / run->settings->frequency_hz, 1);
}

static void on_off(const struct record_sample *s, const uint64_t *frames, void *userdata)
{
	struct run *run = userdata;

	run_know_process(run, (pid_t)s->tgid, (pid_t)s->origin);
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

/* Markers are stamped when they are read, and who is held back reads late. */
static void warn_of_quota(struct run *run)
{
	uint64_t ns = cgroup_own_throttled_ns() - run->own_throttled_ns;

	if (ns)
		run_warn(run,
			"the collector itself was held back by the CPU quota of its cgroup, for "
			"%llu ms in this run (added up over CPUs): phases may have begun that much "
			"earlier than they say; run the collector outside of that cgroup",
			(unsigned long long)(ns / 1000000));
}

void run_finish_probes(struct run *run, uint64_t end_ns)
{
	if (run->finished)
		return;
	run->finished = true;
	run_take_counters(run);
	warn_of_quota(run);
	probe_set_finish(run->probes, end_ns);
	run_count_lanes(run);
}

/* Preparation */

static const char *lane_prefix(const struct run_request *q)
{
	if (q->attach)
		return q->attach->lane_prefix;
	return q->ops->lane_kind == LANES_VCPUS ? "CPU " : "worker/";
}

static void on_probe_warning(const char *sentence, void *userdata)
{
	run_warn(userdata, "%s", sentence);
}

int run_open_probes(struct run *run, struct error *error)
{
	const struct run_settings *s = run->settings;
	const struct guest_ops *ops = run->request->ops;
	struct probe_options options = {
		.lanes = run->request->lanes,
		.lane_prefix = lane_prefix(run->request),
		.exec_path = run->guest ? run->guest->program_path : NULL,
		.exact_split = s->exact_split && !ops->is_vm,
		.kvm = ops->is_vm && run->request->accel == ACCEL_KVM,
		.throttling = true,
		/* QEMU and the C library of most distributions are built without frame pointers. */
		.user_stacks = !ops->is_vm,
		.oncpu = s->oncpu,
		.offcpu = s->offcpu,
		.frequency_hz = s->frequency_hz,
		.log_dir = s->log_dir,
	};
	struct probe_callbacks callbacks = {
		on_lane, on_sample, on_off, on_on, run_boot_event, on_probe_warning, run};
	int r = run_guest_prepare(run, &options, error);

	if (r == 0)
		r = run_boot_prepare(run, &options);
	if (r == 0)
		r = probe_set_open(&options, &callbacks, &run->probes, error);

	if (r < 0)
		return r;
	return 0;
}

static int open_log(struct run *run, struct error *error)
{
	_cleanup_free_ char *path = NULL;

	if (!run->settings->log_dir)
		return 0;
	if (asprintf(&path, "%s/run-%04u.console", run->settings->log_dir, run->request->id) < 0)
		return -ENOMEM;
	run->log = fopen(path, "we");
	if (!run->log)
		return error_set_errno(error, -errno, "cannot write %s", path);
	/* It can be followed while the guest runs, and is there if we are killed. */
	setvbuf(run->log, NULL, _IOLBF, BUFSIZ);
	return 0;
}

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
		.program = s->program,
		.arguments = s->arguments,
		.accel = run->request->accel,
		.kernel = s->kernel,
		.symbols = s->symbols,
		.disk = s->disk,
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
	int r;

	make_nonce(nonce);
	r = guest_new(run->request->ops, &spec, &run->guest);
	if (r < 0)
		return error_set_errno(error, r, "cannot prepare %s", run->request->ops->name);
	r = run->guest->ops->prepare(run->guest, error);
	if (r < 0)
		return r;
	return 0;
}

char *run_argv_json(char *const *argv)
{
	json_t *array = json_array();
	char *text;

	for (size_t i = 0; argv && argv[i]; i++) {
		/* A process that runs already may have arguments of any bytes. */
		_cleanup_free_ char *word = utf8_clean(argv[i], strlen(argv[i]), true);

		json_array_append_new(array, json_string(word ? word : "?"));
	}
	text = json_dumps(array, 0);
	json_decref(array);
	return text;
}

static int allocate(struct run *run, struct error *error)
{
	const struct run_settings *s = run->settings;

	run->console = calloc(1, CONSOLE_KEPT + 1);
	run->threads = calloc(run->request->lanes, sizeof(*run->threads));
	if (!run->console || !run->threads)
		return error_set_errno(error, -ENOMEM, "cannot run");
	return s->count ? counter_set_new(s->counters, &run->counters, error) : 0;
}

void run_begin(struct run *run, const char *phase)
{
	struct run_result *r = run->result;
	time_t now = time(NULL);
	struct tm utc;

	strftime(r->start_utc, sizeof(r->start_utc), "%FT%TZ", gmtime_r(&now, &utc));
	run->own_throttled_ns = cgroup_own_throttled_ns();
	r->start_ns = probe_set_start(run->probes);
	snprintf(r->phases[0].name, sizeof(r->phases[0].name), "%s", phase);
	snprintf(r->phases[0].reported, sizeof(r->phases[0].reported), "%s", phase);
	r->phases[0].start_ns = r->start_ns;
	r->n_phases = 1;
	r->ok = true;
}

static int execute(struct run *run, struct error *error)
{
	struct run_result *r = run->result;
	struct child_list others;
	char nonce[17];
	bool orderly;
	int q;

	run_note_children(&others);
	q = make_guest(run, nonce, error);
	if (q < 0)
		return q;
	r->command = run_argv_json(run->guest->argv);
	if (run->guest->note)
		r->note = strdup(run->guest->note);
	q = open_log(run, error);
	if (q < 0)
		return q;
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
		run_snapshot_maps(run);
		run_guest_find_program(run);
		run_guest_find_kernel(run);
	}
	run_finish_probes(run, r->end_ns);
	orderly = r->ok && run->ended && !run->settings->boot_only;
	run_end_leftovers(run, &others, orderly);
	run->guest->ops->stop(run->guest, orderly);
	run_end_leftovers(run, &others, false);
	run_explain_end(run);
	return run_close(run);
}

int run_execute(const struct run_settings *settings, const struct run_request *request,
	struct run_result *ret, struct error *error)
{
	struct run run = {.settings = settings, .request = request, .result = ret, .vmx_fd = -1};
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
	counter_set_free(run.counters);
	if (run.log && fclose(run.log) != 0 && !ret->log_error)
		ret->log_error = -errno;
	free(run.console);
	free(run.threads);
	free(run.processes);
	offcpu_done(&run.offcpu);
	boot_free(run.boot);
	free(run.rows);
	free(run.cgroup_cpu);
	free(run.cgroup_usage);
	return r;
}
