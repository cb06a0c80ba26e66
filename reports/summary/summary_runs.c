/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Every run individually, for the JSON document. */
#include <errno.h>
#include <string.h>

#include "reports/summary/boot.h"
#include "reports/summary/summary_internal.h"

static json_t *run_phases(const struct store_tables *t, int64_t run)
{
	json_t *array = json_array();
	bool bad = !array;

	for (size_t i = 0; i < t->n_phases; i++) {
		json_t *o;

		if (t->phases[i].run != run)
			continue;
		o = json_object();
		bad |= put(o, "name", text(t->phases[i].name));
		bad |= put(o, "start_ns", number(t->phases[i].start_ns));
		bad |= put(o, "end_ns", number(t->phases[i].end_ns));
		bad |= json_array_append_new(array, o) < 0;
	}
	return finish(array, bad);
}

/** Rows of one phase and state are neighbours; their details are summed. */
static json_t *run_accounts(const struct store_tables *t, int64_t run)
{
	json_t *array = json_array();
	bool bad = !array;

	for (size_t i = 0; i < t->n_accounts; i++) {
		const struct store_account *first = &t->accounts[i];
		int64_t ns = first->ns;
		bool exact = first->exact;
		json_t *o;

		if (first->run != run)
			continue;
		while (i + 1 < t->n_accounts && t->accounts[i + 1].run == run &&
			t->accounts[i + 1].phase == first->phase &&
			t->accounts[i + 1].state == first->state) {
			i++;
			/* A damaged store may hold anything: keep within bounds. */
			if (__builtin_add_overflow(ns, t->accounts[i].ns, &ns))
				ns = INT64_MAX;
			exact &= t->accounts[i].exact;
		}
		o = json_object();
		bad |= put(o, "phase", text(first->phase));
		bad |= put(o, "state", text(first->state));
		bad |= put(o, "ns", number(ns));
		bad |= put(o, "exact", json_boolean(exact));
		bad |= json_array_append_new(array, o) < 0;
	}
	return finish(array, bad);
}

static json_t *run_audits(const struct store_tables *t, int64_t run)
{
	json_t *array = json_array();
	bool bad = !array;

	for (size_t i = 0; i < t->n_audits; i++) {
		const struct store_audit *audit = &t->audits[i];
		json_t *o;

		if (audit->run != run)
			continue;
		o = json_object();
		bad |= put(o, "phase", text(audit->phase));
		bad |= put(o, "lane", number(audit->lane));
		bad |= put(o, "what", text(audit->what));
		bad |= put(o, "books_ns", number(audit->books_ns));
		bad |= put(o, "other_ns", number(audit->other_ns));
		bad |= put(o, "bound_ns", number(audit->bound_ns));
		bad |= json_array_append_new(array, o) < 0;
	}
	return finish(array, bad);
}

static json_t *run_counters(const struct store_tables *t, int64_t run)
{
	json_t *array = json_array();
	bool bad = !array;

	for (size_t i = 0; i < t->n_counters; i++) {
		json_t *o;

		if (t->counters[i].run != run)
			continue;
		o = json_object();
		bad |= put(o, "name", text(t->counters[i].name));
		bad |= put(o, "value", number(t->counters[i].value));
		bad |= put(o, "enabled_ns", number(t->counters[i].enabled_ns));
		bad |= put(o, "running_ns", number(t->counters[i].running_ns));
		bad |= json_array_append_new(array, o) < 0;
	}
	return finish(array, bad);
}

static json_t *command(const char *value)
{
	json_t *parsed = value ? json_loads(value, 0, NULL) : NULL;

	return parsed ? parsed : text(value);
}

static json_t *run_json(const struct summary *s, const struct store_run *run)
{
	const struct store_tables *t = store_tables(s->store);
	json_t *o = json_object();
	bool bad = put(o, "id", number(run->id));

	bad |= put(o, "guest", text(run->guest));
	bad |= put(o, "cores", number(run->cores));
	bad |= put(o, "scenario", text(run->scenario));
	bad |= put(o, "repetition", number(run->repetition));
	bad |= put(o, "position", number(run->position));
	bad |= put(o, "accel", text(run->accel));
	bad |= put(o, "status", text(run->status));
	bad |= put(o, "error", text(run->error));
	bad |= put(o, "start_utc", text(run->start_utc));
	bad |= put(o, "boot_ns", number(run->boot_ns));
	bad |= put(o, "runtime_ns", number(run->runtime_ns));
	bad |= put(o, "guest_runtime_ns", number(run->guest_runtime_ns));
	bad |= put(o, "residual_ns", number(run->residual_ns));
	bad |= put(o, "lost_events", number(run->lost_events));
	bad |= put(o, "closed", truth(run->closed));
	bad |= put(o, "audited", truth(run->audited));
	bad |= put(o, "split", text(run->split));
	bad |= put(o, "frequency_hz", number(run->frequency_hz));
	bad |= put(o, "command", command(run->command));
	bad |= put(o, "raster_sha256", text(run->raster_sha256));
	bad |= put(o, "block", number(run->block));
	bad |= put(o, "counted", json_boolean(run->counted));
	bad |= put(o, "label", text(run->label));
	bad |= put(o, "phases", run_phases(t, run->id));
	bad |= put(o, "boot_steps", boot_run_json(s, run->id));
	bad |= put(o, "accounts", run_accounts(t, run->id));
	bad |= put(o, "audits", run_audits(t, run->id));
	bad |= put(o, "counters", run_counters(t, run->id));
	return finish(o, bad);
}

int summary_add_runs_json(const struct summary *s, json_t *document)
{
	const struct store_tables *t = store_tables(s->store);
	json_t *array = json_array();
	bool bad = !array;

	for (size_t i = 0; i < t->n_runs; i++)
		bad |= json_array_append_new(array, run_json(s, &t->runs[i])) < 0;
	bad |= put(document, "runs", array);
	return bad ? -ENOMEM : 0;
}
