/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The samples of a run over time, drawn by assets/heat.js, and the flame graph of a part of them: it is
 * made in the browser, from one that is drawn here with a frame of each side. */

#include <errno.h>

#include "common/cleanup.h"
#include "reports/flames/flamegraph.h"
#include "reports/flames/stack_tree.h"
#include "reports/page/page_internal.h"
#include "reports/text/json_text.h"
#include "reports/time/time_samples.h"

void page_sides(FILE *out)
{
	fputs("\"sides\":{", out);
	for (int i = 0; i < SIDE_COUNT; i++) {
		json_put_text(out, frame_side_word(i));
		fprintf(out, ":[\"%s\",", frame_side_class(i));
		json_put_text(out, frame_side_title(i));
		fputs(i + 1 < SIDE_COUNT ? "]," : "]},\n", out);
	}
}

/** So that the legend has all sides. */
static int make_tree(struct stack_tree **ret)
{
	_cleanup_stack_tree_ struct stack_tree *tree = NULL;
	int r = stack_tree_begin(1, KEY_SYMBOL, &tree);

	for (int i = 0; r >= 0 && i <= SIDE_COUNT; i++) {
		const struct stack_frame frame = {.side = i < SIDE_COUNT ? i : SIDE_USER,
			.module = "",
			.symbol = i < SIDE_COUNT ? frame_side_word(i) : "[unknown]"};
		uint32_t node;

		r = stack_tree_child(tree, 0, &frame, &node);
		if (r >= 0)
			tree->nodes[node].self_ns[TREE_A] = 1;
	}
	if (r >= 0)
		r = stack_tree_finish(tree);
	if (r < 0)
		return r;
	*ret = tree;
	tree = NULL;
	return 0;
}

static int write_template(FILE *out)
{
	static const struct flamegraph_options options = {
		.id = "fg-part", .title = "-", .subtitle = "-", .count_of = "samples"};
	_cleanup_stack_tree_ struct stack_tree *tree = NULL;
	int r = make_tree(&tree);

	if (r < 0)
		return r;
	fputs("<template id=\"flame-template\">", out);
	r = flamegraph_write(tree, &options, out);
	fputs("</template>\n", out);
	return r;
}

int page_heat(const struct page *page, FILE *out)
{
	struct store_reader *store = page->analysis->store;
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r;

	if (!time_has_samples(store) || !store_has_table(store, "timeline"))
		return 0;
	r = store_prepare(store, &query,
		"SELECT 1 FROM sample_time WHERE run IN (SELECT run FROM timeline) LIMIT 1");
	if (r >= 0)
		r = store_step(store, query);
	if (r <= 0)
		return r;
	fputs("<div id=\"heat-view\" hidden></div>\n<noscript><p>To be drawn the samples over time need scripts. Those of all of "
	      "the time are in the <a href=\"#flames\">flame graphs</a>.</p></noscript>\n",
		out);
	return write_template(out);
}
