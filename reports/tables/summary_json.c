/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/json.h"

static json_t *book(const struct book *b)
{
	json_t *o = json_object(), *states = json_array();
	bool bad = put(o, "name", text(b->name));

	bad |= put(o, "n", json_integer((json_int_t)b->n_runs));
	bad |= put(o, "lane_time_ns", real(b->lane_time_ns));
	for (int i = 0; b->has_accounts && i < STATE_COUNT; i++) {
		json_t *state;

		if (b->state_ns[i] == 0)
			continue;
		state = json_object();
		bad |= put(state, "state", text(state_label(i)));
		bad |= put(state, "ns", real(b->state_ns[i]));
		bad |= put(state, "percent", real(100 * b->state_ns[i] / b->lane_time_ns));
		bad |= put(state, "exact", json_boolean(!b->sampled[i]));
		bad |= json_array_append_new(states, state) < 0;
	}
	bad |= put(o, "states", states);
	bad |= put(o, "residual_ns", b->has_accounts ? real(b->residual_ns) : json_null());
	bad |= put(o, "residual_percent",
		b->has_accounts ? real(100 * b->residual_ns / b->lane_time_ns) : json_null());
	bad |= put(o, "helper_ns", real(b->helper_ns));
	return finish(o, bad);
}

static json_t *failures(const struct summary *s, const struct configuration *c)
{
	const struct store_tables *t = store_tables(s->store);
	json_t *array = json_array();
	bool bad = !array;

	for (size_t i = 0; i < t->n_runs; i++) {
		const struct store_run *run = &t->runs[i];
		json_t *o;

		if (run->ok || !run->counted || !configuration_has(c, run))
			continue;
		o = json_object();
		bad |= put(o, "run", number(run->id));
		bad |= put(o, "error", text(run->error));
		bad |= json_array_append_new(array, o) < 0;
	}
	return finish(array, bad);
}

static json_t *configuration(const struct analysis *a, const struct configuration *c)
{
	const struct summary *s = a->summary;
	json_t *o = json_object(), *phases = json_array(), *books = json_array();
	bool bad = columns_json(configuration_columns, c, o);

	for (size_t i = 0; i < c->n_phases; i++) {
		json_t *phase = statistic_json(&c->phase_ns[i]);

		bad |= put(phase, "name", text(c->phases[i].name));
		bad |= json_array_append_new(phases, phase) < 0;
		bad |= json_array_append_new(books, book(&c->phases[i])) < 0;
	}
	bad |= put(o, "phases", phases);
	bad |= put(o, "boot_steps", boot_configuration_json(a->boot, c));
	bad |= put(o, "window", book(&c->window));
	bad |= put(o, "books", books);
	bad |= put(o, "details", columns_json_rows(detail_columns, c->details, c->n_details));
	bad |= put(o, "threads", columns_json_rows(thread_columns, c->threads, c->n_threads));
	bad |= put(o, "stacks",
		columns_json_rows(stack_end_columns, c->stack_ends.list, c->stack_ends.n));
	bad |= put(o, "stack_modules",
		columns_json_rows(stack_module_columns, c->stack_modules.list, c->stack_modules.n));
	bad |= put(
		o, "processes", columns_json_rows(process_columns, c->processes, c->n_processes));
	bad |= put(o, "guest_threads", columns_json_rows(guest_work_columns, c->work, c->n_work));
	bad |= put(o, "guest_queues",
		columns_json_rows(guest_queueing_columns, c->queueing, c->n_queueing));
	bad |= put(o, "noise", noise_json(&a->noise->list[c - s->configurations]));
	bad |= put(o, "detour_causes",
		columns_json_rows(detour_share_columns, c->detours, c->n_detours));
	bad |= put(o, "failures", failures(s, c));
	return finish(o, bad);
}

static bool add_findings(const struct explanation *e, json_t *document)
{
	_cleanup_free_ struct verdict *verdicts = calloc(VERDICTS_MAX, sizeof(*verdicts));
	json_t *array = json_array();
	bool bad = !array || !verdicts;
	size_t n = verdicts ? explanation_verdicts(e, verdicts, VERDICTS_MAX) : 0;

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_object();

		bad |= put(o, "good", json_boolean(verdicts[i].good));
		bad |= put(o, "text", text(verdicts[i].text));
		bad |= json_array_append_new(array, o) < 0;
	}
	return bad | put(document, "findings", array);
}

int tables_make_json(const struct analysis *a, json_t **ret)
{
	const struct summary *s = a->summary;
	const struct store_tables *t = store_tables(s->store);
	json_t *o = json_object(), *settings = json_object(), *configurations = json_array();
	bool bad = put(o, "guestscope", text(GUESTSCOPE_VERSION));

	bad |= put(o, "store_version", json_integer(STORE_VERSION));
	for (size_t i = 0; i < t->n_settings; i++)
		bad |= put(settings, t->settings[i].key, text(t->settings[i].value));
	bad |= put(o, "experiment", settings);
	for (size_t i = 0; i < s->n_configurations; i++)
		bad |= json_array_append_new(
			       configurations, configuration(a, &s->configurations[i])) < 0;
	bad |= put(o, "cells", configurations);
	bad |= put(o, "explanation", columns_json_row(explanation_columns, a->explanation));
	bad |= summary_add_runs_json(s, o) < 0;
	bad |= put(o, "warnings", columns_json_rows(warning_columns, t->warnings, t->n_warnings));
	bad |= add_findings(a->explanation, o);
	if (bad) {
		json_decref(o);
		return -ENOMEM;
	}
	*ret = o;
	return 0;
}
