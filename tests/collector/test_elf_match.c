/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/symbols/elf_match.h, by files made here: an ELF header, and one segment of
 * code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/symbols/elf_match.h"

#define CODE_BYTES 100000

static char folder[] = "/tmp/guestscope-elf-match-XXXXXX";
static char first[64], second[64];

/** @build_id: NULL for none. @tail: bytes behind everything, as symbols are. */
static void write_elf(
	const char *path, uint64_t address, unsigned char code, const char *build_id, size_t tail)
{
	const struct {
		Elf64_Nhdr head;
		char name[4], id[8];
	} note = {{4, 8, NT_GNU_BUILD_ID}, "GNU", ""};
	Elf64_Ehdr h = {.e_ident = ELFMAG "\x02\x01\x01",
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = 1,
		.e_phoff = sizeof(h),
		.e_ehsize = sizeof(h),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = build_id ? 2 : 1};
	Elf64_Phdr text = {.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_offset = 4096,
		.p_vaddr = address,
		.p_filesz = CODE_BYTES,
		.p_memsz = CODE_BYTES,
		.p_align = 4096};
	Elf64_Phdr notes = {.p_type = PT_NOTE,
		.p_flags = PF_R,
		.p_offset = 1024,
		.p_filesz = sizeof(note),
		.p_memsz = sizeof(note),
		.p_align = 4};
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fwrite(&h, sizeof(h), 1, f);
	fwrite(&text, sizeof(text), 1, f);
	fwrite(&notes, sizeof(notes), 1, f);
	fseek(f, 1024, SEEK_SET);
	fwrite(&note, offsetof(typeof(note), id), 1, f);
	fwrite(build_id ? build_id : "--------", 8, 1, f);
	fseek(f, 4096, SEEK_SET);
	for (size_t i = 0; i < CODE_BYTES + tail; i++)
		fputc(i == CODE_BYTES - 1 ? code : 0x90, f);
	assert_int_equal(fclose(f), 0);
}

static void the_same_code_is_the_same_build_whatever_symbols_follow(void **state)
{
	(void)state;
	write_elf(first, 0x200000, 1, NULL, 0);
	write_elf(second, 0x200000, 1, NULL, 5000);
	assert_int_equal(elf_same_build(first, second), 1);
}

/* As in OSv's kernels: the segment of the code begins with the file. */
static void the_files_header_is_no_code(void **state)
{
	FILE *f;

	(void)state;
	for (int i = 0; i < 2; i++) {
		const Elf64_Off zero = 0;
		const Elf64_Word flags = i ? 7 : 0;

		write_elf(i ? second : first, 0x200000, 1, NULL, 0);
		f = fopen(i ? second : first, "r+");
		assert_non_null(f);
		fseek(f, sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_offset), SEEK_SET);
		fwrite(&zero, sizeof(zero), 1, f);
		fseek(f, offsetof(Elf64_Ehdr, e_flags), SEEK_SET);
		fwrite(&flags, sizeof(flags), 1, f);
		assert_int_equal(fclose(f), 0);
	}
	assert_int_equal(elf_same_build(first, second), 1);
}

static void one_other_byte_or_another_address_is_another_build(void **state)
{
	(void)state;
	write_elf(first, 0x200000, 1, NULL, 0);
	write_elf(second, 0x200000, 2, NULL, 0);
	assert_int_equal(elf_same_build(first, second), 0);
	write_elf(second, 0x300000, 1, NULL, 0);
	assert_int_equal(elf_same_build(first, second), 0);
}

static void build_ids_decide_where_both_have_one(void **state)
{
	(void)state;
	write_elf(first, 0x200000, 1, "abcdefgh", 0);
	write_elf(second, 0x200000, 1, "abcdefgX", 0);
	assert_int_equal(elf_same_build(first, second), 0);
	write_elf(second, 0x300000, 7, "abcdefgh", 0);
	assert_int_equal(elf_same_build(first, second), 1);
	write_elf(second, 0x200000, 1, NULL, 0);
	assert_int_equal(elf_same_build(first, second), 1);
}

static void what_is_no_ELF_file_or_cut_off_does_not_tell(void **state)
{
	(void)state;
	write_elf(first, 0x200000, 1, NULL, 0);
	assert_int_equal(elf_same_build(first, "/etc/passwd"), -ENODATA);
	assert_int_equal(elf_same_build(first, "/nonexistent"), -ENOENT);
	write_elf(second, 0x200000, 1, NULL, 0);
	assert_int_equal(truncate(second, 50000), 0);
	assert_true(elf_same_build(first, second) != 1);
}

static void symbols_are_the_full_table_not_what_is_exported(void **state)
{
	(void)state;
	write_elf(first, 0x200000, 1, NULL, 0);
	assert_int_equal(elf_has_symbols(first, NULL), 0);
	assert_int_equal(elf_has_symbols("/proc/self/exe", NULL), 1);
	assert_int_equal(elf_has_symbols("/etc/passwd", NULL), -ENODATA);
	assert_int_equal(elf_has_symbols("/nonexistent", NULL), -ENOENT);
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(first, sizeof(first), "%s/first", folder);
	snprintf(second, sizeof(second), "%s/second", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(first);
	unlink(second);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_code_is_the_same_build_whatever_symbols_follow),
		cmocka_unit_test(the_files_header_is_no_code),
		cmocka_unit_test(one_other_byte_or_another_address_is_another_build),
		cmocka_unit_test(build_ids_decide_where_both_have_one),
		cmocka_unit_test(what_is_no_ELF_file_or_cut_off_does_not_tell),
		cmocka_unit_test(symbols_are_the_full_table_not_what_is_exported),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
