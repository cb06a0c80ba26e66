/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/output_lines.h"

#include <string.h>

static void hand_begin_over(struct output_lines *l, bool ends, output_part_t found, void *userdata)
{
	const struct output_part part = {l->begin, l->used, true, ends};

	for (size_t i = 0; i < l->used; i++)
		if (!l->begin[i])
			l->begin[i] = ' ';
	l->begin[l->used] = '\0';
	l->handed_over = !ends;
	found(&part, userdata);
}

/* A piece of one line. */
static void add(struct output_lines *l, const char *data, size_t length, output_part_t found,
	void *userdata)
{
	size_t room = OUTPUT_LINE_MAX - l->used, n = length < room ? length : room;

	if (!l->handed_over) {
		memcpy(l->begin + l->used, data, n);
		l->used += n;
		if (n == length)
			return;
		hand_begin_over(l, false, found, userdata);
		data += n;
		length -= n;
	}
	if (length)
		found(&(struct output_part){data, length, false, false}, userdata);
}

static void end(struct output_lines *l, output_part_t found, void *userdata)
{
	if (l->handed_over)
		found(&(struct output_part){"", 0, false, true}, userdata);
	else if (l->used)
		hand_begin_over(l, true, found, userdata);
	l->used = 0;
	l->handed_over = false;
}

/* The first newline or carriage return, or @length. */
static size_t to_end(const char *data, size_t length)
{
	const char *newline = memchr(data, '\n', length), *back;
	size_t n = newline ? (size_t)(newline - data) : length;

	back = memchr(data, '\r', n);
	return back ? (size_t)(back - data) : n;
}

void output_lines_push(struct output_lines *l, const char *data, size_t length, output_part_t found,
	void *userdata)
{
	while (length) {
		size_t n = to_end(data, length);

		add(l, data, n, found, userdata);
		if (n == length)
			return;
		end(l, found, userdata);
		data += n + 1;
		length -= n + 1;
	}
}

void output_lines_end(struct output_lines *l, output_part_t found, void *userdata)
{
	end(l, found, userdata);
}
