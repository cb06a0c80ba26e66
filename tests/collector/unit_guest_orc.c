/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/inside/guest_orc.h, on a kernel's ORC that is made here in a guest's memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collector/inside/guest_orc.h"
#include "tests/collector/guest_pages.h"

#define LINKED  0xffffffff81000000ULL
#define SLIDE   0x1a200000ULL
#define PAGES   8
#define ENTRIES 900
#define IPS     0x1800 /* across pages */
#define ORC     0x3800

/* What lies at the kernel's begin: the first page is its code. */
static unsigned char memory[GUEST_PAGES_FROM + PAGES * GUEST_PAGE], *const image = memory +
										   GUEST_PAGES_FROM;
static size_t pages_mapped;

static struct guest_orc bounds(uint64_t kernel)
{
	return (struct guest_orc){.ips = kernel + IPS,
		.ips_end = kernel + IPS + 4 * ENTRIES,
		.entries = kernel + ORC,
		.entries_end = kernel + ORC + 6 * ENTRIES};
}

static void put_ip(size_t i, uint64_t code)
{
	int32_t offset = (int32_t)(code - (IPS + 4 * i));

	memcpy(image + IPS + 4 * i, &offset, sizeof(offset));
}

/* As Linux 6.4 has it: functions, each a row at its begin and one where it has saved RBP. */
static void make_orc(void)
{
	memset(image, 0xcc, PAGES * GUEST_PAGE);
	for (size_t i = 0; i < ENTRIES; i++) {
		const int16_t offsets[2] = {i % 2 ? 16 : 8, i % 2 ? -16 : 0};
		unsigned char *entry = image + ORC + 6 * i;

		put_ip(i, i);
		memcpy(entry, offsets, sizeof(offsets));
		entry[4] = (unsigned char)(5 | (i % 2 ? 1 : 0) << 4);
		entry[5] = 2;
	}
	pages_mapped = PAGES;
}

static int read_orc(
	uint64_t kernel, uint64_t cr3, const struct guest_orc *at, struct unwind_table *ret)
{
	int fd = memfd_create("guest", MFD_CLOEXEC), r;
	struct guest_memory *m;

	guest_pages_map(memory, kernel, pages_mapped);
	assert_int_equal(write(fd, memory, sizeof(memory)), sizeof(memory));
	m = guest_pages_memory(fd, sizeof(memory));
	assert_non_null(m);
	r = guest_orc_read(m, cr3, at, ret);
	guest_memory_close(m);
	close(fd);
	return r;
}

static void the_table_is_right_wherever_the_kernel_lies(void **state)
{
	(void)state;
	make_orc();
	for (uint64_t kernel = LINKED; kernel <= LINKED + SLIDE; kernel += SLIDE) {
		const struct guest_orc at = bounds(kernel);
		struct unwind_table t;

		assert_int_equal(read_orc(kernel, GUEST_PAGES_ROOT, &at, &t), 0);
		assert_int_equal(t.base, kernel);
		assert_int_equal(t.n_rows, ENTRIES + 1);
		assert_int_equal(t.sources, UNWIND_ORC);
		for (size_t i = 0; i < ENTRIES; i++)
			assert_int_equal(
				unwind_table_find(&t, kernel + i)->cfa_offset, i % 2 ? 16 : 8);
		unwind_table_done(&t);
	}
}

static void assert_refused(const struct guest_orc *at, uint64_t cr3)
{
	struct unwind_table t;

	assert_int_equal(read_orc(LINKED, cr3, at, &t), -ENODATA);
}

static void bounds_that_are_none_are_refused(void **state)
{
	const struct guest_orc right = bounds(LINKED);
	struct guest_orc at = {0};

	(void)state;
	make_orc();
	assert_refused(&at, GUEST_PAGES_ROOT);
	assert_refused(&right, 0);
	at = right;
	at.ips_end = right.ips;
	assert_refused(&at, GUEST_PAGES_ROOT);
	at = right;
	at.entries_end -= 6;
	assert_refused(&at, GUEST_PAGES_ROOT);
	at = right;
	at.ips = right.ips_end;
	at.ips_end = right.ips;
	assert_refused(&at, GUEST_PAGES_ROOT);
	/* more than any kernel has */
	at = right;
	at.ips = LINKED;
	at.ips_end = LINKED + (4 << 24);
	at.entries = at.ips_end;
	at.entries_end = at.entries + (6 << 24);
	assert_refused(&at, GUEST_PAGES_ROOT);
	/* not in the kernel */
	at = right;
	at.ips -= 1ULL << 40;
	at.ips_end -= 1ULL << 40;
	assert_refused(&at, GUEST_PAGES_ROOT);
}

static void entries_that_are_not_in_order_yet_are_refused(void **state)
{
	const struct guest_orc at = bounds(LINKED);

	(void)state;
	make_orc();
	put_ip(500, 10);
	assert_refused(&at, GUEST_PAGES_ROOT);
	/* a page that is not there yet */
	for (size_t n = 1; n < 5; n++) {
		make_orc();
		pages_mapped = n;
		assert_refused(&at, GUEST_PAGES_ROOT);
	}
}

/* Memory of a guest says anything; its ORC is read or refused, and nothing else happens. */
static void damaged_entries_do_no_harm(void **state)
{
	const struct guest_orc at = bounds(LINKED);
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct unwind_table t;
		int r;

		make_orc();
		for (int i = 0; i <= round; i++)
			image[IPS + (size_t)rand_r(&seed) % (PAGES * GUEST_PAGE - IPS)] =
				(unsigned char)rand_r(&seed);
		r = read_orc(LINKED, GUEST_PAGES_ROOT, &at, &t);
		assert_true(r == 0 || r == -ENODATA);
		if (r < 0)
			continue;
		for (size_t i = 1; i < t.n_rows; i++)
			assert_true(t.rows[i].pc > t.rows[i - 1].pc);
		assert_int_equal(t.rows[t.n_rows - 1].rule, 0);
		unwind_table_done(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_right_wherever_the_kernel_lies),
		cmocka_unit_test(bounds_that_are_none_are_refused),
		cmocka_unit_test(entries_that_are_not_in_order_yet_are_refused),
		cmocka_unit_test(damaged_entries_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
