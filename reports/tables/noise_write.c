/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the workload noise means, as text. */
#include <errno.h>

#include "common/cleanup.h"
#include "reports/noise/noise.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/format.h"

#define PEAKS_SHOWN 12 /* of a configuration, in a terminal */

/* "osv on 2 cores: ..." */
static int head(struct table *t, const struct noise_of *n, const char *rest)
{
	const struct configuration *c = n->configuration;
	_cleanup_free_ char *line = NULL;

	if (asprintf(&line, "%s on %lld %s: %s", c->name, (long long)c->cores,
		    cores_word(c->cores, c->scenario), rest) < 0) {
		line = NULL;
		return -ENOMEM;
	}
	table_line(t, line);
	return 0;
}

static int put_peaks(struct table *t, const struct noise_of *n)
{
	const struct noise_spectrum *s = n->spectrum;
	char words[NOISE_WORDS_MAX], peaks[64];
	_cleanup_free_ char *rest = NULL;
	int r;

	noise_spectrum_words(s, words);
	if (s->n_peaks > PEAKS_SHOWN)
		snprintf(peaks, sizeof(peaks), "the %d largest of %zu peaks", PEAKS_SHOWN,
			s->n_peaks);
	else if (s->n_peaks)
		snprintf(
			peaks, sizeof(peaks), "%zu peak%s", s->n_peaks, s->n_peaks == 1 ? "" : "s");
	else
		snprintf(peaks, sizeof(peaks), "no peaks");
	if (asprintf(&rest, "%s; %s%s%s", words, peaks, *s->note ? ". " : "", s->note) < 0) {
		rest = NULL;
		return -ENOMEM;
	}
	r = head(t, n, rest);
	for (size_t i = 0; i < s->n_peaks && r >= 0; i++) {
		if (!noise_peak_is_among(s, i, PEAKS_SHOWN))
			continue;
		columns_put(noise_peak_columns, &s->peaks[i], t);
		table_row(t);
	}
	return r;
}

static int spectra_write(const struct noise *n, FILE *out, const struct style *style)
{
	bool any = false;
	struct table *t;
	int q, r = 0;

	for (size_t i = 0; i < n->n; i++)
		any |= n->list[i].spectrum != NULL;
	if (!any)
		return 0;
	fprintf(out, "\n%sWhat is periodic in the noise (ftq)%s\n", style->bold, style->plain);
	t = table_begin();
	columns_put_titles(noise_peak_columns, t);
	table_row(t);
	for (size_t i = 0; i < n->n && r >= 0; i++)
		if (n->list[i].spectrum)
			r = put_peaks(t, &n->list[i]);
	q = table_end(t, out, style);
	return r < 0 ? r : q;
}

/* Is this row shown under the one before it? */
static bool goes_on(const struct noise_of *n, size_t i)
{
	const struct noise_amplification *a = &n->amplified[i], *before = a - 1;

	return i > 0 && !before->without == !a->without && before->kernel == a->kernel &&
	       before->together == a->together;
}

static int put_ranks(struct table *t, const struct noise_of *n, bool without)
{
	int r = 0;

	for (size_t i = 0; i < n->n_amplified && r >= 0; i++) {
		const struct noise_amplification *a = &n->amplified[i];
		char rest[256];

		if (without != (a->without != NULL))
			continue;
		snprintf(rest, sizeof(rest), "%s, %s; steps of %s, %s of them measured", a->kernel,
			a->together ? "lanes of a run held up together" : "each rank for itself",
			format_time(a->work_ns).text, format_count(a->measured).text);
		if (!goes_on(n, i))
			r = head(t, n, rest);
		columns_put(without ? noise_without_columns : noise_ranks_columns, a, t);
		table_row(t);
	}
	return r;
}

static int ranks_write(const struct noise *n, bool without, FILE *out, const struct style *style)
{
	bool any = false;
	struct table *t;
	int q, r = 0;

	for (size_t i = 0; i < n->n; i++)
		for (size_t k = 0; k < n->list[i].n_amplified; k++)
			any |= without == (n->list[i].amplified[k].without != NULL);
	if (!any)
		return 0;
	fprintf(out, "\n%s%s%s\n", style->bold,
		without ? "What it would bring to remove a cause"
			: "Noise amplified: a program whose ranks wait for each other after each step",
		style->plain);
	t = table_begin();
	columns_put_titles(without ? noise_without_columns : noise_ranks_columns, t);
	table_row(t);
	for (size_t i = 0; i < n->n && r >= 0; i++)
		r = put_ranks(t, &n->list[i], without);
	q = table_end(t, out, style);
	return r < 0 ? r : q;
}

int noise_write_text(const struct noise *n, FILE *out, const struct style *style)
{
	int r = spectra_write(n, out, style);

	if (r >= 0)
		r = ranks_write(n, false, out, style);
	return r < 0 ? r : ranks_write(n, true, out, style);
}

/* Of whom nothing is said of ranks, and why. */
static void missing_write(const struct noise *n, FILE *out)
{
	if (n->missing)
		fputc('\n', out);
	for (size_t i = 0; i < n->n; i++) {
		const struct configuration *c = n->list[i].configuration;

		if (*n->list[i].missing)
			fprintf(out, "%s on %lld %s: nothing is said of ranks: %s.\n", c->name,
				(long long)c->cores, cores_word(c->cores, c->scenario),
				n->list[i].missing);
	}
}

int tables_write_noise(const struct noise *n, FILE *out)
{
	int r;

	if (!n->any && !n->missing)
		fputs("Nothing here was measured by the workload noise: collector --scenario noise-ftq does.\n",
			out);
	r = noise_write_text(n, out, style_of(out));
	missing_write(n, out);
	return r;
}
