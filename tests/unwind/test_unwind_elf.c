/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of unwind_table_of_elf(): code without information, what is no table, what is broken.
 * That rules are right is what steps and unwind_readelf show. test_unwind_elf BARE-PROGRAM */
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
#include <unistd.h>

#include "collector/symbols/elf_file.h"
#include "collector/symbols/symbol_table.h"
#include "collector/unwind/unwind_table.h"
#include "common/cleanup.h"
#include "tests/collector/temporary.h"

static const char *bare_program;

static uint64_t symbol_of(int fd, const char *name)
{
	struct symbol_table *t = symbol_table_new(UINT32_MAX);
	uint64_t address = 0;

	assert_non_null(t);
	assert_int_equal(elf_functions_read(fd, ELF_SYMTAB, t), 0);
	symbol_table_finish(t);
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->names + t->entries[i].name, name) == 0)
			address = t->entries[i].address;
	symbol_table_free(t);
	assert_int_not_equal(address, 0);
	return address;
}

static void hand_written_code_is_known(void **state)
{
	_cleanup_close_ int fd = open(bare_program, O_RDONLY | O_CLOEXEC);
	const struct unwind_rule signal = {
		.cfa_base = UNWIND_RSP,
		.flags = UNWIND_RSP_SAVED | UNWIND_EXACT,
		.rip_offset = 168, /* in struct ucontext */
		.rsp_offset = 160,
		.rbp_base = UNWIND_RSP,
		.rbp_offset = 120,
	};
	uint64_t start, restorer, work;
	struct unwind_table t;

	(void)state;
	start = symbol_of(fd, "_start");
	restorer = symbol_of(fd, "restorer");
	work = symbol_of(fd, "work");
	assert_int_equal(unwind_table_of_elf(fd, -1, &t, NULL), 0);
	assert_int_equal(t.base % 4096, 0);
	assert_int_equal(unwind_table_find(&t, work)->cfa_offset, 8);
	assert_int_equal(unwind_table_find(&t, start)->flags, UNWIND_ROOT);
	assert_int_equal(unwind_table_find(&t, start + 9)->flags, UNWIND_ROOT);
	/* a return address is looked up one byte before it */
	for (int at = -1; at < 9; at++)
		assert_memory_equal(
			unwind_table_find(&t, restorer + (uint64_t)at), &signal, sizeof(signal));
	assert_int_equal(unwind_table_find(&t, restorer + 9)->cfa_base, UNWIND_NONE);
	assert_int_equal(unwind_table_find(&t, start + 2048)->cfa_base, UNWIND_NONE);
	assert_int_equal(unwind_table_find(&t, 0)->cfa_base, UNWIND_NONE);
	assert_int_equal(unwind_table_find(&t, UINT64_MAX)->cfa_base, UNWIND_NONE);
	unwind_table_done(&t);
}

static void files_without_tables_are_told_apart(void **state)
{
	char *const strip[] = {"objcopy", "--remove-section=.eh_frame", (char *)bare_program,
		(char *)in_dir("without"), NULL};
	_cleanup_close_ int text = open("/proc/self/status", O_RDONLY | O_CLOEXEC),
			    without = -EBADF;
	struct unwind_table t;
	struct error error;

	(void)state;
	assert_int_equal(unwind_table_of_elf(text, -1, &t, &error), -ENOEXEC);
	assert_int_equal(unwind_table_of_image("no ELF", 6, &t, &error), -ENOEXEC);
	run(strip);
	without = open(in_dir("without"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(unwind_table_of_elf(without, -1, &t, &error), -ENODATA);
	assert_true(strlen(error.text) > 0);
}

/* Every sorted row, every rule's number: what an eBPF program relies on. */
static void assert_whole(const struct unwind_table *t)
{
	assert_true(t->n_rows > 1 && t->n_rules > 1);
	assert_int_equal(t->rows[t->n_rows - 1].rule, 0);
	assert_int_equal(t->rules[0].cfa_base, UNWIND_NONE);
	for (size_t i = 0; i < t->n_rows; i++) {
		assert_true(t->rows[i].rule < t->n_rules);
		assert_true(i == 0 || (t->rows[i].pc > t->rows[i - 1].pc &&
					      t->rows[i].rule != t->rows[i - 1].rule));
	}
}

static void broken_files_give_fewer_rows_or_none(void **state)
{
	size_t size, tables = 0;
	_cleanup_free_ char *whole = read_bytes(bare_program, &size);
	_cleanup_free_ char *bytes = malloc(size);
	struct unwind_table t;
	unsigned seed = 1;

	(void)state;
	assert_non_null(bytes);
	for (int i = 0; i < 2000; i++) {
		const bool cut = i % 4 == 0;

		memcpy(bytes, whole, size);
		for (int change = 0; !cut && change < 1 + i % 20; change++)
			bytes[(size_t)rand_r(&seed) % size] = (char)rand_r(&seed);
		if (unwind_table_of_image(
			    bytes, cut ? (size_t)rand_r(&seed) % size : size, &t, NULL) < 0)
			continue;
		tables++;
		assert_whole(&t);
		unwind_table_done(&t);
	}
	print_message("%zu of 2000 broken files have a table\n", tables);
	assert_true(tables > 100);
}

/* A file's own information comes first; a debug file's fills what it has not. */
static void a_debug_file_adds_to_it(void **state)
{
	char *const copy[] = {"objcopy", "--rename-section", ".eh_frame=.unused",
		(char *)bare_program, (char *)in_dir("stripped"), NULL};
	_cleanup_close_ int stripped = -EBADF, self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct unwind_table alone, both;

	(void)state;
	run(copy);
	stripped = open(in_dir("stripped"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(unwind_table_of_elf(stripped, stripped, &both, NULL), -ENODATA);
	assert_int_equal(unwind_table_of_elf(self, -1, &alone, NULL), 0);
	assert_int_equal(unwind_table_of_elf(self, self, &both, NULL), 0);
	assert_int_equal(alone.n_rows, both.n_rows);
	assert_whole(&both);
	unwind_table_done(&alone);
	unwind_table_done(&both);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hand_written_code_is_known),
		cmocka_unit_test(files_without_tables_are_told_apart),
		cmocka_unit_test(broken_files_give_fewer_rows_or_none),
		cmocka_unit_test(a_debug_file_adds_to_it),
	};

	if (argc != 2)
		return 2;
	bare_program = argv[1];
	return cmocka_run_group_tests(tests, temporary_make, temporary_remove);
}
