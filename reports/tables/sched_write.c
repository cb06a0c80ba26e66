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

/* Which rows a table has: its parted_table's ->which. */
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

static int put_phase(struct table *t, const struct parted_table *p, const struct configuration *c,
	size_t first, size_t n)
{
	const wanted_t *wanted = p->which;
	_cleanup_free_ char *more = NULL;
	int r;

	if (!(*wanted)(&c->work[first]))
		return 0;
	r = put_configuration_line(t, c, ", phase %s", c->work[first].phase);
	for (size_t i = first; i < first + n; i++) {
		if (!(*wanted)(&c->work[i]) ||
			(i >= first + SHOWN_MAX && !guest_work_is_rest(&c->work[i])))
			continue;
		columns_put(p->columns, &c->work[i], t);
		table_row(t);
	}
	while (n > 0 && guest_work_is_rest(&c->work[first + n - 1]))
		n--;
	if (r < 0 || n <= SHOWN_MAX)
		return r;
	if (asprintf(&more, "  %zu more on the page", n - SHOWN_MAX) < 0) {
		more = NULL;
		return -ENOMEM;
	}
	table_line(t, more);
	return 0;
}

static bool has_work(const struct parted_table *p, const void *summary, size_t at)
{
	const struct configuration *c = &((const struct summary *)summary)->configurations[at];
	const wanted_t *wanted = p->which;
	bool any = false;

	for (size_t k = 0; k < c->n_work; k++)
		any |= (*wanted)(&c->work[k]);
	return any;
}

static int put_work(struct table *t, const struct parted_table *p, const void *summary, size_t at)
{
	const struct configuration *c = &((const struct summary *)summary)->configurations[at];
	int r = 0;
	size_t n;

	for (size_t k = 0; k < c->n_work && r == 0; k += n) {
		for (n = 1; k + n < c->n_work; n++)
			if (c->work[k + n].phase != c->work[k].phase)
				break;
		r = put_phase(t, p, c, k, n);
	}
	return r;
}

int sched_write_text(const struct summary *s, FILE *out, const struct style *style)
{
	static const wanted_t any = is_any, booked = is_booked;
	static const struct parted_table
		counters =
			{"Guest threads, by the counters of the guest's own scheduler; (not counted) is\n"
			 "below 0 where the guest's clocks count more than the host's",
				guest_work_columns, has_work, put_work, &any},
		books = {
			"Books of guest threads, seconds a run: running, queued for a CPU, waiting\n"
			"for anything else, and other (not there, not known) sum to the phase",
			guest_book_columns, has_work, put_work, &booked};
	int r = parts_write(&counters, s, s->n_configurations, out, style);

	return r < 0 ? r : parts_write(&books, s, s->n_configurations, out, style);
}

static bool has_queueing(const struct parted_table *p, const void *summary, size_t i)
{
	const struct summary *s = summary;

	(void)p;
	return s->configurations[i].n_queueing > 0;
}

static int put_queueing(
	struct table *t, const struct parted_table *p, const void *summary, size_t at)
{
	const struct configuration *c = &((const struct summary *)summary)->configurations[at];
	int r = put_configuration_line(t, c, "%s", "");

	for (size_t k = 0; k < c->n_queueing; k++) {
		columns_put(p->columns, &c->queueing[k], t);
		table_row(t);
	}
	return r;
}

int queues_write_text(const struct summary *s, FILE *out, const struct style *style)
{
	static const struct parted_table table = {
		"Guest run queues: threads queued for a vCPU; lost parallelism (lost) and\n"
		"double scheduling (double), % of lane time",
		guest_queueing_columns, has_queueing, put_queueing};

	return parts_write(&table, s, s->n_configurations, out, style);
}
