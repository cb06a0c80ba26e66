/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What guests' own schedulers count, as text. */

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/format.h"

#define SHOWN_MAX 8 /* of a phase, in a terminal */

static int put_phase(struct table *t, const struct configuration *c, size_t first, size_t n)
{
	_cleanup_free_ char *head = NULL, *more = NULL;

	if (asprintf(&head, "%s on %lld %s, phase %s", c->name, (long long)c->cores,
		    cores_word(c->cores, c->scenario), c->work[first].phase) < 0) {
		head = NULL;
		return -ENOMEM;
	}
	table_line(t, head);
	for (size_t i = first; i < first + n; i++) {
		if (i >= first + SHOWN_MAX && !c->work[i].unknown)
			continue;
		columns_put(guest_work_columns, &c->work[i], t);
		table_row(t);
	}
	n -= c->work[first + n - 1].unknown;
	if (n <= SHOWN_MAX)
		return 0;
	if (asprintf(&more, "  %zu more on the page", n - SHOWN_MAX) < 0) {
		more = NULL;
		return -ENOMEM;
	}
	table_line(t, more);
	return 0;
}

int sched_write_text(const struct summary *s, FILE *out, const struct style *style)
{
	bool any = false;
	struct table *t;
	int q, r = 0;

	for (size_t i = 0; i < s->n_configurations; i++)
		any |= s->configurations[i].n_work > 0;
	if (!any)
		return 0;
	fprintf(out, "\n%sGuest threads, by the counters of the guest's own scheduler%s\n",
		style->bold, style->plain);
	t = table_begin();
	columns_put_titles(guest_work_columns, t);
	table_row(t);
	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *c = &s->configurations[i];
		size_t n;

		for (size_t k = 0; k < c->n_work && r == 0; k += n) {
			for (n = 1; k + n < c->n_work; n++)
				if (c->work[k + n].phase != c->work[k].phase)
					break;
			r = put_phase(t, c, k, n);
		}
	}
	q = table_end(t, out, style);
	return r < 0 ? r : q;
}

int queues_write_text(const struct summary *s, FILE *out, const struct style *style)
{
	bool any = false;
	struct table *t;
	int q, r = 0;

	for (size_t i = 0; i < s->n_configurations; i++)
		any |= s->configurations[i].n_queueing > 0;
	if (!any)
		return 0;
	fprintf(out,
		"\n%sGuest run queues: threads that wait; lost parallelism (lost) and double\n"
		"scheduling (double), %% of lane time%s\n",
		style->bold, style->plain);
	t = table_begin();
	columns_put_titles(guest_queueing_columns, t);
	table_row(t);
	for (size_t i = 0; i < s->n_configurations && r == 0; i++) {
		const struct configuration *c = &s->configurations[i];
		_cleanup_free_ char *head = NULL;

		if (!c->n_queueing)
			continue;
		if (asprintf(&head, "%s on %lld %s", c->name, (long long)c->cores,
			    cores_word(c->cores, c->scenario)) < 0) {
			head = NULL;
			r = -ENOMEM;
			break;
		}
		table_line(t, head);
		for (size_t k = 0; k < c->n_queueing; k++) {
			columns_put(guest_queueing_columns, &c->queueing[k], t);
			table_row(t);
		}
	}
	q = table_end(t, out, style);
	return r < 0 ? r : q;
}
