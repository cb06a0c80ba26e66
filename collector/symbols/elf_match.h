/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Is a file of symbols of the same build as the program that it is to name, and has it all names? */

struct debug_servers;

/**
 * Compare the ELF files @a and @b: by their build-ids, where both have one; else by what they have
 * in memory where code is, addresses and bytes (stripping changes neither). 1: the same build. 0:
 * another. -ENODATA: they do not tell (one is no ELF file, or has no code in it). -ENOENT ...: one
 * cannot be read. -ENOMEM.
 */
int elf_same_build(const char *a, const char *b);

/**
 * Has the ELF file @path, or a debug file of its own beside it, in /usr/lib/debug or from @servers (NULL:
 * nobody is asked), its full table of symbols? 1; 0: no, it is stripped; -ENODATA: it is no ELF file;
 * -ENOENT ..., -ENOMEM.
 */
int elf_has_symbols(const char *path, struct debug_servers *servers);
