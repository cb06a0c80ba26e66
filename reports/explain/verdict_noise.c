/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Runs of the workload noise take as long as they are told: what was asked is their metric. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reports/explain/words_internal.h"
#include "reports/text/format.h"

/* The share that noise took, or of kernels without one the median. */
static const struct configuration_metric *asked_of(const struct configuration *c)
{
	static const char *const units[] = {"noise %", "p50 us"};
	char name[128];

	for (size_t k = 0; k < 2; k++) {
		snprintf(
			name, sizeof(name), "%s %s", c->scenario + strlen(SUMMARY_NOISE), units[k]);
		for (size_t i = 0; i < c->n_metrics; i++)
			if (strcmp(c->metrics[i].name, name) == 0 && c->metrics[i].known.n)
				return &c->metrics[i];
	}
	return NULL;
}

static bool is_of_group(const struct contrast *x, const struct configuration *first,
	const struct configuration_metric *m)
{
	return x->metric->name == m->name && configurations_are_beside(x->a, first);
}

static bool some_differ(const struct explanation *e, const struct configuration *first,
	const struct configuration_metric *m)
{
	for (size_t i = 0; i < e->n_metric_contrasts; i++) {
		const struct contrast *x = &e->metric_contrasts[i];

		if (is_of_group(x, first, m) && x->differs && !x->control)
			return true;
	}
	return false;
}

/* Was each tested against each? */
static bool all_are_tested(const struct explanation *e, const struct configuration *first,
	const struct configuration_metric *m)
{
	bool any = false;

	for (size_t i = 0; i < e->n_metric_contrasts; i++) {
		const struct contrast *x = &e->metric_contrasts[i];

		const struct configuration_metric *best = configuration_metric(x->b, m->name);

		if (!is_of_group(x, first, m))
			continue;
		/* Two that never vary have no p. */
		if (isnan(x->values.p_holm) && !(x->metric->known.n >= 2 && best->known.n >= 2))
			return false;
		any = true;
	}
	return any;
}

void verdict_of_noise(
	const struct explanation *e, const struct configuration *first, struct verdicts *v)
{
	const struct configuration_metric *m = asked_of(first);
	struct verdict *verdict;

	/* Where some differ, verdicts_of_metrics() says so, with all numbers. */
	if (!m || some_differ(e, first, m))
		return;
	verdict = verdict_begin(v, true);
	say(verdict, "On %lld %s %.*s is ", (long long)first->cores,
		cores_word(first->cores, first->scenario), said_of(m->name), m->name);
	for (size_t i = 0, n = 0; i < e->summary->n_configurations; i++) {
		const struct configuration *c = &e->summary->configurations[i];
		const struct configuration_metric *of = configuration_metric(c, m->name);

		if (configurations_are_beside(c, first) && of && of->known.n)
			say(verdict, "%s%s for %.*s (n = %zu)", n++ ? ", " : "",
				format_number(of->known.mean).text, said_of(c->name), c->name,
				of->known.n);
	}
	say(verdict, "%s; how long these runs take is set, not measured.",
		configuration_is_alone(e->summary, first) ? ""
		: all_are_tested(e, first, m)             ? ": no significant difference"
					      : ": too few runs for a test of significance");
}
