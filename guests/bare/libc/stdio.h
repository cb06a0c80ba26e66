/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Streams: there is one place where text can go, the console. Nothing is buffered. */

#include <stdarg.h>
#include <stddef.h>

typedef struct file FILE;

extern FILE *const stdout, *const stderr;

/** Conversions: c d i u x s p %, f and g (for display: six digits after the point at most, no
 * exponents); flags 0 and -; width; precision, also as *; l, ll, z, h. */
int vsnprintf(char *ret, size_t size, const char *format, va_list ap)
	__attribute__((format(printf, 3, 0)));
int snprintf(char *ret, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
int vprintf(const char *format, va_list ap) __attribute__((format(printf, 1, 0)));
int printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
int fprintf(FILE *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
int fputs(const char *text, FILE *to);
int puts(const char *text);
int fflush(FILE *f);
int ferror(FILE *f);
int fclose(FILE *f);
