/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/elf_match.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/symbols/debug_file.h"
#include "collector/symbols/elf_file.h"
#include "common/cleanup.h"

#define CHUNK 65536

struct side {
	int fd;
	struct elf_file elf;
};

static void side_close(struct side *s)
{
	if (s)
		close_safe(s->fd);
	free(s);
}

static void cleanup_side(struct side **s)
{
	side_close(*s);
}

static int side_open(const char *path, struct side **ret)
{
	_cleanup_(cleanup_side) struct side *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (s->fd < 0)
		return -errno;
	r = elf_file_read(s->fd, &s->elf);
	if (r < 0)
		return r == -ENOEXEC ? -ENODATA : r;
	*ret = TAKE_PTR(s);
	return 0;
}

/* The next executable segment from *@at on that the file itself has; NULL: there is none. */
static const struct elf_segment *next_text(const struct side *s, size_t *at)
{
	while (*at < s->elf.n_segments) {
		const struct elf_segment *segment = &s->elf.segments[(*at)++];

		if (segment->executable && segment->file_bytes)
			return segment;
	}
	return NULL;
}

static uint64_t header_bytes(const struct elf_segment *x, const struct elf_segment *y)
{
	uint64_t from = x->offset < y->offset ? x->offset : y->offset;

	return from < sizeof(Elf64_Ehdr) ? sizeof(Elf64_Ehdr) - from : 0;
}

/* 1: the same bytes, 0: others; -ENODATA: a file ends before its segment does. */
static int same_bytes(const struct side *a, const struct elf_segment *x, const struct side *b,
	const struct elf_segment *y)
{
	char left[CHUNK], right[CHUNK];

	/* A segment that begins with the file holds its header, which says where sections are:
	 * that is what stripping does change. */
	for (uint64_t at = header_bytes(x, y); at < x->file_bytes; at += CHUNK) {
		uint64_t rest = x->file_bytes - at;
		size_t size = rest < CHUNK ? (size_t)rest : CHUNK;

		if (pread(a->fd, left, size, (off_t)(x->offset + at)) != (ssize_t)size ||
			pread(b->fd, right, size, (off_t)(y->offset + at)) != (ssize_t)size)
			return -ENODATA;
		if (memcmp(left, right, size) != 0)
			return 0;
	}
	return 1;
}

static int same_text(const struct side *a, const struct side *b)
{
	size_t at_a = 0, at_b = 0, n = 0;

	for (;; n++) {
		const struct elf_segment *x = next_text(a, &at_a), *y = next_text(b, &at_b);
		int r;

		if (!n && (!x || !y)) /* debug information alone: it has no code */
			return -ENODATA;
		if (!x || !y)
			return !x && !y;
		if (x->address != y->address || x->file_bytes != y->file_bytes)
			return 0;
		r = same_bytes(a, x, b, y);
		if (r <= 0)
			return r;
	}
}

int elf_same_build(const char *a, const char *b)
{
	_cleanup_(cleanup_side) struct side *x = NULL, *y = NULL;
	int r = side_open(a, &x);

	if (r == 0)
		r = side_open(b, &y);
	if (r < 0 || !x || !y)
		return r;
	if (x->elf.build_id_bytes && y->elf.build_id_bytes)
		return elf_same_build_id(&x->elf, &y->elf);
	return same_text(x, y);
}

int elf_has_symbols(const char *path, struct debug_servers *servers)
{
	_cleanup_(cleanup_side) struct side *s = NULL;
	_cleanup_close_ int debug = -EBADF;
	int r = side_open(path, &s);

	if (r < 0 || !s)
		return r;
	if (!s->elf.has_symtab)
		debug = debug_file_open(&s->elf, path, NULL, servers);
	return s->elf.has_symtab || debug >= 0;
}
