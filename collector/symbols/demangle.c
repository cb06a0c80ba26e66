/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/demangle.h"

#include <ctype.h>
#include <errno.h>
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

#define MANGLED_MAX 4096
#define TYPES_MAX   64 /* bytes: longer ones hide more than they say */

static const char plt[] = "@plt";
static const char cut[] = "...";
static const char go_shape[] = "go.shape.";

struct output {
	char *text;
	size_t used;
	size_t size;
	jmp_buf full;
};

/* As much as there is room for; false: that is not all. */
static bool put(struct output *o, const char *piece, size_t length)
{
	size_t room = o->size - o->used - 1, bytes = length < room ? length : room;

	memcpy(o->text + o->used, piece, bytes);
	o->used += bytes;
	o->text[o->used] = '\0';
	return bytes == length;
}

/* libiberty cannot be told to stop; it holds nothing but its stack, so it can be left by a jump. */
static void append(const char *piece, size_t length, void *data)
{
	struct output *o = data;

	if (!put(o, piece, length))
		longjmp(o->full, 1);
}

/* There was more. */
static int cut_off(struct output *o)
{
	if (o->size <= sizeof(cut) || o->used == 0)
		return -EINVAL;
	if (o->used > o->size - sizeof(cut))
		o->used = utf8_within(o->text, o->size - sizeof(cut));
	memcpy(o->text + o->used, cut, sizeof(cut));
	return 0;
}

static bool is_mangled(const char *name)
{
	const char *p = name + strspn(name, "_");

	return p > name && (*p == 'Z' || *p == 'R');
}

static int read_mangled(const char *name, struct output *o)
{
	if (setjmp(o->full))
		return cut_off(o);
	if (rust_demangle_callback(name, 0, append, o))
		return 0;
	o->used = 0;
	return cplus_demangle_v3_callback(name, 0, append, o) && o->used > 0 ? 0 : -EINVAL;
}

/* "name@plt", a jump slot, has the name in it that its function has. */
static int read_symbol(const char *name, struct output *o)
{
	size_t length = strlen(name), tail = sizeof(plt) - 1;
	char base[MANGLED_MAX + 1];
	int r;

	if (length < tail || strcmp(name + length - tail, plt) != 0)
		return read_mangled(name, o);
	memcpy(base, name, length - tail);
	base[length - tail] = '\0';
	if (o->size <= tail)
		return -EINVAL;
	o->size -= tail;
	r = read_mangled(base, o);
	if (r == 0)
		memcpy(o->text + strlen(o->text), plt, sizeof(plt));
	return r;
}

/* A function of Go's assembly: its arguments are on the stack. */
static bool is_go_assembly(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && strcmp(dot, ".abi0") == 0;
}

static bool is_go(const char *name)
{
	const char *percent = strchr(name, '%');

	return (percent && isxdigit((unsigned char)percent[1]) &&
		       isxdigit((unsigned char)percent[2])) ||
	       strstr(name, go_shape) || is_go_assembly(name);
}

/* The bytes that Go's linker cannot have in a path it writes as %2e. */
static size_t read_escape(const char *at, char *ret)
{
	char digits[3] = {at[1], (char)(at[1] ? at[2] : '\0')}, *end;
	unsigned long byte = strtoul(digits, &end, 16);

	if (at[0] != '%' || !isxdigit((unsigned char)digits[0]) || end != digits + 2 || byte < ' ')
		return 0;
	*ret = (char)byte;
	return 3;
}

/* The bytes from the '[' at @at to its ']'; 0: it has none. */
static size_t bracket_bytes(const char *at)
{
	size_t depth = 0, i = 0;

	do {
		if (at[i] == '[')
			depth++;
		else if (at[i] == ']')
			depth--;
		else if (!at[i])
			return 0;
		i++;
	} while (depth);
	return i;
}

/* "_0", which Go 1.18 to 1.20 have after a shape. */
static size_t shape_number_bytes(const char *at)
{
	size_t n = at[0] == '_' ? 1 + strspn(at + 1, "0123456789") : 0;

	return n > 1 && (at[n] == ',' || at[n] == ']') ? n : 0;
}

/**
 * Functions of type parameters are compiled once for all types of one shape, "go.shape.int". That
 * becomes "int"; a structure, or many types, become "...", as in Go's own traces.
 */
static size_t read_shapes(const char *at, char *ret, size_t *ret_bytes)
{
	size_t bytes = *at == '[' ? bracket_bytes(at) : 0, n = 0, i = 0;

	if (bytes < sizeof(go_shape) || strncmp(at + 1, go_shape, sizeof(go_shape) - 1) != 0)
		return 0;
	while (i < bytes && n < TYPES_MAX && at[i] != '{') {
		if (strncmp(at + i, go_shape, sizeof(go_shape) - 1) == 0)
			i += sizeof(go_shape) - 1;
		else if (shape_number_bytes(at + i))
			i += shape_number_bytes(at + i);
		else
			ret[n++] = at[i++];
	}
	if (i < bytes)
		n = (size_t)(stpcpy(ret, "[...]") - ret);
	*ret_bytes = n;
	return bytes;
}

static int read_go(const char *name, struct output *o)
{
	while (*name && strcmp(name, ".abi0") != 0) {
		char piece[TYPES_MAX + 8];
		size_t bytes = 1, taken = read_escape(name, piece);

		if (!taken)
			taken = read_shapes(name, piece, &bytes);
		if (!taken) {
			piece[0] = *name;
			taken = 1;
		}
		if (!put(o, piece, bytes))
			return cut_off(o);
		name += taken;
	}
	return 0;
}

int demangle(const char *name, char *ret, size_t size)
{
	struct output o = {.text = ret, .size = size};

	if (size == 0 || strlen(name) > MANGLED_MAX)
		return -EINVAL;
	if (is_mangled(name))
		return read_symbol(name, &o);
	return is_go(name) ? read_go(name, &o) : -EINVAL;
}
