/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The plan of an experiment as documents in its store, so that it can be continued with nothing but its
 * folder, and so that its parts on several machines can tell that they belong together.
 *
 * Key `plan` has all that decides which runs there are and what they measure: configurations, seed,
 * repetitions, options, the workload's arguments, and what is in the files, as SHA-256. It is the
 * same on every machine that takes part; `plan_id` is the SHA-256 of its text. Key `local` has what
 * is this machine's own: the shard, and where the files are.
 */

#include <jansson.h>

#include "collector/options/options.h"
#include "common/error.h"
#include "workload/sha256.h"

/** What is in the files, by name ("program", "kernel", "kernel of osv"); SHA-256 as hex. */
struct plan_document {
	json_t *plan;
	json_t *local;
	char **arguments; /**< what options made by plan_document_apply() point to */
};

/**
 * Write the options down. @files: object of SHA-256 by name, borrowed. Options must be resolved:
 * cores and seed chosen. -EILSEQ: a
 * text is not UTF-8.
 */
int plan_document_make(const struct options *o, json_t *files, struct plan_document *ret);

/** Read the two documents. -EBADMSG (they are none), with a message. */
int plan_document_parse(
	const char *plan, const char *local, struct plan_document *ret, struct error *error);

/**
 * Make the options those of the documents, but for files that the command line has given again:
 * these may have moved. Strings are borrowed from @d. An option of the command line that says
 * something else than the plan is a user error, -EINVAL; -EBADMSG where the documents make no
 * sense.
 */
int plan_document_apply(struct plan_document *d, struct options *o, struct error *error);

/** The plan's identity. -ENOMEM. */
int plan_document_id(const struct plan_document *d, char ret[SHA256_HEX_SIZE]);

void plan_document_done(struct plan_document *d);
