/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** How many workers there are, where they are bound, and what they did. */

#include "workload/pin.h"
#include "workload/runtime.h"

/**
 * @pin is what the option -pin says; *cores, 0 for all that the program may use, becomes a number.
 * *ret_map is NULL where nothing is bound. 0; -ERANGE with a message: there are not so many; or as
 * pin_map_new().
 */
int workers_choose(const char *pin, unsigned *cores, struct pin_map **ret_map, struct error *error);

/** A marker `worker` for each of @n, which runtime_stop() has ended. 0, or as emit_marker(). */
int workers_report(const struct runtime *rt, const struct pin_map *map, unsigned n);
