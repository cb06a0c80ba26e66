/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The life cycle of a run. */

#include "collector/run/run.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/run/run_internal.h"
#include "common/cleanup.h"

#define POLL_MS        100
#define POLL_EARLY_MS  2    /* until the vCPUs are known */
#define REPORT_GRACE_S 60   /* for the program's report after its last phase */
#define FAREWELL_MS    5000 /* from its last word to the stack's own end */
#define NS_PER_S       1000000000ULL

void run_warn(struct run *run, const char *format, ...)
{
	struct run_result *r = run->result;
	char **grown;
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
	grown = realloc(r->warnings, (r->n_warnings + 1) * sizeof(*grown));
	if (!grown) {
		free(text);
		return;
	}
	r->warnings = grown;
	r->warnings[r->n_warnings++] = text;
}

static void fail(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first reason is kept: later ones are mostly its consequences. */
static void fail(struct run *run, const char *format, ...)
{
	struct run_result *r = run->result;
	va_list ap;

	r->ok = false;
	if (r->error[0])
		return;
	va_start(ap, format);
	vsnprintf(r->error, sizeof(r->error), format, ap);
	va_end(ap);
}

/* Console */

static void keep_console(struct run *run, const char *data, size_t n)
{
	if (n > CONSOLE_KEPT / 2)
		data += n - CONSOLE_KEPT / 2, n = CONSOLE_KEPT / 2;
	if (run->console_length + n > CONSOLE_KEPT) {
		size_t drop = CONSOLE_KEPT / 2;

		if (drop > run->console_length)
			drop = run->console_length;
		memmove(run->console, run->console + drop, run->console_length - drop);
		run->console_length -= drop;
	}
	memcpy(run->console + run->console_length, data, n);
	run->console_length += n;
	run->console[run->console_length] = '\0';
}

/** Returns false at the end of the output. */
static bool read_console(struct run *run)
{
	char buffer[16384];

	for (;;) {
		ssize_t n = read(run->guest->console_fd, buffer, sizeof(buffer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		if (n == 0)
			return false;
		run_boot_console(run, buffer, (size_t)n);
		/* Markers before all else: their arrival is the clock of the phases. */
		marker_stream_push(&run->markers, buffer, (size_t)n, run_on_marker, run);
		if (run->log && run->logged < CONSOLE_LOG_MAX) {
			fwrite(buffer, 1, (size_t)n, run->log);
			run->logged += (size_t)n;
		}
		keep_console(run, buffer, (size_t)n);
	}
}

/* The last line of the console that says something, printable characters only. */
static void last_words(const struct run *run, char *ret, size_t size)
{
	size_t end = run->console_length, begin, n = 0;

	ret[0] = '\0';
	while (end > 0) {
		begin = end;
		while (begin > 0 && run->console[begin - 1] != '\n')
			begin--;
		n = 0;
		for (size_t i = begin; i < end && n + 1 < size && n < 200; i++)
			if (isprint((unsigned char)run->console[i]))
				ret[n++] = run->console[i];
		ret[n] = '\0';
		if (n > 3 && !memchr(run->console + begin, MARKER_RS, end - begin))
			return;
		end = begin ? begin - 1 : 0;
	}
	ret[0] = '\0';
}

/* Probes' records */

void run_lane_thread(struct run *run, int lane, pid_t tgid, pid_t tid)
{
	struct lane_thread *t;

	if (lane < 0 || (unsigned)lane >= run->request->lanes)
		return;
	t = &run->threads[lane];
	if (t->tid && t->tid != tid) {
		t->several = true;
		return;
	}
	t->tid = tid;
	t->tgid = tgid;
	run->program_tgid = tgid;
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

size_t run_processes(const struct run *run, pid_t ret[static RUN_PROCESSES])
{
	pid_t pids[RUN_PROCESSES] = {run->program_tgid, run->guest ? run->guest->pid : 0};
	size_t n = 0;

	for (size_t i = 0; i < RUN_PROCESSES; i++)
		if (pids[i] > 0 && (n == 0 || pids[i] != ret[0]))
			ret[n++] = pids[i];
	return n;
}

void run_snapshot_maps(struct run *run)
{
	pid_t pids[RUN_PROCESSES];
	size_t n = run_processes(run, pids);

	for (size_t i = 0; i < n; i++)
		symbols_process_add_maps(run->settings->names, pids[i]);
}

void run_finish_probes(struct run *run, uint64_t end_ns)
{
	if (run->finished)
		return;
	run->finished = true;
	run_take_counters(run);
	probe_set_finish(run->probes, end_ns);
}

/* Preparation */

static const char *lane_prefix(const struct run_request *q)
{
	if (q->attach)
		return q->attach->lane_prefix;
	return q->ops->lane_kind == LANES_VCPUS ? "CPU " : "worker/";
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
	};
	struct probe_callbacks callbacks = {on_lane, on_sample, on_off, on_on, run_boot_event, run};
	int r = run_guest_prepare(run, &options, error);

	if (r == 0)
		r = run_boot_prepare(run, &options);
	if (r == 0)
		r = probe_set_open(&options, &callbacks, &run->probes, error);

	if (r < 0)
		return r;
	if (options.kvm && !probe_set_has_kvm_events(run->probes))
		run_warn(run,
			"this kernel does not tell of KVM's entries and exits (without "
			"/sys/kernel/btf/kvm their types are not known): guest, kernel and vmm "
			"are told apart by samples, and there are no reasons of exits");
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

	for (size_t i = 0; argv && argv[i]; i++)
		json_array_append_new(array, json_string(argv[i]));
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

/* The loop */

/* The hypervisor's own word on which thread is which vCPU; it also pins them. */
static void ask_lanes(struct run *run)
{
	struct guest_lane lanes[PROBE_LANES_MAX];
	struct error error = {0};
	int n;

	if (run->lanes_known || !run->guest->ops->lanes) {
		run->lanes_known = true;
		return;
	}
	n = run->guest->ops->lanes(run->guest, lanes, PROBE_LANES_MAX, &error);
	if (n == -EAGAIN)
		return;
	run->lanes_known = true;
	probe_set_consume(
		run->probes); /* their births were recorded before they could be told of */
	if (n < 0) {
		run_warn(run, "%s: the vCPU threads could not be asked for: %s",
			run->guest->ops->name, error.text);
		return;
	}
	for (int i = 0; i < n; i++) {
		struct lane_thread *t;

		if (lanes[i].lane >= run->request->lanes)
			continue;
		t = &run->threads[lanes[i].lane];
		if (!t->tid)
			run_warn(run, "vCPU %u was not seen to start", lanes[i].lane);
		else if (t->tid != lanes[i].tid)
			run_warn(run, "vCPU %u is thread %d by QMP, but %d by its name",
				lanes[i].lane, lanes[i].tid, t->tid);
	}
}

static const char *current_phase(const struct run *run)
{
	return run->result->phases[run->result->n_phases - 1].name;
}

/** Returns false when the run is over. */
static bool check_time(struct run *run)
{
	uint64_t now = clock_ns(), limit;

	if (*run->settings->interrupted) {
		run->result->interrupted = true;
		fail(run, "interrupted in phase %s", current_phase(run));
		return false;
	}
	/* A guest powers itself off after its last word, and says how that went: let it. */
	if (run->said_bye && now > run->bye_ns + FAREWELL_MS * 1000000ULL)
		return false;
	limit = run->ended ? run->result->end_ns + REPORT_GRACE_S * NS_PER_S
			   : run->result->start_ns + run->settings->timeout_s * NS_PER_S;
	if (now < limit)
		return true;
	if (run->ended) {
		run_warn(run, "the program did not finish its report within %d s", REPORT_GRACE_S);
	} else {
		char words[256];

		last_words(run, words, sizeof(words));
		fail(run, "no end after %u s, in phase %s%s%s", run->settings->timeout_s,
			current_phase(run), words[0] ? "; its last words: " : "", words);
	}
	return false;
}

static void watch(struct run *run)
{
	struct guest *g = run->guest;

	for (;;) {
		struct pollfd fds[] = {
			{.fd = g->console_fd, .events = POLLIN},
			{.fd = run->finished ? -1 : probe_set_fd(run->probes), .events = POLLIN},
		};
		int timeout = run->lanes_known ? POLL_MS : POLL_EARLY_MS;

		if (poll(fds, ARRAY_SIZE(fds), timeout) < 0 && errno != EINTR)
			return;
		if (fds[0].revents && !read_console(run))
			return;
		if (!run->finished)
			probe_set_consume(run->probes);
		if (run->begun)
			run_guest_find_memory(run);
		/* Waits for QEMU's answer; until it has made the memory there is none. */
		if (run->memory_known)
			ask_lanes(run);
		if (run->ended && run->settings->boot_only)
			return;
		if (!check_time(run))
			return;
	}
}

static void explain_end(struct run *run)
{
	struct guest *g = run->guest;
	struct error error = {0};
	char words[256];

	if (run->result->interrupted || run->result->error[0])
		return;
	if (run->ended && run->settings->boot_only) /* its end was ours */
		return;
	if (g->ops->verdict && g->ops->verdict(g, run->console, run->console_length, &error) < 0) {
		fail(run, "%s", error.text);
		return;
	}
	if (run->ended) {
		if (run->program_status)
			fail(run, "the program ended with status %llu",
				(unsigned long long)run->program_status);
		return;
	}
	last_words(run, words, sizeof(words));
	if (g->reaped && WIFSIGNALED(g->wait_status))
		fail(run, "%s was killed by signal %d (%s) in phase %s", g->argv[0],
			WTERMSIG(g->wait_status), strsignal(WTERMSIG(g->wait_status)),
			current_phase(run));
	else if (g->reaped && WIFEXITED(g->wait_status))
		fail(run, "%s ended with status %d in phase %s, before the program's end%s%s",
			g->argv[0], WEXITSTATUS(g->wait_status), current_phase(run),
			words[0] ? ": " : "", words);
	else
		fail(run, "the output ended in phase %s, before the program's end%s%s",
			current_phase(run), words[0] ? ": " : "", words);
}

void run_begin(struct run *run, const char *phase)
{
	struct run_result *r = run->result;
	time_t now = time(NULL);
	struct tm utc;

	strftime(r->start_utc, sizeof(r->start_utc), "%FT%TZ", gmtime_r(&now, &utc));
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
	char nonce[17];
	int q;

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
	watch(run);
	if (!run->ended) {
		r->end_ns = clock_ns();
		r->phases[r->n_phases - 1].end_ns = r->end_ns;
		run_snapshot_maps(run);
		run_guest_find_program(run);
		run_guest_find_kernel(run);
	}
	run_finish_probes(run, r->end_ns);
	run->guest->ops->stop(run->guest, r->ok && run->ended && !run->settings->boot_only);
	read_console(run);
	explain_end(run);
	return run_close(run);
}

int run_execute(const struct run_settings *settings, const struct run_request *request,
	struct run_result *ret, struct error *error)
{
	struct run run = {.settings = settings, .request = request, .result = ret};
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->lanes = request->lanes;
	r = allocate(&run, error);
	if (r == 0)
		r = request->attach ? attach_execute(&run, error) : execute(&run, error);
	guest_free(run.guest);
	probe_set_close(run.probes);
	counter_set_free(run.counters);
	if (run.log)
		fclose(run.log);
	free(run.console);
	free(run.threads);
	offcpu_done(&run.offcpu);
	boot_free(run.boot);
	free(run.rows);
	free(run.cgroup_cpu);
	free(run.cgroup_usage);
	return r;
}
