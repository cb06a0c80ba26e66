/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What `noise` reports: distributions, by markers (workload/distribution.h). */

#include "collector/run/run_internal.h"

void run_take_distribution(struct run *run, const struct marker *m);
void run_take_buckets(struct run *run, const struct marker *m);
void run_take_largest(struct run *run, const struct marker *m);
void run_take_series(struct run *run, const struct marker *m);
void run_take_values(struct run *run, const struct marker *m);

/** The distribution that @m names, or NULL. */
struct run_distribution *run_find_distribution(struct run *run, const struct marker *m);

/** After the run: move the series to the host's clock, or leave it out, with a warning. */
void run_close_series(struct run *run, struct run_distribution *d);

/**
 * After the run: leave out, with a warning, those that did not come whole; move instants to the
 * host's clock; sum them up. -ENOMEM.
 */
int run_close_distributions(struct run *run);
