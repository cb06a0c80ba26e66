/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/elf_file.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>
#include <sys/stat.h>

#include "collector/symbols/elf_handle.h"
#include "common/cleanup.h"

static void read_segments(Elf *elf, struct elf_file *ret)
{
	size_t n;

	if (elf_getphdrnum(elf, &n) < 0)
		return;
	for (size_t i = 0; i < n && i < 4096 && ret->n_segments < ELF_SEGMENTS_MAX; i++) {
		GElf_Phdr p;

		if (!gelf_getphdr(elf, (int)i, &p) || p.p_type != PT_LOAD)
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

static void read_build_id(Elf_Data *data, struct elf_file *ret)
{
	size_t offset = 0, name, desc;
	GElf_Nhdr note;

	while (offset < data->d_size &&
		(offset = gelf_getnote(data, offset, &note, &name, &desc)) > 0) {
		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 ||
			memcmp((const char *)data->d_buf + name, "GNU", 4) != 0 ||
			note.n_descsz < 4 || note.n_descsz > ELF_BUILD_ID_MAX)
			continue;
		memcpy(ret->build_id, (const char *)data->d_buf + desc, note.n_descsz);
		ret->build_id_bytes = note.n_descsz;
		return;
	}
}

/* Without section headers (the vDSO of some kernels, hand-made files) notes are in a segment. */
static void read_build_id_from_segments(Elf *elf, struct elf_file *ret)
{
	size_t n;

	if (elf_getphdrnum(elf, &n) < 0)
		return;
	for (size_t i = 0; i < n && i < 4096 && ret->build_id_bytes == 0; i++) {
		Elf_Data *data;
		GElf_Phdr p;

		if (!gelf_getphdr(elf, (int)i, &p) || p.p_type != PT_NOTE || p.p_filesz > 1 << 20)
			continue;
		data = elf_getdata_rawchunk(elf, (int64_t)p.p_offset, p.p_filesz, ELF_T_NHDR);
		if (data && data->d_buf)
			read_build_id(data, ret);
	}
}

/* A file name, NUL, padding to 4 bytes, CRC-32 in the byte order of the file. */
static void read_debug_link(Elf_Data *data, struct elf_file *ret)
{
	const char *name = data->d_buf;
	size_t length = strnlen(name, data->d_size);
	size_t at = (length + 4) & ~(size_t)3;

	if (length == 0 || length >= sizeof(ret->debug_link) || at + 4 > data->d_size)
		return;
	/* A link that leaves its folder is not one that a linker made. */
	if (memchr(name, '/', length) || strcmp(name, "..") == 0)
		return;
	memcpy(ret->debug_link, name, length + 1);
	memcpy(&ret->debug_link_crc, name + at, 4);
}

static void read_section(
	Elf_Scn *section, const char *name, const GElf_Shdr *header, struct elf_file *ret)
{
	Elf_Data *data;

	if (header->sh_type == SHT_SYMTAB)
		ret->has_symtab = true;
	if (strcmp(name, ".debug_line") == 0 && header->sh_type != SHT_NOBITS)
		ret->has_lines = true;
	if (header->sh_type == SHT_NOTE && ret->build_id_bytes == 0) {
		data = elf_section_data(section, header);
		if (data)
			read_build_id(data, ret);
	} else if (strcmp(name, ".gnu_debuglink") == 0) {
		data = elf_section_data(section, header);
		if (data)
			read_debug_link(data, ret);
	}
}

static int read_headers(Elf *elf, struct elf_file *ret)
{
	struct elf_file file = {0};
	Elf_Scn *section = NULL;
	GElf_Ehdr header;
	size_t strings;

	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header))
		return -ENOEXEC;
	file.position_independent = header.e_type == ET_DYN;
	file.entry = header.e_entry;
	read_segments(elf, &file);
	if (elf_getshdrstrndx(elf, &strings) == 0) {
		while ((section = elf_nextscn(elf, section))) {
			const char *name;
			GElf_Shdr sh;

			if (!gelf_getshdr(section, &sh))
				continue;
			name = elf_strptr(elf, strings, sh.sh_name);
			read_section(section, name ? name : "", &sh, &file);
		}
	}
	if (file.build_id_bytes == 0)
		read_build_id_from_segments(elf, &file);
	*ret = file;
	return 0;
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
