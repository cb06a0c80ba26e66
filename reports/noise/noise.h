/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What the distributions, series and detours of the workload noise mean: what in them is periodic, and what they make of
 * a program of very many ranks. Of each configuration, over its counted runs. docs/noise.md and docs/statistics.md describe it.
 */

#include "reports/statistics/levels.h"
#include "reports/statistics/spectrum.h"
#include "reports/summary/summary.h"

#define NOISE_NAME_MAX  128
#define NOISE_WORDS_MAX 256

/** A peak of a spectrum. */
struct noise_peak {
	double hz, width_hz;
	double height; /**< over the background */
	double share;  /**< of the variance: 0 to 1 */
	double whole;  /**< 1 */
	bool named;    /**< a timer tick's, or a multiple of it */
	int multiple;  /**< of a tick, or of the frequency of another peak; 0: of none */
	char name[NOISE_NAME_MAX];
};

/** Of the series of a configuration's workers. */
struct noise_spectrum {
	struct spectrum spectrum;
	double bin_hz;                      /**< width of a bin */
	double quantum_ns;                  /**< from one value to the next */
	double series, values, total;       /**< how many; values that are kept, of how many */
	double host_tick_hz, guest_tick_hz; /**< NAN: not known, or there is none */
	char note[4 *
		  NOISE_NAME_MAX]; /**< a tick that cannot be seen at this quantum; may be empty */
	struct noise_peak *peaks;  /**< in order of frequency */
	size_t n_peaks;
};

/** What noise makes of a bulk-synchronous program: all ranks wait for the last one after each step. */
struct noise_amplification {
	const char *kernel; /**< by which it was measured: fwq, ftq, detour */
	bool together; /**< the lanes of a run are ranks that are held up at the same instants; else each
				 rank for itself */
	const char *without; /**< this cause removed; NULL: as measured */
	double ranks;
	double work_ns;       /**< of a step, where nothing disturbs */
	double measured;      /**< steps in all runs from which those of the ranks are drawn */
	struct estimate slow; /**< mean time of a step over its work; interval over the runs */
	bool at_least;        /**< it is mostly the longest step ever measured that is waited for */
	struct estimate
		gain; /**< of @without: share of the time as measured that it would bring; else NAN */
	double steps; /**< simulated; of these: */
	double p50_ns, p99_ns;
};

/** What is asked. */
struct noise_question {
	const double *ranks;
	size_t n_ranks;
	double steps;
	double work_ns; /**< of ftq and detour; of fwq it is the quantum */
	void (*progress)(double share, void *userdata); /**< of a long simulation; may be NULL */
};

/** 10^3 to 10^6 ranks, 10^4 steps of a millisecond. */
extern const struct noise_question noise_usual_question;

/** A detour. */
struct noise_point {
	int64_t lane;
	double begin_ns; /**< since measuring began */
	double length_ns;
	size_t cause;
};

struct noise_cause {
	const char *name;
	double detours, ns; /**< that have it; of these its time */
	size_t first;       /**< its place in order of the longest detour of each */
};

/** Detours of the run with the median run time, those that are kept one by one. */
struct noise_signature {
	const struct store_run *run;
	double begin_ns;            /**< of measuring, the store's clock */
	struct noise_point *points; /**< the longest first */
	size_t n;
	struct noise_cause *causes; /**< those that took most time first */
	size_t n_causes;
};

/** What is known of a configuration. */
struct noise_of {
	const struct configuration *configuration;
	struct noise_spectrum *spectrum;       /**< NULL: there are no series, or too short ones */
	struct noise_signature *signature;     /**< NULL: no detours are kept */
	struct noise_amplification *amplified; /**< as measured; then without each cause */
	size_t n_amplified;
	struct levels levels; /**< runs 0: nothing can be said */
	char missing
		[NOISE_WORDS_MAX]; /**< why there is no estimate for many ranks; "": there is, or this is no noise */
};

struct noise {
	struct noise_of *list; /**< as the summary's configurations */
	size_t n;
	bool any;     /**< some has something */
	bool missing; /**< of some it is told why not */
};

/** Is it the last configuration of its stack, which has most cores, of those that @has something? */
bool noise_is_last_of_stack(
	const struct noise *n, size_t i, bool (*has)(const struct noise_of *of));

/** Is this row of ->amplified shown under the one before it? */
bool noise_goes_on(const struct noise_of *n, size_t i);

/** "6 series of ftq, 30,000 values in all, one each 1.000 ms" */
void noise_spectrum_words(const struct noise_spectrum *s, char ret[NOISE_WORDS_MAX]);

/** "5 runs of 10,000 values: σ within a run 1.2 µs, from run to run 300 ns; best for the time: about 900 values a run" */
void noise_levels_words(const struct levels *l, char ret[NOISE_WORDS_MAX]);

/** Is the peak one of the @most that have most of the variance? */
bool noise_peak_is_among(const struct noise_spectrum *s, size_t peak, size_t most);

/** Work it out. The summary must outlive it. -ENOMEM, -EBADMSG with store_reader_error(). */
int noise_make(const struct summary *s, const struct noise_question *question, struct noise **ret);

void noise_free(struct noise *n);

static inline void noise_freep(struct noise **n)
{
	noise_free(*n);
}

#define _cleanup_noise_ __attribute__((cleanup(noise_freep)))
