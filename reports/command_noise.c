/* SPDX-License-Identifier: GPL-2.0-or-later */
/** report noise DIR...: what the workload noise means, and what it makes of programs of very many ranks. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "reports/command.h"
#include "reports/tables/tables.h"

#define RANKS_MAX 16

/* Of ranks; of steps; of microseconds. Far more than makes sense, and far less than overflows. */
static const double ranks_limit = 1e12, steps_limit = 1e12, work_limit = 1e9;

/* A number of at least @least up to @most, in decimal digits, which ends at *end. */
static int read_number(const char *option, const char *text, double least, double most, char **end,
	double *ret, struct error *error)
{
	double value = strtod(text, end);

	if (*end == text || strspn(text, "0123456789.+eE") < (size_t)(*end - text) ||
		!(value >= least && value <= most))
		return error_set_user(error, -EINVAL, "--%s %s: a number from %g to %g is needed",
			option, text, least, most);
	*ret = value;
	return 0;
}

static int read_one(const char *option, const char *text, double least, double most, double *ret,
	struct error *error)
{
	char *end;
	int r = text ? read_number(option, text, least, most, &end, ret, error) : 0;

	return r == 0 && text && *end
		       ? error_set_user(error, -EINVAL, "--%s %s: a number is needed", option, text)
		       : r;
}

static int read_whole(const char *option, const char *text, double most, char **end, double *ret,
	struct error *error)
{
	int r = read_number(option, text, 1, most, end, ret, error);

	return r == 0 && *ret != floor(*ret)
		       ? error_set_user(
				 error, -EINVAL, "--%s %s: a whole number is needed", option, text)
		       : r;
}

static int read_ranks(const char *text, double ranks[RANKS_MAX], size_t *n, struct error *error)
{
	char *end;

	for (*n = 0;; text = end + 1) {
		int r = *n < RANKS_MAX
				? read_whole("ranks", text, ranks_limit, &end, &ranks[*n], error)
				: error_set_user(error, -EINVAL, "--ranks: more than %d numbers",
					  RANKS_MAX);

		if (r < 0)
			return r;
		++*n;
		if (*end == '\0')
			return 0;
		if (*end != ',')
			return error_set_user(error, -EINVAL,
				"--ranks %s: numbers with commas between are needed", text);
	}
}

static void show_progress(double share, void *userdata)
{
	(void)userdata;
	fprintf(stderr, "\rsimulating: %3.0f %%", 100 * share);
	if (share >= 1)
		fputs("\r\033[K", stderr);
}

static int read_question(const struct report_options *o, double ranks[RANKS_MAX],
	struct noise_question *q, struct error *error)
{
	double work_us = q->work_ns / 1e3;
	int r = 0;

	if (o->ranks) {
		r = read_ranks(o->ranks, ranks, &q->n_ranks, error);
		q->ranks = ranks;
	}
	if (r == 0)
		r = read_one("steps", o->steps, 1, steps_limit, &q->steps, error);
	if (r == 0 && q->steps != floor(q->steps))
		r = error_set_user(
			error, -EINVAL, "--steps %s: a whole number is needed", o->steps);
	if (r == 0)
		r = read_one("work", o->work, 1, work_limit, &work_us, error);
	q->work_ns = work_us * 1e3;
	if (isatty(STDERR_FILENO))
		q->progress = show_progress;
	return r;
}

static int print(const struct report_options *o, const struct noise *n, struct error *error)
{
	json_t *document = NULL;
	int r;

	if (!o->json) {
		r = tables_write_noise(n, stdout);
		return r < 0 ? error_set_errno(error, r, "cannot print") : 0;
	}
	r = tables_make_noise_json(n, &document);
	return r < 0 ? error_set_errno(error, r, "cannot print")
		     : command_print_json(document, error);
}

int command_noise(const struct report_options *o, struct error *error)
{
	_cleanup_store_ struct store_reader *store = NULL;
	_cleanup_summary_ struct summary *summary = NULL;
	_cleanup_noise_ struct noise *noise = NULL;
	struct noise_question question = noise_usual_question;
	double ranks[RANKS_MAX];
	int r = read_question(o, ranks, &question, error);

	if (r >= 0)
		r = command_open(o, &store, error);
	if (r < 0)
		return r;
	r = summary_make(store, &summary);
	if (r >= 0)
		r = noise_make(summary, &question, &noise);
	if (r == -EBADMSG && *store_reader_error(store))
		return error_set(error, r, "%s", store_reader_error(store));
	if (r < 0)
		return error_set_errno(error, r, "cannot sum the store up");
	return print(o, noise, error);
}
