/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the runs of a reference say, and whether its text says the same. */

#include <stdio.h>

#include <jansson.h>

#include "reports/explain/explain.h"
#include "reports/reference/reference.h"
#include "reports/summary/summary.h"

/**
 * A text and its runs agree if they differ by no more than this share, beside rounding: that much
 * is explained by a run left out or another way to take the mean.
 */
#define CLAIM_TOLERANCE 0.05

struct reference_result {
	const struct reference_configuration *configuration;
	struct description time;    /**< seconds */
	struct estimate mean;       /**< of that */
	struct estimate speedup;    /**< over one core; NAN: there are no runs on one */
	struct estimate efficiency; /**< percent */
	struct order_effects order;
	/** Of its rank correlation, corrected for the number of configurations (Holm). */
	double drift_p;
	/** Of the configuration's runs: far from the others, and by more than 5 %. */
	bool *outlier;
	size_t n_outliers;
};

struct reference_analysis {
	const struct reference *reference; /**< borrowed */
	struct reference_result *list;     /**< one for each configuration, in their order */
	size_t n;
};

/** -ENOMEM. */
int reference_analyse(const struct reference *reference, struct reference_analysis **ret);

void reference_analysis_free(struct reference_analysis *a);

static inline void reference_analysis_freep(struct reference_analysis **a)
{
	reference_analysis_free(*a);
}

#define _cleanup_reference_analysis_ __attribute__((cleanup(reference_analysis_freep)))

enum claim_verdict {
	CLAIM_UNCHECKED, /**< there are no runs to check it by */
	CLAIM_AGREES,
	CLAIM_DISAGREES
};

/**
 * Hold a claim against the runs. @ret_value: what they say; of a claim about several numbers of
 * cores that end of their range which is nearer to it. NAN where it cannot be checked.
 */
enum claim_verdict claim_check(
	const struct reference_analysis *a, const struct reference_claim *claim, double *ret_value);

/** Fill @ret with what a reader must know (at most @max); returns how many. */
size_t reference_findings(const struct reference_analysis *a, struct verdict *ret, size_t max);

/** The table and the findings: for people, as CSV (the table), as a JSON document. */
int reference_write_text(const struct reference_analysis *a, FILE *out);
int reference_write_csv(const struct reference_analysis *a, FILE *out);
int reference_make_json(const struct reference_analysis *a, json_t **ret);

/**
 * A table of what was measured beside what was published of the same stack, scenario and number of
 * cores; nothing where there is nothing of the kind. -ENOMEM.
 */
int reference_write_beside(
	const struct explanation *e, const struct reference_analysis *a, FILE *out);
