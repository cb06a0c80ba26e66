/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The threads of programs whose lanes are CPUs, as text and CSV. */

#include <errno.h>

#include "common/cleanup.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/csv.h"
#include "reports/text/format.h"

#define SHOWN_MAX 6 /* for each configuration, in a terminal */

static int put_configuration(struct table *t, const struct configuration *c)
{
	_cleanup_free_ char *head = NULL, *more = NULL;

	if (asprintf(&head, "%s on %lld %s", c->name, (long long)c->cores,
		    cores_word(c->cores, c->scenario)) < 0) {
		head = NULL;
		return -ENOMEM;
	}
	table_line(t, head);
	for (size_t i = 0; i < c->n_threads && i < SHOWN_MAX; i++) {
		columns_put(thread_columns, &c->threads[i], t);
		table_row(t);
	}
	if (c->n_threads <= SHOWN_MAX)
		return 0;
	if (asprintf(&more, "  and %zu more names: threads.csv", c->n_threads - SHOWN_MAX) < 0) {
		more = NULL;
		return -ENOMEM;
	}
	table_line(t, more);
	return 0;
}

int threads_write_text(const struct summary *s, FILE *out, const struct style *style)
{
	bool any = false;
	struct table *t;
	int q, r = 0;

	for (size_t i = 0; i < s->n_configurations; i++)
		any |= s->configurations[i].n_threads > 0;
	if (!any)
		return 0;
	fprintf(out, "\n%sThreads of the program, those of one name together, seconds a run%s\n",
		style->bold, style->plain);
	t = table_begin();
	columns_put_titles(thread_columns, t);
	table_row(t);
	for (size_t i = 0; i < s->n_configurations && r == 0; i++)
		if (s->configurations[i].n_threads)
			r = put_configuration(t, &s->configurations[i]);
	q = table_end(t, out, style);
	return r < 0 ? r : q;
}

int tables_write_threads_csv(const struct analysis *a, FILE *out)
{
	const struct summary *s = a->summary;

	fputs("guest,cores", out);
	columns_csv_names(thread_columns, false, out);
	fputc('\n', out);
	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *c = &s->configurations[i];

		for (size_t k = 0; k < c->n_threads; k++) {
			csv_text(out, c->name);
			fprintf(out, ",%lld", (long long)c->cores);
			columns_csv(thread_columns, &c->threads[k], false, out);
			fputc('\n', out);
		}
	}
	return ferror(out) ? -EIO : 0;
}
