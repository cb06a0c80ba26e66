/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of workload/detours.h: the longest are kept, in order of time, through markers and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workload/detours.h"

#define MANY 5000
#define ROOM 700

static struct detour all[MANY], kept[ROOM + 1];
static struct detours found = {.kept = kept, .room = ROOM};

static int longest_first(const void *a, const void *b)
{
	const struct detour *x = a, *y = b;
	uint64_t p = x->end - x->begin, q = y->end - y->begin;

	return (p < q) - (p > q);
}

static void fill(void)
{
	uint64_t at = 7;

	found = (struct detours){.kept = kept, .room = ROOM};
	srand(3);
	for (size_t i = 0; i < MANY; i++) {
		at += (uint64_t)rand() % 3000000;
		all[i].begin = at;
		at += (uint64_t)rand() >> rand() % 24;
		all[i].end = at;
		detours_add(&found, all[i].begin, all[i].end);
	}
	detours_sort(&found);
}

static void the_longest_are_kept_in_order_of_time(void **state)
{
	uint64_t whole = 0, most = 0, least = UINT64_MAX;

	(void)state;
	fill();
	for (size_t i = 0; i < MANY; i++)
		whole += all[i].end - all[i].begin;
	assert_int_equal(found.n, MANY);
	assert_int_equal(found.ticks, whole);
	assert_int_equal(found.n_kept, ROOM);
	for (size_t i = 0; i < ROOM; i++) {
		uint64_t length = kept[i].end - kept[i].begin;

		assert_true(i == 0 || kept[i].begin >= kept[i - 1].end);
		least = length < least ? length : least;
		most += length;
	}
	qsort(all, MANY, sizeof(all[0]), longest_first);
	assert_int_equal(least, all[ROOM - 1].end - all[ROOM - 1].begin);
	for (size_t i = 0; i < ROOM; i++)
		most -= all[i].end - all[i].begin;
	assert_int_equal(most, 0);
}

static void parse(const char *body, struct marker *m)
{
	char line[MARKER_LINE_MAX + 1];
	int n = marker_format(line, sizeof(line), body);

	assert_true(n > 0 && n <= MARKER_LINE_MAX);
	assert_int_equal(marker_parse(line, (size_t)n - 1, m), 0);
}

static void they_survive_the_way_through_markers(void **state)
{
	struct detour back[ROOM];
	struct detours_head head;
	char body[MARKER_LINE_MAX];
	struct marker m;
	size_t from = 0, n = 0;

	(void)state;
	fill();
	detours_encode_head(body, "detour", 3, &found);
	parse(body, &m);
	assert_int_equal(detours_decode_head(&m, &head), 0);
	assert_true(head.worker == 3 && head.n == MANY && head.kept == ROOM &&
		    head.ticks == found.ticks);
	while (detours_encode_times(body, "detour", 3, &found, &from)) {
		parse(body, &m);
		assert_int_equal(detours_decode_times(&m, back, ROOM, &n), 0);
	}
	assert_int_equal(n, ROOM);
	assert_memory_equal(back, kept, sizeof(back));
}

static void without_room_they_are_counted(void **state)
{
	struct detours d = {.room = 0};
	char body[MARKER_LINE_MAX];
	size_t from = 0;

	(void)state;
	detours_add(&d, 5, 8);
	detours_add(&d, 9, 10);
	detours_sort(&d);
	assert_true(d.n == 2 && d.ticks == 4 && d.n_kept == 0);
	assert_int_equal(detours_encode_times(body, "detour", 0, &d, &from), 0);
}

static void hostile_text_does_no_harm(void **state)
{
	static const char *const bodies[] = {"detours kernel=x worker=0 n=3 ticks=4 kept=4",
		"detours kernel=x worker=0 n=99999999 ticks=4 kept=99999999",
		"detours kernel= worker=0 n=3 ticks=4 kept=1",
		"detours kernel=x worker=y n=3 ticks=4 kept=1",
		"detours kernel=x worker=0 n=3 kept=1", "detour-times kernel=x worker=0 data=00",
		"detour-times kernel=x worker=0 t=1 data=0",
		"detour-times kernel=x worker=0 t=1 data=0~",
		"detour-times kernel=x worker=0 t=9223372036854775807 data=11",
		"detour-times kernel=x worker=0 t=1 data=11111111111111"};
	struct detour one[2];
	struct detours_head head;
	struct marker m;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		size_t n = 0;

		parse(bodies[i], &m);
		assert_true(detours_decode_head(&m, &head) < 0);
		assert_true(detours_decode_times(&m, one, 2, &n) < 0);
		assert_true(n <= 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_are_kept_in_order_of_time),
		cmocka_unit_test(they_survive_the_way_through_markers),
		cmocka_unit_test(without_room_they_are_counted),
		cmocka_unit_test(hostile_text_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
