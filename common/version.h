/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What was built. The release itself is GUESTSCOPE_VERSION, a string that the build system defines
 * from the project's version: what is written into files, so that they do not differ by commit.
 */

#include <stdio.h>

/** The commit, abbreviated, with a "+" where the sources differ from it; "unknown" where they were
 * not in git. */
extern const char version_revision[];

/** What compiled the eBPF programs, with its version: "clang 14.0.6". */
extern const char version_probes_compiler[];

/**
 * Print what `PROGRAM --version` says: release, revision, @details, copyright and licence.
 *
 * @details: complete lines of the program's own, or "".
 */
void version_print(FILE *stream, const char *program, const char *details);
