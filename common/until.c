/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/until.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>

#define LEVEL     0.05 /* of all looks together */
#define GROWTH    1.5
#define LEAST_MIN 3 /* the deviation of two values says next to nothing */

static int parse_name(const char *text, size_t length, char ret[UNTIL_NAME_SIZE])
{
	if (length == 0 || length >= UNTIL_NAME_SIZE)
		return -EINVAL;
	memcpy(ret, text, length);
	ret[length] = '\0';
	return 0;
}

/* "A/B" */
static int parse_comparison(const char *text, struct until_aim *aim)
{
	const char *slash = strchr(text, '/');

	if (!slash || parse_name(text, (size_t)(slash - text), aim->a) < 0 ||
		parse_name(slash + 1, strlen(slash + 1), aim->b) < 0 || strchr(slash + 1, '/'))
		return -EINVAL;
	return 0;
}

int until_parse(const char *text, struct until_aim *ret, struct error *error)
{
	struct until_aim aim = {0};
	char *end;
	double percent = strtod(text, &end);

	if (end == text || !strchr("0123456789.-", text[0]))
		return error_set_user(error, -EINVAL,
			"--until takes a percentage such as 1%%, or 1%%:A/B for a comparison, not '%s'",
			text);
	if (!(percent > 0 && percent <= 100))
		return error_set_user(error, -EINVAL,
			"--until %s cannot be reached or says nothing: it takes more than 0 and at most 100 %%",
			text);
	end += *end == '%';
	if (*end && (*end != ':' || parse_comparison(end + 1, &aim) < 0))
		return error_set_user(error, -EINVAL,
			"--until takes a percentage such as 1%%, or 1%%:A/B for a comparison, not '%s'",
			text);
	if (*end && strcmp(aim.a, aim.b) == 0)
		return error_set_user(error, -EINVAL, "--until compares %s with itself", aim.a);
	aim.share = percent / 100;
	*ret = aim;
	return 0;
}

size_t until_looks(unsigned least, unsigned most, unsigned ret[UNTIL_LOOKS_MAX])
{
	double at = fmax(least, LEAST_MIN);
	size_t n = 0;

	for (; at < most && n < UNTIL_LOOKS_MAX - 1; at = ceil(at * GROWTH))
		ret[n++] = (unsigned)at;
	ret[n++] = most;
	return n;
}

void until_add(struct until_sample *s, double value)
{
	double delta = value - s->mean;

	s->n++;
	s->mean += delta / (double)s->n;
	s->m2 += delta * (value - s->mean);
}

double until_width(const struct until_sample *const *samples, size_t n_samples, size_t looks)
{
	double sum = 0, squares = 0, freedom;

	for (size_t i = 0; i < n_samples; i++) {
		const struct until_sample *s = samples[i];
		double n = (double)s->n, part;

		if (s->n < 2 || !(s->mean > 0))
			return INFINITY;
		part = s->m2 / (n - 1) / n / (s->mean * s->mean);
		sum += part;
		squares += part * part / (n - 1);
	}
	if (!(sum > 0))
		return 0;
	freedom = sum * sum / squares;
	return gsl_cdf_tdist_Qinv(LEVEL / 2 / (double)looks, freedom) * sqrt(sum);
}

double until_needed(double n, double width, double share)
{
	return n * (width / share) * (width / share);
}
