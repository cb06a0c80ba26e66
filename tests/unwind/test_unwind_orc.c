/* SPDX-License-Identifier: GPL-2.0-or-later */

/* ORC in each layout that Linux ever had, made here; and in the kernels that are here, where the
 * calls in their own code tell where functions begin. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/symbols/elf_handle.h"
#include "collector/unwind/unwind_bzimage.h"
#include "collector/unwind/unwind_table.h"
#include "common/cleanup.h"

#define TEXT    0xffffffff81000000ULL
#define IPS     0xffffffff82000000ULL
#define ENTRIES 64
#define STEP    16 /* bytes from an entry to the next */

/* As the kernel's header of a release has it. */
struct form {
	const char *release;
	uint8_t sp, bp, prev_sp, bp_indirect, sp_indirect, r10;
	uint8_t call, regs, regs_partial, undefined, end; /* the last byte of each */
	bool has_end;
};

static const struct form forms[] = {
	{"4.14", 5, 4, 1, 8, 9, 6, 0, 1, 2, 0, 0, false},
	{"4.18", 5, 4, 1, 8, 9, 6, 0, 1, 2, 0, 4, true},
	{"6.3", 5, 4, 1, 8, 9, 6, 0, 1 | 4, 2 | 4, 0, 8, true},
	{"6.4", 5, 4, 1, 8, 9, 6, 2, 3 | 8, 4 | 8, 0, 1, true},
	{"7.2", 3, 4, 8, 10, 9, 6, 2, 3 | 8, 4 | 8, 0, 1, true},
};

struct orc {
	int32_t ips[ENTRIES];
	uint8_t entries[ENTRIES][6];
	size_t n;
};

static void add_at(struct orc *o, uint64_t address, int16_t sp_offset, int16_t bp_offset,
	unsigned sp, unsigned bp, uint8_t last)
{
	uint8_t *entry = o->entries[o->n];

	assert_true(o->n < ENTRIES);
	memcpy(entry, &sp_offset, 2);
	memcpy(entry + 2, &bp_offset, 2);
	entry[4] = (uint8_t)(sp | bp << 4);
	entry[5] = last;
	o->ips[o->n] = (int32_t)(int64_t)(address - (IPS + 4 * o->n));
	o->n++;
}

static void add(
	struct orc *o, int16_t sp_offset, int16_t bp_offset, unsigned sp, unsigned bp, uint8_t last)
{
	add_at(o, TEXT + o->n * STEP, sp_offset, bp_offset, sp, bp, last);
}

/* Functions as most are, then one of each kind, each STEP bytes on. */
#define KINDS_BEGIN 24
static struct orc make(const struct form *f)
{
	struct orc o = {.n = 0};

	for (int i = 0; i < KINDS_BEGIN / 3; i++) {
		add(&o, 8, 0, f->sp, 0, f->call);
		add(&o, 16, -16, f->sp, f->prev_sp, f->call);
		add(&o, 16, -16, f->bp, f->prev_sp, f->call);
	}
	add(&o, -40, 0, f->bp_indirect, f->bp, f->call);
	add(&o, 16, 0, f->sp_indirect, 0, f->call);
	add(&o, 0, 0, f->r10, 0, f->call);
	add(&o, 8, 0, f->sp, 0, f->regs);
	add(&o, 24, 0, f->sp, 0, f->regs_partial);
	add(&o, 0, 0, 0, 0, f->end);
	add(&o, 0, 0, 0, 0, f->undefined);
	return o;
}

static int table_of(const struct orc *o, struct unwind_table *ret)
{
	const struct unwind_orc orc = {
		.ips = o->ips, .entries = o->entries, .n = o->n, .ips_address = IPS};

	return unwind_table_of_orc(&orc, ret, NULL);
}

static void assert_rule(const struct unwind_table *t, size_t i, struct unwind_rule expected)
{
	for (unsigned byte = 0; byte < STEP; byte += STEP - 1)
		assert_memory_equal(
			unwind_table_find(t, TEXT + i * STEP + byte), &expected, sizeof(expected));
}

static void check_kinds(const struct unwind_table *t, bool has_end)
{
	size_t i = KINDS_BEGIN;

	assert_rule(t, 0,
		(struct unwind_rule){.cfa_base = UNWIND_RSP, .cfa_offset = 8, .rip_offset = -8});
	assert_rule(t, 1,
		(struct unwind_rule){.cfa_base = UNWIND_RSP,
			.cfa_offset = 16,
			.rip_offset = -8,
			.rbp_base = UNWIND_CFA,
			.rbp_offset = -16});
	assert_rule(t, 2,
		(struct unwind_rule){.cfa_base = UNWIND_RBP,
			.cfa_offset = 16,
			.rip_offset = -8,
			.rbp_base = UNWIND_CFA,
			.rbp_offset = -16});
	assert_rule(t, i++,
		(struct unwind_rule){.cfa_base = UNWIND_RBP,
			.cfa_offset = -40,
			.flags = UNWIND_CFA_DEREF,
			.rip_offset = -8,
			.rbp_base = UNWIND_RBP});
	assert_rule(t, i++,
		(struct unwind_rule){.cfa_base = UNWIND_RSP,
			.cfa_add = 16,
			.flags = UNWIND_CFA_DEREF,
			.rip_offset = -8});
	assert_rule(t, i++, (struct unwind_rule){0});
	/* struct pt_regs: bp is its 5th word, ip the 17th, sp the 20th */
	assert_rule(t, i++,
		(struct unwind_rule){.cfa_base = UNWIND_RSP,
			.cfa_offset = 8,
			.flags = UNWIND_RSP_SAVED | UNWIND_EXACT,
			.rip_offset = 128,
			.rsp_offset = 152,
			.rbp_base = UNWIND_CFA,
			.rbp_offset = 32});
	assert_rule(t, i++,
		(struct unwind_rule){.cfa_base = UNWIND_RSP,
			.cfa_offset = 24,
			.flags = UNWIND_RSP_SAVED | UNWIND_EXACT,
			.rsp_offset = 24});
	if (has_end)
		assert_rule(
			t, i, (struct unwind_rule){.cfa_base = UNWIND_RSP, .flags = UNWIND_ROOT});
	else
		assert_rule(t, i, (struct unwind_rule){0});
	assert_rule(t, i + 1, (struct unwind_rule){0});
}

static void each_layout_is_told_by_its_content(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		const struct orc o = make(&forms[i]);
		struct unwind_table t;

		print_message("Linux %s\n", forms[i].release);
		assert_int_equal(table_of(&o, &t), 0);
		assert_int_equal(t.base, TEXT);
		assert_int_equal(t.rows[t.n_rows - 1].rule, 0);
		check_kinds(&t, forms[i].has_end);
		unwind_table_done(&t);
	}
}

/* Kernels before 5.6 sort them when they start; a section's end is no function. */
static void entries_may_lie_in_any_order(void **state)
{
	const struct form *f = &forms[1];
	struct unwind_table t;
	struct orc o = {.n = 0};

	(void)state;
	add_at(&o, TEXT + 0x2000, 8, 0, f->sp, 0, f->call);
	add_at(&o, TEXT + 0x1000, 16, 0, f->sp, 0, f->call);
	add_at(&o, TEXT + 0x2000, 0, 0, 0, 0, f->undefined);
	add_at(&o, TEXT + 0x3000, 0, 0, 0, 0, f->undefined);
	assert_int_equal(table_of(&o, &t), 0);
	assert_int_equal(t.n_rows, 3);
	assert_int_equal(unwind_table_find(&t, TEXT + 0xfff)->cfa_base, UNWIND_NONE);
	assert_int_equal(unwind_table_find(&t, TEXT + 0x1000)->cfa_offset, 16);
	assert_int_equal(unwind_table_find(&t, TEXT + 0x2fff)->cfa_offset, 8);
	assert_int_equal(unwind_table_find(&t, TEXT + 0x3000)->cfa_base, UNWIND_NONE);
	unwind_table_done(&t);
}

static void what_is_no_orc_is_refused(void **state)
{
	struct orc o = make(&forms[3]);
	struct unwind_orc orc;
	struct unwind_table t;
	unsigned seed = 1;

	(void)state;
	for (size_t i = 0; i < o.n; i++)
		for (size_t byte = 0; byte < 6; byte++)
			o.entries[i][byte] = (uint8_t)rand_r(&seed);
	assert_int_equal(table_of(&o, &t), -EBADMSG);
	memset(o.entries, 0xff, sizeof(o.entries));
	assert_int_equal(table_of(&o, &t), -EBADMSG);
	o.n = 0;
	assert_int_equal(table_of(&o, &t), -EBADMSG);
	/* addresses that lie further apart than a table can be */
	o = make(&forms[3]);
	o.ips[0] = INT32_MIN;
	o.ips[o.n - 1] = INT32_MAX;
	orc = (struct unwind_orc){
		.ips = o.ips, .entries = o.entries, .n = o.n, .ips_address = 1ULL << 40};
	assert_int_equal(unwind_table_of_orc(&orc, &t, NULL), -E2BIG);
}

/* A kernel's code: its first executable segment. */
static const uint8_t *code_of(Elf *elf, uint64_t *ret_address, size_t *ret_bytes)
{
	size_t n;

	assert_int_equal(elf_getphdrnum(elf, &n), 0);
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr p;
		Elf_Data *data;

		assert_non_null(gelf_getphdr(elf, (int)i, &p));
		if (p.p_type != PT_LOAD || !(p.p_flags & PF_X))
			continue;
		data = elf_getdata_rawchunk(elf, (int64_t)p.p_offset, p.p_filesz, ELF_T_BYTE);
		assert_non_null(data);
		*ret_address = p.p_vaddr;
		*ret_bytes = data->d_size;
		return data->d_buf;
	}
	fail_msg("the kernel has no code");
	return NULL;
}

/* Where at least four calls (e8, 32 bit distance) lead, and functions are aligned, one begins: the
 * return address is what RSP points to. */
static void check_calls(
	const struct unwind_table *t, const uint8_t *code, uint64_t address, size_t bytes)
{
	_cleanup_free_ uint8_t *calls = calloc(bytes, 1);
	size_t functions = 0, right = 0;

	assert_non_null(calls);
	for (size_t i = 0; i + 5 <= bytes; i++) {
		int32_t distance;
		uint64_t target;

		if (code[i] != 0xe8 || !unwind_table_find(t, address + i)->cfa_base)
			continue;
		memcpy(&distance, code + i + 1, sizeof(distance));
		target = i + 5 + (uint64_t)(int64_t)distance;
		if (target < bytes && (address + target) % 16 == 0 && calls[target] < 4)
			calls[target]++;
	}
	for (size_t i = 0; i < bytes; i++) {
		const struct unwind_rule *rule = unwind_table_find(t, address + i);

		if (calls[i] < 4 || rule->cfa_base == UNWIND_NONE)
			continue;
		functions++;
		right += rule->cfa_base == UNWIND_RSP && rule->cfa_offset == 8 &&
			 rule->rip_offset == -8 && rule->flags == 0 &&
			 rule->rbp_base == UNWIND_NONE;
	}
	print_message("%zu of %zu functions begin right\n", right, functions);
	assert_true(functions > 3000);
	assert_true(right * 1000 >= functions * 995);
}

static void check_kernel(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(elf_handle_done) Elf *elf = NULL;
	_cleanup_free_ void *kernel = NULL;
	struct error error = {0};
	struct unwind_table t;
	const uint8_t *code;
	uint64_t address = 0;
	size_t size, bytes = 0;
	int r = unwind_table_of_bzimage(fd, &t, &error);

	print_message("%s: %s, %zu rows, %zu rules\n", path, r < 0 ? error.text : "ORC",
		r < 0 ? 0 : t.n_rows, r < 0 ? 0 : t.n_rules);
	assert_int_equal(r, 0);
	assert_int_equal(unwind_bzimage_unpack(fd, &kernel, &size, NULL), 0);
	elf = elf_handle_image(kernel, size);
	assert_non_null(elf);
	code = code_of(elf, &address, &bytes);
	check_calls(&t, code, address, bytes);
	unwind_table_done(&t);
}

static void functions_of_real_kernels_begin_with_a_return_address(void **state)
{
	const char *guests = getenv("GUESTSCOPE_GUESTS");
	char pattern[4096];
	glob_t found;

	(void)state;
	if (guests)
		snprintf(pattern, sizeof(pattern), "%s/linux/vmlinuz-*", guests);
	else
		snprintf(pattern, sizeof(pattern),
			"%s/.local/share/guestscope/guests/linux/vmlinuz-*",
			getenv("HOME") ? getenv("HOME") : "");
	if (glob(pattern, 0, NULL, &found) != 0) {
		print_message("no kernel here: %s\n", pattern);
		skip();
	}
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_kernel(found.gl_pathv[i]);
	globfree(&found);
}

static void what_is_no_kernel_is_refused(void **state)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct unwind_table t;

	(void)state;
	assert_int_equal(unwind_table_of_bzimage(fd, &t, NULL), -ENOEXEC);
	assert_int_equal(unwind_table_of_vmlinux(fd, &t, NULL), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_layout_is_told_by_its_content),
		cmocka_unit_test(entries_may_lie_in_any_order),
		cmocka_unit_test(what_is_no_orc_is_refused),
		cmocka_unit_test(what_is_no_kernel_is_refused),
		cmocka_unit_test(functions_of_real_kernels_begin_with_a_return_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
