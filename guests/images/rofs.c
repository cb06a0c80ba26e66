/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/images/rofs.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "guests/images/image_tree.h"

#define ROFS_MAGIC      0xdeadbeadULL
#define ROFS_VERSION    1
#define MODE_FOLDER     0x4000
#define MODE_FILE       0x8000
#define MODE_LINK       0xa000
#define PARTITION_BLOCK 8 /* 4 KiB: keeps the host's page cache aligned */

static void put_u64(struct image_buffer *b, uint64_t value)
{
	uint64_t le = htole64(value);

	image_buffer_put(b, &le, sizeof(le));
}

static void put_text(struct image_buffer *b, const char *text, size_t length)
{
	uint16_t le = htole16((uint16_t)length);

	image_buffer_put(b, &le, sizeof(le));
	image_buffer_put(b, text, length);
}

static void put_inode(struct image_buffer *b, const struct image_tree *t, size_t number)
{
	const struct image_node *n = &t->nodes[number];
	const uint64_t fields[][3] = {
		[IMAGE_FOLDER] = {MODE_FOLDER, n->first_child, n->n_children},
		[IMAGE_FILE] = {MODE_FILE, n->first_block, n->bytes},
		[IMAGE_LINK] = {MODE_LINK, n->link_index, 1},
	};
	const uint64_t *f = fields[image_node_kind(n)];

	put_u64(b, f[0]);
	put_u64(b, number);
	put_u64(b, f[1]);
	put_u64(b, f[2]);
}

static void put_tables(struct image_buffer *b, const struct image_tree *t)
{
	for (size_t k = 0; k < t->n_order; k++) {
		const struct image_node *n = &t->nodes[t->order[k]];

		put_u64(b, t->order[k]);
		put_text(b, n->name, n->name_length);
	}
	for (size_t k = 1; k < t->n; k++)
		if (image_node_kind(&t->nodes[k]) == IMAGE_LINK)
			put_text(b, t->nodes[k].entry->bytes, t->nodes[k].entry->length);
	for (size_t k = 1; k < t->n; k++)
		put_inode(b, t, k);
}

static int write_heads(int fd, const struct image_tree *t, uint64_t table, uint64_t table_blocks)
{
	const struct image_partition partition = {
		.slot = 1, .start = PARTITION_BLOCK, .count = table + table_blocks};
	const uint64_t super[] = {htole64(ROFS_MAGIC), htole64(ROFS_VERSION),
		htole64(IMAGE_BLOCK_BYTES), htole64(table), htole64(table_blocks),
		htole64(t->n_order), htole64(t->n_links), htole64(t->n - 1)};
	int r = image_write_partitions(fd, &partition, 1);

	return r < 0 ? r : image_write_at(fd, PARTITION_BLOCK, 0, super, sizeof(super));
}

static int write_tables(int fd, const struct image_tree *t, uint64_t table)
{
	struct image_buffer tables = {0};
	uint64_t blocks;
	int r;

	put_tables(&tables, t);
	blocks = image_blocks(tables.used);
	r = tables.failed ? -ENOMEM
			  : image_write_at(fd, PARTITION_BLOCK, table, tables.data, tables.used);
	free(tables.data);
	if (r == 0)
		r = write_heads(fd, t, table, blocks);
	/* The last block is whole. */
	if (r == 0 &&
		ftruncate(fd, (off_t)((PARTITION_BLOCK + table + blocks) * IMAGE_BLOCK_BYTES)) < 0)
		r = -errno;
	return r;
}

int rofs_write(int fd, const struct image *i, struct error *error)
{
	struct image_tree t = {0};
	uint64_t table = 0;
	int r = image_tree_build(&t, i, error);

	if (r == 0)
		r = image_tree_size(&t, error);
	if (r == 0) /* the superblock is before them */
		r = image_tree_place(&t, 1, &table, error);
	if (r == 0)
		r = image_tree_write(fd, &t, PARTITION_BLOCK, error);
	if (r == 0) {
		r = write_tables(fd, &t, table);
		if (r < 0)
			error_set_errno(error, r, "cannot write the guest's image");
	}
	image_tree_clear(&t);
	return r;
}
