/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <string.h>

#include "collector/symbols/elf_file.h"
#include "collector/symbols/elf_handle.h"
#include "common/cleanup.h"

/* Among several names of one address: a real function before a mere label, a global name before a
 * local one, fewer underscores before more, and a slot of the PLT last. */
#define RANK_LABEL 64
#define RANK_PLT   128

#define PLT_SLOT_BYTES 16
#define PLT_SLOTS_MAX  65536

struct section {
	Elf_Scn *scn;
	GElf_Shdr header;
};

static bool find_section(Elf *elf, const char *wanted, struct section *ret)
{
	Elf_Scn *scn = NULL;
	size_t strings;

	if (elf_getshdrstrndx(elf, &strings) < 0)
		return false;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name;
		GElf_Shdr header;

		if (!gelf_getshdr(scn, &header))
			continue;
		name = elf_strptr(elf, strings, header.sh_name);
		if (name && strcmp(name, wanted) == 0) {
			*ret = (struct section){.scn = scn, .header = header};
			return true;
		}
	}
	return false;
}

static bool is_executable_section(Elf *elf, GElf_Section index)
{
	GElf_Shdr header;
	Elf_Scn *scn;

	if (index == SHN_UNDEF || index >= SHN_LORESERVE)
		return false;
	scn = elf_getscn(elf, index);
	return scn && gelf_getshdr(scn, &header) && header.sh_flags & SHF_EXECINSTR;
}

/* Is @symbol code? Labels of hand-written assembly have no type. */
static bool is_function(Elf *elf, const GElf_Sym *symbol, bool *ret_label)
{
	int type = GELF_ST_TYPE(symbol->st_info);

	if (symbol->st_shndx == SHN_UNDEF || symbol->st_value == 0)
		return false;
	*ret_label = type == STT_NOTYPE;
	if (type == STT_FUNC || type == STT_GNU_IFUNC)
		return true;
	return type == STT_NOTYPE && is_executable_section(elf, symbol->st_shndx);
}

static uint8_t rank_of(const GElf_Sym *symbol, const char *name, bool label)
{
	static const uint8_t by_binding[] = {
		[STB_LOCAL] = 2,
		[STB_GLOBAL] = 0,
		[STB_WEAK] = 1,
	};
	unsigned binding = GELF_ST_BIND(symbol->st_info);
	unsigned rank = binding < ARRAY_SIZE(by_binding) ? by_binding[binding] : 1;

	return (uint8_t)(rank + symbol_name_rank(name) * 4 + (label ? RANK_LABEL : 0));
}

/* "$x", ".L12" and the like are marks of the assembler, and no function. */
static bool is_mark(const char *name)
{
	return name[0] == '$' || strncmp(name, ".L", 2) == 0;
}

/* Full symbol tables have names such as "timer_create@@GLIBC_2.34": the version is cut off. */
static int add_symbol(const GElf_Sym *symbol, const char *name, bool label, struct symbol_table *t)
{
	char plain[1024];
	size_t length = strcspn(name, "@");
	uint8_t rank = rank_of(symbol, name, label);

	if (name[length] && length > 0 && length < sizeof(plain)) {
		memcpy(plain, name, length);
		plain[length] = '\0';
		name = plain;
	}
	return symbol_table_add(t, symbol->st_value, symbol->st_size, name, rank, 0);
}

static int read_symbols(Elf *elf, Elf_Scn *scn, const GElf_Shdr *header, struct symbol_table *t)
{
	Elf_Data *data = elf_section_data(scn, header);
	Elf_Scn *strings = elf_getscn(elf, header->sh_link);
	GElf_Shdr strings_header;
	size_t n;

	if (!data || !strings || !gelf_getshdr(strings, &strings_header) ||
		!elf_section_data(strings, &strings_header))
		return 0;
	n = data->d_size / gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
	for (size_t i = 1; i < n && i < INT32_MAX; i++) {
		const char *name;
		GElf_Sym symbol;
		bool label;
		int r;

		if (!gelf_getsym(data, (int)i, &symbol) || !is_function(elf, &symbol, &label))
			continue;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (!name || !*name || is_mark(name))
			continue;
		r = add_symbol(&symbol, name, label, t);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_symbol_sections(Elf *elf, GElf_Word type, struct symbol_table *t)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr header;
		int r;

		if (!gelf_getshdr(scn, &header) || header.sh_type != type)
			continue;
		r = read_symbols(elf, scn, &header, t);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_symtab(Elf *elf, struct symbol_table *t)
{
	return read_symbol_sections(elf, SHT_SYMTAB, t);
}

static int read_dynsym(Elf *elf, struct symbol_table *t)
{
	return read_symbol_sections(elf, SHT_DYNSYM, t);
}

/* Add "name@plt" for the slot at @address, which belongs to dynamic symbol @index. */
static int add_plt_slot(Elf *elf, Elf_Data *symbols, const GElf_Shdr *symbols_header,
	uint64_t index, uint64_t address, struct symbol_table *t)
{
	char name[512];
	const char *function;
	GElf_Sym symbol;

	if (index == 0 || index > INT32_MAX || !gelf_getsym(symbols, (int)index, &symbol))
		return 0;
	function = elf_strptr(elf, symbols_header->sh_link, symbol.st_name);
	if (!function || !*function)
		return 0;
	snprintf(name, sizeof(name), "%s@plt", function);
	return symbol_table_add(t, address, PLT_SLOT_BYTES, name, RANK_PLT, 0);
}

/* The slots come in the order of the relocations in .rela.plt. Where there is a .plt.sec calls go
 * there; else to .plt, the first slot of which is the resolver's. */
static int read_plt(Elf *elf, struct symbol_table *t)
{
	struct section relocations, plt;
	GElf_Shdr symbols_header;
	Elf_Data *data, *symbols;
	uint64_t slot, end;
	Elf_Scn *scn;

	if (!find_section(elf, ".rela.plt", &relocations))
		return 0;
	if (find_section(elf, ".plt.sec", &plt))
		slot = plt.header.sh_addr;
	else if (find_section(elf, ".plt", &plt))
		slot = plt.header.sh_addr + PLT_SLOT_BYTES;
	else
		return 0;
	end = plt.header.sh_addr + plt.header.sh_size;
	scn = elf_getscn(elf, relocations.header.sh_link);
	if (!scn || !gelf_getshdr(scn, &symbols_header) || symbols_header.sh_type != SHT_DYNSYM)
		return 0;
	symbols = elf_section_data(scn, &symbols_header);
	data = elf_section_data(relocations.scn, &relocations.header);
	if (!symbols || !data || relocations.header.sh_type != SHT_RELA)
		return 0;
	for (int i = 0; i < PLT_SLOTS_MAX && slot < end; i++, slot += PLT_SLOT_BYTES) {
		GElf_Rela rela;
		int r;

		if (!gelf_getrela(data, i, &rela))
			break;
		r = add_plt_slot(elf, symbols, &symbols_header, GELF_R_SYM(rela.r_info), slot, t);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The start of .eh_frame_hdr as every linker writes it (LSB, "Exception Frame Header"). */
struct unwind_header {
	uint8_t version;      /* 1 */
	uint8_t frame_format; /* 0x1b: 4 bytes, relative to the field */
	uint8_t count_format; /* 0x03: 4 bytes */
	uint8_t table_format; /* 0x3b: pairs of 4 bytes, relative to this header */
	int32_t frame;
	uint32_t count;
};

static int read_extents_at(Elf *elf, const GElf_Phdr *segment, struct symbol_table *t)
{
	struct unwind_header header;
	const char *table;
	Elf_Data *data;
	size_t room;

	if (segment->p_filesz < sizeof(header) || segment->p_filesz > ELF_SECTION_BYTES_MAX)
		return 0;
	data = elf_getdata_rawchunk(elf, (int64_t)segment->p_offset, segment->p_filesz, ELF_T_BYTE);
	if (!data || !data->d_buf || data->d_size < sizeof(header))
		return 0;
	memcpy(&header, data->d_buf, sizeof(header));
	if (header.version != 1 || header.frame_format != 0x1b || header.count_format != 0x03 ||
		header.table_format != 0x3b)
		return 0;
	table = (const char *)data->d_buf + sizeof(header);
	room = (data->d_size - sizeof(header)) / (2 * sizeof(int32_t));
	for (size_t i = 0; i < room && i < header.count; i++) {
		int32_t start;
		int r;

		memcpy(&start, table + i * 2 * sizeof(start), sizeof(start));
		r = symbol_table_add(
			t, segment->p_vaddr + (uint64_t)(int64_t)start, 0, NULL, UINT8_MAX, 0);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_extents(Elf *elf, struct symbol_table *t)
{
	size_t n;

	if (elf_getphdrnum(elf, &n) < 0)
		return 0;
	for (size_t i = 0; i < n && i < 4096; i++) {
		GElf_Phdr p;

		if (gelf_getphdr(elf, (int)i, &p) && p.p_type == PT_GNU_EH_FRAME)
			return read_extents_at(elf, &p, t);
	}
	return 0;
}

static const struct {
	enum elf_parts part;
	int (*read)(Elf *elf, struct symbol_table *t);
} readers[] = {
	{ELF_SYMTAB, read_symtab},
	{ELF_DYNSYM, read_dynsym},
	{ELF_PLT, read_plt},
	{ELF_EXTENTS, read_extents},
};

static int read_parts(Elf *elf, enum elf_parts parts, struct symbol_table *t)
{
	if (!elf || elf_kind(elf) != ELF_K_ELF)
		return -ENOEXEC;
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		int r = parts & readers[i].part ? readers[i].read(elf, t) : 0;

		if (r == -E2BIG) /* the table is full: what is in it is still right */
			break;
		if (r < 0)
			return r;
	}
	return 0;
}

int elf_functions_read(int fd, enum elf_parts parts, struct symbol_table *t)
{
	_cleanup_(elf_handle_done) Elf *elf = elf_handle_open(fd);

	return read_parts(elf, parts, t);
}

int elf_image_functions_read(
	const void *image, size_t size, enum elf_parts parts, struct symbol_table *t)
{
	_cleanup_(elf_handle_done) Elf *elf = elf_handle_image(image, size);

	return read_parts(elf, parts, t);
}
