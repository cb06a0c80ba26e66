/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Why it is slower: states of the books, function, step of the boot. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/gate/gate_internal.h"
#include "reports/text/format.h"

/** The largest frame of the differential flame graph; where it is measured (off the CPU) it is no chance. */
static void find_function(const struct diff *d, struct gate_culprit *ret)
{
	for (size_t i = 0; i < d->n_functions; i++) {
		const struct diff_function *f = &d->functions[i];
		double longer = f->ns[TREE_B] - f->ns[TREE_A];

		if (longer > 0 && !(longer <= f->error_ns)) {
			*ret = (struct gate_culprit){f->symbol, f->module, longer};
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

/** The step of the boot that takes longer by most, of those that differ. */
static void compare_steps(const struct boot_configuration *a, const struct boot_configuration *b,
	struct gate_culprit *ret)
{
	for (size_t i = 0; a && b && i < b->n_steps; i++)
		for (size_t k = 0; k < a->n_steps; k++) {
			struct statistic x = step_statistic(&a->steps[k]),
					 y = step_statistic(&b->steps[i]);

			if (strcmp(a->steps[k].name, b->steps[i].name) == 0 &&
				y.mean - x.mean > ret->ns && statistic_differ(&x, &y))
				*ret = (struct gate_culprit){b->steps[i].name, "", y.mean - x.mean};
		}
}

/* Names of steps are the store's, which outlives the reports. */
static int find_step(const struct diff *d, struct gate_culprit *ret)
{
	_cleanup_boot_report_ struct boot_report *a = NULL, *b = NULL;
	const struct diff_operand *sides = d->pair.sides;
	int r = boot_report_make(sides[TREE_A].summary, &a);

	if (r >= 0)
		r = boot_report_make(sides[TREE_B].summary, &b);
	if (r >= 0)
		compare_steps(boot_report_configuration(a, sides[TREE_A].configuration),
			boot_report_configuration(b, sides[TREE_B].configuration), ret);
	return r;
}

static void put_culprit(const char *intro, const struct gate_culprit *c, FILE *out)
{
	if (!c->name)
		return;
	fprintf(out, "%s%s is %.100s", ftell(out) > 0 ? " " : "", intro, c->name);
	if (c->module && *c->module)
		fprintf(out, " (%.60s)", c->module);
	fprintf(out, ", %s longer.", format_time(c->ns).text);
}

static int make_words(struct gate_row *row)
{
	struct verdict causes = {};
	size_t size;
	FILE *out = open_memstream(&row->cause, &size);

	if (!out)
		return -ENOMEM;
	if (strcmp(row->what, GATE_RUNTIME) == 0) {
		if (row->contrast.causes.n > 0) {
			contrast_say_causes(&row->contrast, true, &causes);
			fprintf(out, "Of that are %s.", causes.text);
		} else {
			fputs("There are no books of its time.", out);
		}
		put_culprit("The function that grew most", &row->function, out);
	} else if (strcmp(row->what, GATE_BOOT) == 0) {
		put_culprit("The step that grew most", &row->step, out);
	}
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

int gate_find_cause(struct gate_row *row)
{
	const struct diff *d = row->diff;
	int r = 0;

	if (strcmp(row->what, GATE_RUNTIME) == 0) {
		find_function(d, &row->function);
		r = contrast_make(d->pair.sides[TREE_B].configuration,
			d->pair.sides[TREE_A].configuration, &row->contrast);
	} else if (strcmp(row->what, GATE_BOOT) == 0) {
		r = find_step(d, &row->step);
	}
	return r < 0 ? r : make_words(row);
}
