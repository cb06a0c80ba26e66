/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The threads of programs whose lanes are CPUs, as text and CSV. */

#include <errno.h>

#include "common/cleanup.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/csv.h"
#include "reports/text/format.h"

#define SHOWN_MAX 6 /* for each configuration, in a terminal */

static bool has_threads(const struct parted_table *p, const void *summary, size_t i)
{
	const struct summary *s = summary;

	(void)p;
	return s->configurations[i].n_threads > 0;
}

static int put_threads(
	struct table *t, const struct parted_table *p, const void *summary, size_t at)
{
	const struct configuration *c = &((const struct summary *)summary)->configurations[at];
	_cleanup_free_ char *more = NULL;
	int r = put_part(t, c, p->columns, c->threads, sizeof(*c->threads),
		c->n_threads < SHOWN_MAX ? c->n_threads : SHOWN_MAX);

	if (r < 0 || c->n_threads <= SHOWN_MAX)
		return r;
	if (asprintf(&more, "  and %zu more names: threads.csv", c->n_threads - SHOWN_MAX) < 0) {
		more = NULL;
		return -ENOMEM;
	}
	table_line(t, more);
	return 0;
}

int threads_write_text(const struct summary *s, FILE *out, const struct style *style)
{
	static const struct parted_table table = {
		"Threads of the program, those of one name together, seconds a run", thread_columns,
		has_threads, put_threads};

	return parts_write(&table, s, s->n_configurations, out, style);
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
