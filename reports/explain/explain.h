/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Why a stack scales as it does, why its runs differ, why two stacks differ: exact splits of those
 * quantities over the books' states.
 *
 * Of a run that takes T, C̄ₖ is the mean over its lanes of the time in state k, and T = Σₖ C̄ₖ, the
 * residual being a state. With means over the runs of a configuration:
 *
 *   speed-up      N·T(N) − T(1) = Σₖ (N·C̄ₖ(N) − C̄ₖ(1))      also of each phase
 *   difference    T_A − T_B     = Σₖ (C̄ₖᴬ − C̄ₖᴮ)             also of each phase
 *   variance      Var(T)        = Σₖ Cov(T, C̄ₖ)              over the runs of a configuration
 *
 * Each is exact: the terms sum to the whole but for the rounding of doubles, which is asserted. A
 * term may be split further, by phase and by detail; those parts sum to it likewise.
 *
 * k is a state, but for what a guest's run queues tell of it: time in which a vCPU had nothing to run while a thread
 * was queued for another one (lost parallelism), and time in which the host ran something else while threads were
 * queued for the vCPU (double scheduling), are terms of their own, taken out of the states in which they lie.
 */

#include <stdbool.h>
#include <stddef.h>

#include "reports/statistics/modes.h"
#include "reports/statistics/statistics.h"
#include "reports/statistics/tails.h"
#include "reports/summary/boot.h"
#include "reports/summary/summary.h"

/** One part of a whole. */
struct term {
	const char *phase;  /**< NULL: of the window */
	int state;          /**< enum lane_state or TERM_...; -1: all states of the phase */
	const char *detail; /**< NULL: the whole state */
	double value;       /**< ns; of a variance ns² */
	struct interval
		range; /**< 95 %, bootstrap; NAN: cannot be said, or below one in two hundred */
	double share;  /**< of the whole; NAN: the terms cancel nearly all of each other */
};

/** The same as a multiple of @unit. */
struct term term_over(const struct term *t, double unit);

struct terms {
	struct term *list; /**< what the header of each explanation says; largest first */
	size_t n;
};

/**
 * Causes are the terms that people ask for, and what the words are made of: a term for each serial
 * phase (phase set, state -1; of a scaling only), and for all else together: STATE_USER without
 * detail for the program's own code, be it in user mode or a guest's; STATE_GUEST with the guest's
 * subsystem as detail; each other state; lost parallelism and double scheduling. They sum to the whole, too.
 */

/** A phase of a configuration on several cores: is it parallel? */
struct phase_scaling {
	const char *name;
	struct estimate wall_ns;     /**< on N cores */
	struct estimate wall_one_ns; /**< on one */
	double active;               /**< mean number of lanes that are not blocked, on N cores */
	bool serial;                 /**< active is at most SERIAL_LANES, and one core takes at most
					SERIAL_LANES times as long */
	struct estimate loss_ns; /**< N·T(N) − T(1) of this phase; weak: N·T(N) − N·T(1) */
};

/** A phase whose lanes are busy no more than this in the mean, and which is no more times as fast on
 * many as on one, is called serial, where there are other phases. */
#define SERIAL_LANES 1.25

/**
 * Is it more work, or slower work? Means on N cores over means on one, from the counters, which run
 * as long as the lanes do. NAN: the machine does not count that, or not in every run.
 */
struct work {
	double instructions;           /**< sum over the lanes: more work */
	double cycles_per_instruction; /**< slower: siblings of a core, caches, memory */
	double ns_per_cycle;           /**< slower: clock frequency */
	size_t machine_cores; /**< with more lanes than that, some are siblings; 0: not known */
};

/** A stack on N cores against itself on one. */
struct scaling {
	const struct configuration *one;
	const struct configuration *many;
	bool weak;                   /**< N cores had N times the work: its need is N·T(1) */
	struct estimate speedup;     /**< T(1) / T(N); weak: N·T(1) / T(N) */
	struct estimate efficiency;  /**< of that, over N */
	struct estimate loss_ns;     /**< N·T(N) − T(1); weak: N·T(N) − N·T(1) */
	struct terms states;         /**< sum to loss_ns: one for each state */
	struct terms phases;         /**< sum to loss_ns: one for each phase */
	struct terms parts;          /**< sum to loss_ns: for each phase and state */
	struct terms details;        /**< sum to loss_ns: for each phase, state and detail */
	struct terms causes;         /**< sum to loss_ns: see above */
	struct phase_scaling *phase; /**< in order of time, window only */
	size_t n_phases;
	struct estimate serial_share; /**< of T(1), in serial phases; NAN: not known */
	struct work work;
	struct estimate amdahl; /**< bound of the speed-up: 1 / (f + (1 − f) / N); weak: NAN */
};

/** Two configurations of the same cores and scenario, or the two halves of an A/A control. */
struct contrast {
	const struct configuration
		*a; /**< of the two the one whose mean run time is longer, or whose
				 metric is worse (larger, where neither is said to be) */
	const struct configuration *b;
	const struct configuration_metric
		*metric; /**< a's; NULL: run time; else @values, and no terms */
	bool control;    /**< the same stack, told apart by the label alone */
	union {
		struct comparison runtime;
		struct comparison values; /**< of the metric */
	};
	struct comparison boot;
	struct terms states; /**< sum to the difference of mean run times */
	struct terms parts;  /**< by phase and state */
	struct terms details;
	struct terms causes;
	double noise_ns; /**< what an A/A control of these cores makes, at most, in ns or as the
			    metric is; NAN: there is none */
	bool differs;    /**< Holm's p is below 5 %, and the difference is above the noise */
};

/** The runs of two neighbouring modes, as if they were two stacks. */
struct mode_gap {
	struct configuration slow, fast; /**< configuration_subset() */
	struct contrast
		contrast; /**< of these; no p of it means anything: the runs were parted by what it compares */
	struct boot_changes boot;
};

struct mode_gaps {
	struct mode_gap *list; /**< one less than there are modes; or none, where books lack */
	size_t n;
};

/** Why the runs of a configuration differ; of a metric only how they do. */
struct spread {
	const struct configuration *configuration;
	const struct configuration_metric
		*metric;      /**< NULL: run time; else @values, and no terms */
	double variance;      /**< of run time, ns², divisor n - 1 */
	struct terms states;  /**< sum to it: Cov(T, C̄ₖ) */
	struct terms details; /**< sum to it */
	struct terms causes;  /**< sum to it: see above */
	struct terms phases;  /**< sum to it: Cov(T, T_phase) */
	union {
		struct description runtime;
		struct description values; /**< of the metric */
	};
	struct description boot;
	struct repetitions one_percent; /**< for a mean ± 1 % */
	bool *outlier;                  /**< of the series' runs */
	size_t n_outliers;
	struct modes modes, boot_modes; /**< of run time or the metric; of the boot */
	struct mode_gaps gaps, boot_gaps;
	struct tails tails; /**< of run time or the metric */
	struct order_effects order;
	double drift_p; /**< order.rho_p, first_p, warmup_p, each corrected (Holm) for the number of
			 */
	double first_p; /**< configurations */
	double warmup_p;
};

/** Drift of the whole experiment: each run over its configuration's mean, against its place. */
struct drift {
	size_t n;
	double rho;
	double p;
	double slope; /**< median of slopes (Theil and Sen): share of the mean for each place */
	double span;  /**< places from the first run to the last */
};

/** The function that most samples of a configuration's lanes are in. */
struct top_function {
	const char *symbol; /**< the store's; NULL: not known */
	double share;       /**< of all their samples */
};

struct explanation {
	const struct summary *summary; /**< borrowed */
	struct top_function
		*tops; /**< as the summary's configurations; who knows the samples fills it in */
	struct scaling *scalings; /**< in order of the configurations */
	size_t n_scalings;
	/** One for each configuration with a run, in order of the configurations. */
	struct spread *spreads;
	size_t n_spreads;
	struct contrast *contrasts;
	size_t n_contrasts;
	struct spread *metrics; /**< one for each metric of each configuration, by metric */
	size_t n_metrics;
	struct contrast *metric_contrasts; /**< by metric */
	size_t n_metric_contrasts;
	struct drift drift;
};

/** Is it the only one that was measured on so many cores in its scenario? What is said of it then is where its time went. */
bool configuration_is_alone(const struct summary *s, const struct configuration *configuration);

/** Work everything out. -ENOMEM. The summary must outlive it. */
int explanation_make(const struct summary *s, struct explanation **ret);

void explanation_free(struct explanation *e);

static inline void explanation_freep(struct explanation **e)
{
	explanation_free(*e);
}

#define _cleanup_explanation_ __attribute__((cleanup(explanation_freep)))

/**
 * One finding: a sentence in plain words, made from measured facts alone.
 * @good says how to show it: nothing to object, or something the reader must know.
 */
struct verdict {
	bool good;
	bool fault; /**< a run failed, books do not close, clocks do not agree; not good */
	char text[2048];
};

#define VERDICTS_MAX 96

/** Fill @ret with the findings (at most @max); returns how many. */
size_t explanation_verdicts(const struct explanation *e, struct verdict *ret, size_t max);

/**
 * What a reader should know first, in fewer words: all faults; then, of each scenario, on the most
 * cores of most stacks, why the slowest stack is slower, which one is fastest, metrics; what costs
 * most speed-up; then all else that is not good.
 */
size_t explanation_brief(const struct explanation *e, struct verdict *ret, size_t max);

/*
 * The same in words: one paragraph each, which claims no more than the intervals allow. A name from
 * the store is as untrusted here as there.
 */
void scaling_words(const struct scaling *x, struct verdict *ret);
void contrast_words(const struct contrast *x, struct verdict *ret);
void spread_words(const struct spread *x, struct verdict *ret);

/** Of @n contrasts, among which @x is: is its b the best of its group, which is no other's worse
 * one? */
bool contrast_is_with_best(const struct contrast *list, size_t n, const struct contrast *x);

/** Why stacks are not compared by @metric: the thresholds of their detours differ. Empty: they are. */
struct not_compared {
	char text[512];
};

struct not_compared explanation_not_compared(const struct explanation *e, const char *metric);

/** How the run times of two configurations differ, and why; they may be of two stores. clear it in the end. -ENOMEM. */
int contrast_make(
	const struct configuration *a, const struct configuration *b, struct contrast *ret);

void contrast_clear(struct contrast *x);

/** Add its causes: "2.1 ms [1.9, 2.3] the program’s own code, ..."; or that there are none. */
void contrast_say_causes(const struct contrast *x, bool brief, struct verdict *v);

/** Is that phase of the window one of the serial ones? @x may be NULL. */
bool scaling_is_serial(const struct scaling *x, const char *phase);

/** Does the work of any configuration grow with its cores? */
bool explanation_is_weak(const struct explanation *e);

/** The explanation of that configuration, or NULL. */
const struct scaling *explanation_scaling(
	const struct explanation *e, const struct configuration *many);
const struct spread *explanation_spread(
	const struct explanation *e, const struct configuration *configuration);
