/* SPDX-License-Identifier: GPL-2.0-or-later */
/** A detour is a gap above a threshold: where thresholds differ, so does what is counted. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reports/explain/explain_internal.h"
#include "reports/text/format.h"

/* Apart by more than this many times, quantiles are of different things. */
#define THRESHOLDS_APART 2

/* The longest detour, and the time that all of them took, depend little on short ones. */
static bool depends_on_threshold(const char *metric)
{
	return strncmp(metric, "detour p", 8) == 0 || strcmp(metric, "detour mean us") == 0;
}

bool thresholds_forbid(
	const struct configuration *a, const struct configuration *b, const char *metric)
{
	return depends_on_threshold(metric) && a->threshold_low_ns > 0 && b->threshold_low_ns > 0 &&
	       fmax(a->threshold_high_ns, b->threshold_high_ns) >
		       THRESHOLDS_APART * fmin(a->threshold_low_ns, b->threshold_low_ns);
}

static bool is_forbidden(const struct summary *s, size_t i, const char *metric)
{
	for (size_t k = 0; k < s->n_configurations; k++)
		if (k != i &&
			configurations_are_beside(&s->configurations[i], &s->configurations[k]) &&
			thresholds_forbid(&s->configurations[i], &s->configurations[k], metric))
			return true;
	return false;
}

struct not_compared explanation_not_compared(const struct explanation *e, const char *metric)
{
	const struct summary *s = e->summary;
	struct not_compared ret = {.text = ""};
	double low = INFINITY, high = 0;

	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *c = &s->configurations[i];

		if (!is_forbidden(s, i, metric))
			continue;
		low = fmin(low, c->threshold_low_ns);
		high = fmax(high, c->threshold_high_ns);
	}
	if (high > 0)
		snprintf(ret.text, sizeof(ret.text),
			"not compared for all stacks: thresholds (%s to %s ns) differ by more than a factor of %d",
			format_number(low).text, format_number(high).text, THRESHOLDS_APART);
	return ret;
}
