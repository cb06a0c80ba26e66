/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What goes into a guest's file system, whatever its format: a list that rofs.h, tfs.h and
 * initramfs.h write. Folders above an entry need not be listed.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/hash_index.h"

enum image_kind {
	IMAGE_FOLDER,
	IMAGE_FILE,
	IMAGE_LINK,
};

struct image_entry {
	enum image_kind kind;
	char *path;      /**< absolute, in the guest; no "." or ".." in it */
	unsigned mode;   /**< permission bits */
	char *source;    /**< IMAGE_FILE: a file on the host, or NULL: the bytes */
	char *bytes;     /**< IMAGE_FILE without source: its content; IMAGE_LINK: the target */
	uint64_t length; /**< of @bytes */
};

/** What a kernel is to run, where it reads that off its disk. Lists are NULL-ended. */
struct image_start {
	const char *program;
	char *const *arguments;   /**< with argv[0] */
	char *const *environment; /**< NAME=VALUE */
	char *const *options;     /**< of the kernel, NAME=VALUE */
};

/** Start with { 0 }. */
struct image {
	struct image_entry *entries;
	size_t n;
	struct hash_index by_path;       /**< the paths that were added */
	const struct image_start *start; /**< the caller's, or NULL: the format has none */
};

/**
 * Add an entry. All strings and bytes are copied. -EINVAL (path not absolute, or with an empty, "."
 * or ".." component), -ENAMETOOLONG (component over 255 bytes, path over 1023), -EEXIST (path there
 * already), -ENOMEM; with a message.
 */
int image_add_folder(struct image *i, const char *path, unsigned mode, struct error *error);
int image_add_file(
	struct image *i, const char *path, unsigned mode, const char *source, struct error *error);
int image_add_bytes(struct image *i, const char *path, unsigned mode, const void *bytes,
	size_t length, struct error *error);
int image_add_link(struct image *i, const char *path, const char *target, struct error *error);

/**
 * Add the program file @program as /bin/<its name>. *ret_path, malloced, is that path.
 */
int image_add_program(struct image *i, const char *program, char **ret_path, struct error *error);

/** Release what @i holds. */
void image_clear(struct image *i);

/**
 * Write the image into a file of @folder whose name is @prefix and the fingerprint, unless it is
 * there already. It appears whole or not at all. *ret_path is malloced.
 */
typedef int (*image_writer_t)(int fd, const struct image *i, struct error *error);
int image_write_cached(const struct image *i, image_writer_t writer, const char *folder,
	const char *prefix, char **ret_path, struct error *error);

/**
 * Copy exactly @length bytes of @source to @fd at its position. -EIO if the file is shorter by now,
 * or -errno. For writers.
 */
int image_copy_source(int fd, const char *source, uint64_t length, struct error *error);

/** write() until all is written. 0 or -errno. */
int image_write_all(int fd, const void *data, size_t length);
