/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/gate/cause.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/gate/quantity.h"
#include "reports/summary/boot.h"
#include "reports/text/format.h"
#include "reports/text/json.h"

void cause_clear(struct cause *c)
{
	contrast_clear(&c->contrast);
	free(c->text);
}

#define LANES_SHARE 1.5

/**
 * The largest frame of the differential flame graph, of those that change as the whole does (@sign); where it is measured (off
 * the CPU) it is no chance. What changes by far more than all lanes lost together, @lanes_ns, did not make that: threads that are no
 * lanes wait, too.
 */
static void find_function(
	const struct diff *d, bool on_cpu, double sign, double lanes_ns, struct culprit *ret)
{
	for (size_t i = 0; i < d->n_functions; i++) {
		const struct diff_function *f = &d->functions[i];
		double longer = f->ns[TREE_B] - f->ns[TREE_A];

		if ((f->on_cpu || !on_cpu) && sign * longer > 0 &&
			sign * longer <= LANES_SHARE * lanes_ns &&
			!(sign * longer <= f->error_ns)) {
			*ret = (struct culprit){f->symbol, f->module, longer};
			return;
		}
	}
}

static struct statistic step_statistic(const struct boot_part *p)
{
	return (struct statistic){.n = p->n,
		.mean = p->mean_ns,
		.m2 = p->n < 2 ? 0 : p->stddev_ns * p->stddev_ns * (double)(p->n - 1)};
}

/** The step of the boot that changes most, of those that differ. */
static void compare_steps(const struct boot_configuration *a, const struct boot_configuration *b,
	double sign, struct culprit *ret)
{
	for (size_t i = 0; a && b && i < b->n_steps; i++)
		for (size_t k = 0; k < a->n_steps; k++) {
			struct statistic x = step_statistic(&a->steps[k]),
					 y = step_statistic(&b->steps[i]);
			double longer = y.mean - x.mean;

			if (strcmp(a->steps[k].name, b->steps[i].name) == 0 &&
				sign * longer > fabs(ret->ns) && statistic_differ(&x, &y))
				*ret = (struct culprit){b->steps[i].name, "", longer};
		}
}

/* Names of steps are the store's, which outlives the reports. */
static int find_step(const struct diff *d, double sign, struct culprit *ret)
{
	_cleanup_boot_report_ struct boot_report *a = NULL, *b = NULL;
	const struct diff_operand *sides = d->pair.sides;
	int r = boot_report_make(sides[TREE_A].summary, &a);

	if (r >= 0)
		r = boot_report_make(sides[TREE_B].summary, &b);
	if (r >= 0)
		compare_steps(boot_report_configuration(a, sides[TREE_A].configuration),
			boot_report_configuration(b, sides[TREE_B].configuration), sign, ret);
	return r;
}

static void put_culprit(const char *what, const struct culprit *c, FILE *out)
{
	if (!c->name)
		return;
	fprintf(out, "%sThe %s that %s most is %.100s", ftell(out) > 0 ? " " : "", what,
		c->ns > 0 ? "grew" : "shrank", c->name);
	if (c->module && *c->module)
		fprintf(out, " (%.60s)", c->module);
	fprintf(out, ", %s %s.", format_time(fabs(c->ns)).text, c->ns > 0 ? "longer" : "shorter");
}

static int make_words(struct cause *c, bool by_function)
{
	struct verdict causes = {};
	size_t size;
	FILE *out = open_memstream(&c->text, &size);

	if (!out)
		return -ENOMEM;
	if (c->contrast.causes.n > 0) {
		contrast_say_causes(&c->contrast, true, &causes);
		fprintf(out, "Of that are %s.", causes.text);
	}
	put_culprit("function", &c->function, out);
	if (by_function && !c->function.name)
		fprintf(out, "%sNo function's change is told from the sampling error.",
			ftell(out) > 0 ? " " : "");
	put_culprit("step", &c->step, out);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

static double mean_cpu(const struct configuration *c)
{
	double sum = 0;

	for (size_t i = 0; i < c->series.n; i++)
		sum += c->series.cpu_ns[i];
	return sum / (double)c->series.n;
}

int cause_find(const struct diff *d, const char *what, struct cause *ret)
{
	const struct configuration *a = d->pair.sides[TREE_A].configuration,
				   *b = d->pair.sides[TREE_B].configuration;
	int r = 0;

	*ret = (struct cause){};
	if (strcmp(what, QUANTITY_RUNTIME) == 0) {
		double longer = b->runtime_ns.mean - a->runtime_ns.mean;

		find_function(d, false, longer > 0 ? 1 : -1,
			fabs(longer) * (double)(a->cores > b->cores ? a->cores : b->cores),
			&ret->function);
		r = contrast_make(b, a, &ret->contrast);
	} else if (strcmp(what, QUANTITY_CPU) == 0) {
		find_function(
			d, true, mean_cpu(b) > mean_cpu(a) ? 1 : -1, INFINITY, &ret->function);
	} else if (strcmp(what, QUANTITY_BOOT) == 0) {
		r = find_step(d, b->boot_ns.mean > a->boot_ns.mean ? 1 : -1, &ret->step);
	}
	return r < 0 ? r
		     : make_words(ret, strcmp(what, QUANTITY_RUNTIME) == 0 ||
					       strcmp(what, QUANTITY_CPU) == 0);
}

static json_t *states_json(const void *row)
{
	const struct cause *c = row;
	json_t *list = json_array();
	bool bad = !list;

	for (size_t i = 0; i < c->contrast.causes.n; i++) {
		const struct term *t = &c->contrast.causes.list[i];
		json_t *o = json_object();

		bad |= put(o, "state", text(state_label(t->state)));
		bad |= put(o, "detail", text(t->detail));
		bad |= put(o, "ns", real(t->value));
		bad |= put(o, "low_ns", real(t->range.low));
		bad |= put(o, "high_ns", real(t->range.high));
		bad |= json_array_append_new(list, o) < 0;
	}
	return finish(list, bad);
}

static bool has_culprit(const void *row)
{
	return ((const struct culprit *)row)->name;
}

#define ROW struct culprit
static const struct column culprit_columns[] = {
	TABLE,
	COL("name", NULL, TEXT, name, .only = has_culprit),
	COL("module", NULL, TEXT, module, .only = has_culprit),
	COL("ns", NULL, NS, ns, .only = has_culprit),
	{},
};
#undef ROW

#define ROW struct cause
const struct column cause_columns[] = {
	TABLE,
	COL("cause", NULL, TEXT, text),
	{"causes", NULL, COLUMN_OWN, .own_json = states_json},
	COL("function", NULL, OBJECT, function, .of = culprit_columns),
	COL("boot_step", NULL, OBJECT, step, .of = culprit_columns),
	{},
};
#undef ROW
