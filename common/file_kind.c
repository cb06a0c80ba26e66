/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/file_kind.h"

#include <errno.h>
#include <sys/stat.h>

const char *file_kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "a file";
	case S_IFDIR:
		return "a folder";
	case S_IFSOCK:
		return "a socket";
	case S_IFIFO:
		return "a named pipe";
	default:
		return "a device";
	}
}

int file_check(const char *path, struct error *error)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return error_set_errno(error, -errno, "cannot read %s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(
			error, -EINVAL, "%s is %s, not a file", path, file_kind(st.st_mode));
	return 0;
}
