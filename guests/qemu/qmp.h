/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * A small client of QEMU's machine protocol: a Unix socket, one JSON object a line. What comes from
 * there is not trusted: lines are bounded, numbers checked, waits limited.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"

#define QMP_LINE_MAX ((size_t)256 << 10)

struct qmp {
	int fd;         /**< negative: not connected */
	int stage;      /**< 0: nothing, 1: greeted, 2: asked for capabilities, 3: ready */
	unsigned next;  /**< id of the next command */
	bool shut_down; /**< the event SHUTDOWN came */
	char *buffer;   /**< bytes of unfinished lines */
	size_t used;
};

/** Must be called first; no resources. */
void qmp_init(struct qmp *q);

/**
 * Get to where commands may be sent; goes on where the call before stopped. Waits at most
 * @timeout_ms. 0, -EAGAIN (no socket yet, or no answer yet), -EPROTO (something else answers
 * there), -ECONNRESET (it hung up), -ENAMETOOLONG.
 */
int qmp_connect(struct qmp *q, const char *path, int timeout_ms, struct error *error);

/**
 * Send a command without arguments and wait at most @timeout_ms for its answer. *ret (may be NULL)
 * is the "return" value, to be json_decref()ed. -ETIMEDOUT, -EPROTO, -EREMOTEIO (the command's
 * error), -ECONNRESET.
 */
int qmp_command(
	struct qmp *q, const char *command, int timeout_ms, json_t **ret, struct error *error);

/** What the monitor for people says to @line, a command without quotes and backslashes: *ret is
 * malloced. As qmp_command(). */
int qmp_human(struct qmp *q, const char *line, int timeout_ms, char **ret, struct error *error);

/** The thread ids of the vCPUs by index: ret_tids[i], 0 where there is none. Returns the number. */
int qmp_vcpus(struct qmp *q, int timeout_ms, pid_t *ret_tids, size_t max, struct error *error);

/** Take what has come since, without waiting: has the guest shut down? */
bool qmp_shut_down(struct qmp *q);

/** Hang up. Idempotent. */
void qmp_close(struct qmp *q);
