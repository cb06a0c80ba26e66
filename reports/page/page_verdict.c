/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The top of the page: what was found, and what to beware of. */

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"

/** More warnings than this are folded away, so that they do not push the result off the screen. */
#define WARNINGS_SHOWN 5

static int write_warning(const struct store_reader *store, size_t i, const char *runs, FILE *out)
{
	_cleanup_free_ char *said = store_warning_text(store_tables(store), i);
	char text[264];

	if (!said)
		return -ENOMEM;
	fputs("<li>", out);
	if (runs[0]) {
		snprintf(text, sizeof(text), "R%s: ", runs + 1);
		page_text(out, store, text);
	}
	page_text(out, store, said);
	fputs("</li>\n", out);
	return 0;
}

/* As many warnings as everywhere; a note is for the record alone. */
static void write_count(size_t warnings, size_t notes, FILE *out)
{
	if (warnings)
		fprintf(out, "%zu warning%s", warnings, warnings == 1 ? "" : "s");
	if (notes)
		fprintf(out, "%s%zu note%s", warnings ? ", " : "", notes, notes == 1 ? "" : "s");
}

static int write_warnings(const struct store_reader *store, FILE *out)
{
	const struct store_tables *t = store_tables(store);
	size_t notes = 0, n = 0, shown = 0;
	char runs[256];

	for (size_t i = 0; i < t->n_warnings; i++)
		if (store_warning_runs(t, i, runs, sizeof(runs))) {
			notes += store_warning_is_note(t, i);
			n++;
		}
	if (n == 0)
		return 0;
	fprintf(out, "<div class=\"warnings\" role=\"note\" aria-labelledby=\"warnings-title\">"
		     "<h3 id=\"warnings-title\">");
	write_count(n - notes, notes, out);
	fputs("</h3><ul>\n", out);
	for (size_t k = 0; k < 2 * t->n_warnings; k++) {
		const size_t i = k % t->n_warnings;
		const bool note = k >= t->n_warnings;

		if (note != store_warning_is_note(t, i) ||
			!store_warning_runs(t, i, runs, sizeof(runs)))
			continue;
		if (shown++ == WARNINGS_SHOWN && n > WARNINGS_SHOWN + 1)
			fprintf(out,
				"</ul><details class=\"plain\"><summary>%zu more</summary><ul>\n",
				n - WARNINGS_SHOWN);
		if (write_warning(store, i, runs, out) < 0)
			return -ENOMEM;
	}
	fputs(n > WARNINGS_SHOWN + 1 ? "</ul></details></div>\n" : "</ul></div>\n", out);
	return 0;
}

typedef size_t (*find_t)(const struct explanation *e, struct verdict *ret, size_t max);

static int write_findings(const struct page *page, find_t find, bool leads, FILE *out)
{
	_cleanup_free_ struct verdict *verdicts = calloc(VERDICTS_MAX, sizeof(*verdicts));
	size_t n;

	if (!verdicts)
		return -ENOMEM;
	n = find(page->analysis->explanation, verdicts, VERDICTS_MAX);
	fputs("<ul class=\"findings\">\n", out);
	for (size_t i = 0; i < n; i++) {
		bool lead = leads && verdicts[i].good && (i == 0 || !verdicts[i - 1].good);

		fprintf(out, "<li%s>%s",
			verdicts[i].good ? (lead ? " class=\"lead-finding\"" : "")
					 : " class=\"bad\"",
			verdicts[i].good ? "" : "<span class=\"bad-text\">Note:</span> ");
		page_text(out, page->analysis->store, verdicts[i].text);
		fputs("</li>\n", out);
	}
	fputs("</ul>\n", out);
	return 0;
}

int page_verdict(const struct page *page, FILE *out)
{
	return write_findings(page, explanation_brief, true, out);
}

int page_findings(const struct page *page, FILE *out)
{
	int r = write_warnings(page->analysis->store, out);

	if (r < 0)
		return r;
	fputs("<details class=\"first-details\"><summary>All findings, in full</summary>\n", out);
	r = write_findings(page, explanation_verdicts, false, out);
	fputs("</details>\n", out);
	return r;
}
