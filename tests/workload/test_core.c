/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of the computing core: Go's arithmetic to the last bit, and rows that do not depend on
 * each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/common/ranges.h"
#include "workload/fractal.h"
#include "workload/gomath.h"
#include "workload/palette.h"
#include "workload/sha256.h"

static uint64_t bits(double x)
{
	uint64_t u;

	memcpy(&u, &x, sizeof(u));
	return u;
}

static void conversions_wrap_as_the_processor_does(void **state)
{
	(void)state;
	assert_true(go_int(1.99) == 1);
	assert_true(go_int(-1.99) == -1);
	assert_true(go_int(-0x1p63) == INT64_MIN);
	assert_true(go_int(0x1p63) == INT64_MIN);
	assert_true(go_int(-1e300) == INT64_MIN);
	assert_true(go_int(NAN) == INT64_MIN);
	assert_true(go_int(INFINITY) == INT64_MIN);
	assert_true(go_uint32(-1.5) == UINT32_MAX);
	assert_true(go_uint32(4294967296.0 + 7) == 7);
	assert_true(go_uint32(NAN) == 0);
}

static void special_logarithms_are_gos(void **state)
{
	(void)state;
	assert_true(go_log(0) == -INFINITY);
	assert_true(go_log(-0.0) == -INFINITY);
	assert_true(go_log(INFINITY) == INFINITY);
	assert_true(isnan(go_log(-1)));
	assert_true(isnan(go_log(-INFINITY)));
	assert_true(isnan(go_log(NAN)));
	assert_true(bits(go_log(1)) == 0);
}

/* Against libm, which is right within an ulp. */
static void logarithm_and_cosine_are_near_libms(void **state)
{
	(void)state;
	srand(7);
	for (int i = 0; i < 100000; i++) {
		double x = exp((double)rand() / RAND_MAX * 60 - 30);
		double y = (double)rand() / RAND_MAX * 7;

		assert_true(fabs(go_log(x) - log(x)) <= 4e-16 * fmax(1, fabs(log(x))));
		assert_true(fabs(go_cos(y) - cos(y)) <= 4e-16);
	}
	assert_true(fabs(go_cos(1e6) - cos(1e6)) < 1e-10);
	assert_true(isnan(go_cos(INFINITY)));
	assert_true(isnan(go_cos(NAN)));
}

/* FNV-1a over 64-bit words. */
static uint64_t mix(uint64_t hash, double x)
{
	return (hash ^ (isnan(x) ? 1 : bits(x))) * UINT64_C(1099511628211);
}

/*
 * Two million numbers from a xorshift generator: between 1 and 2, of all magnitudes that occur, any
 * bits at all; angles from 0 to 8. The sum was made by the same loop in Go 1.19 on amd64 with
 * math.Log and math.Cos.
 */
static void logarithm_and_cosine_are_gos_to_the_last_bit(void **state)
{
	uint64_t hash = UINT64_C(14695981039346656037), s = UINT64_C(88172645463325252);

	(void)state;
	for (int i = 0; i < 2000000; i++) {
		uint64_t b;
		double x;

		s ^= s << 13;
		s ^= s >> 7;
		s ^= s << 17;
		b = s;
		if (i % 3 == 0)
			b = s >> 12 | UINT64_C(0x3ff0000000000000);
		if (i % 3 == 1)
			b = (s & (UINT64_MAX >> 12)) | (1023 - 40 + s % 80) << 52;
		memcpy(&x, &b, sizeof(x));
		hash = mix(hash, go_log(x));
		hash = mix(hash, go_cos((double)(s >> 11) / 0x1p53 * 8));
	}
	assert_true(hash == UINT64_C(0x9b340997320ea7da));
}

static void palettes_have_scales(void **state)
{
	static const struct {
		const char *name;
		size_t n_stops;
	} expected[] = {{"AfternoonBlue", 5}, {"SummerBeach", 5}, {"Biochimist", 5}, {"Fiesta", 5},
		{"Hippi", 16}, {"Vivid", 22}, {"Plan9", 256}};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const struct palette *p = palette_find(expected[i].name);
		uint32_t first[4] = {0};
		size_t n;

		assert_non_null(p);
		assert_int_equal(p->n_stops, expected[i].n_stops);
		n = palette_scale(p, 6000, NULL, 0);
		assert_between(n, 5990, 6001);
		assert_int_equal(palette_scale(p, 6000, first, 3), n);
		assert_int_equal(first[3], 0);
	}
	assert_null(palette_find("hippi"));
	assert_null(palette_find("Hipp"));
	assert_null(palette_find("Hippie"));
	assert_null(palette_find(""));
}

/* The scalar loop, as plain as can be: what the lanes of fractal.c must equal. */
static void plain_orbit(double cx, double cy, int64_t max, double *ret_norm, int64_t *ret_steps)
{
	double x = 0, y = 0;

	for (int64_t i = 0; i < max; i++) {
		double xy = x * y, xx = x * x, yy = y * y;

		if (xx + yy > 4) {
			*ret_norm = xx + yy;
			*ret_steps = i;
			return;
		}
		x = xx - yy + cx;
		y = 2 * xy + cy;
	}
	*ret_norm = (x * x + y * y) / 2;
	*ret_steps = max;
}

static uint32_t plain_pixel(const struct fractal *f, uint32_t column, uint32_t row)
{
	double x = f->x_min + f->x_span * (double)column / (double)(f->width - 1);
	double y = f->y_min + f->y_span * (double)row / (double)(f->height - 1);
	double norm, value;
	int64_t steps, index;
	uint32_t weight, colour;

	plain_orbit(x, y, f->max_iteration, &norm, &steps);
	value = (double)(f->max_iteration - steps) + go_log(norm);
	index = go_int(fabs(value));
	if (index < 0 || index >= (int64_t)f->n_scale - 1)
		return 0;
	weight = go_uint32(value);
	colour = f->scale[index] * (1 - weight) + f->scale[index + 1] * weight;
	return (colour >> 24) | (colour >> 8 & 0xff00) | (colour << 8 & 0xff0000) | 0xff000000;
}

static void lanes_equal_the_plain_loop(void **state)
{
	static const struct {
		uint32_t width, height;
		int64_t max;
		double x, y, extent;
	} views[] = {
		{2, 2, 1, 0, 0, 1}, {3, 5, 10, -0.5, 0, 3}, {5, 3, 2, 100, 7, 50},
		{61, 40, 300, -0.7436, 0.1318, 0.01}, {64, 7, 1000, 0, 0, 4},
		{1, 2, 50, 0, 0, 1}, /* x is no number: nothing is painted, nothing crashes */
	};
	uint32_t *scale = calloc(6001, sizeof(*scale)), *row = calloc(64, sizeof(*row));

	(void)state;
	assert_non_null(scale);
	assert_non_null(row);
	for (size_t v = 0; v < sizeof(views) / sizeof(views[0]); v++) {
		struct fractal f = {.width = views[v].width,
			.height = views[v].height,
			.max_iteration = views[v].max,
			.scale = scale};

		f.n_scale = palette_scale(palette_find("Plan9"), 6000, scale, 6001);
		fractal_frame(&f, views[v].x, views[v].y, views[v].extent);
		for (uint32_t y = 0; y < f.height; y++) {
			memset(row, 0xa5, 64 * sizeof(*row));
			fractal_row(&f, y, (uint8_t *)row);
			for (uint32_t x = 0; x < f.width; x++)
				assert_int_equal(row[x], plain_pixel(&f, x, y));
			for (uint32_t x = f.width; x < 64; x++)
				assert_int_equal(row[x], 0xa5a5a5a5);
		}
	}
	free(scale);
	free(row);
}

/* FIPS 180-4 examples, and lengths around the block size against python3's hashlib. */
static void sha256_is_sha256(void **state)
{
	char hex[SHA256_HEX_SIZE], data[1000];
	static const struct {
		size_t length;
		const char *hex;
	} samples[] = {
		{0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{1, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"},
		{55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
		{56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
		{63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
		{64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
		{65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"},
		{119, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"},
		{120, "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c"},
		{128, "6836cf13bac400e9105071cd6af47084dfacad4e5e302c94bfed24e013afb73e"},
		{1000, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"},
	};

	(void)state;
	sha256_hex("abc", 3, hex);
	assert_string_equal(
		hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	memset(data, 'a', sizeof(data));
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		sha256_hex(data, samples[i].length, hex);
		assert_string_equal(hex, samples[i].hex);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversions_wrap_as_the_processor_does),
		cmocka_unit_test(special_logarithms_are_gos),
		cmocka_unit_test(logarithm_and_cosine_are_near_libms),
		cmocka_unit_test(logarithm_and_cosine_are_gos_to_the_last_bit),
		cmocka_unit_test(palettes_have_scales),
		cmocka_unit_test(lanes_equal_the_plain_loop),
		cmocka_unit_test(sha256_is_sha256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
