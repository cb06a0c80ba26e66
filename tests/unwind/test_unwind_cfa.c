/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/unwind/unwind_cfa.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/unwind/unwind_cfa.h"
#include "common/cleanup.h"

#define PLAIN(...) is_plain((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static bool is_plain(const uint8_t *bytes, size_t n)
{
	return unwind_cfa_is_plain(bytes, bytes + n);
}

/* Numbers as DWARF 5 has them, 7.24. */
static void what_compilers_write_is_plain(void **state)
{
	(void)state;
	assert_true(unwind_cfa_is_plain(NULL, NULL));
	/* def_cfa rsp+8; rip at cfa-8; nop: how each CIE begins */
	assert_true(PLAIN(0x0c, 7, 8, 0x90, 1, 0, 0));
	/* advance 4; def_cfa_offset 16; rbp at cfa-16; advance 3; def_cfa_register rbp; advance_loc1 200; restore rbp */
	assert_true(PLAIN(0x44, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x02, 200, 0xc6));
	assert_true(PLAIN(0x03, 1, 2, 0x04, 1, 2, 3, 4, 0x0a, 0x0b, 0x2e, 0x80, 1));
	/* def_cfa_expression of eleven bytes, as linkers write for the PLT; expression of register 6 */
	assert_true(PLAIN(0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22));
	assert_true(PLAIN(0x10, 6, 2, 0x76, 0));
	assert_true(PLAIN(0x07, 0xff, 0x01)); /* undefined 255 */
}

static void large_numbers_of_registers_are_not(void **state)
{
	(void)state;
	assert_false(PLAIN(0x07, 0x80, 0x02));
	assert_false(PLAIN(0x05, 0xff, 0xff, 0xff, 0x7f, 1));
	assert_false(PLAIN(0x09, 6, 0x80, 0x80, 0x04));
	assert_false(
		PLAIN(0x16, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0));
	/* A large number that is no register. */
	assert_true(PLAIN(0x0e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f));
}

static void what_ends_too_early_or_is_unknown_is_not(void **state)
{
	(void)state;
	assert_false(PLAIN(0x0c, 7));
	assert_false(PLAIN(0x0c, 7, 0x80));
	assert_false(PLAIN(0x04, 1, 2, 3));
	assert_false(PLAIN(0x10, 6, 3, 0x76, 0));
	assert_false(PLAIN(0x10, 6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0));
	assert_false(PLAIN(0x01, 0, 0, 0, 0)); /* set_loc, which no compiler writes */
	assert_false(PLAIN(0x3f));
}

static void blocks_are_skipped_within_what_is_there(void **state)
{
	const uint8_t bytes[] = {2, 8, 9, 3, 1, 1};
	const uint8_t *at = bytes, *end = bytes + sizeof(bytes);

	(void)state;
	assert_true(unwind_cfa_skip_block(&at, end));
	assert_ptr_equal(at, bytes + 3);
	assert_false(unwind_cfa_skip_block(&at, end));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_compilers_write_is_plain),
		cmocka_unit_test(large_numbers_of_registers_are_not),
		cmocka_unit_test(what_ends_too_early_or_is_unknown_is_not),
		cmocka_unit_test(blocks_are_skipped_within_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
