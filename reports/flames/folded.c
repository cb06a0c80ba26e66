/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/flames/folded.h"

#include <errno.h>
#include <string.h>

/** A name may hold anything; the format has no escape for its separator. */
static void put_name(const char *name, FILE *out)
{
	for (;;) {
		size_t n = strcspn(name, ";");

		fwrite(name, 1, n, out);
		if (!name[n])
			return;
		fputc(':', out);
		name += n + 1;
	}
}

int folded_write(const struct stack_tree *tree, FILE *out)
{
	/* Threads are depth 1, and stacks are at most STACK_DEPTH_MAX deep above them. */
	uint32_t path[STACK_DEPTH_MAX + 1];

	for (size_t i = 0; i + 1 < tree->n_nodes; i++) {
		uint32_t at = tree->order[i];
		size_t n = 0;

		if (tree->nodes[at].self_ns[TREE_A] == 0)
			continue;
		for (uint32_t node = at; node != 0 && n <= STACK_DEPTH_MAX;
			node = tree->nodes[node].parent)
			path[n++] = node;
		while (n > 0) {
			const struct stack_node *node = &tree->nodes[path[--n]];

			put_name(node->frame.symbol, out);
			if (node->frame.inlined)
				fputs("_[i]", out); /* as flamegraph.pl knows it */
			fputc(n ? ';' : ' ', out);
		}
		fprintf(out, "%llu\n", (unsigned long long)tree->nodes[at].self_ns[TREE_A]);
	}
	return ferror(out) ? -EIO : 0;
}
