/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Causes of detours, of the workload noise. */

#include "reports/page/page_internal.h"

int page_detours(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;

	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *c = &s->configurations[i];

		if (!c->n_detours)
			continue;
		fputs("<h3>", out);
		page_configuration_name(out, c);
		fputs("</h3>\n", out);
		page_columns_open(out, "causes of detours",
			"Where the time of all detours went, a run: the rows sum to it. Detours: those "
			"which that cause took most of. Around: the way into the kernel and back. By "
			"samples: split by what samples show.",
			detour_share_columns);
		page_rows(detour_share_columns, c->detours, c->n_detours, out);
		page_table_close(out);
	}
	return 0;
}
