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

int page_noise(const struct page *page, FILE *out)
{
	const struct noise *n = page->analysis->noise;

	for (size_t i = 0; i < n->n; i++)
		if (n->list[i].spectrum)
			write_spectrum(&n->list[i], out);
	return 0;
}
