/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The keeper: a small process that cleans up after the collector, however that ends.
 *
 * What the collector makes and what would outlive it (containers, images, folders) is
 * registered here the moment before it is made, and taken off the list
 * when it was removed orderly. The keeper waits at the other end of a socket, in a session of its
 * own, with the terminal's signals ignored. When the socket closes, because the collector is done
 * or because it was killed, the keeper removes what is still on its list, the last registered
 * first, and exits.
 *
 * Start it before any thread and while few descriptors are open. Not thread-safe: one thread uses
 * it. A NULL keeper is allowed where one is passed to add and remove: then nothing happens.
 */

#include "common/error.h"

struct keeper;

enum keeper_kind {
	KEEPER_CONTAINER, /**< "docker NAME": see engine_owns() for which names are allowed */
	KEEPER_IMAGE,     /**< "docker NAME" */
	KEEPER_FOLDER,    /**< a path: see tree_may_remove() for which are allowed */
};

/** Fork the keeper. -errno of socketpair or fork. */
int keeper_start(struct keeper **ret, struct error *error);

/**
 * Put @what on the list. Refused with -EPERM if it is not something of ours, -EINVAL if it is not
 * understood or too long (4 KiB), -EPIPE if the keeper is gone.
 */
int keeper_add(struct keeper *k, enum keeper_kind kind, const char *what, struct error *error);

/** Take @what off the list, as it was registered. Unknown: nothing happens. */
void keeper_remove(struct keeper *k, enum keeper_kind kind, const char *what);

/**
 * Let the keeper clean what is left, wait for it, release @k (NULL is fine).
 * 0, or -EIO with the first thing that could not be removed and why.
 */
int keeper_finish(struct keeper *k, struct error *error);
