/* SPDX-License-Identifier: GPL-2.0-or-later */
/** The function that most samples of the lanes are in. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/flames/flames.h"

struct own_time {
	const char *symbol;
	uint64_t ns;
};

static int compare_symbols(const void *a, const void *b)
{
	return strcmp(((const struct own_time *)a)->symbol, ((const struct own_time *)b)->symbol);
}

/* Own times of the lanes' functions, one element for each place in the tree; returns how many, and
 * their sum. */
static size_t gather(const struct stack_tree *tree, struct own_time *list, uint64_t *ret_sum)
{
	size_t n = 0;

	*ret_sum = 0;
	for (uint32_t i = 1; i < tree->n_nodes; i++) {
		const struct stack_node *node = &tree->nodes[i];
		uint32_t thread = i;

		while (tree->nodes[thread].depth > 1)
			thread = tree->nodes[thread].parent;
		if (strcmp(tree->nodes[thread].frame.symbol, STACK_LANES) != 0)
			continue;
		*ret_sum += node->self_ns[TREE_A];
		if (node->self_ns[TREE_A] && node->depth > 1)
			list[n++] = (struct own_time){node->frame.symbol, node->self_ns[TREE_A]};
	}
	return n;
}

int flame_top_function(struct flames *f, const struct configuration *configuration,
	const char **ret_symbol, double *ret_share)
{
	_cleanup_stack_tree_ struct stack_tree *tree = NULL;
	_cleanup_free_ struct own_time *list = NULL;
	uint64_t sum, most = 0;
	size_t n;
	int r = flame_tree_of_lanes(f, &flame_table[0], configuration, &tree);

	*ret_symbol = NULL;
	*ret_share = 0;
	if (r < 0)
		return r;
	list = calloc(tree->n_nodes, sizeof(*list));
	if (!list)
		return -ENOMEM;
	n = gather(tree, list, &sum);
	qsort(list, n, sizeof(*list), compare_symbols);
	for (size_t i = 0, j; i < n; i = j) {
		uint64_t ns = 0;

		for (j = i; j < n && strcmp(list[j].symbol, list[i].symbol) == 0; j++)
			ns += list[j].ns;
		if (ns <= most)
			continue;
		most = ns;
		*ret_symbol = list[i].symbol;
	}
	if (sum)
		*ret_share = (double)most / (double)sum;
	return 0;
}
