/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files behind summary.h share; nobody else includes this. */

#include <stdbool.h>

#include <jansson.h>

#include "reports/summary/summary.h"

/** Fill each cell's series; its phases are there. -ENOMEM. */
int summary_make_series(struct summary *s);

void series_clear(struct run_series *series, size_t n_phases);

/** The cell that a run counts in; NULL: in none, as it failed or is no run. */
const struct cell *summary_cell_of(const struct summary *s, int64_t run);

/** Fill each cell's details. -ENOMEM. */
int summary_make_details(struct summary *s);

/** Add "runs", every run individually, to the document. -ENOMEM. */
int summary_add_runs_json(const struct summary *s, json_t *document);

/*
 * jansson's "set new" functions accept NULL values and then fail, so a document is built without a
 * check at each step and the failures are or-ed together in @bad.
 */
static inline bool put(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) < 0;
}

static inline json_t *number(int64_t value)
{
	return value == STORE_NULL ? json_null() : json_integer(value);
}

static inline json_t *text(const char *value)
{
	return value ? json_string(value) : json_null();
}

static inline json_t *truth(int64_t value)
{
	return value == STORE_NULL ? json_null() : json_boolean(value != 0);
}

static inline json_t *finish(json_t *value, bool bad)
{
	if (!bad)
		return value;
	json_decref(value);
	return NULL;
}
