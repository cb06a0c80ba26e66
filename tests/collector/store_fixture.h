/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** A run that was never executed, written into stores. Failures end the test. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/store/store_writer.h"
#include "common/cleanup.h"
#include "common/store_format.h"
#include "guests/stacks/stacks.h"
#include "tests/collector/temporary.h"
#include "tests/common/ranges.h"

#define SAMPLES 400 /* enough for a run to take several pages */

static struct symbols *names;

static inline struct run_settings settings_with(struct symbols *s)
{
	const struct run_settings settings = {
		.scenario = "quick",
		.names = s,
		.exact_split = true,
		.frequency_hz = 999,
	};

	return settings;
}

static inline struct run_request a_request(unsigned id)
{
	const struct run_request q = {
		.id = id,
		.ops = guest_find("native"),
		.accel = ACCEL_NONE,
		.lanes = 2,
		.repetition = 3,
		.position = id,
		.block = 3,
		.counted = true,
		.label = "a",
	};

	return q;
}

static inline void add_stacks(struct run_result *r)
{
	for (uint64_t i = 0; i < SAMPLES; i++) {
		const uint64_t kernel[] = {0xffffffff80001000 + i, 0xffffffff80002000};
		const uint64_t user[] = {0x1000 + i, 0x2000};
		const struct profile_entry key = {
			.kind = i % 2 ? PROFILE_OFFCPU : PROFILE_ONCPU,
			.phase = 1,
			.lane = i % 4 == 3 ? PROBE_LANE_NONE : 1,
			.tgid = (uint32_t)getpid(),
			.mode = SAMPLE_USER,
			.thread = "worker/1",
			.n_kernel = i % 2 ? 2 : 0,
			.n_user = 2,
		};

		profile_add(&r->profile, &key, kernel, user, 1001001, 1);
	}
}

static inline void *copy_of(const void *data, size_t size)
{
	void *copy = malloc(size);

	assert_non_null(copy);
	memcpy(copy, data, size);
	return copy;
}

#define COPY(array) copy_of(array, sizeof(array))

/** Something in each table. To be released by run_result_done(). */
static inline struct run_result a_result(void)
{
	static const struct account accounts[] = {
		{.lane = 0,
			.state = STATE_BLOCKED,
			.detail = "futex lock",
			.ns = 700,
			.exact = true,
			.count = 2},
		{.phase = 1, .lane = 1, .state = STATE_USER, .ns = 300, .samples = 12},
		{.phase = 1,
			.lane = PROBE_LANE_NONE,
			.state = STATE_ONCPU,
			.detail = "dockerd",
			.ns = 55,
			.exact = true,
			.count = 1},
	};
	static const struct audit_row rows[] = {
		{0, 1, "cpu_time", 100, 101, 5},
		{2, -1, "guest_clock", 200, 202, 5}, /* past the last phase: of all */
	};
	static const struct run_worker workers[] = {{1, 3, 500, 10, 2, 4}};
	static const struct run_row tasks[] = {{7, 1, 1000, 1500}, {8, 0, 1100, 1600}};
	static const struct run_counter counters[] = {
		{.lane = 0, .name = "cycles"},
		{.lane = 0,
			.name = "task-clock",
			.counted = true,
			.value = 42,
			.enabled_ns = 9,
			.running_ns = 8},
	};
	struct run_result r = {
		.ok = true,
		.start_utc = "2024-02-29T12:00:00Z",
		.start_ns = 1000,
		.end_ns = 3000,
		.boot_ns = 500,
		.runtime_ns = 1500,
		.has_boot = true,
		.has_runtime = true,
		.phases = {{"boot", 1000, 1500}, {"render", 1500, 3000}},
		.n_phases = 2,
		.boot = {{{"process start", "first code of mandelbrot", 1000, 1200},
				 {"program", "first marker", 1200, 1500}},
			2},
		.lanes = 2,
		.has_books = true,
		.books = {COPY(accounts), ARRAY_SIZE(accounts), 17, 0.0005},
		.audit = {COPY(rows), ARRAY_SIZE(rows), true, true},
		.workers = COPY(workers),
		.n_workers = ARRAY_SIZE(workers),
		.rows = COPY(tasks),
		.n_rows = ARRAY_SIZE(tasks),
		.counters = COPY(counters),
		.n_counters = ARRAY_SIZE(counters),
		.command = strdup("[\"mandelbrot\"]"),
		.warnings = calloc(1, sizeof(char *)),
		.n_warnings = 1,
	};

	r.warnings[0] = strdup("the neighbours are noisy");
	memset(r.raster_sha256, 'a', 64);
	add_stacks(&r);
	return r;
}

/* Writing and reading */

static inline const char *new_dir(void)
{
	static unsigned number;
	static char dir[64];

	snprintf(dir, sizeof(dir), "%s/%u", temporary_dir, number++);
	assert_int_equal(mkdir(dir, 0755), 0);
	return dir;
}

static inline struct store_writer *create(const char *dir)
{
	struct store_writer *s = NULL;
	struct error error = {0};

	if (store_writer_create(dir, &s, &error) < 0 || store_writer_publish(s, &error) < 0)
		fail_msg("%s", error.text);
	return s;
}

static inline int write_result(
	struct store_writer *s, unsigned id, const struct run_result *r, struct error *error)
{
	const struct run_settings settings = settings_with(names);
	const struct run_request q = a_request(id);

	return store_writer_run(s, &settings, &q, r, error);
}

static inline int write_one(struct store_writer *s, unsigned id, struct error *error)
{
	struct run_result r = a_result();
	int q = write_result(s, id, &r, error);

	run_result_done(&r);
	return q;
}

static inline sqlite3 *open_store(const char *dir)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/" STORE_FILE_NAME, dir);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	return db;
}

/** All rows of @sql, as "a|b|NULL;c|d|e". */
static inline const char *ask(sqlite3 *db, const char *sql)
{
	static char text[4096];
	sqlite3_stmt *statement;
	size_t used = 0;

	text[0] = '\0';
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	while (sqlite3_step(statement) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(statement); i++) {
			const unsigned char *column = sqlite3_column_text(statement, i);

			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
				i ? "|" : (used ? ";" : ""),
				column ? (const char *)column : "NULL");
			assert_true(used < sizeof(text));
		}
	}
	assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
	return text;
}

static const char *const tables_of_a_run[] = {
	"phase", "boot_step", "account", "audit", "counter", "sample", "row", "worker", "warning"};

/** Run @id is whole or absent in every table; which of the two. */
static inline bool is_whole(sqlite3 *db, unsigned id)
{
	static const int expected[] = {2, 2, 3, 2, 2, SAMPLES, 2, 1, 1};
	char sql[128];
	int there;

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM run WHERE id = %u", id);
	there = atoi(ask(db, sql));
	assert_between(there, 0, 1);
	for (size_t i = 0; i < ARRAY_SIZE(tables_of_a_run); i++) {
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE run = %u",
			tables_of_a_run[i], id);
		assert_int_equal(atoi(ask(db, sql)), there ? expected[i] : 0);
	}
	assert_string_equal(ask(db, "PRAGMA integrity_check"), "ok");
	assert_string_equal(ask(db, "PRAGMA foreign_key_check"), "");
	return there;
}

static inline int store_fixture_begin(void **state)
{
	/* In memory, where there is such a place: a device takes its time for every sync. */
	if (access("/dev/shm", W_OK) == 0)
		strcpy(temporary_dir, "/dev/shm/guestscope-XXXXXX");
	return symbols_new(&names, NULL) < 0 ? -1 : temporary_make(state);
}

static inline int store_fixture_end(void **state)
{
	symbols_free(names);
	return temporary_remove(state);
}
