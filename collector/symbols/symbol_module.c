/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "collector/symbols/debug_file.h"
#include "collector/symbols/symbols_internal.h"
#include "common/cleanup.h"

/* Where nothing tells the size of a function it ends at the next one, or after this many bytes. */
#define FUNCTION_MAX (1U << 20)

void symbol_module_free(struct symbol_module *m)
{
	if (!m)
		return;
	close_safe(m->fd);
	close_safe(m->debug_fd);
	free(m->file);
	free(m->lines);
	if (!m->borrowed)
		symbol_table_free(m->table);
	free(m);
}

static void cleanup_modulep(struct symbol_module **m)
{
	symbol_module_free(*m);
}

static struct symbol_module *module_new(void)
{
	struct symbol_module *m = calloc(1, sizeof(*m));

	if (m)
		m->fd = m->debug_fd = -EBADF;
	return m;
}

/* By what stays the same where a file is unlinked or renamed, as where another one takes its name. */
static struct symbol_module *find_module(struct symbols *s, const struct stat *st)
{
	for (struct symbol_module *m = s->modules; m; m = m->next)
		if (m->inode == st->st_ino && m->device == st->st_dev && m->bytes == st->st_size &&
			m->changed.tv_sec == st->st_mtim.tv_sec &&
			m->changed.tv_nsec == st->st_mtim.tv_nsec)
			return m;
	return NULL;
}

int symbol_module_get(struct symbols *s, int fd, const char *path, struct symbol_module **ret)
{
	_cleanup_(cleanup_modulep) struct symbol_module *m = NULL;
	_cleanup_close_ int owned = fd;
	struct stat st;

	if (fstat(owned, &st) < 0 || !S_ISREG(st.st_mode))
		return -ENOEXEC;
	*ret = find_module(s, &st);
	if (*ret)
		return 0;
	m = module_new();
	if (!m)
		return -ENOMEM;
	m->path = intern_string(&s->names, path);
	if (!m->path)
		return -ENOMEM;
	m->device = st.st_dev;
	m->inode = st.st_ino;
	m->bytes = st.st_size;
	m->changed = st.st_mtim;
	m->fd = TAKE_FD(owned);
	m->next = s->modules;
	s->modules = m;
	*ret = TAKE_PTR(m);
	return 0;
}

/* A module with the same build-id and size that has been read already. */
static struct symbol_module *find_twin(struct symbols *s, const struct symbol_module *m)
{
	for (struct symbol_module *other = s->modules; other; other = other->next)
		if (other != m && other->loaded && other->file && other->bytes == m->bytes &&
			elf_same_build_id(other->file, m->file))
			return other;
	return NULL;
}

/* With a full symbol table the dynamic one has nothing to add, be it in the file or beside it. */
static int read_functions(struct symbols *s, struct symbol_module *m)
{
	enum elf_parts parts = ELF_ALL_PARTS;
	int r = 0;

	m->table = symbol_table_new(FUNCTION_MAX);
	if (!m->table)
		return -ENOMEM;
	if (!m->file->has_symtab || !m->file->has_lines)
		m->debug_fd = debug_file_open(m->file, m->path, s->debug_dir, &s->servers);
	if (m->debug_fd >= 0 && !m->file->has_symtab) {
		r = elf_functions_read(m->debug_fd, ELF_SYMTAB, m->table);
		if (r == 0 && m->table->n > 0)
			parts &= ~(enum elf_parts)ELF_DYNSYM;
	} else if (m->file->has_symtab) {
		parts &= ~(enum elf_parts)ELF_DYNSYM;
	}
	if (r != -ENOMEM)
		r = elf_functions_read(m->fd, parts, m->table);
	symbol_table_finish(m->table);
	return r == -ENOMEM ? r : 0;
}

/* Only what lines can still be read from stays open. */
static void close_spare_files(struct symbol_module *m)
{
	struct elf_file debug;

	if (m->debug_fd >= 0 && (elf_file_read(m->debug_fd, &debug) < 0 || !debug.has_lines)) {
		close_safe(m->debug_fd);
		m->debug_fd = -EBADF;
	}
	if (!m->file || !m->file->has_lines) {
		close_safe(m->fd);
		m->fd = -EBADF;
	}
}

int symbol_module_headers(struct symbol_module *m)
{
	int r;

	if (m->has_read)
		return 0;
	m->file = malloc(sizeof(*m->file));
	if (!m->file)
		return -ENOMEM;
	m->has_read = true;
	r = elf_file_read(m->fd, m->file);
	if (r < 0)
		free(TAKE_PTR(m->file));
	return r == -ENOMEM ? r : 0;
}

static int load_file(struct symbols *s, struct symbol_module *m)
{
	struct symbol_module *twin;
	int r = symbol_module_headers(m);

	if (r < 0 || !m->file)
		return r;
	twin = find_twin(s, m);
	if (twin) {
		m->table = twin->table;
		m->borrowed = true;
		if (twin->debug_fd >= 0)
			m->debug_fd = fcntl(twin->debug_fd, F_DUPFD_CLOEXEC, 0);
		return 0;
	}
	return read_functions(s, m);
}

int symbol_module_load(struct symbols *s, struct symbol_module *m)
{
	int r;

	if (m->loaded)
		return 0;
	m->loaded = true;
	r = load_file(s, m);
	close_spare_files(m);
	return r;
}

/* The vDSO is a few pages; its size is where its section headers end, the last thing in it. */
static size_t image_size(const char *image)
{
	const Elf64_Ehdr *header = (const void *)image;

	if (memcmp(image, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != ELFCLASS64)
		return 0;
	return header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;
}

int symbol_module_vdso(struct symbols *s, struct symbol_module **ret)
{
	_cleanup_(cleanup_modulep) struct symbol_module *m = NULL;
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
	size_t size = image ? image_size(image) : 0;

	if (s->vdso) {
		*ret = s->vdso;
		return 0;
	}
	if (size == 0)
		return -ENOENT;
	m = module_new();
	if (!m)
		return -ENOMEM;
	m->loaded = m->has_read = true;
	m->path = "[vdso]";
	m->file = malloc(sizeof(*m->file));
	m->table = symbol_table_new(FUNCTION_MAX);
	if (!m->file || !m->table)
		return -ENOMEM;
	if (elf_image_read(image, size, m->file) < 0)
		return -ENOENT;
	if (elf_image_functions_read(image, size, ELF_DYNSYM | ELF_EXTENTS, m->table) == -ENOMEM)
		return -ENOMEM;
	symbol_table_finish(m->table);
	*ret = s->vdso = TAKE_PTR(m);
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

size_t symbol_module_path(const char *path)
{
	static const char deleted[] = " (deleted)";
	size_t length = strlen(path), tail = sizeof(deleted) - 1;

	return length > tail && strcmp(path + length - tail, deleted) == 0 ? length - tail : length;
}

struct symbol_module *symbol_module_before(struct symbols *s, const char *path, uint64_t inode)
{
	size_t length = symbol_module_path(path);

	for (struct symbol_module *m = s->modules; m; m = m->next)
		if (m->inode == inode && strlen(m->path) == length &&
			memcmp(m->path, path, length) == 0)
			return m;
	return NULL;
}

const char *symbol_module_name(struct symbols *s, const char *path)
{
	const char *name = base_name(path);

	return intern_bytes(&s->names, name, symbol_module_path(name));
}
