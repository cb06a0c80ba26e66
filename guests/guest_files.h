/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Which files a program takes along into a stack that has a file system of its own. */

#include "guests/guest.h"
#include "guests/images/elf_needs.h"
#include "guests/images/image.h"

/**
 * The ELF files on this host whose code runs: the program, or where it is a script, its interpreter
 * by the "#!" line (and what that one is asked to run, if it is env(1)); of an own program also those
 * that --with names by themselves. NULL-ended, to be freed with strv_free(). -ENOENT: an interpreter
 * is missing; with a message.
 */
int guest_executables(const struct guest_spec *spec, char ***ret, struct error *error);

/** How a stack has libraries. */
struct guest_libraries {
	bool (*inside)(const char *name); /**< those it has itself, or NULL: none */
	const char *const *extra;         /**< names to add, NULL-ended, or NULL */
	/** Put them, and the dynamic linker, into the stack's image. What is there stays. */
	int (*add)(const struct elf_needs *needs, struct image *image, struct error *error);
};

/** Where they are in a stack whose kernel has none: its programs look there first. */
#define GUEST_LIBRARY_FOLDER "/lib"

/** How such a stack has them: all that a program needs, with its dynamic linker. */
extern const struct guest_libraries guest_plain_libraries;

/**
 * Add the program, as @place in the stack; its interpreters, where they are on the host; the
 * libraries of all these; and what goes along with an own program: files, folders with all that is
 * in them (links stay links), the folder that it runs in. With @outside the files of --with are not
 * added: the stack sees them on the host.
 */
int guest_add_program(const struct guest_spec *spec, const char *place,
	const struct guest_libraries *how, bool outside, struct image *image, struct error *error);

/**
 * Make g->copies of what is in @image, which is the stack's @place ("image", "disk"), and of --with,
 * which is there too, or as @with_place says. -ENOMEM.
 */
int guest_note_copies(struct guest *g, const struct image *image, const char *place,
	const char *with_place, struct error *error);

/** Where the program lies in a stack: an own one where it is on the host, the workload in @folder.
 * Malloced; NULL: no memory. */
char *guest_program_place(const struct guest_spec *spec, const char *folder);

/** The operation runs() of a stack for which it is enough that all these files are there. */
int guest_files_found(const struct guest_spec *spec, struct error *error);
