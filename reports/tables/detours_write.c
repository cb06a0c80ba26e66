/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "Causes of detours" for a terminal. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"

#define SHOWN_MAX 16 /* of a configuration */

/* The rows from the first that is not shown on, as one: all rows sum to all detours. */
static void put_rest(struct table *t, const struct configuration *c, size_t first)
{
	struct detour_share rest = {.cause = "rest", .taken_by = ""};
	char detail[64];

	if (first >= c->n_detours)
		return;
	snprintf(detail, sizeof(detail), "%zu more", c->n_detours - first);
	rest.detail = detail;
	rest.whole_ns = c->detours[first].whole_ns;
	for (size_t i = first; i < c->n_detours; i++) {
		rest.detours += c->detours[i].detours;
		rest.ns += c->detours[i].ns;
	}
	columns_put(detour_share_columns, &rest, t);
	table_row(t);
}

int detours_write_text(const struct summary *s, FILE *out, const struct style *style)
{
	bool any = false;
	struct table *t;
	int q, r = 0;

	for (size_t i = 0; i < s->n_configurations; i++)
		any |= s->configurations[i].n_detours > 0;
	if (!any)
		return 0;
	fprintf(out, "\n%sCauses of detours%s\n", style->bold, style->plain);
	t = table_begin();
	columns_put_titles(detour_share_columns, t);
	table_row(t);
	for (size_t i = 0; i < s->n_configurations && r == 0; i++) {
		const struct configuration *c = &s->configurations[i];
		_cleanup_free_ char *head = NULL;

		if (!c->n_detours)
			continue;
		if (asprintf(&head, "%s on %lld %s", c->name, (long long)c->cores,
			    cores_word(c->cores, c->scenario)) < 0) {
			head = NULL;
			r = -ENOMEM;
			break;
		}
		table_line(t, head);
		for (size_t k = 0; k < c->n_detours && k < SHOWN_MAX; k++) {
			columns_put(detour_share_columns, &c->detours[k], t);
			table_row(t);
		}
		put_rest(t, c, SHOWN_MAX);
	}
	q = table_end(t, out, style);
	return r < 0 ? r : q;
}
