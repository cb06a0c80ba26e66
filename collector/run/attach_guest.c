/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/attach_guest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/inside/guest_kind.h"
#include "collector/inside/guest_layout.h"
#include "collector/run/run.h"
#include "common/cleanup.h"
#include "guests/machine_type.h"

/* What QEMU answers to --version. Its program is not ours to run: it is looked up in the file. */
#define VERSION_BEGIN "QEMU emulator version "
#define PROGRAM_MAX   ((off_t)1 << 30)
#define VERSION_MAX   200

static char *copy_version(const char *bytes, size_t size)
{
	const char *at = memmem(bytes, size, VERSION_BEGIN, strlen(VERSION_BEGIN));
	size_t length, left;

	if (!at)
		return NULL;
	left = size - (size_t)(at - bytes);
	length = strnlen(at, left < VERSION_MAX ? left : VERSION_MAX);
	for (size_t i = 0; i < length; i++)
		if (at[i] < ' ' || at[i] > '~')
			length = i;
	return strndup(at, length);
}

static char *read_version(pid_t pid)
{
	_cleanup_close_ int fd = -EBADF;
	char path[64], *version = NULL;
	struct stat st;
	void *map;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
		st.st_size > PROGRAM_MAX)
		return NULL;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return NULL;
	version = copy_version(map, (size_t)st.st_size);
	munmap(map, (size_t)st.st_size);
	return version;
}

static bool same_file(const char *a, const char *b)
{
	struct stat s, t;

	return stat(a, &s) == 0 && stat(b, &t) == 0 && s.st_dev == t.st_dev && s.st_ino == t.st_ino;
}

/* A file as QEMU names it, which may be in a folder and under a root of its own. Malloced; NULL: it is not there any
 * more. */
static char *find_file(pid_t pid, const char *name)
{
	char folder[PATH_MAX] = "", link[64], *path = NULL;
	const char *plain;
	ssize_t n;

	if (name[0] != '/') {
		snprintf(link, sizeof(link), "/proc/%d/cwd", pid);
		n = readlink(link, folder, sizeof(folder) - 2);
		if (n <= 0)
			return NULL;
		folder[n] = '/'; /* and after it all is 0 */
	}
	if (asprintf(&path, "/proc/%d/root%s%s", pid, folder, name) < 0)
		return NULL;
	plain = strchr(path + strlen("/proc/"), '/') + strlen("/root");
	if (same_file(path, plain))
		memmove(path, plain, strlen(plain) + 1);
	else if (access(path, R_OK) < 0)
		*path = '\0';
	if (*path)
		return path;
	free(path);
	return NULL;
}

static int add_programs(
	struct guest_inside *inside, const struct run_settings *s, struct error *error)
{
	int r = s->program ? guest_inside_add_program(inside, s->program, NULL, error) : 0;

	for (size_t i = 0; i < s->n_with && r == 0; i++)
		r = guest_inside_add_program(inside, s->with[i].source, NULL, error);
	return r;
}

static int take_layout(struct attach *a, struct guest_inside *inside)
{
	struct guest_layout *layout = NULL;
	struct error why = {0};
	uint64_t left = 0;
	int r = guest_layout_open(a->program_tgid, &layout, &why);

	if (r == 0)
		r = guest_layout_read(
			layout, inside->ranges, &inside->n_ranges, &inside->ram_bytes, &left, &why);
	guest_layout_close(layout);
	if (r < 0)
		a->no_inside = strdup(why.text);
	a->memory_left = left;
	return r;
}

int attach_look_inside(struct attach *a, const struct run_settings *s, struct error *error)
{
	const char *option = attach_option(a, "kernel"), *words = attach_option(a, "append");
	_cleanup_free_ char *kernel = option ? find_file(a->program_tgid, option) : NULL;
	struct guest_inside like, *inside = NULL;
	int r;

	if (!a->monitor || strcmp(a->monitor, ATTACH_MACHINE) != 0)
		return 0;
	a->version = read_version(a->program_tgid);
	like = guest_kind_of(kernel, s->symbols, words && strstr(words, "nokaslr"));
	r = guest_inside_new(&like, kernel, guest_kind_symbols(kernel, s->symbols), 0,
		machine_type(MACHINE_PC), &inside);
	if (r < 0)
		return error_set_errno(error, r, "cannot attach to %s", a->title);
	r = add_programs(inside, s, error);
	if (r < 0) {
		guest_inside_free(inside);
		return r;
	}
	if (take_layout(a, inside) < 0)
		guest_inside_free(inside);
	else
		a->inside = inside;
	return 0;
}
