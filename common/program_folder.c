/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/program_folder.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

int program_folder_find(const char *const *places, const char *name, int mode, char **ret_path)
{
	char self[PATH_MAX] = "";
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash = n > 0 ? strrchr(self, '/') : NULL;

	for (; slash && *places; places++) {
		_cleanup_free_ char *path = NULL;
		bool absolute = **places == '/';

		if (asprintf(&path, "%.*s%s%s", absolute ? 0 : (int)(slash - self + 1), self,
			    *places, name) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		if (access(path, mode) == 0) {
			*ret_path = realpath(path, NULL);
			return *ret_path ? 0 : -errno;
		}
	}
	return -ENOENT;
}

int program_folder_workload(const char *name, char **ret_path)
{
	static const char *const places[] = {"", "../workload/", NULL};

	return program_folder_find(places, name, X_OK, ret_path);
}
