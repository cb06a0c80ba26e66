/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of guest_text_find(): a kernel that was moved, in a guest's memory made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "collector/inside/guest_modules.h"
#include "tests/collector/guest_pages.h"
#include "tests/collector/temporary.h"

#define LINKED      0x200000ULL
#define KERNEL_FROM 0xffffffff80000000ULL
#define ADDRESS     0xffffffff9a400000ULL /* of what is mapped; the kernel begins a few pages above */
#define FIRST       3
#define TEXT_PAGES  8
#define TEXT_BYTES  ((size_t)TEXT_PAGES * GUEST_PAGE)
#define MAPPED      16
#define MEMORY_SIZE (GUEST_PAGES_FROM + MAPPED * GUEST_PAGE)

static unsigned char text[TEXT_BYTES], *memory;
static struct guest_memory *guest;
static char path[PATH_MAX];

/* An ELF file whose one segment is the text. */
static int write_file(void)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr segment;
	} head = {.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
				     ELFDATA2LSB, EV_CURRENT},
			  .e_type = ET_EXEC,
			  .e_machine = EM_X86_64,
			  .e_version = EV_CURRENT,
			  .e_phoff = sizeof(Elf64_Ehdr),
			  .e_ehsize = sizeof(Elf64_Ehdr),
			  .e_phentsize = sizeof(Elf64_Phdr),
			  .e_phnum = 1},
		.segment = {.p_type = PT_LOAD,
			.p_flags = PF_R | PF_X,
			.p_offset = GUEST_PAGE,
			.p_vaddr = LINKED,
			.p_filesz = TEXT_BYTES,
			.p_memsz = TEXT_BYTES}};
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r = -1;

	if (fd >= 0 && pwrite(fd, &head, sizeof(head), 0) == sizeof(head) &&
		pwrite(fd, text, TEXT_BYTES, GUEST_PAGE) == (ssize_t)TEXT_BYTES)
		r = 0;
	if (fd >= 0)
		close(fd);
	return r;
}

static unsigned char *page(unsigned i)
{
	return memory + GUEST_PAGES_FROM + (size_t)(FIRST + i) * GUEST_PAGE;
}

static int make_guest(void **state)
{
	(void)state;
	for (size_t i = 0; i < TEXT_BYTES; i++)
		text[i] = (unsigned char)(i / GUEST_PAGE * 7 + i * i % 251);
	snprintf(path, sizeof(path), "%s/kernel.elf", temporary_dir);
	guest = guest_pages_new(MEMORY_SIZE, &memory);
	if (!guest || write_file() < 0)
		return -1;
	guest_pages_map(memory, ADDRESS, MAPPED);
	memcpy(page(0), text, TEXT_BYTES);
	return 0;
}

static int end_guest(void **state)
{
	(void)state;
	guest_memory_close(guest);
	munmap(memory, MEMORY_SIZE);
	return 0;
}

static int find(uint64_t *ret)
{
	return guest_text_find(guest, path, GUEST_PAGES_ROOT, KERNEL_FROM, UINT64_MAX, ret);
}

static void a_kernel_is_found_though_its_own_addresses_are_others(void **state)
{
	uint64_t bias = 0;

	(void)state;
	assert_int_equal(find(&bias), 0);
	assert_int_equal(bias, ADDRESS + FIRST * GUEST_PAGE - LINKED);
	for (unsigned i = 0; i < 3; i++)
		page(i)[100 + i] ^= 1;
	bias = 0;
	assert_int_equal(find(&bias), 0);
	assert_int_equal(bias, ADDRESS + FIRST * GUEST_PAGE - LINKED);
}

static void another_build_is_not_taken_for_it(void **state)
{
	uint64_t bias = 0;

	(void)state;
	for (unsigned i = 0; i < TEXT_PAGES / 2; i++)
		page(i)[0] ^= 1;
	assert_int_equal(find(&bias), -ENOENT);
	assert_int_equal(bias, 0);
}

static void what_lies_below_is_not_looked_at(void **state)
{
	uint64_t bias = 0;

	(void)state;
	assert_int_equal(guest_text_find(guest, path, GUEST_PAGES_ROOT, ADDRESS + 0x10000000,
				 UINT64_MAX, &bias),
		-ENOENT);
}

static void a_file_that_is_none_is_found_nowhere(void **state)
{
	uint64_t bias = 0;

	(void)state;
	assert_int_equal(unlink(path), 0);
	assert_int_equal(find(&bias), -ENOENT);
}

int main(void)
{
#define TEXT_TEST(name) cmocka_unit_test_setup_teardown(name, make_guest, end_guest)
	const struct CMUnitTest tests[] = {
		TEXT_TEST(a_kernel_is_found_though_its_own_addresses_are_others),
		TEXT_TEST(another_build_is_not_taken_for_it),
		TEXT_TEST(what_lies_below_is_not_looked_at),
		TEXT_TEST(a_file_that_is_none_is_found_nowhere),
	};

	return cmocka_run_group_tests(tests, temporary_make, temporary_remove);
}
