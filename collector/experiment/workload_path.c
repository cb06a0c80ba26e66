/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/experiment/workload_path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

int workload_find(const char *given, char **ret, struct error *error)
{
	static const char *const places[] = {"mandelbrot", "../workload/mandelbrot"};
	char self[PATH_MAX] = "";
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash = n > 0 ? strrchr(self, '/') : NULL;

	if (given) {
		if (access(given, X_OK) < 0)
			return error_set_errno(error, -errno, "cannot run %s", given);
		*ret = realpath(given, NULL);
		return *ret ? 0 : error_set_errno(error, -errno, "cannot run %s", given);
	}
	for (size_t i = 0; slash && i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%.*s/%s", (int)(slash - self), self, places[i]) < 0)
			return -ENOMEM;
		if (access(path, X_OK) == 0) {
			*ret = realpath(path, NULL);
			return *ret ? 0 : -ENOMEM;
		}
	}
	return error_set(error, -ENOENT,
		"the workload, mandelbrot, is not beside this program: name it by --program");
}
