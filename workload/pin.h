/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Which processors the program may use, and binding a thread to one of them, by hwloc.
 *
 * Lanes are dealt to processing units (PUs) one for each physical core first, in hwloc's logical
 * order, then the second hardware thread of each core, and so on; or as a list says.
 */

#include "common/error.h"

struct pin_map;

/** What PIN_VARIABLE says (common/pin_variable.h), or NULL. */
const char *pin_from_environment(void);

/**
 * Look at the machine. @list has the PUs of lanes 0, 1 ... by the operating system's numbers, such
 * as "4,0,2-3", and may name one several times; NULL: as above. 0, -ENOMEM, -EINVAL (no such list
 * or PU; a user error), or -EIO with a message. pin_map_free() it.
 */
int pin_map_new(const char *list, struct pin_map **ret, struct error *error);

void pin_map_free(struct pin_map *map);

/** For _cleanup_. */
static inline void pin_map_freep(struct pin_map **map)
{
	pin_map_free(*map);
}

/** For how many lanes there is a PU: the list's length, or what the program may use. */
unsigned pin_map_count(const struct pin_map *map);

/** The operating system's number of the PU of lane @lane (< pin_map_count()). */
unsigned pin_map_cpu(const struct pin_map *map, unsigned lane);

/** Bind the calling thread to the PU of @lane. Any thread may call it. 0 or a negative errno. */
int pin_map_bind(const struct pin_map *map, unsigned lane);

/** How many processors the program may use, without hwloc; at least 1. */
unsigned pin_count_plain(void);
