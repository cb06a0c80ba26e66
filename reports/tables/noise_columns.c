/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the workload noise means: columns, the document, files. */
#include <errno.h>

#include "reports/noise/noise.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/csv.h"
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
	COL("height", "height", REAL, height, SHOWN(5, "x background", 13, "#times the background"),
		.format = format_number),
	{},
};
#undef ROW

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

json_t *noise_json(const struct noise_of *n)
{
	json_t *o;

	if (!n->spectrum)
		return json_null();
	o = json_object();
	return finish(o, put(o, "spectrum", spectrum_json(n->spectrum)));
}

int tables_write_noise_peaks_csv(const struct analysis *a, FILE *out)
{
	fputs("guest,cores,scenario,label", out);
	columns_csv_names(noise_peak_columns, false, out);
	fputc('\n', out);
	for (size_t i = 0; i < a->noise->n; i++) {
		const struct configuration *c = a->noise->list[i].configuration;
		const struct noise_spectrum *s = a->noise->list[i].spectrum;

		for (size_t k = 0; s && k < s->n_peaks; k++) {
			csv_text(out, c->guest);
			fprintf(out, ",%lld,", (long long)c->cores);
			csv_text(out, c->scenario);
			fputc(',', out);
			csv_text(out, c->label);
			columns_csv(noise_peak_columns, &s->peaks[k], false, out);
			fputc('\n', out);
		}
	}
	return 0;
}
