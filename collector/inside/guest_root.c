/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/symbols/elf_handle.h"
#include "common/cleanup.h"

static bool is_wanted(const struct guest_root_symbol *wanted, const char *name)
{
	return strcmp(name, wanted->name) == 0 ||
	       (wanted->other_name && strcmp(name, wanted->other_name) == 0);
}

static bool find_in_section(Elf *elf, Elf_Scn *section, const GElf_Shdr *header,
	const struct guest_root_symbol *wanted, uint64_t *ret)
{
	Elf_Data *data = elf_section_data(section, header);
	size_t n = data ? data->d_size / gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT) : 0;

	for (size_t i = 1; i < n && i < INT32_MAX; i++) {
		const char *name;
		GElf_Sym symbol;

		if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF)
			continue;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (name && is_wanted(wanted, name)) {
			*ret = symbol.st_value;
			return true;
		}
	}
	return false;
}

/* -ENOEXEC: no ELF file. */
static int find_in_elf(int fd, const struct guest_root_symbol *wanted, uint64_t *ret)
{
	_cleanup_(elf_handle_done) Elf *elf = elf_handle_open(fd);
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	if (!elf || elf_kind(elf) != ELF_K_ELF)
		return -ENOEXEC;
	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, &header) &&
			(header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM) &&
			find_in_section(elf, section, &header, wanted, ret))
			return 0;
	return -ENOENT;
}

static int find_in_text(int fd, const struct guest_root_symbol *wanted, uint64_t *ret)
{
	_cleanup_fclose_ FILE *f = fdopen(dup(fd), "re");
	unsigned long long address;
	char line[512], name[256];

	if (!f)
		return -errno;
	rewind(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %*c %255s", &address, name) == 2 &&
			is_wanted(wanted, name)) {
			*ret = address;
			return 0;
		}
	return -ENOENT;
}

int guest_root_find(
	const char *path, const struct guest_root_symbol *wanted, struct guest_root *ret)
{
	_cleanup_close_ int fd = -1;
	uint64_t address = 0;
	int r;

	if (!wanted->name || !path)
		return -ENOENT;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = find_in_elf(fd, wanted, &address);
	if (r == -ENOEXEC)
		r = find_in_text(fd, wanted, &address);
	if (r < 0)
		return r;
	if (address < wanted->offset)
		return -ENOENT;
	*ret = (struct guest_root){0};
	if (wanted->is_pointer)
		ret->pointer_at = address - wanted->offset;
	else
		ret->physical = address - wanted->offset;
	return 0;
}
