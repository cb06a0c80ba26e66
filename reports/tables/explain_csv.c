/* SPDX-License-Identifier: GPL-2.0-or-later */
/** The explanation as CSV: a line for each term. */
#include <errno.h>
#include <math.h>

#include "reports/tables/tables.h"
#include "reports/text/csv.h"

/** What the terms of one list have in common. */
struct heading {
	const char *quantity; /**< speedup, difference, variance */
	const struct cell *cell;
	const struct cell *other; /**< the one compared with; NULL: none */
	double unit;              /**< of a value in the file: s, or s² */
};

static void put_cell(FILE *out, const struct cell *cell)
{
	fputc(',', out);
	csv_text(out, cell ? cell->name : NULL);
	csv_number(out, cell ? cell->cores : STORE_NULL);
}

static void put_real(FILE *out, double value)
{
	if (isfinite(value))
		fprintf(out, ",%.12g", value);
	else
		fputc(',', out);
}

static void put_terms(
	FILE *out, const struct heading *h, const char *split, const struct terms *terms)
{
	for (size_t i = 0; i < terms->n; i++) {
		const struct term *t = &terms->list[i];

		csv_text(out, h->quantity);
		put_cell(out, h->cell);
		put_cell(out, h->other);
		fprintf(out, ",%s,", split);
		csv_text(out, t->phase);
		fputc(',', out);
		csv_text(out, state_label(t->state));
		fputc(',', out);
		csv_text(out, t->detail);
		put_real(out, t->value / h->unit);
		put_real(out, t->range.low / h->unit);
		put_real(out, t->range.high / h->unit);
		put_real(out, t->share);
		fputc('\n', out);
	}
}

int tables_write_explanation_csv(const struct analysis *a, FILE *out)
{
	const struct explanation *e = a->explanation;

	fputs("quantity,cell,cores,other_cell,other_cores,split,phase,state,detail,value,low,high,"
	      "share\n",
		out);
	for (size_t i = 0; i < e->n_scalings; i++) {
		const struct scaling *x = &e->scalings[i];
		const struct heading h = {"speedup", x->many, x->one, 1e9};

		put_terms(out, &h, "cause", &x->causes);
		put_terms(out, &h, "state", &x->states);
		put_terms(out, &h, "phase", &x->phases);
		put_terms(out, &h, "phase and state", &x->parts);
		put_terms(out, &h, "detail", &x->details);
	}
	for (size_t i = 0; i < e->n_contrasts; i++) {
		const struct contrast *x = &e->contrasts[i];
		const struct heading h = {"difference", x->a, x->b, 1e9};

		put_terms(out, &h, "cause", &x->causes);
		put_terms(out, &h, "state", &x->states);
		put_terms(out, &h, "phase and state", &x->parts);
		put_terms(out, &h, "detail", &x->details);
	}
	for (size_t i = 0; i < e->n_spreads; i++) {
		const struct spread *x = &e->spreads[i];
		const struct heading h = {"variance", x->cell, NULL, 1e18};

		put_terms(out, &h, "cause", &x->causes);
		put_terms(out, &h, "state", &x->states);
		put_terms(out, &h, "phase", &x->phases);
		put_terms(out, &h, "detail", &x->details);
	}
	return ferror(out) ? -EIO : 0;
}
