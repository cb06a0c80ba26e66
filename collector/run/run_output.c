/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_output.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/run/run_console.h"
#include "collector/run/run_markers.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/console.h"
#include "common/utf8.h"
#include "guests/boot_plan.h"

/* Of a machine that is alone: where it begins, the run ends. */
#define PHASE_OF_END "end"

/* What begins every marker line. */
static const char marker_begin[] = {
	MARKER_RS, 'g', 'u', 'e', 's', 't', 's', 'c', 'o', 'p', 'e', ' ', '\0'};

int run_output_begin(struct run *run)
{
	const struct run_settings *s = run->settings;
	struct run_output *o = &run->output;
	struct run_result *r = run->result;

	o->is_clients = s->client;
	o->end_words = s->own && !s->alone && !o->is_clients ? run->request->ops->end_words : NULL;
	o->asked = s->phases->n || s->metrics->n || s->result->n || s->same_output || o->end_words;
	o->compared = s->same_output || s->result->n;
	o->place = run->request->ops->is_vm && !o->is_clients ? OUTPUT_BEFORE : OUTPUT_OWN;
	sha256_begin(&o->digest);
	o->begun = calloc(s->phases->n + 1, sizeof(*o->begun));
	r->metrics = calloc(s->metrics->n + 1, sizeof(*r->metrics));
	r->said.head = s->same_output ? malloc(RUN_HEAD_SIZE) : NULL;
	if (!o->begun || !r->metrics || (s->same_output && !r->said.head))
		return -ENOMEM;
	for (size_t i = 0; i < s->metrics->n; i++)
		r->metrics[i].rule = &s->metrics->list[i];
	r->n_metrics = s->metrics->n;
	return 0;
}

/* "[   12.345678] ", before each message of a Linux kernel. */
static bool has_time_stamp(const char *line)
{
	const char *p = line + 1;

	if (line[0] != '[')
		return false;
	p += strspn(p, " ");
	if (!isdigit((unsigned char)*p))
		return false;
	p += strspn(p, "0123456789");
	return *p == '.' && strspn(p + 1, "0123456789") == 6 && p[7] == ']';
}

/* The last of the words by which a guest's boot is taken apart stand before its program. */
static bool precedes_program(const struct guest_ops *ops, const char *line)
{
	const struct guest_boot *boot = ops->boot;

	return boot && boot->n_lines && strstr(line, boot->lines[boot->n_lines - 1].text);
}

/* What was found before the program began was not its own. */
static void forget(struct run *run)
{
	struct run_result *r = run->result;

	for (size_t i = 0; i < r->n_metrics; i++)
		r->metrics[i] = (struct run_metric){.rule = r->metrics[i].rule};
	free(r->said.result);
	r->said.result = NULL;
}

/* A line of a guest's console: where does the program's output begin and end? Returns whether it may
 * be a line of it. */
static bool is_own_line(struct run *run, const char *line, bool is_marker)
{
	const struct guest_ops *ops = run->request->ops;
	struct run_output *o = &run->output;

	if (!ops->is_vm || o->is_clients)
		return !is_marker;
	if (o->place == OUTPUT_BEFORE && (is_marker || precedes_program(ops, line))) {
		forget(run);
		o->place = OUTPUT_OWN;
		return false;
	}
	if (o->place == OUTPUT_OWN && ops->farewell &&
		strncmp(line, ops->farewell, strlen(ops->farewell)) == 0)
		o->place = OUTPUT_AFTER;
	return !is_marker && o->place != OUTPUT_AFTER && !has_time_stamp(line);
}

static void find_phases(struct run *run, const char *line)
{
	const struct output_rules *phases = run->settings->phases;
	const char *found;
	size_t n;

	for (size_t i = 0; i < phases->n; i++) {
		if (run->output.begun[i] || run->ended ||
			!output_rule_find(&phases->list[i], line, &found, &n))
			continue;
		run->output.begun[i] = true;
		if (run->settings->alone && strcmp(phases->list[i].name, PHASE_OF_END) == 0)
			run_end_phases(run);
		else
			run_begin_phase(run, phases->list[i].name, 0);
	}
}

static void find_metrics(struct run_result *r, const char *line)
{
	for (size_t i = 0; i < r->n_metrics; i++) {
		struct run_metric *m = &r->metrics[i];
		const char *found;
		size_t n;

		if (!output_rule_find(m->rule, line, &found, &n))
			continue;
		if (output_number(found, n, &m->value) == 0)
			m->known = true;
		else if (!m->no_number[0])
			console_quote(m->no_number, sizeof(m->no_number), found, n);
	}
}

static void find_result(struct run *run, const char *line)
{
	const struct output_rules *result = run->settings->result;
	const char *found;
	char *text;
	size_t n;

	if (!result->n || !output_rule_find(&result->list[0], line, &found, &n))
		return;
	text = utf8_clean(found, n, false);
	if (!text)
		return;
	free(run->result->said.result);
	run->result->said.result = text;
}

/* What came last cannot be known, so nothing is. */
static void give_up(struct run *run)
{
	run->output.given_up = true;
	forget(run);
	run_warn(run,
		"searching the program's output took more than %llu s and was given up: metrics and the "
		"result are not known (anchor the expressions with ^, or make lines shorter)",
		OUTPUT_SEARCH_MAX_NS / 1000000000);
}

static void search(struct run *run, const char *line, bool counts)
{
	struct run_output *o = &run->output;
	uint64_t begin = clock_ns();

	find_phases(run, line);
	if (counts) {
		find_metrics(run->result, line);
		find_result(run, line);
	}
	o->searched_ns += clock_ns() - begin;
	if (o->searched_ns > OUTPUT_SEARCH_MAX_NS)
		give_up(run);
}

/* The end of a program by its stack's own word, in place of a marker. */
static void find_end(struct run *run, const char *line)
{
	const char *words = run->output.end_words, *at = words ? strstr(line, words) : NULL;

	if (!at || run->ended || !run->result->has_boot)
		return;
	run->program_status = strtoul(at + strlen(words), NULL, 10);
	run_end_phases(run);
}

static void begin_line(struct run *run, const struct output_part *part)
{
	struct run_output *o = &run->output;
	struct run_said *said = &run->result->said;
	bool is_marker = strstr(part->text, marker_begin);

	o->counts = is_own_line(run, part->text, is_marker);
	if (!is_marker && !o->given_up)
		search(run, part->text, o->counts);
	find_end(run, part->text);
	if (o->counts && o->compared && o->place == OUTPUT_OWN)
		console_quote(said->last, sizeof(said->last), part->text, part->length);
}

static void sum_up(struct run *run, const char *text, size_t length)
{
	struct run_said *said = &run->result->said;
	size_t room = said->head ? RUN_HEAD_SIZE - said->head_length : 0;
	size_t n = length < room ? length : room;

	sha256_add(&run->output.digest, text, length);
	if (n)
		memcpy(said->head + said->head_length, text, n);
	said->head_length += n;
}

static void on_part(const struct output_part *part, void *userdata)
{
	struct run *run = userdata;
	struct run_output *o = &run->output;
	struct run_said *said = &run->result->said;

	if (part->begins)
		begin_line(run, part);
	if (!o->counts || !o->compared || o->place != OUTPUT_OWN)
		return;
	sum_up(run, part->text, part->length);
	said->bytes += part->length;
	if (!part->ends)
		return;
	sum_up(run, "\n", 1);
	said->lines++;
}

/* Search all that waits for it. */
static void search_queue(struct run *run)
{
	struct run_output *o = &run->output;

	output_lines_push(&o->lines, o->queue, o->queued, on_part, run);
	o->queued = 0;
}

/* Does a phase begin with a line that has not come yet? */
static bool awaits_phase(const struct run *run)
{
	const struct output_rules *phases = run->settings->phases;

	for (size_t i = 0; phases && i < phases->n; i++)
		if (!run->output.begun[i])
			return true;
	return false;
}

/*
 * Nothing that happens in time hangs on these lines: so they are searched when the run is over, as the program waits
 * for whoever reads its output. What there is no room for is searched now.
 */
static void search_later(struct run *run, const char *data, size_t length)
{
	struct run_output *o = &run->output;
	bool now = awaits_phase(run) || o->end_words;

	if (!now && !o->queue)
		o->queue = malloc(OUTPUT_QUEUE_MAX);
	if (o->queued + length > OUTPUT_QUEUE_MAX)
		search_queue(run);
	if (now || !o->queue || length > OUTPUT_QUEUE_MAX) {
		output_lines_push(&o->lines, data, length, on_part, run);
		return;
	}
	memcpy(o->queue + o->queued, data, length);
	o->queued += length;
}

/* Markers before all else: their arrival is the clock of the phases. */
static void take(struct run *run, const char *data, size_t length)
{
	marker_stream_push(&run->markers, data, length, run_on_marker, run);
	if (run->output.asked)
		search_later(run, data, length);
}

static void take_by_line(struct run *run, const char *data, size_t length)
{
	while (length) {
		const char *newline = memchr(data, '\n', length);
		size_t n = newline ? (size_t)(newline - data) + 1 : length;

		take(run, data, n);
		data += n;
		length -= n;
	}
}

void run_output_push(struct run *run, const char *data, size_t length)
{
	if (run->settings->client) /* whose output is looked at */
		;
	else if (run->output.begun && awaits_phase(run))
		take_by_line(run, data, length);
	else
		take(run, data, length);
	run_console_take(run, &run->console, data, length);
}

void run_output_push_client(struct run *run, const char *data, size_t length)
{
	if (run->output.asked)
		search_later(run, data, length);
	run_console_take(run, &run->client.console, data, length);
}

static void warn_of_metric(struct run *run, const struct run_metric *m)
{
	if (m->known)
		return;
	if (m->no_number[0])
		run_warn(run, "metric %s: what matches is no number: '%s'", m->rule->name,
			m->no_number);
	else
		run_warn(run, "metric %s: no line of the output matches", m->rule->name);
}

void run_output_end(struct run *run)
{
	const struct output_rules *phases = run->settings->phases;
	struct run_result *r = run->result;
	struct run_output *o = &run->output;

	if (!o->asked)
		return;
	search_queue(run);
	free(TAKE_PTR(o->queue));
	output_lines_end(&o->lines, on_part, run);
	if (o->compared)
		sha256_end(&o->digest, r->said.sha256);
	for (size_t i = 0; i < phases->n; i++)
		if (!o->begun[i])
			run_warn(run, "phase %s: no line of the output matches before the run ends",
				phases->list[i].name);
	for (size_t i = 0; i < r->n_metrics && !o->given_up; i++)
		warn_of_metric(run, &r->metrics[i]);
}
