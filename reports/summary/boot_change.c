/* SPDX-License-Identifier: GPL-2.0-or-later */
/** By which steps the boots of one set of runs are longer than those of another. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/summary/boot.h"

#define STEPS_SQL                                                                                  \
	"SELECT run, name, end_ns - start_ns FROM boot_step"                                       \
	" WHERE start_ns IS NOT NULL AND end_ns IS NOT NULL ORDER BY run, position"

static bool has_run(const struct run_series *s, int64_t run)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->runs[i]->id == run)
			return true;
	return false;
}

static int add(struct boot_changes *c, const char *name, double ns)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->list[i].name != name)
			continue;
		c->list[i].ns += ns;
		return 0;
	}
	return ARRAY_ADD(c->list, c->n, ((struct boot_change){name, ns}));
}

static int compare_changes(const void *a, const void *b)
{
	double x = fabs(((const struct boot_change *)a)->ns),
	       y = fabs(((const struct boot_change *)b)->ns);

	return (x < y) - (x > y);
}

int boot_changes_make(const struct summary *s, const struct run_series *a,
	const struct run_series *b, struct boot_changes *ret)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	struct boot_changes c = {0};
	int r = store_has_table(s->store, "boot_step") ? 1 : 0;

	if (r > 0)
		r = store_prepare(s->store, &query, STEPS_SQL);
	while (query && r >= 0 && (r = store_step(s->store, query)) > 0) {
		int64_t run = store_number(query, 0);
		const char *name = store_text(s->store, query, 1);
		double ns = (double)store_number(query, 2);

		if (name && has_run(a, run))
			r = add(&c, name, ns / (double)a->n);
		else if (name && has_run(b, run))
			r = add(&c, name, -ns / (double)b->n);
	}
	if (r < 0) {
		free(c.list);
		return r;
	}
	if (c.list)
		qsort(c.list, c.n, sizeof(*c.list), compare_changes);
	*ret = c;
	return 0;
}
