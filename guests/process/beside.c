/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/process/beside.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

/* From the folder of the program: built, in the source around that, installed. */
static const char *const places[] = {"../guests/", "../guests/bare/", "../../guests/bare/",
	"../../guests/", "../libexec/guestscope/", (LIBEXEC_DIR "/") /* absolute */};

int beside_find(const char *name, char **ret_path)
{
	char self[PATH_MAX] = "";
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash = n > 0 ? strrchr(self, '/') : NULL;

	for (size_t i = 0; slash && i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *path = NULL;
		bool absolute = places[i][0] == '/';

		if (asprintf(&path, "%.*s%s%s%s", absolute ? 0 : (int)(slash - self), self,
			    absolute ? "" : "/", places[i], name) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		if (access(path, R_OK) == 0) {
			*ret_path = realpath(path, NULL);
			return *ret_path ? 0 : -errno;
		}
	}
	return -ENOENT;
}

char *beside_name(const char *name)
{
	char *path = NULL;

	if (beside_find(name, &path) == 0)
		return path;
	return asprintf(&path, "%s/%s", LIBEXEC_DIR, name) < 0 ? NULL : path;
}
