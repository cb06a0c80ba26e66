/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/inside/guest_root.h, on this very program, and on a text like System.map. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/inside/guest_root.h"
#include "common/cleanup.h"

/* Known to the linker alone; both are data. */
uint64_t test_page_table[512] = {1};
uint64_t test_page_table_root = 1;

/* As it was linked. */
static uint64_t linked(const void *at)
{
	return (uint64_t)at - _r_debug.r_map->l_addr;
}

static void a_table_is_found_in_an_elf_file(void **state)
{
	uint64_t at = linked(test_page_table);
	struct guest_root root = {.pointer_at = 1};

	(void)state;
	assert_int_equal(guest_root_find("/proc/self/exe",
				 &(struct guest_root_symbol){.name = "test_page_table"}, &root),
		0);
	assert_int_equal(root.physical, at);
	assert_int_equal(root.pointer_at, 0);
}

static void a_pointer_is_found_by_its_other_name(void **state)
{
	uint64_t at = linked(&test_page_table_root);
	struct guest_root root = {0};
	struct guest_root_symbol wanted = {.name = "not_there",
		.other_name = "test_page_table_root",
		.offset = 0x10,
		.is_pointer = true};

	(void)state;
	assert_int_equal(guest_root_find("/proc/self/exe", &wanted, &root), 0);
	assert_int_equal(root.pointer_at, at - 0x10);
	assert_int_equal(root.physical, 0);
}

static void a_table_is_found_in_a_text(void **state)
{
	struct guest_root_symbol wanted = {.name = "init_top_pgt", .offset = 0xffffffff80000000};
	char path[] = "/tmp/guest-root-XXXXXX";
	_cleanup_close_ int fd = mkstemp(path);
	struct guest_root root = {0};
	int r;

	(void)state;
	assert_true(fd >= 0);
	dprintf(fd, "ffffffff81000000 T _text\nffffffff82810000 D init_top_pgt\n"
		    "ffffffff82812000 d init_top_pgt_not\n");
	r = guest_root_find(path, &wanted, &root);
	unlink(path);
	assert_int_equal(r, 0);
	assert_int_equal(root.physical, 0x2810000);
}

static void what_is_not_there_is_not_made_up(void **state)
{
	struct guest_root_symbol missing = {.name = "not_there"};
	struct guest_root root = {.physical = 7};

	(void)state;
	assert_int_equal(guest_root_find("/proc/self/exe", &missing, &root), -ENOENT);
	assert_int_equal(guest_root_find("/not/there", &missing, &root), -ENOENT);
	assert_int_equal(guest_root_find(NULL, &missing, &root), -ENOENT);
	assert_int_equal(
		guest_root_find("/proc/self/exe", &(struct guest_root_symbol){0}, &root), -ENOENT);
	/* Below the offset there is no physical memory. */
	assert_int_equal(guest_root_find("/proc/self/exe",
				 &(struct guest_root_symbol){
					 .name = "test_page_table", .offset = UINT64_MAX},
				 &root),
		-ENOENT);
	assert_int_equal(root.physical, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_found_in_an_elf_file),
		cmocka_unit_test(a_pointer_is_found_by_its_other_name),
		cmocka_unit_test(a_table_is_found_in_a_text),
		cmocka_unit_test(what_is_not_there_is_not_made_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
