/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/process_variable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/inside/guest_symbols.h"
#include "collector/symbols/elf_file.h"
#include "collector/symbols/proc_maps.h"
#include "common/cleanup.h"

struct search {
	char path[4096]; /* of the program, as its process sees it */
	bool found;
	uint64_t start; /* where the file's first byte is mapped */
};

static int find_first_byte(const struct proc_mapping *m, void *userdata)
{
	struct search *s = userdata;

	if (!s->found && m->offset == 0 && strcmp(m->path, s->path) == 0) {
		s->found = true;
		s->start = m->start;
	}
	return 0;
}

/* Where its headers have the first byte of the file @fd. */
static int find_linked(int fd, uint64_t *ret)
{
	_cleanup_free_ struct elf_file *file = calloc(1, sizeof(*file));
	int r = file ? elf_file_read(fd, file) : -ENOMEM;

	if (r < 0)
		return r;
	if (!file->n_segments)
		return -ENOENT;
	*ret = file->segments[0].address - file->segments[0].offset;
	return 0;
}

int process_variable_find(pid_t pid, const char *name, uint64_t *ret)
{
	_cleanup_free_ struct search *s = calloc(1, sizeof(*s));
	_cleanup_close_ int fd = -EBADF;
	uint64_t address = 0, linked = 0;
	char exe[64];
	int r;

	if (!s)
		return -ENOMEM;
	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)pid);
	fd = open(exe, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || readlink(exe, s->path, sizeof(s->path) - 1) < 0)
		return -errno;
	r = guest_symbols_find(exe, &name, 1, &address);
	if (r == 0)
		r = find_linked(fd, &linked);
	if (r == 0)
		r = proc_maps_each(pid, find_first_byte, s);
	if (r < 0)
		return r;
	if (!s->found)
		return -ENOENT;
	*ret = s->start - linked + address;
	return 0;
}
