/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/images/rofs.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/hash_index.h"

#define BLOCK_BYTES     512
#define ROFS_MAGIC      0xdeadbeadULL
#define ROFS_VERSION    1
#define MODE_FOLDER     0x4000
#define MODE_FILE       0x8000
#define MODE_LINK       0xa000
#define PARTITION_BLOCK 8     /* 4 KiB: keeps the host's page cache aligned */
#define PARTITION_ENTRY 0x1ce /* the second slot */
#define PARTITION_LINUX 0x83

/* A node of the tree; the root is number 1, as its inode is. */
struct node {
	const char *name; /* points into the entry's path */
	size_t name_length;
	const struct image_entry *entry; /* NULL: a folder nobody listed */
	size_t parent;
	size_t n_children;
	size_t first_child;          /* its directory entry, after numbering */
	uint64_t first_block, bytes; /* of a file */
	uint64_t link_index;
};

struct tree {
	struct node *nodes; /* [0] is unused */
	size_t n;
	struct hash_index by_name; /* children of any folder */
	size_t *order; /* directory entries: node numbers, those of one folder together */
	size_t n_order;
	size_t n_links;
};

/* Bytes in the making. */
struct buffer {
	char *data;
	size_t used;
	bool failed;
};

static void put(struct buffer *b, const void *data, size_t length)
{
	b->failed = b->failed || ARRAY_MORE(b->data, b->used, length) < 0;
	if (b->failed)
		return;
	memcpy(b->data + b->used, data, length);
	b->used += length;
}

static void put_u64(struct buffer *b, uint64_t value)
{
	uint64_t le = htole64(value);

	put(b, &le, sizeof(le));
}

static void put_text(struct buffer *b, const char *text, size_t length)
{
	uint16_t le = htole16((uint16_t)length);

	put(b, &le, sizeof(le));
	put(b, text, length);
}

static enum image_kind node_kind(const struct node *n)
{
	return n->entry ? n->entry->kind : IMAGE_FOLDER;
}

struct child {
	size_t parent;
	const char *name;
	size_t length;
};

static bool is_child(const void *nodes, size_t i, const void *key)
{
	const struct node *n = &((const struct node *)nodes)[i];
	const struct child *c = key;

	return n->parent == c->parent && n->name_length == c->length &&
	       memcmp(n->name, c->name, c->length) == 0;
}

static uint64_t hash_child(const struct child *c)
{
	return hash_number(hash_bytes(HASH_FIRST, c->name, c->length), c->parent);
}

static size_t find_child(const struct tree *t, const struct child *c)
{
	size_t k = hash_index_find(&t->by_name, hash_child(c), is_child, t->nodes, c);

	return k == HASH_NONE ? 0 : k;
}

static size_t add_child(struct tree *t, const struct child *c)
{
	const struct node node = {.name = c->name, .name_length = c->length, .parent = c->parent};

	if (hash_index_add(&t->by_name, hash_child(c), t->n) < 0 ||
		ARRAY_ADD(t->nodes, t->n, node) < 0)
		return 0;
	t->nodes[c->parent].n_children++;
	return t->n - 1;
}

static int add_entry(struct tree *t, const struct image_entry *e, struct error *error)
{
	const char *p = e->path;
	size_t at = 1;

	while (*p == '/') {
		const struct child c = {at, p + 1, strcspn(p + 1, "/")};
		size_t next = find_child(t, &c);

		if (node_kind(&t->nodes[at]) != IMAGE_FOLDER)
			return error_set(
				error, -ENOTDIR, "'%s' in an image lies below a file", e->path);
		if (!next)
			next = add_child(t, &c);
		if (!next)
			return error_set_errno(error, -ENOMEM, "image entry '%s'", e->path);
		at = next;
		p += 1 + c.length;
	}
	/* A folder that an earlier entry implied may be listed later; it cannot turn into a file.
	 */
	if (e->kind != IMAGE_FOLDER && t->nodes[at].n_children)
		return error_set(
			error, -ENOTDIR, "'%s' in an image is a file and a folder", e->path);
	t->nodes[at].entry = e;
	return 0;
}

/* Directory entries: folder by folder, in the order in which they were added. */
static int order_children(struct tree *t)
{
	_cleanup_free_ size_t *next = calloc(t->n, sizeof(*next));

	t->order = calloc(t->n, sizeof(*t->order));
	if (!t->order || !next)
		return -ENOMEM;
	for (size_t k = 1; k < t->n; k++) {
		t->nodes[k].first_child = next[k] = t->n_order;
		t->n_order += t->nodes[k].n_children;
	}
	for (size_t k = 2; k < t->n; k++)
		t->order[next[t->nodes[k].parent]++] = k;
	return 0;
}

static int build_tree(struct tree *t, const struct image *i, struct error *error)
{
	const struct node root = {.name = ""};

	if (ARRAY_ADD(t->nodes, t->n, root) < 0 || ARRAY_ADD(t->nodes, t->n, root) < 0)
		return error_set_errno(error, -ENOMEM, "image");
	for (size_t k = 0; k < i->n; k++) {
		int r = add_entry(t, &i->entries[k], error);

		if (r < 0)
			return r;
	}
	for (size_t k = 1; k < t->n; k++)
		if (node_kind(&t->nodes[k]) == IMAGE_LINK)
			t->nodes[k].link_index = t->n_links++;
	return order_children(t) < 0 ? error_set_errno(error, -ENOMEM, "image") : 0;
}

static uint64_t blocks_of(uint64_t bytes)
{
	return (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
}

static int write_at_block(int fd, uint64_t block, const void *data, size_t length)
{
	if (lseek(fd, (off_t)((PARTITION_BLOCK + block) * BLOCK_BYTES), SEEK_SET) < 0)
		return -errno;
	return image_write_all(fd, data, length);
}

/* All files' data, from block 1 on; *ret_next is the first block after it. Gaps up to the next
 * block stay holes, which read as zeros. */
static int write_files(int fd, struct tree *t, uint64_t *ret_next, struct error *error)
{
	uint64_t block = 1;

	for (size_t k = 1; k < t->n; k++) {
		struct node *n = &t->nodes[k];
		struct stat st;
		int r;

		if (node_kind(n) != IMAGE_FILE)
			continue;
		n->bytes = n->entry->length;
		if (n->entry->source && stat(n->entry->source, &st) < 0)
			return error_set_errno(error, -errno, "cannot read %s", n->entry->source);
		if (n->entry->source && !S_ISREG(st.st_mode))
			return error_set(error, -EINVAL, "%s is not a file", n->entry->source);
		if (n->entry->source)
			n->bytes = (uint64_t)st.st_size;
		n->first_block = block;
		if (blocks_of(n->bytes) > UINT32_MAX - PARTITION_BLOCK - block)
			return error_set(
				error, -EFBIG, "the image of the guest's disk is too large");
		r = write_at_block(fd, block, n->entry->bytes, n->entry->source ? 0 : n->bytes);
		if (r < 0)
			return error_set_errno(error, r, "cannot write the guest's image");
		if (n->entry->source)
			r = image_copy_source(fd, n->entry->source, n->bytes, error);
		if (r < 0)
			return r;
		block += blocks_of(n->bytes);
	}
	*ret_next = block;
	return 0;
}

static void put_inode(struct buffer *b, const struct tree *t, size_t number)
{
	const struct node *n = &t->nodes[number];
	const uint64_t fields[][3] = {
		[IMAGE_FOLDER] = {MODE_FOLDER, n->first_child, n->n_children},
		[IMAGE_FILE] = {MODE_FILE, n->first_block, n->bytes},
		[IMAGE_LINK] = {MODE_LINK, n->link_index, 1},
	};
	const uint64_t *f = fields[node_kind(n)];

	put_u64(b, f[0]);
	put_u64(b, number);
	put_u64(b, f[1]);
	put_u64(b, f[2]);
}

static void put_tables(struct buffer *b, const struct tree *t)
{
	for (size_t k = 0; k < t->n_order; k++) {
		const struct node *n = &t->nodes[t->order[k]];

		put_u64(b, t->order[k]);
		put_text(b, n->name, n->name_length);
	}
	for (size_t k = 1; k < t->n; k++)
		if (node_kind(&t->nodes[k]) == IMAGE_LINK)
			put_text(b, t->nodes[k].entry->bytes, t->nodes[k].entry->length);
	for (size_t k = 1; k < t->n; k++)
		put_inode(b, t, k);
}

static int write_heads(int fd, const struct tree *t, uint64_t table, uint64_t table_blocks)
{
	unsigned char boot[BLOCK_BYTES] = {0}, *slot = boot + PARTITION_ENTRY;
	uint32_t start = htole32(PARTITION_BLOCK),
		 count = htole32((uint32_t)(table + table_blocks));
	const uint64_t super[] = {htole64(ROFS_MAGIC), htole64(ROFS_VERSION), htole64(BLOCK_BYTES),
		htole64(table), htole64(table_blocks), htole64(t->n_order), htole64(t->n_links),
		htole64(t->n - 1)};
	int r;

	slot[2] = 2; /* CHS start sector: OSv takes a slot with 0 here for an empty one */
	slot[4] = PARTITION_LINUX;
	memcpy(slot + 8, &start, sizeof(start));
	memcpy(slot + 12, &count, sizeof(count));
	boot[510] = 0x55;
	boot[511] = 0xaa;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	r = image_write_all(fd, boot, sizeof(boot));
	if (r < 0)
		return r;
	return write_at_block(fd, 0, super, sizeof(super));
}

static int write_all(int fd, struct tree *t, const struct image *i, struct error *error)
{
	struct buffer tables = {0};
	uint64_t table = 0;
	int r;

	r = build_tree(t, i, error);
	if (r < 0)
		return r;
	r = write_files(fd, t, &table, error);
	if (r < 0)
		return r;
	put_tables(&tables, t);
	r = tables.failed ? -ENOMEM : write_at_block(fd, table, tables.data, tables.used);
	free(tables.data);
	if (r == 0)
		r = write_heads(fd, t, table, blocks_of(tables.used));
	/* The last block is whole. */
	if (r == 0 && ftruncate(fd, (off_t)((PARTITION_BLOCK + table + blocks_of(tables.used)) *
					    BLOCK_BYTES)) < 0)
		r = -errno;
	return r < 0 ? error_set_errno(error, r, "cannot write the guest's image") : 0;
}

int rofs_write(int fd, const struct image *i, struct error *error)
{
	struct tree t = {0};
	int r = write_all(fd, &t, i, error);

	free(t.nodes);
	free(t.order);
	hash_index_clear(&t.by_name);
	return r;
}
