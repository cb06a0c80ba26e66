/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/inside/process_variable.h"
#include "common/cleanup.h"

#define SYMBOL "address_space_memory"

/*
 * Words of 8 bytes in QEMU's structures, by its source (include/exec/memory.h, ramblock.h), 2.12 to 11:
 *   AddressSpace	... name, root, current_map
 *   FlatView		... ranges, then nr and nr_allocated, of 4 bytes each
 *   FlatRange		mr, offset_in_region, start and size, of 16 bytes each
 *   RAMBlock		(two) mr, host, colo_cache, offset, used_length, max_length
 */
#define SPACE_WORDS  8
#define VIEW_WORDS   8
#define RANGE_WORDS  6
#define REGION_WORDS 64
#define BLOCK_WORDS  8
#define BLOCK_MR     2
#define BLOCK_HOST   3
#define BLOCK_USED   6
#define RANGES_MOST  4096
#define ADDRESS_END  ((uint64_t)1 << 47)
#define PAGE_BYTES   4096
#define TRIES        5

struct guest_layout {
	int fd;                      /* the process's memory */
	uint64_t space;              /* where the machine's address space is in it */
	uint64_t words[SPACE_WORDS]; /* of it, as of the last look */
};

struct reader {
	int fd; /* the process's memory */
	struct guest_range *ranges;
	size_t n;
};

static bool is_pointer(uint64_t word)
{
	return word >= PAGE_BYTES && word < ADDRESS_END && word % 8 == 0;
}

static bool read_words(const struct reader *r, uint64_t at, uint64_t *ret, size_t n)
{
	size_t bytes = n * sizeof(*ret);

	return at < ADDRESS_END && pread(r->fd, ret, bytes, (off_t)at) == (ssize_t)bytes;
}

/* The block of memory of the region at @mr, which has to have @bytes. */
static bool find_block(const struct reader *r, uint64_t mr, uint64_t bytes, uint64_t *ret_host)
{
	uint64_t region[REGION_WORDS], block[BLOCK_WORDS];

	if (!read_words(r, mr, region, REGION_WORDS))
		return false;
	for (size_t i = 0; i < REGION_WORDS; i++) {
		if (!is_pointer(region[i]) || !read_words(r, region[i], block, BLOCK_WORDS) ||
			block[BLOCK_MR] != mr)
			continue;
		*ret_host = block[BLOCK_HOST];
		return *ret_host && *ret_host < ADDRESS_END && *ret_host % PAGE_BYTES == 0 &&
		       block[BLOCK_USED] >= bytes && block[BLOCK_USED] < ADDRESS_END;
	}
	return false;
}

/* Of all @n ranges, each of @stride words: are they in order? */
static bool in_order(const uint64_t *words, size_t n, size_t stride)
{
	uint64_t last = 0;

	for (size_t i = 0; i < n; i++) {
		const uint64_t *range = words + i * stride;
		uint64_t end;

		if (!is_pointer(range[0]) || range[3] || range[5] || !range[4] || range[2] < last ||
			__builtin_add_overflow(range[2], range[4], &end))
			return false;
		last = end;
	}
	return true;
}

static void keep(struct reader *r, const uint64_t *words, size_t n, size_t stride)
{
	for (size_t i = 0; i < n; i++) {
		const uint64_t *range = words + i * stride;
		uint64_t end, host;

		if (!__builtin_add_overflow(range[1], range[4], &end) &&
			find_block(r, range[0], end, &host))
			r->ranges[r->n++] = (struct guest_range){
				.physical = range[2], .size = range[4], .host = host + range[1]};
	}
}

/* The ranges that @view[@at] points to, if it is they. */
static bool take_ranges(struct reader *r, const uint64_t *view, size_t at)
{
	static const size_t strides[] = {8, 7, 10};
	uint64_t n = (uint32_t)view[at + 1], room = view[at + 1] >> 32;
	_cleanup_free_ uint64_t *words = NULL;

	if (!is_pointer(view[at]) || n == 0 || n > room || room > RANGES_MOST)
		return false;
	words = calloc(n, 10 * sizeof(*words));
	free(r->ranges);
	r->n = 0;
	r->ranges = calloc(n, sizeof(*r->ranges));
	for (size_t i = 0; words && r->ranges && i < ARRAY_SIZE(strides); i++) {
		/* Of the last one, what comes after its words need not be there. */
		size_t size = (n - 1) * strides[i] + RANGE_WORDS;

		if (!read_words(r, view[at], words, size) || !in_order(words, n, strides[i]))
			continue;
		keep(r, words, n, strides[i]);
		if (r->n)
			return true;
	}
	return false;
}

/* -EBADMSG: it is no address space. */
static int read_space(struct reader *r, uint64_t space)
{
	uint64_t words[SPACE_WORDS], view[VIEW_WORDS];

	if (!read_words(r, space, words, SPACE_WORDS))
		return -EIO;
	for (size_t i = 2; i < SPACE_WORDS; i++) {
		if (!is_pointer(words[i]) || !read_words(r, words[i], view, VIEW_WORDS))
			continue;
		for (size_t at = 2; at + 1 < VIEW_WORDS; at++)
			if (take_ranges(r, view, at))
				return 0;
	}
	return -EBADMSG;
}

/* QEMU may be about to change it: what is read twice is right. */
static int read_twice(struct reader *r, uint64_t space)
{
	_cleanup_free_ struct guest_range *before = NULL;
	size_t n = 0;

	for (unsigned i = 0; i < TRIES; i++) {
		int q = read_space(r, space);

		if (q < 0 && q != -EBADMSG)
			return q;
		if (q == 0 && before && n == r->n &&
			memcmp(before, r->ranges, n * sizeof(*before)) == 0)
			return 0;
		free(before);
		before = q == 0 ? TAKE_PTR(r->ranges) : NULL;
		n = r->n;
	}
	return -EBADMSG;
}

static int by_size(const void *a, const void *b)
{
	const struct guest_range *p = a, *q = b;

	return p->size < q->size ? 1 : p->size > q->size ? -1 : 0;
}

static int by_address(const void *a, const void *b)
{
	const struct guest_range *p = a, *q = b;

	return p->physical < q->physical ? -1 : p->physical > q->physical;
}

static void choose(struct reader *r, struct guest_range *ret, size_t *ret_n, uint64_t *ret_bytes,
	uint64_t *ret_left)
{
	uint64_t bytes = 0, left = 0;
	size_t n = r->n < GUEST_RANGES_MAX ? r->n : GUEST_RANGES_MAX;

	qsort(r->ranges, r->n, sizeof(*r->ranges), by_size);
	for (size_t i = n; i < r->n; i++)
		left += r->ranges[i].size;
	qsort(r->ranges, n, sizeof(*r->ranges), by_address);
	for (size_t i = 0; i < n; i++) {
		ret[i] = r->ranges[i];
		ret[i].offset = bytes;
		bytes += (ret[i].size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	}
	*ret_n = n;
	*ret_bytes = bytes;
	*ret_left = left;
}

int guest_layout_open(pid_t pid, struct guest_layout **ret, struct error *error)
{
	struct guest_layout *l;
	uint64_t space;
	char memory[64];
	int fd = -1, r = process_variable_find(pid, SYMBOL, &space);

	if (r == -ENOENT || r == -ENOEXEC)
		return error_set(error, -ENOENT,
			"this build of QEMU does not tell where it has the guest's memory: the "
			"symbol " SYMBOL " is missing");
	snprintf(memory, sizeof(memory), "/proc/%d/mem", (int)pid);
	if (r == 0)
		fd = open(memory, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, r < 0 ? r : -errno, "cannot read the memory of QEMU");
	l = calloc(1, sizeof(*l));
	if (!l) {
		close(fd);
		return -ENOMEM;
	}
	*l = (struct guest_layout){.fd = fd, .space = space};
	*ret = l;
	return 0;
}

bool guest_layout_changed(const struct guest_layout *l)
{
	const struct reader reader = {.fd = l->fd};
	uint64_t words[SPACE_WORDS];

	return read_words(&reader, l->space, words, SPACE_WORDS) &&
	       memcmp(words, l->words, sizeof(words)) != 0;
}

int guest_layout_read(struct guest_layout *l, struct guest_range ret[static GUEST_RANGES_MAX],
	size_t *ret_n, uint64_t *ret_bytes, uint64_t *ret_left, struct error *error)
{
	struct reader reader = {.fd = l->fd};
	int r;

	/* Before the ranges: what changes meanwhile is seen the next time. */
	(void)read_words(&reader, l->space, l->words, SPACE_WORDS);
	r = read_twice(&reader, l->space);
	if (r == 0)
		choose(&reader, ret, ret_n, ret_bytes, ret_left);
	free(reader.ranges);
	if (r == -EBADMSG)
		return error_set(error, r,
			"where QEMU should have the map of the guest's memory is nothing that "
			"looks like it");
	return r < 0 ? error_set_errno(error, r, "cannot read the memory of QEMU") : 0;
}

void guest_layout_close(struct guest_layout *l)
{
	if (!l)
		return;
	close(l->fd);
	free(l);
}
