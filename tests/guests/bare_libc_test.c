/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest bare's own libc, held against the host's. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The same sources under other names. */
double bare_strtod(const char *text, char **ret_end);
long long bare_strtoll(const char *text, char **ret_end, int base);
int bare_vsnprintf(char *ret, size_t size, const char *format, va_list ap);
int bare_snprintf(char *ret, size_t size, const char *format, ...);

#undef strtod
#undef strtoll
#undef vsnprintf
#undef snprintf
#define strtod    bare_strtod
#define strtoll   bare_strtoll
#define vsnprintf bare_vsnprintf
#define snprintf  bare_snprintf
/* Its names would be the host's. NOLINTNEXTLINE(bugprone-suspicious-include) */
#include "guests/bare/libc/format.c"
#undef DIGITS_MAX
/* NOLINTNEXTLINE(bugprone-suspicious-include): the same */
#include "guests/bare/libc/number.c"
#undef strtod
#undef strtoll
#undef vsnprintf
#undef snprintf

static void check_real(const char *text)
{
	char *end, *end_host;
	double bare = bare_strtod(text, &end), host = strtod(text, &end_host);

	/* Every bit: NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
	if (memcmp(&bare, &host, sizeof(bare)) != 0 || end != end_host)
		fail_msg("'%s': %a, the host says %a", text, bare, host);
}

static void real_numbers_are_read_to_the_last_bit(void **state)
{
	static const char *const texts[] = {"0", "-0", "1", "0.125689", "-0.00275", "0.78912", "5.",
		".5", "1e22", "1e23", "9007199254740993", "9007199254740992.5", "1e308",
		"1.7976931348623157e308", "1.7976931348623159e308", "1e309", "4.9e-324", "2.4e-324",
		"2.5e-324", "2.2250738585072014e-308", "2.2250738585072011e-308", "1e-400",
		"1e99999", "  7", "+3", "1e", "1e+", "3x", "", ".", "-", "e5", "0.1e-5z", "8.41e21",
		"123456789012345678901234567890", "0.000000000000000000000000000000001"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_real(texts[i]);
	srand(1);
	for (int i = 0; i < 20000; i++) {
		char text[80];
		int n = snprintf(text, sizeof(text), "%s%d.%09d%08d", rand() % 2 ? "-" : "",
			rand() % 1000, rand() % 1000000000, rand() % 100000000);

		if (rand() % 2)
			snprintf(text + n, sizeof(text) - (size_t)n, "e%d", rand() % 660 - 340);
		check_real(text);
	}
}

static void whole_numbers_are_read_as_on_the_host(void **state)
{
	static const char *const texts[] = {"0", "17", "-17", "+5", "0x1F", "0xg", "010", "09",
		"abc", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
		"-9223372036854775809", "99999999999999999999999", "  12 ", "", "-"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (int base = 0; base <= 16; base += base ? 6 : 10) {
			char *end, *end_host;
			long long bare, host;
			int code;

			errno = 0;
			bare = bare_strtoll(texts[i], &end, base);
			code = errno;
			errno = 0;
			host = strtoll(texts[i], &end_host, base);
			if (bare != host || end != end_host || code != errno)
				fail_msg("'%s' in base %d: %lld, the host says %lld", texts[i],
					base, bare, host);
		}
}

#define CHECK_FORMAT(...)                                                                          \
	do {                                                                                       \
		char bare_[200], host_[200];                                                       \
		int n_ = bare_snprintf(bare_, sizeof(bare_), __VA_ARGS__);                         \
		assert_int_equal(n_, snprintf(host_, sizeof(host_), __VA_ARGS__));                 \
		assert_string_equal(bare_, host_);                                                 \
	} while (0)

static void text_is_formatted_as_on_the_host(void **state)
{
	char small[5];

	(void)state;
	CHECK_FORMAT("plain %% %c|%5c|%-5c|", 'x', 'y', 'z');
	CHECK_FORMAT("%d %i %u %x", -17, 0, 4000000000u, 0xdeadbeefu);
	CHECK_FORMAT("%ld %lld %lu %zu %" PRIx64, INT64_MIN, -1LL, UINT64_MAX, (size_t)7,
		(uint64_t)1 << 60);
	/* cppcheck-suppress invalidPrintfArgType_uint ; as programs do */
	CHECK_FORMAT("%08x %8u|%-8u|%08d", 0xabc, 5, 6, -7);
	CHECK_FORMAT("%s|%10s|%-10s|%.3s|%.*s|", "abc", "def", "ghi", "jklmn", 2, "opq");
	CHECK_FORMAT("%.3f %.0f %f %.6f %10.2f|", 1.0005, 2.7, 3.25, 0.999999999, -4.126);
	CHECK_FORMAT("%.15g %g %g", 1000000., -1., 0.5);
	assert_int_equal(bare_snprintf(small, sizeof(small), "%s", "too long"), 8);
	assert_string_equal(small, "too ");
	assert_int_equal(bare_snprintf(NULL, 0, "%d", 12345), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_numbers_are_read_to_the_last_bit),
		cmocka_unit_test(whole_numbers_are_read_as_on_the_host),
		cmocka_unit_test(text_is_formatted_as_on_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
