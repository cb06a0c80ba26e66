/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/demangle.h"

#include <errno.h>
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <string.h>

#define MANGLED_MAX 4096

struct output {
	char *text;
	size_t used;
	size_t size;
	jmp_buf full;
};

/* libiberty cannot be told to stop; it holds nothing but its stack, so it can be left by a jump. */
static void append(const char *piece, size_t length, void *data)
{
	struct output *o = data;

	if (length >= o->size - o->used)
		longjmp(o->full, 1);
	memcpy(o->text + o->used, piece, length);
	o->used += length;
	o->text[o->used] = '\0';
}

int demangle(const char *name, char *ret, size_t size)
{
	struct output o = {.text = ret, .size = size};
	const char *p = name;

	while (*p == '_')
		p++;
	if (p == name || (*p != 'Z' && *p != 'R') || strlen(name) > MANGLED_MAX || size == 0)
		return -EINVAL;
	if (setjmp(o.full))
		return -EINVAL;
	if (rust_demangle_callback(name, 0, append, &o))
		return 0;
	o.used = 0;
	if (cplus_demangle_v3_callback(name, 0, append, &o) && o.used > 0)
		return 0;
	return -EINVAL;
}
