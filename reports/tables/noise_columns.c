/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the workload noise means: columns, the document, files. */
#include <errno.h>
#include <math.h>

#include "reports/noise/noise.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/csv.h"
#include "reports/text/format.h"
#include "reports/text/json.h"

#define ROW struct noise_spectrum
const struct column noise_spectrum_columns[] = {
	TABLE,
	COL("quantum_ns", NULL, NS, quantum_ns),
	COL("series", NULL, REAL, series),
	COL("values", NULL, REAL, values),
	COL("total", NULL, REAL, total),
	COL("bin_hz", NULL, REAL, bin_hz),
	COL("host_tick_hz", NULL, REAL, host_tick_hz),
	COL("guest_tick_hz", NULL, REAL, guest_tick_hz),
	{},
};
#undef ROW

#define ROW struct noise_peak
static const char *peak_name(const void *row)
{
	return ((const struct noise_peak *)row)->name;
}

const struct column noise_peak_columns[] = {
	TABLE,
	COL("hz", "hz", REAL, hz, SHOWN(2, "Hz", 10, "#Hz"), .format = format_number),
	{"name", "name", COLUMN_TEXT, .text = peak_name, SHOWN(1, "peak", 34, "what")},
	COL("named", NULL, BOOL, named),
	COL("width_hz", "width_hz", REAL, width_hz, SHOWN(3, "width Hz", 9, "#width, Hz"),
		.decimals = 2),
	COL("share", "share", REAL, share),
	COL(NULL, NULL, SHARE, share, WHOLE(whole),
		SHOWN(4, "% of variance", 14, "#% of the variance")),
	COL("height", "height", REAL, height, SHOWN(5, "× background", 13, "#times the background"),
		.format = format_number),
	{},
};
#undef ROW

#define ROW struct noise_amplification
static struct format_text slow_shown(const void *row, enum look *look)
{
	const struct noise_amplification *a = row;
	struct format_text value = format_fixed(a->slow.value, 3), t;

	(void)look;
	snprintf(t.text, sizeof(t.text), "%s%.24s",
		a->at_least && isfinite(a->slow.value) ? "≥ " : "", value.text);
	return t;
}

static struct format_text range_shown(const struct interval *i, double times, int decimals)
{
	struct format_text t = {"-"};

	if (isfinite(i->low) && isfinite(i->high))
		snprintf(t.text, sizeof(t.text), "%.*f to %.*f", decimals, times * i->low, decimals,
			times * i->high);
	return t;
}

static struct format_text slow_range(const void *row, enum look *look)
{
	(void)look;
	return range_shown(&((const struct noise_amplification *)row)->slow.range, 1, 3);
}

static struct format_text gain_shown(const void *row, enum look *look)
{
	(void)look;
	return format_fixed(100 * ((const struct noise_amplification *)row)->gain.value, 1);
}

static struct format_text gain_range(const void *row, enum look *look)
{
	(void)look;
	return range_shown(&((const struct noise_amplification *)row)->gain.range, 100, 1);
}

static const char *model_word(const void *row)
{
	return ((const struct noise_amplification *)row)->together ? "together" : "apart";
}

#define WHAT                                                                                       \
	COL("kernel", "kernel", TEXT, kernel),                                                     \
		{"lanes", "lanes", COLUMN_TEXT, .text = model_word},                               \
		COL("without", "without", TEXT, without),                                          \
		COL("ranks", "ranks", REAL, ranks, SHOWN(1, "ranks", 10, "#ranks"),                \
			.format = format_count),                                                   \
		COL("work_ns", "work_s", NS, work_ns),                                             \
		COL("measured", "measured", REAL, measured),                                       \
		COL("slow_down", "slow_down", ESTIMATE, slow),                                     \
		COL(NULL, "slow_down_low", REAL, slow.range.low),                                  \
		COL(NULL, "slow_down_high", REAL, slow.range.high),                                \
		COL("at_least", "at_least", BOOL, at_least)
#define SLOW                                                                                       \
	{.type = COLUMN_OWN, .own = slow_shown, SHOWN(2, "slow-down", 11, "#slow-down")},          \
	{                                                                                          \
		.type = COLUMN_OWN, .own = slow_range, SHOWN(3, "95 %", 17, "#95 % interval")      \
	}

const struct column noise_ranks_columns[] = {
	TABLE,
	WHAT,
	SLOW,
	COL("steps", "steps", REAL, steps),
	COL("p50_ns", "p50_s", NS, p50_ns, SHOWN(4, "p50 ms", 10, "#p50 of a step, ms"),
		.format = format_ms),
	COL("p99_ns", "p99_s", NS, p99_ns, SHOWN(5, "p99 ms", 10, "#p99, ms"), .format = format_ms),
	{},
};

const struct column noise_without_columns[] = {
	TABLE,
	COL(NULL, NULL, TEXT, without, SHOWN(1, "without", 18, "without")),
	COL(NULL, NULL, REAL, ranks, SHOWN(2, "ranks", 10, "#ranks"), .format = format_count),
	{.type = COLUMN_OWN, .own = slow_shown, SHOWN(3, "slow-down", 11, "#slow-down")},
	{.type = COLUMN_OWN, .own = gain_shown, SHOWN(4, "% less time", 12, "#% less time")},
	{.type = COLUMN_OWN, .own = gain_range, SHOWN(5, "95 %", 17, "#95 % interval")},
	COL("gain", "gain", ESTIMATE, gain),
	COL(NULL, "gain_low", REAL, gain.range.low),
	COL(NULL, "gain_high", REAL, gain.range.high),
	{},
};
#undef ROW

static json_t *amplified_json(const struct noise_of *n)
{
	json_t *array = json_array();
	bool bad = !array;

	for (size_t i = 0; i < n->n_amplified; i++) {
		json_t *o = json_object();

		bad |= columns_json(noise_ranks_columns, &n->amplified[i], o);
		bad |= columns_json(noise_without_columns, &n->amplified[i], o);
		bad |= json_array_append_new(array, o) < 0;
	}
	return finish(array, bad);
}

static json_t *spectrum_json(const struct noise_spectrum *s)
{
	json_t *o = json_object(), *power = json_array(), *background = json_array(),
	       *ratio = json_array();
	bool bad = columns_json(noise_spectrum_columns, s, o);

	bad |= put(o, "segments", json_integer((json_int_t)s->spectrum.segments));
	bad |= put(o, "note", text(*s->note ? s->note : NULL));
	for (size_t k = 1; k < s->spectrum.n; k++) {
		bad |= json_array_append_new(power, real(s->spectrum.power[k])) < 0;
		bad |= json_array_append_new(background, real(s->spectrum.background[k])) < 0;
		bad |= json_array_append_new(ratio, real(s->spectrum.ratio[k])) < 0;
	}
	bad |= put(o, "power", power);
	bad |= put(o, "background", background);
	bad |= put(o, "peak_ratio", ratio);
	bad |= put(o, "peaks", columns_json_rows(noise_peak_columns, s->peaks, s->n_peaks));
	return finish(o, bad);
}

#define ROW struct levels
static const struct column levels_columns[] = {
	TABLE,
	COL("runs", NULL, COUNT, runs),
	COL("iterations", NULL, REAL, iterations),
	COL("mean_ns", NULL, REAL, mean),
	COL("within_ns", NULL, REAL, within),
	COL("between_ns", NULL, REAL, between),
	COL("iteration_ns", NULL, REAL, iteration_ns),
	COL("overhead_ns", NULL, REAL, overhead_ns),
	COL("best_iterations", NULL, REAL, best),
	{},
};
#undef ROW

json_t *noise_json(const struct noise_of *n)
{
	json_t *o;
	bool bad;

	if (!n->spectrum && !n->n_amplified)
		return json_null();
	o = json_object();
	bad = put(o, "spectrum", n->spectrum ? spectrum_json(n->spectrum) : json_null());
	bad |= put(o, "amplification", amplified_json(n));
	return finish(o, bad);
}

static void put_configuration(const struct configuration *c, FILE *out)
{
	csv_text(out, c->guest);
	fprintf(out, ",%lld,", (long long)c->cores);
	csv_text(out, c->scenario);
	fputc(',', out);
	csv_text(out, c->variant);
	fputc(',', out);
	csv_text(out, c->label);
}

int tables_write_noise_ranks_csv(const struct noise *n, FILE *out)
{
	fputs("guest,cores,scenario,variant,label", out);
	columns_csv_names(noise_ranks_columns, false, out);
	columns_csv_names(noise_without_columns, false, out);
	fputc('\n', out);
	for (size_t i = 0; i < n->n; i++)
		for (size_t k = 0; k < n->list[i].n_amplified; k++) {
			put_configuration(n->list[i].configuration, out);
			columns_csv(noise_ranks_columns, &n->list[i].amplified[k], false, out);
			columns_csv(noise_without_columns, &n->list[i].amplified[k], false, out);
			fputc('\n', out);
		}
	return 0;
}

int tables_write_noise_peaks_csv(const struct analysis *a, FILE *out)
{
	fputs("guest,cores,scenario,variant,label", out);
	columns_csv_names(noise_peak_columns, false, out);
	fputc('\n', out);
	for (size_t i = 0; i < a->noise->n; i++) {
		const struct configuration *c = a->noise->list[i].configuration;
		const struct noise_spectrum *s = a->noise->list[i].spectrum;

		for (size_t k = 0; s && k < s->n_peaks; k++) {
			put_configuration(c, out);
			columns_csv(noise_peak_columns, &s->peaks[k], false, out);
			fputc('\n', out);
		}
	}
	return 0;
}

int tables_make_noise_json(const struct noise *n, json_t **ret)
{
	json_t *cells = json_array(), *o = json_object();
	bool bad = !cells;

	for (size_t i = 0; i < n->n; i++) {
		const struct configuration *c = n->list[i].configuration;
		json_t *cell = json_object();

		bad |= put(cell, "guest", text(c->guest));
		bad |= put(cell, "cores", number(c->cores));
		bad |= put(cell, "scenario", text(c->scenario));
		bad |= put(cell, "variant", text(c->variant));
		bad |= put(cell, "label", text(c->label));
		bad |= put(cell, "noise", noise_json(&n->list[i]));
		bad |= put(cell, "levels",
			n->list[i].levels.runs
				? columns_json_row(levels_columns, &n->list[i].levels)
				: json_null());
		bad |= put(cell, "missing", text(*n->list[i].missing ? n->list[i].missing : NULL));
		bad |= json_array_append_new(cells, cell) < 0;
	}
	o = finish(o, bad | put(o, "cells", cells));
	*ret = o;
	return o ? 0 : -ENOMEM;
}
