/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"

/* glibc tells how large a block is: what an array says of its room must be in it. */
#include <malloc.h>

static void array_has_the_room_that_its_number_tells(void **state)
{
	uint32_t *array = NULL;
	size_t n = 0;

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		assert_int_equal(ARRAY_ADD(array, n, i), 0);
		assert_int_equal(n, i + 1);
		assert_true(malloc_usable_size(array) >= array_room(n) * sizeof(*array));
	}
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(array[i], i);
	free(array);
}

static void array_may_shrink_and_grow_again(void **state)
{
	uint64_t *array = NULL;
	size_t n = 0;

	(void)state;
	for (size_t round = 0; round < 40; round++) {
		for (size_t i = 0; i < 37; i++) {
			uint64_t *last = ARRAY_PUSH(array, n);

			assert_non_null(last);
			*last = n;
			assert_true(malloc_usable_size(array) >= n * sizeof(*array));
		}
		n -= 23;
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(array[i], i + 1);
	free(array);
}

static void array_takes_many_at_once(void **state)
{
	char *text = NULL;
	size_t n = 0;

	(void)state;
	for (size_t length = 0; length < 300; length++) {
		assert_int_equal(ARRAY_MORE(text, n, length), 0);
		if (length)
			memset(text + n, (int)('a' + length % 26), length);
		n += length;
	}
	for (size_t length = 0, at = 0; length < 300; at += length++)
		for (size_t i = 0; i < length; i++)
			assert_int_equal(text[at + i], 'a' + length % 26);
	free(text);
}

static void array_value_may_be_of_the_array(void **state)
{
	struct pair {
		size_t a, b;
	} *array = NULL;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(
			ARRAY_ADD(array, n, (struct pair){n, n ? array[n - 1].b + 2 : 0}), 0);
	assert_int_equal(array[99].a, 99);
	assert_int_equal(array[99].b, 198);
	free(array);
}

/* More than there can be: the array is as it was. */
static void array_stays_where_there_is_no_memory(void **state)
{
	uint64_t *array = NULL, *old;
	volatile size_t most = SIZE_MAX; /* compilers see through constants, and warn */
	size_t n = 0;

	(void)state;
	assert_int_equal(ARRAY_ADD(array, n, 7), 0);
	old = array;
	assert_int_equal(ARRAY_MORE(array, n, most / 16), -ENOMEM);
	assert_int_equal(ARRAY_MORE(array, n, most / 2), -ENOMEM);
	assert_int_equal(ARRAY_MORE(array, n, most), -ENOMEM);
	assert_ptr_equal(array, old);
	assert_int_equal(n, 1);
	assert_int_equal(array[0], 7);
	free(array);
}

static void array_of_texts_owns_them(void **state)
{
	char **texts = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(array_add_text(&texts, &n, strdup("one")), 0);
	assert_int_equal(array_add_text(&texts, &n, NULL), -ENOMEM);
	assert_int_equal(array_add_text(&texts, &n, strdup("two")), 0);
	assert_int_equal(n, 2);
	assert_string_equal(texts[0], "one");
	assert_string_equal(texts[1], "two");
	while (n > 0)
		free(texts[--n]);
	free(texts);
}

static void sorted_array_is_bisected(void **state)
{
	static const int sorted[] = {2, 3, 3, 3, 7, 9};

	(void)state;
	for (size_t n = 0; n <= 6; n++)
		for (int key = 0; key < 11; key++) {
			size_t first = 0;

			while (first < n && sorted[first] < key)
				first++;
			assert_int_equal(ARRAY_BISECT(sorted, n, e, *e < key), first);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(array_has_the_room_that_its_number_tells),
		cmocka_unit_test(array_may_shrink_and_grow_again),
		cmocka_unit_test(array_takes_many_at_once),
		cmocka_unit_test(array_value_may_be_of_the_array),
		cmocka_unit_test(array_stays_where_there_is_no_memory),
		cmocka_unit_test(array_of_texts_owns_them),
		cmocka_unit_test(sorted_array_is_bisected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
