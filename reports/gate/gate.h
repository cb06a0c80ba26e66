/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * A gate: is the new one (B) slower than the base (A) by more than a bound? A decision for each configuration that both
 * have, and for each number that is asked about; and where one is slower, why.
 *
 * "Worse" is the ratio that the bound is for: B over A of run time, boot time and what is better the lower it is; A over B
 * of what is better the higher it is. The tests are ratio_test() of statistics.h, corrected by Holm over all rows.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "common/error.h"
#include "reports/diff/diff.h"
#include "reports/gate/cause.h"
#include "reports/gate/quantity.h"

enum gate_verdict {
	GATE_UNDECIDED,  /**< neither is shown */
	GATE_NOT_SLOWER, /**< shown to be no slower than the bound */
	GATE_SLOWER,     /**< shown to be slower by more than the bound */
};

/** One configuration, and one number of it. */
struct gate_row {
	const struct diff *diff; /**< borrowed: A and B */
	const char *name;        /**< of the configuration: as B calls it */
	int64_t cores;
	const char *what; /**< "run time", "boot", or the name of a metric */
	bool is_time;     /**< means are ns */
	bool higher;      /**< higher is better */
	size_t n[2];      /**< runs behind it, of A and of B */
	size_t failed[2]; /**< counted runs that failed */
	double mean[2];
	struct comparison values; /**< the worse way round: see above */
	struct ratio_test test;
	enum gate_verdict verdict;
	size_t needed;      /**< runs of each to decide, if B is as A; 0: not known */
	struct cause cause; /**< where it is slower */
};

struct gate {
	double bound; /**< 0.02 */
	bool strict;  /**< what is undecided, or has failed runs, fails */
	struct gate_row *rows;
	size_t n_rows;
	size_t n_verdict[GATE_SLOWER + 1]; /**< rows by verdict */
	size_t n_failed_runs;              /**< of B */
};

/** What is asked. */
struct gate_question {
	double bound;
	bool strict;
	const char *metrics; /**< quantities with commas between them; NULL: run time */
	struct diff *const *pairs;
	size_t n_pairs;
};

/** "2%", "0.5": more than 0 and at most 100 percent, given by --@option. -EINVAL, the user's, with a message. */
int gate_bound_parse(const char *option, const char *text, double *ret, struct error *error);

/** Decide. -EINVAL: no configuration has such a metric, or it has no direction; -EBADMSG, -ENOMEM; with a message. */
int gate_make(const struct gate_question *q, struct gate **ret, struct error *error);

void gate_free(struct gate *g);

static inline void gate_freep(struct gate **g)
{
	gate_free(*g);
}

#define _cleanup_gate_ __attribute__((cleanup(gate_freep)))

/** Is it passed? */
bool gate_is_passed(const struct gate *g);

/** For a terminal: a table, and one paragraph. */
int gate_write_text(const struct gate *g, FILE *out);

/** One object. A new reference, or NULL: out of memory. */
json_t *gate_json(const struct gate *g);
