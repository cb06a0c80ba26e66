/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The keeper's list: what it holds, what may be on it, how each kind is removed. */

#include <stddef.h>

#include "common/error.h"
#include "guests/keeper/keeper.h"

#define KEEPER_WHAT_MAX 4096

struct keeper_entry {
	int kind;
	char *what;
};

/** Start with { 0 }. */
struct keeper_list {
	struct keeper_entry *entries;
	size_t n;
};

/** May @what be on a list? 0, -EPERM, -EINVAL with the reason. Both sides of the socket ask. */
int keeper_list_allowed(int kind, const char *what, struct error *error);

/** Add an entry if it is allowed. Without memory for it the entry is lost: nobody could be told. */
void keeper_list_add(struct keeper_list *list, int kind, const char *what);

/** Drop an entry; unknown ones are ignored. */
void keeper_list_drop(struct keeper_list *list, int kind, const char *what);

/** Remove all things on the list, the last added first, and empty it. @failed hears what remained.
 */
void keeper_list_clean(
	struct keeper_list *list, void (*failed)(const char *text, void *userdata), void *userdata);
