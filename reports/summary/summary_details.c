/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/summary/summary.h"
#include "reports/summary/summary_internal.h"

/** One row of the accounts of a cell's window, before rows of equal state and detail are joined. */
struct piece {
	size_t cell;
	enum lane_state state;
	const char *detail;
	double ns;
	double count;
	bool exact;
};

static int compare_pieces(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	if (x->cell != y->cell)
		return x->cell < y->cell ? -1 : 1;
	if (x->state != y->state)
		return x->state < y->state ? -1 : 1;
	return strcmp(x->detail, y->detail);
}

static int compare_details(const void *a, const void *b)
{
	const struct book_detail *x = a, *y = b;

	if (x->state != y->state)
		return x->state < y->state ? -1 : 1;
	if (x->ns != y->ns)
		return x->ns > y->ns ? -1 : 1;
	return strcmp(x->detail, y->detail);
}

static bool find_cell_index(const struct summary *s, int64_t run_id, size_t *ret)
{
	const struct store_run *run = store_run(s->store, run_id);

	const struct cell *cell = run && run->ok && run->counted ? summary_cell(s, run) : NULL;

	if (!cell)
		return false;
	*ret = (size_t)(cell - s->cells);
	return true;
}

static size_t collect(const struct summary *s, struct piece *pieces)
{
	const struct store_tables *t = store_tables(s->store);
	size_t n = 0;

	for (size_t i = 0; i < t->n_accounts; i++) {
		const struct store_account *account = &t->accounts[i];
		int state = account->helper ? STATE_COUNT : state_from_name(account->state);
		size_t cell;

		if (phase_is_outside(account->phase) || account->ns == 0 ||
			!find_cell_index(s, account->run, &cell))
			continue;
		pieces[n++] = (struct piece){
			.cell = cell,
			.state = state < 0 ? STATE_NONE : (enum lane_state)state,
			.detail = state < 0 ? account->state : account->detail,
			.ns = (double)account->ns,
			.count = account->count == STORE_NULL ? NAN : (double)account->count,
			.exact = account->exact,
		};
	}
	qsort(pieces, n, sizeof(*pieces), compare_pieces);
	return n;
}

/** The time that samples divided, and how many of them, for each cell. */
struct pool {
	double ns;
	double samples;
};

static void fill_pools(const struct summary *s, struct pool *pools)
{
	const struct store_tables *t = store_tables(s->store);

	for (size_t i = 0; i < t->n_splits; i++) {
		size_t cell;

		if (phase_is_outside(t->splits[i].phase) ||
			!find_cell_index(s, t->splits[i].run, &cell))
			continue;
		pools[cell].ns += (double)t->splits[i].ns;
		pools[cell].samples += (double)t->splits[i].samples;
	}
}

static void finish_detail(struct book_detail *d, const struct pool *pool, size_t n_runs)
{
	double runs = n_runs ? (double)n_runs : 1;

	d->low_ns = d->high_ns = d->ns / runs;
	if (!d->exact && pool->ns > 0) {
		double low, high;

		proportion_interval(fmin(1, d->ns / pool->ns), pool->samples, &low, &high);
		d->low_ns = low * pool->ns / runs;
		d->high_ns = high * pool->ns / runs;
		d->samples = pool->samples;
	}
	d->ns /= runs;
	d->count /= runs;
}

static int join(struct cell *cell, const struct piece *pieces, size_t n, const struct pool *pool)
{
	cell->details = calloc(n + 1, sizeof(*cell->details));
	if (!cell->details)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct book_detail *d =
			cell->n_details ? &cell->details[cell->n_details - 1] : NULL;

		if (!d || d->state != pieces[i].state || strcmp(d->detail, pieces[i].detail) != 0) {
			d = &cell->details[cell->n_details++];
			*d = (struct book_detail){.state = pieces[i].state,
				.detail = pieces[i].detail,
				.exact = true};
		}
		d->ns += pieces[i].ns;
		d->count += pieces[i].count;
		d->exact &= pieces[i].exact;
	}
	for (size_t i = 0; i < cell->n_details; i++)
		finish_detail(&cell->details[i], pool, cell->n_ok);
	qsort(cell->details, cell->n_details, sizeof(*cell->details), compare_details);
	return 0;
}

int summary_make_details(struct summary *s)
{
	const struct store_tables *t = store_tables(s->store);
	_cleanup_free_ struct piece *pieces = calloc(t->n_accounts + 1, sizeof(*pieces));
	_cleanup_free_ struct pool *pools = calloc(s->n_cells + 1, sizeof(*pools));
	size_t n, at = 0;

	if (!pieces || !pools)
		return -ENOMEM;
	fill_pools(s, pools);
	n = collect(s, pieces);
	for (size_t i = 0; i < s->n_cells; i++) {
		size_t end = at;
		int r;

		while (end < n && pieces[end].cell == i)
			end++;
		r = join(&s->cells[i], pieces + at, end - at, &pools[i]);
		if (r < 0)
			return r;
		at = end;
	}
	return 0;
}
