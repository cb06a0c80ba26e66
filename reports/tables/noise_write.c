/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the workload noise means, as text. */
#include <errno.h>

#include "common/cleanup.h"
#include "reports/noise/noise.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/format.h"

#define PEAKS_SHOWN 12 /* of a configuration, in a terminal */

/* "osv on 2 cores: ..." */
static int head(struct table *t, const struct noise_of *n, const char *rest)
{
	const struct configuration *c = n->configuration;
	_cleanup_free_ char *line = NULL;

	if (asprintf(&line, "%s on %lld %s: %s", c->name, (long long)c->cores,
		    cores_word(c->cores, c->scenario), rest) < 0) {
		line = NULL;
		return -ENOMEM;
	}
	table_line(t, line);
	return 0;
}

static int put_peaks(struct table *t, const struct noise_of *n)
{
	const struct noise_spectrum *s = n->spectrum;
	_cleanup_free_ char *rest = NULL;
	int r;

	if (asprintf(&rest, "%s series of %s of %s values, one each %s; %s peak%s%s%s",
		    format_count(s->series).text, format_count(s->values).text,
		    format_count(s->total).text, format_time(s->quantum_ns).text,
		    s->n_peaks ? format_count((double)s->n_peaks).text : "no",
		    s->n_peaks == 1 ? "" : "s", *s->note ? ". " : "", s->note) < 0) {
		rest = NULL;
		return -ENOMEM;
	}
	r = head(t, n, rest);
	for (size_t i = 0; i < s->n_peaks && i < PEAKS_SHOWN && r >= 0; i++) {
		columns_put(noise_peak_columns, &s->peaks[i], t);
		table_row(t);
	}
	return r;
}

int noise_write_text(const struct noise *n, FILE *out, const struct style *style)
{
	bool any = false;
	struct table *t;
	int q, r = 0;

	for (size_t i = 0; i < n->n; i++)
		any |= n->list[i].spectrum != NULL;
	if (!any)
		return 0;
	fprintf(out, "\n%sWhat is periodic in the noise (ftq)%s\n", style->bold, style->plain);
	t = table_begin();
	columns_put_titles(noise_peak_columns, t);
	table_row(t);
	for (size_t i = 0; i < n->n && r >= 0; i++)
		if (n->list[i].spectrum)
			r = put_peaks(t, &n->list[i]);
	q = table_end(t, out, style);
	return r < 0 ? r : q;
}
