/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/diff/diff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/text/format.h"
#include "reports/text/text.h"

void diff_free(struct diff *d)
{
	if (!d)
		return;
	for (size_t k = 0; k < FLAME_KINDS; k++)
		stack_tree_free(d->trees[k]);
	free(d->functions);
	free(d->metrics);
	free(d);
}

/** "osv" of "osv@folder": what a merged store has made of a stack's name. */
static size_t stack_length(const char *guest)
{
	return strcspn(guest, "@");
}

static bool same_stack(const struct diff_pair *pair)
{
	const char *a = pair->sides[TREE_A].configuration->guest,
		   *b = pair->sides[TREE_B].configuration->guest;

	return stack_length(a) == stack_length(b) && strncmp(a, b, stack_length(a)) == 0;
}

/** The tree of both sides; none where neither has samples. */
static int build_tree(struct diff *d, size_t kind)
{
	struct stack_tree *sides[TREE_SIDES] = {};
	bool any = false;
	int r = 0;

	for (int side = 0; r >= 0 && side < TREE_SIDES; side++) {
		const struct diff_operand *o = &d->pair.sides[side];

		r = flame_tree_of_lanes(
			o->flames, &flame_table[kind], o->configuration, &sides[side]);
		any |= r >= 0 && sides[side]->nodes[0].total_ns[TREE_A] > 0;
	}
	if (r >= 0 && any)
		r = diff_tree_build((const struct stack_tree *const *)sides, !same_stack(&d->pair),
			&d->trees[kind]);
	for (int side = 0; side < TREE_SIDES; side++)
		stack_tree_free(sides[side]);
	return r;
}

/* Of the lanes, over the runs, ns. */
static double mean_of_term(const struct configuration *c, int term)
{
	const double *values = c->series.split_window->term_ns[term];
	double sum = 0;

	for (size_t i = 0; i < c->series.n; i++)
		sum += values[i];
	return sum / (double)(c->series.n ? c->series.n : 1) / (double)c->cores;
}

static void fill_states(struct diff *d)
{
	const struct configuration *configurations[] = {
		d->pair.sides[TREE_A].configuration, d->pair.sides[TREE_B].configuration};
	struct diff_state *residual;

	for (int term = 0; term < TERM_COUNT; term++) {
		struct diff_state *s = &d->states[d->n_states];

		if (term == TERM_RESIDUAL)
			continue;
		*s = (struct diff_state){.name = state_label(term), .exact = true};
		for (int side = 0; side < TREE_SIDES; side++) {
			s->ns[side] = mean_of_term(configurations[side], term);
			s->exact &= !configurations[side]->series.split_window->sampled[term];
		}
		if (s->ns[TREE_A] > 0 || s->ns[TREE_B] > 0)
			d->n_states++;
	}
	residual = &d->states[d->n_states++];
	*residual = (struct diff_state){.name = "residual", .exact = true};
	for (int side = 0; side < TREE_SIDES; side++) {
		residual->ns[side] = d->runtime_ns[side];
		for (size_t i = 0; i + 1 < d->n_states; i++)
			residual->ns[side] -= d->states[i].ns[side];
	}
}

static int fill_metrics(struct diff *d)
{
	const struct configuration *a = d->pair.sides[TREE_A].configuration,
				   *b = d->pair.sides[TREE_B].configuration;

	for (size_t i = 0; i < a->n_metrics; i++) {
		const struct configuration_metric *x = &a->metrics[i],
						  *y = configuration_metric(b, x->name);
		const struct diff_metric metric = {
			.name = x->name,
			.better = output_wish_name(x->wish),
			.mean = {x->known.mean, y ? y->known.mean : NAN},
			.differs = y && statistic_differ(&x->known, &y->known),
		};

		if (y && x->known.n && y->known.n &&
			ARRAY_ADD(d->metrics, d->n_metrics, metric) < 0)
			return -ENOMEM;
	}
	return 0;
}

/** The node that names the function of time spent off the CPU: whom the kernel served. */
static uint32_t whose(const struct stack_tree *tree, uint32_t at)
{
	uint32_t node = at;

	while (tree->nodes[node].depth > 1 && tree->nodes[node].frame.side == SIDE_KERNEL)
		node = tree->nodes[node].parent;
	return tree->nodes[node].depth > 1 ? node : at;
}

static bool is_lane(const struct stack_tree *tree, uint32_t node)
{
	while (tree->nodes[node].depth > 1)
		node = tree->nodes[node].parent;
	return strcmp(tree->nodes[node].frame.symbol, STACK_LANES) == 0;
}

/** One element for each node of the lanes that has time of its own. */
static int gather(struct diff *d, size_t kind)
{
	const struct stack_tree *tree = d->trees[kind];
	bool on_cpu = strcmp(flame_table[kind].kind, "oncpu") == 0;

	for (uint32_t i = 1; tree && i < tree->n_nodes; i++) {
		const struct stack_node *node = &tree->nodes[i], *named;

		if ((!node->self_ns[TREE_A] && !node->self_ns[TREE_B]) || !is_lane(tree, i))
			continue;
		if (ARRAY_MORE(d->functions, d->n_functions, 1) < 0)
			return -ENOMEM;
		named = on_cpu ? node : &tree->nodes[whose(tree, i)];
		d->functions[d->n_functions++] = (struct diff_function){
			.symbol = named->frame.symbol,
			.module = named->frame.module,
			.side = named->frame.side,
			.on_cpu = on_cpu,
			.sum_ns = {node->self_ns[TREE_A], node->self_ns[TREE_B]},
			.samples = {node->self_samples[TREE_A], node->self_samples[TREE_B]},
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
	double dx = fabs(x->ns[TREE_B] - x->ns[TREE_A]), dy = fabs(y->ns[TREE_B] - y->ns[TREE_A]);

	return dx != dy ? (dx < dy) - (dx > dy) : compare_names(x, y, false);
}

/** Make elements of one function one, and fill in what follows from their sums. */
static void unite_functions(struct diff *d, const double shares[TREE_SIDES])
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
		for (int side = 0; side < TREE_SIDES; side++) {
			d->functions[n - 1].sum_ns[side] += f->sum_ns[side];
			d->functions[n - 1].samples[side] += f->samples[side];
		}
	}
	d->n_functions = n;
	for (size_t i = 0; i < n; i++) {
		struct diff_function *f = &d->functions[i];
		double variance = 0;

		for (int side = 0; side < TREE_SIDES; side++) {
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
	double shares[TREE_SIDES];

	for (int side = 0; side < TREE_SIDES; side++) {
		const struct configuration *configuration = d->pair.sides[side].configuration;

		shares[side] =
			configuration->n_ok
				? 1.0 / ((double)configuration->n_ok * (double)configuration->cores)
				: 0;
		d->unsampled_ns[side] = d->runtime_ns[side];
	}
	for (size_t k = 0; k < FLAME_KINDS; k++) {
		/* Exits are in the others' time, too. */
		bool twice = flame_table[k].boot || strcmp(flame_table[k].kind, "exits") == 0;
		int r = twice ? 0 : gather(d, k);

		if (r < 0)
			return r;
	}
	unite_functions(d, shares);
	return 0;
}

int diff_make(const struct diff_pair *pair, struct diff **ret)
{
	_cleanup_diff_ struct diff *d = calloc(1, sizeof(*d));
	int r = 0;

	if (!d)
		return -ENOMEM;
	d->pair = *pair;
	for (int side = 0; side < TREE_SIDES; side++)
		d->runtime_ns[side] = pair->sides[side].configuration->runtime_ns.mean;
	fill_states(d);
	r = fill_metrics(d);
	for (size_t k = 0; r >= 0 && k < FLAME_KINDS; k++)
		r = build_tree(d, k);
	if (r >= 0)
		r = fill_functions(d);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(d);
	return 0;
}

char *diff_flame_name(const struct diff *d, size_t kind)
{
	const struct diff_operand *a = &d->pair.sides[TREE_A], *b = &d->pair.sides[TREE_B];
	char *name;

	if (asprintf(&name, "%s-diff-%.80s-%.80s-%lld.svg", flame_table[kind].prefix, a->name,
		    b->name, (long long)b->configuration->cores) < 0)
		return NULL;
	text_clean_file_name(name);
	return name;
}

int diff_flame(const struct diff *d, size_t kind, bool standalone, double narrowest_px,
	size_t index, FILE *out)
{
	const struct diff_operand *a = &d->pair.sides[TREE_A], *b = &d->pair.sides[TREE_B];
	const struct stack_tree *tree = d->trees[kind];
	_cleanup_free_ char *title = NULL, *subtitle = NULL;
	char id[40];
	struct flamegraph_options options = {.id = id,
		.names = {a->name, b->name},
		.sampled = strcmp(flame_table[kind].kind, "oncpu") == 0,
		.narrowest_px = narrowest_px,
		.standalone = standalone};

	if (!tree)
		return 0;
	snprintf(id, sizeof(id), "fd%zu", index);
	if (asprintf(&title, "%s: from %s to %s, %lld %s", flame_table[kind].title, a->name,
		    b->name, (long long)b->configuration->cores,
		    cores_word(b->configuration->cores, b->configuration->scenario)) < 0) {
		title = NULL;
		return -ENOMEM;
	}
	if (asprintf(&subtitle, "%s, per run: %s in A (mean of %zu), %s in B (mean of %zu)%s",
		    flame_table[kind].meaning,
		    format_time(stack_per_run(tree, TREE_A, tree->nodes[0].total_ns[TREE_A])).text,
		    tree->n_runs[TREE_A],
		    format_time(stack_per_run(tree, TREE_B, tree->nodes[0].total_ns[TREE_B])).text,
		    tree->n_runs[TREE_B],
		    same_stack(&d->pair) ? "" : "; stacks begin at the program") < 0) {
		subtitle = NULL;
		return -ENOMEM;
	}
	options.title = title;
	options.subtitle = subtitle;
	return flamegraph_write(tree, &options, out);
}
