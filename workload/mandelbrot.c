/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mandelbrot: the workload of the paper, as one ordinary program for every stack.
 *
 * Phases: setup (memory, file, workers), render (in parallel), encode (PNG, by worker 0 alone while
 * the others sleep). What is reported of them comes after the last phase, so that it costs none of
 * them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "workload/emit.h"
#include "workload/fractal.h"
#include "workload/options.h"
#include "workload/picture.h"
#include "workload/pin.h"
#include "workload/report.h"
#include "workload/runtime.h"
#include "workload/sha256.h"
#include "workload/workers.h"

enum phase { PHASE_SETUP, PHASE_RENDER, PHASE_ENCODE, PHASE_END, N_PHASES };

static const char *const phase_names[] = {"setup", "render", "encode"};

/** Everything of one run. */
struct job {
	struct options options;
	struct fractal fractal;
	uint32_t *scale;
	struct raster raster;
	struct picture_file file;
	struct pin_map *map;
	struct runtime *runtime;
	const struct task_time *times; /* the runtime's, by row */
	uint64_t begins_ns[N_PHASES];
};

/* Where the linker put the program's first byte: its load address. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

int main(int argc, char **argv);

static int lost_output(int code, struct error *error)
{
	return error_set_errno(error, code, "cannot write to standard output");
}

/* What was printed; markers are written at once. Not streams_guard(): OSv has no on_exit(). */
static int flush_output(struct error *error)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return lost_output(errno ? -errno : -EIO, error);
	return 0;
}

static int begin_phase(struct job *job, enum phase phase, struct error *error)
{
	int r = 0;

	job->begins_ns[phase] = emit_now_ns();
	if (job->options.markers)
		r = emit_phase(phase_names[phase], job->begins_ns[phase]);
	return r < 0 ? lost_output(r, error) : 0;
}

static int announce(struct job *job, struct error *error)
{
	int r = 0;

	if (job->options.markers)
		r = emit_maps((uintptr_t)__ehdr_start, (uintptr_t)main);
	return r < 0 ? lost_output(r, error) : begin_phase(job, PHASE_SETUP, error);
}

static int make_scale(struct job *job, struct error *error)
{
	const struct options *o = &job->options;
	size_t n = palette_scale(o->palette, o->step, NULL, 0);

	job->scale = calloc(n ? n : 1, sizeof(*job->scale));
	if (!job->scale)
		return error_no_memory(error, " for %zu colours (lower -step)", n);
	palette_scale(o->palette, o->step, job->scale, n);
	job->fractal.scale = job->scale;
	job->fractal.n_scale = n;
	return 0;
}

static int set_up(struct job *job, struct error *error)
{
	struct options *o = &job->options;
	struct runtime_config config;
	int r;

	r = workers_choose(o->pin, &o->cores, &job->map, error);
	if (r == 0 && o->file)
		r = picture_open(o->file, &job->file, error);
	if (r == 0)
		r = make_scale(job, error);
	if (r == 0)
		r = raster_new((uint32_t)o->width, (uint32_t)o->height, &job->raster, error);
	if (r < 0)
		return r;

	job->fractal.width = job->raster.width;
	job->fractal.height = job->raster.height;
	job->fractal.max_iteration = o->iteration;
	fractal_frame(&job->fractal, o->xpos, o->ypos, o->radius);

	config = (struct runtime_config){o->schedule, o->cores, job->raster.height, job->map};
	return runtime_new(&config, &job->runtime, error);
}

static void render_row(void *context, uint32_t row)
{
	const struct job *job = context;

	fractal_row(&job->fractal, row, job->raster.pixels + (size_t)row * job->raster.width * 4);
}

static int work(struct job *job, struct error *error)
{
	int r = begin_phase(job, PHASE_RENDER, error);

	if (r == 0)
		r = runtime_run(
			job->runtime, job->raster.height, render_row, job, &job->times, error);
	if (r == 0)
		r = begin_phase(job, PHASE_ENCODE, error);
	if (r == 0 && job->options.file)
		r = picture_write(&job->file, &job->raster, error);
	return r;
}

static int by_start(const void *a, const void *b)
{
	const struct row_report *x = a, *y = b;

	return x->start_ns < y->start_ns ? -1 : x->start_ns > y->start_ns;
}

/** `rows` markers for worker @worker; @rows has room for all of the picture's. */
static int emit_rows(struct job *job, unsigned worker, struct row_report *rows)
{
	size_t n = 0, done;
	int r = 0;

	for (uint32_t i = 0; i < job->raster.height; i++)
		if (job->times[i].worker == worker)
			rows[n++] = (struct row_report){
				i, job->times[i].start_ns, job->times[i].end_ns};
	qsort(rows, n, sizeof(*rows), by_start);
	for (size_t i = 0; i < n && r == 0; i += done) {
		char body[MARKER_LINE_MAX];

		done = row_report_encode(body, worker, rows + i, n - i);
		r = emit_marker("%s", body);
	}
	return r;
}

/** What follows the end marker: everything that was learnt on the way. */
static int report_markers(struct job *job, struct error *error)
{
	_cleanup_free_ struct row_report *rows = NULL;
	char hex[SHA256_HEX_SIZE];
	int r = workers_report(job->runtime, job->map, job->options.cores);

	if (r == 0 && job->options.rows) {
		rows = calloc(job->raster.height, sizeof(*rows));
		if (!rows)
			return error_no_memory(error, " for the report of rows");
	}
	for (unsigned i = 0; rows && i < job->options.cores && r == 0; i++)
		r = emit_rows(job, i, rows);
	if (r == 0 && job->options.sha256) {
		sha256_hex(job->raster.pixels, job->raster.bytes, hex);
		r = emit_marker("raster sha256=%s", hex);
	}
	return r < 0 ? lost_output(r, error) : 0;
}

/** For people, where no markers are asked for. */
static int report_text(struct job *job, struct error *error)
{
	const uint64_t *t = job->begins_ns;
	char hex[SHA256_HEX_SIZE];

	printf("%u x %u pixels on %u workers in %.3f s: setup %.3f, render %.3f, encode %.3f%s%s\n",
		job->raster.width, job->raster.height, job->options.cores,
		(double)(t[PHASE_END] - t[PHASE_SETUP]) / 1e9,
		(double)(t[PHASE_RENDER] - t[PHASE_SETUP]) / 1e9,
		(double)(t[PHASE_ENCODE] - t[PHASE_RENDER]) / 1e9,
		(double)(t[PHASE_END] - t[PHASE_ENCODE]) / 1e9, job->options.file ? ", into " : "",
		job->options.file ? job->options.file : "");
	if (job->options.sha256) {
		sha256_hex(job->raster.pixels, job->raster.bytes, hex);
		puts(hex);
	}
	return flush_output(error);
}

/** The end of the last phase, and the reports. Returns the exit status. */
static int finish(struct job *job, int result, struct error *error)
{
	int status = result == 0 ? 0 : error->user ? 2 : 1;
	bool told = false;

	job->begins_ns[PHASE_END] = emit_now_ns();
	if (job->options.markers)
		told = emit_end(job->begins_ns[PHASE_END], status,
			       job->begins_ns[PHASE_END] - job->begins_ns[PHASE_SETUP]) == 0;
	if (job->runtime)
		runtime_stop(job->runtime);
	if (result == 0 && job->options.markers)
		result = told ? report_markers(job, error) : lost_output(-EIO, error);
	else if (result == 0)
		result = report_text(job, error);
	if (told)
		emit_marker("bye");
	if (result < 0) {
		fprintf(stderr, "mandelbrot: %s\n", error->text);
		return status ? status : 1;
	}
	return 0;
}

static void release(struct job *job)
{
	picture_abandon(&job->file);
	runtime_free(job->runtime);
	pin_map_free(job->map);
	raster_free(&job->raster);
	free(job->scale);
}

int main(int argc, char **argv)
{
	struct job job = {.file.fd = -EBADF};
	struct error error = {.text = ""};
	int r, status;

	/* First of all, so that a host that looks for lanes sees this one from its start. */
	runtime_name_thread(0);
	r = options_parse(argc, argv, &job.options, &error);
	if (r == 0 && job.options.action != ACTION_RUN) {
		if (job.options.action == ACTION_HELP)
			options_help(stdout);
		else
			puts("mandelbrot (guestscope) " GUESTSCOPE_VERSION);
		if (flush_output(&error) == 0)
			return 0;
		fprintf(stderr, "mandelbrot: %s\n", error.text);
		return 1;
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
