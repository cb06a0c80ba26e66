/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/** Decode one character: its bytes, or 0 if they are not UTF-8 (overlong, surrogate, too large). */
static size_t decode(const unsigned char *p, size_t length, uint32_t *ret)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = p[0] < 0x80       ? 1
		   : p[0] >> 5 == 6  ? 2
		   : p[0] >> 4 == 14 ? 3
		   : p[0] >> 3 == 30 ? 4
				     : 0;
	uint32_t c;

	if (n == 0 || n > length)
		return 0;
	c = n == 1 ? p[0] : p[0] & (0x7f >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if ((n > 1 && c < smallest[n]) || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret = c;
	return n;
}

/** Characters that XML forbids, terminals obey, or that turn a line's reading order round. */
static bool is_forbidden(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c & 0xfffe) == 0xfffe ||
	       (c >= 0xfdd0 && c <= 0xfdef) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029;
}

char *utf8_clean(const char *text, size_t length, bool lines)
{
	const unsigned char *p = (const unsigned char *)text;
	char *out = malloc(length * 3 + 1), *w = out;

	if (!out)
		return NULL;
	while (length > 0) {
		uint32_t c = 0;
		size_t n = decode(p, length, &c);

		if (n == 1 && (c == '\n' || c == '\t')) {
			*w++ = (char)(lines ? c : ' ');
		} else if (n == 1 && c == '\r') {
			if (!lines)
				*w++ = ' ';
		} else if (n == 0 || is_forbidden(c)) {
			memcpy(w, "\xef\xbf\xbd", 3);
			w += 3;
		} else {
			memcpy(w, p, n);
			w += n;
		}
		p += n ? n : 1;
		length -= n ? n : 1;
	}
	*w = '\0';
	return out;
}

size_t utf8_within(const char *text, size_t bytes)
{
	size_t n = strlen(text);

	if (n <= bytes)
		return n;
	while (bytes > 0 && ((unsigned char)text[bytes] & 0xc0) == 0x80)
		bytes--;
	return bytes;
}
