/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What decisions are about: run time, boot time, CPU time, metrics of the program; each has a direction. */

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "reports/summary/summary.h"

/** What --metric calls those that are no metrics of the program. */
#define QUANTITY_RUNTIME "runtime"
#define QUANTITY_BOOT    "boot"
#define QUANTITY_CPU     "cpu" /* of the lanes, their sum */

/** What a configuration has of it. */
struct quantity {
	const double *values; /**< for each run of the series; NAN: not known */
	size_t n;
	enum output_wish wish; /**< never WISH_NONE of times */
	bool is_time;          /**< ns */
};

/** False: the configuration has no such numbers; ret->values is NULL then. */
bool quantity_find(const struct configuration *c, const char *what, struct quantity *ret);

/** How many of its values are known. */
size_t quantity_known(const struct quantity *q);

/** "run time", "CPU time"; the others are called what they are. */
const char *quantity_title(const char *what);

/**
 * The next of a list with commas between: *ret is its name, which is constant or the store's, *at what is behind it. -EINVAL,
 * the user's, with a message: the store has no such metric.
 */
int quantity_next(const struct summary *s, const char **at, const char **ret, struct error *error);
