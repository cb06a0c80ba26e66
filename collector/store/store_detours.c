/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The lanes' clocks, and detours with their causes: tables clock, detour and detour_cause. */

#include "collector/store/store_writer_internal.h"

static int write_clocks(
	struct store_writer *s, int64_t run, const struct run_result *r, struct error *error)
{
	int q = 0;

	for (size_t i = 0; i < r->n_clocks && q == 0; i++) {
		const struct tick_line *l = &r->clocks[i].line;

		q = store_insert(s, error, "INSERT INTO clock VALUES (?,?,?,?,?,?,?,?,?,?,?)",
			"iisiifiiiii", run, (int64_t)r->clocks[i].lane, r->clocks[i].source,
			(int64_t)l->ticks, (int64_t)l->at_ns, 1, l->ns_per_tick, l->low_ns,
			l->high_ns, (int64_t)l->begin_ns, (int64_t)l->end_ns, (int64_t)l->readings);
	}
	return q;
}

static int write_sums(struct store_writer *s, int64_t run, const struct detour_causes *causes,
	const struct run_detours *d, struct error *error)
{
	int q = 0;

	for (size_t i = 0; i < causes->n && q == 0; i++) {
		const struct detour_cause *c = &causes->list[i];
		const struct detour_sum *sum = &d->sums[i];

		if (sum->ns || sum->detours)
			q = store_insert(s, error,
				"INSERT INTO detour_cause VALUES (?,?,?,?,?,?,?,?,?)", "iisssiiii",
				run, (int64_t)d->lane, c->kind, c->detail, c->taken_by,
				(int64_t)sum->detours, (int64_t)sum->ns, (int64_t)sum->around_ns,
				(int64_t)sum->sampled_ns);
	}
	return q;
}

int store_write_detours(
	struct store_writer *s, int64_t run, const struct run_result *r, struct error *error)
{
	int q = write_clocks(s, run, r, error);

	for (size_t k = 0; k < r->n_detours && q == 0; k++) {
		const struct run_detours *d = &r->detours[k];

		for (size_t i = 0; i < d->n && q == 0; i++) {
			const struct explained_detour *one = &d->list[i];
			const struct detour_cause *c = &r->detour_causes.list[one->cause];

			q = store_insert(s, error, "INSERT INTO detour VALUES (?,?,?,?,?,?,?,?)",
				"iiiisssi", run, (int64_t)d->lane, (int64_t)one->begin_ns,
				(int64_t)(one->end_ns - one->begin_ns), c->kind, c->detail,
				c->taken_by, (int64_t)one->cause_ns);
		}
		if (q == 0)
			q = write_sums(s, run, &r->detour_causes, d, error);
	}
	return q;
}
