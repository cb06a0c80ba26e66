/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/console.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/marker.h"
#include "common/utf8.h"

bool console_find(const char *text, size_t length, const char *needle, bool first,
	const char **ret_line, size_t *ret_length)
{
	const char *end = text + length, *p = text;
	bool found = false;

	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((newline ? newline : end) - p);

		if (memmem(p, n, needle, strlen(needle))) {
			*ret_line = p;
			*ret_length = n;
			found = true;
			if (first)
				break;
		}
		p += n + 1;
	}
	return found;
}

int console_number_after(const char *text, size_t length, const char *needle, int *ret)
{
	const char *line, *p;
	char digits[16];
	size_t n, left;
	char *end;
	long value;

	if (!console_find(text, length, needle, false, &line, &n))
		return -ENODATA;
	p = (const char *)memmem(line, n, needle, strlen(needle)) + strlen(needle);
	left = n - (size_t)(p - line);
	while (left && *p == ' ') {
		p++;
		left--;
	}
	if (left > sizeof(digits) - 1)
		left = sizeof(digits) - 1;
	memcpy(digits, p, left);
	digits[left] = '\0';
	value = strtol(digits, &end, 10);
	if (end == digits || value < -1000000 || value > 1000000)
		return -ENODATA;
	*ret = (int)value;
	return 0;
}

void console_quote(char *ret, size_t size, const char *line, size_t length)
{
	_cleanup_free_ char *clean = NULL;

	while (length && (*line == ' ' || *line == '\t' || *line == '\r')) {
		line++;
		length--;
	}
	while (length && strchr(" \t\r", line[length - 1]))
		length--;
	clean = utf8_clean(line, length, false);
	snprintf(ret, size, "%.*s", clean ? (int)utf8_within(clean, size - 1) : 0,
		clean ? clean : "");
}

/* Quote the last line of @text that is not empty, no marker and none of the boot's; returns how much of @text is before
 * it. */
static size_t take_last_line(char *ret, size_t size, const char *text, size_t length)
{
	ret[0] = '\0';
	while (length && !ret[0]) {
		size_t start = length;

		while (start && text[start - 1] != '\n')
			start--;
		if (!memchr(text + start, MARKER_RS, length - start) &&
			!memmem(text + start, length - start, CONSOLE_BOOT_WORDS,
				strlen(CONSOLE_BOOT_WORDS)))
			console_quote(ret, size, text + start, length - start);
		length = start ? start - 1 : 0;
	}
	return length;
}

void console_last_line(char *ret, size_t size, const char *text, size_t length)
{
	(void)take_last_line(ret, size, text, length);
}

#define WORDS_TITLE "; its last words: "
#define WORDS_NEXT  " / "
#define WORDS_LINE  400 /* bytes of a line, so that one always fits */

void console_last_words(char ret[static CONSOLE_WORDS_SIZE], const char *text, size_t length)
{
	char lines[CONSOLE_WORDS_LINES][WORDS_LINE];
	size_t n = 0, used = 0, room = CONSOLE_WORDS_SIZE - sizeof(WORDS_TITLE);

	while (length && n < CONSOLE_WORDS_LINES) {
		size_t bytes;

		length = take_last_line(lines[n], WORDS_LINE, text, length);
		bytes = strlen(lines[n]);
		if (bytes && bytes + strlen(WORDS_NEXT) > room)
			break; /* what was said before that is left out */
		room -= bytes ? bytes + strlen(WORDS_NEXT) : 0;
		n += bytes != 0;
	}
	ret[0] = '\0';
	for (size_t i = n; i > 0; i--)
		used += (size_t)snprintf(ret + used, CONSOLE_WORDS_SIZE - used, "%s%s",
			i == n ? WORDS_TITLE : WORDS_NEXT, lines[i - 1]);
}
