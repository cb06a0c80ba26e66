/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Published run times to compare with, and what a publication says of them.
 *
 * The runs are a CSV file with the columns stack, scenario, cores, repetition (order of execution
 * within the configuration) and seconds; comments before the column names say where it is from.
 * Beside NAME.csv, NAME-claims.csv may have what the text says: stack, scenario, cores (a number, a
 * range "4-8", or nothing), what, value. Further columns are ignored. docs/figures.md describes
 * both.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "reports/text/text.h"

enum claim_kind {
	CLAIM_SPEEDUP,    /**< T(1) / T(cores) */
	CLAIM_EFFICIENCY, /**< speed-up / cores, percent */
	CLAIM_STDDEV,     /**< of the run time, seconds */
	CLAIM_BOOT,       /**< seconds */
	CLAIM_MEAN,       /**< run time, seconds */
	CLAIM_COUNT
};

/** One stack on a number of cores in one scenario. */
struct reference_configuration {
	const char *stack;
	const char *scenario;
	int64_t cores;
	double *seconds; /**< in order of execution */
	size_t n;
};

struct reference_claim {
	enum claim_kind kind;
	const char *stack;
	const char *scenario; /**< may be empty */
	int64_t cores_low;    /**< 0: not said */
	int64_t cores_high;
	double value;
	double rounding;  /**< half a unit of the last digit that was printed */
	const char *text; /**< the value as it was printed */
};

struct reference {
	const char *name;   /**< the file's name without folder and suffix */
	const char *source; /**< its comments; may be empty */
	struct reference_configuration
		*configurations; /**< by scenario, stack, cores: in the order of the file */
	size_t n_configurations;
	struct reference_claim *claims;
	size_t n_claims;
	struct intern strings; /**< where all texts live; equal ones are the same pointer */
};

/** The name and the unit of a kind of claim, for people: "speed-up", "s". */
struct claim_info {
	const char *name; /**< as in the file */
	const char *title;
	const char *unit;
	int decimals;
};

extern const struct claim_info claim_table[CLAIM_COUNT];

/**
 * Open a reference: a CSV file, or one of those that come with guestscope by its name (without
 * ".csv"). -ENOENT, -EACCES, ...: it cannot be read; -EBADMSG: a column is missing, a number is
 * none, it has no runs, a repetition is there twice. The message names file and line.
 */
int reference_open(const char *name, struct reference **ret, struct error *error);

void reference_free(struct reference *r);

static inline void reference_freep(struct reference **r)
{
	reference_free(*r);
}

#define _cleanup_reference_ __attribute__((cleanup(reference_freep)))

/** The configuration, by text; or NULL. */
const struct reference_configuration *reference_configuration(
	const struct reference *r, const char *stack, const char *scenario, int64_t cores);

/** The claim of that kind about exactly this configuration, or NULL. */
const struct reference_claim *reference_claim(const struct reference *r, enum claim_kind kind,
	const char *stack, const char *scenario, int64_t cores);
