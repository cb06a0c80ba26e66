/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/figures/pdf_date.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/cleanup.h"

#define PLAIN_MAX ((size_t)1 << 24)

static const char mark[] = "/CreationDate (D:";

/** Part of a file: where it is, and how long. */
struct part {
	char *at;
	size_t n;
};

static void part_free(struct part *p)
{
	free(p->at);
}

static char *end_of(struct part p)
{
	return p.at + p.n;
}

/** What follows the first @word in @p; nothing (.at NULL) if it is not there. */
static struct part after(struct part p, const char *word)
{
	char *at = p.at ? memmem(p.at, p.n, word, strlen(word)) : NULL;

	if (!at)
		return (struct part){};
	at += strlen(word);
	return (struct part){at, (size_t)(end_of(p) - at)};
}

/** A whole number at the beginning of @p, behind blanks; its digits are @ret. */
static size_t number(struct part p, struct part *ret)
{
	size_t value = 0;
	char *at = p.at, *end = p.at ? end_of(p) : NULL;

	while (at < end && isspace((unsigned char)*at))
		at++;
	ret->at = at;
	for (; at < end && isdigit((unsigned char)*at); at++)
		value = value * 10 + (size_t)(*at - '0');
	ret->n = (size_t)(at - ret->at);
	return value;
}

static bool set_date(struct part p, const char *digits)
{
	struct part date = after(p, mark);

	if (!date.at || date.n < PDF_DATE_DIGITS)
		return false;
	memcpy(date.at, digits, PDF_DATE_DIGITS);
	return true;
}

/** Inflate what begins @p; @p->n becomes its compressed length. 1; 0 if it cannot be; -ENOMEM. */
static int expand(struct part *p, struct part *ret)
{
	z_stream z = {.next_in = (unsigned char *)p->at, .avail_in = (unsigned int)p->n};
	_cleanup_free_ char *plain = NULL;
	size_t room = 0;
	int r = Z_OK;

	if (inflateInit(&z) != Z_OK)
		return -ENOMEM;
	do {
		char *more = room < PLAIN_MAX ? realloc(plain, room + 4096) : NULL;

		if (!more) {
			inflateEnd(&z);
			return -ENOMEM;
		}
		plain = more;
		z.next_out = (unsigned char *)plain + room;
		z.avail_out = 4096;
		room += 4096;
		r = inflate(&z, Z_NO_FLUSH);
	} while (r == Z_OK && z.avail_out == 0);
	*ret = (struct part){plain, z.total_out};
	p->n = z.total_in;
	inflateEnd(&z);
	if (r != Z_STREAM_END)
		return 0;
	TAKE_PTR(plain);
	return 1;
}

static int squeeze(struct part plain, struct part *ret)
{
	uLong n = compressBound(plain.n);
	char *out = malloc(n);

	if (!out ||
		compress((unsigned char *)out, &n, (unsigned char *)plain.at, plain.n) != Z_OK) {
		free(out);
		return -ENOMEM;
	}
	*ret = (struct part){out, n};
	return 0;
}

/** The stream of objects that has the date: its place, and its plain text. As expand(). */
static int find_stream(struct part file, struct part *ret, struct part *ret_plain)
{
	struct part rest = after(file, "/Type /ObjStm");

	for (; rest.at; rest = after(rest, "/Type /ObjStm")) {
		struct part stream = after(rest, "stream\n"), plain;
		int r = stream.at ? expand(&stream, &plain) : 0;

		if (r < 0)
			return r;
		if (r && memmem(plain.at, plain.n, mark, strlen(mark))) {
			*ret = stream;
			*ret_plain = plain;
			return 1;
		}
		if (r)
			free(plain.at);
	}
	return 0;
}

/** Where something begins that lies behind @from in the table of @widths is @shift further on. */
static void shift_entries(struct part table, const size_t widths[3], size_t from, size_t shift)
{
	size_t row = widths[0] + widths[1] + widths[2];

	for (size_t at = 0; at + row <= table.n; at += row) {
		unsigned char *entry = (unsigned char *)table.at + at;
		size_t place = 0;

		for (size_t i = 0; i < widths[1]; i++)
			place = place << 8 | entry[widths[0] + i];
		if (entry[0] != 1 || place <= from) /* 1: an object that lies there */
			continue;
		place += shift;
		for (size_t i = widths[1]; i > 0; i--, place >>= 8)
			entry[widths[0] + i - 1] = (unsigned char)place;
	}
}

/** What of the file depends on the length of the stream of objects. */
struct places {
	struct part stream;       /* of objects */
	struct part length;       /* the digits of its length, an object of its own */
	struct part table_length; /* the digits of that of the cross-references */
	struct part table;        /* these */
	struct part start;        /* the digits of where they begin */
	size_t widths[3];
	size_t table_at;
};

static bool find_places(struct part file, struct part dictionary, struct places *p)
{
	struct part rest = {end_of(p->stream), (size_t)(end_of(file) - end_of(p->stream))}, digits;
	char object[32];

	snprintf(object, sizeof(object), "\n%zu 0 obj", number(dictionary, &digits));
	number(after(rest, object), &p->length);
	rest = after(rest, "/Type /XRef");
	number(after(rest, "/Length"), &p->table_length);
	digits = after(rest, "/W [");
	for (size_t i = 0; i < 3; i++) {
		p->widths[i] = number(digits, &p->start);
		digits = (struct part){end_of(p->start), (size_t)(end_of(file) - end_of(p->start))};
	}
	p->table = after(rest, "stream\n");
	p->table_at = number(after(rest, "startxref"), &p->start);
	return p->length.n && p->table_length.n && p->table.at && p->start.n && p->widths[0] == 1 &&
	       p->widths[1] > 0 && p->widths[1] < sizeof(size_t);
}

static void put(FILE *out, const char *from, const char *to)
{
	fwrite(from, 1, (size_t)(to - from), out);
}

static int rewrite(struct part file, struct places *p, struct part plain, struct part *ret)
{
	_cleanup_(part_free) struct part objects = {0}, table = {0}, packed = {0};
	size_t from = (size_t)(p->stream.at - file.at), shift;
	int r = squeeze(plain, &objects);
	FILE *out;

	if (r < 0)
		return r;
	shift = objects.n - p->stream.n; /* may wrap, and wraps back */
	r = expand(&p->table, &table);
	if (r <= 0)
		return r;
	shift_entries(table, p->widths, from, shift);
	r = squeeze(table, &packed);
	if (r < 0)
		return r;
	out = open_memstream(&ret->at, &ret->n);
	if (!out)
		return -ENOMEM;
	put(out, file.at, p->stream.at);
	put(out, objects.at, end_of(objects));
	put(out, end_of(p->stream), p->length.at);
	fprintf(out, "%*zu", (int)p->length.n, objects.n);
	put(out, end_of(p->length), p->table_length.at);
	fprintf(out, "%zu", packed.n);
	put(out, end_of(p->table_length), p->table.at);
	put(out, packed.at, end_of(packed));
	put(out, end_of(p->table), p->start.at);
	fprintf(out, "%zu", p->table_at + shift);
	put(out, end_of(p->start), end_of(file));
	return fclose(out) == 0 ? 1 : -ENOMEM;
}

int pdf_set_date(char **text, size_t *length, const char *digits)
{
	struct part file = {*text, *length}, dictionary, done;
	_cleanup_(part_free) struct part plain = {0};
	struct places p = {};
	int r;

	if (set_date(file, digits))
		return 1;
	r = find_stream(file, &p.stream, &plain);
	if (r <= 0)
		return r;
	/* cairo writes the stream's dictionary right before it, and the length first in it. */
	dictionary = file;
	for (struct part d = after(file, "/Length"); d.at && d.at < p.stream.at;
		d = after(d, "/Length"))
		dictionary = d;
	if (!find_places(file, dictionary, &p) || !set_date(plain, digits))
		return 0;
	r = rewrite(file, &p, plain, &done);
	if (r <= 0)
		return r;
	free(*text);
	*text = done.at;
	*length = done.n;
	return 1;
}
