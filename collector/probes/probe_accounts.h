/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What the programs have summed, when the books end: intervals that are still open are charged by the
 * rules of probes/charge.h, and parts become phases.
 */

#include <stddef.h>
#include <stdint.h>

#include "collector/books/books.h"
#include "collector/probes/probe_set.h"

/**
 * The books end at @end_ns (an instant that probe_set_phase() returned, or the present): close the
 * gate, wait until no program runs any more, fetch what is left, charge the open intervals.
 */
void probe_set_finish(struct probe_set *p, uint64_t end_ns);

/** After probe_set_finish(), and in mid-run for its state: a lane's record, the next behind it. */
const struct lane_record *probe_set_lane(const struct probe_set *p, unsigned lane);

/** Every thread that floats and lives, as if the books ended at @until_ns. */
void probe_set_threads(
	const struct probe_set *p, uint64_t until_ns, probe_thread_t thread, void *userdata);

/** Every account with a detail, and helpers, malloced. After probe_set_finish(). -ENOMEM. */
int probe_set_accounts(const struct probe_set *p, struct counted_account **ret, size_t *ret_n);
