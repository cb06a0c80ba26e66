/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The command line that runs a program in a container, as a user would type it. */

#include "common/error.h"
#include "guests/containers/engine.h"
#include "guests/guest.h"

struct container_command {
	const struct engine *engine;
	const char *name;    /**< of the container */
	const char *image;   /**< its name */
	const char *program; /**< where it is in the image, from the root on */
	char *const
		*words; /**< of an image's own entry point, between the program and its arguments */
	bool as_it_is; /**< the image is the user's: the program is its entry point, or takes its place */
};

/** Set g->argv, and g->program_path: the file name that the program's exec will carry, by which it is
 * recognised. -ENOMEM. */
int container_make_command(struct guest *g, const struct container_command *c, struct error *error);
