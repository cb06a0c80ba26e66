/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/page/page_internal.h"
#include "reports/text/format.h"

static void write_part(const struct book *book, int state, FILE *out)
{
	char words[256], number[FORMAT_MAX + 2];

	if (!(book->state_ns[state] > 0))
		return;
	snprintf(number, sizeof(number), "%s %%",
		format_percent(book->state_ns[state], book->lane_time_ns).text);
	snprintf(words, sizeof(words), "%s\n%s, %s a run%s", page_state_title(state), number,
		format_time(book->state_ns[state]).text,
		book->sampled[state] ? ", split by samples" : "");
	page_bar_part(out,
		&(struct page_part){.name = state_label(state),
			.number = number,
			.words = words,
			.color = state_table[state].color},
		100 * book->state_ns[state] / book->lane_time_ns);
}

static void write_residual(const struct book *book, FILE *out)
{
	double percent = 100 * book->residual_ns / book->lane_time_ns;
	char words[256], number[FORMAT_MAX + 2];

	if (!(percent >= 0.1))
		return;
	snprintf(number, sizeof(number), "%s %%", format_percent(percent, 100).text);
	snprintf(words, sizeof(words), "not accounted for\n%s, %s a run", number,
		format_time(book->residual_ns).text);
	page_bar_part(out,
		&(struct page_part){
			.name = "residual", .number = number, .words = words, .class = "residual"},
		percent);
}

/** A bar is lane time, which is not the run time that is shown elsewhere: it says so. */
static void write_bar(const struct configuration *configuration, const struct book *book,
	const char *of, size_t index, FILE *out)
{
	char sum[FORMAT_MAX + 16] = "";

	page_bar_open(out, configuration->name, of, index);
	if (book->has_accounts && book->lane_time_ns > 0) {
		for (int i = 0; i < STATE_COUNT; i++)
			write_part(book, i, out);
		write_residual(book, out);
	} else {
		fputs(configuration->n_ok ? "no lanes were accounted" : "no run ended well", out);
	}
	if (book->lane_time_ns > 0)
		snprintf(sum, sizeof(sum), "%s lane time", format_time(book->lane_time_ns).text);
	page_bar_close(out, sum);
}

static void write_axis(FILE *out)
{
	fputs("<div class=\"axis\" aria-hidden=\"true\"><span>0 %</span><span>25 %</span><span>50 "
	      "%</span>"
	      "<span>75 %</span><span>100 %</span></div>\n",
		out);
}

static void write_table_row(const struct summary *s, const struct configuration *configuration,
	const struct book *book, const char *phase, size_t index, FILE *out)
{
	fputs("<tr", out);
	if (phase)
		page_detail_id(out, "phase", index);
	fputs("><th scope=\"row\">", out);
	markup_text(out, configuration->name);
	fprintf(out, "</th><td class=\"n\">%lld</td>", (long long)configuration->cores);
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

	if (s->n_configurations == 0)
		return 0;
	fputs("<ul class=\"legend\">", out);
	page_state_legend(out, s->state_used);
	fputs("</ul>\n<div class=\"bars\">\n", out);
	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *configuration = &s->configurations[i];

		page_bar_group(out, configuration, i ? configuration - 1 : NULL);
		write_bar(configuration, &configuration->window,
			configuration->n_details ? "details" : NULL, i, out);
	}
	write_axis(out);
	fputs("</div>\n<details class=\"first-details\"><summary>The numbers</summary>\n", out);
	write_table_head(s, false, out);
	for (size_t i = 0; i < s->n_configurations; i++)
		write_table_row(
			s, &s->configurations[i], &s->configurations[i].window, NULL, i, out);
	page_table_close(out);
	fputs("</details>\n", out);
	return 0;
}

/** How often the same phase name comes before it among all configurations: 0 means, it is the
 * first. */
static bool is_first(const struct summary *s, size_t configuration, size_t phase)
{
	const char *name = s->configurations[configuration].phases[phase].name;

	for (size_t i = 0; i < configuration; i++)
		for (size_t j = 0; j < s->configurations[i].n_phases; j++)
			if (s->configurations[i].phases[j].name == name)
				return false;
	return true;
}

static void write_phase(const struct summary *s, const char *name, FILE *out)
{
	const struct configuration *before = NULL;
	size_t index = 0;

	fputs("<div class=\"phase\"><h3>", out);
	markup_text(out, name);
	fputs("</h3>\n<div class=\"bars\">\n", out);
	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *configuration = &s->configurations[i];

		for (size_t j = 0; j < configuration->n_phases; j++, index++) {
			if (configuration->phases[j].name != name ||
				!configuration->phases[j].has_accounts)
				continue;
			page_bar_group(out, configuration, before);
			write_bar(configuration, &configuration->phases[j], "phase", index, out);
			before = configuration;
		}
	}
	fputs("</div></div>\n", out);
}

int page_phases(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;
	size_t index = 0;

	if (s->n_configurations == 0)
		return 0;
	fputs("<div class=\"phases\">\n", out);
	for (size_t i = 0; i < s->n_configurations; i++)
		for (size_t j = 0; j < s->configurations[i].n_phases; j++)
			if (is_first(s, i, j))
				write_phase(s, s->configurations[i].phases[j].name, out);
	fputs("</div>\n<details class=\"first-details\"><summary>The numbers</summary>\n", out);
	write_table_head(s, true, out);
	for (size_t i = 0; i < s->n_configurations; i++)
		for (size_t j = 0; j < s->configurations[i].n_phases; j++)
			write_table_row(s, &s->configurations[i], &s->configurations[i].phases[j],
				s->configurations[i].phases[j].name, index++, out);
	page_table_close(out);
	fputs("</details>\n", out);
	return 0;
}
