/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the workload noise means, as text. */
#include <errno.h>

#include "common/cleanup.h"
#include "reports/noise/noise.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/format.h"

#define PEAKS_SHOWN 12 /* of a configuration, in a terminal */

static bool has_spectrum(const struct parted_table *p, const void *noise, size_t i)
{
	(void)p;
	return ((const struct noise *)noise)->list[i].spectrum != NULL;
}

static int put_peaks(struct table *t, const struct parted_table *p, const void *noise, size_t at)
{
	const struct noise_of *n = &((const struct noise *)noise)->list[at];
	const struct noise_spectrum *s = n->spectrum;
	char words[NOISE_WORDS_MAX], peaks[64];
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
	r = put_configuration_line(
		t, n->configuration, ": %s; %s%s%s", words, peaks, *s->note ? ". " : "", s->note);
	for (size_t i = 0; i < s->n_peaks; i++) {
		if (!noise_peak_is_among(s, i, PEAKS_SHOWN))
			continue;
		columns_put(p->columns, &s->peaks[i], t);
		table_row(t);
	}
	return r;
}

/* Is it a row of this table? ->which: whether a cause was removed. */
static bool is_of(const struct parted_table *p, const struct noise_amplification *a)
{
	return *(const bool *)p->which == (a->without != NULL);
}

static bool has_ranks(const struct parted_table *p, const void *noise, size_t at)
{
	const struct noise_of *n = &((const struct noise *)noise)->list[at];
	bool any = false;

	for (size_t k = 0; k < n->n_amplified; k++)
		any |= is_of(p, &n->amplified[k]);
	return any;
}

static int put_ranks(struct table *t, const struct parted_table *p, const void *noise, size_t at)
{
	const struct noise_of *n = &((const struct noise *)noise)->list[at];
	int r = 0;

	for (size_t i = 0; i < n->n_amplified && r == 0; i++) {
		const struct noise_amplification *a = &n->amplified[i];

		if (!is_of(p, a))
			continue;
		if (!noise_goes_on(n, i))
			r = put_configuration_line(t, n->configuration,
				": %s, %s; steps of %s, %s of them measured", a->kernel,
				a->together ? "lanes of a run held up together"
					    : "each rank for itself",
				format_time(a->work_ns).text, format_count(a->measured).text);
		columns_put(p->columns, a, t);
		table_row(t);
	}
	return r;
}

int noise_write_text(const struct noise *n, FILE *out, const struct style *style)
{
	static const bool as_measured = false, without = true;
	static const struct parted_table tables[] = {
		{"What is periodic in the noise (ftq)", noise_peak_columns, has_spectrum, put_peaks,
			NULL},
		{"Noise amplified: a program whose ranks wait for each other after each step",
			noise_ranks_columns, has_ranks, put_ranks, &as_measured},
		{"What it would bring to remove a cause", noise_without_columns, has_ranks,
			put_ranks, &without},
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tables) && r == 0; i++)
		r = parts_write(&tables[i], n, n->n, out, style);
	return r;
}

/* What varies: iterations, or runs. */
static void levels_write(const struct noise *n, FILE *out)
{
	bool any = false;

	for (size_t i = 0; i < n->n; i++) {
		const struct configuration *c = n->list[i].configuration;
		char words[NOISE_WORDS_MAX];

		if (!n->list[i].levels.runs)
			continue;
		noise_levels_words(&n->list[i].levels, words);
		fprintf(out, "%s%s on %lld %s: %s.\n", any ? "" : "\n", c->name,
			(long long)c->cores, cores_word(c->cores, c->scenario), words);
		any = true;
	}
}

/* For whom there is no estimate, and why. */
static void missing_write(const struct noise *n, FILE *out)
{
	if (n->missing)
		fputc('\n', out);
	for (size_t i = 0; i < n->n; i++) {
		const struct configuration *c = n->list[i].configuration;

		if (*n->list[i].missing)
			fprintf(out, "%s on %lld %s: no estimate for many ranks: %s.\n", c->name,
				(long long)c->cores, cores_word(c->cores, c->scenario),
				n->list[i].missing);
	}
}

int tables_write_noise(const struct noise *n, FILE *out)
{
	int r;

	if (!n->any && !n->missing)
		fputs("This experiment has no runs of the workload noise. To measure some: collector --scenario noise-ftq\n",
			out);
	r = noise_write_text(n, out, style_of(out));
	levels_write(n, out);
	missing_write(n, out);
	return r;
}
