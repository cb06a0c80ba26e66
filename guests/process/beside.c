/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/process/beside.h"

#include <stdio.h>
#include <unistd.h>

#include "common/program_folder.h"

int beside_find(const char *name, char **ret_path)
{
	/* Built, in the source around that, installed. */
	static const char *const places[] = {"../guests/", "../guests/bare/", "../../guests/bare/",
		"../../guests/", "../tests/calibrator/", "../calibrator/", "../libexec/guestscope/",
		(LIBEXEC_DIR "/"), NULL};

	return program_folder_find(places, name, R_OK, ret_path);
}

char *beside_name(const char *name)
{
	char *path = NULL;

	if (beside_find(name, &path) == 0)
		return path;
	return asprintf(&path, "%s/%s", LIBEXEC_DIR, name) < 0 ? NULL : path;
}
