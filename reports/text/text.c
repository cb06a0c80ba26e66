/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/text/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/utf8.h"

const char *text_intern(struct intern *set, const char *text, size_t length, bool lines)
{
	_cleanup_free_ char *clean = utf8_clean(text, length, lines);

	return clean ? intern_string(set, clean) : NULL;
}

size_t text_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

void text_clean_file_name(char *name)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "-_.@#+~";

	for (; *name; name++)
		if (!strchr(fine, *name))
			*name = '_';
}

char *text_stack(const char *guest, const char *variant, const char *label)
{
	char *name = NULL;

	return asprintf(&name, "%s%s%s%s%s%s", guest, *variant ? " (" : "", variant,
		       *variant ? ")" : "", *label ? " " : "", label) < 0
		       ? NULL
		       : name;
}
