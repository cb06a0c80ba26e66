/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Separate debug files from debuginfod servers: those that $DEBUGINFOD_URLS names, by elfutils' library,
 * which keeps them in its cache. To ask takes time and the network: never while something is measured.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/symbols/elf_file.h"

/**
 * Called about once a second while the debug file of @path is waited for, of which @done bytes of @all
 * (0: not known) are there. False: it is not waited for any longer.
 */
typedef bool (*debug_server_wait_t)(const char *path, uint64_t done, uint64_t all, void *userdata);

/** Zero: servers that were not asked yet. */
struct debug_servers {
	debug_server_wait_t wait; /**< or NULL */
	void *userdata;           /**< for it */
	bool given_up;            /**< one did not answer: none is asked any more */
	char trouble[256];        /**< why, until it is said; "": nothing to say */
};

/** $DEBUGINFOD_URLS; NULL where it names no server. */
const char *debug_servers_named(void);

/** Are we built with the library? */
bool debug_servers_supported(void);

/**
 * Ask for the debug file of @file, which was found at @path. *ret_path is where it is now, malloced.
 * 0; -ENOENT: no server has it, or none is named or answers, or @file has no build-id; -ENOMEM. A server
 * that sends nothing for DEBUGINFOD_TIMEOUT seconds (15 by default), or takes longer than 5 minutes for
 * a file, does not answer.
 */
int debug_servers_fetch(
	struct debug_servers *s, const struct elf_file *file, const char *path, char **ret_path);

/** What is to be said of @s, a sentence, once; else NULL. */
const char *debug_servers_take_trouble(struct debug_servers *s, char ret[static 256]);
