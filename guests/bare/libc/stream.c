/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one stream: the console. */
#include <stdio.h>
#include <string.h>

#include "guests/bare/console.h"

#define LINE_MAX_BYTES 4096

struct file {
	char unused;
};

static struct file console;
FILE *const stdout = &console, *const stderr = &console;

int vprintf(const char *format, va_list ap)
{
	char line[LINE_MAX_BYTES];
	int n = vsnprintf(line, sizeof(line), format, ap);

	console_write(line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
	return n;
}

int printf(const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vprintf(format, ap);
	va_end(ap);
	return n;
}

int fprintf(FILE *to, const char *format, ...)
{
	va_list ap;
	int n;

	(void)to;
	va_start(ap, format);
	n = vprintf(format, ap);
	va_end(ap);
	return n;
}

int fputs(const char *text, FILE *to)
{
	(void)to;
	console_write(text, strlen(text));
	return 0;
}

int puts(const char *text)
{
	return printf("%s\n", text);
}

int fflush(FILE *f)
{
	(void)f;
	return 0;
}

int ferror(FILE *f)
{
	(void)f;
	return 0;
}
