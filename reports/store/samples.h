/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The samples of a store, one after the other, for those who export them. */

#include <stdbool.h>

#include "reports/store/store_reader.h"

/** What a sample's time and number are. */
enum sample_kind {
	SAMPLES_ON_CPU,  /**< sampled */
	SAMPLES_OFF_CPU, /**< measured time off the CPU */
	SAMPLES_EXITS, /**< measured time of vCPUs out of their guests, which is also in the others */
	SAMPLES_KINDS
};

/** That of the store's word; SAMPLES_KINDS: another, as stores of another collector may have. */
enum sample_kind samples_kind(const char *word);

struct sample {
	const struct store_run *run;
	const char *phase;
	int64_t lane; /**< -1: a helper */
	const char *thread;
	enum sample_kind kind;
	int64_t stack; /**< or STORE_NULL */
	int64_t weight_ns;
	int64_t count;
};

struct sample_cursor {
	struct store_reader *store;
	sqlite3_stmt *query;
};

/** Begin. -EBADMSG (store_reader_error() says why), -ENOMEM. */
int samples_open(struct store_reader *store, struct sample_cursor *ret);

/** The next sample of a counted run that ended well: 1, 0 at the end, or an error as above. */
int samples_next(struct sample_cursor *cursor, struct sample *ret);

void samples_close(struct sample_cursor *cursor);

#define _cleanup_samples_ __attribute__((cleanup(samples_close)))
