/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Memory comes from memory_take() and is never given back: programs here run once. */

#include <stddef.h>

void *malloc(size_t bytes);
void *calloc(size_t n, size_t bytes);
void *realloc(void *old, size_t bytes);
void *aligned_alloc(size_t alignment, size_t bytes);
void free(void *p);
_Noreturn void abort(void);

/** Exact to the last bit for numbers of at most 40 digits; no hexadecimal, inf or nan. */
double strtod(const char *text, char **ret_end);
long long strtoll(const char *text, char **ret_end, int base);
unsigned long strtoul(const char *text, char **ret_end, int base);
unsigned long long strtoull(const char *text, char **ret_end, int base);

void qsort(void *items, size_t n, size_t size, int (*compare)(const void *, const void *));
