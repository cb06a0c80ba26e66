/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * The samples as a profile for pprof. A protobuf message may be written in pieces: repeated fields
 * of pieces that follow each other are put together by the reader. So each sample, location and
 * text is a piece, and memory does not grow with the number of samples.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "pprof.pb-c.h"
#include "reports/export/export.h"
#include "reports/export/gzip_stream.h"
#include "reports/export/key_index.h"
#include "reports/store/samples.h"
#include "reports/store/stack_order.h"
#include "reports/text/text.h"

enum { LABELS_MAX = 8, INLINED_MAX = 256 };

struct writer {
	const struct export_job *job;
	const struct store_stacks *stacks;
	struct gzip_stream gzip;
	struct key_index texts;     /* by address, as the store keeps each text once */
	struct intern numbers;      /* texts that are made here, kept once likewise */
	struct key_index functions; /* by frame */
	struct key_index locations; /* by the location it begins with, and a function */
	struct key_index modules;
	sqlite3_stmt *source; /* a frame's file and line */
	uint8_t *buffer;
	size_t room;
};

static int put_piece(struct writer *w, const Pprof__Profile *piece)
{
	size_t n = pprof__profile__get_packed_size(piece);

	if (n > w->room) {
		uint8_t *p = realloc(w->buffer, n * 2);

		if (!p)
			return -ENOMEM;
		w->buffer = p;
		w->room = n * 2;
	}
	pprof__profile__pack(piece, w->buffer);
	return gzip_write(&w->gzip, w->buffer, n);
}

static int put_text(struct writer *w, const char *text)
{
	Pprof__Profile piece = PPROF__PROFILE__INIT;
	char *texts[] = {(char *)(uintptr_t)text};

	piece.n_string_table = 1;
	piece.string_table = texts;
	return put_piece(w, &piece);
}

/** Index of a text that the store keeps, or of a literal. */
static int text_index(struct writer *w, const char *text, int64_t *ret)
{
	uint32_t index = 0;
	int r;

	if (!text || !*text) {
		*ret = 0;
		return 0;
	}
	r = key_index_add_text(&w->texts, text, &index);
	*ret = (int64_t)index + 1;
	return r > 0 ? put_text(w, text) : r;
}

static int number_index(struct writer *w, int64_t number, int64_t *ret)
{
	char text[24];
	const char *kept;

	snprintf(text, sizeof(text), "%lld", (long long)number);
	kept = text_intern(&w->numbers, text, strlen(text), false);
	return kept ? text_index(w, kept, ret) : -ENOMEM;
}

static int put_mapping(struct writer *w, const char *module, uint64_t *ret)
{
	Pprof__Profile piece = PPROF__PROFILE__INIT;
	Pprof__Mapping mapping = PPROF__MAPPING__INIT, *mappings[] = {&mapping};
	uint32_t index = 0;
	int r;

	*ret = 0;
	if (!*module)
		return 0;
	r = key_index_add_text(&w->modules, module, &index);
	*ret = (uint64_t)index + 1;
	if (r <= 0)
		return r;
	mapping.id = *ret;
	mapping.has_functions = mapping.has_filenames = true;
	mapping.has_line_numbers = mapping.has_inline_frames = true;
	r = text_index(w, module, &mapping.filename);
	piece.n_mapping = 1;
	piece.mapping = mappings;
	return r < 0 ? r : put_piece(w, &piece);
}

/** A frame's source, where it is known. */
static int find_source(
	struct writer *w, const struct store_frame *frame, const char **ret_file, int64_t *ret_line)
{
	int r;

	sqlite3_reset(w->source);
	sqlite3_bind_int64(w->source, 1, frame->id);
	r = store_step(w->job->store, w->source);
	if (r <= 0)
		return r;
	*ret_file = store_text(w->job->store, w->source, 0);
	*ret_line = store_number(w->source, 1);
	if (*ret_line == STORE_NULL)
		*ret_line = 0;
	return 0;
}

/** The function of a frame, under its number in @w->functions and from 1. */
static int function_of(struct writer *w, const struct store_frame *frame, uint32_t *ret)
{
	Pprof__Profile piece = PPROF__PROFILE__INIT;
	Pprof__Function function = PPROF__FUNCTION__INIT, *functions[] = {&function};
	const char *file = NULL;
	int64_t line;
	int r = key_index_add(&w->functions, (uintptr_t)frame, ret);

	(*ret)++;
	if (r <= 0)
		return r;
	r = find_source(w, frame, &file, &line);
	if (r >= 0)
		r = text_index(w, frame->symbol, &function.name);
	if (r >= 0)
		r = text_index(w, file, &function.filename);
	function.system_name = function.name;
	function.id = *ret;
	piece.n_function = 1;
	piece.function = functions;
	return r < 0 ? r : put_piece(w, &piece);
}

/** A location: a function, and before it those that are inlined there, innermost first. */
static int put_location(
	struct writer *w, const struct store_frame *const *frames, size_t n, uint64_t number)
{
	Pprof__Profile piece = PPROF__PROFILE__INIT;
	Pprof__Location location = PPROF__LOCATION__INIT, *locations[] = {&location};
	Pprof__Line lines[INLINED_MAX], *pointers[INLINED_MAX];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const char *file;
		uint32_t function;

		pointers[i] = &lines[i];
		pprof__line__init(&lines[i]);
		if (i == 0)
			r = put_mapping(w, frames[i]->module, &location.mapping_id);
		if (r >= 0)
			r = find_source(w, frames[i], &file, &lines[i].line);
		if (r >= 0)
			r = function_of(w, frames[i], &function);
		if (r >= 0)
			lines[i].function_id = function;
	}
	location.id = number;
	location.n_line = n;
	location.line = pointers;
	piece.n_location = 1;
	piece.location = locations;
	return r < 0 ? r : put_piece(w, &piece);
}

/** The number of the location of @frames. Each begins with another's, which is how they are told.
 */
static int location_of(
	struct writer *w, const struct store_frame *const *frames, size_t n, uint64_t *ret)
{
	int r = 0;

	*ret = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t whole = (uint64_t)(i + 1 == n) << 63;
		uint32_t function = 0, number = 0;

		r = function_of(w, frames[i], &function);
		if (r >= 0)
			r = key_index_add(&w->locations, whole | *ret << 32 | function, &number);
		if (r < 0)
			return r;
		*ret = (uint64_t)number + 1;
	}
	return r > 0 ? put_location(w, frames, n, *ret) : 0;
}

/** The locations of a stack's frames, innermost first both. */
static int put_stack(struct writer *w, const struct store_frame *const *frames, size_t n,
	uint64_t *locations, size_t *ret_n)
{
	size_t first = 0;

	*ret_n = 0;
	for (size_t i = 0; i < n; i++) {
		size_t here = i + 1 - first;
		int r;

		if (frames[i]->inlined && i + 1 < n && here < INLINED_MAX)
			continue;
		r = location_of(w, &frames[first], here, &locations[(*ret_n)++]);
		if (r < 0)
			return r;
		first = i + 1;
	}
	return 0;
}

struct labels {
	Pprof__Label list[LABELS_MAX];
	Pprof__Label *pointers[LABELS_MAX];
	size_t n;
};

static int add_label(struct writer *w, struct labels *l, const char *key, const char *text)
{
	Pprof__Label *label = &l->list[l->n];
	int r;

	if (!text || !*text)
		return 0;
	pprof__label__init(label);
	r = text_index(w, key, &label->key);
	if (r >= 0)
		r = text_index(w, text, &label->str);
	l->pointers[l->n++] = label;
	return r;
}

static int add_number(struct writer *w, struct labels *l, const char *key, int64_t number)
{
	Pprof__Label *label = &l->list[l->n];
	int r;

	pprof__label__init(label);
	r = text_index(w, key, &label->key);
	if (r >= 0)
		r = number_index(w, number, &label->str);
	l->pointers[l->n++] = label;
	return r;
}

static int add_labels(
	struct writer *w, const struct sample *s, const char *side, struct labels *labels)
{
	int r = add_label(w, labels, "guest", s->run->guest);

	if (r >= 0)
		r = add_label(w, labels, "cell", s->run->label);
	if (r >= 0)
		r = add_label(w, labels, "variant", s->run->variant);
	if (r >= 0)
		r = add_number(w, labels, "cores", s->run->cores);
	if (r >= 0)
		r = add_number(w, labels, "run", s->run->id);
	if (r >= 0)
		r = add_label(w, labels, "phase", s->phase);
	if (r >= 0 && s->lane >= 0)
		r = add_number(w, labels, "lane", s->lane);
	if (r >= 0)
		r = add_label(w, labels, "thread", s->thread);
	return r < 0 ? r : add_label(w, labels, "side", side);
}

static int put_sample(struct writer *w, const struct sample *s)
{
	Pprof__Profile piece = PPROF__PROFILE__INIT;
	Pprof__Sample sample = PPROF__SAMPLE__INIT, *samples[] = {&sample};
	const struct store_frame *frames[STACK_DEPTH_MAX];
	uint64_t locations[STACK_DEPTH_MAX];
	struct labels labels = {.n = 0};
	int64_t values[2 * SAMPLES_KINDS] = {};
	size_t n_frames = stack_order_frames(w->stacks, s->stack, frames), n;
	int r = put_stack(w, frames, n_frames, locations, &n);

	if (r >= 0)
		r = add_labels(w, s, frames[0]->id == STORE_NULL ? NULL : frames[0]->side, &labels);
	if (r < 0)
		return r;
	values[2 * (size_t)s->kind] = s->count;
	values[2 * (size_t)s->kind + 1] = s->weight_ns;
	sample.n_location_id = n;
	sample.location_id = locations;
	sample.n_value = ARRAY_SIZE(values);
	sample.value = values;
	sample.n_label = labels.n;
	sample.label = labels.pointers;
	piece.n_sample = 1;
	piece.sample = samples;
	return put_piece(w, &piece);
}

/** Wall-clock time of a run's start, ns; 0: not known. */
static int64_t start_time(const struct store_run *run)
{
	struct tm tm = {};

	if (!run->start_utc || !strptime(run->start_utc, "%Y-%m-%dT%H:%M:%S", &tm))
		return 0;
	return (int64_t)timegm(&tm) * 1000000000;
}

/** Of all exported runs: start of the first, time of all, the period where they agree. */
static void fill_times(const struct export_job *job, Pprof__Profile *profile)
{
	const struct store_tables *t = store_tables(job->store);
	int64_t hz = 0;

	for (size_t i = 0; i < t->n_runs; i++) {
		const struct store_run *run = &t->runs[i];
		int64_t start = start_time(run), took;

		if (!run->ok || !run->counted)
			continue;
		if (start > 0 && (profile->time_nanos == 0 || start < profile->time_nanos))
			profile->time_nanos = start;
		if (run->start_ns >= 0 && run->end_ns > run->start_ns &&
			!__builtin_add_overflow(
				profile->duration_nanos, run->end_ns - run->start_ns, &took))
			profile->duration_nanos = took;
		hz = hz == 0 || hz == run->frequency_hz ? run->frequency_hz : -1;
	}
	if (hz > 0)
		profile->period = 1000000000 / hz;
}

/** What each sample's values are. */
static int put_head(struct writer *w)
{
	static const char *const types[2 * SAMPLES_KINDS][2] = {{"samples", "count"},
		{"cpu", "nanoseconds"}, {"intervals", "count"}, {"off-cpu", "nanoseconds"},
		{"exits", "count"}, {"exit-time", "nanoseconds"}};
	Pprof__ValueType values[ARRAY_SIZE(types)], *pointers[ARRAY_SIZE(types)];
	Pprof__Profile piece = PPROF__PROFILE__INIT;
	int64_t comment = 0;
	int r = put_text(w, "");

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(types); i++) {
		pprof__value_type__init(&values[i]);
		pointers[i] = &values[i];
		r = text_index(w, types[i][0], &values[i].type);
		if (r >= 0)
			r = text_index(w, types[i][1], &values[i].unit);
	}
	if (r >= 0)
		r = text_index(w, "guestscope " GUESTSCOPE_VERSION, &comment);
	if (r < 0)
		return r;
	piece.n_sample_type = ARRAY_SIZE(types);
	piece.sample_type = pointers;
	piece.period_type = pointers[1];
	piece.default_sample_type = values[1].type;
	piece.n_comment = 1;
	piece.comment = &comment;
	fill_times(w->job, &piece);
	return put_piece(w, &piece);
}

static int put_all(struct writer *w)
{
	_cleanup_samples_ struct sample_cursor cursor = {};
	struct sample sample;
	int r = put_head(w);

	if (r >= 0)
		r = samples_open(w->job->store, &cursor);
	while (r >= 0 && (r = samples_next(&cursor, &sample)) > 0)
		r = put_sample(w, &sample);
	return r;
}

static int fill(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;
	struct writer w = {.job = job};
	int r = store_stacks(job->store, &w.stacks);

	if (r >= 0)
		r = store_prepare(
			job->store, &w.source, "SELECT file, line FROM frame WHERE id = ?");
	if (r >= 0)
		r = gzip_open(&w.gzip, out);
	if (r >= 0)
		r = gzip_close(&w.gzip, put_all(&w));
	sqlite3_finalize(w.source);
	key_index_clear(&w.texts);
	key_index_clear(&w.functions);
	key_index_clear(&w.locations);
	key_index_clear(&w.modules);
	intern_clear(&w.numbers);
	free(w.buffer);
	return r == -EBADMSG ? export_store_error(job, r) : r;
}

int export_pprof(const struct export_job *job)
{
	return output_file(job->output, "profile.pb.gz", fill, (void *)(uintptr_t)job, job->error);
}
