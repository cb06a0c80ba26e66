/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/unwind/unwind_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/unwind/unwind_build.h"
#include "common/cleanup.h"

/* Another number for another form of rules or rows, and where tables are made otherwise. */
#define VERSION      5
#define BUILD_ID_MAX 64

/* A file: this, then the rules, then the rows. */
struct head {
	char magic[8];
	uint32_t version;
	uint32_t build_id_bytes;
	uint8_t build_id[BUILD_ID_MAX];
	uint64_t base;
	uint64_t n_rules;
	uint64_t n_rows;
	uint64_t sources;
};

static const char magic[] = {'g', 's', 'u', 'n', 'w', 'i', 'n', 'd'};

static struct head head_of(const uint8_t *build_id, size_t bytes)
{
	struct head h = {.version = VERSION, .build_id_bytes = (uint32_t)bytes};

	memcpy(h.magic, magic, sizeof(magic));
	memcpy(h.build_id, build_id, bytes);
	return h;
}

/* The folder below @parent, which is closed; made if @make. What belongs to another user, or is a link
 * of anybody, is not used. */
static int open_folder(int parent, const char *name, bool make)
{
	_cleanup_close_ int at = parent, fd = -EBADF;
	struct stat st;

	if (at < 0)
		return at;
	if (make && mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH))
		return -EPERM;
	return TAKE_FD(fd);
}

/* The XDG Base Directory Specification has paths that are not absolute ignored. */
static int open_cache(bool make)
{
	const char *path = getenv("XDG_CACHE_HOME");
	int fd;

	if (path && path[0] == '/') {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} else {
		path = getenv("HOME");
		if (!path || path[0] != '/')
			return -ENOENT;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		fd = open_folder(fd, ".cache", make);
	}
	return open_folder(open_folder(fd, "guestscope", make), "unwind", make);
}

static bool name_of(const uint8_t *build_id, size_t bytes, char ret[static 2 * BUILD_ID_MAX + 1])
{
	if (bytes == 0 || bytes > BUILD_ID_MAX)
		return false;
	for (size_t i = 0; i < bytes; i++)
		snprintf(ret + 2 * i, 3, "%02x", build_id[i]);
	return true;
}

static bool read_all(int fd, void *ret, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t n = read(fd, (char *)ret + done, bytes - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static bool write_all(int fd, const void *bytes, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t written = write(fd, (const char *)bytes + done, n - done);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		done += (size_t)written;
	}
	return true;
}

static bool rule_is_right(const struct unwind_rule *r)
{
	const unsigned flags = UNWIND_ROOT | UNWIND_CFA_DEREF | UNWIND_CFA_PLT | UNWIND_RSP_SAVED |
			       UNWIND_EXACT | UNWIND_OTHER_STACK;

	if (r->cfa_base == UNWIND_OTHER ? r->other >= UNWIND_OTHERS : r->other != 0)
		return false;
	return r->cfa_base != UNWIND_CFA && r->cfa_base <= UNWIND_OTHER &&
	       r->rbp_base <= UNWIND_CFA && !(r->flags & ~flags);
}

/* All that unwind_table.h promises of a table. */
static bool table_is_right(const struct unwind_table *t)
{
	const struct unwind_rule none = {.cfa_base = UNWIND_NONE};

	if (memcmp(&t->rules[0], &none, sizeof(none)) != 0 || t->rows[t->n_rows - 1].rule != 0)
		return false;
	for (size_t i = 1; i < t->n_rules; i++)
		if (!rule_is_right(&t->rules[i]))
			return false;
	for (size_t i = 0; i < t->n_rows; i++)
		if (t->rows[i].rule >= t->n_rules || (i > 0 && t->rows[i].pc <= t->rows[i - 1].pc))
			return false;
	return true;
}

static int read_table(int fd, const struct head *h, struct unwind_table *ret)
{
	struct unwind_table t = {
		.base = h->base,
		.rules = calloc(h->n_rules, sizeof(*t.rules)),
		.n_rules = h->n_rules,
		.rows = calloc(h->n_rows, sizeof(*t.rows)),
		.n_rows = h->n_rows,
		.sources = (uint32_t)h->sources,
	};
	int r = t.rules && t.rows ? 0 : -ENOMEM;

	if (r == 0 &&
		(!read_all(fd, t.rules, t.n_rules * sizeof(*t.rules)) ||
			!read_all(fd, t.rows, t.n_rows * sizeof(*t.rows)) || !table_is_right(&t)))
		r = -ENOENT;
	if (r < 0)
		unwind_table_done(&t);
	else
		*ret = t;
	return r;
}

int unwind_cache_read(int fd, const uint8_t *build_id, size_t bytes, struct unwind_table *ret)
{
	struct head h, expected;
	struct stat st;

	if (bytes == 0 || bytes > BUILD_ID_MAX || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		!read_all(fd, &h, sizeof(h)))
		return -ENOENT;
	expected = head_of(build_id, bytes);
	if (memcmp(&h, &expected, offsetof(struct head, base)) != 0 || h.n_rules == 0 ||
		h.n_rules > UNWIND_RULES_MAX || h.n_rows == 0 || h.n_rows > UNWIND_ROWS_MAX ||
		h.sources & ~(uint64_t)UNWIND_SOURCES ||
		(uint64_t)st.st_size != sizeof(h) + h.n_rules * sizeof(struct unwind_rule) +
						h.n_rows * sizeof(struct unwind_row))
		return -ENOENT;
	return read_table(fd, &h, ret);
}

int unwind_cache_get(const uint8_t *build_id, size_t bytes, struct unwind_table *ret)
{
	_cleanup_close_ int folder = open_cache(false), fd = -EBADF;
	char name[2 * BUILD_ID_MAX + 1];

	if (folder < 0 || !name_of(build_id, bytes, name))
		return -ENOENT;
	fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -ENOENT : unwind_cache_read(fd, build_id, bytes, ret);
}

static bool write_table(int fd, const uint8_t *build_id, size_t bytes, const struct unwind_table *t)
{
	struct head h = head_of(build_id, bytes);

	h.base = t->base;
	h.n_rules = t->n_rules;
	h.n_rows = t->n_rows;
	h.sources = t->sources;
	return write_all(fd, &h, sizeof(h)) &&
	       write_all(fd, t->rules, t->n_rules * sizeof(*t->rules)) &&
	       write_all(fd, t->rows, t->n_rows * sizeof(*t->rows));
}

/* It gets its name when it is whole. */
void unwind_cache_put(const uint8_t *build_id, size_t bytes, const struct unwind_table *t)
{
	_cleanup_close_ int folder = open_cache(true), fd = -EBADF;
	char name[2 * BUILD_ID_MAX + 1], temporary[64];

	if (folder < 0 || !t->n_rows || !t->n_rules || !name_of(build_id, bytes, name))
		return;
	snprintf(temporary, sizeof(temporary), ".new-%d-%d", (int)getpid(), (int)gettid());
	unlinkat(folder, temporary, 0); /* of a process of the same number, long ago */
	fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (!write_table(fd, build_id, bytes, t) || renameat(folder, temporary, folder, name) < 0)
		unlinkat(folder, temporary, 0);
}
