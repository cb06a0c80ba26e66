/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/version.h"

#include "revision.h"

const char version_revision[] = GUESTSCOPE_REVISION;
const char version_probes_compiler[] = PROBES_COMPILER;

void version_print(FILE *stream, const char *program, const char *details)
{
	fprintf(stream,
		"%s (guestscope) " GUESTSCOPE_VERSION "\n"
		"revision %s\n"
		"%s\n"
		"Copyright (C) 2026 the guestscope authors\n"
		"License GPLv2+: GNU GPL version 2 or later "
		"<https://gnu.org/licenses/old-licenses/gpl-2.0.html>.\n"
		"This is free software: you are free to change and redistribute it.\n"
		"There is NO WARRANTY, to the extent permitted by law.\n",
		program, version_revision, details);
}
