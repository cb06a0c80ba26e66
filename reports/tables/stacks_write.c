/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How whole call stacks are, as text. */

#include <errno.h>

#include "common/cleanup.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/format.h"

static int put_configuration(struct table *t, const struct configuration *c)
{
	_cleanup_free_ char *head = NULL;

	if (asprintf(&head, "%s on %lld %s", c->name, (long long)c->cores,
		    cores_word(c->cores, c->scenario)) < 0) {
		head = NULL;
		return -ENOMEM;
	}
	table_line(t, head);
	for (size_t i = 0; i < c->n_stack_ends; i++) {
		columns_put(stack_end_columns, &c->stack_ends[i], t);
		table_row(t);
	}
	return 0;
}

int stacks_write_text(const struct summary *s, FILE *out, const struct style *style)
{
	bool any = false;
	struct table *t;
	int q, r = 0;

	for (size_t i = 0; i < s->n_configurations; i++)
		any |= s->configurations[i].n_stack_ends > 0;
	if (!any)
		return 0;
	fprintf(out, "\n%sCall stacks: how many reach a root, and why others end%s\n", style->bold,
		style->plain);
	t = table_begin();
	columns_put_titles(stack_end_columns, t);
	table_row(t);
	for (size_t i = 0; i < s->n_configurations && r == 0; i++)
		if (s->configurations[i].n_stack_ends)
			r = put_configuration(t, &s->configurations[i]);
	q = table_end(t, out, style);
	return r < 0 ? r : q;
}
