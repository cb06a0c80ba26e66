/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The spectrum of ftq's series, and what its peaks are. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/noise/noise_internal.h"
#include "reports/text/format.h"

/* Multiples of a tick that are looked for. */
#define HARMONICS_MAX 16

/* Of others: a tenth of a bin, by which a peak's frequency is known, is that much times the multiple. */
#define MULTIPLES_MAX 50
#define SURE_BINS     0.1

void noise_spectrum_free(struct noise_spectrum *s)
{
	if (!s)
		return;
	spectrum_clear(&s->spectrum);
	free(s->peaks);
	free(s);
}

/* Where a frequency shows that is sampled @rate times a second. */
static double folded(double hz, double rate)
{
	return fabs(hz - rate * nearbyint(hz / rate));
}

struct ticks {
	const char *name;
	double hz; /* NAN: none */
};

/* The least multiple of a tick that shows where the peak is; 0: none. */
static int multiple_of(double tick_hz, const struct noise_peak *p, double rate, double within)
{
	for (int k = 1; k <= HARMONICS_MAX && tick_hz > 0; k++)
		if (fabs(folded(k * tick_hz, rate) - p->hz) <= within)
			return k;
	return 0;
}

static void name_by_tick(const struct noise_spectrum *s, struct noise_peak *p)
{
	double rate = 1e9 / s->quantum_ns,
	       within = fmax(1, p->width_hz / s->bin_hz / 2) * s->bin_hz;
	int host = multiple_of(s->host_tick_hz, p, rate, within);
	int guest = multiple_of(s->guest_tick_hz, p, rate, within);
	double hz = host ? host * s->host_tick_hz : guest * s->guest_tick_hz;
	bool both = host && guest && host * s->host_tick_hz == guest * s->guest_tick_hz;
	int k = host ? host : guest;
	size_t used = 0;

	if (!host && !guest)
		return;
	p->named = true;
	p->multiple = k > 1 ? k : 0;
	if (k > 1)
		used = (size_t)snprintf(p->name, sizeof(p->name), "%d × ", k);
	used += (size_t)snprintf(p->name + used, sizeof(p->name) - used, "%s",
		both   ? "tick of host and guest"
		: host ? "tick of the host"
		       : "tick of the guest");
	if (hz > rate / 2)
		snprintf(p->name + used, sizeof(p->name) - used, " (%s Hz, folded)",
			format_number(hz).text);
}

static bool is_base(const struct noise_peak *p)
{
	return !p->named && !p->multiple;
}

/* Which multiple of @base shows where @p is; 0: none that is surely told from others. Those above half the sampling rate
 * show below it where it @folds. */
static int multiple_at(const struct noise_spectrum *s, const struct noise_peak *base,
	const struct noise_peak *p, bool folds)
{
	double rate = 1e9 / s->quantum_ns;

	for (int k = 2; k <= MULTIPLES_MAX; k++) {
		double at = folded(k * base->hz, rate), within = s->bin_hz * (SURE_BINS * k + 0.5);
		bool above = k * base->hz > rate / 2;

		if ((above && (!folds || k > HARMONICS_MAX)) ||
			(!above && s->bin_hz * SURE_BINS * k > base->hz / 4))
			break;
		/* What folds onto the peak itself, or to an end of the spectrum, is no other's name. */
		if (above && (fabs(at - base->hz) <= within + base->width_hz / 2 || at <= within ||
				     at >= rate / 2 - within))
			continue;
		if (fabs(at - p->hz) <= within)
			return k;
	}
	return 0;
}

/* Make it a multiple of the lowest of those that no tick makes and that have at least @times its share. */
static void relate(const struct noise_spectrum *s, struct noise_peak *p, double times, bool folds)
{
	for (size_t i = 0; i < s->n_peaks && is_base(p); i++) {
		const struct noise_peak *base = &s->peaks[i];
		int k = base != p && is_base(base) && base->share >= times * p->share
				? multiple_at(s, base, p, folds)
				: 0;

		if (!k)
			continue;
		p->multiple = k;
		snprintf(p->name, sizeof(p->name), "unnamed, %d × %s Hz%s", k,
			format_number(base->hz).text,
			k * base->hz > 0.5e9 / s->quantum_ns ? " (folded)" : "");
	}
}

/* First those that are small beside what they are multiples of, of these such as do not fold; then those of any size, from
 * below. */
static void name_rest(const struct noise_spectrum *s)
{
	for (size_t i = 0; i < s->n_peaks; i++)
		if (is_base(&s->peaks[i]))
			snprintf(s->peaks[i].name, sizeof(s->peaks[i].name), "unnamed");
	for (size_t i = 0; i < s->n_peaks; i++)
		relate(s, &s->peaks[i], 2, false);
	for (size_t i = 0; i < s->n_peaks; i++)
		relate(s, &s->peaks[i], 2, true);
	for (size_t i = 0; i < s->n_peaks; i++)
		relate(s, &s->peaks[i], 0.25, false);
}

static int name_peaks(struct noise_spectrum *s)
{
	_cleanup_free_ struct spectrum_peak *found = NULL;
	size_t n = 0;
	int r = spectrum_peaks(&s->spectrum, &found, &n);

	if (r < 0)
		return r;
	s->peaks = calloc(n + 1, sizeof(*s->peaks));
	if (!s->peaks)
		return -ENOMEM;
	for (s->n_peaks = 0; s->n_peaks < n; s->n_peaks++) {
		struct noise_peak *p = &s->peaks[s->n_peaks];

		*p = (struct noise_peak){.hz = found[s->n_peaks].bin * s->bin_hz,
			.width_hz = found[s->n_peaks].width * s->bin_hz,
			.height = found[s->n_peaks].height,
			.share = found[s->n_peaks].share,
			.whole = 1};
		name_by_tick(s, p);
	}
	name_rest(s);
	return 0;
}

/* A tick that is in each quantum, or in every second one, makes no peak. */
static void note_blind(struct noise_spectrum *s)
{
	const struct ticks ticks[] = {{"host", s->host_tick_hz}, {"guest", s->guest_tick_hz}};
	double rate = 1e9 / s->quantum_ns;

	for (size_t i = 0; i < ARRAY_SIZE(ticks) && !*s->note; i++) {
		double at = folded(ticks[i].hz, rate);

		if (ticks[i].hz > 0 && (at < 3 * s->bin_hz || at > rate / 2 - 3 * s->bin_hz))
			snprintf(s->note, sizeof(s->note),
				"The %s's tick, %s Hz, shows at %s Hz with this quantum, where nothing can be told.",
				ticks[i].name, format_number(ticks[i].hz).text,
				format_number(at).text);
	}
}

void noise_spectrum_words(const struct noise_spectrum *s, char ret[NOISE_WORDS_MAX])
{
	size_t used = (size_t)snprintf(ret, NOISE_WORDS_MAX, "%s series of ftq, %s values in all",
		format_count(s->series).text, format_count(s->values).text);

	if (s->total > s->values)
		used += (size_t)snprintf(ret + used, NOISE_WORDS_MAX - used,
			" of %s that were measured", format_count(s->total).text);
	snprintf(ret + used, NOISE_WORDS_MAX - used, ", one each %s",
		format_time(s->quantum_ns).text);
}

bool noise_peak_is_among(const struct noise_spectrum *s, size_t peak, size_t most)
{
	size_t larger = 0;

	for (size_t i = 0; i < s->n_peaks; i++)
		larger += s->peaks[i].share > s->peaks[peak].share ||
			  (i < peak && s->peaks[i].share == s->peaks[peak].share);
	return larger < most;
}

/* Those that are looked at together: of the first one's step, at least as long as the segment. */
static bool fits(const struct noise_series *s, const struct noise_series_list *l, size_t segment)
{
	return s->step_ns == l->list[0].step_ns && s->n >= segment;
}

/* By the longest of these. */
static size_t choose_segment(const struct noise_series_list *l)
{
	size_t longest = 0;

	for (size_t i = 0; i < l->n; i++)
		if (fits(&l->list[i], l, longest))
			longest = l->list[i].n;
	return spectrum_segment(longest);
}

static int add_all(const struct noise_series_list *l, struct noise_spectrum *s)
{
	int r = 0;

	for (size_t i = 0; i < l->n && r >= 0; i++) {
		const struct noise_series *one = &l->list[i];

		if (!fits(one, l, s->spectrum.segment))
			continue;
		s->series++;
		s->values += (double)one->n;
		s->total += one->total;
		if (strcmp(one->run->accel, "none") != 0 && one->tick_ns > 0)
			s->guest_tick_hz = 1e9 / one->tick_ns;
		r = spectrum_add(&s->spectrum, one->values, one->n);
	}
	return r < 0 ? r : spectrum_finish(&s->spectrum);
}

int noise_spectrum_make(const struct summary *summary, const struct noise_series_list *l,
	struct noise_spectrum **ret)
{
	const char *tick = store_setting(summary->store, "tick_ns");
	size_t segment = choose_segment(l);
	struct noise_spectrum *s;
	int r;

	if (segment == 0)
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->quantum_ns = l->list[0].step_ns;
	s->bin_hz = 1e9 / s->quantum_ns / (double)segment;
	s->guest_tick_hz = NAN;
	s->host_tick_hz = tick && strtod(tick, NULL) > 0 ? 1e9 / strtod(tick, NULL) : NAN;
	r = spectrum_begin(segment, &s->spectrum);
	if (r >= 0)
		r = add_all(l, s);
	if (r >= 0)
		r = name_peaks(s);
	if (r < 0) {
		noise_spectrum_free(s);
		return r;
	}
	note_blind(s);
	*ret = s;
	return 0;
}
