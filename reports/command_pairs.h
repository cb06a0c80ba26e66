/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the commands that compare two share: A and B as they are named, and the pairs of configurations that this makes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reports/command.h"
#include "reports/diff/diff.h"

/** What "DIR", "DIR:STACK" or "DIR:STACK:CORES" names. */
struct operand {
	char *text;        /* a copy of the argument, cut into what follows */
	const char *path;  /* of the experiment */
	const char *stack; /* NULL: all */
	int64_t cores;     /* 0: all */
	struct store_reader *store;
	struct summary *summary;
	struct flames *flames;
};

/** Two that belong together, of which one has no run that ended well. */
struct failed_pair {
	const struct configuration *a, *b;
};

/** Start from {}; diff_set_clear() it in the end. */
struct diff_set {
	struct operand operands[TREE_SIDES];
	bool one_store; /* B's store and summary are A's */
	struct diff **diffs;
	char *(*names)[TREE_SIDES]; /* what the operands are called in each */
	size_t n_diffs;
	struct failed_pair *failed; /**< not among the diffs */
	size_t n_failed;
};

/** Open what the two paths name. A negative errno, with a message. */
int diff_set_open(struct diff_set *c, const struct report_options *o, struct error *error);

/** Compare all that belong together. -EINVAL: there are none, with a message. */
int diff_set_pair(struct diff_set *c, struct error *error);

/** Do both operands name the same of one experiment? */
bool diff_set_is_same(const struct diff_set *c);

/** Is @x of that side, named by its operand, and in no pair? */
bool diff_set_leaves_out(const struct diff_set *c, int side, const struct configuration *x);

void diff_set_clear(struct diff_set *c);

/** The last part of a path, without trailing slashes and the store's own name, as UTF-8. Malloced; NULL: no memory. */
char *command_base_name(const char *path);

/** Are these two paths of one file? */
bool command_same_file(const char *a, const char *b);
