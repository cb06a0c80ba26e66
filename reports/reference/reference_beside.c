/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was measured beside what was published of the same stack, scenario and number of cores. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/reference/reference_analysis.h"
#include "reports/text/columns.h"

struct row {
	const struct configuration *configuration;
	const struct reference_result *published; /* NULL: its runs are not published */
	const struct reference_claim *claim;      /* of its speed-up; NULL: there is none */
	struct estimate ratio;                    /* of the run times, measured over published */
	double speedup;                           /* measured */
};

static const char *stack(const void *row)
{
	return ((const struct row *)row)->configuration->name;
}

static double cores(const void *row)
{
	return (double)((const struct row *)row)->configuration->cores;
}

static double measured(const void *row)
{
	return ((const struct row *)row)->configuration->runtime_ns.mean / 1e9;
}

static double published(const void *row)
{
	const struct row *r = row;

	return r->published ? r->published->time.mean : NAN;
}

static struct format_text ratio(const void *row, enum look *look)
{
	(void)look;
	return format_estimate(&((const struct row *)row)->ratio, 2);
}

static double published_speedup(const void *row)
{
	const struct row *r = row;

	return r->published && r->configuration->cores > 1 ? r->published->speedup.value : NAN;
}

static const char *claimed(const void *row)
{
	const struct row *r = row;

	return r->claim ? r->claim->text : NULL;
}

#define ROW struct row
static const struct column beside_columns[] = {
	TABLE,
	{.type = COLUMN_TEXT, .text = stack, SHOWN(1, "stack", 6, NULL)},
	{.type = COLUMN_NUMBER, .number = cores, SHOWN(2, "cores", 6, NULL)},
	{.type = COLUMN_REAL, .number = measured, SHOWN(3, "mean s", 10, NULL), .decimals = 2},
	{.type = COLUMN_REAL, .number = published, SHOWN(4, "published", 10, NULL), .decimals = 2},
	{.type = COLUMN_OWN, .own = ratio, SHOWN(5, "ratio", 20, NULL)},
	COL(NULL, NULL, REAL, speedup, SHOWN(6, "speed-up", 10, NULL), .decimals = 2),
	{.type = COLUMN_REAL,
		.number = published_speedup,
		SHOWN(7, "published", 11, NULL),
		.decimals = 2},
	{.type = COLUMN_TEXT, .text = claimed, .none = "-", SHOWN(8, "text", -8, NULL)},
	{},
};
#undef ROW

static bool find_row(const struct explanation *e, const struct reference_analysis *a,
	const struct configuration *configuration, struct row *ret)
{
	const struct scaling *scaling = explanation_scaling(e, configuration);

	*ret = (struct row){.configuration = configuration,
		.ratio = {NAN, {NAN, NAN}},
		.speedup = scaling ? scaling->speedup.value : NAN};
	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].configuration->cores == configuration->cores &&
			strcmp(a->list[i].configuration->stack, configuration->guest) == 0 &&
			strcmp(a->list[i].configuration->scenario, configuration->scenario) == 0)
			ret->published = &a->list[i];
	ret->claim = reference_claim(a->reference, CLAIM_SPEEDUP, configuration->guest,
		configuration->scenario, configuration->cores);
	return configuration->series.n > 0 && configuration_is_plain(configuration) &&
	       (ret->published || ret->claim);
}

static int find_ratio(struct row *row)
{
	const size_t n = row->configuration->series.n;
	_cleanup_free_ double *seconds = calloc(n + 1, sizeof(*seconds));
	struct comparison c;
	int r;

	if (!row->published)
		return 0;
	if (!seconds)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		seconds[i] = row->configuration->series.runtime_ns[i] / 1e9;
	r = compare(seconds, n, row->published->configuration->seconds,
		row->published->configuration->n, &c);
	if (r >= 0)
		row->ratio = (struct estimate){c.ratio.value, c.ratio.range};
	return r;
}

int reference_write_beside(
	const struct explanation *e, const struct reference_analysis *a, FILE *out)
{
	const struct summary *s = e->summary;
	_cleanup_free_ struct row *rows = calloc(s->n_configurations + 1, sizeof(*rows));
	size_t n = 0;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_configurations; i++) {
		int r;

		if (!find_row(e, a, &s->configurations[i], &rows[n]))
			continue;
		r = find_ratio(&rows[n++]);
		if (r < 0)
			return r;
	}
	if (n == 0)
		return 0;
	fprintf(out, "\nBeside %s: run times are another machine's\n", a->reference->name);
	return columns_write(beside_columns, rows, n, out);
}
