/* SPDX-License-Identifier: GPL-2.0-or-later */
/** report history DIR...: experiments of one program in order, the points at which it became slower or faster, and why. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/command_pairs.h"
#include "reports/figures/figures.h"
#include "reports/gate/gate.h"
#include "reports/history/history.h"
#include "reports/output/output.h"
#include "reports/text/json.h"

/** Changes below that are not told, if nothing else is asked for. */
static const double usual_least = 0.01;

/** A search among more takes minutes. */
#define STORES_MAX 500

struct opened {
	struct history_store store; /* borrowed from what follows */
	struct store_reader *reader;
	struct summary *summary;
	char *label;
};

struct opened_stores {
	struct opened *list;
	struct history_store *stores; /* of all */
	size_t n;
};

static void opened_clear(struct opened_stores *s)
{
	for (size_t i = 0; i < s->n; i++) {
		flames_free(s->list[i].store.flames);
		summary_free(s->list[i].summary);
		store_reader_close(s->list[i].reader);
		free(s->list[i].label);
	}
	free(s->list);
	free(s->stores);
}

static int open_one(const char *path, enum stack_order order, struct opened *o, struct error *error)
{
	int r;

	o->label = command_base_name(path);
	if (!o->label)
		return error_no_memory(error);
	r = store_reader_open(path, &o->reader, error);
	if (r < 0)
		return r;
	store_set_order(o->reader, order);
	r = summary_make(o->reader, &o->summary);
	if (r >= 0)
		r = flames_make(o->summary, &o->store.flames);
	if (r < 0)
		return error_set_errno(error, r, "cannot sum up %s", path);
	o->store.label = o->label;
	o->store.summary = o->summary;
	return 0;
}

static int open_all(const struct report_options *o, struct opened_stores *s, struct error *error)
{
	if (o->n_paths > STORES_MAX)
		return error_set_user(
			error, -EINVAL, "%zu experiments are more than %d", o->n_paths, STORES_MAX);
	s->list = calloc(o->n_paths, sizeof(*s->list));
	s->stores = calloc(o->n_paths, sizeof(*s->stores));
	if (!s->list || !s->stores)
		return error_no_memory(error);
	for (size_t i = 0; i < o->n_paths; i++) {
		int r;

		for (size_t k = 0; k < i; k++)
			if (command_same_file(o->paths[k], o->paths[i]))
				return error_set_user(
					error, -EINVAL, "%s is given twice", o->paths[i]);
		r = open_one(o->paths[i], o->order, &s->list[s->n++], error);
		if (r < 0)
			return r;
		s->stores[i] = s->list[i].store;
	}
	return 0;
}

/** Did each do the work that the one before did? */
static int check_workloads(const struct history *h, struct error *error)
{
	char why[512];

	for (size_t i = 0; i < h->n_series; i++) {
		const struct history_point *last = NULL;

		for (size_t k = 0; k < h->series[i].n_points; k++) {
			const struct history_point *p = &h->series[i].points[k];
			struct diff_pair pair = {};

			if (p->n == 0)
				continue;
			if (last) {
				pair.sides[TREE_A] = (struct diff_operand){last->store->summary,
					last->store->flames, last->configuration,
					last->store->label};
				pair.sides[TREE_B] = (struct diff_operand){p->store->summary,
					p->store->flames, p->configuration, p->store->label};
				diff_workloads(&pair, true, why, sizeof(why));
				if (*why)
					return error_set(error, -EINVAL,
						"%s: --force compares them all the same", why);
			}
			last = p;
		}
	}
	return 0;
}

/** Are there two experiments to compare, in any series? */
static int check_common(const struct history *h, struct error *error)
{
	for (size_t i = 0; i < h->n_series; i++) {
		size_t n = 0;

		for (size_t k = 0; k < h->series[i].n_points; k++)
			n += h->series[i].points[k].n > 0;
		if (n > 1)
			return 0;
	}
	return error_set(error, -EINVAL,
		"no configuration has runs that ended well in two of these experiments");
}

/** The figure, into figures/ of a report's folder. */
static int draw(const struct report_options *o, const struct history *h, struct error *error)
{
	_cleanup_output_ struct output *report = NULL, *output = NULL;
	_cleanup_figures_ struct figures *figures = NULL;
	_cleanup_free_ char *folder = command_target(o, o->paths[o->n_paths - 1]), *path = NULL;
	const struct figures_source source = {.history = h};
	int r;

	if (!folder || asprintf(&path, "%s/" FIGURES_FOLDER, folder) < 0) {
		path = NULL;
		return error_no_memory(error);
	}
	r = output_open(folder, !o->output || o->force, &report, error);
	if (r >= 0)
		r = output_open(path, !o->output || o->force, &output, error);
	if (r >= 0)
		r = figures_make(&source, output, &figures, error);
	if (r >= 0)
		r = output_commit(output, o->json ? NULL : command_print_path, NULL, error);
	if (r >= 0)
		r = output_commit(report, NULL, NULL, error);
	if (r >= 0 && *figures->trouble)
		fprintf(stderr, "report: %s\n", figures->trouble);
	return r;
}

static int print(const struct report_options *o, const struct history *h, struct error *error)
{
	json_t *document;
	bool bad;
	int r;

	if (!o->json) {
		r = history_write_text(h, stdout);
		return r < 0 ? error_set_errno(error, r, "cannot write to standard output") : 0;
	}
	document = history_json(h);
	bad = !document || put(document, "guestscope", text(GUESTSCOPE_VERSION));
	document = finish(document, bad);
	return document ? command_print_json(document, error) : error_no_memory(error);
}

int command_history(const struct report_options *o, struct error *error)
{
	_cleanup_(opened_clear) struct opened_stores s = {};
	_cleanup_history_ struct history *h = NULL;
	struct history_question q = {.metrics = o->metric, .least = usual_least};
	int r = o->change ? gate_bound_parse("change", o->change, &q.least, error) : 0;

	if (r >= 0)
		r = open_all(o, &s, error);
	if (r < 0)
		return r;
	q.stores = s.stores;
	q.n_stores = s.n;
	r = history_make(&q, &h, error);
	if (r >= 0)
		r = check_common(h, error);
	if (r >= 0 && !o->force)
		r = check_workloads(h, error);
	if (r >= 0)
		r = print(o, h, error);
	return r < 0 ? r : draw(o, h, error);
}
