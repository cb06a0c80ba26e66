/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The load generator of a server (--client): its command line, taken apart and looked at before the
 * first run. */

#include <jansson.h>

#include "collector/options/options.h"
#include "common/error.h"

/** Start with { 0 }. */
struct client {
	char **words; /**< with their words in braces; NULL: there is no client */
	char *path;   /**< of its program */
};

/**
 * Make @ret ready. A mistake in the command line is -EINVAL with a message marked as the user's;
 * -ENOENT, -EACCES, ...: its program cannot be run; with a message. @ret is to be released with
 * client_done(), whatever is returned.
 */
int client_open(const struct options *o, struct client *ret, struct error *error);
void client_done(struct client *c);

/** Add to @digests the SHA-256 of its program. -errno with a message. */
int client_digest(const struct client *c, json_t *digests, struct error *error);
