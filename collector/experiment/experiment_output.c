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

static int be_first(struct experiment *x, const struct run_request *q, const struct run_result *r)
{
	x->said = r->said;
	x->said.result = r->said.result ? strdup(r->said.result) : NULL;
	if (r->said.result && !x->said.result)
		return -ENOMEM;
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

static int compare_all(const struct experiment *x, struct run_result *r)
{
	const struct run_said *here = &r->said, *there = &x->said;

	if (strcmp(here->sha256, there->sha256) == 0)
		return 0;
	return fail(r,
		"its output is not that of run %u: here %llu lines of %llu bytes that end with "
		"'%s', there %llu of %llu that end with '%s' (--same-output; see the logs of both)",
		x->said_by, (unsigned long long)here->lines, (unsigned long long)here->bytes,
		here->last, (unsigned long long)there->lines, (unsigned long long)there->bytes,
		there->last);
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
