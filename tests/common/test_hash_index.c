/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of common/hash_index.h and common/intern.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash_index.h"
#include "common/intern.h"

static bool no_memory;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

/* All of the program's calls come here: ld's --wrap. */
void *__wrap_calloc(size_t n, size_t size)
{
	return no_memory ? NULL : __real_calloc(n, size);
}

static bool is_number(const void *numbers, size_t i, const void *number)
{
	return ((const uint32_t *)numbers)[i] == *(const uint32_t *)number;
}

#define N 10000
static uint32_t numbers[N];

static size_t find(const struct hash_index *index, uint64_t hash, uint32_t number)
{
	return hash_index_find(index, hash, is_number, numbers, &number);
}

static void fill(struct hash_index *index, uint64_t (*hash)(uint32_t), uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		numbers[i] = 7 * i;
		assert_int_equal(find(index, hash(7 * i), 7 * i), HASH_NONE);
		assert_int_equal(hash_index_add(index, hash(7 * i), i), 0);
	}
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(find(index, hash(7 * i), 7 * i), i);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(find(index, hash(7 * i + 1), 7 * i + 1), HASH_NONE);
	assert_int_equal(index->n, n);
	assert_true(2 * index->n <= index->n_slots);
	assert_int_equal(index->n_slots & (index->n_slots - 1), 0);
	hash_index_clear(index);
	assert_int_equal(find(index, hash(7), 7), HASH_NONE);
}

static uint64_t hash_good(uint32_t number)
{
	return hash_number(HASH_FIRST, number);
}

/* Its high half, which an index is ordered by, knows of 5 places only. */
static uint64_t hash_of_few_places(uint32_t number)
{
	return (uint64_t)(number % 5) << 32 | number;
}

/* The last slot: what collides there goes on at the first. */
static uint64_t hash_all_ones(uint32_t number)
{
	(void)number;
	return UINT64_MAX;
}

static void index_finds_what_was_added_and_nothing_else(void **state)
{
	struct hash_index index = {0};

	(void)state;
	fill(&index, hash_good, N);
}

static void index_tells_elements_apart_whose_hashes_collide(void **state)
{
	struct hash_index index = {0};

	(void)state;
	fill(&index, hash_of_few_places, 500);
	fill(&index, hash_all_ones, 500);
}

static void index_is_as_it_was_where_there_is_no_memory(void **state)
{
	struct hash_index index = {0};
	uint32_t n = 0;

	(void)state;
	no_memory = true;
	assert_int_equal(hash_index_add(&index, hash_good(1), 0), -ENOMEM);
	no_memory = false;
	for (bool full = false; !full; n += !full) { /* until it would have to grow, again */
		numbers[n] = n;
		no_memory = n > 0;
		full = hash_index_add(&index, hash_good(n), n) < 0;
	}
	assert_true(n > 0);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(find(&index, hash_good(i), i), i);
	assert_int_equal(find(&index, hash_good(n), n), HASH_NONE);
	assert_int_equal(index.n, n);
	no_memory = false;
	assert_int_equal(hash_index_add(&index, hash_good(n), n), 0);
	assert_int_equal(find(&index, hash_good(n), n), n);
	assert_int_equal(hash_index_add(&index, 1, UINT32_MAX), -ENOMEM); /* no such index fits */
	hash_index_clear(&index);
}

/* The values of http://www.isthe.com/chongo/tech/comp/fnv/ , FNV-1a of 64 bits. */
static void bytes_have_their_published_hashes(void **state)
{
	(void)state;
	assert_true(hash_bytes(HASH_FIRST, "", 0) == 0xcbf29ce484222325ULL);
	assert_true(hash_bytes(HASH_FIRST, "a", 1) == 0xaf63dc4c8601ec8cULL);
	assert_true(hash_bytes(HASH_FIRST, "foobar", 6) == 0x85944171f73967e8ULL);
}

static void equal_texts_are_one(void **state)
{
	struct intern set = {0};
	const char *kept[2000];
	char text[32];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "text %d", i);
		kept[i] = intern_string(&set, text);
		assert_ptr_not_equal(kept[i], text);
	}
	assert_int_equal(set.n, 2000);
	for (int i = 0; i < 2000; i++) {
		int n = snprintf(text, sizeof(text), "text %dxyz", i) - 3;

		assert_ptr_equal(intern_bytes(&set, text, (size_t)n), kept[i]);
		text[n] = '\0';
		assert_string_equal(kept[i], text);
		assert_ptr_equal(intern_bytes(&set, text, sizeof(text)), kept[i]);
	}
	assert_int_equal(set.n, 2000);
	assert_string_equal(intern_string(&set, ""), "");
	intern_clear(&set);
	assert_int_equal(set.n, 0);
}

/* Longer than what strings are kept in piece by piece. */
static void long_texts_are_kept_too(void **state)
{
	struct intern set = {0};
	size_t length = 100000;
	char *text = malloc(length + 1);

	(void)state;
	memset(text, 'x', length);
	text[length] = '\0';
	assert_string_equal(intern_string(&set, text), text);
	assert_string_equal(intern_string(&set, "short"), "short");
	assert_ptr_equal(intern_string(&set, text), intern_string(&set, text));
	no_memory = true; /* there is room for some yet */
	assert_string_equal(intern_string(&set, "other"), "other");
	no_memory = false;
	intern_clear(&set);
	free(text);
}

static void texts_that_there_is_no_memory_for_may_come_again(void **state)
{
	struct intern set = {0};

	(void)state;
	no_memory = true;
	assert_null(intern_string(&set, "text"));
	no_memory = false;
	assert_string_equal(intern_string(&set, "text"), "text");
	assert_int_equal(set.n, 1);
	intern_clear(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(index_finds_what_was_added_and_nothing_else),
		cmocka_unit_test(index_tells_elements_apart_whose_hashes_collide),
		cmocka_unit_test(index_is_as_it_was_where_there_is_no_memory),
		cmocka_unit_test(bytes_have_their_published_hashes),
		cmocka_unit_test(equal_texts_are_one),
		cmocka_unit_test(long_texts_are_kept_too),
		cmocka_unit_test(texts_that_there_is_no_memory_for_may_come_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
