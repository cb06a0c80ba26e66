/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The boot, taken apart: for each configuration the steps from the stack's start to the program's
 * first marker, over its runs that ended well and count.
 *
 * The steps of a run follow each other without a gap. So that those of a configuration do too, and
 * their means sum to the mean boot, only runs with the same steps go together: the steps that most
 * runs have. How many runs have others (a step that could not be told apart there) is said beside.
 */

#include <stddef.h>
#include <stdint.h>

#include "reports/summary/summary.h"

/** One step of a configuration. Times in ns. */
struct boot_part {
	const char *name;   /**< of common/boot_step.h, perhaps several joined */
	const char *source; /**< what marks its end, in most of the runs */
	size_t n;           /**< runs */
	double mean_ns;
	double stddev_ns; /**< of a sample; NAN where n < 2 */
	double median_ns;
	double min_ns, max_ns;
};

struct boot_configuration {
	const struct configuration *configuration; /**< of the summary */
	struct boot_part *steps; /**< in order of time; the means sum to boot_ns.mean */
	size_t n_steps;
	size_t n_runs;            /**< runs behind the steps */
	size_t n_other;           /**< runs with other steps, which are left out here */
	struct statistic boot_ns; /**< of the runs behind the steps */
};

/** Configurations without steps (older stores, --attach) are not there; the others as in the
 * summary. */
struct boot_report {
	struct boot_configuration *configurations;
	size_t n_configurations;
};

/** Read the steps. -ENOMEM, or -EBADMSG with store_reader_error(). @s must outlive it. */
int boot_report_make(const struct summary *s, struct boot_report **ret);

void boot_report_free(struct boot_report *b);

static inline void boot_report_freep(struct boot_report **b)
{
	boot_report_free(*b);
}

#define _cleanup_boot_report_ __attribute__((cleanup(boot_report_freep)))

/** By how much the mean of one step differs. */
struct boot_change {
	const char *name;
	double ns; /**< in the mean of a less that of b */
};

/** They sum to the difference of the mean boots, largest first. */
struct boot_changes {
	struct boot_change *list;
	size_t n;
};

/** By which steps are boots of the runs of @a longer than those of @b? None where no steps are known. -ENOMEM, -EBADMSG. */
int boot_changes_make(const struct summary *s, const struct run_series *a,
	const struct run_series *b, struct boot_changes *ret);

/** A configuration's steps, or NULL. */
const struct boot_configuration *boot_report_configuration(
	const struct boot_report *b, const struct configuration *configuration);
