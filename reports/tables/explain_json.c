/* SPDX-License-Identifier: GPL-2.0-or-later */
/** The explanation as part of the JSON document; docs/database.md says what each member is. */
#include <errno.h>
#include <math.h>

#include "common/cleanup.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/json.h"

static json_t *count_or_null(size_t n)
{
	return n ? json_integer((json_int_t)n) : json_null();
}

static bool put_range(json_t *o, const struct interval *range)
{
	return put(o, "low", real(range->low)) || put(o, "high", real(range->high));
}

static json_t *estimate(const struct estimate *e)
{
	json_t *o = json_object();
	bool bad = put(o, "value", real(e->value));

	bad |= put_range(o, &e->range);
	return finish(o, bad);
}

static json_t *terms(const struct terms *list)
{
	json_t *array = json_array();
	bool bad = !array;

	for (size_t i = 0; i < list->n; i++) {
		const struct term *t = &list->list[i];
		json_t *o = json_object();

		bad |= put(o, "phase", text(t->phase));
		bad |= put(o, "state", text(state_label(t->state)));
		bad |= put(o, "detail", text(t->detail));
		bad |= put(o, "value", real(t->value));
		bad |= put_range(o, &t->range);
		bad |= put(o, "share", real(t->share));
		bad |= json_array_append_new(array, o) < 0;
	}
	return finish(array, bad);
}

static bool put_cell(json_t *o, const char *key, const struct cell *cell)
{
	json_t *c = json_object();
	bool bad = put(c, "name", text(cell->name));

	bad |= put(c, "guest", text(cell->guest));
	bad |= put(c, "cores", number(cell->cores));
	bad |= put(c, "scenario", text(cell->scenario));
	bad |= put(c, "label", text(cell->label));
	return bad | put(o, key, c);
}

static json_t *phases(const struct scaling *x)
{
	json_t *array = json_array();
	bool bad = !array;

	for (size_t i = 0; i < x->n_phases; i++) {
		const struct phase_scaling *p = &x->phase[i];
		json_t *o = json_object();

		bad |= put(o, "name", text(p->name));
		bad |= put(o, "wall_ns", estimate(&p->wall_ns));
		bad |= put(o, "wall_one_ns", estimate(&p->wall_one_ns));
		bad |= put(o, "loss_ns", estimate(&p->loss_ns));
		bad |= put(o, "active_lanes", real(p->active));
		bad |= put(o, "serial", json_boolean(p->serial));
		bad |= json_array_append_new(array, o) < 0;
	}
	return finish(array, bad);
}

static json_t *scaling(const struct scaling *x)
{
	json_t *o = json_object(), *work = json_object();
	struct verdict words;
	bool bad = put_cell(o, "cell", x->many);

	scaling_words(x, &words);
	bad |= put(o, "text", text(words.text));
	bad |= put(o, "speedup", estimate(&x->speedup));
	bad |= put(o, "efficiency", estimate(&x->efficiency));
	bad |= put(o, "loss_ns", estimate(&x->loss_ns));
	bad |= put(o, "serial_share", estimate(&x->serial_share));
	bad |= put(o, "amdahl", estimate(&x->amdahl));
	bad |= put(work, "instructions", real(x->work.instructions));
	bad |= put(work, "cycles_per_instruction", real(x->work.cycles_per_instruction));
	bad |= put(work, "ns_per_cycle", real(x->work.ns_per_cycle));
	bad |= put(work, "machine_cores", count_or_null(x->work.machine_cores));
	bad |= put(o, "work", work);
	bad |= put(o, "phases", phases(x));
	bad |= put(o, "causes", terms(&x->causes));
	bad |= put(o, "by_state", terms(&x->states));
	bad |= put(o, "by_phase", terms(&x->phases));
	bad |= put(o, "by_phase_and_state", terms(&x->parts));
	bad |= put(o, "by_detail", terms(&x->details));
	return finish(o, bad);
}

static json_t *description(const struct description *d)
{
	json_t *o = json_object();
	bool bad = put(o, "n", json_integer((json_int_t)d->n));

	bad |= put(o, "mean", real(d->mean));
	bad |= put_range(o, &d->mean_interval);
	bad |= put(o, "stddev", real(d->stddev));
	bad |= put(o, "stddev_low", real(d->stddev_interval.low));
	bad |= put(o, "stddev_high", real(d->stddev_interval.high));
	bad |= put(o, "cv", real(d->cv));
	bad |= put(o, "median", real(d->median));
	bad |= put(o, "mad", real(d->mad));
	bad |= put(o, "min", real(d->min));
	bad |= put(o, "max", real(d->max));
	return finish(o, bad);
}

static json_t *order(const struct spread *x)
{
	json_t *o = json_object();
	bool bad = put(o, "rho", real(x->order.rho));

	bad |= put(o, "rho_p", real(x->order.rho_p));
	bad |= put(o, "rho_p_holm", real(x->drift_p));
	bad |= put(o, "slope_ns", real(x->order.slope));
	bad |= put(o, "first", real(x->order.first));
	bad |= put(o, "first_p", real(x->order.first_p));
	bad |= put(o, "first_p_holm", real(x->first_p));
	bad |= put(o, "warmup_runs", json_integer((json_int_t)x->order.warmup));
	bad |= put(o, "warmup_p", real(x->order.warmup_p));
	bad |= put(o, "warmup_p_holm", real(x->warmup_p));
	return finish(o, bad);
}

static json_t *spread(const struct spread *x)
{
	json_t *o = json_object(), *outliers = json_array();
	struct verdict words;
	bool bad = put_cell(o, "cell", x->cell);

	spread_words(x, &words);
	bad |= put(o, "text", text(words.text));
	bad |= put(o, "runtime_ns", description(&x->runtime));
	bad |= put(o, "boot_ns", description(&x->boot));
	bad |= put(o, "runs_for_one_percent", count_or_null(x->one_percent.n));
	bad |= put(o, "runs_for_one_percent_cautious", count_or_null(x->one_percent.n_cautious));
	for (size_t i = 0; i < x->cell->series.n; i++)
		if (x->outlier[i])
			bad |= json_array_append_new(
				       outliers, number(x->cell->series.runs[i]->id)) < 0;
	bad |= put(o, "outliers", outliers);
	bad |= put(o, "order", order(x));
	bad |= put(o, "variance", real(x->variance));
	bad |= put(o, "causes", terms(&x->causes));
	bad |= put(o, "by_state", terms(&x->states));
	bad |= put(o, "by_phase", terms(&x->phases));
	bad |= put(o, "by_detail", terms(&x->details));
	return finish(o, bad);
}

static json_t *comparison(const struct comparison *c)
{
	const struct estimate difference = {c->difference, c->difference_interval};
	const struct estimate ratio = {c->ratio, c->ratio_interval};
	json_t *o = json_object();
	bool bad = put(o, "difference", estimate(&difference));

	bad |= put(o, "ratio", estimate(&ratio));
	bad |= put(o, "welch_t", real(c->welch_t));
	bad |= put(o, "welch_freedom", real(c->welch_freedom));
	bad |= put(o, "welch_p", real(c->welch_p));
	bad |= put(o, "welch_p_holm", real(c->p_holm));
	bad |= put(o, "mann_whitney_u", real(c->mann_whitney_u));
	bad |= put(o, "mann_whitney_p", real(c->mann_whitney_p));
	bad |= put(o, "mann_whitney_least_p", real(c->mann_whitney_least));
	bad |= put(o, "hedges_g", real(c->hedges_g));
	bad |= put(o, "cliffs_delta", real(c->cliffs_delta));
	bad |= put(o, "detectable", real(c->detectable));
	return finish(o, bad);
}

static json_t *contrast(const struct contrast *x)
{
	json_t *o = json_object();
	struct verdict words;
	bool bad = put_cell(o, "a", x->a);

	contrast_words(x, &words);
	bad |= put_cell(o, "b", x->b);
	bad |= put(o, "text", text(words.text));
	bad |= put(o, "control", json_boolean(x->control));
	bad |= put(o, "differs", json_boolean(x->differs));
	bad |= put(o, "noise_ns", real(x->noise_ns));
	bad |= put(o, "runtime_ns", comparison(&x->runtime));
	bad |= put(o, "boot_ns", comparison(&x->boot));
	bad |= put(o, "causes", terms(&x->causes));
	bad |= put(o, "by_state", terms(&x->states));
	bad |= put(o, "by_phase_and_state", terms(&x->parts));
	bad |= put(o, "by_detail", terms(&x->details));
	return finish(o, bad);
}

static json_t *drift(const struct drift *d)
{
	json_t *o = json_object();
	bool bad = put(o, "n", json_integer((json_int_t)d->n));

	bad |= put(o, "rho", real(d->rho));
	bad |= put(o, "p", real(d->p));
	bad |= put(o, "slope", real(d->slope));
	bad |= put(o, "span", real(d->span));
	return finish(o, bad);
}

int explanation_add_json(const struct explanation *e, json_t *document)
{
	json_t *o = json_object(), *scalings = json_array(), *spreads = json_array(),
	       *contrasts = json_array();
	bool bad = false;

	for (size_t i = 0; i < e->n_scalings; i++)
		bad |= json_array_append_new(scalings, scaling(&e->scalings[i])) < 0;
	for (size_t i = 0; i < e->n_spreads; i++)
		bad |= json_array_append_new(spreads, spread(&e->spreads[i])) < 0;
	for (size_t i = 0; i < e->n_contrasts; i++)
		bad |= json_array_append_new(contrasts, contrast(&e->contrasts[i])) < 0;
	bad |= put(o, "speedup", scalings);
	bad |= put(o, "spread", spreads);
	bad |= put(o, "difference", contrasts);
	bad |= put(o, "drift", drift(&e->drift));
	bad |= put(document, "explanation", o);
	return bad ? -ENOMEM : 0;
}
