/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/machine/environment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

/* Another topology (hwloc), other processors' counters (libpfm4). */
static const char *const ours[] = {"HWLOC_", "LIBPFM_", NULL};

/* The loader's and the C library's: other libraries, other allocators, slower starts. */
static const char *const theirs[] = {"LD_PRELOAD=", "LD_AUDIT=", "LD_LIBRARY_PATH=", "LD_BIND_NOW=",
	"LD_DEBUG=", "GLIBC_TUNABLES=", "MALLOC_", NULL};

static bool begins_with_any(const char *variable, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (strncmp(variable, *prefixes, strlen(*prefixes)) == 0)
			return true;
	return false;
}

void environment_drop(void)
{
	for (char **e = environ; e && *e;) {
		_cleanup_free_ char *name = strndup(*e, strcspn(*e, "="));

		if (name && begins_with_any(*e, ours) && unsetenv(name) == 0)
			e = environ;
		else
			e++;
	}
}

void environment_inherited(void (*each)(const char *variable, void *userdata), void *userdata)
{
	for (char **e = environ; e && *e; e++)
		if (begins_with_any(*e, theirs))
			each(*e, userdata);
}
