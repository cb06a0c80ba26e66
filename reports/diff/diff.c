/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/diff/diff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/diff/flamediff.h"
#include "reports/text/format.h"
#include "reports/text/text.h"

void diff_free(struct diff *d)
{
	if (!d)
		return;
	for (size_t k = 0; k < FLAME_KINDS; k++) {
		diff_tree_free(d->trees[k]);
		for (int side = 0; side < DIFF_SIDES; side++)
			stack_tree_free(d->stacks[k][side]);
	}
	free(d->functions);
	free(d);
}

/** "osv" of "osv@folder": what a merged store has made of a stack's name. */
static size_t stack_length(const char *guest)
{
	return strcspn(guest, "@");
}

static bool same_stack(const struct diff_pair *pair)
{
	const char *a = pair->sides[DIFF_A].cell->guest, *b = pair->sides[DIFF_B].cell->guest;

	return stack_length(a) == stack_length(b) && strncmp(a, b, stack_length(a)) == 0;
}

static int build_trees(struct diff *d)
{
	for (size_t k = 0; k < FLAME_KINDS; k++) {
		struct stack_tree **stacks = d->stacks[k];
		int r = 0;

		for (int side = 0; r >= 0 && side < DIFF_SIDES; side++) {
			const struct diff_operand *o = &d->pair.sides[side];

			r = flame_tree_of_lanes(
				o->summary, &flame_table[k], o->cell, &stacks[side]);
		}
		if (r < 0)
			return r;
		if (stacks[DIFF_A]->nodes[0].total_ns == 0 &&
			stacks[DIFF_B]->nodes[0].total_ns == 0)
			continue;
		r = diff_tree_build(
			stacks[DIFF_A], stacks[DIFF_B], !same_stack(&d->pair), &d->trees[k]);
		if (r < 0)
			return r;
	}
	return 0;
}

static void fill_states(struct diff *d)
{
	const struct cell *cells[] = {d->pair.sides[DIFF_A].cell, d->pair.sides[DIFF_B].cell};
	struct diff_state *residual;

	for (int state = 0; state < STATE_COUNT; state++) {
		struct diff_state *s = &d->states[d->n_states];

		*s = (struct diff_state){
			.name = state == STATE_NONE ? "other" : state_table[state].name,
			.exact = true};
		for (int side = 0; side < DIFF_SIDES; side++) {
			s->ns[side] =
				cells[side]->window.state_ns[state] / (double)cells[side]->cores;
			s->exact &= !cells[side]->window.sampled[state];
		}
		if (s->ns[DIFF_A] > 0 || s->ns[DIFF_B] > 0)
			d->n_states++;
	}
	residual = &d->states[d->n_states++];
	*residual = (struct diff_state){.name = "residual", .exact = true};
	for (int side = 0; side < DIFF_SIDES; side++) {
		residual->ns[side] = d->runtime_ns[side];
		for (size_t i = 0; i + 1 < d->n_states; i++)
			residual->ns[side] -= d->states[i].ns[side];
	}
}

/** The node that names the function of time spent off the CPU: whom the kernel served. */
static uint32_t whose(const struct diff_tree *tree, uint32_t at)
{
	uint32_t node = at;

	while (tree->nodes[node].depth > 1 && tree->nodes[node].side == SIDE_KERNEL)
		node = tree->nodes[node].parent;
	return tree->nodes[node].depth > 1 ? node : at;
}

static bool is_lane(const struct diff_tree *tree, uint32_t node)
{
	while (tree->nodes[node].depth > 1)
		node = tree->nodes[node].parent;
	return strcmp(tree->nodes[node].symbol, STACK_LANES) == 0;
}

/** One element for each node of the lanes that has time of its own. */
static int gather(struct diff *d, size_t kind, size_t *room)
{
	const struct diff_tree *tree = d->trees[kind];
	bool on_cpu = strcmp(flame_table[kind].kind, "oncpu") == 0;

	for (uint32_t i = 1; tree && i < tree->n_nodes; i++) {
		const struct diff_node *node = &tree->nodes[i], *named;

		if ((!node->self_ns[DIFF_A] && !node->self_ns[DIFF_B]) || !is_lane(tree, i))
			continue;
		if (d->n_functions == *room) {
			size_t more = *room ? *room * 2 : 256;
			struct diff_function *p =
				reallocarray(d->functions, more, sizeof(*d->functions));

			if (!p)
				return -ENOMEM;
			d->functions = p;
			*room = more;
		}
		named = on_cpu ? node : &tree->nodes[whose(tree, i)];
		d->functions[d->n_functions++] = (struct diff_function){
			.symbol = named->symbol,
			.module = named->module,
			.side = named->side,
			.on_cpu = on_cpu,
			.sum_ns = {node->self_ns[DIFF_A], node->self_ns[DIFF_B]},
			.samples = {node->self_samples[DIFF_A], node->self_samples[DIFF_B]},
		};
	}
	return 0;
}

static int compare_names(const struct diff_function *x, const struct diff_function *y, bool aligned)
{
	int r = strcmp(x->symbol, y->symbol);

	if (r == 0)
		r = (int)x->on_cpu - (int)y->on_cpu;
	if (r == 0 && !aligned)
		r = strcmp(x->module, y->module);
	if (r == 0 && !aligned)
		r = (int)x->side - (int)y->side;
	return r;
}

static int compare_exact(const void *a, const void *b)
{
	return compare_names(a, b, false);
}

static int compare_aligned(const void *a, const void *b)
{
	return compare_names(a, b, true);
}

static int compare_change(const void *a, const void *b)
{
	const struct diff_function *x = a, *y = b;
	double dx = fabs(x->ns[DIFF_B] - x->ns[DIFF_A]), dy = fabs(y->ns[DIFF_B] - y->ns[DIFF_A]);

	return dx != dy ? (dx < dy) - (dx > dy) : compare_names(x, y, false);
}

/** Make elements of one function one, and fill in what follows from their sums. */
static void unite_functions(struct diff *d, const double shares[DIFF_SIDES])
{
	bool aligned = !same_stack(&d->pair);
	size_t n = 0;

	if (d->n_functions > 0)
		qsort(d->functions, d->n_functions, sizeof(*d->functions),
			aligned ? compare_aligned : compare_exact);
	for (size_t i = 0; i < d->n_functions; i++) {
		struct diff_function *f = &d->functions[i];

		if (n == 0 || compare_names(&d->functions[n - 1], f, aligned) != 0) {
			d->functions[n++] = *f;
			continue;
		}
		for (int side = 0; side < DIFF_SIDES; side++) {
			d->functions[n - 1].sum_ns[side] += f->sum_ns[side];
			d->functions[n - 1].samples[side] += f->samples[side];
		}
	}
	d->n_functions = n;
	for (size_t i = 0; i < n; i++) {
		struct diff_function *f = &d->functions[i];
		double variance = 0;

		for (int side = 0; side < DIFF_SIDES; side++) {
			f->ns[side] = (double)f->sum_ns[side] * shares[side];
			d->unsampled_ns[side] -= f->ns[side];
			if (f->samples[side] > 0)
				variance += f->ns[side] * f->ns[side] / (double)f->samples[side];
		}
		f->error_ns = f->on_cpu ? 1.959964 * sqrt(variance) : NAN;
	}
	if (n > 0)
		qsort(d->functions, n, sizeof(*d->functions), compare_change);
}

static int fill_functions(struct diff *d)
{
	double shares[DIFF_SIDES];
	size_t room = 0;

	for (int side = 0; side < DIFF_SIDES; side++) {
		const struct cell *cell = d->pair.sides[side].cell;

		shares[side] = cell->n_ok ? 1.0 / ((double)cell->n_ok * (double)cell->cores) : 0;
		d->unsampled_ns[side] = d->runtime_ns[side];
	}
	for (size_t k = 0; k < FLAME_KINDS; k++) {
		int r = flame_table[k].boot ? 0 : gather(d, k, &room);

		if (r < 0)
			return r;
	}
	unite_functions(d, shares);
	return 0;
}

int diff_make(const struct diff_pair *pair, struct diff **ret)
{
	_cleanup_diff_ struct diff *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->pair = *pair;
	for (int side = 0; side < DIFF_SIDES; side++)
		d->runtime_ns[side] = pair->sides[side].cell->runtime_ns.mean;
	fill_states(d);
	r = build_trees(d);
	if (r >= 0)
		r = fill_functions(d);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(d);
	return 0;
}

char *diff_flame_name(const struct diff *d, size_t kind)
{
	const struct diff_operand *a = &d->pair.sides[DIFF_A], *b = &d->pair.sides[DIFF_B];
	char *name;

	if (asprintf(&name, "%s-diff-%.80s-%.80s-%lld.svg", flame_table[kind].prefix, a->name,
		    b->name, (long long)b->cell->cores) < 0)
		return NULL;
	text_clean_file_name(name);
	return name;
}

int diff_flame(const struct diff *d, size_t kind, bool standalone, double narrowest_px,
	size_t index, FILE *out)
{
	const struct diff_operand *a = &d->pair.sides[DIFF_A], *b = &d->pair.sides[DIFF_B];
	const struct diff_tree *tree = d->trees[kind];
	_cleanup_free_ char *title = NULL, *subtitle = NULL;
	char id[40];
	struct flamediff_options options = {.id = id,
		.names = {a->name, b->name},
		.sampled = strcmp(flame_table[kind].kind, "oncpu") == 0,
		.narrowest_px = narrowest_px,
		.standalone = standalone};

	if (!tree)
		return 0;
	snprintf(id, sizeof(id), "fd%zu", index);
	if (asprintf(&title, "%s: from %s to %s, %lld %s", flame_table[kind].title, a->name,
		    b->name, (long long)b->cell->cores,
		    b->cell->cores == 1 ? "core" : "cores") < 0) {
		title = NULL;
		return -ENOMEM;
	}
	if (asprintf(&subtitle, "%s, per run: %s in A (mean of %zu), %s in B (mean of %zu)%s",
		    flame_table[kind].meaning,
		    format_time(diff_per_run(tree, DIFF_A, tree->nodes[0].total_ns[DIFF_A])).text,
		    tree->n_runs[DIFF_A],
		    format_time(diff_per_run(tree, DIFF_B, tree->nodes[0].total_ns[DIFF_B])).text,
		    tree->n_runs[DIFF_B],
		    same_stack(&d->pair) ? "" : "; stacks begin at the program") < 0) {
		subtitle = NULL;
		return -ENOMEM;
	}
	options.title = title;
	options.subtitle = subtitle;
	return flamediff_write(tree, &options, out);
}
