/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * noise: the workload that measures itself, as one ordinary program for every stack.
 *
 * Phases: setup (memory, workers), calibrate, measure. In the last one all that is measured stays
 * in memory; it is reported after the end marker, so that it costs nothing of what is measured.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "workload/emit.h"
#include "workload/noise-options.h"
#include "workload/noise.h"
#include "workload/pin.h"
#include "workload/runtime.h"
#include "workload/workers.h"

/* How long the counter's rate is measured. */
#define RATE_NS 50000000

struct job {
	struct noise_options options;
	struct noise noise;
	struct pin_map *map;
	struct runtime *runtime;
	uint64_t begin_ns, end_ns;
};

/* Where the linker put the program's first byte: its load address. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

int main(int argc, char **argv);

static int lost_output(int code, struct error *error)
{
	return error_set_errno(error, code, "cannot write to standard output");
}

static int begin_phase(struct job *job, const char *name, struct error *error)
{
	uint64_t now = emit_now_ns();
	int r = 0;

	if (!job->begin_ns)
		job->begin_ns = now;
	if (job->options.markers)
		r = emit_phase(name, now);
	return r < 0 ? lost_output(r, error) : 0;
}

static int announce(struct job *job, struct error *error)
{
	int r = 0;

	if (job->options.markers)
		r = emit_maps((uintptr_t)__ehdr_start, (uintptr_t)main);
	return r < 0 ? lost_output(r, error) : begin_phase(job, "setup", error);
}

static int make_detours(struct noise *n, struct error *error)
{
	for (unsigned i = 0; i < n->n_lanes; i++) {
		struct detours *d = &n->lanes[i].detours;

		d->room = n->records;
		d->kept = malloc(d->room * sizeof(*d->kept));
		if (!d->kept)
			return error_no_memory(error, " for %zu detours", d->room);
		memset(d->kept, 1, d->room * sizeof(*d->kept)); /* so that its pages are there */
	}
	return 0;
}

static int make_lanes(struct job *job, struct error *error)
{
	struct noise *n = &job->noise;
	const struct noise_options *o = &job->options;

	*n = (struct noise){
		.kernel = o->kernel,
		.map = job->map,
		.n_lanes = o->cores,
		.duration_ns = (uint64_t)(o->seconds * 1e9),
		.quantum_ns = (uint64_t)(o->quantum_us * 1e3),
		.threshold_ns = (uint64_t)(o->threshold_us * 1e3),
		.quanta = (uint64_t)o->quanta,
		.records = (uint64_t)o->records,
	};
	n->lanes = aligned_alloc(_Alignof(struct noise_lane), o->cores * sizeof(*n->lanes));
	if (!n->lanes)
		return error_no_memory(error, " for %u workers", o->cores);
	memset(n->lanes, 0, o->cores * sizeof(*n->lanes));
	for (unsigned i = 0; i < o->cores; i++) {
		n->lanes[i].lost_ns = DISTRIBUTION_NONE;
		n->lanes[i].found = malloc(sizeof(*n->lanes[i].found));
		if (!n->lanes[i].found)
			return error_no_memory(error, " for %u workers", o->cores);
		/* Written, so that its pages are there. */
		memset(n->lanes[i].found, 0, sizeof(*n->lanes[i].found));
	}
	return n->kernel->detours && n->records ? make_detours(n, error) : 0;
}

static int set_up(struct job *job, struct error *error)
{
	struct runtime_config config;
	int r = workers_choose(job->options.pin, &job->options.cores, &job->map, error);

	if (r == 0)
		r = make_lanes(job, error);
	if (r < 0)
		return r;
	/* Task K is worker K's under this policy. */
	config = (struct runtime_config){
		schedule_find("static"), job->options.cores, job->options.cores, job->map};
	return runtime_new(&config, &job->runtime, error);
}

void noise_begin(struct noise *n, struct noise_lane *l)
{
	l->begun = true;
	atomic_fetch_sub(&n->waiting, 1);
	while (atomic_load(&n->waiting))
		;
	l->begin_ns = emit_now_ns();
	l->begin = noise_ticks();
}

void noise_end(struct noise_lane *l)
{
	l->end = noise_ticks();
}

static void calibrate_lane(void *context, uint32_t lane)
{
	struct noise *n = context;

	n->lanes[lane].result = n->kernel->calibrate ? n->kernel->calibrate(n, lane) : 0;
}

static void measure_lane(void *context, uint32_t lane)
{
	struct noise *n = context;

	n->lanes[lane].result = n->kernel->measure(n, lane);
	if (!n->lanes[lane].begun)
		atomic_fetch_sub(&n->waiting, 1); /* nobody waits for who cannot begin */
}

static int on_all(struct job *job, task_fn what, const char *doing, struct error *error)
{
	const struct task_time *times;
	int r = runtime_run(job->runtime, job->noise.n_lanes, what, &job->noise, &times, error);

	for (unsigned i = 0; i < job->noise.n_lanes && r == 0; i++)
		if (job->noise.lanes[i].result < 0)
			r = error_set_errno(error, job->noise.lanes[i].result,
				"kernel %s: worker %u cannot %s", job->noise.kernel->name, i,
				doing);
	return r;
}

static void measure_rate(struct noise *n)
{
	uint64_t begin_ns = emit_now_ns(), begin = noise_ticks(), ns;

	do
		ns = emit_now_ns() - begin_ns;
	while (ns < RATE_NS);
	n->ns_per_tick = (double)ns / (double)(noise_ticks() - begin);
}

static int work(struct job *job, struct error *error)
{
	int r = begin_phase(job, "calibrate", error);

	measure_rate(&job->noise);
	if (r == 0)
		r = on_all(job, calibrate_lane, "be calibrated", error);
	if (r == 0)
		r = begin_phase(job, "measure", error);
	atomic_store(&job->noise.waiting, job->noise.n_lanes);
	return r == 0 ? on_all(job, measure_lane, "measure", error) : r;
}

static struct distribution_head head_of(const struct job *job, unsigned lane)
{
	const struct noise *n = &job->noise;
	const struct noise_lane *l = &n->lanes[lane];
	struct distribution_head h = {
		.worker = lane,
		.n = l->found->n,
		.sum = l->found->sum,
		.min = l->found->min,
		.max = l->found->max,
		.time_ns = noise_ns(n, noise_gap(l->begin, l->end)),
		.lost_ns = l->lost_ns,
		.quantum_ns = n->kernel->quantum ? n->quantum_ns : 0,
		/* In ticks it may be a nanosecond less than was asked for. */
		.threshold_ns = n->threshold_ns ? n->threshold_ns : noise_ns(n, l->threshold),
	};

	snprintf(h.kernel, sizeof(h.kernel), "%s", n->kernel->name);
	return h;
}

static int report_detours(const struct job *job, unsigned lane)
{
	struct detours *d = &job->noise.lanes[lane].detours;
	const char *kernel = job->noise.kernel->name;
	char body[MARKER_LINE_MAX];
	size_t from = 0;
	int r;

	if (!job->noise.kernel->detours)
		return 0;
	detours_sort(d);
	detours_encode_head(body, kernel, lane, d);
	r = emit_marker("%s", body);
	while (r == 0 && detours_encode_times(body, kernel, lane, d, &from))
		r = emit_marker("%s", body);
	return r;
}

static int report_markers(const struct job *job, unsigned lane)
{
	const struct distribution *d = job->noise.lanes[lane].found;
	struct distribution_head h = head_of(job, lane);
	char body[MARKER_LINE_MAX];
	size_t from = 0;
	int r;

	distribution_encode_head(body, &h);
	r = emit_marker("%s", body);
	while (r == 0 && distribution_encode_buckets(body, &h, d, &from))
		r = emit_marker("%s", body);
	if (r == 0 && distribution_encode_largest(body, &h, d))
		r = emit_marker("%s", body);
	if (r == 0)
		r = noise_report_series(&job->noise, lane);
	return r == 0 ? report_detours(job, lane) : r;
}

static double us(const struct distribution *d, double q)
{
	return (double)distribution_quantile(d->buckets, d->n, d->max, q) / 1e3;
}

static void report_text(const struct job *job, unsigned lane)
{
	const struct distribution *d = job->noise.lanes[lane].found;
	struct distribution_head h = head_of(job, lane);

	printf("%s, worker %u: %llu values in %.3f s", h.kernel, lane, (unsigned long long)h.n,
		(double)h.time_ns / 1e9);
	if (h.threshold_ns)
		printf(", threshold %.3f us", (double)h.threshold_ns / 1e3);
	if (h.lost_ns != DISTRIBUTION_NONE && h.time_ns)
		printf(", noise %.3f %%", 100.0 * (double)h.lost_ns / (double)h.time_ns);
	if (!h.n) {
		printf("\n");
		return;
	}
	printf("\n  us: min %.3f, p50 %.3f, p90 %.3f, p99 %.3f, p99.9 %.3f, p99.99 %.3f, max %.3f\n",
		(double)d->min / 1e3, us(d, .5), us(d, .9), us(d, .99), us(d, .999), us(d, .9999),
		(double)d->max / 1e3);
}

static int report(struct job *job, struct error *error)
{
	int r = 0;

	for (unsigned i = 0; i < job->noise.n_lanes && r == 0; i++)
		if (job->options.markers)
			r = report_markers(job, i);
		else
			report_text(job, i);
	if (r == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		r = errno ? -errno : -EIO;
	return r < 0 ? lost_output(r, error) : 0;
}

/** The end of the last phase, and the reports. Returns the exit status. */
static int finish(struct job *job, int result, struct error *error)
{
	int status = result == 0 ? 0 : error->user ? 2 : 1;
	bool told = false;

	job->end_ns = emit_now_ns();
	if (job->options.markers)
		told = emit_end(job->end_ns, status, job->end_ns - job->begin_ns) == 0;
	if (job->runtime)
		runtime_stop(job->runtime);
	if (result == 0)
		result = report(job, error);
	if (told)
		emit_marker("bye");
	if (result < 0) {
		fprintf(stderr, "noise: %s\n", error->text);
		return status ? status : 1;
	}
	return 0;
}

static void release(struct job *job)
{
	for (unsigned i = 0; job->noise.lanes && i < job->noise.n_lanes; i++) {
		free(job->noise.lanes[i].found);
		free(job->noise.lanes[i].series);
		free(job->noise.lanes[i].detours.kept);
	}
	free(job->noise.lanes);
	runtime_free(job->runtime);
	pin_map_free(job->map);
}

int main(int argc, char **argv)
{
	struct job job = {.begin_ns = 0};
	struct error error = {.text = ""};
	int r, status;

	/* First of all, so that a host that looks for lanes sees this one from its start. */
	runtime_name_thread(0);
	r = noise_options_parse(argc, argv, &job.options, &error);
	if (r == 0 && job.options.action != ACTION_RUN) {
		if (job.options.action == ACTION_HELP)
			noise_options_help(stdout);
		else
			puts("noise (guestscope) " GUESTSCOPE_VERSION);
		return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
	}
	if (r == 0 || job.options.markers) {
		int announced = announce(&job, r == 0 ? &error : NULL);

		r = r == 0 ? announced : r;
	}
	if (r == 0)
		r = set_up(&job, &error);
	if (r == 0)
		r = work(&job, &error);
	status = finish(&job, r, &error);
	release(&job);
	return status;
}
