/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What `noise` reports: distributions, by markers (workload/distribution.h). */

#include "collector/run/run_internal.h"

void run_take_distribution(struct run *run, const struct marker *m);
void run_take_buckets(struct run *run, const struct marker *m);
void run_take_largest(struct run *run, const struct marker *m);

/**
 * After the run: leave out, with a warning, those that did not come whole; move instants to the
 * host's clock; sum them up. -ENOMEM.
 */
int run_close_distributions(struct run *run);
