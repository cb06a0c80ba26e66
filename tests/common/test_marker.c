/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of common/marker.h: what is made can be read, and nothing else is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/marker.h"
#include "tests/common/ranges.h"

#define LINE "\x1eguestscope phase name=render t=123 ;"

/** Format @body and parse it again; the newline is cut as a reader does. */
static int round_trip(const char *body, struct marker *ret)
{
	char line[MARKER_LINE_MAX + 1];
	int n = marker_format(line, sizeof(line), body);

	assert_true(n > 0);
	assert_int_equal(line[n - 1], '\n');
	return marker_parse(line, (size_t)n - 1, ret);
}

static void what_is_made_can_be_read(void **state)
{
	struct marker m;
	uint64_t t;

	(void)state;
	assert_int_equal(round_trip("phase name=render t=18446744073709551615", &m), 0);
	assert_string_equal(m.kind, "phase");
	assert_int_equal(m.n_fields, 2);
	assert_string_equal(marker_get(&m, "name"), "render");
	assert_int_equal(marker_get_u64(&m, "t", &t), 0);
	assert_true(t == UINT64_MAX);
	assert_null(marker_get(&m, "nam"));
	assert_int_equal(marker_get_u64(&m, "x", &t), -ENODATA);
	assert_int_equal(marker_get_u64(&m, "name", &t), -EINVAL);
	assert_int_equal(round_trip("bye", &m), 0);
	assert_int_equal(m.n_fields, 0);
}

static void values_may_have_spaces_and_any_text(void **state)
{
	struct marker m;
	uint64_t t;

	(void)state;
	assert_int_equal(round_trip("phase name=load  the d\xc3\xa4ta (x = 1) t=7", &m), 0);
	assert_int_equal(m.n_fields, 2);
	assert_string_equal(marker_get(&m, "name"), "load  the d\xc3\xa4ta (x = 1)");
	assert_int_equal(marker_get_u64(&m, "t", &t), 0);
	assert_int_equal(t, 7);
}

static void the_checksum_is_that_of_zlib(void **state)
{
	char line[MARKER_LINE_MAX + 1];
	int n;

	(void)state;
	/* python3: zlib.crc32(b"guestscope bye") */
	n = marker_format(line, sizeof(line), "bye");
	assert_memory_equal(line, "\x1eguestscope bye ;2fe3ef11\n", (size_t)n);
}

static void numbers_that_are_none_are_refused(void **state)
{
	static const char *const bodies[] = {"k t=", "k t=-1", "k t=+1", "k t=1x", "k t=0x10",
		"k t=18446744073709551616", "k t=99999999999999999999999"};
	struct marker m;
	uint64_t t = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		assert_int_equal(round_trip(bodies[i], &m), 0);
		assert_int_equal(marker_get_u64(&m, "t", &t), -EINVAL);
	}
	assert_true(t == 7);
}

static void a_wrong_form_is_refused_even_with_a_right_checksum(void **state)
{
	static const char *const bodies[] = {"", " ", "Phase", "1phase", "phase name", "phase =x",
		"phase Name=x", "phase na me=x"};
	char many[256] = "k";
	struct marker m;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		assert_int_equal(round_trip(bodies[i], &m), -EBADMSG);
	for (int i = 0; i <= MARKER_FIELDS_MAX; i++)
		strcat(many, " a=b");
	assert_int_equal(round_trip(many, &m), -E2BIG);
	assert_int_equal(round_trip("phase name=\x01", &m), -EBADMSG);
	assert_int_equal(round_trip("phase name=\x7f", &m), -EBADMSG);
}

static void every_flipped_bit_is_noticed(void **state)
{
	char line[MARKER_LINE_MAX + 1];
	struct marker m;
	int n;

	(void)state;
	n = marker_format(line, sizeof(line), "worker id=0 cpu=3 busy=12345 tasks=7") - 1;
	for (int i = 0; i < n * 8; i++) {
		line[i / 8] = (char)(line[i / 8] ^ 1 << i % 8);
		assert_int_equal(marker_parse(line, (size_t)n, &m), -EBADMSG);
		line[i / 8] = (char)(line[i / 8] ^ 1 << i % 8);
	}
	assert_int_equal(marker_parse(line, (size_t)n, &m), 0);
	for (int length = 0; length < n; length++)
		assert_int_equal(marker_parse(line, (size_t)length, &m), -EBADMSG);
}

static void what_does_not_fit_is_not_made(void **state)
{
	char body[2 * MARKER_LINE_MAX], line[MARKER_LINE_MAX + 1], small[16];
	struct marker m;
	size_t longest = 0;

	(void)state;
	assert_int_equal(marker_format(small, sizeof(small), "bye"), -ENOBUFS);
	memset(body, 'a', sizeof(body));
	for (size_t n = 1; n < sizeof(body) - 1; n++) {
		int length;

		body[n] = '\0';
		length = marker_format(line, sizeof(line), body);
		if (length > 0) {
			assert_true(length <= MARKER_LINE_MAX);
			assert_int_equal(marker_parse(line, (size_t)length - 1, &m), 0);
			longest = n;
		} else {
			assert_int_equal(length, -ENOBUFS);
		}
		body[n] = 'a';
	}
	assert_between(longest, MARKER_LINE_MAX - 40, MARKER_LINE_MAX);
}

/** What a stream found: kinds, with a comma after each. */
struct found {
	char kinds[4096];
};

static void note(const struct marker *m, void *userdata)
{
	struct found *f = userdata;

	assert_true(strlen(f->kinds) + strlen(m->kind) + 2 < sizeof(f->kinds));
	strcat(f->kinds, m->kind);
	strcat(f->kinds, ",");
}

/** A stream with garbage, carriage returns, a cut marker, and one too long. Three are valid. */
static size_t make_stream(char *to)
{
	char line[MARKER_LINE_MAX + 1];
	size_t n = 0;

	n += (size_t)sprintf(to + n, "SeaBIOS\r\nnoise\x1b[2J");
	(void)marker_format(line, sizeof(line), "one a=b");
	n += (size_t)sprintf(to + n, "%s", line);
	n += (size_t)sprintf(to + n, "text\r\n" LINE "00000000\r\n\x1eguestsc");
	(void)marker_format(line, sizeof(line), "two");
	line[strlen(line) - 1] = '\0';
	n += (size_t)sprintf(to + n, "%s\r\n\x1e", line);
	memset(to + n, 'x', 3 * MARKER_LINE_MAX);
	n += 3 * MARKER_LINE_MAX;
	(void)marker_format(line, sizeof(line), "three");
	n += (size_t)sprintf(to + n, "\n%s\x1eunfinished", line);
	return n;
}

static void a_stream_gives_the_same_however_it_is_cut(void **state)
{
	static char text[8 * MARKER_LINE_MAX];
	size_t n = make_stream(text);

	(void)state;
	for (size_t piece = 1; piece < 200; piece++) {
		struct marker_stream s = {0};
		struct found f = {""};

		for (size_t at = 0; at < n; at += piece)
			marker_stream_push(
				&s, text + at, n - at < piece ? n - at : piece, note, &f);
		assert_string_equal(f.kinds, "one,two,three,");
		/* A wrong checksum, a cut line, a line too long. */
		assert_int_equal(s.garbled, 3);
	}
}

static void garbage_is_never_believed(void **state)
{
	struct marker_stream s = {0};
	struct found f = {""};
	char piece[512];

	(void)state;
	srand(1);
	for (int round = 0; round < 2000; round++) {
		for (size_t i = 0; i < sizeof(piece); i++)
			piece[i] = (char)(rand() % 8 ? rand() : "\x1e\n;\r"[rand() % 4]);
		marker_stream_push(&s, piece, sizeof(piece), note, &f);
	}
	assert_string_equal(f.kinds, "");
	assert_true(s.garbled > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_can_be_read),
		cmocka_unit_test(values_may_have_spaces_and_any_text),
		cmocka_unit_test(the_checksum_is_that_of_zlib),
		cmocka_unit_test(numbers_that_are_none_are_refused),
		cmocka_unit_test(a_wrong_form_is_refused_even_with_a_right_checksum),
		cmocka_unit_test(every_flipped_bit_is_noticed),
		cmocka_unit_test(what_does_not_fit_is_not_made),
		cmocka_unit_test(a_stream_gives_the_same_however_it_is_cut),
		cmocka_unit_test(garbage_is_never_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
