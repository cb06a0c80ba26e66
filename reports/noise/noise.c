/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/noise/noise.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/leb128.h"
#include "reports/noise/noise_internal.h"

/* More values than any workload reports. */
#define VALUES_MOST (1 << 20)

/* The clocks of guests are not the host's. */
#define CLOCKS_APART 2

bool noise_time_fits(const struct store_run *run, double ns)
{
	return ns >= 0 && ns <= CLOCKS_APART * ((double)run->end_ns - (double)run->start_ns);
}

void noise_series_clear(struct noise_series_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->list[i].values);
	free(l->list);
	*l = (struct noise_series_list){.n = 0};
}

/* A row, whose columns are those of noise_series_read(). */
static int take_row(sqlite3_stmt *row, const struct store_run *run, struct noise_series_list *l)
{
	const uint8_t *data = sqlite3_column_blob(row, 6);
	size_t left = (size_t)sqlite3_column_bytes(row, 6);
	int64_t n = store_number(row, 4);
	struct noise_series s = {.run = run,
		.worker = store_number(row, 1),
		.begin_ns = (double)store_number(row, 2),
		.step_ns = (double)store_number(row, 3),
		.total = (double)store_number(row, 5),
		.tick_ns = sqlite3_column_type(row, 7) == SQLITE_NULL
				   ? NAN
				   : sqlite3_column_double(row, 7)};
	int r;

	if (n < 0 || n > VALUES_MOST || !(s.step_ns >= 1) ||
		!noise_time_fits(run, (double)n * s.step_ns))
		return -EBADMSG;
	s.values = calloc((size_t)n + 1, sizeof(*s.values));
	r = s.values ? 0 : -ENOMEM;
	for (uint64_t value; r == 0 && s.n < (size_t)n; s.n++) {
		if (!leb128_get(&data, &left, &value))
			r = -EBADMSG;
		else
			s.values[s.n] = (double)value;
	}
	if (r == 0)
		r = ARRAY_ADD(l->list, l->n, s);
	if (r < 0)
		free(s.values);
	return r;
}

int noise_series_read(
	const struct summary *s, const struct configuration *c, struct noise_series_list *ret)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r;

	if (!store_has_table(s->store, "distribution_series"))
		return 0;
	r = store_prepare(s->store, &query,
		"SELECT run, worker, begin_ns, step_ns, n, total, data, tick_ns FROM distribution_series"
		" WHERE run = ?1 ORDER BY worker");
	for (size_t i = 0; i < c->series.n && r >= 0; i++) {
		sqlite3_reset(query);
		sqlite3_bind_int64(query, 1, c->series.runs[i]->id);
		while ((r = store_step(s->store, query)) > 0) {
			r = take_row(query, c->series.runs[i], ret);
			if (r == -EBADMSG)
				store_damaged(
					s->store, "distribution_series", c->series.runs[i]->id);
			if (r < 0)
				break;
		}
	}
	return r;
}

void noise_free(struct noise *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->n; i++) {
		noise_spectrum_free(n->list[i].spectrum);
		noise_signature_free(n->list[i].signature);
		free(n->list[i].amplified);
	}
	free(n->list);
	free(n);
}

bool noise_is_last_of_stack(const struct noise *n, size_t i, bool (*has)(const struct noise_of *of))
{
	bool last = has(&n->list[i]);

	for (size_t k = i + 1; k < n->n && last; k++)
		last = !has(&n->list[k]) ||
		       n->list[k].configuration->name != n->list[i].configuration->name;
	return last;
}

bool noise_goes_on(const struct noise_of *n, size_t i)
{
	const struct noise_amplification *a = &n->amplified[i], *before = a - 1;

	return i > 0 && !before->without == !a->without && before->kernel == a->kernel &&
	       before->together == a->together;
}

static int make_of(const struct summary *s, const struct configuration *c,
	const struct noise_question *question, struct noise_of *ret)
{
	_cleanup_noise_series_ struct noise_series_list series = {.n = 0};
	int r = noise_series_read(s, c, &series);

	ret->configuration = c;
	if (r >= 0)
		r = noise_spectrum_make(s, &series, &ret->spectrum);
	if (r >= 0)
		r = noise_signature_make(s, c, &ret->signature);
	if (r >= 0)
		r = noise_amplify(s, &series, question, ret);
	if (r >= 0)
		r = noise_levels_make(s, c, &ret->levels);
	return r < 0 ? r : noise_say_missing(s, &series, question, ret);
}

int noise_make(const struct summary *s, const struct noise_question *question, struct noise **ret)
{
	_cleanup_noise_ struct noise *n = calloc(1, sizeof(*n));
	int r = 0;

	if (!n || !(n->list = calloc(s->n_configurations + 1, sizeof(*n->list))))
		return -ENOMEM;
	for (; n->n < s->n_configurations && r >= 0; n->n++) {
		r = make_of(s, &s->configurations[n->n], question, &n->list[n->n]);
		n->any |= n->list[n->n].spectrum || n->list[n->n].signature ||
			  n->list[n->n].n_amplified;
		n->missing |= *n->list[n->n].missing;
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(n);
	return 0;
}
