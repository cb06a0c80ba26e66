/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Firefox Profiler's "processed" format, version 46: a thread for each lane of each counted run that
 * ended well, with its samples on a CPU at their instants, and the run's phases as markers. Times are
 * milliseconds since the first run's begin.
 *
 * https://github.com/firefox-devtools/profiler, docs-developer/processed-profile-format.md
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/export/export.h"
#include "reports/text/format.h"
#include "reports/text/json_text.h"
#include "reports/text/text.h"
#include "reports/time/time_samples.h"

/** Where code is: a category each. */
static const struct {
	const char *side, *name, *color;
} categories[] = {
	{"thread", "Other", "grey"},
	{"kernel", "Host kernel", "orange"},
	{"user", "Host user", "blue"},
	{"boundary", "Border of the guest", "transparent"},
	{"guest-kernel", "Guest kernel", "purple"},
	{"guest-user", "Guest program", "green"},
	{"guest-process", "Process of the guest", "yellow"},
};

static size_t category_of(const char *side)
{
	for (size_t i = 0; i < ARRAY_SIZE(categories); i++)
		if (strcmp(categories[i].side, side) == 0)
			return i;
	return 0;
}

/** A sample of a lane. */
struct instant {
	uint64_t time_ns;
	uint64_t number;
};

/** A run while its lanes are written. */
struct writer {
	const struct export_job *job;
	const struct store_run *run;
	FILE *out;
	int64_t zero_ns;
	size_t n_threads;
	struct time_samples samples;
	int64_t lane; /**< whose instants are taken */
	struct instant *list;
	size_t n;
};

static int take(int64_t lane, uint64_t time_ns, uint64_t number, void *userdata)
{
	struct writer *w = userdata;

	if (lane != w->lane || w->samples.list[number].kind != SAMPLES_ON_CPU)
		return 0;
	return ARRAY_ADD(w->list, w->n, (struct instant){time_ns, number});
}

static int compare_time(const void *a, const void *b)
{
	const struct instant *x = a, *y = b;

	return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

static void put_ms(FILE *out, int64_t ns)
{
	fprintf(out, "%.6f", (double)ns / 1e6);
}

/** An instant of the store. */
static void put_instant(const struct writer *w, int64_t ns)
{
	int64_t since;

	put_ms(w->out, __builtin_sub_overflow(ns, w->zero_ns, &since) ? 0 : since);
}

/** A column whose rows are all the same. */
static void put_same(FILE *out, const char *name, const char *value, size_t n)
{
	fprintf(out, ",\"%s\":[", name);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%s", i ? "," : "", value);
	fputc(']', out);
}

/** Strings: of each frame its symbol and its module, then the names of phases. A function and a frame for each frame. */
static void put_functions(const struct time_samples *s, FILE *out)
{
	fprintf(out, "\"frameTable\":{\"length\":%zu,\"category\":[", s->n_frames);
	for (size_t i = 0; i < s->n_frames; i++)
		fprintf(out, "%s%zu", i ? "," : "", category_of(s->frames[i].side));
	fputs("],\"func\":[", out);
	for (size_t i = 0; i < s->n_frames; i++)
		fprintf(out, "%s%zu", i ? "," : "", i);
	fputc(']', out);
	put_same(out, "address", "-1", s->n_frames);
	put_same(out, "inlineDepth", "0", s->n_frames);
	put_same(out, "subcategory", "0", s->n_frames);
	put_same(out, "nativeSymbol", "null", s->n_frames);
	put_same(out, "innerWindowID", "0", s->n_frames);
	put_same(out, "implementation", "null", s->n_frames);
	put_same(out, "line", "null", s->n_frames);
	put_same(out, "column", "null", s->n_frames);
	fprintf(out, "},\n\"funcTable\":{\"length\":%zu,\"name\":[", s->n_frames);
	for (size_t i = 0; i < s->n_frames; i++)
		fprintf(out, "%s%zu", i ? "," : "", 2 * i);
	fputs("],\"fileName\":[", out);
	for (size_t i = 0; i < s->n_frames; i++)
		fprintf(out, "%s%zu", i ? "," : "", 2 * i + 1);
	fputc(']', out);
	put_same(out, "isJS", "false", s->n_frames);
	put_same(out, "relevantForJS", "false", s->n_frames);
	put_same(out, "resource", "-1", s->n_frames);
	put_same(out, "lineNumber", "null", s->n_frames);
	put_same(out, "columnNumber", "null", s->n_frames);
	fputs("},\n", out);
}

static void put_stacks(const struct time_samples *s, FILE *out)
{
	fprintf(out, "\"stackTable\":{\"length\":%zu,\"prefix\":[", s->n_stacks);
	for (size_t i = 0; i < s->n_stacks; i++)
		if (s->stacks[i].parent < 0)
			fputs(i ? ",null" : "null", out);
		else
			fprintf(out, "%s%" PRId64, i ? "," : "", s->stacks[i].parent);
	fputs("],\"frame\":[", out);
	for (size_t i = 0; i < s->n_stacks; i++)
		fprintf(out, "%s%zu", i ? "," : "", s->stacks[i].frame);
	fputs("],\"category\":[", out);
	for (size_t i = 0; i < s->n_stacks; i++)
		fprintf(out, "%s%zu", i ? "," : "",
			category_of(s->frames[s->stacks[i].frame].side));
	fputc(']', out);
	put_same(out, "subcategory", "0", s->n_stacks);
	fputs("},\n", out);
}

static void put_samples(const struct writer *w, FILE *out)
{
	fprintf(out, "\"samples\":{\"length\":%zu,\"weightType\":\"tracing-ms\",\"stack\":[", w->n);
	for (size_t i = 0; i < w->n; i++)
		fprintf(out, "%s%zu", i ? "," : "", w->samples.list[w->list[i].number].stack);
	fputs("],\"time\":[", out);
	for (size_t i = 0; i < w->n; i++) {
		fputs(i ? "," : "", out);
		put_instant(w, (int64_t)w->list[i].time_ns);
	}
	fputs("],\"weight\":[", out);
	for (size_t i = 0; i < w->n; i++) {
		fputs(i ? "," : "", out);
		put_ms(out, w->samples.list[w->list[i].number].ns);
	}
	fputs("]},\n", out);
}

/** The run's phases: their names come behind the frames' strings. */
static void put_markers(const struct writer *w, FILE *out)
{
	const struct store_tables *t = store_tables(w->job->store);
	const struct store_phase *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < t->n_phases; i++)
		if (t->phases[i].run == w->run->id && n++ == 0)
			first = &t->phases[i];
	fprintf(out, "\"markers\":{\"length\":%zu,\"startTime\":[", n);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? "," : "", out);
		put_instant(w, first[i].start_ns);
	}
	fputs("],\"endTime\":[", out);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? "," : "", out);
		put_instant(w, first[i].end_ns);
	}
	fputs("],\"name\":[", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%zu", i ? "," : "", 2 * w->samples.n_frames + i);
	fputc(']', out);
	put_same(out, "phase", "1", n);
	put_same(out, "category", "0", n);
	put_same(out, "data", "null", n);
	fputs("},\n\"stringArray\":[", out);
	for (size_t i = 0; i < w->samples.n_frames; i++) {
		fputs(i ? "," : "", out);
		json_put_text(out, w->samples.frames[i].symbol);
		fputc(',', out);
		json_put_text(out, w->samples.frames[i].module);
	}
	for (size_t i = 0; i < n; i++) {
		fputs(i || w->samples.n_frames ? "," : "", out);
		json_put_text(out, first[i].name);
	}
	fputs("]", out);
}

static void put_thread(struct writer *w)
{
	const struct store_run *run = w->run;
	FILE *out = w->out;
	_cleanup_free_ char *stack = text_stack(run->guest, run->variant, run->label);
	char name[200];

	fprintf(out,
		"%s{\"name\":\"lane %" PRId64
		"\",\"isMainThread\":%s,\"processType\":\"default\",\"pid\":%" PRId64
		",\"tid\":%" PRId64 ",\"processName\":",
		w->n_threads++ ? ",\n" : "", w->lane, w->lane == 0 ? "true" : "false", run->id,
		run->id * 65536 + w->lane + 1);
	snprintf(name, sizeof(name), "%.150s, %lld %s, run %lld", stack ? stack : run->guest,
		(long long)run->cores, cores_word(run->cores, run->scenario), (long long)run->id);
	json_put_text(out, name);
	fputs(",\"registerTime\":", out);
	put_instant(w, run->start_ns);
	fputs(",\"unregisterTime\":null,\"processStartupTime\":", out);
	put_instant(w, run->start_ns);
	fputs(",\"processShutdownTime\":null,\"pausedRanges\":[],\n"
	      "\"nativeSymbols\":{\"length\":0,\"address\":[],\"functionSize\":[],\"libIndex\":[],\"name\":[]},\n"
	      "\"resourceTable\":{\"length\":0,\"lib\":[],\"name\":[],\"host\":[],\"type\":[]},\n",
		out);
	put_functions(&w->samples, out);
	put_stacks(&w->samples, out);
	put_samples(w, out);
	put_markers(w, out);
	fputc('}', out);
}

static int put_run(struct writer *w, const struct store_run *run)
{
	int r = time_samples_read(w->job->store, run->id, &w->samples);

	w->run = run;
	for (w->lane = 0; r >= 0 && w->lane < run->cores; w->lane++) {
		w->n = 0;
		r = time_samples_walk(w->job->store, run->id, w->samples.n, take, w);
		if (r < 0 || w->n == 0)
			continue;
		qsort(w->list, w->n, sizeof(*w->list), compare_time);
		put_thread(w);
	}
	free(w->list);
	w->list = NULL;
	time_samples_clear(&w->samples);
	return r;
}

static void put_meta(FILE *out)
{
	fputs("{\"meta\":{\"preprocessedProfileVersion\":46,\"version\":24,\"interval\":1,\"startTime\":0,\"processType\":0,"
	      "\"product\":\"guestscope\",\"stackwalk\":1,\"debug\":false,\"symbolicated\":true,\"markerSchema\":[],"
	      "\"extensions\":{\"length\":0,\"baseURL\":[],\"id\":[],\"name\":[]},"
	      "\"sampleUnits\":{\"time\":\"ms\",\"eventDelay\":\"ms\",\"threadCPUDelta\":\"ns\"},"
	      "\"usesOnlyOneStackType\":true,\"doesNotUseFrameImplementation\":true,"
	      "\"sourceCodeIsNotOnSearchfox\":true,\n\"categories\":[",
		out);
	for (size_t i = 0; i < ARRAY_SIZE(categories); i++)
		fprintf(out, "%s{\"name\":\"%s\",\"color\":\"%s\",\"subcategories\":[\"Other\"]}",
			i ? "," : "", categories[i].name, categories[i].color);
	fputs("]},\n\"libs\":[],\"pages\":[],\"counters\":[],\"profilerOverhead\":[],\n\"threads\":[",
		out);
}

static int fill(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;
	const struct store_tables *t = store_tables(job->store);
	struct writer w = {.job = job, .out = out, .zero_ns = INT64_MAX};
	int r = 0;

	for (size_t i = 0; i < t->n_runs; i++)
		if (t->runs[i].ok && t->runs[i].start_ns >= 0 && t->runs[i].start_ns < w.zero_ns)
			w.zero_ns = t->runs[i].start_ns;
	put_meta(out);
	for (size_t i = 0; r >= 0 && i < t->n_runs; i++)
		if (t->runs[i].ok && t->runs[i].counted)
			r = put_run(&w, &t->runs[i]);
	fputs("]}\n", out);
	return r == -EBADMSG ? export_store_error(job, r) : r;
}

int export_firefox(const struct export_job *job)
{
	if (!time_has_samples(job->store))
		return error_set(job->error, -ENODATA,
			"this store is older than instants of samples (table sample_time): there is nothing to write");
	return output_file(
		job->output, "profile.firefox.json", fill, (void *)(uintptr_t)job, job->error);
}
