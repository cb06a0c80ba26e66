/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables for a terminal that have a part for each configuration. */

#include <errno.h>
#include <stdarg.h>

#include "common/cleanup.h"
#include "reports/tables/tables_internal.h"

int put_configuration_line(struct table *t, const struct configuration *c, const char *format, ...)
{
	_cleanup_free_ char *rest = NULL, *line = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&rest, format, ap) < 0)
		rest = NULL;
	va_end(ap);
	if (!rest || asprintf(&line, "%s on %lld %s%s", c->name, (long long)c->cores,
			     cores_word(c->cores, c->scenario), rest) < 0) {
		line = NULL;
		return -ENOMEM;
	}
	table_line(t, line);
	return 0;
}

int put_part(struct table *t, const struct configuration *c, const struct column *columns,
	const void *rows, size_t size, size_t n)
{
	int r = put_configuration_line(t, c, "%s", "");

	for (size_t i = 0; i < n; i++) {
		columns_put(columns, (const char *)rows + i * size, t);
		table_row(t);
	}
	return r;
}

int parts_write(const struct parted_table *p, const void *whole, size_t n, FILE *out,
	const struct style *style)
{
	bool any = false;
	struct table *t;
	int q, r = 0;

	for (size_t i = 0; i < n; i++)
		any |= p->has(p, whole, i);
	if (!any)
		return 0;
	fprintf(out, "\n%s%s%s\n", style->bold, p->title, style->plain);
	t = table_begin();
	columns_put_titles(p->columns, t);
	table_row(t);
	for (size_t i = 0; i < n && r == 0; i++)
		if (p->has(p, whole, i))
			r = p->put(t, p, whole, i);
	q = table_end(t, out, style);
	return r < 0 ? r : q;
}
