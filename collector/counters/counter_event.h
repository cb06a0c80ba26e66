/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** One event: from libpfm4's name to what perf_event_open() takes. Used by counters.c. */

#include <perfmon/pfmlib_perf_event.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"

struct counter_event {
	char *name;
	struct perf_event_attr attr;
	const char *reason; /**< why it is not counted; NULL: it is */
	const char *note;   /**< a limit; NULL: none */
};

/** Make libpfm4 ready; any number of times. 0, or -EIO with the message. */
int counter_event_library(struct error *error);

/**
 * Encode @name. 0; -EINVAL, a user error, if libpfm4 does not know it; -ENOMEM. On success, release
 * with counter_event_done().
 */
int counter_event_encode(const char *name, struct counter_event *ret, struct error *error);

/**
 * Try the event on the calling thread, and set reason and note. Where the kernel refuses an
 * exclusion that does not matter, or to count itself, attr is changed to what it accepts.
 */
void counter_event_probe(struct counter_event *e);

bool counter_event_is_software(const struct counter_event *e);

/** What is counted: thread @tid (0: the caller) wherever it runs; or while it is on @cpu, and with it
 * all threads and processes that it makes from now on. */
struct counter_target {
	pid_t tid;
	bool tree;
	int cpu; /**< of a tree */
};

/** perf_event_open(); @leader -1: a group of its own. */
int counter_event_open(
	const struct perf_event_attr *attr, const struct counter_target *target, int leader);

void counter_event_done(struct counter_event *e);
