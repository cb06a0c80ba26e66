/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/symbol_space.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "collector/symbols/symbol_name.h"
#include "collector/symbols/symbols_internal.h"
#include "common/array.h"
#include "common/cleanup.h"

void symbol_space_release(struct symbol_space *space)
{
	free(space->mappings);
	free(space->lines);
	kallsyms_done(&space->kallsyms);
	free(space);
}

int symbol_space_new(struct symbols *s, struct symbol_space **ret)
{
	struct symbol_space *space = calloc(1, sizeof(*space));

	if (!space)
		return -ENOMEM;
	space->symbols = s;
	space->next = s->spaces;
	s->spaces = space;
	*ret = space;
	return 0;
}

void symbol_space_free(struct symbol_space *space)
{
	if (!space)
		return;
	for (struct symbol_space **p = &space->symbols->spaces; *p; p = &(*p)->next) {
		if (*p == space) {
			*p = space->next;
			break;
		}
	}
	symbol_space_release(space);
}

size_t symbol_space_at(const struct symbol_space *space, uint64_t address)
{
	return ARRAY_BISECT(space->mappings, space->n, m, m->end <= address);
}

int symbol_space_insert(struct symbol_space *space, const struct symbol_mapping *m)
{
	size_t first = symbol_space_at(space, m->start), last = first;

	while (last < space->n && space->mappings[last].start < m->end)
		last++;
	if (ARRAY_MORE(space->mappings, space->n, 1) < 0)
		return -ENOMEM;
	memmove(&space->mappings[first + 1], &space->mappings[last],
		(space->n - last) * sizeof(*space->mappings));
	space->n = space->n - (last - first) + 1;
	space->mappings[first] = *m;
	return 0;
}

int symbol_space_add_elf(struct symbol_space *space, const char *path, uint64_t bias,
	const char *name, struct error *error)
{
	struct symbols *s = space->symbols;
	struct symbol_module *module;
	bool added = false;
	int fd, r;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return error_set_errno(error, -errno, "%s", path);
	r = symbol_module_get(s, fd, path, &module);
	if (r == 0)
		r = symbol_module_headers(module);
	if (r == 0 && !module->file)
		r = -ENOEXEC;
	if (r < 0)
		return error_set_errno(error, r, "%s", path);
	for (size_t i = 0; i < module->file->n_segments; i++) {
		const struct elf_segment *segment = &module->file->segments[i];
		struct symbol_mapping m = {
			.start = segment->address + bias,
			.end = segment->address + bias + segment->memory_bytes,
			.base = segment->address,
			.module = module,
			.name = name ? intern_string(&s->names, name) : symbol_module_name(s, path),
		};

		if (!segment->executable || m.end <= m.start)
			continue;
		if (!m.name || symbol_space_insert(space, &m) < 0)
			return -ENOMEM;
		added = true;
	}
	if (!added)
		return error_set(error, -ENODATA, "%s: nothing in it can be executed", path);
	return 0;
}

int symbol_space_add_kallsyms(
	struct symbol_space *space, const char *path, uint64_t bias, struct error *error)
{
	_cleanup_fclose_ FILE *f = NULL;
	int r;

	if (space->kallsyms.table)
		return error_set(error, -EEXIST, "%s: the space has a list of symbols", path);
	f = fopen(path, "re");
	if (!f)
		return error_set_errno(error, -errno, "%s", path);
	r = kallsyms_read(f, &space->symbols->names, &space->kallsyms);
	if (r < 0)
		return error_set_errno(error, r, "%s holds no kernel symbols", path);
	space->kallsyms_bias = bias;
	return 0;
}

/* Where an offset was linked to is only known once the file's headers are read. */
static int settle(struct symbol_mapping *m)
{
	uint64_t address;
	int r;

	if (!m->module || !m->base_is_offset)
		return 0;
	r = symbol_module_headers(m->module);
	if (r < 0)
		return r;
	if (m->module->file &&
		elf_mapping_to_address(m->module->file, m->base, m->end - m->start, &address) == 0)
		m->base = address;
	m->base_is_offset = false;
	return 0;
}

struct symbol_mapping *symbol_space_mapping(struct symbol_space *space, uint64_t address)
{
	size_t i = symbol_space_at(space, address);
	struct symbol_mapping *m = i < space->n ? &space->mappings[i] : NULL;

	if (!m || address < m->start || settle(m) < 0)
		return NULL;
	return m->module && symbol_module_load(space->symbols, m->module) < 0 ? NULL : m;
}

/*
 * A library is called by its own name, wherever the process has it from: the file behind it may be
 * called by its full version on the host, and by that name in a container.
 */
static const char *name_of(
	struct symbols *s, const struct symbol_space *space, const struct symbol_mapping *m)
{
	const char *soname = NULL;

	if (space->pid && m->module && m->module->file && m->name[0] != '[')
		soname = intern_string(&s->names, m->module->file->soname);
	return soname && *soname ? soname : m->name;
}

bool symbol_space_text(struct symbol_space *space, size_t i, struct symbol_text *ret)
{
	struct symbol_mapping *m = i < space->n ? &space->mappings[i] : NULL;
	const struct symbol_module *module = m && !m->anonymous ? m->module : NULL;

	if (!m)
		return false;
	*ret = (struct symbol_text){.start = m->start,
		.end = m->end,
		.name = m->name,
		.fd = -1,
		.anonymous = m->anonymous};
	if (!module || settle(m) < 0 || !module->file)
		return true;
	ret->name = name_of(space->symbols, space, m);
	ret->module = module;
	ret->file = module->file;
	ret->fd = module->fd;
	ret->address = m->base;
	ret->vdso = module == space->symbols->vdso;
	return true;
}

bool symbol_space_covers(const struct symbol_space *space, uint64_t address)
{
	size_t i = symbol_space_at(space, address);

	if (i < space->n && address >= space->mappings[i].start)
		return true;
	return space->kallsyms.table &&
	       symbol_table_find(space->kallsyms.table, address - space->kallsyms_bias);
}

/* Between the first function and the last: what is far from both is not the kernel's. */
static bool near_table(const struct symbol_table *t, uint64_t address)
{
	return t && t->n && address >= t->entries[0].address &&
	       address - t->entries[0].address <=
		       t->entries[t->n - 1].address - t->entries[0].address + t->size_max;
}

/* Without lines. */
static int look_up(struct symbol_space *space, uint64_t address, struct symbol *ret)
{
	struct symbols *s = space->symbols;
	struct symbol_mapping *m = symbol_space_mapping(space, address);

	if (m && m->anonymous)
		return symbol_set_label(s, m->name, m->name, ret);
	if (m)
		return symbol_set_from_table(s, m->module ? m->module->table : NULL,
			name_of(s, space, m), address - m->start + m->base, ret);
	if (near_table(space->kallsyms.table, address - space->kallsyms_bias))
		return symbol_set_from_kallsyms(
			s, &space->kallsyms, address - space->kallsyms_bias, ret);
	return symbol_set_unresolved(s, "", address, ret);
}

int symbol_space_lookup(struct symbol_space *space, uint64_t address, struct symbol *ret)
{
	int r = look_up(space, address, ret);

	if (r == 0)
		symbol_space_set_line(space, address, ret);
	return r;
}
