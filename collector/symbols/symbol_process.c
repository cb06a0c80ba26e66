/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/symbol_process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "collector/symbols/proc_maps.h"
#include "collector/symbols/symbol_name.h"
#include "collector/symbols/symbols_internal.h"
#include "common/array.h"
#include "common/cleanup.h"

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

void symbols_forget_processes(struct symbols *s)
{
	for (struct symbol_space *space = s->spaces, *next; space; space = next) {
		next = space->next;
		if (space->pid > 0)
			symbol_space_free(space);
	}
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
 * the name as the process sees it, unless another file has taken it since.
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

/* Does the space have just this already? */
static bool is_known(const struct symbol_space *space, const struct proc_mapping *m,
	const struct symbol_mapping *wanted)
{
	size_t i = symbol_space_at(space, m->start);
	const struct symbol_mapping *old = i < space->n ? &space->mappings[i] : NULL;

	return old && old->start == wanted->start && old->end == wanted->end &&
	       old->name == wanted->name && old->module == wanted->module;
}

/* No file's, though they have names: memory. */
static bool is_memory(const char *path)
{
	return strncmp(path, "/memfd:", 7) == 0 || strncmp(path, "/SYSV", 5) == 0 ||
	       strncmp(path, "/dev/", 5) == 0;
}

/* It cannot be opened, as it has no name any more. */
static int note_replaced(struct symbols *s, const char *path)
{
	const char *name;

	if (symbol_module_path(path) == strlen(path) || is_memory(path))
		return 0;
	name = symbol_module_name(s, path);
	if (!name)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_replaced; i++)
		if (s->replaced[i] == name)
			return 0;
	return ARRAY_ADD(s->replaced, s->n_replaced, name);
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
	if (fd < 0) {
		mapping->module = symbol_module_before(space->symbols, m->path, m->inode);
		return mapping->module ? 0 : note_replaced(space->symbols, m->path);
	}
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
					 : symbol_module_name(space->symbols, m->path);
	if (!mapping.name)
		return -ENOMEM;
	r = mapping.anonymous ? 0 : find_module(space, m, &mapping);
	if (r < 0 || is_known(space, m, &mapping))
		return r;
	return symbol_space_insert(space, &mapping);
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
		r = symbol_space_insert(fresh, &old->mappings[i]);
	return r;
}

bool symbols_process_take_replaced(struct symbols *s, char *ret, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < s->n_replaced && used < size; i++) {
		int n = snprintf(ret + used, size - used, "%s%s", used ? ", " : "", s->replaced[i]);

		used += n < 0 ? 0 : (size_t)n;
	}
	s->n_replaced = 0;
	return used > 0;
}

int symbols_lookup_user(struct symbols *s, pid_t pid, uint64_t address, struct symbol *ret)
{
	struct symbol_space *space = symbols_process_space(s, pid);

	return space ? symbol_space_lookup(space, address, ret)
		     : symbol_set_unresolved(s, "", address, ret);
}
