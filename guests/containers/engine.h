/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Container engines (Docker, Podman) by way of their command-line clients, as a user would: what
 * differs between them is a row of a table, what is the same is here once. All names of containers
 * and images must be ours (engine_owns()); others are refused, so that nothing of the user's is
 * ever removed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"

struct engine {
	const char *name;             /**< "docker", "podman" */
	const char *title;            /**< as people write it */
	const char *program;          /**< the client */
	const char *package;          /**< Debian's name for it */
	const char *image_prefix;     /**< what our images' names begin with */
	const char *container_prefix; /**< what our containers' names begin with */
	const char *host_variable;  /**< environment variable with the daemon's address, or NULL */
	const char *default_socket; /**< of the daemon, or NULL: there is no daemon */
	const char *monitor;        /**< name of the process that watches one container */
	const char *variable;       /**< NAME=VALUE against words that are no errors, or NULL */
	const char *import_option;  /**< it says less then: a closed pipe would end it; or NULL */
	bool kill_first;            /**< its rm --force asks by SIGTERM first and waits 10 s */
	/** Ends what a killed client left half-made and the engine does not know; or NULL. */
	int (*remove_orphans)(const char *container, struct error *error);
	const char *daemons[3]; /**< names of the processes that serve all, NULL-ended */
};

extern const struct engine engine_docker;
extern const struct engine engine_podman;

/** The engine of that name, or NULL. */
const struct engine *engine_find(const char *name);

/** Is @name one that we give to images (@image) or containers, in form and prefix? */
bool engine_owns(const struct engine *e, const char *name, bool image);

/**
 * Is the client there, and does its daemon answer? 0, -ENOENT (no client), -EACCES (not allowed to
 * talk to the daemon), -ECONNREFUSED (no daemon, or the engine does not work), -EINVAL (the daemon
 * is on another machine); with the fix in the message.
 */
int engine_available(const struct engine *e, struct error *error);

/**
 * Does the engine start a container at all? From an empty folder, whose program is missing: that it says so is the success.
 * 0 also where that cannot be tried (with a daemon; without root). -EIO with the engine's words.
 */
int engine_trial(const struct engine *e, struct error *error);

/** Run the engine's client, for a short question. As spawn_output(): -EIO where it fails, unless
 * @ret_status (may be NULL) takes its exit status. *ret_words is malloced. */
int engine_ask(const struct engine *e, char *const *argv, char **ret_words, int *ret_status,
	struct error *error);

/**
 * Make an image @image from the root file system in the file @tar. -EIO with the client's words.
 * The client goes on when we are killed: half an image would stay in Podman's storage, and other
 * commands would complain of it.
 */
int engine_import(const struct engine *e, const char *tar, const char *image, struct error *error);

/** Is there an image @image? 1, 0 or negative errno. */
int engine_has_image(const struct engine *e, const char *image, struct error *error);

/**
 * Remove our container (running or not) or image; an image that is still being imported, after
 * that. The request that would create it may still be on
 * its way, from a client that was killed: so if it is not there, wait a moment and look again.
 * 0 if it is gone for good or never came, -EPERM if the name is not ours, -EIO, -ETIMEDOUT.
 */
int engine_remove_container(const struct engine *e, const char *name, struct error *error);
int engine_remove_image(const struct engine *e, const char *image, struct error *error);

/**
 * The processes that serve the container whose first process is @program (0: not known): daemons
 * and the container's monitor. At most @max; returns their number.
 */
size_t engine_helpers(const struct engine *e, pid_t program, pid_t *ret, size_t max);
