/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernels: small parallel programs that the field knows, as one ordinary program for every stack.
 *
 * Phases: setup (memory, workers, data), compute (what is measured), verify (the results are held against what is
 * known). What was found is reported after the end marker.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/marker.h"
#include "workload/emit.h"
#include "workload/kernels-options.h"
#include "workload/kernels.h"
#include "workload/workers.h"

struct program {
	struct kernels_options options;
	struct kernel_job job;
	struct pin_map *map;
	struct runtime *runtime;
	uint64_t begin_ns;
	char sha256[SHA256_HEX_SIZE];
};

/* Where the linker put the program's first byte: its load address. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

int main(int argc, char **argv);

static int lost_output(int code, struct error *error)
{
	return error_set_errno(error, code, "cannot write to standard output");
}

static int begin_phase(struct program *p, const char *name, struct error *error)
{
	uint64_t now = emit_now_ns();
	int r = p->options.markers ? emit_phase(name, now) : 0;

	if (!p->begin_ns)
		p->begin_ns = now;
	return r < 0 ? lost_output(r, error) : 0;
}

static int announce(struct program *p, struct error *error)
{
	int r = p->options.markers ? emit_maps((uintptr_t)__ehdr_start, (uintptr_t)main) : 0;

	return r < 0 ? lost_output(r, error) : begin_phase(p, "setup", error);
}

static int run_tasks(struct kernel_job *job, uint32_t n_tasks, task_fn what, struct error *error)
{
	const struct task_time *times;

	return runtime_run(job->runner, n_tasks, what, job, &times, error);
}

static int set_up(struct program *p, struct error *error)
{
	struct kernels_options *o = &p->options;
	struct runtime_config config;
	int r = workers_choose(o->pin, &o->cores, &p->map, error);

	if (r < 0)
		return r;
	config = (struct runtime_config){o->schedule, o->cores, KERNEL_TASKS_MAX, p->map};
	r = runtime_new(&config, &p->runtime, error);
	if (r < 0)
		return r;
	p->job = (struct kernel_job){
		.kernel = o->kernel, .class = o->class, .run = run_tasks, .runner = p->runtime};
	return o->kernel->set_up(&p->job, error);
}

static int work(struct program *p, struct error *error)
{
	int r = begin_phase(p, "compute", error);

	if (r == 0)
		r = kernel_compute(&p->job, error);
	if (r == 0)
		r = begin_phase(p, "verify", error);
	return r == 0 ? kernel_verify(&p->job, p->sha256, error) : r;
}

/* What follows the end marker. */
static int report_markers(const struct program *p)
{
	const struct kernel_job *job = &p->job;
	int r = workers_report(p->runtime, p->map, p->options.cores);

	for (size_t i = 0; i < job->n_metrics && r == 0; i++)
		r = emit_marker("metric name=%s %s value=%.6f better=%s", job->kernel->name,
			job->metrics[i].unit, job->metrics[i].value,
			job->metrics[i].higher ? "higher" : "lower");
	return r == 0 ? emit_marker("result sha256=%s", p->sha256) : r;
}

/* For people, where no markers are asked for. */
static int report_text(const struct program *p)
{
	const struct kernel_job *job = &p->job;

	printf("%s, class %s, workers: %u, time: %.6f s", job->kernel->name,
		kernel_class_names[job->class], p->options.cores, (double)job->compute_ns / 1e9);
	for (size_t i = 0; i < job->n_metrics; i++)
		printf(", %.3f %s", job->metrics[i].value, job->metrics[i].unit);
	printf("\nverified: agrees with %s; SHA-256 of the results %s\n", job->kernel->against,
		p->sha256);
	return fflush(stdout) != 0 || ferror(stdout) ? errno ? -errno : -EIO : 0;
}

/** The end of the last phase, and the reports. Returns the exit status. */
static int finish(struct program *p, int result, struct error *error)
{
	int status = result == 0 ? 0 : error->user ? 2 : 1, r;
	uint64_t now = emit_now_ns();
	bool told = p->options.markers && emit_end(now, status, now - p->begin_ns) == 0;

	if (p->runtime)
		runtime_stop(p->runtime);
	if (result == 0) {
		r = p->options.markers ? report_markers(p) : report_text(p);
		result = r < 0 ? lost_output(r, error) : 0;
	}
	if (told)
		emit_marker("bye");
	if (result < 0) {
		fprintf(stderr, "kernels: %s\n", error->text);
		return status ? status : 1;
	}
	return 0;
}

static void release(struct program *p)
{
	if (p->job.kernel)
		p->job.kernel->release(&p->job);
	runtime_free(p->runtime);
	pin_map_free(p->map);
}

int main(int argc, char **argv)
{
	struct program p = {.begin_ns = 0};
	struct error error = {.text = ""};
	int r, status;

	/* First of all, so that a host that looks for lanes sees this one from its start. */
	runtime_name_thread(0);
	r = kernels_options_parse(argc, argv, &p.options, &error);
	if (r == 0 && p.options.action != ACTION_RUN) {
		if (p.options.action == ACTION_HELP)
			kernels_options_help(stdout);
		else
			puts("kernels (guestscope) " GUESTSCOPE_VERSION);
		return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
	}
	if (r == 0 || p.options.markers) {
		int announced = announce(&p, r == 0 ? &error : NULL);

		r = r == 0 ? announced : r;
	}
	if (r == 0)
		r = set_up(&p, &error);
	if (r == 0)
		r = work(&p, &error);
	status = finish(&p, r, &error);
	release(&p);
	return status;
}
