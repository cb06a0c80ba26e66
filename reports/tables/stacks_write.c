/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How call stacks were walked and how whole they are, as text and CSV. */

#include <errno.h>

#include "common/cleanup.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/csv.h"
#include "reports/text/format.h"

struct share_table {
	const char *title;
	const struct column *columns;
	size_t member; /* of struct configuration: struct stack_shares */
};

static const struct share_table ends = {
	"Call stacks: how many reach a root, and why others end",
	stack_end_columns,
	offsetof(struct configuration, stack_ends),
};

static const struct share_table modules = {
	"Call stacks: how the callers of frames were found, by file",
	stack_module_columns,
	offsetof(struct configuration, stack_modules),
};

static const struct stack_shares *shares_of(
	const struct share_table *t, const struct configuration *c)
{
	return (const struct stack_shares *)((const char *)c + t->member);
}

static bool has_any(const struct share_table *t, const struct summary *s)
{
	bool any = false;

	for (size_t i = 0; i < s->n_configurations; i++)
		any |= shares_of(t, &s->configurations[i])->n > 0;
	return any;
}

static int put_configuration(
	struct table *t, const struct share_table *what, const struct configuration *c)
{
	const struct stack_shares *shares = shares_of(what, c);
	_cleanup_free_ char *head = NULL;

	if (!shares->n)
		return 0;
	if (asprintf(&head, "%s on %lld %s", c->name, (long long)c->cores,
		    cores_word(c->cores, c->scenario)) < 0) {
		head = NULL;
		return -ENOMEM;
	}
	table_line(t, head);
	for (size_t i = 0; i < shares->n; i++) {
		columns_put(what->columns, &shares->list[i], t);
		table_row(t);
	}
	return 0;
}

static int write_text(const struct share_table *what, const struct summary *s, FILE *out,
	const struct style *style)
{
	struct table *t;
	int q, r = 0;

	if (!has_any(what, s))
		return 0;
	fprintf(out, "\n%s%s%s\n", style->bold, what->title, style->plain);
	t = table_begin();
	columns_put_titles(what->columns, t);
	table_row(t);
	for (size_t i = 0; i < s->n_configurations && r == 0; i++)
		r = put_configuration(t, what, &s->configurations[i]);
	q = table_end(t, out, style);
	return r < 0 ? r : q;
}

int stacks_write_text(const struct summary *s, FILE *out, const struct style *style)
{
	int r = write_text(&ends, s, out, style);

	return r < 0 ? r : write_text(&modules, s, out, style);
}

static int write_csv(const struct share_table *what, const struct summary *s, FILE *out)
{
	fputs("guest,cores", out);
	columns_csv_names(what->columns, false, out);
	fputc('\n', out);
	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *c = &s->configurations[i];
		const struct stack_shares *shares = shares_of(what, c);

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
	return has_any(&modules, a->summary);
}

int tables_write_stack_ends_csv(const struct analysis *a, FILE *out)
{
	return write_csv(&ends, a->summary, out);
}

int tables_write_stack_modules_csv(const struct analysis *a, FILE *out)
{
	return write_csv(&modules, a->summary, out);
}
