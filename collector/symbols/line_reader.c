/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/line_reader.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/symbols/demangle.h"
#include "common/array.h"
#include "common/cleanup.h"

struct place {
	const char *path; /* libdw's; NULL: not known */
	unsigned line;
	char name[LINE_NAME_MAX];
};

/* An address, and where that is: the function, then what is inlined in it, outermost first. */
struct chain {
	struct place places[LINE_PLACES_MAX];
	size_t n;
};

/* The name of a function, by where its declaration is. */
struct known_name {
	Dwarf_Off declaration;
	char *name;
};

/* Addresses come in order, so the next one is mostly in the same unit and function. */
struct reader {
	Dwarf *dwarf;
	Dwarf_Die unit;
	Dwarf_Die function;
	bool has_unit, has_function;
	struct known_name *names;
	size_t n_names;
};

static void write_all(int fd, const void *bytes, size_t size)
{
	const char *p = bytes;

	while (size > 0) {
		ssize_t n = write(fd, p, size);

		if (n <= 0)
			_exit(1);
		p += n;
		size -= (size_t)n;
	}
}

static void write_chain(int out, uint32_t index, const struct chain *chain)
{
	const struct line_answer answer = {index, (uint32_t)chain->n};

	write_all(out, &answer, sizeof(answer));
	for (size_t i = 0; i < chain->n; i++) {
		const struct place *p = &chain->places[i];
		const struct line_place head = {
			.line = p->path ? p->line : 0,
			.path_bytes = p->path ? (uint32_t)strnlen(p->path, LINE_PATH_MAX) : 0,
			.name_bytes = (uint32_t)strlen(p->name),
		};

		write_all(out, &head, sizeof(head));
		write_all(out, p->path, head.path_bytes);
		write_all(out, p->name, head.name_bytes);
	}
}

/* Find the unit that covers @address: by the index, or where a compiler writes none, one after
 * another. */
static bool find_unit(struct reader *r, uint64_t address)
{
	Dwarf_CU *unit = NULL;

	if (r->has_unit && dwarf_haspc(&r->unit, address) == 1)
		return true;
	r->has_function = false;
	r->has_unit = dwarf_addrdie(r->dwarf, address, &r->unit);
	while (!r->has_unit &&
		dwarf_get_units(r->dwarf, unit, &unit, NULL, NULL, &r->unit, NULL) == 0)
		r->has_unit = dwarf_tag(&r->unit) == DW_TAG_compile_unit &&
			      dwarf_haspc(&r->unit, address) == 1;
	return r->has_unit;
}

/* What is in @parent, or in a namespace there, and has @address. */
static bool find_child(Dwarf_Die *parent, uint64_t address, Dwarf_Die *ret)
{
	Dwarf_Die die;

	if (dwarf_child(parent, &die) != 0)
		return false;
	do {
		switch (dwarf_tag(&die)) {
		case DW_TAG_subprogram:
		case DW_TAG_inlined_subroutine:
		case DW_TAG_lexical_block:
		case DW_TAG_try_block:
		case DW_TAG_catch_block:
			if (dwarf_haspc(&die, address) != 1)
				break;
			*ret = die;
			return true;
		case DW_TAG_namespace:
		case DW_TAG_module:
			if (find_child(&die, address, ret))
				return true;
			break;
		default:
			break;
		}
	} while (dwarf_siblingof(&die, &die) == 0);
	return false;
}

static bool find_function(struct reader *r, uint64_t address)
{
	if (!r->has_function || dwarf_haspc(&r->function, address) != 1)
		r->has_function = find_child(&r->unit, address, &r->function);
	return r->has_function;
}

/* The line of @address itself. */
static void set_line(Dwarf_Die *unit, uint64_t address, struct place *ret)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, address);
	const char *path = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
	int number;

	if (!path || dwarf_lineno(line, &number) < 0 || number <= 0)
		return;
	ret->path = path;
	ret->line = (unsigned)number;
}

static bool get_number(Dwarf_Die *die, unsigned name, Dwarf_Word *ret)
{
	Dwarf_Attribute attribute;

	return dwarf_formudata(dwarf_attr(die, name, &attribute), ret) == 0;
}

/* The line from which the inlined function @call was called. */
static void set_call(Dwarf_Die *unit, Dwarf_Die *call, struct place *ret)
{
	Dwarf_Word file, line;
	Dwarf_Files *files;
	size_t n_files;

	if (!get_number(call, DW_AT_call_file, &file) || !get_number(call, DW_AT_call_line, &line))
		return;
	if (dwarf_getsrcfiles(unit, &files, &n_files) < 0 || file >= n_files)
		return;
	ret->path = dwarf_filesrc(files, file, NULL, NULL);
	ret->line = line <= UINT32_MAX ? (unsigned)line : 0;
}

static const char *text_attribute(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;

	return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

/* Where the function that was inlined as @call is declared: in its class, its namespace. */
static Dwarf_Die declaration_of(Dwarf_Die *call)
{
	Dwarf_Die at = *call;

	for (int i = 0; i < 3; i++) {
		Dwarf_Attribute attribute;
		Dwarf_Die next;

		if (!dwarf_formref_die(dwarf_attr(&at, DW_AT_abstract_origin, &attribute), &next) &&
			!dwarf_formref_die(dwarf_attr(&at, DW_AT_specification, &attribute), &next))
			break;
		at = next;
	}
	return at;
}

/* What a scope adds to the names in it; NULL: nothing. */
static const char *scope_name(Dwarf_Die *scope)
{
	const char *name = text_attribute(scope, DW_AT_name);

	switch (dwarf_tag(scope)) {
	case DW_TAG_namespace:
		return name ? name : "(anonymous namespace)";
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
		return name ? name : "{lambda}";
	case DW_TAG_subprogram:
		return name;
	default:
		return NULL;
	}
}

static void append(struct place *place, const char *a, const char *b)
{
	size_t used = strlen(place->name);

	snprintf(place->name + used, sizeof(place->name) - used, "%s%s", a, b);
}

/* As people write it: "scope::function". */
static void make_scoped_name(Dwarf_Die *declaration, const char *name, struct place *ret)
{
	_cleanup_free_ Dwarf_Die *scopes = NULL;
	int n = dwarf_getscopes_die(declaration, &scopes);

	ret->name[0] = '\0';
	for (int i = n - 1; i > 0; i--) { /* the first is the function */
		const char *scope = scope_name(&scopes[i]);

		if (scope)
			append(ret, scope, "::");
	}
	append(ret, name && *name ? name : "[inlined]", "");
}

/* To find the scopes around a declaration its whole unit is read: done once. */
static void set_scoped_name(struct reader *r, Dwarf_Die *call, struct place *ret)
{
	Dwarf_Die declaration = declaration_of(call);
	Dwarf_Off offset = dwarf_dieoffset(&declaration);

	for (size_t i = 0; i < r->n_names; i++) {
		if (r->names[i].declaration == offset) {
			snprintf(ret->name, sizeof(ret->name), "%s", r->names[i].name);
			return;
		}
	}
	make_scoped_name(&declaration, text_attribute(call, DW_AT_name), ret);
	if (ARRAY_MORE(r->names, r->n_names, 1) < 0)
		return;
	r->names[r->n_names] = (struct known_name){offset, strdup(ret->name)};
	r->n_names += r->names[r->n_names].name != NULL;
}

/* Functions that only their own unit can see have no linkage name. */
static void set_name(struct reader *r, Dwarf_Die *call, struct place *ret)
{
	const char *name = text_attribute(call, DW_AT_linkage_name);

	if (!name)
		name = text_attribute(call, DW_AT_MIPS_linkage_name);
	if (!name || demangle(name, ret->name, sizeof(ret->name)) < 0)
		set_scoped_name(r, call, ret);
}

static void add_inlined(struct reader *r, Dwarf_Die *call, struct chain *ret)
{
	struct place *caller = &ret->places[ret->n - 1], *inlined = &ret->places[ret->n];

	inlined->path = caller->path;
	inlined->line = caller->line;
	set_name(r, call, inlined);
	caller->path = NULL;
	set_call(&r->unit, call, caller);
	ret->n++;
}

static bool find_chain(struct reader *r, uint64_t address, struct chain *ret)
{
	Dwarf_Die at;

	if (!find_unit(r, address))
		return false;
	ret->n = 1;
	ret->places[0] = (struct place){.path = NULL};
	set_line(&r->unit, address, &ret->places[0]);
	if (!find_function(r, address))
		return ret->places[0].path;
	at = r->function;
	while (ret->n < LINE_PLACES_MAX && find_child(&at, address, &at))
		if (dwarf_tag(&at) == DW_TAG_inlined_subroutine)
			add_inlined(r, &at, ret);
	return ret->n > 1 || ret->places[0].path;
}

void line_reader_run(int fd, const uint64_t *addresses, const uint32_t *indices, size_t n, int out)
{
	static struct chain chain; /* large */
	struct reader reader = {0};
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL); /* only what is looked at becomes resident */
	reader.dwarf = elf ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
	for (size_t i = 0; reader.dwarf && i < n; i++)
		if (find_chain(&reader, addresses[i], &chain))
			write_chain(out, indices[i], &chain);
	for (size_t i = 0; i < reader.n_names; i++)
		free(reader.names[i].name);
	free(reader.names);
	dwarf_end(reader.dwarf);
	elf_end(elf);
}
