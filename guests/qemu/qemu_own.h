/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** QEMU's command line where its words are the user's. */

#include <stdbool.h>

#include "common/error.h"
#include "guests/guest.h"

/** @words with what measuring needs, and the monitor at @socket. Malloced; -EINVAL as the user's mistake; -ENOMEM. */
int qemu_own_argv(const struct guest_spec *spec, char *const *words, const char *socket,
	char ***ret, struct error *error);

/** What follows the option @name, written with one dash or two; NULL: there is no such option. */
const char *qemu_own_option(char *const *words, const char *name);

/** Do they say that Linux is to lie where it was linked? */
bool qemu_own_is_fixed(char *const *words);

/** @text with two commas for each, as a value of an option of QEMU's needs. Malloced; NULL: no memory. */
char *qemu_double_commas(const char *text);
