/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a run leaves behind. */

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "collector/run/run_internal.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/utf8.h"

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

void run_fail(struct run *run, const char *format, ...)
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

bool run_books_closed(const struct run_result *r)
{
	return r->has_books && r->lost_events == 0 && r->books.worst_residual <= RUN_RESIDUAL_SHARE;
}

void run_said_done(struct run_said *s)
{
	free(s->head);
	free(s->result);
	memset(s, 0, sizeof(*s));
}

void run_result_done(struct run_result *r)
{
	books_done(&r->books);
	audit_done(&r->audit);
	profile_done(&r->profile);
	guest_view_free(r->view);
	for (size_t i = 0; i < STACK_SIDES; i++) {
		free(r->walks[i].ends);
		free(r->walks[i].modules);
	}
	free(r->guest_processes);
	for (size_t i = 0; i < r->n_scheds; i++) {
		sched_snapshot_done(&r->scheds[i].snapshot);
		timers_snapshot_done(&r->scheds[i].timers);
	}
	free(r->scheds);
	free(r->stuck);
	queue_book_done(&r->queues);
	thread_book_done(&r->thread_book);
	free(r->exits);
	free(r->workers);
	free(r->rows);
	free(r->counters);
	timeline_free(r->timeline);
	free(r->threads);
	free(r->pins);
	for (size_t i = 0; i < r->n_distributions; i++) {
		free(r->distributions[i].buckets);
		free(r->distributions[i].series);
	}
	free(r->distributions);
	free(r->clocks);
	for (size_t i = 0; i < r->n_detours; i++) {
		free(r->detours[i].list);
		free(r->detours[i].sums);
	}
	free(r->detours);
	detour_causes_done(&r->detour_causes);
	free(r->reported);
	free(r->metrics);
	run_said_done(&r->said);
	free(r->command);
	free(r->note);
	for (size_t i = 0; i < r->n_warnings; i++)
		free(r->warnings[i]);
	free(r->warnings);
	memset(r, 0, sizeof(*r));
}
