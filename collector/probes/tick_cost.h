/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What one tick of the sampling clock costs on this machine, and the sampling frequency that
 * follows from it. In a virtual machine each tick may have to leave that machine, which makes it
 * ten times as expensive as on hardware: a fixed frequency is either too coarse or too costly.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

/**
 * Of a CPU, for all ticks of the chosen frequency. The books take up to 0.2 % beside them
 * (bench/README.md), and both together shall stay below 0.5 %.
 */
#define TICK_BUDGET_PERCENT 0.3
#define TICK_HZ_HIGH        1000 /**< above that what a frequency of the user's own takes is measured */
#define TICK_PERCENT_SAID   2.0 /**< what a frequency of the user's own may take without a word */
#define TICK_HZ_MIN         49
#define TICK_HZ_MAX         997
#define TICK_HZ_UNKNOWN     199 /**< where the cost cannot be measured */

struct tick_cost {
	uint64_t ns;    /**< that a tick takes from a computing thread, from the median gap */
	unsigned ticks; /**< that were seen */
};

/**
 * Measure, for a third of a second, with the very programs of a run: the calling thread computes
 * and is sampled meanwhile. A tick costs twice the gap that it leaves in the thread's own clock
 * readings: what the thread loses afterwards to cold caches is about as much again. -ENODATA, with a message, if too
 * few ticks were seen; else as probe_set_open().
 */
int tick_cost_measure(struct tick_cost *ret, struct error *error);

/**
 * The highest frequency, in Hz, whose ticks of @tick_ns take less than TICK_BUDGET_PERCENT; never
 * below TICK_HZ_MIN nor above TICK_HZ_MAX. It shares no factor with 2, 3 or 5, so it is neither a
 * divisor nor a multiple of any kernel tick in use (100, 250, 300, 1000 Hz): samples do not march
 * in step with the kernel's own work.
 */
unsigned tick_cost_frequency(uint64_t tick_ns);

/** What @hz ticks a second of @tick_ns take, in percent of a CPU. */
double tick_cost_percent(uint64_t tick_ns, unsigned hz);
