/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/unwind/unwind_cache.h: what is put in comes out, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/unwind/unwind_cache.h"
#include "tests/collector/temporary.h"

static const uint8_t id[] = {0xab, 0xcd, 0x01, 0x23};

static struct unwind_rule rules[] = {
	{.cfa_base = UNWIND_NONE},
	{.cfa_base = UNWIND_RSP, .cfa_offset = 8, .rip_offset = -8},
	{.cfa_base = UNWIND_RBP,
		.cfa_offset = 16,
		.rip_offset = -8,
		.rbp_base = UNWIND_CFA,
		.rbp_offset = -16},
};
static struct unwind_row rows[] = {{0x10, 1}, {0x20, 2}, {0x30, 0}, {0x40, 1}, {0x50, 0}};

static const struct unwind_table table = {
	.base = 0x401000,
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.rules = rules,
	.n_rules = sizeof(rules) / sizeof(rules[0]),
	.sources = UNWIND_EH_FRAME | UNWIND_DEBUG_FRAME,
};

static const char *file(void)
{
	return in_dir("guestscope/unwind/abcd0123");
}

static int each_begins_without(void **state)
{
	(void)state;
	setenv("XDG_CACHE_HOME", temporary_dir, 1);
	unlink(file());
	return 0;
}

static void what_is_put_comes_out(void **state)
{
	struct unwind_table t;
	struct stat st;

	(void)state;
	assert_int_equal(unwind_cache_get(id, sizeof(id), &t), -ENOENT);
	unwind_cache_put(id, sizeof(id), &table);
	assert_int_equal(unwind_cache_get(id, sizeof(id), &t), 0);
	assert_int_equal(t.base, table.base);
	assert_int_equal(t.n_rows, table.n_rows);
	assert_memory_equal(t.rows, rows, sizeof(rows));
	assert_int_equal(t.n_rules, table.n_rules);
	assert_memory_equal(t.rules, rules, sizeof(rules));
	assert_int_equal(t.sources, table.sources);
	unwind_table_done(&t);
	assert_int_equal(unwind_cache_get(id, sizeof(id) - 1, &t), -ENOENT);
	assert_int_equal(stat(file(), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(in_dir("guestscope/unwind"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(in_dir("guestscope"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void a_later_one_takes_its_place(void **state)
{
	struct unwind_table t, other = table;

	(void)state;
	unwind_cache_put(id, sizeof(id), &table);
	other.base = 0x7000;
	unwind_cache_put(id, sizeof(id), &other);
	assert_int_equal(unwind_cache_get(id, sizeof(id), &t), 0);
	assert_int_equal(t.base, 0x7000);
	unwind_table_done(&t);
}

static void change_byte(long at, unsigned char by)
{
	FILE *f = fopen(file(), "r+");
	int c;

	assert_non_null(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	c = fgetc(f);
	assert_true(c >= 0);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	assert_int_not_equal(fputc(c ^ by, f), EOF);
	assert_int_equal(fclose(f), 0);
}

/* Where fields are, from the end on: five rows of 8 bytes, before them three rules of 24. */
static void what_is_broken_is_none(void **state)
{
	static const struct {
		long from_end;
		unsigned char by;
	} changes[] = {
		{4, 1},          /* the last row has a rule */
		{8 + 4, 0x70},   /* one has a rule that there is not */
		{32, 0x70},      /* rows are not in order */
		{40 + 24, 1},    /* a rule's CFA is based on the CFA */
		{40 + 22, 0x40}, /* a flag that there is not */
		{40 + 72, 1},    /* the first rule is one */
		{40 + 80, 0x80}, /* a source that there is not */
	};
	struct unwind_table t;
	struct stat st;

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		unwind_cache_put(id, sizeof(id), &table);
		assert_int_equal(stat(file(), &st), 0);
		change_byte(st.st_size - changes[i].from_end, changes[i].by);
		assert_int_equal(unwind_cache_get(id, sizeof(id), &t), -ENOENT);
	}
	for (long at = 0; at < 16; at++) { /* what it is, and of which form */
		unwind_cache_put(id, sizeof(id), &table);
		change_byte(at, 1);
		assert_int_equal(unwind_cache_get(id, sizeof(id), &t), -ENOENT);
	}
	for (off_t size = 0; size < st.st_size; size++) {
		unwind_cache_put(id, sizeof(id), &table);
		assert_int_equal(truncate(file(), size), 0);
		assert_int_equal(unwind_cache_get(id, sizeof(id), &t), -ENOENT);
	}
}

static void others_folders_and_links_are_not_used(void **state)
{
	struct unwind_table t;

	(void)state;
	unwind_cache_put(id, sizeof(id), &table);
	assert_int_equal(chmod(in_dir("guestscope"), 0777), 0);
	assert_int_equal(unwind_cache_get(id, sizeof(id), &t), -ENOENT);
	assert_int_equal(chmod(in_dir("guestscope"), 0700), 0);
	assert_int_equal(rename(file(), in_dir("elsewhere")), 0);
	assert_int_equal(symlink(in_dir("elsewhere"), file()), 0);
	assert_int_equal(unwind_cache_get(id, sizeof(id), &t), -ENOENT);
	unwind_cache_put(id, sizeof(id), &table); /* takes the link's place */
	assert_int_equal(unwind_cache_get(id, sizeof(id), &t), 0);
	unwind_table_done(&t);
}

static void without_a_place_nothing_is_kept(void **state)
{
	struct unwind_table t;

	(void)state;
	setenv("XDG_CACHE_HOME", in_dir("there/is/none"), 1);
	unwind_cache_put(id, sizeof(id), &table);
	assert_int_equal(unwind_cache_get(id, sizeof(id), &t), -ENOENT);
	setenv("XDG_CACHE_HOME", "relative", 1); /* as if it were not set */
	setenv("HOME", temporary_dir, 1);
	unwind_cache_put(id, sizeof(id), &table);
	assert_int_equal(access(in_dir(".cache/guestscope/unwind/abcd0123"), F_OK), 0);
	unsetenv("HOME");
	assert_int_equal(unwind_cache_get(id, sizeof(id), &t), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_put_comes_out, each_begins_without),
		cmocka_unit_test_setup(a_later_one_takes_its_place, each_begins_without),
		cmocka_unit_test_setup(what_is_broken_is_none, each_begins_without),
		cmocka_unit_test_setup(others_folders_and_links_are_not_used, each_begins_without),
		cmocka_unit_test_setup(without_a_place_nothing_is_kept, each_begins_without),
	};

	return cmocka_run_group_tests(tests, temporary_make, temporary_remove);
}
