/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables.h"
#include "reports/text/csv.h"

static void put_spread(FILE *out, const struct spread *x)
{
	if (!x) {
		fputs(",,,,,,,,", out);
		return;
	}
	csv_seconds(out, x->runtime.mean_interval.low);
	csv_seconds(out, x->runtime.mean_interval.high);
	csv_seconds(out, x->runtime.median);
	csv_seconds(out, x->runtime.mad);
	csv_number(out, x->one_percent.n ? (int64_t)x->one_percent.n : STORE_NULL);
	if (isnan(x->order.rho_p))
		fputs(",,", out);
	else
		fprintf(out, ",%.6g,%.6g", x->order.rho, x->order.rho_p);
	csv_number(out, (int64_t)x->n_outliers);
}

int tables_write_cells_csv(const struct analysis *a, FILE *out)
{
	const struct summary *s = a->summary;

	columns_csv_names(&cell_columns, true, out);
	fputs(",lane_time_s", out);
	for (int i = 0; i < STATE_COUNT; i++)
		if (s->state_used[i])
			fprintf(out, ",%s_s", state_label(i));
	fputs(",residual_s,helper_s,runtime_low_s,runtime_high_s,runtime_median_s,runtime_mad_s,"
	      "runs_for_1_percent,order_rho,order_p,outliers\n",
		out);
	for (size_t i = 0; i < s->n_cells; i++) {
		const struct cell *c = &s->cells[i];
		bool known = c->window.has_accounts;

		columns_csv(&cell_columns, c, true, out);
		csv_seconds(out, c->n_ok ? c->window.lane_time_ns : NAN);
		for (int j = 0; j < STATE_COUNT; j++)
			if (s->state_used[j])
				csv_seconds(out, known ? c->window.state_ns[j] : NAN);
		csv_seconds(out, known ? c->window.residual_ns : NAN);
		csv_seconds(out, known ? c->window.helper_ns : NAN);
		put_spread(out, explanation_spread(a->explanation, c));
		fputc('\n', out);
	}
	return ferror(out) ? -EIO : 0;
}

int tables_write_runs_csv(const struct analysis *analysis, FILE *out)
{
	const struct summary *s = analysis->summary;
	const struct store_tables *t = store_tables(s->store);

	columns_csv_names(&run_columns, true, out);
	for (int i = 0; i < STATE_COUNT; i++)
		if (s->state_used[i])
			fprintf(out, ",%s_s", state_label(i));
	columns_csv_names(&run_columns_end, false, out);
	fputc('\n', out);
	for (size_t i = 0; i < t->n_runs; i++) {
		columns_csv(&run_columns, &t->runs[i], true, out);
		for (int j = 0; j < STATE_COUNT; j++)
			if (s->state_used[j])
				csv_seconds(out, s->runs[i].known ? s->runs[i].ns[j] : NAN);
		columns_csv(&run_columns_end, &t->runs[i], false, out);
		fputc('\n', out);
	}
	return ferror(out) ? -EIO : 0;
}
