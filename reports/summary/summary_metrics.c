/* SPDX-License-Identifier: GPL-2.0-or-later */
/** The numbers that the programs of a configuration's runs wrote. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/array.h"
#include "reports/summary/summary_internal.h"
#include "reports/text/text.h"

struct configuration_metric *configuration_metric(
	const struct configuration *configuration, const char *name)
{
	for (size_t i = 0; i < configuration->n_metrics; i++)
		if (same_text(configuration->metrics[i].name, name))
			return &configuration->metrics[i];
	return NULL;
}

static struct configuration_metric *add_metric(
	struct configuration *configuration, const struct store_metric *m)
{
	double *values = calloc(configuration->series.n + 1, sizeof(*values));
	struct configuration_metric *metric =
		values ? ARRAY_PUSH(configuration->metrics, configuration->n_metrics) : NULL;

	if (!metric) {
		free(values);
		return NULL;
	}
	for (size_t i = 0; i < configuration->series.n; i++)
		values[i] = NAN;
	*metric = (struct configuration_metric){.name = m->name, .wish = m->wish, .values = values};
	return metric;
}

static int take_metric(const struct summary *s, const struct store_metric *m)
{
	const struct store_run *run = store_run(s->store, m->run);
	struct configuration *configuration =
		run && run->ok && run->counted ? summary_configuration(s, run) : NULL;
	struct configuration_metric *metric =
		configuration ? configuration_metric(configuration, m->name) : NULL;

	if (!configuration)
		return 0;
	if (!metric)
		metric = add_metric(configuration, m);
	if (!metric)
		return -ENOMEM;
	for (size_t i = 0; i < configuration->series.n; i++)
		if (configuration->series.runs[i] == run)
			metric->values[i] = m->value;
	return 0;
}

static void sum_up(struct configuration *configuration)
{
	for (size_t i = 0; i < configuration->n_metrics; i++)
		for (size_t run = 0; run < configuration->series.n; run++)
			if (!isnan(configuration->metrics[i].values[run]))
				statistic_add(&configuration->metrics[i].known,
					configuration->metrics[i].values[run]);
}

int summary_make_metrics(struct summary *s)
{
	const struct store_tables *t = store_tables(s->store);

	for (size_t i = 0; i < t->n_metrics; i++) {
		int r = take_metric(s, &t->metrics[i]);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < s->n_configurations; i++)
		sum_up(&s->configurations[i]);
	return 0;
}
