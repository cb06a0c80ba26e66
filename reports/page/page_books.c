/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "reports/page/page_internal.h"
#include "reports/text/format.h"

static const char *state_title(int state)
{
	return state == STATE_NONE ? "states this report does not know" : state_table[state].title;
}

const char *page_ink_on(const char *color)
{
	return ink_is_black(color) ? "#111" : "#fff";
}

/** How wide a percent is, in pixels, on a screen of usual width: decides whether a name fits. */
enum bar_size { BAR_WIDE = 7, BAR_NARROW = 3 };

static void write_segment(
	const struct book *book, int state, double from, enum bar_size size, FILE *out)
{
	double percent = 100 * book->state_ns[state] / book->lane_time_ns;
	const char *name = state_label(state);

	if (percent <= 0)
		return;
	fprintf(out, "<g><title>%s: %s\n%s %%, %s a run%s</title>", name, state_title(state),
		format_percent(book->state_ns[state], book->lane_time_ns).text,
		format_time(book->state_ns[state]).text,
		book->sampled[state] ? ", split by samples" : "");
	fprintf(out, "<rect x=\"%.3f%%\" width=\"%.3f%%\" height=\"28\" fill=\"%s\"/>", from,
		percent, state_table[state].color);
	if (percent * size > (double)strlen(name) * 7.2 + 8)
		fprintf(out,
			"<text x=\"%.3f%%\" y=\"18\" text-anchor=\"middle\" fill=\"%s\">%s</text>",
			from + percent / 2, page_ink_on(state_table[state].color), name);
	fputs("</g>", out);
}

static void write_bar(
	const struct cell *cell, const struct book *book, enum bar_size size, FILE *out)
{
	double from = 0, residual = 100 * book->residual_ns / book->lane_time_ns;

	fputs("<svg role=\"img\" aria-label=\"", out);
	page_cell_name(out, cell);
	for (int i = 0; i < STATE_COUNT; i++)
		if (book->state_ns[i] > 0)
			fprintf(out, ", %s %s %%", state_label(i),
				format_percent(book->state_ns[i], book->lane_time_ns).text);
	fputs("\">", out);
	for (int i = 0; i < STATE_COUNT; i++) {
		write_segment(book, i, from, size, out);
		if (book->state_ns[i] > 0)
			from += 100 * book->state_ns[i] / book->lane_time_ns;
	}
	if (residual >= 0.1)
		fprintf(out,
			"<g><title>residual: not accounted for\n%s %%, %s a run</title>"
			"<rect class=\"residual\" x=\"%.3f%%\" width=\"%.3f%%\" "
			"height=\"28\"/></g>",
			format_percent(book->residual_ns, book->lane_time_ns).text,
			format_time(book->residual_ns).text, from, residual);
	fputs("</svg>\n", out);
}

static void write_bar_row(
	const struct cell *cell, const struct book *book, enum bar_size size, FILE *out)
{
	fputs("<div class=\"bar\"><div class=\"name\">", out);
	markup_text(out, cell->name);
	fputs("</div>\n", out);
	if (book->has_accounts && book->lane_time_ns > 0)
		write_bar(cell, book, size, out);
	else
		fprintf(out, "<div class=\"sum\">%s</div>\n",
			cell->n_ok ? "no lanes were accounted" : "no run ended well");
	fprintf(out, "<div class=\"sum\">%s</div></div>\n",
		book->lane_time_ns > 0 ? format_time(book->lane_time_ns).text : "");
}

static void write_axis(FILE *out)
{
	fputs("<div class=\"axis\" aria-hidden=\"true\"><span>0 %</span><span>25 %</span><span>50 "
	      "%</span>"
	      "<span>75 %</span><span>100 %</span></div>\n",
		out);
}

void page_state_legend(const struct summary *s, const char *more, FILE *out)
{
	fputs("<ul class=\"legend\">", out);
	for (int i = 0; i < STATE_COUNT; i++)
		if (s->state_used[i])
			fprintf(out,
				"<li><svg viewBox=\"0 0 14 14\" aria-hidden=\"true\"><rect "
				"x=\".5\" y=\".5\""
				" width=\"13\" height=\"13\" fill=\"%s\"/></svg>%s "
				"<small>%s</small></li>\n",
				state_table[i].color, state_label(i), state_title(i));
	fputs(more, out);
	fputs("</ul>\n", out);
}

static void write_table_row(const struct summary *s, const struct cell *cell,
	const struct book *book, const char *phase, FILE *out)
{
	fputs("<tr><th scope=\"row\">", out);
	markup_text(out, cell->name);
	fprintf(out, "</th><td class=\"n\">%lld</td>", (long long)cell->cores);
	if (phase) {
		fputs("<td>", out);
		markup_text(out, phase);
		fputs("</td>", out);
	}
	fprintf(out, "<td class=\"n\">%s</td>", format_seconds(book->lane_time_ns).text);
	for (int i = 0; i < STATE_COUNT; i++)
		if (s->state_used[i])
			fprintf(out, "<td class=\"n\">%s%s</td><td class=\"n\">%s</td>",
				book->sampled[i] ? "~" : "",
				book->has_accounts ? format_seconds(book->state_ns[i]).text : "-",
				book->has_accounts
					? format_percent(book->state_ns[i], book->lane_time_ns).text
					: "-");
	fprintf(out, "<td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n",
		book->has_accounts ? format_seconds(book->residual_ns).text : "-",
		book->has_accounts ? format_percent(book->residual_ns, book->lane_time_ns).text
				   : "-");
}

static void write_table_head(const struct summary *s, bool phases, FILE *out)
{
	fprintf(out,
		"<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"Table: "
		"states\"><table><caption>Mean of the runs, sum of the "
		"lanes; ~ split by samples</caption><thead><tr><th scope=\"col\">stack</th>"
		"<th scope=\"col\" class=\"n\">cores</th>%s<th scope=\"col\" class=\"n\">all "
		"s</th>",
		phases ? "<th scope=\"col\">phase</th>" : "");
	for (int i = 0; i < STATE_COUNT; i++)
		if (s->state_used[i])
			fprintf(out,
				"<th scope=\"col\" class=\"n\">%s s</th><th scope=\"col\" "
				"class=\"n\">%%</th>",
				state_label(i));
	fputs("<th scope=\"col\" class=\"n\">residual s</th><th scope=\"col\" "
	      "class=\"n\">%</th></tr>"
	      "</thead><tbody>\n",
		out);
}

int page_books(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;

	if (s->n_cells == 0)
		return 0;
	page_state_legend(s, "", out);
	fputs("<div class=\"bars\">\n", out);
	for (size_t i = 0; i < s->n_cells; i++) {
		if (i == 0 || s->cells[i].cores != s->cells[i - 1].cores) {
			fputs("<div class=\"head\">", out);
			page_cores(out, s->cells[i].cores, s->cells[i].scenario);
			fputs("</div>\n", out);
		}
		write_bar_row(&s->cells[i], &s->cells[i].window, BAR_WIDE, out);
	}
	write_axis(out);
	fputs("</div>\n<details class=\"first-details\"><summary>The numbers</summary>\n", out);
	write_table_head(s, false, out);
	for (size_t i = 0; i < s->n_cells; i++)
		write_table_row(s, &s->cells[i], &s->cells[i].window, NULL, out);
	fputs("</tbody></table></div></details>\n", out);
	return 0;
}

/** How often the same phase name comes before it among all cells: 0 means, it is the first. */
static bool is_first(const struct summary *s, size_t cell, size_t phase)
{
	const char *name = s->cells[cell].phases[phase].name;

	for (size_t i = 0; i < cell; i++)
		for (size_t j = 0; j < s->cells[i].n_phases; j++)
			if (s->cells[i].phases[j].name == name)
				return false;
	return true;
}

static void write_phase(const struct summary *s, const char *name, FILE *out)
{
	int64_t cores = -1;

	fputs("<div class=\"phase\"><h3>", out);
	markup_text(out, name);
	fputs("</h3>\n<div class=\"bars\">\n", out);
	for (size_t i = 0; i < s->n_cells; i++) {
		const struct cell *cell = &s->cells[i];

		for (size_t j = 0; j < cell->n_phases; j++) {
			if (cell->phases[j].name != name || !cell->phases[j].has_accounts)
				continue;
			if (cell->cores != cores) {
				fputs("<div class=\"head\">", out);
				page_cores(out, cell->cores, cell->scenario);
				fputs("</div>\n", out);
				cores = cell->cores;
			}
			write_bar_row(cell, &cell->phases[j], BAR_NARROW, out);
		}
	}
	fputs("</div></div>\n", out);
}

int page_phases(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;

	if (s->n_cells == 0)
		return 0;
	fputs("<div class=\"phases\">\n", out);
	for (size_t i = 0; i < s->n_cells; i++)
		for (size_t j = 0; j < s->cells[i].n_phases; j++)
			if (is_first(s, i, j))
				write_phase(s, s->cells[i].phases[j].name, out);
	fputs("</div>\n<details class=\"first-details\"><summary>The numbers</summary>\n", out);
	write_table_head(s, true, out);
	for (size_t i = 0; i < s->n_cells; i++)
		for (size_t j = 0; j < s->cells[i].n_phases; j++)
			write_table_row(s, &s->cells[i], &s->cells[i].phases[j],
				s->cells[i].phases[j].name, out);
	fputs("</tbody></table></div></details>\n", out);
	return 0;
}
