/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text to numbers. The picture depends on the last bit of its options: strtod() is exact. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int digit_of(char c)
{
	if (isdigit(c))
		return c - '0';
	c |= 0x20;
	return islower(c) ? c - 'a' + 10 : 99;
}

long long strtoll(const char *text, char **ret_end, int base)
{
	const char *p = text, *begin;
	bool negative = false;
	unsigned long long value = 0, limit;

	while (isspace(*p))
		p++;
	if (*p == '+' || *p == '-')
		negative = *p++ == '-';
	if ((base == 0 || base == 16) && p[0] == '0' && (p[1] | 0x20) == 'x' &&
		digit_of(p[2]) < 16) {
		base = 16;
		p += 2;
	} else if (base == 0) {
		base = *p == '0' ? 8 : 10;
	}
	limit = (unsigned long long)INT64_MAX + negative;
	for (begin = p; digit_of(*p) < base; p++) {
		unsigned long long digit = (unsigned long long)digit_of(*p);

		if (value > (limit - digit) / (unsigned)base) {
			errno = ERANGE;
			value = limit;
		} else {
			value = value * (unsigned)base + digit;
		}
	}
	if (ret_end)
		*ret_end = (char *)(p == begin ? text : p);
	return negative ? (long long)-value : (long long)value;
}

/* Whole numbers of any size that occur here: 10^EXPONENT_MAX, shifted by 1,100 bits, fits. */
#define EXPONENT_MAX 400
#define DIGITS_MAX   40
#define WORDS        96

struct big {
	uint32_t word[WORDS]; /* the least significant first */
};

static void big_multiply_add(struct big *b, uint32_t factor, uint32_t more)
{
	uint64_t carry = more;

	for (int i = 0; i < WORDS; i++) {
		carry += (uint64_t)b->word[i] * factor;
		b->word[i] = (uint32_t)carry;
		carry >>= 32;
	}
}

static void big_shift(struct big *b, int bits)
{
	for (; bits >= 31; bits -= 31)
		big_multiply_add(b, UINT32_C(1) << 31, 0);
	big_multiply_add(b, UINT32_C(1) << bits, 0);
}

static int big_compare(const struct big *a, const struct big *b)
{
	for (int i = WORDS - 1; i >= 0; i--)
		if (a->word[i] != b->word[i])
			return a->word[i] < b->word[i] ? -1 : 1;
	return 0;
}

static void big_subtract(struct big *a, const struct big *b)
{
	int64_t borrow = 0;

	for (int i = 0; i < WORDS; i++) {
		borrow += (int64_t)a->word[i] - b->word[i];
		a->word[i] = (uint32_t)borrow;
		borrow >>= 32;
	}
}

static int big_bits(const struct big *b)
{
	for (int i = WORDS - 1; i >= 0; i--)
		if (b->word[i])
			return 32 * i + 32 - __builtin_clz(b->word[i]);
	return 0;
}

static double from_bits(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* n / d, rounded to the nearest double, ties to even. Both are above zero; destroys them. */
static double divide(struct big *n, struct big *d)
{
	int exponent = big_bits(n) - big_bits(d); /* 2^(exponent-1) < n/d < 2^(exponent+1) */
	uint64_t quotient = 0;
	int low;

	if (exponent >= 0)
		big_shift(d, exponent);
	else
		big_shift(n, -exponent);
	if (big_compare(n, d) < 0) {
		big_multiply_add(n, 2, 0);
		exponent--;
	}
	/* Now 1 <= n/d < 2, and the value is that times 2^exponent. Its lowest bit weighs 2^low. */
	low = exponent - 52 < -1074 ? -1074 : exponent - 52;
	if (exponent > 1023)
		return from_bits(UINT64_C(0x7ff) << 52);
	if (exponent < low - 1)
		return 0;
	for (int i = exponent; i >= low; i--) {
		bool bit = big_compare(n, d) >= 0;

		quotient = quotient << 1 | bit;
		if (bit)
			big_subtract(n, d);
		big_multiply_add(n, 2, 0);
	}
	/* The rest, doubled, against one: is it above a half, or just that? */
	switch (big_compare(n, d)) {
	case 1:
		quotient++;
		break;
	case 0:
		quotient += quotient & 1;
		break;
	default:
		break;
	}
	/* A carry out of the fraction moves into the exponent, as it should. */
	if (low == -1074)
		return from_bits(quotient);
	return from_bits(((uint64_t)(exponent + 1023 - 1) << 52) + quotient);
}

/* Digits with at most one point. Returns what follows; *ret_exponent counts the decimal places. */
static const char *read_digits(
	const char *p, struct big *ret, int *ret_exponent, int *ret_significant, bool *ret_any)
{
	bool point = false;

	for (; isdigit(*p) || (*p == '.' && !point); p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		*ret_any = true;
		if (*ret_significant || *p != '0')
			(*ret_significant)++;
		if (*ret_significant <= DIGITS_MAX)
			big_multiply_add(ret, 10, (uint32_t)(*p - '0'));
		if (point && *ret_exponent > -EXPONENT_MAX)
			(*ret_exponent)--;
	}
	return p;
}

static const char *read_exponent(const char *p, int *exponent)
{
	const char *q = p + 1;
	bool negative = false;
	int value = 0;

	if ((*p | 0x20) != 'e')
		return p;
	if (*q == '+' || *q == '-')
		negative = *q++ == '-';
	if (!isdigit(*q))
		return p;
	for (; isdigit(*q); q++)
		if (value < 100000)
			value = value * 10 + (*q - '0');
	*exponent += negative ? -value : value;
	return q;
}

double strtod(const char *text, char **ret_end)
{
	struct big number = {{0}}, divisor = {{1}};
	const char *p = text;
	int exponent = 0, significant = 0;
	bool negative = false, any = false;
	double value;

	if (ret_end)
		*ret_end = (char *)text;
	while (isspace(*p))
		p++;
	if (*p == '+' || *p == '-')
		negative = *p++ == '-';
	p = read_digits(p, &number, &exponent, &significant, &any);
	if (!any || significant > DIGITS_MAX)
		return 0;
	p = read_exponent(p, &exponent);
	if (ret_end)
		*ret_end = (char *)p;
	if (significant == 0 || exponent < -EXPONENT_MAX)
		return negative ? -0. : 0.;
	if (exponent > EXPONENT_MAX)
		exponent = EXPONENT_MAX;
	for (int i = exponent; i > 0; i--)
		big_multiply_add(&number, 10, 0);
	for (int i = exponent; i < 0; i++)
		big_multiply_add(&divisor, 10, 0);
	value = divide(&number, &divisor);
	return negative ? -value : value;
}
