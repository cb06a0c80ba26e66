/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How call stacks were walked, and how whole they are. */

#include "reports/page/page_internal.h"

static void put_shares(FILE *out, const char *label, const char *caption,
	const struct column *columns, const struct stack_shares *shares)
{
	if (!shares->n)
		return;
	page_columns_open(out, label, caption, columns);
	page_rows(columns, shares->list, shares->n, out);
	page_table_close(out);
}

int page_stacks(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;

	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *c = &s->configurations[i];

		if (!c->stack_ends.n && !c->stack_modules.n)
			continue;
		fputs("<details><summary>", out);
		page_configuration_name(out, c);
		fputs("</summary>\n", out);
		put_shares(out, "call stacks",
			"Samples by the reason why their call stack ends, without those of the boot. A "
			"stack that reaches a root is whole; the others end in code of the file that "
			"is named.",
			stack_end_columns, &c->stack_ends);
		put_shares(out, "how call stacks were walked",
			"Frames of these call stacks, by file and by how their callers were found.",
			stack_module_columns, &c->stack_modules);
		fputs("</details>\n", out);
	}
	return 0;
}
