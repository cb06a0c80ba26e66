/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/text/csv.h"

#include <math.h>
#include <string.h>

#include "common/store_format.h"

void csv_text(FILE *out, const char *text)
{
	if (!text)
		return;
	if (!text[strcspn(text, "\",\n\r")]) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

void csv_seconds(FILE *out, double ns)
{
	if (isfinite(ns))
		fprintf(out, ",%.9f", ns / 1e9);
	else
		fputc(',', out);
}

void csv_real(FILE *out, double value)
{
	if (isfinite(value))
		fprintf(out, ",%.12g", value);
	else
		fputc(',', out);
}

void csv_number(FILE *out, int64_t value)
{
	if (value == STORE_NULL)
		fputc(',', out);
	else
		fprintf(out, ",%lld", (long long)value);
}
