/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What guests' own schedulers count, as text. */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/format.h"

#define SHOWN_MAX 8 /* of a phase, in a terminal */

/* Which rows a table has. */
typedef bool (*wanted_t)(const struct guest_work *w);

static bool is_any(const struct guest_work *w)
{
	(void)w;
	return true;
}

/* What no thread has is in no thread's books. */
static bool is_booked(const struct guest_work *w)
{
	return !isnan(w->unknown_ns);
}

static int put_phase(struct table *t, const struct configuration *c, size_t first, size_t n,
	const struct column *columns, wanted_t wanted)
{
	_cleanup_free_ char *head = NULL, *more = NULL;

	if (!wanted(&c->work[first]))
		return 0;
	if (asprintf(&head, "%s on %lld %s, phase %s", c->name, (long long)c->cores,
		    cores_word(c->cores, c->scenario), c->work[first].phase) < 0) {
		head = NULL;
		return -ENOMEM;
	}
	table_line(t, head);
	for (size_t i = first; i < first + n; i++) {
		if (!wanted(&c->work[i]) ||
			(i >= first + SHOWN_MAX && !guest_work_is_rest(&c->work[i])))
			continue;
		columns_put(columns, &c->work[i], t);
		table_row(t);
	}
	while (n > 0 && guest_work_is_rest(&c->work[first + n - 1]))
		n--;
	if (n <= SHOWN_MAX)
		return 0;
	if (asprintf(&more, "  %zu more on the page", n - SHOWN_MAX) < 0) {
		more = NULL;
		return -ENOMEM;
	}
	table_line(t, more);
	return 0;
}

static int put_table(const struct summary *s, const char *title, const struct column *columns,
	wanted_t wanted, FILE *out, const struct style *style)
{
	bool any = false;
	struct table *t;
	int q, r = 0;

	for (size_t i = 0; i < s->n_configurations; i++)
		for (size_t k = 0; k < s->configurations[i].n_work; k++)
			any |= wanted(&s->configurations[i].work[k]);
	if (!any)
		return 0;
	fprintf(out, "\n%s%s%s\n", style->bold, title, style->plain);
	t = table_begin();
	columns_put_titles(columns, t);
	table_row(t);
	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *c = &s->configurations[i];
		size_t n;

		for (size_t k = 0; k < c->n_work && r == 0; k += n) {
			for (n = 1; k + n < c->n_work; n++)
				if (c->work[k + n].phase != c->work[k].phase)
					break;
			r = put_phase(t, c, k, n, columns, wanted);
		}
	}
	q = table_end(t, out, style);
	return r < 0 ? r : q;
}

int sched_write_text(const struct summary *s, FILE *out, const struct style *style)
{
	int r = put_table(s,
		"Guest threads, by the counters of the guest's own scheduler; (not counted) is\n"
		"below 0 where the guest's clocks count more than the host's",
		guest_work_columns, is_any, out, style);

	return r < 0 ? r
		     : put_table(s,
			       "Books of guest threads, seconds a run: running, queued for a CPU, waiting\n"
			       "for anything else, and other (not there, not known) sum to the phase",
			       guest_book_columns, is_booked, out, style);
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
		"\n%sGuest run queues: threads queued for a vCPU; lost parallelism (lost) and\n"
		"double scheduling (double), %% of lane time%s\n",
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
