/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Containers that are not ours: which of their engines knows them, and who is in them. */

#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"

#define CONTAINER_ID_SIZE   65 /* 64 digits, in hexadecimal */
#define CONTAINER_NAME_SIZE 128

struct container_found {
	pid_t pid; /**< its first process, by our numbers */
	char id[CONTAINER_ID_SIZE];
	char name[CONTAINER_NAME_SIZE];
};

/** May an engine have a container of that name, or with an identifier that begins like that? */
bool container_may_be(const char *name);

/**
 * The running container @name (or identifier, or the begin of one) of any engine that is here. -ENOENT (no engine knows it),
 * -ESRCH (it does not run), -ECONNREFUSED, -EACCES (no engine can be asked), with a message.
 */
int container_find(const char *name, struct container_found *ret, struct error *error);

/**
 * The identifier in the path of a control group as engines name them, innermost first: @ret_end is how
 * long the path of the container's own group is. False: it is no container's.
 */
bool container_of_group(const char *path, char ret_id[static CONTAINER_ID_SIZE], size_t *ret_end);
