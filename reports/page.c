/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "page_css.h"
#include "page_html.h"
#include "page_js.h"
#include "reports/flamegraph.h"
#include "reports/format.h"
#include "reports/page_internal.h"
#include "script_policy.h"

void page_cores(FILE *out, int64_t cores)
{
	fprintf(out, "%lld %s", (long long)cores, cores == 1 ? "core" : "cores");
}

void page_cell_name(FILE *out, const struct cell *cell)
{
	markup_text(out, cell->name);
	fputs(", ", out);
	page_cores(out, cell->cores);
}

static int write_policy(const struct summary *s, FILE *out)
{
	(void)s;
	fputs("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'; script-src " SCRIPT_POLICY
	      "; base-uri 'none'; form-action 'none'\">",
		out);
	return 0;
}

static int write_title(const struct summary *s, FILE *out)
{
	for (size_t i = 0, n = 0; i < s->n_cells; i++) {
		size_t j = 0;

		while (j < i && s->cells[j].guest != s->cells[i].guest)
			j++;
		if (j < i)
			continue;
		fputs(n++ ? ", " : "", out);
		markup_text(out, s->cells[i].guest);
	}
	fputs(s->n_cells ? ": where the time went" : "Where the time went", out);
	return 0;
}

static int write_style(const struct summary *s, FILE *out)
{
	(void)s;
	fputs((const char *)page_css, out);
	fputs(flamegraph_style(), out);
	return 0;
}

static void write_fact(const struct summary *s, const char *key, const char *before, FILE *out)
{
	const char *value = store_setting(s->store, key);

	if (!value || !*value)
		return;
	fprintf(out, " · %s", before);
	markup_text(out, value);
}

static int write_header(const struct summary *s, FILE *out)
{
	fputs("<h1>", out);
	write_title(s, out);
	fprintf(out, "</h1>\n<p>%zu run%s, %zu of them measured", s->n_runs,
		s->n_runs == 1 ? "" : "s", s->n_ok);
	if (s->n_cells > 0) {
		fputs(" · scenario ", out);
		markup_text(out, s->cells[0].scenario);
	}
	write_fact(s, "started_utc", "", out);
	write_fact(s, "hostname", "on ", out);
	write_fact(s, "cpu_model", "", out);
	fputs("</p>", out);
	return 0;
}

static void write_warnings(const struct store_tables *t, FILE *out)
{
	if (t->n_warnings == 0)
		return;
	fputs("<div class=\"warnings\" role=\"note\"><h3>Warnings</h3><ul>\n", out);
	for (size_t i = 0; i < t->n_warnings; i++) {
		char runs[256];

		if (!store_warning_runs(t, i, runs, sizeof(runs)))
			continue;
		fputs("<li>", out);
		if (runs[0])
			fprintf(out, "R%s: ", runs + 1);
		markup_text(out, t->warnings[i].text);
		fputs("</li>\n", out);
	}
	fputs("</ul></div>\n", out);
}

static int write_findings(const struct summary *s, FILE *out)
{
	_cleanup_free_ struct verdict *verdicts = calloc(VERDICTS_MAX, sizeof(*verdicts));
	size_t n;

	if (!verdicts)
		return -ENOMEM;
	n = summary_verdicts(s, verdicts, VERDICTS_MAX);
	fputs("<ul class=\"findings\">\n", out);
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "<li%s>%s",
			verdicts[i].good ? (i == 0 ? " class=\"lead-finding\"" : "")
					 : " class=\"bad\"",
			verdicts[i].good ? "" : "<span class=\"bad-text\">Note:</span> ");
		markup_text(out, verdicts[i].text);
		fputs("</li>\n", out);
	}
	fputs("</ul>\n", out);
	write_warnings(store_tables(s->store), out);
	return 0;
}

static int write_script(const struct summary *s, FILE *out)
{
	(void)s;
	fputs((const char *)page_js, out);
	return 0;
}

static int write_flamescript(const struct summary *s, FILE *out)
{
	(void)s;
	fputs(flamegraph_script(), out);
	return 0;
}

static int write_footer(const struct summary *s, FILE *out)
{
	(void)s;
	fputs("Made by guestscope " GUESTSCOPE_VERSION
	      " from experiment.db, which holds all of the above. "
	      "± is the sample standard deviation over the runs; means are over the runs that "
	      "ended well.",
		out);
	return 0;
}

static const struct {
	const char *mark;
	page_section_t write;
} sections[] = {
	{"policy", write_policy},
	{"title", write_title},
	{"style", write_style},
	{"header", write_header},
	{"findings", write_findings},
	{"summary", page_summary},
	{"books", page_books},
	{"phases", page_phases},
	{"details", page_details},
	{"guest", page_guest},
	{"flames", page_flames},
	{"audit", page_audit},
	{"counters", page_counters},
	{"runs", page_runs},
	{"machine", page_machine},
	{"reproduce", page_reproduce},
	{"footer", write_footer},
	{"script", write_script},
	{"flamescript", write_flamescript},
};

static page_section_t find_section(const char *mark, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		if (strlen(sections[i].mark) == length &&
			strncmp(sections[i].mark, mark, length) == 0)
			return sections[i].write;
	return NULL;
}

int page_write(const struct summary *s, FILE *out)
{
	const char *at = (const char *)page_html;

	for (;;) {
		const char *mark = strstr(at, "<!--@"), *end = mark ? strstr(mark, "-->") : NULL;
		page_section_t write;
		int r;

		if (!end)
			break;
		fwrite(at, 1, (size_t)(mark - at), out);
		mark += strlen("<!--@");
		write = find_section(mark, (size_t)(end - mark));
		r = write ? write(s, out) : 0;
		if (r < 0)
			return r;
		at = end + strlen("-->");
	}
	fputs(at, out);
	return ferror(out) ? -EIO : 0;
}
