/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/unwind/unwind_jit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/symbols/elf_handle.h"
#include "collector/unwind/unwind_text.h"
#include "common/array.h"
#include "common/cleanup.h"

#define SYMBOL            "__jit_debug_descriptor"
#define INTERFACE_VERSION 1

/* What a process can make us read. A list that has a circle ends by the first. */
#define ENTRIES_MAX     4096
#define IMAGE_BYTES_MAX (16U << 20)
#define BYTES_MAX       (64U << 20)

/* As they lie in the process's memory. */
struct descriptor {
	uint32_t version;
	uint32_t action;
	uint64_t relevant_entry;
	uint64_t first_entry;
};

struct entry {
	uint64_t next;
	uint64_t previous;
	uint64_t image;
	uint64_t image_bytes;
};

struct reader {
	int memory; /* /proc/PID/mem */
	struct unwind_jit_image *images;
	size_t n_images;
	size_t bytes; /* read so far */
};

static bool find_symbol(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, uint64_t *ret)
{
	Elf_Data *data = elf_section_data(section, header);
	GElf_Sym symbol;

	for (int i = 1; data && gelf_getsym(data, i, &symbol); i++) {
		const char *name = symbol.st_shndx == SHN_UNDEF
					   ? NULL
					   : elf_strptr(elf, header->sh_link, symbol.st_name);

		if (name && strcmp(name, SYMBOL) == 0) {
			*ret = symbol.st_value;
			return true;
		}
	}
	return false;
}

int unwind_jit_find(int fd, uint64_t *ret)
{
	_cleanup_(elf_handle_done) Elf *elf = elf_handle_open(fd);
	Elf_Scn *section = NULL;

	if (!elf || elf_kind(elf) != ELF_K_ELF)
		return -ENOEXEC;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header) &&
			(header.sh_type == SHT_DYNSYM || header.sh_type == SHT_SYMTAB) &&
			find_symbol(elf, section, &header, ret))
			return 0;
	}
	return -ENOENT;
}

static bool read_memory(const struct reader *r, uint64_t address, void *ret, size_t bytes)
{
	return address <= INT64_MAX &&
	       pread(r->memory, ret, bytes, (off_t)address) == (ssize_t)bytes;
}

/* From where to where the image has code. */
static bool read_extent(const void *image, size_t bytes, struct unwind_jit_image *ret)
{
	_cleanup_(elf_handle_done) Elf *elf = elf_handle_image(image, bytes);
	_cleanup_free_ struct unwind_text *text = malloc(sizeof(*text));

	if (!elf || elf_kind(elf) != ELF_K_ELF || !text)
		return false;
	unwind_text_read(elf, text);
	for (size_t i = 0; i < text->n_pieces; i++) {
		const struct unwind_text_piece *p = &text->pieces[i];

		if (i == 0 || p->begin < ret->begin)
			ret->begin = p->begin;
		if (i == 0 || p->end > ret->end)
			ret->end = p->end;
	}
	return text->n_pieces > 0;
}

/* One that is broken, or that changes meanwhile, is none. */
static int add_image(struct reader *r, const struct entry *entry)
{
	_cleanup_free_ void *image = NULL;
	struct unwind_jit_image new = {0};
	int result;

	if (entry->image_bytes == 0 || entry->image_bytes > IMAGE_BYTES_MAX ||
		entry->image_bytes > BYTES_MAX - r->bytes)
		return 0;
	image = malloc(entry->image_bytes);
	if (!image)
		return -ENOMEM;
	r->bytes += entry->image_bytes;
	if (!read_memory(r, entry->image, image, entry->image_bytes) ||
		!read_extent(image, entry->image_bytes, &new))
		return 0;
	result = unwind_table_of_image(image, entry->image_bytes, &new.table, NULL);
	if (result < 0)
		return result == -ENOMEM ? result : 0;
	result = ARRAY_ADD(r->images, r->n_images, new);
	if (result < 0)
		unwind_table_done(&new.table);
	return result;
}

static int read_entries(struct reader *r, uint64_t address)
{
	struct descriptor d;
	uint64_t at;
	int result = 0;

	if (!read_memory(r, address, &d, sizeof(d)) || d.version != INTERFACE_VERSION)
		return 0;
	at = d.first_entry;
	for (size_t i = 0; result == 0 && at != 0 && i < ENTRIES_MAX; i++) {
		struct entry entry;

		if (!read_memory(r, at, &entry, sizeof(entry)))
			break;
		result = add_image(r, &entry);
		at = entry.next == d.first_entry ? 0 : entry.next;
	}
	return result;
}

int unwind_jit_read(pid_t pid, uint64_t address, struct unwind_jit_image **ret, size_t *ret_n,
	struct error *error)
{
	struct reader r = {0};
	char path[64];
	int result;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	r.memory = open(path, O_RDONLY | O_CLOEXEC);
	if (r.memory < 0) {
		result = errno == ENOENT ? -ESRCH : -errno;
		return error_set_errno(
			error, result, "cannot read the memory of process %d", (int)pid);
	}
	result = read_entries(&r, address);
	close_safe(r.memory);
	if (result < 0) {
		unwind_jit_done(r.images, r.n_images);
		return error_no_memory(error, " for the unwind tables of process %d", (int)pid);
	}
	*ret = r.images;
	*ret_n = r.n_images;
	return 0;
}

void unwind_jit_done(struct unwind_jit_image *images, size_t n)
{
	for (size_t i = 0; i < n; i++)
		unwind_table_done(&images[i].table);
	free(images);
}
