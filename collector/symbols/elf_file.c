/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/elf_file.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>
#include <sys/stat.h>

#include "collector/symbols/elf_handle.h"
#include "common/cleanup.h"

#define SEGMENTS_READ_MAX 4096

/* Count what libdw would read of a file to tell its build; it knows no limit itself. */
static void count_bytes(uint64_t size, size_t *bytes)
{
	*bytes += size < ELF_SECTION_BYTES_MAX ? size : ELF_SECTION_BYTES_MAX;
}

static void read_segments(Elf *elf, struct elf_file *ret, size_t *identity_bytes)
{
	size_t n;

	if (elf_getphdrnum(elf, &n) < 0)
		return;
	if (n > SEGMENTS_READ_MAX)
		count_bytes(ELF_SECTION_BYTES_MAX, identity_bytes);
	for (size_t i = 0; i < n && i < SEGMENTS_READ_MAX; i++) {
		GElf_Phdr p;

		if (!gelf_getphdr(elf, (int)i, &p))
			continue;
		if (p.p_type == PT_NOTE)
			count_bytes(p.p_filesz, identity_bytes);
		if (p.p_type != PT_LOAD || ret->n_segments == ELF_SEGMENTS_MAX)
			continue;
		ret->segments[ret->n_segments++] = (struct elf_segment){
			.offset = p.p_offset,
			.file_bytes = p.p_filesz,
			.address = p.p_vaddr,
			.memory_bytes = p.p_memsz,
			.executable = p.p_flags & PF_X,
		};
	}
}

static void read_soname(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct elf_file *ret)
{
	Elf_Data *data = elf_section_data(section, header);
	GElf_Dyn dyn;

	for (int i = 0; data && gelf_getdyn(data, i, &dyn) && dyn.d_tag != DT_NULL; i++) {
		const char *name = dyn.d_tag == DT_SONAME
					   ? elf_strptr(elf, header->sh_link, dyn.d_un.d_val)
					   : NULL;

		if (name && strlen(name) < sizeof(ret->soname))
			memcpy(ret->soname, name, strlen(name) + 1);
	}
}

static void read_sections(Elf *elf, struct elf_file *ret, size_t *identity_bytes)
{
	Elf_Scn *section = NULL;
	size_t strings;

	if (elf_getshdrstrndx(elf, &strings) < 0)
		return;
	while ((section = elf_nextscn(elf, section))) {
		const char *name;
		GElf_Shdr sh;

		if (!gelf_getshdr(section, &sh))
			continue;
		name = elf_strptr(elf, strings, sh.sh_name);
		if (sh.sh_type == SHT_SYMTAB)
			ret->has_symtab = true;
		if (sh.sh_type == SHT_DYNAMIC)
			read_soname(elf, section, &sh, ret);
		if (name && strcmp(name, ".debug_line") == 0 && sh.sh_type != SHT_NOBITS)
			ret->has_lines = true;
		if (sh.sh_type == SHT_NOTE || (name && strcmp(name, ".gnu_debuglink") == 0))
			count_bytes(sh.sh_size, identity_bytes);
	}
}

/* The build-id, and the link to a separate debug file. */
static void read_identity(Elf *elf, struct elf_file *ret)
{
	const void *id = NULL;
	ssize_t n = dwelf_elf_gnu_build_id(elf, &id);
	const char *link = dwelf_elf_gnu_debuglink(elf, &ret->debug_link_crc);

	if (n >= 4 && n <= ELF_BUILD_ID_MAX) {
		memcpy(ret->build_id, id, (size_t)n);
		ret->build_id_bytes = (size_t)n;
	}
	/* A link that leaves its folder is not one that a linker made. */
	if (link && strlen(link) < sizeof(ret->debug_link) && !strchr(link, '/') &&
		strcmp(link, "..") != 0)
		memcpy(ret->debug_link, link, strlen(link) + 1);
}

static int read_headers(Elf *elf, struct elf_file *ret)
{
	struct elf_file file = {0};
	size_t identity_bytes = 0;
	GElf_Ehdr header;

	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header))
		return -ENOEXEC;
	file.entry = header.e_entry;
	read_segments(elf, &file, &identity_bytes);
	read_sections(elf, &file, &identity_bytes);
	if (identity_bytes < ELF_SECTION_BYTES_MAX)
		read_identity(elf, &file);
	*ret = file;
	return 0;
}

uint64_t elf_code_bytes(const struct elf_file *file)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < file->n_segments; i++)
		if (file->segments[i].executable)
			bytes += file->segments[i].file_bytes;
	return bytes;
}

bool elf_same_build_id(const struct elf_file *a, const struct elf_file *b)
{
	return a->build_id_bytes && a->build_id_bytes == b->build_id_bytes &&
	       memcmp(a->build_id, b->build_id, a->build_id_bytes) == 0;
}

Elf *elf_handle_open(int fd)
{
	struct stat st;

	/* Anything but a plain file could block or have no end. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return NULL;
	return elf_begin(fd, ELF_C_READ, NULL);
}

Elf *elf_handle_image(const void *image, size_t size)
{
	if (elf_version(EV_CURRENT) == EV_NONE)
		return NULL;
	/* libelf takes a writable pointer and does not write without being told to. */
	return elf_memory((char *)image, size);
}

void elf_handle_done(Elf **elf)
{
	if (*elf)
		elf_end(*elf);
}

Elf_Data *elf_section_data(Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data;

	/* A sparse file can be of any size; libelf only checks that the section is within it. */
	if (header->sh_type == SHT_NOBITS || header->sh_size == 0 ||
		header->sh_size > ELF_SECTION_BYTES_MAX || header->sh_flags & SHF_COMPRESSED)
		return NULL;
	data = elf_getdata(section, NULL);
	return data && data->d_buf && data->d_size > 0 ? data : NULL;
}

int elf_file_read(int fd, struct elf_file *ret)
{
	_cleanup_(elf_handle_done) Elf *elf = elf_handle_open(fd);

	return read_headers(elf, ret);
}

int elf_image_read(const void *image, size_t size, struct elf_file *ret)
{
	_cleanup_(elf_handle_done) Elf *elf = elf_handle_image(image, size);

	return read_headers(elf, ret);
}

/* How many bytes of the segment are in a mapping of @bytes from @offset on. */
static uint64_t bytes_mapped(const struct elf_segment *s, uint64_t offset, uint64_t bytes)
{
	uint64_t begin = s->offset > offset ? s->offset : offset;
	uint64_t end = s->offset + s->file_bytes;

	if (end > offset + bytes)
		end = offset + bytes;
	return end > begin ? end - begin : 0;
}

int elf_mapping_to_address(
	const struct elf_file *file, uint64_t offset, uint64_t bytes, uint64_t *ret)
{
	const struct elf_segment *best = NULL;
	uint64_t most = 0;

	/* Code that was made executable later is in a segment that is not. */
	for (int executable = 1; executable >= 0 && !best; executable--) {
		for (size_t i = 0; i < file->n_segments; i++) {
			const struct elf_segment *s = &file->segments[i];
			uint64_t n = bytes_mapped(s, offset, bytes);

			if (s->executable != executable || n <= most)
				continue;
			best = s;
			most = n;
		}
	}
	if (!best)
		return -ENOENT;
	*ret = best->address + offset - best->offset;
	return 0;
}

int elf_address_to_offset(const struct elf_file *file, uint64_t address, uint64_t *ret)
{
	for (size_t i = 0; i < file->n_segments; i++) {
		const struct elf_segment *s = &file->segments[i];

		if (address >= s->address && address - s->address < s->file_bytes) {
			*ret = s->offset + (address - s->address);
			return 0;
		}
	}
	return -ENOENT;
}
