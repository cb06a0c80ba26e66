/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Separate debug files, as distributions ship them: found by build-id, or by the name and checksum
 * in .gnu_debuglink, or asked for.
 */

#include "collector/symbols/debug_server.h"
#include "collector/symbols/elf_file.h"

/**
 * Open the debug file that belongs to @file, which was found at @path (may be NULL). @debug_dir is
 * the global folder, NULL for /usr/lib/debug. What is not on this machine is asked for from @servers
 * (NULL: from nobody). A file counts only if its build-id or its checksum is the right one. Returns a
 * file descriptor, or -ENOENT.
 */
int debug_file_open(const struct elf_file *file, const char *path, const char *debug_dir,
	struct debug_servers *servers);
