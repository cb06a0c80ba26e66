/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Runs of the workload noise take as long as they are told: what was asked is their metric. */
#include <stdio.h>
#include <string.h>

#include "reports/explain/words_internal.h"
#include "reports/text/format.h"

#define PREFIX "noise-"

bool length_is_set(const struct configuration *c)
{
	return c->scenario && strncmp(c->scenario, PREFIX, strlen(PREFIX)) == 0;
}

/* The share that noise took, or of kernels without one the median. */
static const struct configuration_metric *asked_of(const struct configuration *c)
{
	static const char *const units[] = {"noise %", "p50 us"};
	char name[128];

	for (size_t k = 0; k < 2; k++) {
		snprintf(name, sizeof(name), "%s %s", c->scenario + strlen(PREFIX), units[k]);
		for (size_t i = 0; i < c->n_metrics; i++)
			if (strcmp(c->metrics[i].name, name) == 0 && c->metrics[i].known.n)
				return &c->metrics[i];
	}
	return NULL;
}

static bool some_differ(const struct explanation *e, const struct configuration *first,
	const struct configuration_metric *m)
{
	for (size_t i = 0; i < e->n_metric_contrasts; i++) {
		const struct contrast *x = &e->metric_contrasts[i];

		if (x->metric->name == m->name && x->a->cores == first->cores &&
			x->a->scenario == first->scenario && x->differs && !x->control)
			return true;
	}
	return false;
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

		if (c->cores == first->cores && c->scenario == first->scenario && of && of->known.n)
			say(verdict, "%s%s for %.*s (n = %zu)", n++ ? ", " : "",
				format_number(of->known.mean).text, said_of(c->name), c->name,
				of->known.n);
	}
	say(verdict, "%s; how long these runs take is set, not measured.",
		configuration_is_alone(e->summary, first) ? "" : ": no significant difference");
}
