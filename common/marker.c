/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/marker.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAG        "guestscope "
#define CRC_DIGITS 8

/* CRC-32/ISO-HDLC, a bit at a time: markers are few, and the workload must not need zlib for them.
 */
static uint32_t crc32_bytes(const char *data, size_t length)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < length; i++) {
		crc ^= (unsigned char)data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0xedb88320u & -(crc & 1));
	}
	return ~crc;
}

int marker_format(char *ret_line, size_t size, const char *body)
{
	char text[MARKER_LINE_MAX];
	int n = snprintf(text, sizeof(text), TAG "%s", body);

	if (n < 0 || (size_t)n >= sizeof(text))
		return -ENOBUFS;
	n = snprintf(ret_line, size, "%c%s ;%08x\n", MARKER_RS, text, crc32_bytes(text, (size_t)n));
	if (n < 0 || (size_t)n >= size || n > MARKER_LINE_MAX)
		return -ENOBUFS;
	return n;
}

static bool is_name(const char *s)
{
	if (!islower((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) && *s != '_' &&
			*s != '-')
			return false;
	return true;
}

/* "KEY=", with a name before it. */
static bool begins_field(char *word, char **ret_value)
{
	char *equals = strchr(word, '=');
	bool is;

	if (!equals)
		return false;
	*equals = '\0';
	is = is_name(word);
	if (!is)
		*equals = '=';
	*ret_value = equals + 1;
	return is;
}

/* Cuts @text at its spaces; a word that begins no field belongs to the value before it. */
static int parse_fields(struct marker *m, char *text)
{
	char *next = strchr(text, ' ');

	if (next)
		*next++ = '\0';
	if (!is_name(text))
		return -EBADMSG;
	m->kind = text;
	while (next) {
		char *word = next, *value;

		next = strchr(word, ' ');
		if (next)
			*next++ = '\0';
		if (begins_field(word, &value)) {
			if (m->n_fields == MARKER_FIELDS_MAX)
				return -E2BIG;
			m->fields[m->n_fields++] = (struct marker_field){word, value};
		} else if (m->n_fields > 0) {
			word[-1] = ' ';
		} else if (*word) {
			return -EBADMSG;
		}
	}
	return 0;
}

int marker_parse(const char *line, size_t length, struct marker *ret)
{
	const size_t tag = strlen(TAG), tail = 2 + CRC_DIGITS;
	char digits[CRC_DIGITS + 1] = "";
	char *end;

	if (length && line[length - 1] == '\r')
		length--;
	if (length < 1 + tag + 1 + tail || length > MARKER_LINE_MAX || line[0] != MARKER_RS)
		return -EBADMSG;
	line++;
	length -= 1 + tail;
	if (memcmp(line, TAG, tag) != 0 || memcmp(line + length, " ;", 2) != 0)
		return -EBADMSG;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			return -EBADMSG;
	memcpy(digits, line + length + 2, CRC_DIGITS);
	if (strspn(digits, "0123456789abcdef") != CRC_DIGITS ||
		strtoul(digits, &end, 16) != crc32_bytes(line, length))
		return -EBADMSG;

	ret->n_fields = 0;
	memcpy(ret->text, line + tag, length - tag);
	ret->text[length - tag] = '\0';
	return parse_fields(ret, ret->text);
}

const char *marker_get(const struct marker *m, const char *key)
{
	for (size_t i = 0; i < m->n_fields; i++)
		if (strcmp(m->fields[i].key, key) == 0)
			return m->fields[i].value;
	return NULL;
}

int marker_get_u64(const struct marker *m, const char *key, uint64_t *ret)
{
	const char *value = marker_get(m, key);
	unsigned long long number;
	char *end;

	if (!value)
		return -ENODATA;
	if (!isdigit((unsigned char)*value))
		return -EINVAL;
	errno = 0;
	number = strtoull(value, &end, 10);
	if (errno || end[strspn(end, " ")])
		return -EINVAL;
	*ret = number;
	return 0;
}

void marker_stream_push(struct marker_stream *s, const char *data, size_t length,
	marker_found_t found, void *userdata)
{
	for (size_t i = 0; i < length; i++) {
		char c = data[i];

		if (c == MARKER_RS) {
			/* A new marker inside an unfinished one: the old one was cut. */
			s->garbled += s->used > 0;
			s->line[0] = c;
			s->used = 1;
		} else if (s->used && c == '\n') {
			struct marker m;

			if (marker_parse(s->line, s->used, &m) == 0)
				found(&m, userdata);
			else
				s->garbled++;
			s->used = 0;
		} else if (s->used && c != '\r') {
			if (s->used == sizeof(s->line)) {
				s->garbled++;
				s->used = 0;
			} else {
				s->line[s->used++] = c;
			}
		}
	}
}
