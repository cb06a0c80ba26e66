/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Numbers and markup, written one way in all reports. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "reports/statistics/statistics.h"

/** Room for any text made by the format_ functions. */
#define FORMAT_MAX 64

struct format_text {
	char text[FORMAT_MAX];
};

/** A time in the unit that suits it, four significant digits: "12.35 s", "1.235 ms". */
struct format_text format_time(double ns);

/** A number with so many decimals; "-" where it is not finite, as below. */
struct format_text format_fixed(double value, int decimals);

/** A number of any kind: whole ones as they are ("42"), others with five significant digits: "12346",
 * "0.12345", "1.2346e+09"; "-" as above. */
struct format_text format_number(double value);

/** Seconds, without unit: "12.345". */
struct format_text format_seconds(double ns);

/** Milliseconds, without unit: "12.35". */
struct format_text format_ms(double ns);

/** "12.345 ± 0.012" in seconds; without the deviation where n < 2; "-" where n is 0. */
struct format_text format_spread(const struct statistic *s);

/** "2.05 (2.01-2.09)": an estimate with its interval; without one the value alone. */
struct format_text format_estimate(const struct estimate *e, int decimals);

/** "12.3", "0.04" : a percentage of @whole; "-" where @whole is not positive. */
struct format_text format_percent(double part, double whole);

/** What samples say of something. */
struct sampled {
	double ns;
	double samples;
};

static inline void sampled_add(struct sampled *s, const struct sampled *more)
{
	s->ns += more->ns;
	s->samples += more->samples;
}

/** "12.3": a percentage, by sampling; where fewer samples than 100 are of @part, with its 95 % interval:
 * "1.2 (0.5 to 2.9)". */
struct format_text format_sampled(const struct sampled *part, const struct sampled *whole);

/** "core", "cores"; "lane", "lanes" of what was attached to, by its @scenario. */
const char *cores_word(int64_t cores, const char *scenario);

/** Is black read more easily on @color (#rrggbb) than white? */
bool ink_is_black(const char *color);

/** A whole number in groups of three: "1,234,567"; "-" for NAN. */
struct format_text format_count(double value);

/** Write @text with the characters that XML and HTML give a meaning escaped, also in attributes. */
void markup_text(FILE *out, const char *text);

/** "%.*f" with up to 4 decimals, at a fraction of its cost: drawings have many coordinates. */
void markup_fixed(FILE *out, double value, int decimals);

/**
 * A command line from its JSON array, quoted so that a shell takes it as it is; what is no JSON
 * array of strings comes back unchanged. Malloced; NULL: out of memory.
 */
char *format_command(const char *json);

/** The independent clock that the store calls @what in its table of audits, for people; "" if it is not known. */
const char *audit_clock(const char *what);
