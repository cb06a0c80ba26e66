/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Why B takes longer than A, or less long: states of the books, function, step of the boot. */

#include "reports/diff/diff.h"
#include "reports/explain/explain.h"
#include "reports/text/columns.h"

/** The function, or the step of the boot, that changed most in the direction of the whole. */
struct culprit {
	const char *name;   /**< the store's; NULL: none is told from chance */
	const char *module; /**< of a function; may be empty */
	double ns;          /**< so much longer (shorter: less than 0), per run and lane */
};

struct cause {
	struct contrast contrast; /**< of run time: of the two that takes longer, first */
	struct culprit function;  /**< of run time; of CPU time */
	struct culprit step;      /**< of boot */
	char *text;               /**< one sentence or two; may be empty */
};

/** Find it, for that quantity; of a metric nothing is said. -ENOMEM, -EBADMSG. */
int cause_find(const struct diff *d, const char *what, struct cause *ret);

void cause_clear(struct cause *c);

/** In documents: `cause`, `causes`, `function`, `boot_step`. */
extern const struct column cause_columns[];
