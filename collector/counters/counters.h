/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Hardware and software counters of the lanes, by libpfm4's names of events.
 *
 * Events of one unit are opened as a group, so that their ratios are of the same moments. Where
 * there are more events than counters the kernel takes turns (multiplexing): values are then scaled
 * by enabled / running time. What the machine cannot count has no value, which is not the same as
 * 0.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

struct counter_set;

/** An event, and whether this machine counts it. */
struct counter_info {
	const char *name;        /**< as given, or libpfm4's full name */
	const char *description; /**< may be NULL */
	bool counted;
	const char *reason; /**< why it is not counted, a clause; NULL if it is */
	const char *note;   /**< a limit, such as "user mode only"; NULL: none */
};

typedef void (*counter_each_t)(const struct counter_info *info, void *userdata);

/**
 * A set of events: those of @list (names separated by commas), or, if it is NULL, cycles,
 * instructions, cache and branch misses and the software events. The software events stand in, too,
 * if nothing of @list can be counted here. Each event is tried once on the calling thread.
 * Returns 0, -EINVAL (a user error that names the event nobody knows, or that is named twice),
 * -ENOMEM, -EIO (libpfm4 fails).
 */
int counter_set_new(const char *list, struct counter_set **ret, struct error *error);

/** Close everything. NULL is fine. */
void counter_set_free(struct counter_set *set);

/** Report each event of the set, in its order. */
void counter_set_each(const struct counter_set *set, counter_each_t each, void *userdata);

/**
 * Start counting thread @tid as lane @lane, from now on. Returns 0, -ESRCH (no such thread),
 * -EEXIST (the lane is being counted), -EMFILE, -EACCES, -ENOMEM ...
 */
int counter_set_open(struct counter_set *set, unsigned lane, pid_t tid);

/**
 * The same of the thread @pid and of all threads and processes that it makes from now on, as far as they run
 * on @cpu. A lane may have several, each of which is reported by itself.
 */
int counter_set_open_tree(struct counter_set *set, unsigned lane, pid_t pid, int cpu);

/** Count none of the lanes any more, and forget what was counted. */
void counter_set_close(struct counter_set *set);

/**
 * @value is NULL where the event was not counted; else the count since counter_set_open(), scaled
 * if
 * @running_ns is less than @enabled_ns (then it is an estimate).
 */
typedef void (*counter_read_t)(unsigned lane, const char *name, const int64_t *value,
	uint64_t enabled_ns, uint64_t running_ns, void *userdata);

/**
 * Read all events of all lanes that were opened; it may be done again later, and after a thread has
 * ended. Returns 0, or the first error that reading gave (that event then has no value).
 */
int counter_set_read(struct counter_set *set, counter_read_t read, void *userdata);

/**
 * Report every event that libpfm4 knows for the units of this machine, with its unit masks, and
 * whether it is counted (the kernel's tracepoints are left out). -EIO, -ENOMEM.
 */
int counters_list(counter_each_t each, void *userdata, struct error *error);
