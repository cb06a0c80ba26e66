/* SPDX-License-Identifier: GPL-2.0-or-later */
/** More work, or slower work: what the counters say of it. */
#include <math.h>
#include <string.h>

#include "reports/explain/explain_internal.h"

/** Mean of a counter over the configuration's runs; NAN where some run did not count it. */
static double counter_mean(
	const struct summary *s, const struct configuration *configuration, const char *name)
{
	const struct store_tables *t = store_tables(s->store);
	double sum = 0;
	size_t n = 0;

	for (size_t i = 0; i < t->n_counters; i++) {
		const struct store_counter *c = &t->counters[i];
		const struct store_run *run =
			strcmp(c->name, name) == 0 ? store_run(s->store, c->run) : NULL;

		if (!run || !configuration_counts(configuration, run))
			continue;
		if (c->value == STORE_NULL || c->value <= 0)
			return NAN;
		sum += (double)c->value;
		n++;
	}
	return n == configuration->series.n && n > 0 ? sum / (double)n : NAN;
}

/** Cores (not hardware threads) of the machine, by hwloc's own words; 0: not known. */
static size_t machine_cores(const struct summary *s)
{
	static const char mark[] = "type=\"Core\"";
	const char *topology = store_setting(s->store, "topology");
	size_t n = 0;

	for (const char *p = topology; p && (p = strstr(p, mark)); p += strlen(mark))
		n++;
	return n;
}

void work_make(const struct summary *s, const struct configuration *one,
	const struct configuration *many, struct work *ret)
{
	double instructions =
		counter_mean(s, many, "instructions") / counter_mean(s, one, "instructions");
	double cycles = counter_mean(s, many, "cycles") / counter_mean(s, one, "cycles");
	double ns = counter_mean(s, many, "task-clock") / counter_mean(s, one, "task-clock");

	*ret = (struct work){instructions, cycles / instructions, ns / cycles, machine_cores(s)};
}
