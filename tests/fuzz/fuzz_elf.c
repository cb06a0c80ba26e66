/* SPDX-License-Identifier: GPL-2.0-or-later */

/* An ELF file, as a guest or a process may bring it: headers, segments and functions. */

#include <stdlib.h>
#include <unistd.h>

#include "collector/symbols/elf_file.h"
#include "tests/fuzz/fuzz.h"

#define TABLE_GAP_MAX (1U << 20)

static void read_functions(const uint8_t *data, size_t size)
{
	struct symbol_table *t = symbol_table_new(TABLE_GAP_MAX);

	if (t && elf_image_functions_read(data, size, ELF_ALL_PARTS, t) == 0) {
		symbol_table_finish(t);
		for (size_t i = 0; i < t->n; i++)
			if (t->entries[i].name >= t->names_used && t->entries[i].name)
				abort();
	}
	symbol_table_free(t);
}

static void read_segments(const struct elf_file *file)
{
	uint64_t address, offset;

	for (size_t i = 0; i < file->n_segments; i++) {
		const struct elf_segment *s = &file->segments[i];

		if (elf_mapping_to_address(file, s->offset, s->file_bytes, &address) == 0)
			elf_address_to_offset(file, address, &offset);
		elf_address_to_offset(file, s->address + s->memory_bytes - 1, &offset);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_file file;
	int fd = fuzz_file(data, size);

	if (elf_file_read(fd, &file) == 0)
		read_segments(&file);
	if (elf_image_read(data, size, &file) == 0)
		read_functions(data, size);
	close(fd);
	return 0;
}
