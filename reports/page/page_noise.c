/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the workload noise means. */

#include "reports/noise/noise.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"

#define PEAKS_SHOWN 24 /* of a configuration */

static void write_spectrum(const struct noise_of *n, FILE *out)
{
	const struct noise_spectrum *s = n->spectrum;

	fputs("<h3>", out);
	page_configuration_name(out, n->configuration);
	fputs(": what is periodic</h3>\n<p>", out);
	fprintf(out, "%s series of ftq, %s of %s values, one each %s. ",
		format_count(s->series).text, format_count(s->values).text,
		format_count(s->total).text, format_time(s->quantum_ns).text);
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
		"Frequencies that stand out of the noise around them. By chance any would in 1 of 100 spectra.",
		noise_peak_columns);
	page_rows(noise_peak_columns, s->peaks, s->n_peaks < PEAKS_SHOWN ? s->n_peaks : PEAKS_SHOWN,
		out);
	page_table_close(out);
	if (s->n_peaks > PEAKS_SHOWN)
		fprintf(out,
			"<p class=\"of-runs\">%zu more are in <code>noise_peaks.csv</code>.</p>\n",
			s->n_peaks - PEAKS_SHOWN);
}

static bool goes_on(const struct noise_of *n, size_t i)
{
	const struct noise_amplification *a = &n->amplified[i], *before = a - 1;

	return i > 0 && !before->without == !a->without && before->kernel == a->kernel &&
	       before->together == a->together;
}

static void write_ranks(const struct noise_of *n, FILE *out)
{
	for (size_t i = 0, end; i < n->n_amplified; i = end) {
		const struct noise_amplification *a = &n->amplified[i];
		const struct column *columns =
			a->without ? noise_without_columns : noise_ranks_columns;
		char caption[512];

		for (end = i + 1; end < n->n_amplified && goes_on(n, end);)
			end++;
		snprintf(caption, sizeof(caption),
			"%s, %s. Steps of %s of work, %s of them measured; %s%s", a->kernel,
			a->together ? "lanes of a run held up together" : "each rank for itself",
			format_time(a->work_ns).text, format_count(a->measured).text,
			a->without ? "what it would bring to remove a cause. "
				   : "slow-down is mean time over work. ",
			"≥: mostly the longest step ever measured is waited for.");
		page_columns_open(out, "noise amplified", caption, columns);
		page_rows(columns, a, end - i, out);
		page_table_close(out);
	}
}

static void write_amplified(const struct noise_of *n, FILE *out)
{
	if (!n->n_amplified)
		return;
	fputs("<h3>", out);
	page_configuration_name(out, n->configuration);
	fputs(": amplified</h3>\n<p>A program of so many ranks, which all wait for the last one after each step, and "
	      "are held up as the lanes that were measured.</p>\n",
		out);
	write_ranks(n, out);
}

int page_noise(const struct page *page, FILE *out)
{
	const struct noise *n = page->analysis->noise;

	for (size_t i = 0; i < n->n; i++) {
		if (n->list[i].spectrum)
			write_spectrum(&n->list[i], out);
		write_amplified(&n->list[i], out);
	}
	return 0;
}
