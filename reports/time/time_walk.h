/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The store's timeline, item by item. */

#include "common/error.h"
#include "common/timeline_code.h"
#include "reports/store/store_reader.h"

/** What a number in the timeline of a run means: a row of timeline_detail. */
struct time_meaning {
	const char *state, *detail;
	const char *taken_by; /**< empty: by nobody */
};

/** Where an item is. */
struct time_place {
	int64_t run, lane;
	const char *phase;
	const struct time_meaning *meanings; /**< by number; an item has none that is not here */
	size_t n_meanings;
};

typedef int (*time_visit_t)(
	const struct time_place *place, const struct timeline_item *item, void *userdata);

/** Has the store a timeline? */
bool time_is_there(struct store_reader *store);

/**
 * Visit the items of @run, or of all where it is STORE_NULL, by run, lane and time. -EBADMSG with a
 * message where they are damaged, -ENOMEM, or the error of @visit.
 */
int time_walk(struct store_reader *store, int64_t run, time_visit_t visit, void *userdata,
	struct error *error);

/** Read what the numbers of @run mean. Free the list. Errors as above, without a message. */
int time_meanings(
	struct store_reader *store, int64_t run, struct time_meaning **ret, size_t *ret_n);
