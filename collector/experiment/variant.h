/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Variants (--variant NAME=WORDS): the same stack with other arguments, or with other values of those
 * options that may differ (option_row.varies). They are a dimension of the experiment, as stacks and
 * cores are. Without any there is one, which has no name.
 */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/options/options.h"
#include "common/error.h"

struct variant {
	const char *name; /**< NULL: there are no variants */
	const char *text; /**< WORDS, as they were given */
	struct options
		o; /**< the command line as it is for this one; borrows what it does not change */
	char **environment; /**< of an own program: --env and what tells runtimes their threads */
	char *program;      /**< found; NULL: none of the host's */
	uint64_t memory_bytes; /**< that the program needs */
	char *own_name;        /**< memory behind the others, as the next four */
	char **words, **arguments, **own_environment, **container_args;
};

/**
 * All variants of @o, one at least; @o must outlive them. A mistake in one of them is -EINVAL with a message marked as the user's;
 * -ENOMEM. *ret is to be released with variants_free().
 */
int variants_make(
	const struct options *o, struct variant **ret, size_t *ret_n, struct error *error);
void variants_free(struct variant *list, size_t n);

/**
 * NAME=WORDS with the files in it as they are found from everywhere, malloced. NULL: no memory.
 */
char *variant_write_out(const struct variant *v);

/** What a store tells of them: an array of {name, words}. A new reference; NULL: no memory. */
json_t *variants_describe(const struct variant *list, size_t n);
