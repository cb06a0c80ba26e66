/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files behind noise.h share; nobody else includes this. */

#include "reports/noise/noise.h"
#include "reports/noise/replay.h"

/** Can it have been measured for so long in that run? */
bool noise_time_fits(const struct store_run *run, double ns);

/** A series of the store: a worker's values of equal times, in order. */
struct noise_series {
	const struct store_run *run;
	int64_t worker;
	double begin_ns, step_ns, tick_ns; /**< tick_ns: NAN where it is not known */
	double total;
	double *values; /**< ns each */
	size_t n;
};

struct noise_series_list {
	struct noise_series *list;
	size_t n;
};

/** Those of the counted runs of @c, by run and worker. -ENOMEM, -EBADMSG. */
int noise_series_read(
	const struct summary *s, const struct configuration *c, struct noise_series_list *ret);

void noise_series_clear(struct noise_series_list *l);

#define _cleanup_noise_series_ __attribute__((cleanup(noise_series_clear)))

/** *ret NULL: there are none. -ENOMEM, -EBADMSG. */
int noise_signature_make(
	const struct summary *s, const struct configuration *c, struct noise_signature **ret);

void noise_signature_free(struct noise_signature *s);

/** Fills ret->amplified. -ENOMEM, -EBADMSG. */
int noise_amplify(const struct summary *s, const struct noise_series_list *l,
	const struct noise_question *question, struct noise_of *ret);

/** runs 0 where there are no distributions of iterations. -ENOMEM, -EBADMSG. */
int noise_levels_make(const struct summary *s, const struct configuration *c, struct levels *ret);

/** Fills ret->missing, once it is known what there is. -ENOMEM, -EBADMSG. */
int noise_say_missing(const struct summary *s, const struct noise_series_list *l,
	const struct noise_question *question, struct noise_of *ret);

/** *ret NULL: they have none. -ENOMEM. */
int noise_spectrum_make(
	const struct summary *s, const struct noise_series_list *l, struct noise_spectrum **ret);

void noise_spectrum_free(struct noise_spectrum *s);

/** What a detour took of a lane's time until a point of it. */
struct noise_taken {
	size_t lane, point;
	const char *cause; /**< the store's: one pointer for all of that name */
	double ns;
};

/** The lanes of one run as replay() takes them. */
struct noise_lanes {
	struct replay_lane *list;
	size_t n;
	struct noise_taken *taken; /**< by lane and point */
	size_t n_taken;
};

/** By the series of @run. -ENOMEM. */
int noise_lanes_of_series(
	const struct noise_series_list *l, const struct store_run *run, struct noise_lanes *ret);

/**
 * By the detours of @run, those that are kept; what the others took is spread over the rest of the time. Without detours, or
 * where those of a lane do not make up what was measured on it: no lanes. -ENOMEM, -EBADMSG.
 */
int noise_lanes_of_detours(
	const struct summary *s, const struct store_run *run, struct noise_lanes *ret);

/** What @cause took of the detours that have it is taken out (NULL: nothing is). */
void noise_lanes_without(struct noise_lanes *l, const char *cause);

void noise_lanes_clear(struct noise_lanes *l);

#define _cleanup_noise_lanes_ __attribute__((cleanup(noise_lanes_clear)))
