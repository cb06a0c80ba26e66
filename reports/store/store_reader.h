/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The store of an experiment, opened for reading.
 *
 * A store is untrusted input: it may come from another machine, be truncated or not be a store at
 * all. Every text that leaves this reader is valid UTF-8 without control characters (each offending
 * byte or character becomes U+FFFD; only the values of settings keep their newlines), so that those
 * who write XML, JSON or to a terminal have only their own format's metacharacters to escape.
 *
 * Every `const char *` handed out lives as long as the reader. Numbers that the store leaves open
 * (SQL NULL) are STORE_NULL.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "common/error.h"
#include "common/output_rule.h"
#include "common/store_format.h"

struct store_reader;

struct store_run {
	int64_t id;
	const char *guest;
	int64_t cores;
	const char *scenario;
	int64_t repetition;
	int64_t position;
	const char *accel;
	bool ok;
	const char *status;
	const char *error; /**< NULL where there is none */
	int64_t start_ns;
	int64_t end_ns;
	int64_t boot_ns;
	int64_t runtime_ns;
	int64_t guest_runtime_ns;
	int64_t lost_events;
	int64_t closed;
	int64_t audited;
	int64_t residual_ns;
	const char *start_utc;
	const char *split;
	int64_t frequency_hz;
	const char *command;
	const char *raster_sha256;
	int64_t block;       /**< from 1; 0: a warm-up; STORE_NULL: not known */
	bool counted;        /**< false: a warm-up, part of no statistic */
	const char *variant; /**< of the stack: --variant; may be empty */
	const char *
		label; /**< tells configurations apart that are the same but for it; may be empty */
};

struct store_setting {
	const char *key;
	const char *value;
};

struct store_phase {
	int64_t run;
	const char *name;
	int64_t start_ns;
	int64_t end_ns;
};

/** Accounts of one run and phase, summed over its lanes; helpers (lane -1) are apart. */
struct store_account {
	int64_t run;
	const char *phase;
	bool helper;
	const char *state;
	const char *detail;
	int64_t ns;
	bool exact;
	int64_t count; /**< intervals or events, or STORE_NULL */
};

/** What was split by samples in one run and phase: the whole that those samples divide. */
struct store_split {
	int64_t run;
	const char *phase;
	int64_t ns;      /**< all time with exact = 0, over the lanes */
	int64_t samples; /**< samples behind it, over the lanes */
};

struct store_audit {
	int64_t run;
	const char *phase;
	int64_t lane;
	const char *what;
	int64_t books_ns;
	int64_t other_ns;
	int64_t bound_ns; /**< or STORE_NULL */
};

/** A counter of one run, summed over lanes; STORE_NULL where some lane was not counted. */
struct store_counter {
	int64_t run;
	const char *name;
	int64_t value;
	int64_t enabled_ns;
	int64_t running_ns;
};

/** A number that the program of one run wrote. */
struct store_metric {
	int64_t run;
	const char *name;
	double value; /**< NAN: its output has none */
	enum output_wish wish;
};

/** What the program of one run wrote, summed up. */
struct store_output {
	int64_t run;
	const char *sha256;
	int64_t lines;
	int64_t bytes;
	const char *last;
	const char *result; /**< or NULL */
};

/** The threads of one name in a run. */
struct store_thread {
	int64_t run;
	const char *name;
	int64_t threads, processes;
	int64_t cpu_ns, wait_ns, wait_siblings_ns, blocked_ns;
	int64_t switches, migrations;
	const char *cause; /**< for which they slept most, or NULL */
	int64_t cause_ns;
};

struct store_warning {
	int64_t run; /**< STORE_NULL: about the experiment */
	const char *text;
};

struct store_frame {
	int64_t id;
	const char *side;
	const char *module;
	const char *symbol; /**< never empty */
	bool inlined;       /**< into the function of the frame below it */
};

/** A stack is its innermost frame and the stack that it stands on. */
struct store_stack {
	int64_t id;
	int64_t parent; /**< or STORE_NULL: this is the outermost frame */
	int64_t frame;
};

/** Which frames of a stack come first, at its root: those of the guest, or of the host. */
enum stack_order { ORDER_GUEST, ORDER_HOST };

struct store_stacks {
	enum stack_order order; /**< in which they are shown: see stack_order.h */
	struct store_stack *stacks;
	size_t n_stacks;
	struct store_frame *frames;
	size_t n_frames;
};

/** Everything but stacks and samples; ordered by run and by time, or by name. Owned by the reader.
 */
struct store_tables {
	struct store_run *runs;
	size_t n_runs;
	struct store_setting *settings;
	size_t n_settings;
	struct store_phase *phases;
	size_t n_phases;
	struct store_account *accounts;
	size_t n_accounts;
	struct store_split *splits;
	size_t n_splits;
	struct store_audit *audits;
	size_t n_audits;
	struct store_counter *counters;
	size_t n_counters;
	struct store_metric *metrics;
	size_t n_metrics;
	struct store_output *outputs;
	size_t n_outputs;
	struct store_thread *threads;
	size_t n_threads;
	struct store_warning *warnings;
	size_t n_warnings;
	bool is_unfinished; /**< runs are missing: the first warning says so */
};

/**
 * Open the store at @path, an experiment's folder or its experiment.db, and read its tables.
 * -ENOENT (there is none), -EACCES, -EMEDIUMTYPE (not an SQLite file, or not one of guestscope),
 * -EPROTONOSUPPORT (another version), -EBADMSG (damaged or truncated), -ENOMEM; each with a
 * message.
 */
int store_reader_open(const char *path, struct store_reader **ret, struct error *error);

/**
 * Open @n stores as one. Shards of an experiment (stores that carry the same plan) become that
 * experiment; stores of several experiments stand side by side, each stack named
 * "<guest>@<folder>". Runs and stacks are numbered anew; settings and warnings that differ carry
 * the folder's name. They are copied into a temporary database that goes with the reader.
 *
 * Errors as above; -EEXIST: a run is there twice; -EINVAL: shards of different machines, or
 * experiments with different workloads, which @force makes warnings.
 */
int store_reader_open_many(
	char *const *paths, size_t n, bool force, struct store_reader **ret, struct error *error);

/** Close; NULL is fine. */
void store_reader_close(struct store_reader *s);

static inline void store_reader_closep(struct store_reader **s)
{
	store_reader_close(*s);
}

#define _cleanup_store_ __attribute__((cleanup(store_reader_closep)))

/** The tables, read when the store was opened. */
const struct store_tables *store_tables(const struct store_reader *s);

/** The value of a setting, or NULL. */
const char *store_setting(const struct store_reader *s, const char *key);

/** Member @key (of @object, if that is not NULL) of a plan, which is a setting, as JSON text, malloced; NULL: it has none. */
char *store_plan_member(const char *plan, const char *object, const char *key);

/** Are these two told together? */
bool store_warning_is_same(const struct store_tables *t, size_t i, size_t j);

/**
 * Whom warning @i is about, in words: "run 3", "runs 3, 4 and 9 more", or "" (the experiment).
 * Warnings of the same words are one, whatever number they begin with: returns false for all but
 * the first of them, which stands for all.
 */
bool store_warning_runs(const struct store_tables *t, size_t i, char *ret, size_t size);

/** Is it for the record alone? Short lists leave it out, others have it last. */
bool store_warning_is_note(const struct store_tables *t, size_t i);

/** What warning @i says for all that it stands for: "3 to 74 events ..." Malloced; NULL: no
 * memory. */
char *store_warning_text(const struct store_tables *t, size_t i);

/** The run of that id, or NULL. */
const struct store_run *store_run(const struct store_reader *s, int64_t id);

/** All stacks and frames, read at the first call; owned by the reader. -EBADMSG, -ENOMEM. */
int store_stacks(struct store_reader *s, const struct store_stacks **ret);

/** In which order stacks are shown; at first, ORDER_GUEST. */
void store_set_order(struct store_reader *s, enum stack_order order);

/** The stack, or the frame, of that id, or NULL. */
const struct store_stack *store_stack(const struct store_stacks *s, int64_t id);
const struct store_frame *store_frame(const struct store_stacks *s, int64_t id);

/** The last error of a query in words; empty where there was none. */
const char *store_reader_error(const struct store_reader *s);

/** Say that what @table has of @run cannot be read. Returns -EBADMSG, with store_reader_error() set. */
int store_damaged(struct store_reader *s, const char *table, int64_t run);

/** Is there a table of that name? Stores of older programs lack the newer ones. */
bool store_has_table(struct store_reader *s, const char *name);

/** Has @table this column? Older stores have fewer. */
bool store_has_column(struct store_reader *s, const char *table, const char *column);

/** Prepare a query. -EBADMSG with store_reader_error() set. The caller finalizes it. */
int store_prepare(struct store_reader *s, sqlite3_stmt **ret, const char *sql);

/** Step a query: 1 a row, 0 the end, -EBADMSG or -ENOMEM with store_reader_error() set. */
int store_step(struct store_reader *s, sqlite3_stmt *query);

/** A column's text, cleaned as promised above; NULL for SQL NULL or when out of memory. */
const char *store_text(struct store_reader *s, sqlite3_stmt *query, int column);

/** A column's number, or STORE_NULL. */
int64_t store_number(sqlite3_stmt *query, int column);

static inline void store_finalizep(sqlite3_stmt **query)
{
	sqlite3_finalize(*query);
}

#define _cleanup_query_ __attribute__((cleanup(store_finalizep)))
