/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Bars of the page: boxes whose width is a style, so that they need no script and no drawing. */

#include "reports/page/page_internal.h"
#include "reports/text/format.h"

void page_bar_group(
	FILE *out, const struct configuration *configuration, const struct configuration *before)
{
	if (before && configurations_are_beside(before, configuration))
		return;
	fputs("<div class=\"head\">", out);
	page_cores(out, configuration->cores, configuration->scenario);
	fputs("</div>\n", out);
}

void page_detail_id(FILE *out, const char *of, size_t index)
{
	fprintf(out, " id=\"%s-%zu\"", of, index);
}

void page_bar_open(FILE *out, const char *name, const char *of, size_t index)
{
	fputs("<div class=\"bar\"><div class=\"name\">", out);
	markup_text(out, name);
	fputs("</div>\n<a class=\"parts\"", out);
	if (of)
		fprintf(out, " href=\"#%s-%zu\"", of, index);
	fputs(">", out);
}

void page_bar_part(FILE *out, const struct page_part *part, double percent)
{
	fprintf(out, "<span class=\"%s\" style=\"width:%.3f%%", part->class ? part->class : "",
		percent);
	if (part->color)
		fprintf(out, ";background:%s;color:%s", part->color,
			ink_is_black(part->color) ? "#111" : "#fff");
	fputs("\" title=\"", out);
	markup_text(out, part->name);
	fputs(": ", out);
	markup_text(out, part->words);
	fputs("\"><b>", out);
	markup_text(out, part->name);
	fputs("</b> <b>", out);
	markup_text(out, part->number);
	fputs(" </b></span>", out);
}

void page_bar_close(FILE *out, const char *sum)
{
	fprintf(out, "</a>\n<div class=\"sum\">%s</div></div>\n", sum);
}

void page_legend_entry(FILE *out, const char *color, const char *name, const char *meaning)
{
	fprintf(out,
		"<li><span class=\"swatch\" style=\"background:%s\"></span>%s <small>%s</small></li>\n",
		color, name, meaning);
}

const char *page_state_title(int state)
{
	return term_info(state)->title;
}

void page_state_legend(FILE *out, const bool used[static STATE_COUNT])
{
	for (int i = 0; i < STATE_COUNT; i++)
		if (used[i])
			page_legend_entry(
				out, state_table[i].color, state_label(i), page_state_title(i));
}
