/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Removing folders that we made, and never anything else. The collector may run as root, so this
 * is deliberately narrow.
 */

#include "common/error.h"

/** What the name of every temporary folder of ours begins with. */
#define TREE_PREFIX "guestscope-"

/**
 * Could tree_remove() remove @path, by its form alone? It must be absolute, without "//", "." and
 * "..", and it or a folder above it must have a name that begins with TREE_PREFIX.
 * 0 or -EPERM with the reason.
 */
int tree_may_remove(const char *path, struct error *error);

/**
 * Remove the folder @path and all in it. From the first component whose name begins with
 * TREE_PREFIX on, symbolic links are not followed and every folder must belong to us (the
 * effective user); other file systems mounted inside are not entered.
 *
 * 0 (also where there is nothing of that name), -EPERM if it is not ours to remove, -EBUSY if
 * something is mounted in it, -errno of what failed; as much as can be removed is.
 */
int tree_remove(const char *path, struct error *error);
