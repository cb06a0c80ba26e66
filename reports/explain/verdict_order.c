/* SPDX-License-Identifier: GPL-2.0-or-later */
/** What the order of execution has to do with run times, and what is odd about single runs. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/guest_clock.h"
#include "reports/explain/words_internal.h"
#include "reports/text/format.h"

#define LEVEL      0.05
#define RUNS_NAMED 6

static void say_configuration(struct verdict *v, const struct configuration *configuration)
{
	say(v, "%s on %lld %s", configuration->name, (long long)configuration->cores,
		cores_word(configuration->cores, configuration->scenario));
}

static void judge_drift(const struct spread *x, struct verdicts *v)
{
	const struct run_series *r = &x->configuration->series;
	struct verdict *verdict;

	if (!(x->drift_p < LEVEL))
		return;
	verdict = verdict_begin(v, false);
	say(verdict, "Run times of ");
	say_configuration(verdict, x->configuration);
	say(verdict,
		" %s in order of execution (Spearman’s ρ %.2f, %s): by %s s per run (%s %%), from "
		"%s s to %s s. Their mean depends on when they were measured",
		x->order.rho > 0 ? "rise" : "fall", x->order.rho, format_p(x->drift_p).text,
		format_seconds(fabs(x->order.slope)).text,
		format_points(100 * fabs(x->order.slope) / x->runtime.mean).text,
		format_seconds(r->runtime_ns[0]).text,
		format_seconds(r->runtime_ns[r->n - 1]).text);
	say(verdict, ".");
}

static void judge_begin(const struct spread *x, struct verdicts *v)
{
	bool first = x->first_p<LEVEL, warmup = x->order.warmup> 1 && x->warmup_p < LEVEL;
	struct verdict *verdict;

	if (!first && !warmup)
		return;
	verdict = verdict_begin(v, false);
	if (warmup)
		say(verdict, "The first %zu runs of ", x->order.warmup);
	else
		say(verdict, "The first run of ");
	say_configuration(verdict, x->configuration);
	if (warmup)
		say(verdict, " differ from the rest (%s)", format_p(x->warmup_p).text);
	else
		say(verdict, " takes %s %% %s than the others (%s)",
			format_points(100 * fabs(x->order.first)).text,
			x->order.first > 0 ? "longer" : "less", format_p(x->first_p).text);
	if (x->order.first > 0)
		say(verdict, ": perhaps a warm-up effect");
	say(verdict, "; included in the statistics.");
}

static void name_outliers(const struct spread *x, struct verdicts *v)
{
	struct verdict *verdict;
	size_t n = 0;

	if (x->n_outliers == 0)
		return;
	verdict = verdict_begin(v, false);
	say(verdict, "Outliers of ");
	say_configuration(verdict, x->configuration);
	say(verdict, " (median %s s): ", format_seconds(x->runtime.median).text);
	for (size_t i = 0; i < x->configuration->series.n; i++) {
		if (!x->outlier[i] || n >= RUNS_NAMED)
			continue;
		say(verdict, "%srun %lld, %s s", n ? "; " : "",
			(long long)x->configuration->series.runs[i]->id,
			format_seconds(x->configuration->series.runtime_ns[i]).text);
		n++;
	}
	if (x->n_outliers > n)
		say(verdict, "; %zu more", x->n_outliers - n);
	say(verdict, ". They are included in all statistics.");
}

static void judge_experiment(const struct drift *d, struct verdicts *v)
{
	struct verdict *verdict;

	if (!(d->p < LEVEL))
		return;
	verdict = verdict_begin(v, false);
	say(verdict,
		"Over the whole experiment run times %s relative to their configurations’ means "
		"(Spearman’s ρ %.2f, %s, %zu runs): by %s %% from the first run to the last.",
		d->rho > 0 ? "rise" : "fall", d->rho, format_p(d->p).text, d->n,
		format_points(100 * fabs(d->slope) * d->span).text);
}

void verdicts_of_order(const struct explanation *e, struct verdicts *v)
{
	const struct summary *s = e->summary;

	if (e->n_spreads > 1) /* of one it would be the same */
		judge_experiment(&e->drift, v);
	for (size_t i = 0; i < e->n_spreads; i++) {
		judge_drift(&e->spreads[i], v);
		judge_begin(&e->spreads[i], v);
		name_outliers(&e->spreads[i], v);
	}
	if (s->n_warmups > 0 && !v->brief)
		say(verdict_begin(v, true),
			"%zu warm-up %s measured and not included in any statistic.", s->n_warmups,
			s->n_warmups == 1 ? "run was" : "runs were");
}

void verdicts_of_clocks(const struct summary *s, struct verdicts *v)
{
	size_t compared = 0, off = 0;
	double worst = 0;
	struct verdict *verdict;
	char runs[160] = "";

	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct run_series *r = &s->configurations[i].series;

		for (size_t j = 0; j < r->n; j++) {
			double difference = fabs(r->guest_runtime_ns[j] - r->runtime_ns[j]);
			size_t used = strlen(runs);

			if (isnan(difference) || !(r->runtime_ns[j] > 0))
				continue;
			compared++;
			if (difference <= guest_clock_bound_ns(r->runtime_ns[j]))
				continue;
			worst = fmax(worst, difference / r->runtime_ns[j]);
			if (off++ < RUNS_NAMED)
				snprintf(runs + used, sizeof(runs) - used, "%s%lld",
					off > 1 ? ", " : "", (long long)r->runs[j]->id);
		}
	}
	if (compared == 0 || (v->brief && off == 0))
		return;
	verdict = verdict_judge(v, off == 0);
	say(verdict,
		"The program’s own clock agrees with the host’s within %g %% (plus %g ms for the "
		"console) ",
		100 * GUEST_CLOCK_SHARE, GUEST_CLOCK_SLACK_NS / 1e6);
	say_in_runs(verdict, compared - off, compared);
	if (off > 0)
		say(verdict,
			"; in run%s %s%s they differ by up to %s %%: the guest’s clock is wrong, "
			"or this host was too busy to read the markers as they arrived",
			off > 1 ? "s" : "", runs, off > RUNS_NAMED ? ", ..." : "",
			format_points(100 * worst).text);
	say(verdict, ".");
}
