/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The timeline's user side: its records become blocks as they come, and its budget goes down as
 * memory fills up.
 */

#include "collector/books/timeline.h"
#include "collector/probes/probe_set.h"

/** After probe_set_finish(): the timeline, which is the caller's from then on, to be freed by
 * timeline_free(); NULL: none was kept. */
struct timeline *probe_set_take_timeline(struct probe_set *p);
