/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The figures that gnuplot drew, beside links to their files. */

#include "reports/figures.h"
#include "reports/format.h"
#include "reports/page_internal.h"

static void write_links(const struct figure *f, FILE *out)
{
	static const char *const files[][2] = {
		{"pdf", "PDF"}, {"svg", "SVG"}, {"csv", "data"}, {"gp", "script"}};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		fprintf(out, " <a href=\"" FIGURES_FOLDER "/%s.%s\">%s</a>", f->name, files[i][0],
			files[i][1]);
}

static void write_drawing(const struct figure *f, FILE *out)
{
	fprintf(out, "<figure id=\"drawing-%s\"><figcaption><b>", f->name);
	markup_text(out, f->title);
	fputs(".</b> ", out);
	markup_text(out, f->caption);
	write_links(f, out);
	fputs("</figcaption>\n", out);
	fputs(f->svg, out);
	fputs("</figure>\n", out);
}

int page_drawings(const struct summary *s, FILE *out)
{
	const struct figures *figures = s->figures;

	if (!figures || (figures->n == 0 && !*figures->trouble))
		return 0;
	if (*figures->trouble) {
		fputs("<p>Figures are missing here: ", out);
		markup_text(out, figures->trouble);
		fputs(".</p>\n", out);
	}
	fputs("<div class=\"drawings\">\n", out);
	for (size_t i = 0; i < figures->n; i++)
		write_drawing(&figures->list[i], out);
	fputs("</div>\n", out);
	return 0;
}
