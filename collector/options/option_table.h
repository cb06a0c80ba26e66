/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The collector's options, one row each. The rows are what everything about an option is made of:
 * argp's rows, parsing, the plan's document and --resume (collector/experiment/plan_document.h),
 * the completions of shells.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/options/options.h"
#include "common/error.h"

enum option_type {
	OPTION_FLAG,   /**< takes no argument; stores @least */
	OPTION_NUMBER, /**< from @least to @most, or @zero_word */
	OPTION_SIZE,   /**< in bytes; typed as MiB */
	OPTION_TEXT,
	OPTION_FILE, /**< a path; in a plan only what is in the file counts, so that it may move */
	OPTION_FOLDER,
	OPTION_WORD,     /**< one of @words; stores @least for the first, one more for the next */
	OPTION_LIST,     /**< words with commas between them, by @parse and @get */
	OPTION_REPEATED, /**< each time adds one more, by @parse and @get */
	OPTION_OWN,      /**< a text, by @parse and @get */
	OPTION_REST,     /**< what is behind "--": no option, but planned as one */
};

enum option_owner {
	OWNER_NOBODY = 1, /**< says how this one call behaves */
	OWNER_PLAN,       /**< changes what is measured: the same on all machines that take part */
	OWNER_MACHINE,    /**< --resume needs it, and other machines have their own */
};

/** What argp lists together. */
enum option_group {
	GROUP_WHAT = 1,
	GROUP_STACKS,
	GROUP_HOW,
	GROUP_RESULTS,
	GROUP_INSTEAD,
};

struct option_row {
	const char *name; /**< the long one */
	char letter;      /**< the short one, or 0 */
	enum option_group group;
	const char *argument; /**< what it is called, or NULL: takes none */
	const char *help;     /**< or NULL: not shown to users */
	enum option_type type;
	enum option_owner owner;
	const char *key;          /**< in the plan's document; NULL: @name */
	bool may_lack;            /**< plans of 0.1.0 have it not; the default was what they did */
	bool varies;              /**< variants may differ in it: --variant takes it before "--" */
	const char *fallback;     /**< the default, as it would be typed; NULL: all bits 0 */
	const char *const *words; /**< that it takes, or some of them, ended by NULL; or NULL */
	json_t *(*find_words)(void); /**< the same from another table, or NULL */
	const char *zero_word;       /**< what stands for 0, or NULL */
	uint64_t least, most;
	size_t offset, size; /**< where it is stored: in struct options */
	int (*parse)(struct options *o, const char *text, struct error *error);
	json_t *(*get)(const struct options *o);
};

/** In the order of the plan's document. */
extern const struct option_row option_rows[];
extern const size_t n_option_rows;

/** All defaults. */
int options_default(struct options *ret, struct error *error);

/**
 * Take what was typed. @text must outlive the options; NULL for a flag. A mistake is -EINVAL, with
 * a message marked as the user's; -ENOMEM.
 */
int option_parse(
	const struct option_row *row, struct options *o, const char *text, struct error *error);

/** The value, as a plan's document has it; a new reference, NULL where it is not UTF-8. */
json_t *option_get(const struct option_row *row, const struct options *o);

/**
 * Make an option that has its default what option_get() gave, from @value, which must outlive the
 * options. -EBADMSG: it cannot be that option's; -ENOMEM.
 */
int option_set(const struct option_row *row, struct options *o, const json_t *value);

/** The key in the plan's document. */
const char *option_key(const struct option_row *row);

/** Was it on the command line? */
bool option_given(const struct option_row *row, const struct options *o);
void option_note_given(const struct option_row *row, struct options *o);

/** The table as a JSON document, for whoever makes completions of it. */
int options_print(FILE *out);
