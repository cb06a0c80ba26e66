/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files that write sentences share; nobody else includes this. */

#include "reports/explain/explain.h"
#include "reports/summary/summary.h"

/** Add to the sentence; what does not fit is cut, between characters. */
__attribute__((format(printf, 2, 3))) void say(struct verdict *v, const char *format, ...);

/** Of a name that others chose: how many bytes of it a sentence takes ("%.*s"). */
int said_of(const char *name);

struct verdicts {
	struct verdict *list;
	size_t n;
	size_t max;
	bool brief; /**< see explanation_brief() */
};

/** One more, empty; beyond the maximum a spare one that nobody sees. */
struct verdict *verdict_begin(struct verdicts *v, bool good);

/** One more: a fault unless @good. */
struct verdict *verdict_judge(struct verdicts *v, bool good);

/** Is it to be told of? Briefly, of the number of cores that most stacks of the scenario have, and
 * the largest of these. */
bool verdict_is_about(const struct verdicts *v, const struct summary *s,
	const struct configuration *configuration);

/** scaling_words() and contrast_words(); @brief: the main causes alone. */
void scaling_say(const struct scaling *x, bool brief, struct verdict *ret);
void contrast_say(const struct contrast *x, bool brief, struct verdict *ret);

/** What the order of execution has to do with run times; outliers; warm-ups. */
void verdicts_of_order(const struct explanation *e, struct verdicts *v);

/** Programs that wait for whoever reads what they write. */
void verdicts_of_output(const struct summary *s, struct verdicts *v);

/** Guests' clocks against the host's. */
void verdicts_of_clocks(const struct summary *s, struct verdicts *v);

/** Values that come in several heaps. */
void verdicts_of_modes(const struct explanation *e, struct verdicts *v);

/** What came of --until. */
void verdicts_of_until(const struct summary *s, struct verdicts *v);

/** Metrics in which a stack differs from the best one. */
void verdicts_of_metrics(const struct explanation *e, struct verdicts *v);

/** Instead of run times: the metric that @first's group was asked for, where its stacks do not differ by it. */
void verdict_of_noise(
	const struct explanation *e, const struct configuration *first, struct verdicts *v);

/** "in 3 of 8 measured runs", "in the one measured run", "in all 8 measured runs", "in none of the 8 ...". */
void say_in_runs(struct verdict *v, size_t n, size_t of);

/** What a state is called in a sentence. */
void say_state(struct verdict *v, int state);

/** Where the time of a configuration went that is alone: its states, their largest details, the function with most samples. */
void verdict_of_time(
	const struct explanation *e, const struct configuration *configuration, struct verdicts *v);

/** "p < 0.001", "p = 0.013" */
struct format_text format_p(double p);

/** "0.35", "3.4", "34": so many digits that two values can be told apart. */
struct format_text format_points(double value);

/** A named term and how it is written. */
struct naming {
	const struct terms *causes;
	const struct terms *details; /**< what a cause is mostly made of is looked up here */
	const struct scaling
		*scaling;      /**< whose serial phases are no part of other causes, or NULL */
	bool inside;           /**< guests were looked into: their program is told apart */
	double unit;           /**< terms are written as multiples of this, */
	const char *unit_name; /**< with this behind: " %", " s", "" */
	double least;          /**< smaller terms are not named */
	bool brief;            /**< only the largest, without intervals; the rest untold */
	/** Words to follow the program's own code in brackets, or NULL. */
	void (*about_program)(struct verdict *v, const void *userdata);
	const void *userdata;
};

/**
 * "34 [30, 38] the program's own code (...), 15 [14, 16] the serial phase encode, ..., 3 in other
 * causes". Only terms whose interval excludes 0 are named; the others are summed up at the end.
 * False: none could be named.
 */
bool say_causes(struct verdict *v, const struct naming *naming);

/** What a reader has to know where bare is compared with a stack that has files. */
#define NO_PICTURE "bare has no files and writes no picture (-file none)"

/** Fewer than BOOTSTRAP_MIN runs. */
#define NO_INTERVALS " (no interval: that takes 3 runs)"

/** Is bare one of the two, and not the other? */
bool pictures_differ(const struct configuration *a, const struct configuration *b);

/** Was one of the configuration's guests looked into? */
bool is_looked_into(const struct configuration *configuration);

/** What samples saw of the run queues of the configuration's guest: the phase in which each of the two took most, if it is more
 * than 1 %. */
void verdicts_of_queues(const struct configuration *c, struct verdicts *v);

/** The largest cause of detours of the workload noise, and how much has none. */
void verdicts_of_detours(const struct configuration *c, struct verdicts *v);
