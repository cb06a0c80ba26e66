/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/folders.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"

static int make(const char *path, struct error *error)
{
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		return error_set_errno(error, -errno, "cannot make folder %s", path);
	return 0;
}

int folders_make_above(const char *path, struct error *error)
{
	_cleanup_free_ char *copy = strdup(path);
	int r = 0;

	if (!copy)
		return error_set_errno(error, -ENOMEM, "cannot make folder %s", path);
	for (char *slash = copy; r == 0 && *slash && (slash = strchr(slash + 1, '/'));) {
		if (!slash[strspn(slash, "/")]) /* behind the last name */
			break;
		*slash = '\0';
		r = make(copy, error);
		*slash = '/';
	}
	return r;
}

int folders_make(const char *path, struct error *error)
{
	int r = folders_make_above(path, error);

	return r < 0 ? r : make(path, error);
}
