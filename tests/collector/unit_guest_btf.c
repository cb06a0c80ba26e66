/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/inside/guest_btf.h, on type information that is made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/btf.h>
#include <string.h>

#include "collector/inside/guest_btf.h"
#include "common/cleanup.h"

#define INFO(kind, n) ((uint32_t)(kind) << 24 | (n))
#define KFLAG         (1U << 31)
#define BITS(bytes)   ((bytes)*8)

static const char strings[] = "\0int\0outer\0first\0inside\0flag";
enum { NO_NAME = 0, INT = 1, OUTER = 5, FIRST = 11, INSIDE = 17, FLAG = 24 };

/* struct outer { int first; struct { int inside; }; int flag : 1; } */
static const uint32_t types[] = {
	/* 1 */ INT, INFO(BTF_KIND_INT, 0), 4, 32,
	/* 2 */ NO_NAME, INFO(BTF_KIND_STRUCT, 1), 4, INSIDE, 1, BITS(12),
	/* 3: a union of that name is no structure */ OUTER, INFO(BTF_KIND_UNION, 0), 4,
	/* 4 */ OUTER, INFO(BTF_KIND_STRUCT, 3) | KFLAG, 64, FIRST, 1, BITS(4), NO_NAME, 2,
	BITS(16), FLAG, 1, 1U << 24 | BITS(40)};

static struct {
	struct btf_header head;
	uint32_t types[ARRAY_SIZE(types)];
	char strings[sizeof(strings)];
} btf;

static int make(void **state)
{
	(void)state;
	btf.head = (struct btf_header){.magic = BTF_MAGIC,
		.version = 1,
		.hdr_len = sizeof(btf.head),
		.type_len = sizeof(types),
		.str_off = sizeof(types),
		.str_len = sizeof(strings)};
	memcpy(btf.types, types, sizeof(types));
	memcpy(btf.strings, strings, sizeof(strings));
	return 0;
}

static int find(const char *structure, const char *name, uint32_t *ret)
{
	return guest_btf_find(
		&btf, sizeof(btf), &(struct guest_btf_member){structure, name, ret}, 1);
}

static void members_are_found_where_they_are(void **state)
{
	uint32_t first = 0, inside = 0, flag = 0;
	const struct guest_btf_member members[] = {
		{"outer", "first", &first}, {"outer", "inside", &inside}, {"outer", "flag", &flag}};

	(void)state;
	assert_int_equal(guest_btf_find(&btf, sizeof(btf), members, ARRAY_SIZE(members)), 0);
	assert_int_equal(first, 4);
	assert_int_equal(inside, 16 + 12);
	assert_int_equal(flag, 40);
}

static void what_is_missing_is_told(void **state)
{
	uint32_t at;

	(void)state;
	assert_int_equal(find("outer", "second", &at), -ENODATA);
	assert_int_equal(find("other", "first", &at), -ENODATA);
	assert_int_equal(find("int", "first", &at), -ENODATA);
}

static void a_part_is_no_type_information(void **state)
{
	uint32_t at;

	(void)state;
	for (size_t size = 0; size < offsetof(typeof(btf), strings) + sizeof(strings); size++)
		assert_int_equal(guest_btf_find(&btf, size,
					 &(struct guest_btf_member){"outer", "flag", &at}, 1),
			-ENODATA);
}

static void a_structure_within_itself_has_an_end(void **state)
{
	uint32_t at;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (btf.types[i] == 2 && btf.types[i + 1] == BITS(16))
			btf.types[i] = 4;
	assert_int_equal(find("outer", "inside", &at), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(members_are_found_where_they_are, make),
		cmocka_unit_test_setup(what_is_missing_is_told, make),
		cmocka_unit_test_setup(a_part_is_no_type_information, make),
		cmocka_unit_test_setup(a_structure_within_itself_has_an_end, make),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
