/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/inside/guest_vdso.h, on a guest that has this process's vDSO in its memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "collector/inside/guest_vdso.h"
#include "tests/collector/guest_pages.h"
#include "tests/collector/temporary.h"

#define ADDRESS     0x7ffd10000000ULL
#define IMAGE_MAX   (16 * GUEST_PAGE)
#define MEMORY_SIZE (GUEST_PAGES_FROM + IMAGE_MAX)

static unsigned char *memory;
static struct guest_memory *guest;
static char path[PATH_MAX];

static size_t own_size(const char *image)
{
	const Elf64_Ehdr *header = (const void *)image;

	return header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;
}

/* The program has touched the first page only. */
static int make_guest(void **state)
{
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);

	(void)state;
	if (!image || own_size(image) > IMAGE_MAX)
		return -1;
	guest = guest_pages_new(MEMORY_SIZE, &memory);
	if (!guest)
		return -1;
	guest_pages_map(memory, ADDRESS, 1);
	memcpy(memory + GUEST_PAGES_FROM, image, own_size(image));
	snprintf(path, sizeof(path), "%s/vdso", temporary_dir);
	(void)unlink(path);
	return 0;
}

static int end_guest(void **state)
{
	(void)state;
	guest_memory_close(guest);
	munmap(memory, MEMORY_SIZE);
	return 0;
}

static void it_is_copied_whole_and_found_where_it_lies(void **state)
{
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
	static char copy[IMAGE_MAX];
	uint64_t bias = 0;
	int fd;

	(void)state;
	assert_int_equal(guest_vdso_find(guest, GUEST_PAGES_ROOT, path, &bias), 0);
	assert_int_equal(bias, ADDRESS);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, copy, sizeof(copy)), own_size(image));
	assert_memory_equal(copy, image, own_size(image));
	close(fd);
	bias = 0; /* in the next program it is the same */
	assert_int_equal(guest_vdso_find(guest, GUEST_PAGES_ROOT, path, &bias), 0);
	assert_int_equal(bias, ADDRESS);
}

static void another_library_is_not_taken_for_it(void **state)
{
	unsigned char *name;
	uint64_t bias = 0;

	(void)state;
	name = memmem(memory + GUEST_PAGES_FROM, IMAGE_MAX, "linux-vdso", strlen("linux-vdso"));
	assert_non_null(name);
	name[0] = 'm';
	assert_int_equal(guest_vdso_find(guest, GUEST_PAGES_ROOT, path, &bias), -ENOENT);
	assert_int_equal(access(path, F_OK), -1);
}

static void an_image_that_ends_nowhere_is_left_out(void **state)
{
	Elf64_Ehdr *header = (void *)(memory + GUEST_PAGES_FROM);
	uint64_t bias = 0;

	(void)state;
	header->e_shoff = UINT64_MAX - 8;
	assert_int_equal(guest_vdso_find(guest, GUEST_PAGES_ROOT, path, &bias), -ENOENT);
	header->e_shoff = IMAGE_MAX;
	header->e_shnum = UINT16_MAX;
	assert_int_equal(guest_vdso_find(guest, GUEST_PAGES_ROOT, path, &bias), -ENOENT);
}

int main(void)
{
#define VDSO_TEST(name) cmocka_unit_test_setup_teardown(name, make_guest, end_guest)
	const struct CMUnitTest tests[] = {
		VDSO_TEST(it_is_copied_whole_and_found_where_it_lies),
		VDSO_TEST(another_library_is_not_taken_for_it),
		VDSO_TEST(an_image_that_ends_nowhere_is_left_out),
	};

	if (!getauxval(AT_SYSINFO_EHDR)) {
		printf("skipped: this kernel lends no vDSO\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, temporary_make, temporary_remove);
}
