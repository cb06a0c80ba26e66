/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/symbols/elf_handle.h"
#include "common/cleanup.h"

struct wanted {
	const char *const *names;
	size_t n, left;
	uint64_t *ret;
};

/* The first of a name is taken. */
static void take(struct wanted *w, const char *name, uint64_t address)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->names[i] && !w->ret[i] && strcmp(w->names[i], name) == 0) {
			w->ret[i] = address;
			w->left--;
		}
}

static void find_in_section(struct wanted *w, Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_section_data(section, header);
	size_t n = data ? data->d_size / gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT) : 0;

	for (size_t i = 1; i < n && i < INT32_MAX && w->left; i++) {
		const char *name;
		GElf_Sym symbol;

		if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF)
			continue;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (name)
			take(w, name, symbol.st_value);
	}
}

/* -ENOEXEC: no ELF file. */
static int find_in_elf(struct wanted *w, int fd)
{
	_cleanup_(elf_handle_done) Elf *elf = elf_handle_open(fd);
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	if (!elf || elf_kind(elf) != ELF_K_ELF)
		return -ENOEXEC;
	while (w->left && (section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, &header) &&
			(header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM))
			find_in_section(w, elf, section, &header);
	return 0;
}

/* An address, a letter, a name, and maybe a module's. */
static void read_line(struct wanted *w, char *line)
{
	char *end;
	uint64_t address = strtoull(line, &end, 16);

	if (end == line || end[0] != ' ' || !end[1] || end[2] != ' ')
		return;
	end += 3;
	end[strcspn(end, " \t\r\n")] = '\0';
	take(w, end, address);
}

static int find_in_text(struct wanted *w, int fd)
{
	_cleanup_fclose_ FILE *f = fdopen(dup(fd), "re");
	char line[1024];

	if (!f)
		return -errno;
	rewind(f);
	while (w->left && fgets(line, sizeof(line), f))
		read_line(w, line);
	return 0;
}

int guest_symbols_find(const char *path, const char *const *names, size_t n, uint64_t *ret)
{
	struct wanted w = {.names = names, .n = n, .ret = ret};
	_cleanup_close_ int fd = -1;
	size_t all;
	int r;

	memset(ret, 0, n * sizeof(*ret));
	for (size_t i = 0; i < n; i++)
		w.left += names[i] != NULL;
	all = w.left;
	if (!path || !all)
		return -ENOENT;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = find_in_elf(&w, fd);
	if (r == -ENOEXEC)
		r = find_in_text(&w, fd);
	return r < 0 ? r : w.left == all ? -ENOENT : 0;
}
