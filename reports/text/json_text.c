/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/text/json_text.h"

void json_put_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if ((unsigned char)*text < 0x20 || *text == '<')
			fprintf(out, "\\u%04x", (unsigned int)(unsigned char)*text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}
