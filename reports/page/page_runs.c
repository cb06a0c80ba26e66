/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Every run, in order of execution. The chart of the run order reads its numbers from this table.
 */

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"

/** Which mode of its configuration the run's time is of, where there are several. */
static void write_mode(const struct explanation *e, const struct configuration *configuration,
	const struct store_run *run, FILE *out)
{
	const struct spread *x = explanation_spread(e, configuration);
	size_t mode = x ? modes_index(&x->modes, (double)run->runtime_ns) : 0;

	if (x && x->modes.n > 1 && mode < x->modes.n)
		fprintf(out, " data-mode=\"%zu\"", mode + 1);
}

static void write_run(const struct page *page, const struct store_run *run, FILE *out)
{
	const struct configuration *configuration =
		summary_configuration(page->analysis->summary, run);

	fprintf(out,
		"<tr id=\"run-%lld\" data-position=\"%lld\" data-cores=\"%lld\" data-run=\"%lld\"",
		(long long)run->id, (long long)run->position, (long long)run->cores,
		(long long)run->id);
	if (configuration_counts(configuration, run) && run->runtime_ns != STORE_NULL) {
		fprintf(out, " data-v=\"%.9g\"", (double)run->runtime_ns / 1e9);
		write_mode(page->analysis->explanation, configuration, run, out);
	}
	fputs(" data-stack=\"", out);
	markup_text(out, configuration->name);
	fprintf(out, "\"><td class=\"n\">%lld</td><td class=\"n\">%lld</td><th scope=\"row\">",
		(long long)run->position, (long long)run->id);
	markup_text(out, configuration->name);
	fprintf(out, "</th><td class=\"n\">%lld</td><td class=\"n\">%lld</td>",
		(long long)run->cores, (long long)run->repetition);
	fprintf(out, "<td class=\"t%s\">", run->ok ? "" : " bad");
	markup_text(out, run->status);
	fputs(run->counted ? "" : ", warm-up", out);
	if (run->error) {
		fputs(": ", out);
		markup_text(out, run->error);
	}
	fputs("</td>", out);
	page_columns(run_columns, run, out);
	page_columns(run_columns_end, run, out);
	fputs("</tr>\n", out);
}

static int compare_position(const void *a, const void *b)
{
	const struct store_run *x = *(const struct store_run *const *)a;
	const struct store_run *y = *(const struct store_run *const *)b;

	if (x->position != y->position)
		return x->position < y->position ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

int page_runs(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;
	const char *names[16] = {"#position", "#run", "stack", "#cores", "#repetition", "status"};
	size_t n_names =
		page_column_names(run_columns_end, names, page_column_names(run_columns, names, 6));
	const struct store_tables *t = store_tables(s->store);
	_cleanup_free_ const struct store_run **runs =
		calloc(t->n_runs + 1, sizeof(struct store_run *));

	if (!runs)
		return -ENOMEM;
	if (t->n_runs == 0)
		return 0;
	for (size_t i = 0; i < t->n_runs; i++)
		runs[i] = &t->runs[i];
	qsort(runs, t->n_runs, sizeof(struct store_run *), compare_position);
	page_table_open(out, "every run",
		"In order of execution. Residual: sum over lanes and phases of what their states "
		"leave of wall time.",
		names, n_names);
	for (size_t i = 0; i < t->n_runs; i++)
		write_run(page, runs[i], out);
	page_table_close(out);
	return 0;
}
