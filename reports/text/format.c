/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/text/format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/cleanup.h"
#include "common/shell_words.h"
#include "common/store_format.h"

/** Of fewer the interval of a share is worth its room: it is ± 20 % of the share, or more. */
#define SAMPLES_FEW 100

struct format_text format_time(double ns)
{
	static const struct {
		double scale;
		const char *unit;
	} units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}, {1, "ns"}};
	struct format_text t;
	size_t i = 0;
	double v;
	int decimals;

	if (isnan(ns)) {
		strcpy(t.text, "-");
		return t;
	}
	while (i < ARRAY_SIZE(units) - 1 && fabs(ns) < units[i].scale)
		i++;
	v = ns / units[i].scale;
	decimals = units[i].scale <= 1 ? 0 : fabs(v) < 10 ? 3 : fabs(v) < 100 ? 2 : 1;
	if (ns == 0)
		snprintf(t.text, sizeof(t.text), "0 s");
	else
		snprintf(t.text, sizeof(t.text), "%.*f %s", decimals, v, units[i].unit);
	return t;
}

struct format_text format_fixed(double value, int decimals)
{
	struct format_text t = {"-"};

	if (isfinite(value))
		snprintf(t.text, sizeof(t.text), "%.*f", decimals, value);
	/* What rounds to nothing has no sign. */
	if (t.text[0] == '-' && t.text[1] && !t.text[strspn(t.text, "-0.")])
		snprintf(t.text, sizeof(t.text), "%.*f", decimals, 0.0);
	return t;
}

struct format_text format_number(double value)
{
	struct format_text t = {"-"};
	double size = fabs(value);

	if (size < 1e9 && value == trunc(value))
		snprintf(t.text, sizeof(t.text), "%.0f", size > 0 ? value : 0);
	else if (size >= 1e7 || size < 1e-4)
		snprintf(t.text, sizeof(t.text), isfinite(value) ? "%.5g" : "-", value);
	else if (isfinite(value))
		snprintf(t.text, sizeof(t.text), "%.*f",
			size >= 1e4 ? 0 : 4 - (int)floor(log10(size)), value);
	return t;
}

static int second_decimals(double ns)
{
	return fabs(ns) < 0.1e9 && ns != 0 ? 4 : fabs(ns) < 100e9 ? 3 : fabs(ns) < 1000e9 ? 2 : 1;
}

struct format_text format_seconds(double ns)
{
	return format_fixed(ns / 1e9, fabs(ns) < 100e9 ? 3 : second_decimals(ns));
}

/** A square is near enough to sRGB's curve to choose between black and white. */
static double linear(unsigned long channel)
{
	return (double)(channel & 255) / 255 * (double)(channel & 255) / 255;
}

bool ink_is_black(const char *color)
{
	unsigned long rgb = strtoul(color + 1, NULL, 16);

	return 0.2126 * linear(rgb >> 16) + 0.7152 * linear(rgb >> 8) + 0.0722 * linear(rgb) > 0.18;
}

struct format_text format_sampled(const struct sampled *part, const struct sampled *whole)
{
	struct format_text t = format_percent(part->ns, whole->ns), share = t;
	double low, high;

	if (!(whole->ns > 0) || part->samples >= SAMPLES_FEW)
		return t;
	proportion_interval(fmin(1, part->ns / whole->ns), whole->samples, &low, &high);
	snprintf(t.text, sizeof(t.text), "%.16s (%.16s to %.16s)", share.text,
		format_percent(low, 1).text, format_percent(high, 1).text);
	return t;
}

const char *cores_word(int64_t cores, const char *scenario)
{
	if (strcmp(scenario, SCENARIO_ATTACH) == 0)
		return cores == 1 ? "lane" : "lanes";
	return cores == 1 ? "core" : "cores";
}

struct format_text format_ms(double ns)
{
	return format_fixed(ns / 1e6, 2);
}

struct format_text format_spread(const struct statistic *s)
{
	struct format_text t;
	double stddev = statistic_stddev(s);
	int decimals = second_decimals(s->mean);

	if (s->n == 0)
		strcpy(t.text, "-");
	else if (isnan(stddev))
		snprintf(t.text, sizeof(t.text), "%.*f", decimals, s->mean / 1e9);
	else
		snprintf(t.text, sizeof(t.text), "%.*f ± %.*f", decimals, s->mean / 1e9, decimals,
			stddev / 1e9);
	return t;
}

struct format_text format_estimate(const struct estimate *e, int decimals)
{
	struct format_text t = format_fixed(e->value, decimals);

	if (isfinite(e->range.low))
		snprintf(t.text, sizeof(t.text), "%.*f (%.*f-%.*f)", decimals, e->value, decimals,
			e->range.low, decimals, e->range.high);
	return t;
}

struct format_text format_percent(double part, double whole)
{
	struct format_text t;
	double percent = 100 * part / whole;

	if (!(whole > 0) || isnan(part))
		strcpy(t.text, "-");
	else if (percent == 0)
		strcpy(t.text, "0");
	else
		snprintf(t.text, sizeof(t.text), "%.*f", fabs(percent) < 0.995 ? 2 : 1, percent);
	return t;
}

struct format_text format_count(double value)
{
	struct format_text t;
	char digits[40];
	size_t n, w = 0;

	if (isnan(value) || fabs(value) > 1e18) {
		strcpy(t.text, "-");
		return t;
	}
	snprintf(digits, sizeof(digits), "%.0f", value);
	n = strlen(digits);
	for (size_t i = 0; i < n; i++) {
		t.text[w++] = digits[i];
		if (i + 1 < n && (n - i - 1) % 3 == 0 && digits[i] != '-')
			t.text[w++] = ',';
	}
	t.text[w] = '\0';
	return t;
}

void markup_text(FILE *out, const char *text)
{
	static const struct {
		char meant;
		const char *escaped;
	} table[] = {
		{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&quot;"}, {'\'', "&#39;"}};

	for (;;) {
		size_t n = strcspn(text, "<>&\"'");

		fwrite(text, 1, n, out);
		if (!text[n])
			return;
		for (size_t i = 0; i < ARRAY_SIZE(table); i++)
			if (table[i].meant == text[n])
				fputs(table[i].escaped, out);
		text += n + 1;
	}
}

void markup_fixed(FILE *out, double value, int decimals)
{
	static const int64_t scales[] = {1, 10, 100, 1000, 10000};
	int64_t scale = scales[decimals], v;
	char text[32], *p = text + sizeof(text);

	if (!(fabs(value) < 1e12)) {
		fprintf(out, "%.*f", decimals, value);
		return;
	}
	v = llabs(llrint(value * (double)scale));
	if (value < 0 && v > 0)
		fputc('-', out);
	for (int i = 0; i < decimals; i++, v /= 10)
		*--p = (char)('0' + v % 10);
	if (decimals > 0)
		*--p = '.';
	do
		*--p = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	fwrite(p, 1, (size_t)(text + sizeof(text) - p), out);
}

char *format_command(const char *json)
{
	json_t *array = json_loads(json, 0, NULL), *item;
	char *text = NULL;
	size_t size = 0, i;
	FILE *out;

	json_array_foreach (array, i, item) {
		if (!json_is_string(item)) {
			json_decref(array);
			return strdup(json);
		}
	}
	if (!json_is_array(array) || json_array_size(array) == 0) {
		json_decref(array);
		return strdup(json);
	}
	out = open_memstream(&text, &size);
	if (!out) {
		json_decref(array);
		return NULL;
	}
	json_array_foreach (array, i, item) {
		if (i)
			fputc(' ', out);
		shell_word(out, json_string_value(item));
	}
	json_decref(array);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

const char *audit_clock(const char *what)
{
	static const struct {
		const char *what;
		const char *title;
	} clocks[] = {
		{"cpu_time", "time on the CPU, by the scheduler’s own account"},
		{"run_delay", "run-queue wait, by the scheduler’s own account"},
		{"threads_cpu_time", "the same of all threads of the program, summed"},
		{"threads_run_delay", "the run-queue wait of all threads of the program, summed"},
		{"cgroup_usage", "the cgroup’s CPU usage"},
		{"cgroup_throttled", "the cgroup’s throttled time"},
		{"guest_clock", "run time by the guest’s own clock"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++)
		if (strcmp(clocks[i].what, what) == 0)
			return clocks[i].title;
	return "";
}
