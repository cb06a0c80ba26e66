/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The samples of a run with their instants: a part of the document of time_data.h. */

#include <stdio.h>

#include "common/hash_index.h"
#include "reports/store/samples.h"

/** Has the store instants of samples? */
bool time_has_samples(struct store_reader *store);

/** A frame, which is one by its texts. */
struct time_frame {
	const char *side, *module, *symbol;
	bool inlined;
};

/** A call stack: its innermost frame upon its parent. */
struct time_stack {
	int64_t parent; /**< index; -1: it is the outermost */
	size_t frame;   /**< index */
};

/** A row of the store's samples. */
struct time_sample {
	enum sample_kind kind; /**< SAMPLES_KINDS: another, or none of that number */
	const char *thread;
	size_t stack;
	int64_t ns;          /**< for which one of them stands */
	int64_t store_stack; /**< the store's, or STORE_NULL */
};

/** Those of a run, with their stacks in the order that readers see, the thread outermost. */
struct time_samples {
	struct time_frame *frames;
	size_t n_frames;
	struct time_stack *stacks;
	size_t n_stacks;
	struct time_sample *list; /**< by the number that the instants have */
	size_t n;
	struct hash_index frame_index, stack_index;
};

/** Read them. -ENOMEM, -EBADMSG with store_reader_error(). */
int time_samples_read(struct store_reader *store, int64_t run, struct time_samples *ret);

void time_samples_clear(struct time_samples *s);

#define _cleanup_time_samples_ __attribute__((cleanup(time_samples_clear)))

/** One more instant: @number is an index of those of struct time_samples. */
typedef int (*time_sample_visit_t)(int64_t lane, uint64_t time_ns, uint64_t number, void *userdata);

/** Visit the instants of @run by lane, nearly in order of time. -EBADMSG, also of a number that is none
 * (@n: of how many), -ENOMEM, or the error of @visit. */
int time_samples_walk(struct store_reader *store, int64_t run, size_t n, time_sample_visit_t visit,
	void *userdata);

/** Write the document's part. Errors as above. */
int time_samples_write(struct store_reader *store, const struct store_run *run, FILE *out);
