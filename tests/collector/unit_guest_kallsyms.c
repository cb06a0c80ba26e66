/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Promises of collector/inside/guest_kallsyms.h, on a kernel's image that is made here as
 * scripts/kallsyms of the kernel makes its table: names of tokens, markers, tokens, an index of
 * them, and addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "collector/inside/guest_kallsyms.h"
#include "tests/collector/guest_pages.h"
#include "tests/collector/temporary.h"

#define KERNEL       0xffffffff80000000ULL
#define IMAGE_MAX    (GUEST_PAGES_MAX * GUEST_PAGE)
#define IMAGE_BYTES  (256 * 1024)
#define SYMBOLS      1500
#define TABLE_AT     8192
#define MARKER_EVERY 256
#define LONG_NAME    700 /* of this symbol: its length takes two bytes */
#define LONG_LENGTH  300

/* What the guest's page tables map at KERNEL. */
static unsigned char image[IMAGE_MAX];
static size_t image_bytes = IMAGE_BYTES, end;

enum layout {
	ADDRESSES_FIRST,          /* before Linux 6.4 */
	ADDRESSES_LAST,           /* since */
	ADDRESSES_BELOW_THE_BASE, /* where per-CPU symbols are absolute: x86 on several processors
				   */
	ADDRESSES_BY_PLACE,       /* by Linux 7.2 */
	LAYOUTS
};

static void put(const void *bytes, size_t size)
{
	assert_true(end + size <= sizeof(image));
	memcpy(image + end, bytes, size);
	end += size;
}

static void align(size_t to)
{
	end = (end + to - 1) / to * to;
}

static uint64_t address_of(unsigned i)
{
	return KERNEL + 0x1000 + i * 32;
}

/* Type and name. */
static size_t name_of(unsigned i, char ret[LONG_LENGTH + 1])
{
	int n = snprintf(ret, LONG_LENGTH + 1, "%cfunction_%u", i % 2 ? 'T' : 't', i);

	if (i == LONG_NAME) {
		memset(ret + n, '_', LONG_LENGTH - (size_t)n);
		ret[LONG_LENGTH] = '\0';
		n = LONG_LENGTH;
	}
	return (size_t)n;
}

static void put_addresses(enum layout layout)
{
	uint64_t base = KERNEL + 0x1000;

	for (unsigned i = 0; i < SYMBOLS; i++) {
		int32_t offset = (int32_t)(address_of(i) - base);

		if (layout == ADDRESSES_BY_PLACE)
			offset = (int32_t)(address_of(i) - (KERNEL + end));

		/* The base is the lowest address; -1 - offset is what the kernel computes back. */
		if (layout == ADDRESSES_BELOW_THE_BASE)
			offset = -1 - offset;
		put(&offset, sizeof(offset));
	}
	if (layout != ADDRESSES_BY_PLACE) {
		align(8);
		put(&base, sizeof(base));
	}
}

static void put_names(uint32_t ret_marks[static SYMBOLS / MARKER_EVERY + 1])
{
	size_t names = end;

	for (unsigned i = 0; i < SYMBOLS; i++) {
		char name[LONG_LENGTH + 1];
		size_t n = name_of(i, name);
		unsigned char length[2] = {
			(unsigned char)(n < 128 ? n : (n & 127) | 128), (unsigned char)(n >> 7)};

		if (i % MARKER_EVERY == 0)
			ret_marks[i / MARKER_EVERY] = (uint32_t)(end - names);
		put(length, n < 128 ? 1 : 2);
		put(name, n);
	}
}

/* Each token is one character, but for the first one of @first; the real table has longer ones as
 * well. */
static void put_tokens(size_t alignment, unsigned first)
{
	uint16_t index[256];
	size_t tokens = end;

	for (int i = 0; i < 256; i++) {
		char token[2] = {(char)(i > ' ' && i < 0x7f ? i : '?'), '\0'};

		index[i] = (uint16_t)(end - tokens);
		for (unsigned n = 1; i == 0 && n < first; n++)
			put(token, 1);
		put(token, 2);
	}
	align(alignment);
	put(index, sizeof(index));
}

static void make_image(enum layout layout)
{
	uint32_t marks[SYMBOLS / MARKER_EVERY + 1] = {0};
	bool last = layout == ADDRESSES_LAST || layout == ADDRESSES_BY_PLACE;
	size_t alignment = layout == ADDRESSES_BY_PLACE ? 4 : 8;
	uint64_t n = SYMBOLS;

	memset(image, 0xcc, sizeof(image));
	end = TABLE_AT + alignment;
	if (!last)
		put_addresses(layout);
	put(&n, alignment);
	put_names(marks);
	align(alignment);
	put(marks, sizeof(marks));
	align(alignment);
	put_tokens(alignment, 1);
	align(alignment);
	if (last)
		put_addresses(layout);
}

/* Of a guest that has the image in its memory. */
static int write_table(struct error *error)
{
	static unsigned char memory[GUEST_PAGES_FROM + IMAGE_MAX];
	size_t size = GUEST_PAGES_FROM + image_bytes;
	int fd = memfd_create("guest", MFD_CLOEXEC), r;
	struct guest_memory *m;

	memcpy(memory + GUEST_PAGES_FROM, image, image_bytes);
	guest_pages_map(memory, KERNEL, image_bytes / GUEST_PAGE);
	assert_int_equal(write(fd, memory, size), size);
	m = guest_pages_memory(fd, size);
	assert_non_null(m);
	r = guest_kallsyms_write(m, GUEST_PAGES_ROOT, in_dir("kallsyms"), error);
	guest_memory_close(m);
	close(fd);
	return r;
}

static int read_table(struct error *error)
{
	unlink(in_dir("kallsyms"));
	return write_table(error);
}

static void assert_all_are_there(void)
{
	FILE *f = fopen(in_dir("kallsyms"), "r");

	assert_non_null(f);
	for (unsigned i = 0; i < SYMBOLS; i++) {
		char line[LONG_LENGTH + 100], expected[LONG_LENGTH + 100], name[LONG_LENGTH + 1];

		name_of(i, name);
		snprintf(expected, sizeof(expected), "%016llx %c %s\n",
			(unsigned long long)address_of(i), name[0], name + 1);
		assert_non_null(fgets(line, sizeof(line), f));
		assert_string_equal(line, expected);
	}
	assert_int_equal(fgetc(f), EOF);
	fclose(f);
}

static void every_layout_of_the_table_is_read(void **state)
{
	(void)state;
	for (enum layout layout = ADDRESSES_FIRST; layout < LAYOUTS; layout++) {
		make_image(layout);
		assert_int_equal(read_table(NULL), 0);
		assert_all_are_there();
	}
}

static void a_kernel_without_a_table_is_told(void **state)
{
	struct error error = {0};

	(void)state;
	memset(image, 0, sizeof(image));
	assert_int_equal(read_table(&error), -ENODATA);
	assert_non_null(strstr(error.text, "--symbols"));
	assert_int_equal(access(in_dir("kallsyms"), F_OK), -1);
}

static void a_file_that_is_there_is_not_overwritten(void **state)
{
	(void)state;
	make_image(ADDRESSES_FIRST);
	write_text("kallsyms", "mine\n");
	assert_int_equal(write_table(NULL), -EEXIST);
}

/* Memory of a guest says anything; a table of it is read or refused, and nothing else happens. */
static void a_damaged_table_does_no_harm(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int round = 0; round < 300; round++) {
		int r;

		make_image((enum layout)(round % LAYOUTS));
		for (int i = 0; i < 1 + round % 8; i++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			image[TABLE_AT + (seed >> 33) % (end - TABLE_AT)] =
				(unsigned char)(seed >> 24);
		}
		r = read_table(NULL);
		assert_true(r == 0 || r == -ENODATA);
	}
}

static void a_table_that_is_cut_off_does_no_harm(void **state)
{
	(void)state;
	for (size_t cut = 64; cut < 30000; cut += 997) {
		int r;

		make_image(ADDRESSES_LAST);
		memset(image + end - cut, 0, IMAGE_BYTES - (end - cut));
		r = read_table(NULL);
		assert_true(r == 0 || r == -ENODATA);
	}
}

/* 2,000 names of 64 tokens with 60,000 letters each: 7 GB of text. */
static void names_longer_than_any_kernels_are_refused(void **state)
{
	enum { NAMES = 2000, TOKENS = 64 };
	uint32_t marks[NAMES / MARKER_EVERY + 1] = {0}, offsets[NAMES + 2] = {0};
	uint64_t n = NAMES, base = KERNEL;
	struct error error = {0};
	size_t names;

	(void)state;
	memset(image, 0, sizeof(image));
	end = TABLE_AT;
	put(offsets, NAMES * sizeof(*offsets));
	put(&base, sizeof(base));
	put(&n, sizeof(n));
	names = end;
	for (unsigned i = 0; i < NAMES; i++) {
		if (i % MARKER_EVERY == 0)
			marks[i / MARKER_EVERY] = (uint32_t)(end - names);
		image[end] = TOKENS; /* each of token 0 */
		end += 1 + TOKENS;
	}
	align(8);
	put(marks, sizeof(marks));
	align(8);
	put_tokens(8, 60000);
	assert_int_equal(read_table(&error), -ENODATA);
	assert_non_null(strstr(error.text, "--symbols"));
	assert_int_equal(access(in_dir("kallsyms"), F_OK), -1);
}

/* All before the tokens is names of three tokens, and each fourth byte may be their number. */
static void a_search_that_a_guest_makes_endless_is_given_up(void **state)
{
	(void)state;
	image_bytes = IMAGE_MAX;
	for (end = 0; end < IMAGE_MAX - 8192;)
		put("\3\377\2\0", 4);
	put_tokens(8, 1);
	assert_int_equal(read_table(NULL), -ENODATA);
	image_bytes = IMAGE_BYTES;
}

static bool no_page(uint64_t address, uint64_t physical, uint64_t size, void *userdata)
{
	(void)address;
	(void)physical;
	(void)size;
	(void)userdata;
	return true;
}

/* Half of 2 to the 36th entries, and no page in which code may be. */
static void tables_that_refer_to_themselves_are_given_up(void **state)
{
	static uint64_t memory[2 * GUEST_PAGE / 8];
	int fd = memfd_create("guest", MFD_CLOEXEC);
	struct guest_memory *m;

	(void)state;
	for (unsigned i = 0; i < 512; i++)
		memory[512 + i] = GUEST_PAGES_ROOT | 3 | (uint64_t)1 << 63;
	assert_int_equal(write(fd, memory, sizeof(memory)), sizeof(memory));
	m = guest_pages_memory(fd, sizeof(memory));
	assert_non_null(m);
	assert_int_equal(guest_memory_pages(m, GUEST_PAGES_ROOT, 0, (uint64_t)1 << 47,
				 GUEST_PAGES_EXECUTABLE, 64, no_page, NULL),
		0);
	guest_memory_close(m);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_layout_of_the_table_is_read),
		cmocka_unit_test(a_kernel_without_a_table_is_told),
		cmocka_unit_test(a_file_that_is_there_is_not_overwritten),
		cmocka_unit_test(a_damaged_table_does_no_harm),
		cmocka_unit_test(a_table_that_is_cut_off_does_no_harm),
		cmocka_unit_test(names_longer_than_any_kernels_are_refused),
		cmocka_unit_test(a_search_that_a_guest_makes_endless_is_given_up),
		cmocka_unit_test(tables_that_refer_to_themselves_are_given_up),
	};

	return cmocka_run_group_tests(tests, temporary_make, temporary_remove);
}
