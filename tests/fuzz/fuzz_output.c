/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A program's output: bytes that come in pieces (the first byte tells of what size), their lines, and
 * what expressions find in them. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "collector/run/output_lines.h"
#include "tests/fuzz/fuzz.h"

/* What is known of the parts so far. */
struct seen {
	struct output_rules rules;
	bool within; /* a line */
	size_t bytes;
};

static void search(const struct output_rules *rules, const struct output_part *part)
{
	for (size_t i = 0; i < rules->n; i++) {
		const char *found;
		double value = 0;
		size_t n;

		if (!output_rule_find(&rules->list[i], part->text, &found, &n))
			continue;
		if (found < part->text || found + n > part->text + part->length)
			abort();
		if (output_number(found, n, &value) == 0 && !isfinite(value))
			abort();
	}
}

static void on_part(const struct output_part *part, void *userdata)
{
	struct seen *seen = userdata;

	if (part->begins == seen->within)
		abort();
	if (part->begins && (part->length > OUTPUT_LINE_MAX || strlen(part->text) != part->length))
		abort();
	if (memchr(part->text, '\n', part->length) || memchr(part->text, '\r', part->length))
		abort();
	seen->within = !part->ends;
	seen->bytes += part->length;
	if (part->begins)
		search(&seen->rules, part);
}

static size_t count_own(const char *bytes, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++)
		n += bytes[i] != '\n' && bytes[i] != '\r';
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const texts[] = {"a=^rate ([0-9.]+)", "b=[-+0-9.eE]+", "c=(.)$"};
	const char *bytes = (const char *)data + 1;
	struct output_lines lines = {0};
	struct seen seen = {0};
	size_t piece, left = size - 1;

	if (size < 1)
		return 0;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (output_rules_add(&seen.rules, OUTPUT_METRIC, "metric", texts[i], NULL) < 0)
			abort();
	piece = data[0] ? data[0] : size;
	for (size_t at = 0; at < left; at += piece)
		output_lines_push(
			&lines, bytes + at, piece < left - at ? piece : left - at, on_part, &seen);
	output_lines_end(&lines, on_part, &seen);
	if (seen.within || seen.bytes != count_own(bytes, left))
		abort();
	output_rules_done(&seen.rules);
	return 0;
}
