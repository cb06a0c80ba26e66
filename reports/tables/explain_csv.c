/* SPDX-License-Identifier: GPL-2.0-or-later */
/** The explanation as CSV: a line for each term; and one for each metric of a configuration. */
#include <errno.h>

#include "reports/tables/columns.h"
#include "reports/tables/tables.h"

/** What the terms of one list have in common. */
struct heading {
	const char *quantity; /**< speedup, difference, variance */
	const char *configuration;
	int64_t cores;
	const char *other; /**< the one compared with; NULL: none */
	int64_t other_cores;
	double unit; /**< of a value in the file: s, or s² */
	const char *split;
};

#define ROW struct heading
static const struct column heading_columns[] = {
	TABLE,
	COL(NULL, "quantity", TEXT, quantity),
	COL(NULL, "cell", TEXT, configuration),
	COL(NULL, "cores", NUMBER, cores),
	COL(NULL, "other_cell", TEXT, other),
	COL(NULL, "other_cores", NUMBER, other_cores),
	COL(NULL, "split", TEXT, split),
	{},
};
#undef ROW

static void put_terms(FILE *out, const struct heading *h, const struct terms *terms)
{
	for (size_t i = 0; i < terms->n; i++) {
		const struct term t = term_over(&terms->list[i], h->unit);

		columns_csv(heading_columns, h, true, out);
		columns_csv(term_columns, &t, false, out);
		fputc('\n', out);
	}
}

/** All splits that @row has. */
static void put_splits(FILE *out, struct heading h, const struct column *c, const void *row)
{
	for (const struct column *x = c + 1; x->type; x++) {
		if (x->of != term_columns)
			continue;
		h.split = x->csv;
		put_terms(out, &h, (const void *)((const char *)row + x->offset));
	}
}

/** Each mode against the one below it. */
static void put_modes(FILE *out, const struct spread *x)
{
	static const char *const names[MODES_MAX] = {"mode 2 over 1", "mode 3 over 2",
		"mode 4 over 3", "mode 5 over 4", "mode 6 over 5"};
	const struct configuration *c = x->configuration;

	for (size_t i = 0; i < x->gaps.n; i++)
		put_splits(out,
			(struct heading){names[i], c->name, c->cores, c->name, c->cores, 1e9},
			contrast_columns, &x->gaps.list[i].contrast);
}

int tables_write_metrics_csv(const struct analysis *a, FILE *out)
{
	const struct explanation *e = a->explanation;

	columns_csv_names(metric_columns, true, out);
	fputc('\n', out);
	for (size_t i = 0; i < e->n_metrics; i++) {
		columns_csv(metric_columns, &e->metrics[i], true, out);
		fputc('\n', out);
	}
	return ferror(out) ? -EIO : 0;
}

int tables_write_explanation_csv(const struct analysis *a, FILE *out)
{
	const struct explanation *e = a->explanation;

	columns_csv_names(heading_columns, true, out);
	columns_csv_names(term_columns, false, out);
	fputc('\n', out);
	for (size_t i = 0; i < e->n_scalings; i++) {
		const struct configuration *many = e->scalings[i].many, *one = e->scalings[i].one;

		put_splits(out,
			(struct heading){
				"speedup", many->name, many->cores, one->name, one->cores, 1e9},
			scaling_columns, &e->scalings[i]);
	}
	for (size_t i = 0; i < e->n_contrasts; i++) {
		const struct configuration *x = e->contrasts[i].a, *y = e->contrasts[i].b;

		put_splits(out,
			(struct heading){"difference", x->name, x->cores, y->name, y->cores, 1e9},
			contrast_columns, &e->contrasts[i]);
	}
	for (size_t i = 0; i < e->n_spreads; i++) {
		const struct configuration *configuration = e->spreads[i].configuration;

		put_splits(out,
			(struct heading){"variance", configuration->name, configuration->cores,
				NULL, STORE_NULL, 1e18},
			spread_columns, &e->spreads[i]);
		put_modes(out, &e->spreads[i]);
	}
	return ferror(out) ? -EIO : 0;
}
