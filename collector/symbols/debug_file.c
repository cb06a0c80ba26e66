/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/debug_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "common/cleanup.h"

static int open_regular(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -ENOENT;
	return TAKE_FD(fd);
}

/* One of the same build. */
static int open_same(const char *path, const struct elf_file *file)
{
	_cleanup_close_ int fd = open_regular(path);
	struct elf_file found;

	if (fd < 0 || elf_file_read(fd, &found) < 0 || !elf_same_build_id(&found, file))
		return -ENOENT;
	return TAKE_FD(fd);
}

static int open_by_build_id(const struct elf_file *file, const char *debug_dir)
{
	char path[PATH_MAX];
	size_t used;
	int n;

	if (file->build_id_bytes < 2)
		return -ENOENT;
	n = snprintf(path, sizeof(path), "%s/.build-id/%02x/", debug_dir, file->build_id[0]);
	if (n < 0 || (size_t)n + 2UL * ELF_BUILD_ID_MAX + sizeof(".debug") > sizeof(path))
		return -ENOENT;
	used = (size_t)n;
	for (size_t i = 1; i < file->build_id_bytes; i++, used += 2)
		snprintf(path + used, sizeof(path) - used, "%02x", file->build_id[i]);
	snprintf(path + used, sizeof(path) - used, ".debug");
	return open_same(path, file);
}

static int file_crc(int fd, uLong *ret)
{
	unsigned char buffer[65536];
	uLong crc = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, buffer, sizeof(buffer), at)) > 0) {
		crc = crc32(crc, buffer, (uInt)n);
		at += n;
	}
	*ret = crc;
	return n < 0 ? -errno : 0;
}

static int open_checked(const char *path, uint32_t crc)
{
	_cleanup_close_ int fd = open_regular(path);
	uLong found;

	if (fd < 0 || file_crc(fd, &found) < 0 || found != crc)
		return -ENOENT;
	return TAKE_FD(fd);
}

/* By its .gnu_debuglink. */
static int open_linked(const struct elf_file *file, const char *path, const char *debug_dir)
{
	static const char *const forms[] = {
		"%2$.*3$s/%1$s",        /* beside the file */
		"%2$.*3$s/.debug/%1$s", /* in a folder of its own there */
		"%4$s%2$.*3$s/%1$s",    /* in the same place below the global folder */
	};
	const char *slash = path ? strrchr(path, '/') : NULL;
	int fd;

	if (!file->debug_link[0] || !slash || path[0] != '/')
		return -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		char name[PATH_MAX];
		int n = snprintf(name, sizeof(name), forms[i], file->debug_link, path,
			(int)(slash - path), debug_dir);

		if (n < 0 || (size_t)n >= sizeof(name))
			continue;
		fd = open_checked(name, file->debug_link_crc);
		if (fd >= 0)
			return fd;
	}
	return -ENOENT;
}

static int open_fetched(
	const struct elf_file *file, const char *path, struct debug_servers *servers)
{
	_cleanup_free_ char *fetched = NULL;

	if (debug_servers_fetch(servers, file, path, &fetched) < 0)
		return -ENOENT;
	return open_same(fetched, file);
}

int debug_file_open(const struct elf_file *file, const char *path, const char *debug_dir,
	struct debug_servers *servers)
{
	int fd;

	if (!debug_dir)
		debug_dir = "/usr/lib/debug";
	fd = open_by_build_id(file, debug_dir);
	if (fd < 0)
		fd = open_linked(file, path, debug_dir);
	return fd < 0 && servers ? open_fetched(file, path, servers) : fd;
}
