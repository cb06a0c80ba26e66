/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** How many workers there are, and where they are bound. */

#include "workload/pin.h"

/**
 * @pin is what the option -pin says; *cores, 0 for all that the program may use, becomes a number.
 * *ret_map is NULL where nothing is bound. 0; -ERANGE with a message: there are not so many; or as
 * pin_map_new().
 */
int workers_choose(const char *pin, unsigned *cores, struct pin_map **ret_map, struct error *error);
