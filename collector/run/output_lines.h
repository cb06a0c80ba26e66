/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Lines of a stream of bytes that comes in pieces, in bounded memory whatever comes: gigabytes, no
 * newline at all, bytes of any kind.
 *
 * A newline ends a line, and so does a carriage return (a guest's terminal adds them, and programs
 * that show progress write them). Empty lines are none. A line is handed over in parts, whole where
 * it has at most OUTPUT_LINE_MAX bytes.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/output_rule.h"

struct output_part {
	const char *text; /**< of the first part NUL-ended; a NUL in it has become a blank */
	size_t length;
	bool begins; /**< the first part of its line: OUTPUT_LINE_MAX bytes, or all */
	bool ends;   /**< the last one, which may be empty */
};

typedef void (*output_part_t)(const struct output_part *part, void *userdata);

struct output_lines {
	char begin[OUTPUT_LINE_MAX + 1]; /**< of the line that is being read */
	size_t used;
	bool handed_over; /**< its begin was; all that follows is, too */
};

void output_lines_push(struct output_lines *l, const char *data, size_t length, output_part_t found,
	void *userdata);

/** The stream has ended: so has its last line. */
void output_lines_end(struct output_lines *l, output_part_t found, void *userdata);
