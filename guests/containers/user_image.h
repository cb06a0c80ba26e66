/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * An image of the user's own, measured as it is. It is never pulled, changed or removed; what it says of
 * itself is not trusted.
 */

#include "common/error.h"
#include "guests/containers/engine.h"

/** Start with { 0 }. */
struct user_image {
	char *id;       /**< hexadecimal: the engine's digest of its configuration and layers */
	char **entry;   /**< its entry point, NULL-ended; may be empty */
	char **command; /**< its command, the same */
	char *path;     /**< $PATH in it */
	char *folder;   /**< that it runs in, absolute */
};

/** What image @name is. -ENOENT: it is not here, with the command that brings it; -EPROTO: the engine's
 * answer is not understood; what engine_ask() gives. */
int user_image_read(
	const struct engine *e, const char *name, struct user_image *ret, struct error *error);

void user_image_done(struct user_image *i);

/**
 * Where in the image @name the program @called is, as execve() would want it: absolute. A bare name is
 * looked for in the folders of $PATH, in a container that is made for that, never started, called
 * @container, and removed. *ret is malloced. -ENOENT, -EIO, with a message.
 */
int user_image_find(const struct engine *e, const char *name, const struct user_image *i,
	const char *called, const char *container, char **ret, struct error *error);
