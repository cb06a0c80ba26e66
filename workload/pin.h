/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Which processors the program may use, and binding a thread to one of them, by hwloc.
 *
 * Lanes are dealt to processing units (PUs) one for each physical core first, in hwloc's logical
 * order, then the second hardware thread of each core, and so on.
 */

#include "common/error.h"

struct pin_map;

/** Look at the machine. 0, -ENOMEM, or -EIO with a message. pin_map_free() it. */
int pin_map_new(struct pin_map **ret, struct error *error);

void pin_map_free(struct pin_map *map);

/** For _cleanup_. */
static inline void pin_map_freep(struct pin_map **map)
{
	pin_map_free(*map);
}

/** How many PUs the program may use. */
unsigned pin_map_count(const struct pin_map *map);

/** The operating system's number of the PU of lane @lane (< pin_map_count()). */
unsigned pin_map_cpu(const struct pin_map *map, unsigned lane);

/** Bind the calling thread to the PU of @lane. Any thread may call it. 0 or a negative errno. */
int pin_map_bind(const struct pin_map *map, unsigned lane);

/** How many processors the program may use, without hwloc; at least 1. */
unsigned pin_count_plain(void);
