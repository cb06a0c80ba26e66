/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/digits.h"

#include <errno.h>
#include <string.h>

#define DIGIT_BITS 5
#define DIGIT_MASK 31

static const char more_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ+/-_.:";
static const char last_digits[] = "0123456789abcdefghijklmnopqrstuv";

char *digits_put(char *to, uint64_t number)
{
	for (; number > DIGIT_MASK; number >>= DIGIT_BITS)
		*to++ = more_digits[number & DIGIT_MASK];
	*to++ = last_digits[number];
	return to;
}

int digits_get(const char **text, uint64_t *ret)
{
	uint64_t number = 0;

	for (unsigned shift = 0; shift < 63; shift += DIGIT_BITS) {
		char c = *(*text)++;
		const char *more = c ? strchr(more_digits, c) : NULL;
		const char *last = c ? strchr(last_digits, c) : NULL;
		uint64_t digit;

		if (more)
			digit = (uint64_t)(more - more_digits);
		else if (last)
			digit = (uint64_t)(last - last_digits);
		else
			return -EBADMSG;
		if (digit > ((UINT64_C(1) << 63) - 1) >> shift)
			return -EBADMSG;
		number |= digit << shift;
		if (last) {
			*ret = number;
			return 0;
		}
	}
	return -EBADMSG;
}
