/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables.h"
#include "reports/text/csv.h"

static void put_state_names(const struct summary *s, FILE *out)
{
	for (int i = 0; i < STATE_COUNT; i++)
		if (s->state_used[i])
			fprintf(out, ",%s_s", state_label(i));
}

/** @ns NULL: not known. */
static void put_states(const struct summary *s, const double *ns, FILE *out)
{
	for (int i = 0; i < STATE_COUNT; i++)
		if (s->state_used[i])
			csv_seconds(out, ns ? ns[i] : NAN);
}

int tables_write_cells_csv(const struct analysis *a, FILE *out)
{
	const struct summary *s = a->summary;

	columns_csv_names(cell_columns, true, out);
	fputs(",lane_time_s", out);
	put_state_names(s, out);
	fputs(",residual_s,helper_s", out);
	columns_csv_names(spread_columns, false, out);
	fputc('\n', out);
	for (size_t i = 0; i < s->n_cells; i++) {
		const struct cell *c = &s->cells[i];
		bool known = c->window.has_accounts;

		columns_csv(cell_columns, c, true, out);
		csv_seconds(out, c->n_ok ? c->window.lane_time_ns : NAN);
		put_states(s, known ? c->window.state_ns : NULL, out);
		csv_seconds(out, known ? c->window.residual_ns : NAN);
		csv_seconds(out, known ? c->window.helper_ns : NAN);
		columns_csv(spread_columns, explanation_spread(a->explanation, c), false, out);
		fputc('\n', out);
	}
	return ferror(out) ? -EIO : 0;
}

int tables_write_runs_csv(const struct analysis *analysis, FILE *out)
{
	const struct summary *s = analysis->summary;
	const struct store_tables *t = store_tables(s->store);

	columns_csv_names(run_columns, true, out);
	put_state_names(s, out);
	columns_csv_names(run_columns_end, false, out);
	fputc('\n', out);
	for (size_t i = 0; i < t->n_runs; i++) {
		columns_csv(run_columns, &t->runs[i], true, out);
		put_states(s, s->runs[i].known ? s->runs[i].ns : NULL, out);
		columns_csv(run_columns_end, &t->runs[i], false, out);
		fputc('\n', out);
	}
	return ferror(out) ? -EIO : 0;
}
