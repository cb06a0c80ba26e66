/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was measured beside what was published of the same stack, scenario and number of cores. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/reference/reference_analysis.h"
#include "reports/text/text.h"

struct row {
	const struct configuration *configuration;
	const struct reference_result *published; /* NULL: its runs are not published */
	const struct reference_claim *claim;      /* of its speed-up; NULL: there is none */
};

static bool find_row(const struct reference_analysis *a, const struct configuration *configuration,
	struct row *ret)
{
	*ret = (struct row){.configuration = configuration};
	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].configuration->cores == configuration->cores &&
			strcmp(a->list[i].configuration->stack, configuration->guest) == 0 &&
			strcmp(a->list[i].configuration->scenario, configuration->scenario) == 0)
			ret->published = &a->list[i];
	ret->claim = reference_claim(a->reference, CLAIM_SPEEDUP, configuration->guest,
		configuration->scenario, configuration->cores);
	return configuration->series.n > 0 && (ret->published || ret->claim);
}

/** Measured over published run time, with its interval. */
static int write_ratio(const struct row *row, FILE *out)
{
	const size_t n = row->configuration->series.n;
	_cleanup_free_ double *seconds = calloc(n + 1, sizeof(*seconds));
	const struct reference_configuration *published = row->published->configuration;
	struct comparison c;
	char text[64];
	int r;

	if (!seconds)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		seconds[i] = row->configuration->series.runtime_ns[i] / 1e9;
	r = compare(seconds, n, published->seconds, published->n, &c);
	if (r < 0)
		return r;
	if (isfinite(c.ratio.range.low))
		snprintf(text, sizeof(text), "%.2f (%.2f-%.2f)", c.ratio.value, c.ratio.range.low,
			c.ratio.range.high);
	else
		snprintf(text, sizeof(text), "%.2f", c.ratio.value);
	fprintf(out, "%10.2f%20s", row->published->time.mean, text);
	return 0;
}

static void write_value(double value, int width, FILE *out)
{
	if (isfinite(value))
		fprintf(out, "%*.2f", width, value);
	else
		fprintf(out, "%*s", width, "-");
}

static int write_row(const struct explanation *e, const struct row *row, int width, FILE *out)
{
	const struct scaling *scaling = explanation_scaling(e, row->configuration);
	int r = 0;

	fputs(row->configuration->name, out);
	for (int n = (int)text_width(row->configuration->name); n < width; n++)
		fputc(' ', out);
	fprintf(out, "%6lld%10.2f", (long long)row->configuration->cores,
		row->configuration->runtime_ns.mean / 1e9);
	if (row->published)
		r = write_ratio(row, out);
	else
		fprintf(out, "%10s%20s", "-", "-");
	write_value(scaling ? scaling->speedup.value : NAN, 10, out);
	write_value(row->published && row->configuration->cores > 1 ? row->published->speedup.value
								    : NAN,
		11, out);
	fprintf(out, "%8s\n", row->claim ? row->claim->text : "-");
	return r;
}

int reference_write_beside(
	const struct explanation *e, const struct reference_analysis *a, FILE *out)
{
	const struct summary *s = e->summary;
	int width = 5, r = 0;
	bool any = false;
	struct row row;

	for (size_t i = 0; i < s->n_configurations; i++) {
		int n = (int)text_width(s->configurations[i].name);

		width = n > width ? n : width;
	}
	for (size_t i = 0; i < s->n_configurations && r >= 0; i++) {
		if (!find_row(a, &s->configurations[i], &row))
			continue;
		if (!any)
			fprintf(out,
				"\nBeside %s: run times are another "
				"machine's\n%*s%6s%10s%10s%20s%10s%11s%8s\n",
				a->reference->name, -width, "stack", "cores", "mean s", "published",
				"ratio", "speed-up", "published", "text");
		any = true;
		r = write_row(e, &row, width, out);
	}
	return r;
}
