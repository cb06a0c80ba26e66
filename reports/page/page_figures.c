/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The figures. Charts are drawn by assets/charts.js from the numbers in the page's tables; a reader
 * without scripts, and paper, have those that gnuplot has drawn. */

#include <string.h>

#include "common/cleanup.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"

/** Is there more than one number of cores? */
static bool has_curves(const struct summary *s)
{
	for (size_t i = 1; i < s->n_configurations; i++)
		if (s->configurations[i].cores != s->configurations[0].cores)
			return true;
	return false;
}

/** Are there runs to hold against each other? */
static bool has_order(const struct summary *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_configurations; i++)
		n += s->configurations[i].runtime_ns.n > 1 ? s->configurations[i].runtime_ns.n : 0;
	return n >= 3;
}

static void write_charts(const struct summary *s, FILE *out)
{
	if (has_curves(s))
		fputs("<figure class=\"chart\" data-chart=\"cores\" hidden><figcaption>Mean run "
		      "time, speed-up and efficiency over the number of cores, from the <a "
		      "href=\"#comparison\">comparison</a>.</figcaption></figure>\n",
			out);
	if (has_order(s))
		fputs("<figure class=\"chart\" data-chart=\"order\" hidden><figcaption>Every run’s "
		      "time against the mean of its stack and number of cores, in order of "
		      "execution: a slope is drift, a lone dot an outlier. A click on a dot leads "
		      "to the run among <a href=\"#runs\">every run</a>.</figcaption></figure>\n",
			out);
	if (has_curves(s) || has_order(s))
		fputs("<noscript><p>The interactive charts need scripts. Their numbers are in the <a "
		      "href=\"#comparison\">comparison</a> and in <a href=\"#runs\">every run</a>."
		      "</p></noscript>\n",
			out);
}

/** A drawing as an address that holds it. */
static void write_data_url(const char *svg, FILE *out)
{
	fputs("data:image/svg+xml,", out);
	for (; *svg; svg++)
		if (strchr("\"%#&\n\t", *svg))
			fprintf(out, "%%%02X", (unsigned char)*svg);
		else
			fputc(*svg, out);
}

static void write_paper_figure(const struct figure *f, FILE *out)
{
	static const char *const endings[] = {".svg", ".pdf", ".csv", ".gp"};

	fputs("<figure><h3>", out);
	markup_text(out, f->title);
	fputs("</h3>\n<img alt=\"", out);
	markup_text(out, f->title);
	fputs("\" src=\"", out);
	write_data_url(f->svg, out);
	fputs("\">\n<figcaption>", out);
	markup_text(out, f->caption ? f->caption : "");
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		fputs(i ? ", " : " ", out);
		page_file_link(out, FIGURES_FOLDER "/", f->name, endings[i]);
	}
	fputs("</figcaption></figure>\n", out);
}

/** Those that gnuplot has drawn; they are beside the page as files, too. */
static void write_for_paper(const struct figures *figures, FILE *out)
{
	size_t n = 0;

	for (size_t i = 0; figures && i < figures->n; i++)
		n += figures->list[i].svg != NULL;
	if (!figures || (n == 0 && !*figures->trouble))
		return;
	fputs("<details class=\"first-details paper\"><summary>For a paper<span>", out);
	if (n > 0)
		fprintf(out,
			"%zu figure%s as SVG and PDF, with data and script, in "
			"<code>" FIGURES_FOLDER "/</code> beside this page",
			n, n == 1 ? "" : "s");
	fputs("</span></summary>\n", out);
	if (*figures->trouble) {
		fputs("<p>", out);
		markup_text(out, figures->trouble);
		fputs("</p>\n", out);
	}
	fputs("<div class=\"paper-figures\">\n", out);
	for (size_t i = 0; i < figures->n; i++)
		if (figures->list[i].svg)
			write_paper_figure(&figures->list[i], out);
	fputs("</div></details>\n", out);
}

int page_figures(const struct page *page, FILE *out)
{
	write_charts(page->analysis->summary, out);
	write_for_paper(page->figures, out);
	return 0;
}
