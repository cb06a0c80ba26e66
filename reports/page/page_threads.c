/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the threads of a program did whose lanes are CPUs. */

#include "reports/page/page_internal.h"

int page_threads(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;
	bool first = true;

	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *c = &s->configurations[i];

		if (!c->n_threads)
			continue;
		fprintf(out, "<details%s><summary>", first ? " open" : "");
		page_configuration_name(out, c);
		fputs("</summary>\n", out);
		page_columns_open(out, "threads of the program",
			"Threads and processes of the program, those of one name together: seconds a "
			"run, summed over them. Waiting for others of the program is what more "
			"threads than CPUs cost; waiting for the rest is the machine's other work.",
			thread_columns);
		page_rows(thread_columns, c->threads, c->n_threads, out);
		page_table_close(out);
		fputs("</details>\n", out);
		first = false;
	}
	return 0;
}
