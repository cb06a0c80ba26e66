/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Several experiments of one program, in order: since when is it slower, and why? A series for each configuration and number,
 * with the points at which its level changes (change_points.h); each with what differs between the two experiments there.
 */

#include <stdio.h>

#include <jansson.h>

#include "common/error.h"
#include "reports/flames/flames.h"
#include "reports/gate/cause.h"
#include "reports/gate/quantity.h"

/** One experiment. All borrowed. */
struct history_store {
	const char *label;
	const struct summary *summary;
	struct flames *flames; /**< of the summary */
};

/** What a series has of one experiment. */
struct history_point {
	const struct history_store *store;
	const struct configuration *configuration; /**< NULL: it is not in this experiment */
	size_t n;                                  /**< runs; 0: none ended well */
	struct estimate mean;                      /**< of them, and its 95 % interval */
	double level; /**< the mean of all runs between two changes; NAN where n is 0 */
};

struct history_change {
	size_t at;          /**< the first point of the new level */
	size_t from;        /**< the last of the old one */
	double p;           /**< see change_points.h */
	double ratio;       /**< of the new level to the old one */
	struct cause cause; /**< between these two experiments */
};

struct history_series {
	const char *name; /**< of the configuration, as the first experiment that has it calls it */
	int64_t cores;
	const char *what;             /**< a quantity */
	bool is_time;                 /**< means are ns */
	bool higher;                  /**< higher is better */
	struct history_point *points; /**< one for each experiment */
	size_t n_points;
	struct history_change *changes; /**< in order */
	size_t n_changes;
	/* For documents and figures: */
	const char *scenario;
};

struct history {
	struct history_series *series;
	size_t n_series;
	double least; /**< smaller changes are not told: 0.01 */
};

struct history_question {
	struct history_store *stores; /**< in order */
	size_t n_stores;
	const char *metrics; /**< quantities with commas between them; NULL: run time */
	double least;
};

/** Look for changes, at 5 % over all series (Bonferroni). -EINVAL: no such metric; -EBADMSG, -ENOMEM; with a message. */
int history_make(const struct history_question *q, struct history **ret, struct error *error);

void history_free(struct history *h);

static inline void history_freep(struct history **h)
{
	history_free(*h);
}

#define _cleanup_history_ __attribute__((cleanup(history_freep)))

/** For a terminal: a table for each series, and a sentence for each change. */
int history_write_text(const struct history *h, FILE *out);

/** An object. A new reference, or NULL: out of memory. */
json_t *history_json(const struct history *h);
