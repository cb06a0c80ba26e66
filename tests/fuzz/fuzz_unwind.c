/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What unwind tables are made from: an ELF file, Linux's ORC, a table's file in the cache. The first byte
 * says which; where that is none of these, the whole input is an ELF file.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/unwind/unwind_bzimage.h"
#include "collector/unwind/unwind_cache.h"
#include "collector/unwind/unwind_table.h"
#include "tests/fuzz/fuzz.h"

#define ORC_BYTES 10 /* an entry and its address */

static const uint8_t build_id[] = {'t', 'e', 's', 't'};

/* What unwind_table.h and probes/unwind.h promise: an eBPF program relies on it. */
static void check(struct unwind_table *t)
{
	if (!t->n_rows || !t->n_rules || t->rules[0].cfa_base != UNWIND_NONE ||
		t->rows[t->n_rows - 1].rule != 0 || t->n_rules > UNWIND_RULES_MAX ||
		t->n_rows >> UNWIND_ROW_STEPS)
		abort();
	for (size_t i = 0; i < t->n_rows; i++) {
		const struct unwind_row *row = &t->rows[i];

		if (row->rule >= t->n_rules || (i > 0 && row->pc <= row[-1].pc) ||
			unwind_table_find(t, t->base + row->pc) != &t->rules[row->rule])
			abort();
	}
	for (size_t i = 0; i < t->n_rules; i++)
		if (t->rules[i].cfa_base == UNWIND_CFA || t->rules[i].cfa_base > UNWIND_OTHER ||
			t->rules[i].rbp_base > UNWIND_CFA || t->rules[i].other >= UNWIND_OTHERS)
			abort();
	unwind_table_done(t);
}

static void make_of_elf(const uint8_t *data, size_t size)
{
	struct unwind_table t;
	int fd = fuzz_file(data, size);

	if (unwind_table_of_image(data, size, &t, NULL) == 0)
		check(&t);
	if (unwind_table_of_elf(fd, fd, &t, NULL) == 0)
		check(&t);
	if (unwind_table_of_vmlinux(fd, &t, NULL) == 0)
		check(&t);
	close(fd);
}

static void make_of_orc(const uint8_t *data, size_t size)
{
	const size_t n = size / ORC_BYTES;
	const struct unwind_orc orc = {
		.ips = data, .entries = data + n * 4, .n = n, .ips_address = 0xffffffff82000000};
	struct unwind_table t;

	if (unwind_table_of_orc(&orc, &t, NULL) == 0)
		check(&t);
}

static void make_of_bzimage(const uint8_t *data, size_t size)
{
	struct unwind_table t;
	int fd = fuzz_file(data, size);

	if (unwind_table_of_bzimage(fd, &t, NULL) == 0)
		check(&t);
	close(fd);
}

static void read_cached(const uint8_t *data, size_t size)
{
	struct unwind_table t;
	int fd = fuzz_file(data, size);

	if (lseek(fd, 0, SEEK_SET) == 0 &&
		unwind_cache_read(fd, build_id, sizeof(build_id), &t) == 0)
		check(&t);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	switch (size ? data[0] : 0) {
	case 'O':
		make_of_orc(data + 1, size - 1);
		break;
	case 'B':
		make_of_bzimage(data + 1, size - 1);
		break;
	case 'C':
		read_cached(data + 1, size - 1);
		break;
	default:
		make_of_elf(data, size);
	}
	return 0;
}
