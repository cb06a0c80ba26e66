/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Runs on a time line for Perfetto: a run is a process, its lanes are threads with the program's
 * rows as slices; phases and steps of the boot are slices on tracks of their own. The books are
 * counters: a lane's time in a state in the phase at hand, in ns. A lane's states are slices on a
 * track of their own, and its samples are instants on another, with their call stacks as an argument.
 *
 * A trace is a sequence of packets, each written as it is made.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/state.h"
#include "perfetto.pb-c.h"
#include "reports/export/export.h"
#include "reports/store/stack_order.h"
#include "reports/text/format.h"
#include "reports/text/text.h"
#include "reports/time/time_samples.h"
#include "reports/time/time_walk.h"

/* What a track shows; with the run, lane and state it makes the track's number. */
enum track {
	TRACK_RUN,
	TRACK_PHASES,
	TRACK_BOOT,
	TRACK_LANE,
	TRACK_STATE,
	TRACK_TIMELINE,
	TRACK_SAMPLES
};

#define SEQUENCE 1

struct writer {
	const struct export_job *job;
	FILE *out;
	uint8_t *buffer;
	size_t room;
	const struct store_run *run; /**< of the track that is written to, ... */
	int64_t lane;                /**< ... and its lane */
	const struct store_run *of;  /**< of the samples */
	struct time_samples samples;
};

static uint64_t track_id(const struct store_run *run, enum track track, int64_t lane, int state)
{
	return (uint64_t)run->id << 32 | (uint64_t)track << 28 |
	       ((uint64_t)(lane + 1) & 0xfffff) << 8 | (uint64_t)state;
}

static int put_packet(struct writer *w, Perfetto__TracePacket *packet)
{
	Perfetto__Trace trace = PERFETTO__TRACE__INIT;
	size_t n;

	packet->has_trusted_packet_sequence_id = true;
	packet->trusted_packet_sequence_id = SEQUENCE;
	trace.n_packet = 1;
	trace.packet = &packet;
	n = perfetto__trace__get_packed_size(&trace);
	if (n > w->room) {
		uint8_t *p = realloc(w->buffer, n * 2);

		if (!p)
			return -ENOMEM;
		w->buffer = p;
		w->room = n * 2;
	}
	perfetto__trace__pack(&trace, w->buffer);
	return fwrite(w->buffer, 1, n, w->out) == n ? 0 : -EIO;
}

static int put_descriptor(struct writer *w, Perfetto__TrackDescriptor *track)
{
	Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;

	track->has_uuid = true;
	packet.track_descriptor = track;
	return put_packet(w, &packet);
}

/** A track of the run that is neither process nor thread. */
static int put_track(struct writer *w, const struct store_run *run, uint64_t id, const char *name,
	bool is_counter)
{
	Perfetto__TrackDescriptor track = PERFETTO__TRACK_DESCRIPTOR__INIT;
	Perfetto__CounterDescriptor counter = PERFETTO__COUNTER_DESCRIPTOR__INIT;

	track.uuid = id;
	track.name = (char *)(uintptr_t)name;
	track.has_parent_uuid = true;
	track.parent_uuid = track_id(run, TRACK_RUN, 0, 0);
	counter.has_unit = true;
	counter.unit = PERFETTO__COUNTER_DESCRIPTOR__UNIT__UNIT_TIME_NS;
	track.counter = is_counter ? &counter : NULL;
	return put_descriptor(w, &track);
}

static int put_event(struct writer *w, int64_t at_ns, Perfetto__TrackEvent *event)
{
	Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;

	if (at_ns < 0) /* also: not known */
		return 0;
	event->has_type = event->has_track_uuid = true;
	packet.has_timestamp = true;
	packet.timestamp = (uint64_t)at_ns;
	packet.track_event = event;
	return put_packet(w, &packet);
}

/** An argument of an event; @text NULL: it has none. */
struct note {
	const char *name, *text;
};

/** From @start_ns to @end_ns, both of the host's clock. */
static int put_noted(struct writer *w, uint64_t track, const char *category, const char *name,
	int64_t start_ns, int64_t end_ns, const struct note *said)
{
	Perfetto__TrackEvent begin = PERFETTO__TRACK_EVENT__INIT, end = PERFETTO__TRACK_EVENT__INIT;
	Perfetto__DebugAnnotation note = PERFETTO__DEBUG_ANNOTATION__INIT, *notes[] = {&note};
	char *categories[] = {(char *)(uintptr_t)category};
	int r;

	if (start_ns < 0 || end_ns < start_ns)
		return 0;
	begin.type = PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN;
	begin.track_uuid = end.track_uuid = track;
	begin.name = (char *)(uintptr_t)name;
	begin.n_categories = 1;
	begin.categories = categories;
	if (said->text) {
		note.name = (char *)(uintptr_t)said->name;
		note.string_value = (char *)(uintptr_t)said->text;
		begin.n_debug_annotations = 1;
		begin.debug_annotations = notes;
	}
	end.type = PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_END;
	r = put_event(w, start_ns, &begin);
	return r < 0 ? r : put_event(w, end_ns, &end);
}

/** The same; @source may be NULL. */
static int put_slice(struct writer *w, uint64_t track, const char *category, const char *name,
	int64_t start_ns, int64_t end_ns, const char *source)
{
	return put_noted(
		w, track, category, name, start_ns, end_ns, &(struct note){"ends with", source});
}

static int put_counter(struct writer *w, uint64_t track, int64_t at_ns, int64_t value)
{
	Perfetto__TrackEvent event = PERFETTO__TRACK_EVENT__INIT;

	event.type = PERFETTO__TRACK_EVENT__TYPE__TYPE_COUNTER;
	event.track_uuid = track;
	event.has_counter_value = true;
	event.counter_value = value;
	return put_event(w, at_ns, &event);
}

static int put_lane(struct writer *w, const struct store_run *run, int64_t lane)
{
	Perfetto__TrackDescriptor track = PERFETTO__TRACK_DESCRIPTOR__INIT;
	Perfetto__ThreadDescriptor thread = PERFETTO__THREAD_DESCRIPTOR__INIT;
	char name[40];

	snprintf(name, sizeof(name), "lane %lld", (long long)lane);
	thread.has_pid = thread.has_tid = true;
	thread.pid = (int32_t)run->id;
	thread.tid = run->id * 65536 + lane + 1;
	thread.thread_name = name;
	track.uuid = track_id(run, TRACK_LANE, lane, 0);
	track.thread = &thread;
	return put_descriptor(w, &track);
}

static int put_run(struct writer *w, const struct store_run *run)
{
	Perfetto__TrackDescriptor track = PERFETTO__TRACK_DESCRIPTOR__INIT;
	Perfetto__ProcessDescriptor process = PERFETTO__PROCESS_DESCRIPTOR__INIT;
	_cleanup_free_ char *name = NULL, *stack = text_stack(run->guest, run->variant, run->label);
	int r;

	if (!stack || asprintf(&name, "%s, %lld %s, run %lld%s", stack, (long long)run->cores,
			      cores_word(run->cores, run->scenario), (long long)run->id,
			      !run->ok        ? " (failed)"
			      : !run->counted ? " (warm-up)"
					      : "") < 0) {
		name = NULL;
		return -ENOMEM;
	}
	process.has_pid = true;
	process.pid = (int32_t)run->id;
	process.process_name = name;
	track.uuid = track_id(run, TRACK_RUN, 0, 0);
	track.process = &process;
	r = put_descriptor(w, &track);
	for (int64_t lane = 0; r >= 0 && lane < run->cores; lane++)
		r = put_lane(w, run, lane);
	return r;
}

static int put_runs(struct writer *w)
{
	const struct store_tables *t = store_tables(w->job->store);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < t->n_runs; i++)
		r = put_run(w, &t->runs[i]);
	return r;
}

static int put_phases(struct writer *w)
{
	const struct store_tables *t = store_tables(w->job->store);
	int64_t last = STORE_NULL;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < t->n_phases; i++) {
		const struct store_phase *p = &t->phases[i];
		const struct store_run *run = store_run(w->job->store, p->run);

		if (!run)
			continue;
		if (p->run != last)
			r = put_track(w, run, track_id(run, TRACK_PHASES, 0, 0), "phases", false);
		last = p->run;
		if (r >= 0)
			r = put_slice(w, track_id(run, TRACK_PHASES, 0, 0), "phase", p->name,
				p->start_ns, p->end_ns, NULL);
	}
	return r;
}

static int put_boot(struct writer *w)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	struct store_reader *s = w->job->store;
	int64_t last = STORE_NULL;
	int r = 0;

	if (!store_has_table(s, "boot_step"))
		return 0;
	r = store_prepare(s, &query,
		"SELECT run, name, start_ns, end_ns, source FROM boot_step ORDER BY run, position");
	while (r >= 0 && (r = store_step(s, query)) > 0) {
		const struct store_run *run = store_run(s, store_number(query, 0));
		const char *name = store_text(s, query, 1);

		if (!run || !name)
			continue;
		if (run->id != last)
			r = put_track(w, run, track_id(run, TRACK_BOOT, 0, 0), "boot", false);
		last = run->id;
		if (r >= 0)
			r = put_slice(w, track_id(run, TRACK_BOOT, 0, 0), "boot", name,
				store_number(query, 2), store_number(query, 3),
				store_text(s, query, 4));
	}
	return r;
}

static int put_rows(struct writer *w)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	struct store_reader *s = w->job->store;
	int r = store_prepare(s, &query,
		"SELECT run, lane, task, start_ns, end_ns FROM row ORDER BY run, lane, start_ns");

	while (r >= 0 && (r = store_step(s, query)) > 0) {
		const struct store_run *run = store_run(s, store_number(query, 0));
		int64_t lane = store_number(query, 1);
		char name[40];

		if (!run || lane < 0 || lane >= run->cores)
			continue;
		snprintf(name, sizeof(name), "row %lld", (long long)store_number(query, 2));
		r = put_slice(w, track_id(run, TRACK_LANE, lane, 0), "row", name,
			store_number(query, 3), store_number(query, 4), NULL);
	}
	return r;
}

/** The books of one lane and state: a step at each phase's start, and zero at the end. */
static int put_steps(struct writer *w, const struct store_run *run, int64_t lane, const char *state,
	sqlite3_stmt *query)
{
	const struct store_tables *t = store_tables(w->job->store);
	int known = state_from_name(state), r = 0;
	uint64_t track = track_id(run, TRACK_STATE, lane, known < 0 ? STATE_NONE : known);
	int64_t end_ns = STORE_NULL;
	char name[64];

	snprintf(name, sizeof(name), "lane %lld %.30s", (long long)lane, state);
	r = put_track(w, run, track, name, true);
	for (size_t i = 0; r >= 0 && i < t->n_phases; i++) {
		const struct store_phase *p = &t->phases[i];

		if (p->run != run->id)
			continue;
		sqlite3_reset(query);
		sqlite3_bind_int64(query, 1, run->id);
		sqlite3_bind_int64(query, 2, lane);
		sqlite3_bind_text(query, 3, state, -1, SQLITE_STATIC);
		sqlite3_bind_text(query, 4, p->name, -1, SQLITE_STATIC);
		r = store_step(w->job->store, query);
		if (r > 0)
			r = put_counter(w, track, p->start_ns, store_number(query, 0));
		end_ns = p->end_ns;
	}
	return r < 0 ? r : put_counter(w, track, end_ns, 0);
}

static int put_books(struct writer *w)
{
	_cleanup_query_ sqlite3_stmt *query = NULL, *value = NULL;
	struct store_reader *s = w->job->store;
	int r = store_prepare(s, &query,
		"SELECT DISTINCT run, lane, state FROM account WHERE lane >= 0"
		" ORDER BY run, lane, state");

	if (r >= 0)
		r = store_prepare(s, &value,
			"SELECT CAST(total(ns) AS INTEGER) FROM account WHERE run = ? AND lane = ?"
			" AND state = ? AND phase = ?");
	while (r >= 0 && (r = store_step(s, query)) > 0) {
		const struct store_run *run = store_run(s, store_number(query, 0));
		const char *state = store_text(s, query, 2);

		if (run && state)
			r = put_steps(w, run, store_number(query, 1), state, value);
	}
	return r;
}

/** The lane's track of that kind, made when it is met first. */
static int lane_track(struct writer *w, const struct store_run *run, enum track kind, int64_t lane,
	const char *what, uint64_t *ret)
{
	char name[60];

	*ret = track_id(run, kind, lane, 0);
	if (w->run == run && w->lane == lane)
		return 0;
	w->run = run;
	w->lane = lane;
	if (lane < 0)
		snprintf(name, sizeof(name), "helpers %s", what);
	else
		snprintf(name, sizeof(name), "lane %lld %s", (long long)lane, what);
	return put_track(w, run, *ret, name, false);
}

/** An interval of a lane, as a slice. What was merged or lost has no order. */
static int put_interval(
	const struct time_place *at, const struct timeline_item *item, void *userdata)
{
	struct writer *w = userdata;
	const struct store_run *run = store_run(w->job->store, at->run);
	const struct time_meaning *what =
		item->kind == TIMELINE_INTERVAL ? &at->meanings[item->what] : NULL;
	const char *name = what ? what->state : item->kind == TIMELINE_GAP ? "lost" : "merged";
	const struct note note = {"cause", what && *what->detail ? what->detail : NULL};
	uint64_t track;
	int r;

	if (!run || at->lane < 0 || item->begin_ns > INT64_MAX - item->ns)
		return 0;
	r = lane_track(w, run, TRACK_TIMELINE, at->lane, "states", &track);
	return r < 0 ? r
		     : put_noted(w, track, "state", name, (int64_t)item->begin_ns,
			       (int64_t)(item->begin_ns + item->ns), &note);
}

static int put_timeline(struct writer *w)
{
	w->run = NULL;
	return time_is_there(w->job->store)
		       ? time_walk(w->job->store, STORE_NULL, put_interval, w, w->job->error)
		       : 0;
}

/** "outermost;...;innermost". Malloced; NULL: no memory. */
static char *stack_text(const struct time_samples *s, size_t stack)
{
	size_t chain[STACK_DEPTH_MAX + 1] = {stack}, n = 0, size;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	for (int64_t i = (int64_t)stack; i >= 0 && n < ARRAY_SIZE(chain); i = s->stacks[i].parent)
		chain[n++] = (size_t)i;
	while (out && n-- > 0)
		fprintf(out, "%s%s", s->frames[s->stacks[chain[n]].frame].symbol, n ? ";" : "");
	if (!out || fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/** A sample on a CPU, as an instant named by its innermost function. */
static int put_sample(int64_t lane, uint64_t time_ns, uint64_t number, void *userdata)
{
	struct writer *w = userdata;
	const struct time_sample *sample = &w->samples.list[number];
	Perfetto__TrackEvent event = PERFETTO__TRACK_EVENT__INIT;
	Perfetto__DebugAnnotation note = PERFETTO__DEBUG_ANNOTATION__INIT, *notes[] = {&note};
	_cleanup_free_ char *stack = NULL;
	char *categories[] = {(char *)(uintptr_t) "sample"};
	int r;

	if (sample->kind != SAMPLES_ON_CPU || time_ns > INT64_MAX)
		return 0;
	stack = stack_text(&w->samples, sample->stack);
	if (!stack)
		return -ENOMEM;
	r = lane_track(w, w->of, TRACK_SAMPLES, lane, "samples", &event.track_uuid);
	note.name = (char *)(uintptr_t) "stack";
	note.string_value = stack;
	event.type = PERFETTO__TRACK_EVENT__TYPE__TYPE_INSTANT;
	event.name =
		(char *)(uintptr_t)w->samples.frames[w->samples.stacks[sample->stack].frame].symbol;
	event.n_categories = 1;
	event.categories = categories;
	event.n_debug_annotations = 1;
	event.debug_annotations = notes;
	return r < 0 ? r : put_event(w, (int64_t)time_ns, &event);
}

static int put_samples(struct writer *w)
{
	const struct store_tables *t = store_tables(w->job->store);
	int r = 0;

	if (!time_has_samples(w->job->store))
		return 0;
	for (size_t i = 0; r >= 0 && i < t->n_runs; i++) {
		w->of = &t->runs[i];
		w->run = NULL;
		r = time_samples_read(w->job->store, w->of->id, &w->samples);
		if (r >= 0)
			r = time_samples_walk(
				w->job->store, w->of->id, w->samples.n, put_sample, w);
		time_samples_clear(&w->samples);
	}
	return r;
}

static int fill(void *userdata, FILE *out)
{
	static int (*const parts[])(struct writer * w) = {
		put_runs, put_phases, put_boot, put_rows, put_books, put_timeline, put_samples};
	const struct export_job *job = userdata;
	struct writer w = {.job = job, .out = out};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(parts); i++)
		r = parts[i](&w);
	free(w.buffer);
	return r == -EBADMSG && !*job->error->text ? export_store_error(job, r) : r;
}

int export_perfetto(const struct export_job *job)
{
	return output_file(
		job->output, "trace.perfetto-trace", fill, (void *)(uintptr_t)job, job->error);
}
