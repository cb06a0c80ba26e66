/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/unwind/unwind_section.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collector/symbols/elf_handle.h"

static Elf_Scn *find(Elf *elf, const char *name, GElf_Shdr *ret)
{
	Elf_Scn *section = NULL;
	size_t strings;

	if (elf_getshdrstrndx(elf, &strings) < 0)
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		const char *found =
			gelf_getshdr(section, ret) ? elf_strptr(elf, strings, ret->sh_name) : NULL;

		if (found && strcmp(found, name) == 0)
			return section;
	}
	return NULL;
}

Elf_Data *unwind_section_find(Elf *elf, const char *name, uint64_t *ret_address)
{
	GElf_Shdr header;
	Elf_Scn *section = find(elf, name, &header);

	if (!section)
		return NULL;
	*ret_address = header.sh_addr;
	return elf_section_data(section, &header);
}

/* Is it not larger when it is unpacked than anything may be? Zeros pack a thousand to one. */
static bool can_be_unpacked(Elf_Scn *section)
{
	GElf_Chdr header;

	return gelf_getchdr(section, &header) && header.ch_size <= ELF_SECTION_BYTES_MAX;
}

/* The form before SHF_COMPRESSED: the section's name says it, and four letters do. */
static bool can_be_unpacked_gnu(Elf_Scn *section, const GElf_Shdr *header)
{
	const Elf_Data *data = elf_section_data(section, header);
	uint64_t size;

	if (!data || data->d_size < 4 + sizeof(size) || memcmp(data->d_buf, "ZLIB", 4) != 0)
		return false;
	memcpy(&size, (const char *)data->d_buf + 4, sizeof(size));
	return be64toh(size) <= ELF_SECTION_BYTES_MAX;
}

static Elf_Data *find_debug_frame(Elf *elf)
{
	GElf_Shdr header;
	Elf_Scn *section = find(elf, ".debug_frame", &header);

	if (section && header.sh_flags & SHF_COMPRESSED) {
		if (header.sh_type == SHT_NOBITS || header.sh_size > ELF_SECTION_BYTES_MAX ||
			!can_be_unpacked(section) || elf_compress(section, 0, 0) < 0 ||
			!gelf_getshdr(section, &header))
			return NULL;
	} else if (!section) {
		section = find(elf, ".zdebug_frame", &header);
		if (!section || !can_be_unpacked_gnu(section, &header) ||
			elf_compress_gnu(section, 0, 0) < 0 || !gelf_getshdr(section, &header))
			return NULL;
	}
	return elf_section_data(section, &header);
}

int unwind_debug_frame_read(Elf *elf, void **ret, size_t *ret_size)
{
	static const char names[] = "\0.debug_frame\0.shstrtab";
	const Elf_Data *data = find_debug_frame(elf);
	struct {
		Elf64_Ehdr header;
		Elf64_Shdr sections[3];
		char names[sizeof(names)];
	} * file;

	if (!data)
		return -ENODATA;
	*ret_size = sizeof(*file) + data->d_size;
	file = calloc(1, *ret_size);
	if (!file)
		return -ENOMEM;
	file->header = (Elf64_Ehdr){
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(file->header),
		.e_shoff = sizeof(file->header),
		.e_shentsize = sizeof(file->sections[0]),
		.e_shnum = 3,
		.e_shstrndx = 2,
	};
	file->sections[1] = (Elf64_Shdr){.sh_name = 1,
		.sh_type = SHT_PROGBITS,
		.sh_offset = sizeof(*file),
		.sh_size = data->d_size,
		.sh_addralign = 1};
	file->sections[2] = (Elf64_Shdr){.sh_name = sizeof("\0.debug_frame"),
		.sh_type = SHT_STRTAB,
		.sh_offset = (uint64_t)((char *)file->names - (char *)file),
		.sh_size = sizeof(names),
		.sh_addralign = 1};
	memcpy(file->names, names, sizeof(names));
	memcpy((char *)file + sizeof(*file), data->d_buf, data->d_size);
	*ret = file;
	return 0;
}
