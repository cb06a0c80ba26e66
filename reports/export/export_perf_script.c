/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * The samples on a CPU of each run, one after the other, as `perf script` writes them: a line with thread,
 * process and thread numbers, instant and period, then a frame a line, the innermost first, then an
 * empty line. What reads that for flame graphs and heat maps over time reads this.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/export/export.h"
#include "reports/time/time_samples.h"

/** An instant of a lane. */
struct instant {
	uint64_t time_ns;
	int64_t lane;
	uint64_t number;
};

struct script {
	const struct export_job *job;
	const struct store_run *run;
	struct time_samples samples;
	struct instant *list;
	size_t n;
};

static int take(int64_t lane, uint64_t time_ns, uint64_t number, void *userdata)
{
	struct script *s = userdata;

	if (s->samples.list[number].kind != SAMPLES_ON_CPU)
		return 0;
	return ARRAY_ADD(s->list, s->n, (struct instant){time_ns, lane, number});
}

static int compare_time(const void *a, const void *b)
{
	const struct instant *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return (x->lane > y->lane) - (x->lane < y->lane);
}

/** Without what ends a field for those who read it: a blank, where @blanks is not set; a bracket. */
static void put_name(FILE *out, const char *name, bool blanks)
{
	for (; *name; name++)
		fputc((*name == ' ' && !blanks) || *name == '\n' ? '_' : *name, out);
}

static void put_frame(const struct time_frame *f, FILE *out)
{
	fprintf(out, "\t%16x ", 0);
	put_name(out, f->symbol, true);
	fputs(" (", out);
	put_name(out, f->inlined ? "inlined" : *f->module ? f->module : "[unknown]", false);
	fputs(")\n", out);
}

static void put_sample(const struct script *s, const struct instant *at, FILE *out)
{
	const struct time_sample *sample = &s->samples.list[at->number];
	size_t stack = sample->stack;

	put_name(out, *sample->thread ? sample->thread : "thread", false);
	fprintf(out,
		" %" PRId64 "/%" PRId64 " %" PRIu64 ".%09" PRIu64 ": %10" PRId64 " cpu-clock:\n",
		s->run->id, s->run->id * 65536 + at->lane + 1, at->time_ns / 1000000000,
		at->time_ns % 1000000000, sample->ns);
	/* The outermost is the thread, which is in the line already. */
	while (s->samples.stacks[stack].parent >= 0) {
		put_frame(&s->samples.frames[s->samples.stacks[stack].frame], out);
		stack = (size_t)s->samples.stacks[stack].parent;
	}
	fputc('\n', out);
}

static int fill(void *userdata, FILE *out)
{
	const struct script *s = userdata;

	for (size_t i = 0; i < s->n; i++)
		put_sample(s, &s->list[i], out);
	return 0;
}

static int put_run(const struct export_job *job, const struct store_run *run)
{
	struct script s = {.job = job, .run = run};
	char name[40];
	int r = time_samples_read(job->store, run->id, &s.samples);

	if (r >= 0)
		r = time_samples_walk(job->store, run->id, s.samples.n, take, &s);
	if (r >= 0 && s.n > 0) {
		qsort(s.list, s.n, sizeof(*s.list), compare_time);
		snprintf(name, sizeof(name), "run-%" PRId64 ".perf.txt", run->id);
		r = output_file(job->output, name, fill, &s, job->error);
	}
	free(s.list);
	time_samples_clear(&s.samples);
	return r;
}

int export_perf_script(const struct export_job *job)
{
	const struct store_tables *t = store_tables(job->store);
	int r = 0;

	if (!time_has_samples(job->store))
		return error_set(job->error, -ENODATA,
			"this store is older than instants of samples (table sample_time): there is nothing to write");
	for (size_t i = 0; r >= 0 && i < t->n_runs; i++)
		if (t->runs[i].ok && t->runs[i].counted)
			r = put_run(job, &t->runs[i]);
	return r == -EBADMSG && !*job->error->text ? export_store_error(job, r) : r;
}
