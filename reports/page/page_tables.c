/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>

#include "common/cleanup.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"

static void write_detail(const struct book_detail *d, bool first, FILE *out)
{
	const char *state = d->state == STATE_COUNT ? "helpers" : state_label(d->state);

	fprintf(out, "<tr%s><td>%s</td>", first ? " class=\"group\"" : "", first ? state : "");
	page_columns(detail_columns, d, out);
	fputs("</tr>\n", out);
}

static void write_rest(const struct configuration *configuration, size_t n, double ns, FILE *out)
{
	if (n > 0)
		fprintf(out,
			"<tr><td></td><td class=\"nil\">%zu more</td><td class=\"n\">%s</td>"
			"<td class=\"n\">%s</td><td></td><td></td><td></td></tr>\n",
			n, format_seconds(ns).text,
			format_percent(ns, configuration->window.lane_time_ns).text);
}

/** How many samples stand behind the split rows: one number for the configuration. */
static const char *samples_caption(
	const struct configuration *configuration, char *text, size_t size)
{
	for (size_t i = 0; i < configuration->n_details; i++) {
		if (configuration->details[i].exact)
			continue;
		snprintf(text, size, "Sampled rows divide what they share by %s samples",
			format_count(configuration->details[i].samples).text);
		return text;
	}
	return NULL;
}

static void write_configuration_details(const struct configuration *configuration, FILE *out)
{
	const char *names[PAGE_COLUMNS_MAX] = {"state"};
	size_t n = page_column_names(detail_columns, names, 1);
	size_t shown = 0, rest = 0;
	double rest_ns = 0;
	char caption[128];

	page_table_open(out, "details of the states",
		samples_caption(configuration, caption, sizeof(caption)), names, n);
	for (size_t i = 0; i < configuration->n_details; i++) {
		const struct book_detail *d = &configuration->details[i];
		bool first = i == 0 || configuration->details[i - 1].state != d->state;

		if (first) {
			write_rest(configuration, rest, rest_ns, out);
			shown = rest = 0;
			rest_ns = 0;
		}
		if (shown < SUMMARY_DETAILS_TOP) {
			write_detail(d, first, out);
			shown++;
		} else {
			rest++;
			rest_ns += d->ns;
		}
	}
	write_rest(configuration, rest, rest_ns, out);
	page_table_close(out);
}

int page_details(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;

	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *configuration = &s->configurations[i];

		if (configuration->n_details == 0)
			continue;
		fputs("<details", out);
		page_detail_id(out, "details", i);
		fprintf(out, "%s><summary>", i == 0 ? " class=\"first-details\"" : "");
		page_configuration_name(out, configuration);
		fprintf(out, "<span>%s of lane time</span></summary>\n",
			format_time(configuration->window.lane_time_ns).text);
		write_configuration_details(configuration, out);
		fputs("</details>\n", out);
	}
	return 0;
}

/** A counter's mean over a configuration's runs: how many counted it, and whether it was
 * multiplexed. */
struct counter_mean {
	struct statistic value;
	bool multiplexed;
};

static struct counter_mean counter_of(
	const struct summary *s, const struct configuration *configuration, const char *name)
{
	const struct store_tables *t = store_tables(s->store);
	struct counter_mean mean = {};

	for (size_t i = 0; i < t->n_counters; i++) {
		const struct store_counter *c = &t->counters[i];
		const struct store_run *run = c->name == name ? store_run(s->store, c->run) : NULL;

		if (!run || !configuration_counts(configuration, run) || c->value == STORE_NULL)
			continue;
		statistic_add(&mean.value, (double)c->value);
		mean.multiplexed |= c->running_ns < c->enabled_ns;
	}
	return mean;
}

static void write_counter_row(const struct summary *s, const char *name, FILE *out)
{
	fputs("<tr><th scope=\"row\"><code>", out);
	markup_text(out, name);
	fputs("</code></th>", out);
	for (size_t i = 0; i < s->n_configurations; i++) {
		struct counter_mean mean = counter_of(s, &s->configurations[i], name);

		if (mean.value.n == 0)
			fputs("<td class=\"n nil\">not counted</td>", out);
		else
			fprintf(out, "<td class=\"n\">%s%s</td>",
				format_count(mean.value.mean).text, mean.multiplexed ? " *" : "");
	}
	fputs("</tr>\n", out);
}

int page_counters(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;
	const struct store_tables *t = store_tables(s->store);

	if (t->n_counters == 0)
		return 0;
	fputs("<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"Table: "
	      "counters\"><table class=\"wide\"><caption>Sum over the lanes, mean of the runs; * "
	      "scaled from the time that the "
	      "counter "
	      "was on (multiplexed)</caption><thead><tr><th scope=\"col\">counter</th>",
		out);
	for (size_t i = 0; i < s->n_configurations; i++) {
		fputs("<th scope=\"col\" class=\"n\">", out);
		markup_text(out, s->configurations[i].name);
		fputs("<br>", out);
		page_cores(out, s->configurations[i].cores, s->configurations[i].scenario);
		fputs("</th>", out);
	}
	fputs("</tr></thead><tbody>\n", out);
	for (size_t i = 0; i < t->n_counters; i++) {
		size_t j = 0;

		while (j < i && t->counters[j].name != t->counters[i].name)
			j++;
		if (j == i)
			write_counter_row(s, t->counters[i].name, out);
	}
	page_table_close(out);
	return 0;
}
