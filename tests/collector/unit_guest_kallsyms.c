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

#include "collector/inside/guest_kallsyms.h"
#include "tests/collector/temporary.h"

#define KERNEL       0xffffffff80000000ULL
#define IMAGE_BYTES  (256 * 1024)
#define PAGE         4096
#define SYMBOLS      1500
#define TABLE_AT     8192
#define MARKER_EVERY 256
#define LONG_NAME    700 /* of this symbol: its length takes two bytes */
#define LONG_LENGTH  300

static unsigned char image[IMAGE_BYTES];
static size_t end;

/* The guest's memory is this image, wherever it is asked for. */
size_t __wrap_guest_memory_pages(const struct guest_memory *m, uint64_t cr3, uint64_t from,
	uint64_t to, bool executable, size_t max, guest_page_t each, void *userdata);
const void *__wrap_guest_memory_at(const struct guest_memory *m, uint64_t physical, size_t size);

size_t __wrap_guest_memory_pages(const struct guest_memory *m, uint64_t cr3, uint64_t from,
	uint64_t to, bool executable, size_t max, guest_page_t each, void *userdata)
{
	size_t n = 0;

	(void)m;
	(void)cr3;
	(void)executable;
	assert_true(from <= KERNEL && to > KERNEL + IMAGE_BYTES);
	while (n < IMAGE_BYTES / PAGE && n < max)
		if (!each(KERNEL + n * PAGE, n * PAGE, PAGE, userdata))
			break;
		else
			n++;
	return n;
}

const void *__wrap_guest_memory_at(const struct guest_memory *m, uint64_t physical, size_t size)
{
	(void)m;
	return physical <= IMAGE_BYTES && size <= IMAGE_BYTES - physical ? image + physical : NULL;
}

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
	assert_true(end + size <= IMAGE_BYTES);
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

/* Each token is one character; the real table has longer ones as well. */
static void put_tokens(size_t alignment)
{
	uint16_t index[256];
	size_t tokens = end;

	for (int i = 0; i < 256; i++) {
		char token[2] = {(char)(i > ' ' && i < 0x7f ? i : '?'), '\0'};

		index[i] = (uint16_t)(end - tokens);
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
	put_tokens(alignment);
	align(alignment);
	if (last)
		put_addresses(layout);
}

static int read_table(struct error *error)
{
	const char *path = in_dir("kallsyms");

	unlink(path);
	return guest_kallsyms_write(NULL, 0x1000, path, error);
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
	assert_int_equal(guest_kallsyms_write(NULL, 0x1000, in_dir("kallsyms"), NULL), -EEXIST);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_layout_of_the_table_is_read),
		cmocka_unit_test(a_kernel_without_a_table_is_told),
		cmocka_unit_test(a_file_that_is_there_is_not_overwritten),
		cmocka_unit_test(a_damaged_table_does_no_harm),
		cmocka_unit_test(a_table_that_is_cut_off_does_no_harm),
	};

	return cmocka_run_group_tests(tests, temporary_make, temporary_remove);
}
