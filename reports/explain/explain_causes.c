/* SPDX-License-Identifier: GPL-2.0-or-later */
/** The terms that people ask for: serial phases whole, the rest of the window by state. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/detail_words.h"
#include "reports/explain/explain_internal.h"
#include "reports/text/text.h"

bool is_program(int state, const char *detail)
{
	if (state == STATE_USER)
		return true;
	return state == STATE_GUEST &&
	       (!detail || !*detail || strcmp(detail, DETAIL_APPLICATION) == 0);
}

static struct item *find_item(struct items *items, int state, const char *detail)
{
	for (size_t i = 0; i < items->n; i++)
		if (!items->list[i].phase && items->list[i].state == state &&
			same_text(items->list[i].detail, detail))
			return &items->list[i];
	return NULL;
}

/** Add @values to the cause of that state and detail, on the side of a or of b. */
static int gather(struct items *items, const struct configuration *a, const struct configuration *b,
	bool side_b, int state, const char *detail, const double *values)
{
	struct item *item = find_item(items, state, detail);
	size_t n = side_b ? b->series.n : a->series.n;
	double *sum;

	if (!item) {
		double *own_a = calloc(a->series.n + 1, sizeof(*own_a));
		double *own_b = calloc(b ? b->series.n + 1 : 1, sizeof(*own_b));
		int r;

		if (!own_a || !own_b) {
			free(own_a);
			free(own_b);
			return -ENOMEM;
		}
		r = items_add(
			items, &(struct item){NULL, state, detail, own_a, own_b, own_a, own_b});
		if (r < 0)
			return r;
		item = &items->list[items->n - 1];
	}
	sum = side_b ? item->own_b : item->own_a;
	for (size_t i = 0; i < n; i++)
		sum[i] += values[i];
	return 0;
}

static const char own_lanes[] = "other lanes of the stack";

/** The store's reader appends who took the CPU to the name. */
static bool is_taken_by_lane(const struct detail_series *d)
{
	static const char mark[] = " (" DETAIL_TAKER_LANE ")";
	size_t n = strlen(d->detail);

	return d->state == STATE_PREEMPTED && n >= sizeof(mark) &&
	       strcmp(d->detail + n - strlen(mark), mark) == 0;
}

/** What lanes take from each other is a cause of its own; the rest of preempted is what others
 * take. */
static int gather_own_lanes(struct items *items, const struct configuration *a,
	const struct configuration *b, bool side_b, const struct detail_series *d)
{
	size_t n = side_b ? b->series.n : a->series.n;
	_cleanup_free_ double *less = calloc(n + 1, sizeof(*less));
	int r;

	if (!less)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		less[i] = -d->ns[i];
	r = gather(items, a, b, side_b, STATE_PREEMPTED, NULL, less);
	return r < 0 ? r : gather(items, a, b, side_b, STATE_PREEMPTED, own_lanes, d->ns);
}

/** All of one parallel phase, on one side. */
static int gather_phase(struct items *items, const struct configuration *a,
	const struct configuration *b, bool side_b, const struct book_series *phase)
{
	int r = 0;

	for (size_t k = 0; k < TERM_COUNT && r >= 0; k++)
		if (k != STATE_GUEST)
			r = gather(items, a, b, side_b, (int)k, NULL, phase->term_ns[k]);
	for (size_t i = 0; i < phase->n_details && r >= 0; i++) {
		const struct detail_series *d = &phase->details[i];

		if (is_taken_by_lane(d))
			r = gather_own_lanes(items, a, b, side_b, d);
		if (d->state != STATE_GUEST)
			continue;
		if (is_program(d->state, d->detail))
			r = gather(items, a, b, side_b, STATE_USER, NULL, d->ns);
		else
			r = gather(items, a, b, side_b, STATE_GUEST, d->detail, d->ns);
	}
	return r;
}

static int gather_configuration(struct items *items, const struct configuration *a,
	const struct configuration *b, bool side_b, const struct scaling *scaling)
{
	const struct configuration *configuration = side_b ? b : a;
	int r = 0;

	for (size_t i = 0; i < configuration->n_phases && r >= 0; i++) {
		const struct book_series *phase = &configuration->series.split_phases[i];

		if (!phase_is_outside(phase->name) && !scaling_is_serial(scaling, phase->name))
			r = gather_phase(items, a, b, side_b, phase);
	}
	return r < 0 ? r
		     : gather(items, a, b, side_b, TERM_RESIDUAL, NULL,
			       configuration->series.between_ns);
}

static const double *whole_of(const struct configuration *configuration, const char *phase)
{
	for (size_t i = 0; configuration && i < configuration->n_phases; i++)
		if (configuration->series.phases[i].name == phase)
			return configuration->series.phases[i].whole_ns;
	return NULL;
}

int items_causes(const struct configuration *a, const struct configuration *b,
	const struct scaling *scaling, struct items *ret)
{
	_cleanup_items_ struct items items = {};
	int r = gather_configuration(&items, a, b, false, scaling);

	if (r >= 0 && b)
		r = gather_configuration(&items, a, b, true, scaling);
	for (size_t i = 0; scaling && i < scaling->n_phases && r >= 0; i++) {
		const char *name = scaling->phase[i].name;

		if (scaling->phase[i].serial)
			r = items_add(&items, &(struct item){name, -1, NULL, whole_of(a, name),
						      whole_of(b, name), NULL, NULL});
	}
	if (r < 0)
		return r;
	*ret = items;
	items = (struct items){};
	return 0;
}
