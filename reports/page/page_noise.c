/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the workload noise means. */

#include "reports/noise/noise.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"
#include "reports/text/json_text.h"

#define PEAKS_SHOWN 24 /* of a configuration */

/* Of a configuration: some 150 kB of the page. */
#define POINTS_SHOWN 6000

static void write_spectrum(const struct noise_of *n, FILE *out)
{
	const struct noise_spectrum *s = n->spectrum;
	char words[NOISE_WORDS_MAX];

	noise_spectrum_words(s, words);
	fputs("<h3>", out);
	page_configuration_name(out, n->configuration);
	fputs(": what is periodic</h3>\n<p>", out);
	fprintf(out, "%s. ", words);
	if (s->host_tick_hz > 0)
		fprintf(out, "The host’s timer tick: %s Hz. ", format_number(s->host_tick_hz).text);
	if (s->guest_tick_hz > 0)
		fprintf(out, "The guest’s: %s Hz. ", format_number(s->guest_tick_hz).text);
	markup_text(out, s->note);
	if (!s->n_peaks) {
		fputs(" No frequency stands out of the noise around it.</p>\n", out);
		return;
	}
	fputs("</p>\n", out);
	page_columns_open(out, "peaks of the spectrum",
		"Frequencies that stand out of the noise around them. Without anything periodic, 1 spectrum in 100 would show such a peak by chance.",
		noise_peak_columns);
	for (size_t i = 0; i < s->n_peaks; i++)
		if (noise_peak_is_among(s, i, PEAKS_SHOWN))
			page_rows(noise_peak_columns, &s->peaks[i], 1, out);
	page_table_close(out);
	if (s->n_peaks > PEAKS_SHOWN)
		fprintf(out,
			"<p class=\"of-runs\">The %d largest of %zu; all are in <code>noise_peaks.csv</code>.</p>\n",
			PEAKS_SHOWN, s->n_peaks);
}

static void write_ranks(const struct noise_of *n, FILE *out)
{
	for (size_t i = 0, end; i < n->n_amplified; i = end) {
		const struct noise_amplification *a = &n->amplified[i];
		const struct column *columns =
			a->without ? noise_without_columns : noise_ranks_columns;
		char caption[512];

		for (end = i + 1; end < n->n_amplified && noise_goes_on(n, end);)
			end++;
		snprintf(caption, sizeof(caption),
			"%s, %s. Steps of %s of work, %s of them measured; %s%s", a->kernel,
			a->together ? "lanes of a run held up together" : "each rank for itself",
			format_time(a->work_ns).text, format_count(a->measured).text,
			a->without ? "what it would bring to remove a cause. "
				   : "slow-down is mean time over work. ",
			"≥: most steps wait for the longest delay ever measured, so the true value may be larger.");
		page_columns_open(out, "noise amplified", caption, columns);
		page_rows(columns, a, end - i, out);
		page_table_close(out);
	}
}

static void write_amplified(const struct noise_of *n, FILE *out)
{
	if (!n->n_amplified && !*n->missing)
		return;
	fputs("<h3>", out);
	page_configuration_name(out, n->configuration);
	if (!n->n_amplified) {
		fprintf(out, ": amplified</h3>\n<p>No estimate for many ranks: ");
		markup_text(out, n->missing);
		fputs(".</p>\n", out);
		return;
	}
	fputs(": amplified</h3>\n<p>A program of this many ranks: after each step all wait for the last one, and each "
	      "is delayed as the measured lanes were.</p>\n",
		out);
	write_ranks(n, out);
}

/* Read by assets/signature.js: lane, begin, length and cause of each, all in one row of numbers. */
static void write_points(const struct noise_signature *s, size_t n, FILE *out)
{
	double end = 0;

	fputs("<div class=\"noise-signature\" hidden><script type=\"application/json\">{\"causes\":[",
		out);
	for (size_t i = 0; i < s->n_causes; i++) {
		fputs(i ? "," : "", out);
		json_put_text(out, s->causes[i].name);
	}
	fputs("],\"points\":[", out);
	for (size_t i = 0; i < n; i++) {
		const struct noise_point *p = &s->points[i];

		fprintf(out, "%s%lld,%.0f,%.0f,%zu", i ? "," : "", (long long)p->lane, p->begin_ns,
			p->length_ns, p->cause);
		end = p->begin_ns + p->length_ns > end ? p->begin_ns + p->length_ns : end;
	}
	fprintf(out, "],\"length\":%.0f}</script></div>\n", end > 0 ? end : 1);
}

static void write_signature(const struct noise_of *n, FILE *out)
{
	const struct noise_signature *s = n->signature;
	size_t shown = s->n < POINTS_SHOWN ? s->n : POINTS_SHOWN;

	fputs("<h3>", out);
	page_configuration_name(out, n->configuration);
	fprintf(out,
		": detours over time</h3>\n<p>Of the median run, %lld, the %s longest detours of the %s that are kept. "
		"Sums by cause are under <a href=\"#detours\">Detours</a>.</p>\n",
		(long long)s->run->id, format_count((double)shown).text,
		format_count((double)s->n).text);
	write_points(s, shown, out);
}

static void write_levels(const struct noise_of *n, FILE *out)
{
	char words[NOISE_WORDS_MAX];

	noise_levels_words(&n->levels, words);
	fputs("<p>Levels of variance, ", out);
	page_configuration_name(out, n->configuration);
	fprintf(out, ": %s.</p>\n", words);
}

int page_noise(const struct page *page, FILE *out)
{
	const struct noise *n = page->analysis->noise;

	for (size_t i = 0; i < n->n; i++) {
		if (n->list[i].spectrum)
			write_spectrum(&n->list[i], out);
		if (n->list[i].signature)
			write_signature(&n->list[i], out);
		write_amplified(&n->list[i], out);
		if (n->list[i].levels.runs)
			write_levels(&n->list[i], out);
	}
	return 0;
}
