/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files behind explain.h share; nobody else includes this. */

#include "reports/explain/explain.h"

/** One part of a whole, run by run, in one or two configurations. */
struct item {
	const char *phase;
	int state;
	const char *detail;
	const double *a; /**< sums over the lanes of a's runs; NULL: nothing */
	const double *b; /**< of b's runs */
	double *own_a;   /**< memory of the item itself behind them, or NULL */
	double *own_b;
};

struct items {
	struct item *list;
	size_t n;
};

/** How fine a whole is split. */
enum grain { GRAIN_STATE, GRAIN_PHASE, GRAIN_PART, GRAIN_DETAIL, GRAIN_CAUSE };

/** One more; takes its own memory, which is freed on failure, too. -ENOMEM. */
int items_add(struct items *items, const struct item *item);

/** The causes (see explain.h) of the windows of @a and @b; serial phases by @scaling, if any. */
int items_causes(const struct configuration *a, const struct configuration *b,
	const struct scaling *scaling, struct items *ret);

void items_clear(struct items *items);

#define _cleanup_items_ __attribute__((cleanup(items_clear)))

/** θ = scale_a · mean(a) − scale_b · mean(b) */
struct split {
	const struct configuration *a;
	const struct configuration *b;
	double scale_a;
	double scale_b;
	double whole;                  /**< what the terms must sum to */
	double scale;                  /**< what is small beside this needs no interval */
	struct bootstrap *draws;       /**< of a's runs and b's */
	const struct scaling *scaling; /**< which phases are serial; NULL: do not ask */
};

/** The terms of a difference of means; asserts that they sum to the whole. -ENOMEM. */
int split_difference(const struct split *split, enum grain grain, struct terms *ret);

/** The terms of the variance of @configuration's run time, which is @variance; asserted
 * likewise. */
int split_variance(const struct configuration *configuration, double variance,
	struct bootstrap *draws, enum grain grain, struct terms *ret);

/** Can this configuration's books be explained: every run has a run time and accounts? */
bool is_explainable(const struct configuration *configuration);

/** Is that the program's own code: user mode, or the application in a guest (or all of a guest that
 * was not looked into)? */
bool is_program(int state, const char *detail);

void work_make(const struct summary *s, const struct configuration *one,
	const struct configuration *many, struct work *ret);

int scalings_make(const struct summary *s, struct explanation *e);
int spreads_make(const struct summary *s, struct explanation *e);
int contrasts_make(const struct summary *s, struct explanation *e);
int metrics_make(const struct summary *s, struct explanation *e);

/** Describe @values, one for each run of x->configuration; their order, and which are far from
 * the others, where no run lacks one (@whole). -ENOMEM. */
int spread_describe(struct spread *x, const double *values, bool whole);

/** Correct what is said of order for the number of spreads. -ENOMEM. */
int spreads_correct(struct spread *list, size_t n);

/** Are their detours above thresholds so different that they are not compared by @metric? */
bool thresholds_forbid(
	const struct configuration *a, const struct configuration *b, const char *metric);

/** The most pairs of the summary's configurations that are beside each other. */
size_t contrasts_room(const struct summary *s);

/** Correct comparisons that belong together for their number. -ENOMEM. */
int contrasts_correct(struct contrast *list, size_t n);

/** Which of them are differences, beside what the controls among them make? */
void contrasts_judge(struct contrast *list, size_t n);

/** Compare the two; their boots, too; and split the difference. -ENOMEM. */
int contrast_make(const struct configuration *a, const struct configuration *b, struct contrast *x);

/** The gaps between the modes of @values, one for each run of @whole. -ENOMEM, or what the store says. */
int gaps_make(const struct summary *s, const struct configuration *whole, const double *values,
	const struct modes *modes, struct mode_gaps *ret);

void gaps_clear(struct mode_gaps *gaps);

void scaling_clear(struct scaling *x);
void spread_clear(struct spread *x);
