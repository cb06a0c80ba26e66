/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Did all runs compute the same? By what their programs wrote: --same-output, --result. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/experiment/experiment_internal.h"
#include "common/console.h"

/* How much of a value an error has room for. */
#define SHOWN_SIZE 100

static int fail(struct run_result *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int fail(struct run_result *r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(r->error, sizeof(r->error), format, ap);
	va_end(ap);
	r->ok = false;
	return 0;
}

/* What the others are compared with: of a continued experiment it is in the store. */
static int find_first(struct experiment *x, struct error *error)
{
	int r;

	if (x->said_by || !x->n_measured)
		return 0;
	r = store_writer_first_output(x->store, &x->said_by, &x->said, error);
	return r == -ENODATA ? 0 : r;
}

/* The first run's words are the experiment's from then on. */
static int be_first(struct experiment *x, const struct run_request *q, struct run_result *r)
{
	char *result = r->said.result ? strdup(r->said.result) : NULL;

	if (r->said.result && !result)
		return -ENOMEM;
	x->said = r->said;
	x->said.result = result;
	r->said.head = NULL;
	x->said_by = q->id;
	return 0;
}

static int compare_results(const struct experiment *x, struct run_result *r)
{
	char here[SHOWN_SIZE], there[SHOWN_SIZE];

	if (strcmp(r->said.result, x->said.result ? x->said.result : "") == 0)
		return 0;
	console_quote(here, sizeof(here), r->said.result, strlen(r->said.result));
	console_quote(there, sizeof(there), x->said.result ? x->said.result : "",
		x->said.result ? strlen(x->said.result) : 0);
	return fail(r, "its result is '%s', that of run %u is '%s' (--result)", here, x->said_by,
		there);
}

/* The line at @*at, quoted, and past it; false at the end of what is kept. */
static bool take_line(const struct run_said *said, size_t *at, char ret[static SHOWN_SIZE])
{
	const char *line = said->head + *at, *end;

	memcpy(ret, "none", sizeof("none"));
	if (*at >= said->head_length)
		return false;
	end = memchr(line, '\n', said->head_length - *at);
	if (!end)
		return false;
	console_quote(ret, SHOWN_SIZE, line, (size_t)(end - line));
	*at += (size_t)(end - line) + 1;
	return true;
}

static bool is_cut(const struct run_said *said)
{
	return said->head_length == RUN_HEAD_SIZE;
}

/* The first line in which they differ, from 1; 0: none of those that are kept. */
static size_t find_difference(const struct run_said *here, const struct run_said *there,
	char ret_here[static SHOWN_SIZE], char ret_there[static SHOWN_SIZE])
{
	size_t at = 0, other = 0;

	for (size_t n = 1; here->head && there->head; n++) {
		size_t begin = at, begin_other = other;
		bool one = take_line(here, &at, ret_here);
		bool two = take_line(there, &other, ret_there);

		if ((!one && !two) || (one != two && (is_cut(here) || is_cut(there))))
			return 0;
		if (one != two || at - begin != other - begin_other ||
			memcmp(here->head + begin, there->head + begin_other, at - begin) != 0)
			return n;
	}
	return 0;
}

static int compare_all(const struct experiment *x, struct run_result *r)
{
	const struct run_said *here = &r->said, *there = &x->said;
	char line[SHOWN_SIZE], other[SHOWN_SIZE], where[64] = "the last line";
	size_t n;

	if (strcmp(here->sha256, there->sha256) == 0)
		return 0;
	n = find_difference(here, there, line, other);
	if (n)
		snprintf(where, sizeof(where), "line %zu", n);
	return fail(r,
		"its output is not that of run %u: %s is '%s', there '%s'; %llu lines of %llu bytes, "
		"there %llu of %llu (--same-output; where it may differ, as by the number of cores or by "
		"times, name the part that has to be the same: --result REGEX)",
		x->said_by, where, n ? line : here->last, n ? other : there->last,
		(unsigned long long)here->lines, (unsigned long long)here->bytes,
		(unsigned long long)there->lines, (unsigned long long)there->bytes);
}

int experiment_compare_output(struct experiment *x, const struct run_request *q,
	struct run_result *r, struct error *error)
{
	const struct run_settings *s = &x->settings;
	int e;

	if (!r->ok || !(s->same_output || s->result->n))
		return 0;
	if (s->result->n && !r->said.result)
		return fail(r, "no line of its output matches --result");
	e = find_first(x, error);
	if (e < 0)
		return e;
	if (!x->said_by)
		return be_first(x, q, r);
	if (s->result->n)
		compare_results(x, r);
	if (r->ok && s->same_output)
		compare_all(x, r);
	return 0;
}
