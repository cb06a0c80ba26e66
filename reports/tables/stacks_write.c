/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How call stacks were walked and how whole they are, as text and CSV. */

#include <errno.h>

#include "common/cleanup.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/csv.h"
#include "reports/text/format.h"

/* ->which of a table: where its shares (struct stack_shares) are in a configuration. */
static const size_t ends_at = offsetof(struct configuration, stack_ends);
static const size_t modules_at = offsetof(struct configuration, stack_modules);

static const struct stack_shares *shares_of(
	const struct parted_table *p, const void *summary, size_t at)
{
	const struct summary *s = summary;

	return (const struct stack_shares *)((const char *)&s->configurations[at] +
					     *(const size_t *)p->which);
}

static bool has_shares(const struct parted_table *p, const void *summary, size_t at)
{
	return shares_of(p, summary, at)->n > 0;
}

static int put_shares(struct table *t, const struct parted_table *p, const void *summary, size_t at)
{
	const struct stack_shares *shares = shares_of(p, summary, at);

	return put_part(t, &((const struct summary *)summary)->configurations[at], p->columns,
		shares->list, sizeof(*shares->list), shares->n);
}

static const struct parted_table ends = {"Call stacks: how many reach a root, and why others end",
	stack_end_columns, has_shares, put_shares, &ends_at};
static const struct parted_table modules = {
	"Call stacks: how the callers of frames were found, by file", stack_module_columns,
	has_shares, put_shares, &modules_at};

int stacks_write_text(const struct summary *s, FILE *out, const struct style *style)
{
	int r = parts_write(&ends, s, s->n_configurations, out, style);

	return r < 0 ? r : parts_write(&modules, s, s->n_configurations, out, style);
}

static int write_csv(const struct parted_table *what, const struct summary *s, FILE *out)
{
	fputs("guest,cores", out);
	columns_csv_names(what->columns, false, out);
	fputc('\n', out);
	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *c = &s->configurations[i];
		const struct stack_shares *shares = shares_of(what, s, i);

		for (size_t k = 0; k < shares->n; k++) {
			csv_text(out, c->name);
			fprintf(out, ",%lld", (long long)c->cores);
			columns_csv(what->columns, &shares->list[k], false, out);
			fputc('\n', out);
		}
	}
	return ferror(out) ? -EIO : 0;
}

bool tables_has_stacks(const struct analysis *a)
{
	bool any = false;

	for (size_t i = 0; i < a->summary->n_configurations; i++)
		any |= has_shares(&modules, a->summary, i);
	return any;
}

int tables_write_stack_ends_csv(const struct analysis *a, FILE *out)
{
	return write_csv(&ends, a->summary, out);
}

int tables_write_stack_modules_csv(const struct analysis *a, FILE *out)
{
	return write_csv(&modules, a->summary, out);
}
