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

static bool any_is_wanted(wanted_t wanted, const struct guest_work *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (wanted(&list[i]))
			return true;
	return false;
}

/* The phase of these rows. */
static int put_phase(struct table *t, const struct parted_table *p, const struct configuration *c,
	const struct guest_work *list, size_t n)
{
	const wanted_t *wanted = p->which;
	_cleanup_free_ char *more = NULL;
	size_t threads = 0; /* that are wanted */
	int r;

	if (!any_is_wanted(*wanted, list, n))
		return 0;
	r = put_configuration_line(t, c, ", phase %s", list->phase);
	for (size_t i = 0; i < n; i++) {
		if (!(*wanted)(&list[i]) ||
			(!guest_work_is_rest(&list[i]) && ++threads > SHOWN_MAX))
			continue;
		columns_put(p->columns, &list[i], t);
		table_row(t);
	}
	if (r < 0 || threads <= SHOWN_MAX)
		return r;
	if (asprintf(&more, "  %zu more on the page", threads - SHOWN_MAX) < 0) {
		more = NULL;
		return -ENOMEM;
	}
	table_line(t, more);
	return 0;
}

static bool has_work(const struct parted_table *p, const void *summary, size_t at)
{
	const struct configuration *c = &((const struct summary *)summary)->configurations[at];

	return any_is_wanted(*(const wanted_t *)p->which, c->work, c->n_work);
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
		r = put_phase(t, p, c, &c->work[k], n);
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

	return put_part(t, c, p->columns, c->queueing, sizeof(*c->queueing), c->n_queueing);
}

int queues_write_text(const struct summary *s, FILE *out, const struct style *style)
{
	static const struct parted_table table = {
		"Guest run queues: threads queued for a vCPU; lost parallelism (lost) and\n"
		"double scheduling (double), % of lane time",
		guest_queueing_columns, has_queueing, put_queueing};

	return parts_write(&table, s, s->n_configurations, out, style);
}
