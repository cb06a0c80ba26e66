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

static bool has_detours(const struct parted_table *p, const void *summary, size_t i)
{
	const struct summary *s = summary;

	(void)p;
	return s->configurations[i].n_detours > 0;
}

static int put_detours(
	struct table *t, const struct parted_table *p, const void *summary, size_t at)
{
	const struct configuration *c = &((const struct summary *)summary)->configurations[at];
	int r = put_part(t, c, p->columns, c->detours, sizeof(*c->detours),
		c->n_detours < SHOWN_MAX ? c->n_detours : SHOWN_MAX);

	put_rest(t, c, SHOWN_MAX);
	return r;
}

int detours_write_text(const struct summary *s, FILE *out, const struct style *style)
{
	static const struct parted_table table = {
		"Causes of detours", detour_share_columns, has_detours, put_detours};

	return parts_write(&table, s, s->n_configurations, out, style);
}
