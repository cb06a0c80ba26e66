/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How whole the call stacks are. */

#include "reports/page/page_internal.h"

int page_stacks(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;

	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *c = &s->configurations[i];

		if (!c->n_stack_ends)
			continue;
		fputs("<details><summary>", out);
		page_configuration_name(out, c);
		fputs("</summary>\n", out);
		page_columns_open(out, "call stacks",
			"Samples by why their call stack ends, the boot’s left out. A stack that "
			"reaches a root is whole. Another one ends in code of the file that is "
			"named.",
			stack_end_columns);
		page_rows(stack_end_columns, c->stack_ends, c->n_stack_ends, out);
		page_table_close(out);
		fputs("</details>\n", out);
	}
	return 0;
}
