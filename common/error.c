/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void error_put(struct error *error, const char *format, ...)
{
	va_list ap;

	if (!error)
		return;
	va_start(ap, format);
	vsnprintf(error->text, sizeof(error->text), format, ap);
	va_end(ap);
	error->user = false;
}

void error_put_user(struct error *error, const char *format, ...)
{
	va_list ap;

	if (!error)
		return;
	va_start(ap, format);
	vsnprintf(error->text, sizeof(error->text), format, ap);
	va_end(ap);
	error->user = true;
}

void error_put_errno(struct error *error, int code, const char *format, ...)
{
	va_list ap;
	size_t used;

	if (!error)
		return;
	va_start(ap, format);
	vsnprintf(error->text, sizeof(error->text), format, ap);
	va_end(ap);
	used = strlen(error->text);
	snprintf(error->text + used, sizeof(error->text) - used, ": %s", strerror(-code));
	error->user = false;
}

void error_put_prefix(struct error *error, const char *format, ...)
{
	char prefix[sizeof(error->text)];
	char rest[sizeof(error->text)];
	va_list ap;

	if (!error)
		return;
	va_start(ap, format);
	vsnprintf(prefix, sizeof(prefix), format, ap);
	va_end(ap);
	memcpy(rest, error->text, sizeof(rest));
	snprintf(error->text, sizeof(error->text), "%.*s: %.*s", (int)(sizeof(prefix) / 2 - 2),
		prefix, (int)(sizeof(rest) / 2 - 2), rest);
}

const char *error_text(const struct error *error, int code)
{
	return error->text[0] ? error->text : strerror(-code);
}
