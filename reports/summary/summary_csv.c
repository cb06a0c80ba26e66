/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/explain/explain.h"
#include "reports/summary/summary.h"
#include "reports/text/csv.h"

static void put_time(FILE *out, int64_t ns)
{
	csv_seconds(out, ns == STORE_NULL ? NAN : (double)ns);
}

static const char *state_name(int state)
{
	return state == STATE_NONE ? "other" : state_table[state].name;
}

static void put_statistic(FILE *out, const struct statistic *s)
{
	csv_seconds(out, s->n ? s->mean : NAN);
	csv_seconds(out, statistic_stddev(s));
}

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

int summary_write_cells_csv(const struct summary *s, FILE *out)
{
	fputs("guest,cores,scenario,label,accel,runs,runs_ok,runs_closed,runs_audited,lost_events,"
	      "boot_s,"
	      "boot_stddev_s,runtime_s,runtime_stddev_s,guest_runtime_s,guest_runtime_stddev_s,"
	      "lane_time_s",
		out);
	for (int i = 0; i < STATE_COUNT; i++)
		if (s->state_used[i])
			fprintf(out, ",%s_s", state_name(i));
	fputs(",residual_s,helper_s,runtime_low_s,runtime_high_s,runtime_median_s,runtime_mad_s,"
	      "runs_for_1_percent,order_rho,order_p,outliers\n",
		out);
	for (size_t i = 0; i < s->n_cells; i++) {
		const struct cell *c = &s->cells[i];
		bool known = c->window.has_accounts;

		csv_text(out, c->guest);
		fprintf(out, ",%lld,", (long long)c->cores);
		csv_text(out, c->scenario);
		fputc(',', out);
		csv_text(out, c->label);
		fputc(',', out);
		csv_text(out, c->accel);
		fprintf(out, ",%zu,%zu,%zu,%zu,%lld", c->n_runs, c->n_ok, c->n_closed, c->n_audited,
			(long long)c->lost_events);
		put_statistic(out, &c->boot_ns);
		put_statistic(out, &c->runtime_ns);
		put_statistic(out, &c->guest_runtime_ns);
		csv_seconds(out, c->n_ok ? c->window.lane_time_ns : NAN);
		for (int j = 0; j < STATE_COUNT; j++)
			if (s->state_used[j])
				csv_seconds(out, known ? c->window.state_ns[j] : NAN);
		csv_seconds(out, known ? c->window.residual_ns : NAN);
		csv_seconds(out, known ? c->window.helper_ns : NAN);
		put_spread(out, explanation_spread(s->explanation, c));
		fputc('\n', out);
	}
	return ferror(out) ? -EIO : 0;
}

/** The first of a run's accounts, which are in order of their runs. */
static size_t first_account(const struct store_tables *t, int64_t run)
{
	size_t low = 0, high = t->n_accounts;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->accounts[middle].run < run)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/** Sum of a run's accounts of that state within the window. */
static double run_state(const struct store_tables *t, int64_t run, int state, bool *ret_known)
{
	double ns = 0;

	for (size_t i = first_account(t, run); i < t->n_accounts && t->accounts[i].run == run;
		i++) {
		const struct store_account *a = &t->accounts[i];
		int found;

		if (a->helper || phase_is_outside(a->phase))
			continue;
		*ret_known = true;
		found = state_from_name(a->state);
		if ((found < 0 ? STATE_NONE : found) == state)
			ns += (double)a->ns;
	}
	return ns;
}

int summary_write_runs_csv(const struct summary *s, FILE *out)
{
	const struct store_tables *t = store_tables(s->store);

	fputs("run,guest,cores,scenario,label,accel,block,counted,repetition,position,start_utc,"
	      "status,boot_s,runtime_"
	      "s,"
	      "guest_runtime_s",
		out);
	for (int i = 0; i < STATE_COUNT; i++)
		if (s->state_used[i])
			fprintf(out, ",%s_s", state_name(i));
	fputs(",residual_s,lost_events,closed,audited,error\n", out);
	for (size_t i = 0; i < t->n_runs; i++) {
		const struct store_run *run = &t->runs[i];
		const char *const texts[] = {run->scenario, run->label, run->accel};

		fprintf(out, "%lld,", (long long)run->id);
		csv_text(out, run->guest);
		csv_number(out, run->cores);
		for (size_t j = 0; j < ARRAY_SIZE(texts); j++) {
			fputc(',', out);
			csv_text(out, texts[j]);
		}
		csv_number(out, run->block);
		csv_number(out, run->counted);
		csv_number(out, run->repetition);
		csv_number(out, run->position);
		fputc(',', out);
		csv_text(out, run->start_utc);
		fputc(',', out);
		csv_text(out, run->status);
		put_time(out, run->boot_ns);
		put_time(out, run->runtime_ns);
		put_time(out, run->guest_runtime_ns);
		for (int j = 0; j < STATE_COUNT; j++) {
			bool known = false;
			double ns;

			if (!s->state_used[j])
				continue;
			ns = run_state(t, run->id, j, &known);
			csv_seconds(out, known ? ns : NAN);
		}
		put_time(out, run->residual_ns);
		csv_number(out, run->lost_events);
		csv_number(out, run->closed);
		csv_number(out, run->audited);
		fputc(',', out);
		csv_text(out, run->error);
		fputc('\n', out);
	}
	return ferror(out) ? -EIO : 0;
}
