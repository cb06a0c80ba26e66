/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/bare/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "guests/bare/machine.h"
#include "guests/bare/trap.h"

#define ALIGNMENT 64

void *aligned_alloc(size_t alignment, size_t bytes)
{
	return memory_take(bytes, alignment < ALIGNMENT ? ALIGNMENT : alignment, 0);
}

void *malloc(size_t bytes)
{
	/* What is large begins with a page, as elsewhere. */
	return aligned_alloc(bytes >= PAGE_BYTES ? PAGE_BYTES : ALIGNMENT, bytes);
}

/* The hypervisor's memory is fresh, but the firmware has used some of it: everything is written. */
void *calloc(size_t n, size_t bytes)
{
	size_t all;
	void *p;

	if (__builtin_mul_overflow(n, bytes, &all))
		return NULL;
	p = malloc(all);
	return p ? memset(p, 0, all) : NULL;
}

void free(void *p)
{
	(void)p;
}

void abort(void)
{
	panic("aborted");
}

static void swap(char *a, char *b, size_t size)
{
	for (; size; size--, a++, b++) {
		char c = *a;

		*a = *b;
		*b = c;
	}
}

/* Let item @at sink into the heap of the first @n. */
static void sink(
	char *items, size_t at, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= n)
			return;
		if (child + 1 < n && compare(items + child * size, items + (child + 1) * size) < 0)
			child++;
		if (compare(items + at * size, items + child * size) >= 0)
			return;
		swap(items + at * size, items + child * size, size);
		at = child;
	}
}

/* Heapsort: n log n whatever the order, no memory. */
void qsort(void *items, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	for (size_t i = n / 2; i > 0; i--)
		sink(items, i - 1, n, size, compare);
	for (size_t i = n; i > 1; i--) {
		swap(items, (char *)items + (i - 1) * size, size);
		sink(items, 0, i - 1, size, compare);
	}
}
