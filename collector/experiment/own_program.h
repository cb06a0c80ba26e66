/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The user's own program (--program): what of its options holds for all runs, made ready. */

#include <jansson.h>
#include <stddef.h>

#include "collector/options/options.h"
#include "common/error.h"
#include "guests/guest.h"

/** Start with { 0 }. */
struct own_program {
	char **environment; /**< --env, and what tells runtimes how many threads they may have */
	char *cwd;          /**< absolute; NULL: that of the image */
	char **words;       /**< --with, each as FILE:PATH, both absolute; NULL-ended */
	struct guest_with *with;
	size_t n_with;
};

/**
 * Make @ret ready. -ENOENT, -EACCES: what --with names cannot be read; with a message. @ret is to be
 * released with own_program_done(), whatever is returned.
 */
int own_program_open(const struct options *o, struct own_program *ret, struct error *error);
void own_program_done(struct own_program *p);

/** --env, and what tells runtimes how many threads they may have, malloced as by strv_take(). -ENOMEM. */
int own_program_environment(const struct options *o, char ***ret);

/**
 * Add to @digests, of each file and folder that goes along, by its path in the stacks: the SHA-256 of
 * a file; of a folder, that of the names and sizes in it. -errno with a message.
 */
int own_program_digest(const struct own_program *p, json_t *digests, struct error *error);
