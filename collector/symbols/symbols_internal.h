/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files behind symbols.h, symbol_space.h and symbol_process.h share; of no use elsewhere. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "collector/symbols/debug_server.h"
#include "collector/symbols/elf_file.h"
#include "collector/symbols/kallsyms.h"
#include "collector/symbols/symbol_table.h"
#include "collector/symbols/symbols.h"
#include "common/intern.h"

/* What debug information says of an address. */
struct symbol_line {
	uint64_t address;
	const char *file;
	unsigned line;
	unsigned n_inlined;
	const struct symbol_inlined *inlined;
};

/* An ELF file, whatever processes map it. */
struct symbol_module {
	struct symbol_module *next;
	dev_t device;
	ino_t inode;
	off_t bytes;
	struct timespec changed; /* its contents */
	const char *path;        /* interned: as the process names it */
	int fd;                  /* negative once nothing more is to be read from it */
	int debug_fd;  /* its separate debug file, while there are lines to read from it */
	bool has_read; /* file is there (NULL: it is no ELF file) */
	bool loaded;   /* file and table are there (table NULL: there is nothing) */
	bool borrowed; /* the table is another module's, of the same build-id */
	struct elf_file *file;
	struct symbol_table *table;
	struct symbol_line *lines; /* of linked addresses that were asked for, sorted */
	size_t n_lines;
};

/* A piece of an address space. */
struct symbol_mapping {
	uint64_t start;
	uint64_t end;
	/* linked address = address - start + base, once known; for files the offset until then */
	uint64_t base;
	bool base_is_offset;
	struct symbol_module *module; /* NULL: no file */
	const char *name;             /* interned: what to call the module */
	bool anonymous;               /* code made at run time */
};

struct symbol_space {
	struct symbol_space *next;
	struct symbols *symbols;
	pid_t pid;                       /* 0: not a process */
	pid_t living;                    /* by whose number its files can be opened */
	struct symbol_mapping *mappings; /* sorted, not overlapping */
	size_t n;
	struct kallsyms kallsyms; /* table NULL: none */
	uint64_t kallsyms_bias;
	struct symbol_line *lines; /* sorted by address, each once */
	size_t n_lines;
};

/* Chains of inlined functions, as they were found. */
struct inlined_chain {
	struct inlined_chain *next;
	struct symbol_inlined functions[];
};

struct symbols {
	struct intern names;
	struct symbol_module *modules;
	struct symbol_space *spaces;
	struct symbol_module *vdso;
	struct inlined_chain *chains;
	char *debug_dir;
	struct debug_servers servers;
	const char **replaced; /* interned: files that were, until it is said */
	size_t n_replaced;
	struct kallsyms kernel;
	int kernel_status; /* 1: not yet read */
};

/* symbol_module.c */

/* The module behind the open file @fd, which is taken over whatever comes. -ENOMEM, -ENOEXEC. */
int symbol_module_get(struct symbols *s, int fd, const char *path, struct symbol_module **ret);

/* The vDSO, read from our own memory: every process has the same. -ENOENT, -ENOMEM. */
int symbol_module_vdso(struct symbols *s, struct symbol_module **ret);

/* Read the headers, once: m->file. -ENOMEM. */
int symbol_module_headers(struct symbol_module *m);

/* Read what the module has, once. -ENOMEM. */
int symbol_module_load(struct symbols *s, struct symbol_module *m);

void symbol_module_free(struct symbol_module *m);

/* The path of a mapped file without the kernel's note, " (deleted)", that no name leads to it any more. Its
 * length. */
size_t symbol_module_path(const char *path);

/* A module that was read before from the file @inode at @path, as a process names it; or NULL. */
struct symbol_module *symbol_module_before(struct symbols *s, const char *path, uint64_t inode);

/* What lookups call the module: the file's name, without the kernel's note that it was deleted. NULL: no
 * memory. */
const char *symbol_module_name(struct symbols *s, const char *path);

/* symbol_space.c */

void symbol_space_release(struct symbol_space *space);

/* The index of the first mapping that ends beyond @address. */
size_t symbol_space_at(const struct symbol_space *space, uint64_t address);

/* Put @m in its place; what it overlaps goes. -ENOMEM. */
int symbol_space_insert(struct symbol_space *space, const struct symbol_mapping *m);

/* The mapping that covers @address, or NULL. Its base is settled. */
struct symbol_mapping *symbol_space_mapping(struct symbol_space *space, uint64_t address);

/* symbol_lines.c */

/* Add to @ret, which is at @address, what is known of its lines. */
void symbol_space_set_line(const struct symbol_space *space, uint64_t address, struct symbol *ret);
