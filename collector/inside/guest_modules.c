/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/symbols/elf_file.h"
#include "common/array.h"
#include "common/cleanup.h"

#define PAGE_BYTES     4096UL
#define FILE_PAGES_MAX 65536 /* 256 MiB of text in all files */
#define PAGES_MAX      65536 /* of the guest's */
#define PLACES_MAX     256
#define PARTS_MAX      64
#define PART_BYTES_MIN 64 /* less is not enough to tell a file by */

/** A page of a file's text. */
struct text_page {
	uint64_t hash;
	uint64_t address; /* as linked */
	size_t file;
};

/** The begin or the end of a file's text, where it fills only a part of a page: all there is of a
 * small program. */
struct text_part {
	uint64_t address; /* as linked, of the page */
	size_t file;
	size_t from, size; /* in the page */
	unsigned char bytes[PAGE_BYTES];
};

/** Pages of a file that were seen at one distance from their linked addresses. */
struct place {
	size_t file;
	uint64_t bias;
	unsigned pages;
};

struct search {
	const struct guest_memory *m;
	struct text_page *pages;
	size_t n_pages;
	struct text_part *parts;
	size_t n_parts;
	unsigned wanted; /* of the guest's pages */
	struct place places[PLACES_MAX];
	size_t n_places;
};

/* Not for secrets: a page that was made to collide only gets a wrong name. */
static uint64_t hash_page(const void *page)
{
	uint64_t hash = 0x9e3779b97f4a7c15ULL, word;

	for (size_t i = 0; i < PAGE_BYTES; i += sizeof(word)) {
		memcpy(&word, (const char *)page + i, sizeof(word));
		hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
		hash ^= hash >> 29;
	}
	return hash;
}

static bool is_blank(const char *page)
{
	return page[0] == 0 && memcmp(page, page + 1, PAGE_BYTES - 1) == 0;
}

static int add_page(struct search *s, const char *page, uint64_t address, size_t file)
{
	if (is_blank(page) || s->n_pages >= FILE_PAGES_MAX)
		return 0;
	return ARRAY_ADD(s->pages, s->n_pages, (struct text_page){hash_page(page), address, file});
}

/* @size bytes of a segment that lie in one page. What else is there, loaders differ in. */
static int add_part(struct search *s, const char *bytes, size_t size, uint64_t address, size_t file)
{
	struct text_part *part;

	if (size < PART_BYTES_MIN || s->n_parts >= PARTS_MAX)
		return 0;
	part = ARRAY_PUSH(s->parts, s->n_parts);
	if (!part)
		return -ENOMEM;
	part->from = address & (PAGE_BYTES - 1);
	part->address = address - part->from;
	part->file = file;
	part->size = size;
	memcpy(part->bytes, bytes, size);
	return 0;
}

static int add_segment(struct search *s, int fd, const struct elf_segment *segment, size_t file)
{
	uint64_t at = 0;
	int r = 0;

	while (at < segment->file_bytes && r == 0) {
		uint64_t address = segment->address + at, left = segment->file_bytes - at;
		size_t size = PAGE_BYTES - (address & (PAGE_BYTES - 1));
		char page[PAGE_BYTES];

		if (size > left)
			size = left;
		if (pread(fd, page, size, (off_t)(segment->offset + at)) != (ssize_t)size)
			return 0;
		if (size == PAGE_BYTES)
			r = add_page(s, page, address, file);
		else
			r = add_part(s, page, size, address, file);
		at += size;
	}
	return r;
}

/* A file that cannot be read is not found, no more. */
static int add_file(struct search *s, const char *path, size_t file)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct elf_file *elf;
	int r = 0;

	if (fd < 0)
		return 0;
	elf = malloc(sizeof(*elf));
	if (!elf)
		return -ENOMEM;
	if (elf_file_read(fd, elf) == 0)
		for (size_t i = 0; i < elf->n_segments && r == 0; i++)
			if (elf->segments[i].executable)
				r = add_segment(s, fd, &elf->segments[i], file);
	free(elf);
	return r;
}

static int by_hash(const void *a, const void *b)
{
	const struct text_page *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static void count_place(struct search *s, size_t file, uint64_t bias)
{
	for (size_t i = 0; i < s->n_places; i++)
		if (s->places[i].file == file && s->places[i].bias == bias) {
			s->places[i].pages++;
			return;
		}
	if (s->n_places < PLACES_MAX)
		s->places[s->n_places++] = (struct place){file, bias, 1};
}

static void match_page(struct search *s, uint64_t address, const void *page)
{
	uint64_t hash = hash_page(page);
	size_t low = ARRAY_BISECT(s->pages, s->n_pages, p, p->hash < hash);

	for (; low < s->n_pages && s->pages[low].hash == hash; low++)
		count_place(s, s->pages[low].file, address - s->pages[low].address);
}

static void match_parts(struct search *s, uint64_t address, const unsigned char *page)
{
	for (size_t i = 0; i < s->n_parts; i++) {
		const struct text_part *part = &s->parts[i];

		if (memcmp(page + part->from, part->bytes, part->size) == 0)
			count_place(s, part->file, address - part->address);
	}
}

static bool on_page(uint64_t address, uint64_t physical, uint64_t size, void *userdata)
{
	struct search *s = userdata;

	/* Programs' text in larger pages is not a file's: leave the time for others. */
	if (size > 512 * PAGE_BYTES)
		return true;
	for (uint64_t at = 0; at < size; at += PAGE_BYTES) {
		const void *page = guest_memory_at(s->m, physical + at, PAGE_BYTES);

		if (!page)
			continue;
		match_page(s, address + at, page);
		match_parts(s, address + at, page);
	}
	return true;
}

static const struct place *best_place(const struct search *s, size_t file)
{
	const struct place *best = NULL;

	for (size_t i = 0; i < s->n_places; i++)
		if (s->places[i].file == file && (!best || s->places[i].pages > best->pages))
			best = &s->places[i];
	return best;
}

/* A file's pages, by their addresses, against those that lie where it seems to be. */
struct check {
	const struct search *search;
	size_t file;
	uint64_t bias;
	struct text_page *pages;
	size_t n;
	bool differs;
};

static int by_address(const void *a, const void *b)
{
	const struct text_page *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static bool page_differs(const struct check *c, uint64_t address, const void *page)
{
	size_t at = ARRAY_BISECT(c->pages, c->n, p, p->address < address);

	return at < c->n && c->pages[at].address == address && c->pages[at].hash != hash_page(page);
}

static bool part_differs(const struct check *c, uint64_t address, const unsigned char *page)
{
	for (size_t i = 0; i < c->search->n_parts; i++) {
		const struct text_part *part = &c->search->parts[i];

		if (part->file == c->file && part->address == address &&
			memcmp(page + part->from, part->bytes, part->size) != 0)
			return true;
	}
	return false;
}

static bool check_page(uint64_t address, uint64_t physical, uint64_t size, void *userdata)
{
	struct check *c = userdata;

	for (uint64_t at = 0; at < size && !c->differs; at += PAGE_BYTES) {
		const void *page = guest_memory_at(c->search->m, physical + at, PAGE_BYTES);
		uint64_t linked = address + at - c->bias;

		c->differs =
			page && (page_differs(c, linked, page) || part_differs(c, linked, page));
	}
	return !c->differs;
}

/* The addresses that the text of a file is linked to. */
static void find_bounds(const struct search *s, size_t file, uint64_t *ret_from, uint64_t *ret_to)
{
	uint64_t from = UINT64_MAX, to = 0;

	for (size_t i = 0; i < s->n_pages; i++)
		if (s->pages[i].file == file) {
			from = s->pages[i].address < from ? s->pages[i].address : from;
			to = s->pages[i].address > to ? s->pages[i].address : to;
		}
	for (size_t i = 0; i < s->n_parts; i++)
		if (s->parts[i].file == file) {
			from = s->parts[i].address < from ? s->parts[i].address : from;
			to = s->parts[i].address > to ? s->parts[i].address : to;
		}
	*ret_from = from;
	*ret_to = from == UINT64_MAX ? from : to + PAGE_BYTES;
}

/* Programs that are linked with the same library have pages in common, at the same addresses, too: a
 * file is there where none of its pages is another. */
static int is_there(const struct search *s, uint64_t cr3, const struct place *place)
{
	struct check c = {.search = s, .file = place->file, .bias = place->bias};
	uint64_t from, to;

	c.pages = calloc(s->n_pages + 1, sizeof(*c.pages));
	if (!c.pages)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_pages; i++)
		if (s->pages[i].file == c.file)
			c.pages[c.n++] = s->pages[i];
	qsort(c.pages, c.n, sizeof(*c.pages), by_address);
	find_bounds(s, c.file, &from, &to);
	guest_memory_pages(
		s->m, cr3, from + c.bias, to + c.bias, s->wanted, PAGES_MAX, check_page, &c);
	free(c.pages);
	return !c.differs;
}

/* A program that is linked to its addresses is there, wherever others are put. */
static void search_where_linked(
	struct search *s, uint64_t cr3, size_t n_files, uint64_t others_from)
{
	for (size_t i = 0; i < n_files; i++) {
		uint64_t from, to;

		find_bounds(s, i, &from, &to);
		if (to <= others_from)
			guest_memory_pages(s->m, cr3, from, to, s->wanted, PAGES_MAX, on_page, s);
	}
}

int guest_modules_find(const struct guest_memory *m, const struct guest_inside *inside,
	uint64_t cr3, uint64_t from, uint64_t to, guest_module_t found, void *userdata)
{
	_cleanup_free_ struct search *s = calloc(1, sizeof(*s));
	int r = 0, n = 0;

	if (!s)
		return -ENOMEM;
	s->m = m;
	/* A kernel may have memory in the lower half, too, with its cache of a file's pages. */
	s->wanted = GUEST_PAGES_EXECUTABLE | (inside->one_ring ? 0 : GUEST_PAGES_USER);
	for (size_t i = 0; i < inside->n_files && r == 0; i++)
		r = add_file(s, inside->files[i].path, i);
	if (r == 0 && (s->n_pages || s->n_parts)) {
		qsort(s->pages, s->n_pages, sizeof(*s->pages), by_hash);
		guest_memory_pages(m, cr3, from, to, s->wanted, PAGES_MAX, on_page, s);
		search_where_linked(s, cr3, inside->n_files, from);
	}
	for (size_t i = 0; i < inside->n_files && r == 0; i++) {
		const struct place *place = best_place(s, i);
		int there = place ? is_there(s, cr3, place) : 0;

		if (there < 0)
			r = there;
		if (there > 0) {
			found(&inside->files[i], place->bias, userdata);
			n++;
		}
	}
	free(s->pages);
	free(s->parts);
	return r < 0 ? r : n;
}

int guest_text_find(const struct guest_memory *m, const char *path, uint64_t cr3, uint64_t from,
	uint64_t to, uint64_t *ret_bias)
{
	_cleanup_free_ struct search *s = calloc(1, sizeof(*s));
	const struct place *place = NULL;
	int r = s ? add_file(s, path, 0) : -ENOMEM;

	if (!s)
		return r;
	s->m = m;
	s->wanted = GUEST_PAGES_EXECUTABLE;
	if (r == 0 && s->n_pages) {
		qsort(s->pages, s->n_pages, sizeof(*s->pages), by_hash);
		guest_memory_pages(m, cr3, from, to, s->wanted, PAGES_MAX, on_page, s);
		place = best_place(s, 0);
	}
	if (place && place->pages > s->n_pages / 2)
		*ret_bias = place->bias;
	else if (r == 0)
		r = -ENOENT;
	free(s->pages);
	free(s->parts);
	return r;
}
