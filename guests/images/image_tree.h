/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * An image's list as a tree of folders, and where the bytes of its files lie on a disk: what the
 * formats of a guest's disk have in common. Blocks have 512 bytes and are counted from the start of
 * the partition.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/hash_index.h"
#include "guests/images/image.h"

#define IMAGE_BLOCK_BYTES 512

/** A node of the tree. Its parent has a lower number. */
struct image_node {
	const char *name; /**< points into the entry's path */
	size_t name_length;
	const struct image_entry *entry; /**< NULL: a folder nobody listed */
	size_t parent;
	size_t n_children;
	size_t first_child;          /**< of a folder: where its children begin in @order */
	uint64_t first_block, bytes; /**< of a file */
	uint64_t link_index;         /**< of a link: how many links are before it */
};

/** Start with { 0 }. */
struct image_tree {
	struct image_node *nodes; /**< [0] is unused, [1] the root */
	size_t n;
	struct hash_index by_name; /**< children of any folder */
	size_t *order;             /**< numbers of nodes, those of one folder together */
	size_t n_order;
	size_t n_links;
};

/** The tree of @i, which has to outlive it. -ENOTDIR (a file where a folder is needed), -ENOMEM. */
int image_tree_build(struct image_tree *t, const struct image *i, struct error *error);

/** Release what @t holds. */
void image_tree_clear(struct image_tree *t);

enum image_kind image_node_kind(const struct image_node *n);

/** How many blocks so many bytes take. */
uint64_t image_blocks(uint64_t bytes);

/** Take down how long each file is. -EINVAL (a source is no file), -errno of sources. */
int image_tree_size(struct image_tree *t, struct error *error);

/**
 * Then give each its place, one behind the other from block @first on. *ret_next is the first block
 * after them. -EFBIG: past 2^32 blocks.
 */
int image_tree_place(struct image_tree *t, uint64_t first, uint64_t *ret_next, struct error *error);

/** Write their bytes to @fd, whose partition begins at block @partition. What is left of a file's
 * last block is not written: a hole, which reads as zeros. */
int image_tree_write(int fd, const struct image_tree *t, uint64_t partition, struct error *error);

/** Write @data at block @block of such a partition. 0 or -errno. */
int image_write_at(int fd, uint64_t partition, uint64_t block, const void *data, size_t length);

/** One of the four slots of a partition table: by blocks. */
struct image_partition {
	unsigned slot; /**< 0 to 3 */
	uint64_t start, count;
};

/** Write the disk's first block, with these partitions. 0 or -errno. */
int image_write_partitions(int fd, const struct image_partition *list, size_t n);

/** Bytes in the making. */
struct image_buffer {
	char *data;
	size_t used;
	bool failed; /**< no memory: no more is added */
};

/** Free @data in the end. */
void image_buffer_put(struct image_buffer *b, const void *data, size_t length);
