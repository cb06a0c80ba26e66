/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What scripts/kallsyms.c of the kernel writes: names, each a length and as many indices into a
 * table of 256 tokens; markers, the offset of every 256th name; and an address for each, as a
 * 32-bit offset. The parts have no labels in memory, so they are found by what they must contain,
 * from the token for "0" to "9", which every kernel's names use.
 */

#include "collector/inside/guest_kallsyms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

#define KERNEL_FROM  0xffffffff80000000ULL
#define LOADED_AT    ((size_t)16 << 20) /* in physical memory, without randomisation */
#define KERNEL_TO    0xffffffffc0000000ULL
#define IMAGE_MAX    ((size_t)256 << 20)
#define PAGES_MAX    65536
#define TOKENS       256
#define DIGIT_TOKEN  '0'
#define TOKEN_MAX    128
#define NAMES_BYTES  ((size_t)64 << 20) /* how far before the tokens the names may begin */
#define SYMBOLS_MIN  1000
#define SYMBOLS_MAX  (4U << 20)
#define NAME_MAX_LEN 1024
#define MARKER_EVERY 256

/* A guest can write memory in which the search, or the names, would never end. Debian's kernel 6.1
 * needs 2.5 million steps and 4 MB of text. */
#define DIGITS_MAX 65536               /* places where tokens may be */
#define STEPS_MAX  ((uint64_t)1 << 28) /* names to look at in search of the first one */
#define TEXT_MAX   ((uint64_t)128 << 20)

/** The kernel's part of the address space, copied: nothing changes while it is looked at. */
struct image {
	const struct guest_memory *memory;
	unsigned char *bytes;
	uint64_t from; /* address of the first page */
	size_t size;
};

struct table {
	const struct image *image;
	size_t tokens;          /* offset of the token table */
	size_t tokens_end;      /* of what follows the token index */
	uint16_t index[TOKENS]; /* of each token, from the table's begin */
	size_t count_at;        /* of the number of symbols */
	size_t names;
	uint32_t n;
	uint64_t steps; /* so far, of STEPS_MAX */
	size_t offsets;
	uint64_t base;
	bool negative; /* addresses are base - 1 - offset where the offset is negative, else
			  absolute */
	bool relative; /* each offset is from its own place */
};

static bool find_extent(uint64_t address, uint64_t physical, uint64_t size, void *userdata)
{
	struct image *image = userdata;

	(void)physical;
	if (!image->size)
		image->from = address;
	if (address + size - image->from > IMAGE_MAX)
		return false;
	image->size = address + size - image->from;
	return true;
}

static bool copy_page(uint64_t address, uint64_t physical, uint64_t size, void *userdata)
{
	struct image *image = userdata;
	const void *page = guest_memory_at(image->memory, physical, size);

	/* The tables may have changed since the first look. */
	if (page && address >= image->from && address - image->from <= image->size &&
		size <= image->size - (address - image->from))
		memcpy(image->bytes + (address - image->from), page, size);
	return true;
}

static int copy_loaded(struct image *image)
{
	const void *bytes = NULL;

	/* A smaller machine has less. */
	for (size_t size = IMAGE_MAX; size >= LOADED_AT && !bytes; size /= 2) {
		bytes = guest_memory_at(image->memory, LOADED_AT, size);
		image->size = size;
	}
	if (!bytes)
		return -ENODATA;
	image->from = KERNEL_FROM + LOADED_AT;
	image->bytes = malloc(image->size);
	if (!image->bytes)
		return -ENOMEM;
	memcpy(image->bytes, bytes, image->size);
	return 0;
}

static int copy_image(struct image *image, uint64_t cr3)
{
	if (!cr3)
		return copy_loaded(image);
	guest_memory_pages(
		image->memory, cr3, KERNEL_FROM, KERNEL_TO, 0, PAGES_MAX, find_extent, image);
	if (!image->size)
		return -ENODATA;
	image->bytes = calloc(1, image->size);
	if (!image->bytes)
		return -ENOMEM;
	guest_memory_pages(
		image->memory, cr3, KERNEL_FROM, KERNEL_TO, 0, PAGES_MAX, copy_page, image);
	return 0;
}

static bool get(const struct image *image, size_t at, void *ret, size_t size)
{
	if (at > image->size || size > image->size - at)
		return false;
	memcpy(ret, image->bytes + at, size);
	return true;
}

static size_t align(size_t at, size_t to)
{
	return (at + to - 1) & ~(to - 1);
}

/* Is the u16 table at @at the index of a token table in which token '0' is at @digit? */
static bool index_fits(struct table *t, size_t at, size_t digit, size_t end)
{
	if (!get(t->image, at, t->index, sizeof(t->index)) || t->index[0] != 0 ||
		t->index[DIGIT_TOKEN] > digit)
		return false;
	t->tokens = digit - t->index[DIGIT_TOKEN];
	for (unsigned i = 1; i < TOKENS; i++)
		if (t->index[i] <= t->index[i - 1] || t->tokens + t->index[i] >= end ||
			t->image->bytes[t->tokens + t->index[i] - 1] != '\0')
			return false;
	t->tokens_end = at + sizeof(t->index);
	return true;
}

static bool tokens_at(struct table *t, size_t digit)
{
	const struct image *image = t->image;
	size_t at = digit;

	for (unsigned i = DIGIT_TOKEN; i < TOKENS; i++) {
		const unsigned char *end;
		size_t left = image->size - at;

		end = memchr(image->bytes + at, '\0', left < TOKEN_MAX ? left : TOKEN_MAX);
		if (!end)
			return false;
		at = (size_t)(end - image->bytes) + 1;
		if (at >= image->size)
			return false;
	}
	return index_fits(t, align(at, 8), digit, at) || index_fits(t, align(at, 4), digit, at);
}

static bool find_tokens(struct table *t)
{
	static const char digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";
	const unsigned char *from = t->image->bytes, *end = from + t->image->size, *hit;

	for (unsigned i = 0; i < DIGITS_MAX; i++, from = hit + 1) {
		hit = memmem(from, (size_t)(end - from), digits, sizeof(digits));
		if (!hit)
			return false;
		if (tokens_at(t, (size_t)(hit - t->image->bytes)))
			return true;
	}
	return false;
}

/* The length of the name at *@at, which is moved to its first token. 0: none. */
static size_t name_length(const struct image *image, size_t *at, size_t end)
{
	size_t length;

	if (*at + 2 > end)
		return 0;
	length = image->bytes[(*at)++];
	if (length & 0x80) /* since 6.1: two bytes, the low seven bits first */
		length = (length & 0x7f) | (size_t)image->bytes[(*at)++] << 7;
	return length <= NAME_MAX_LEN && *at + length <= end ? length : 0;
}

/* Do @n names begin at @names, with markers after them that say so? */
static bool names_fit(struct table *t, size_t names, uint32_t n)
{
	const struct image *image = t->image;
	_cleanup_free_ uint32_t *marks = malloc(((size_t)n / MARKER_EVERY + 1) * sizeof(*marks));
	size_t at = names;

	if (!marks)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		size_t length;

		if (i % MARKER_EVERY == 0)
			marks[i / MARKER_EVERY] = (uint32_t)(at - names);
		length = name_length(image, &at, t->tokens);
		if (!length)
			return false;
		at += length;
		t->steps++;
	}
	n = (n + MARKER_EVERY - 1) / MARKER_EVERY;
	for (size_t alignment = 4; alignment <= 8; alignment += 4) {
		size_t markers = align(at, alignment);

		if (markers + n * sizeof(*marks) <= t->tokens &&
			memcmp(image->bytes + markers, marks, n * sizeof(*marks)) == 0)
			return true;
	}
	return false;
}

/* Are there names at @at, with their number in @bytes before them? */
static bool names_at(struct table *t, size_t at, size_t bytes)
{
	uint64_t n = 0;

	if (!get(t->image, at - bytes, &n, bytes) || n < SYMBOLS_MIN || n > SYMBOLS_MAX ||
		!names_fit(t, at, (uint32_t)n))
		return false;
	t->count_at = at - bytes;
	t->names = at;
	t->n = (uint32_t)n;
	return true;
}

/* The number takes 8 bytes with what aligns the names, or, by Linux 7.2, 4. */
static bool find_names(struct table *t)
{
	size_t lowest = t->tokens > NAMES_BYTES ? t->tokens - NAMES_BYTES : 0;

	for (size_t at = t->tokens & ~(size_t)3; at >= lowest + 8 && t->steps < STEPS_MAX; at -= 4)
		if ((at % 8 == 0 && names_at(t, at, 8)) || names_at(t, at, 4))
			return true;
	return false;
}

static bool addresses_at(struct table *t, size_t offsets, size_t base_at)
{
	uint32_t negative = 0;

	if (!get(t->image, base_at, &t->base, sizeof(t->base)) || t->base < t->image->from ||
		t->base - t->image->from >= t->image->size ||
		offsets + (size_t)t->n * 4 > t->image->size)
		return false;
	t->offsets = offsets;
	for (uint32_t i = 0; i < t->n; i++) {
		int32_t offset;

		memcpy(&offset, t->image->bytes + offsets + (size_t)i * 4, 4);
		negative += offset < 0;
	}
	t->negative = negative > t->n / 2;
	return true;
}

static uint64_t address_of(const struct table *t, uint32_t i)
{
	int32_t offset;

	memcpy(&offset, t->image->bytes + t->offsets + (size_t)i * 4, 4);
	if (t->relative)
		return t->image->from + t->offsets + (size_t)i * 4 + (uint64_t)(int64_t)offset;
	if (!t->negative)
		return t->base + (uint32_t)offset;
	return offset >= 0 ? (uint64_t)offset : t->base - 1 - (int64_t)offset;
}

/* By Linux 7.2 each offset is from its own place, and no base follows. Symbols are in order of
 * their addresses, and the last ones may be of parts that were freed. */
static bool relative_at(struct table *t, size_t offsets)
{
	const struct image *image = t->image;
	uint64_t last = image->from;

	if (offsets + (size_t)t->n * 4 > image->size)
		return false;
	t->offsets = offsets;
	t->relative = true;
	for (uint32_t i = 0; i < t->n && t->relative; i++) {
		uint64_t address = address_of(t, i);

		t->relative = address >= last && address - image->from <= IMAGE_MAX;
		last = address;
	}
	return t->relative;
}

/* Before the number of names, or, since 6.4, after the tokens. */
static bool find_addresses(struct table *t)
{
	size_t bytes = align((size_t)t->n * 4, 8), after = align(t->tokens_end, 8);

	if (t->count_at >= bytes + 8 && addresses_at(t, t->count_at - 8 - bytes, t->count_at - 8))
		return true;
	return addresses_at(t, after, after + bytes) || relative_at(t, align(t->tokens_end, 4));
}

/* Writes the type and the name; a sign that is no letter of a symbol becomes '?'. Returns how many
 * letters the name has; after @max no more are written. */
static size_t write_name(const struct table *t, size_t at, size_t length, FILE *f, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < length && n < max; i++) {
		const unsigned char *token =
			t->image->bytes + t->tokens + t->index[t->image->bytes[at + i]];

		for (; *token && n < max; token++, n++) {
			fputc(*token > ' ' && *token < 0x7f ? *token : '?', f);
			if (n == 0)
				fputc(' ', f);
		}
	}
	fputc('\n', f);
	return n;
}

/* -ENODATA: no kernel has so many names of such a length. */
static int write_lines(const struct table *t, FILE *f)
{
	uint64_t left = TEXT_MAX;
	size_t at = t->names;

	for (uint32_t i = 0; i < t->n && left > 0; i++) {
		size_t length = name_length(t->image, &at, t->tokens);

		fprintf(f, "%016llx ", (unsigned long long)address_of(t, i));
		left -= write_name(t, at, length, f, left);
		at += length;
	}
	return ferror(f) ? -EIO : left > 0 ? 0 : -ENODATA;
}

static int no_table(int r, struct error *error)
{
	return error_set(error, r,
		"no table of symbols was found in the guest kernel's memory: name a file "
		"by --symbols");
}

static int write_table(const struct table *t, const char *path, struct error *error)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	int r;

	if (!f) {
		r = -errno;
		close_safe(fd);
		return error_set_errno(error, r, "cannot write %s", path);
	}
	r = write_lines(t, f);
	if (fclose(f) < 0 && r == 0)
		r = -errno;
	if (r == 0)
		return 0;
	unlink(path);
	return r == -ENODATA ? no_table(r, error)
			     : error_set_errno(error, r, "cannot write %s", path);
}

int guest_kallsyms_write(
	const struct guest_memory *m, uint64_t cr3, const char *path, struct error *error)
{
	struct image image = {.memory = m};
	struct table t = {.image = &image};
	int r = copy_image(&image, cr3);

	if (r == 0 && !(find_tokens(&t) && find_names(&t) && find_addresses(&t)))
		r = -ENODATA;
	r = r == 0 ? write_table(&t, path, error) : no_table(r, error);
	free(image.bytes);
	return r;
}
