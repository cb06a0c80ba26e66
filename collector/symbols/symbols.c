/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/symbols/demangle.h"
#include "collector/symbols/proc_maps.h"
#include "collector/symbols/symbols_internal.h"
#include "common/array.h"
#include "common/cleanup.h"

#define NAME_MAX_SHOWN 1024

static void space_release(struct symbol_space *space)
{
	free(space->mappings);
	free(space->lines);
	kallsyms_done(&space->kallsyms);
	free(space);
}

void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	while (s->spaces) {
		struct symbol_space *next = s->spaces->next;

		space_release(s->spaces);
		s->spaces = next;
	}
	while (s->modules) {
		struct symbol_module *next = s->modules->next;

		symbol_module_free(s->modules);
		s->modules = next;
	}
	while (s->chains) {
		struct inlined_chain *next = s->chains->next;

		free(s->chains);
		s->chains = next;
	}
	symbol_module_free(s->vdso);
	kallsyms_done(&s->kernel);
	intern_clear(&s->names);
	free(s->debug_dir);
	free(s);
}

int symbols_new(struct symbols **ret, struct error *error)
{
	struct symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return error_no_memory(error);
	s->kernel_status = 1;
	*ret = s;
	return 0;
}

int symbols_set_debug_dir(struct symbols *s, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	free(s->debug_dir);
	s->debug_dir = copy;
	return 0;
}

/* Fill @ret for an address of which only the module is known, if that. */
static int set_unresolved(
	struct symbols *s, const char *module, uint64_t offset, struct symbol *ret)
{
	char text[NAME_MAX_SHOWN];
	const char *name;

	snprintf(text, sizeof(text), "%.*s+0x%" PRIx64, NAME_MAX_SHOWN - 32,
		*module ? module : "[unknown]", offset);
	name = intern_string(&s->names, text);
	if (!name)
		return -ENOMEM;
	*ret = (struct symbol){.module = module, .name = name};
	return 0;
}

/* Fill @ret for an address where the number would say nothing to anyone. */
static int set_label(struct symbols *s, const char *module, const char *label, struct symbol *ret)
{
	const char *name = intern_string(&s->names, label);

	if (!name)
		return -ENOMEM;
	*ret = (struct symbol){.module = module, .name = name};
	return 0;
}

/* The name of @e as people read it; demangled once, then kept in the table. */
static const char *shown_name(struct symbols *s, struct symbol_table *t, struct symbol_entry *e)
{
	char text[NAME_MAX_SHOWN];

	if (!e->demangled && demangle(symbol_table_name(t, e), text, sizeof(text)) == 0)
		symbol_table_rename(t, e, text);
	e->demangled = true;
	return intern_string(&s->names, symbol_table_name(t, e));
}

/* Fill @ret from @table, in which the address is @address. */
static int set_from_table(struct symbols *s, struct symbol_table *table, const char *module,
	uint64_t address, struct symbol *ret)
{
	struct symbol_entry *e = table ? symbol_table_find(table, address) : NULL;
	const char *name;
	int r;

	if (!e)
		return set_unresolved(s, module, address, ret);
	if (e->name == 0) { /* one frame for the function, not one for each instruction */
		r = set_unresolved(s, module, e->address, ret);
		if (r == 0)
			ret->offset = address - e->address;
		return r;
	}
	name = shown_name(s, table, e);
	if (!name)
		return -ENOMEM;
	*ret = (struct symbol){
		.module = module,
		.name = name,
		.offset = address - e->address,
		.resolved = true,
	};
	return 0;
}

static int set_from_kallsyms(
	struct symbols *s, struct kallsyms *k, uint64_t address, struct symbol *ret)
{
	const struct symbol_entry *e = symbol_table_find(k->table, address);
	const char *module = e ? k->modules[e->group] : k->modules[0];

	return set_from_table(s, k->table, module, address, ret);
}

static int load_kernel(struct symbols *s)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/kallsyms", "re");

	if (!f)
		return -errno;
	return kallsyms_read(f, &s->names, &s->kernel);
}

static bool hidden_from_root(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/kernel/kptr_restrict", "re");

	return f && getc(f) == '2';
}

int symbols_kernel_status(struct symbols *s, struct error *error)
{
	if (s->kernel_status > 0)
		s->kernel_status = load_kernel(s);
	if (s->kernel_status == -EPERM && hidden_from_root())
		return error_set(error, -EPERM,
			"kernel.kptr_restrict is 2, which hides the kernel's addresses from root as "
			"well: kernel functions have no names (sysctl kernel.kptr_restrict=1)");
	if (s->kernel_status == -EPERM)
		return error_set(error, -EPERM,
			"/proc/kallsyms shows no addresses: kernel functions have no names (run as "
			"root or with CAP_SYSLOG, and with: sysctl kernel.kptr_restrict=1)");
	if (s->kernel_status < 0)
		return error_set_errno(error, s->kernel_status, "/proc/kallsyms cannot be read");
	return 0;
}

int symbols_lookup_kernel(struct symbols *s, uint64_t address, struct symbol *ret)
{
	const char *module = intern_string(&s->names, "[kernel]");

	if (!module)
		return -ENOMEM;
	if (symbols_kernel_status(s, NULL) == 0)
		return set_from_kallsyms(s, &s->kernel, address, ret);
	return set_label(s, module, module, ret);
}

static struct symbol_space *find_process(const struct symbols *s, pid_t pid)
{
	for (struct symbol_space *space = s->spaces; space; space = space->next)
		if (space->pid == pid)
			return space;
	return NULL;
}

struct symbol_space *symbols_process_space(struct symbols *s, pid_t pid)
{
	return pid > 0 ? find_process(s, pid) : NULL;
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
	space_release(space);
}

void symbols_process_forget(struct symbols *s, pid_t pid)
{
	symbol_space_free(symbols_process_space(s, pid));
}

void symbols_forget_processes(struct symbols *s)
{
	for (struct symbol_space *space = s->spaces, *next; space; space = next) {
		next = space->next;
		if (space->pid > 0)
			symbol_space_free(space);
	}
}

/* The index of the first mapping that ends beyond @address. */
static size_t mapping_at(const struct symbol_space *space, uint64_t address)
{
	return ARRAY_BISECT(space->mappings, space->n, m, m->end <= address);
}

/* Put @m in its place; what it overlaps goes. */
static int insert_mapping(struct symbol_space *space, const struct symbol_mapping *m)
{
	size_t first = mapping_at(space, m->start), last = first;

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

/* Open a plain file, if it is the one with @inode (0: whatever it is). */
static int open_inode(const char *path, uint64_t inode)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || (inode && st.st_ino != inode))
		return -ENOENT;
	return TAKE_FD(fd);
}

/*
 * Open the file behind a mapping. map_files leads to the very file, even if it was deleted or is
 * in another mount namespace. Where that is forbidden: the process's program, if it is that, or
 * the name as the process sees it, which another file may have taken since.
 */
static int open_mapped(pid_t pid, const struct proc_mapping *m)
{
	char path[PATH_MAX + 64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid, m->start,
		m->end);
	fd = open_inode(path, 0);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	fd = open_inode(path, m->inode);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/%d/root%s", (int)pid, m->path);
	return open_inode(path, m->inode);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* What lookups call the module: the file's name, without the kernel's note that it was deleted. */
static const char *module_name(struct symbols *s, const char *path)
{
	static const char deleted[] = " (deleted)";
	const char *name = base_name(path);
	size_t length = strlen(name), tail = sizeof(deleted) - 1;

	if (length > tail && strcmp(name + length - tail, deleted) == 0)
		length -= tail;
	return intern_bytes(&s->names, name, length);
}

/* Does the space have just this already? */
static bool is_known(const struct symbol_space *space, const struct proc_mapping *m,
	const struct symbol_mapping *wanted)
{
	size_t i = mapping_at(space, m->start);
	const struct symbol_mapping *old = i < space->n ? &space->mappings[i] : NULL;

	return old && old->start == wanted->start && old->end == wanted->end &&
	       old->name == wanted->name && old->module == wanted->module;
}

static int find_module(
	struct symbol_space *space, const struct proc_mapping *m, struct symbol_mapping *mapping)
{
	int r, fd;

	if (strcmp(m->path, "[vdso]") == 0) {
		r = symbol_module_vdso(space->symbols, &mapping->module);
		return r == -ENOMEM ? r : 0;
	}
	if (m->inode == 0)
		return 0;
	fd = open_mapped(space->living, m);
	if (fd < 0)
		return 0;
	r = symbol_module_get(space->symbols, fd, m->path, &mapping->module);
	return r == -ENOMEM ? r : 0;
}

/* Code made at run time: without a file, or in QEMU's, where it keeps writable and executable
 * apart. */
static bool is_generated(const struct proc_mapping *m)
{
	return m->inode == 0 ? m->path[0] != '[' : strncmp(m->path, "/memfd:tcg-jit", 14) == 0;
}

static int add_proc_mapping(const struct proc_mapping *m, void *userdata)
{
	struct symbol_space *space = userdata;
	struct symbol_mapping mapping = {
		.start = m->start,
		.end = m->end,
		.base = m->offset,
		.base_is_offset = true,
		.anonymous = is_generated(m),
	};
	int r;

	if (!m->executable)
		return 0;
	mapping.name = mapping.anonymous ? intern_string(&space->symbols->names, "[anon]")
					 : module_name(space->symbols, m->path);
	if (!mapping.name)
		return -ENOMEM;
	r = mapping.anonymous ? 0 : find_module(space, m, &mapping);
	if (r < 0 || is_known(space, m, &mapping))
		return r;
	return insert_mapping(space, &mapping);
}

int symbols_process_add_maps(struct symbols *s, pid_t pid)
{
	struct symbol_space *space;
	bool fresh = false;
	int r;

	if (pid <= 0)
		return -ESRCH;
	space = find_process(s, pid);
	if (!space) {
		r = symbol_space_new(s, &space);
		if (r < 0)
			return r;
		space->pid = pid;
		fresh = true;
	}
	space->living = proc_living_thread(pid);
	r = space->living ? proc_maps_each(space->living, add_proc_mapping, space) : -ESRCH;
	if (r < 0 && fresh && space->n == 0)
		symbol_space_free(space);
	return r == -ENOENT ? -ESRCH : r;
}

int symbols_process_copy(struct symbols *s, pid_t from, pid_t to)
{
	struct symbol_space *old = symbols_process_space(s, from), *fresh;
	int r = 0;

	if (!old || to <= 0 || find_process(s, to))
		return old ? -EEXIST : -ESRCH;
	r = symbol_space_new(s, &fresh);
	if (r < 0)
		return r;
	fresh->pid = to;
	for (size_t i = 0; i < old->n && r == 0; i++)
		r = insert_mapping(fresh, &old->mappings[i]);
	return r;
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
		r = symbol_module_load(s, module);
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
			.name = name ? intern_string(&s->names, name) : module_name(s, path),
		};

		if (!segment->executable || m.end <= m.start)
			continue;
		if (!m.name || insert_mapping(space, &m) < 0)
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

/* Files are read on the first lookup; only then is it known where an offset was linked to. */
static int settle(struct symbols *s, struct symbol_mapping *m)
{
	uint64_t address;
	int r;

	if (!m->module || !m->base_is_offset)
		return 0;
	r = symbol_module_load(s, m->module);
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
	size_t i = mapping_at(space, address);
	struct symbol_mapping *m = i < space->n ? &space->mappings[i] : NULL;

	if (!m || address < m->start || settle(space->symbols, m) < 0)
		return NULL;
	return m;
}

bool symbol_space_covers(const struct symbol_space *space, uint64_t address)
{
	size_t i = mapping_at(space, address);

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
		return set_label(s, m->name, m->name, ret);
	if (m)
		return set_from_table(s, m->module ? m->module->table : NULL, m->name,
			address - m->start + m->base, ret);
	if (near_table(space->kallsyms.table, address - space->kallsyms_bias))
		return set_from_kallsyms(s, &space->kallsyms, address - space->kallsyms_bias, ret);
	return set_unresolved(s, "", address, ret);
}

int symbol_space_lookup(struct symbol_space *space, uint64_t address, struct symbol *ret)
{
	int r = look_up(space, address, ret);

	if (r == 0)
		symbol_space_set_line(space, address, ret);
	return r;
}

int symbols_lookup_user(struct symbols *s, pid_t pid, uint64_t address, struct symbol *ret)
{
	struct symbol_space *space = symbols_process_space(s, pid);

	return space ? symbol_space_lookup(space, address, ret)
		     : set_unresolved(s, "", address, ret);
}

void symbols_function(struct symbols *s, pid_t pid, uint64_t address, char *ret_name, size_t size)
{
	struct symbol symbol;

	if (symbols_lookup_user(s, pid, address, &symbol) < 0)
		symbol.name = "";
	snprintf(ret_name, size, "%s", symbol.name);
}

bool symbols_is_generated(const struct symbols *s, pid_t pid, uint64_t address)
{
	const struct symbol_space *space = pid > 0 ? find_process(s, pid) : NULL;
	size_t i = space ? mapping_at(space, address) : 0;

	return space && i < space->n && address >= space->mappings[i].start &&
	       space->mappings[i].anonymous;
}
