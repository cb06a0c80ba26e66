/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Formatted output. */
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_MAX    80
#define PRECISION_MAX 9

struct sink {
	char *to;
	size_t size, used; /* used counts what did not fit as well */
};

/* One conversion: %[flags][width][.precision][length]letter */
struct conversion {
	bool zeros, left, has_precision;
	int width, precision, longs;
};

static void put(struct sink *s, char c)
{
	if (s->used + 1 < s->size)
		s->to[s->used] = c;
	s->used++;
}

static void put_padded(struct sink *s, const struct conversion *c, const char *text, size_t n)
{
	size_t width = c->width > 0 ? (size_t)c->width : 0;
	size_t pad = width > n ? width - n : 0;

	if (c->zeros && !c->left && n && *text == '-') {
		put(s, *text++);
		n--;
	}
	for (; pad && !c->left; pad--)
		put(s, c->zeros ? '0' : ' ');
	while (n--)
		put(s, *text++);
	for (; pad; pad--)
		put(s, ' ');
}

/* The digits of @value end before @end. Returns where they begin. */
static char *digits(char *end, uint64_t value, unsigned base)
{
	do
		*--end = "0123456789abcdef"[value % base];
	while (value /= base);
	return end;
}

static void put_integer(
	struct sink *s, const struct conversion *c, uint64_t value, unsigned base, bool negative)
{
	char text[DIGITS_MAX], *end = text + sizeof(text), *begin = digits(end, value, base);

	if (negative)
		*--begin = '-';
	put_padded(s, c, begin, (size_t)(end - begin));
}

/* Fixed point, for display. @trim: drop zeros at the end. */
static void put_real(struct sink *s, const struct conversion *c, double value, bool trim)
{
	char text[DIGITS_MAX], *end = text + sizeof(text), *begin = end;
	int precision = c->has_precision && c->precision < PRECISION_MAX ? c->precision : 6;
	bool negative = value < 0;
	uint64_t scale = 1, number, fraction;

	if (negative)
		value = -value;
	if (!(value < 1e18)) { /* not a number, too */
		put_padded(s, c, value > 0 ? "(huge)" : "(nan)", value > 0 ? 6 : 5);
		return;
	}
	if (trim)
		precision = 6;
	for (int i = 0; i < precision; i++)
		scale *= 10;
	number = (uint64_t)value;
	fraction = (uint64_t)((value - (double)number) * (double)scale + .5);
	if (fraction >= scale) {
		fraction -= scale;
		number++;
	}
	for (int i = 0; i < precision; i++, fraction /= 10)
		if (!trim || begin != end || fraction % 10)
			*--begin = (char)('0' + fraction % 10);
		else
			continue;
	if (begin != end)
		*--begin = '.';
	begin = digits(begin, number, 10);
	if (negative)
		*--begin = '-';
	put_padded(s, c, begin, (size_t)(end - begin));
}

static const char *read_number(const char *format, int *ret)
{
	for (*ret = 0; isdigit(*format) && *ret < 100000; format++)
		*ret = *ret * 10 + (*format - '0');
	return format;
}

static void put_string(struct sink *s, const struct conversion *c, const char *text)
{
	size_t n = 0;

	if (!text)
		text = "(null)";
	while ((!c->has_precision || n < (size_t)c->precision) && text[n])
		n++;
	put_padded(s, c, text, n);
}

/* A list of arguments that can be passed on by address. */
struct arguments {
	va_list ap;
};

static int64_t take_signed(struct arguments *a, const struct conversion *c)
{
	return c->longs ? va_arg(a->ap, long) : va_arg(a->ap, int);
}

static uint64_t take_unsigned(struct arguments *a, const struct conversion *c)
{
	return c->longs ? va_arg(a->ap, unsigned long) : va_arg(a->ap, unsigned);
}

/* The letter of a conversion: put its argument. */
static void convert(struct sink *s, const struct conversion *c, char letter, struct arguments *a)
{
	int64_t number;
	char one;

	switch (letter) {
	case 'd':
	case 'i':
		number = take_signed(a, c);
		put_integer(
			s, c, number < 0 ? -(uint64_t)number : (uint64_t)number, 10, number < 0);
		break;
	case 'u':
		put_integer(s, c, take_unsigned(a, c), 10, false);
		break;
	case 'x':
		put_integer(s, c, take_unsigned(a, c), 16, false);
		break;
	case 'p':
		put_integer(s, c, (uint64_t)va_arg(a->ap, void *), 16, false);
		break;
	case 's':
		put_string(s, c, va_arg(a->ap, const char *));
		break;
	case 'c':
		one = (char)va_arg(a->ap, int);
		put_padded(s, c, &one, 1);
		break;
	case 'f':
	case 'g':
		put_real(s, c, va_arg(a->ap, double), letter == 'g');
		break;
	default:
		put(s, letter);
		break;
	}
}

/* One conversion, from after the percent sign. Returns what follows it. */
static const char *put_conversion(struct sink *s, const char *format, struct arguments *a)
{
	struct conversion c = {.width = 0};

	for (; *format == '0' || *format == '-'; format++)
		*(*format == '0' ? &c.zeros : &c.left) = true;
	format = read_number(format, &c.width);
	if (*format == '.') {
		c.has_precision = true;
		format = read_number(format + 1, &c.precision);
		if (*format == '*') {
			c.precision = va_arg(a->ap, int);
			c.has_precision = c.precision >= 0;
			format++;
		}
	}
	for (; *format == 'l' || *format == 'z' || *format == 'h'; format++)
		c.longs += *format != 'h';
	if (!*format)
		return format;
	convert(s, &c, *format, a);
	return format + 1;
}

int vsnprintf(char *ret, size_t size, const char *format, va_list ap)
{
	struct sink s = {.to = ret, .size = size};
	struct arguments a;

	va_copy(a.ap, ap);
	while (*format) {
		if (*format != '%')
			put(&s, *format++);
		else
			format = put_conversion(&s, format + 1, &a);
	}
	va_end(a.ap);
	if (size)
		ret[s.used < size ? s.used : size - 1] = '\0';
	return (int)s.used;
}

int snprintf(char *ret, size_t size, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(ret, size, format, ap);
	va_end(ap);
	return n;
}
