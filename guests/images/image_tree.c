/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/images/image_tree.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/array.h"
#include "common/cleanup.h"

#define TABLE_AT   0x1be
#define SLOT_BYTES 16
#define TYPE_LINUX 0x83

void image_buffer_put(struct image_buffer *b, const void *data, size_t length)
{
	b->failed = b->failed || ARRAY_MORE(b->data, b->used, length) < 0;
	if (b->failed)
		return;
	memcpy(b->data + b->used, data, length);
	b->used += length;
}

enum image_kind image_node_kind(const struct image_node *n)
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
	const struct image_node *n = &((const struct image_node *)nodes)[i];
	const struct child *c = key;

	return n->parent == c->parent && n->name_length == c->length &&
	       memcmp(n->name, c->name, c->length) == 0;
}

static uint64_t hash_child(const struct child *c)
{
	return hash_number(hash_bytes(HASH_FIRST, c->name, c->length), c->parent);
}

static size_t find_child(const struct image_tree *t, const struct child *c)
{
	size_t k = hash_index_find(&t->by_name, hash_child(c), is_child, t->nodes, c);

	return k == HASH_NONE ? 0 : k;
}

static size_t add_child(struct image_tree *t, const struct child *c)
{
	const struct image_node node = {
		.name = c->name, .name_length = c->length, .parent = c->parent};

	if (hash_index_add(&t->by_name, hash_child(c), t->n) < 0 ||
		ARRAY_ADD(t->nodes, t->n, node) < 0)
		return 0;
	t->nodes[c->parent].n_children++;
	return t->n - 1;
}

static int add_entry(struct image_tree *t, const struct image_entry *e, struct error *error)
{
	const char *p = e->path;
	size_t at = 1;

	while (*p == '/') {
		const struct child c = {at, p + 1, strcspn(p + 1, "/")};
		size_t next = find_child(t, &c);

		if (image_node_kind(&t->nodes[at]) != IMAGE_FOLDER)
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
static int order_children(struct image_tree *t)
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

int image_tree_build(struct image_tree *t, const struct image *i, struct error *error)
{
	const struct image_node root = {.name = ""};

	if (ARRAY_ADD(t->nodes, t->n, root) < 0 || ARRAY_ADD(t->nodes, t->n, root) < 0)
		return error_set_errno(error, -ENOMEM, "image");
	for (size_t k = 0; k < i->n; k++) {
		int r = add_entry(t, &i->entries[k], error);

		if (r < 0)
			return r;
	}
	for (size_t k = 1; k < t->n; k++)
		if (image_node_kind(&t->nodes[k]) == IMAGE_LINK)
			t->nodes[k].link_index = t->n_links++;
	return order_children(t) < 0 ? error_set_errno(error, -ENOMEM, "image") : 0;
}

void image_tree_clear(struct image_tree *t)
{
	free(t->nodes);
	free(t->order);
	hash_index_clear(&t->by_name);
	*t = (struct image_tree){0};
}

uint64_t image_blocks(uint64_t bytes)
{
	return (bytes + IMAGE_BLOCK_BYTES - 1) / IMAGE_BLOCK_BYTES;
}

static int take_size(struct image_node *n, struct error *error)
{
	const char *source = n->entry->source;
	struct stat st;

	n->bytes = n->entry->length;
	if (!source)
		return 0;
	if (stat(source, &st) < 0)
		return error_set_errno(error, -errno, "cannot read %s", source);
	if (!S_ISREG(st.st_mode))
		return error_set(error, -EINVAL, "%s is not a file", source);
	n->bytes = (uint64_t)st.st_size;
	return 0;
}

int image_tree_size(struct image_tree *t, struct error *error)
{
	int r = 0;

	for (size_t k = 1; k < t->n && r == 0; k++)
		if (image_node_kind(&t->nodes[k]) == IMAGE_FILE)
			r = take_size(&t->nodes[k], error);
	return r;
}

int image_tree_place(struct image_tree *t, uint64_t first, uint64_t *ret_next, struct error *error)
{
	for (size_t k = 1; k < t->n; k++) {
		struct image_node *n = &t->nodes[k];

		if (image_node_kind(n) != IMAGE_FILE)
			continue;
		n->first_block = first;
		if (first > UINT32_MAX || image_blocks(n->bytes) > UINT32_MAX - first)
			return error_set(
				error, -EFBIG, "the image of the guest's disk is too large");
		first += image_blocks(n->bytes);
	}
	*ret_next = first;
	return 0;
}

int image_tree_write(int fd, const struct image_tree *t, uint64_t partition, struct error *error)
{
	for (size_t k = 1; k < t->n; k++) {
		const struct image_node *n = &t->nodes[k];
		const char *source;
		int r;

		if (image_node_kind(n) != IMAGE_FILE)
			continue;
		source = n->entry->source;
		r = image_write_at(
			fd, partition, n->first_block, n->entry->bytes, source ? 0 : n->bytes);
		if (r < 0)
			return error_set_errno(error, r, "cannot write the guest's image");
		if (source)
			r = image_copy_source(fd, source, n->bytes, error);
		if (r < 0)
			return r;
	}
	return 0;
}

int image_write_at(int fd, uint64_t partition, uint64_t block, const void *data, size_t length)
{
	if (lseek(fd, (off_t)((partition + block) * IMAGE_BLOCK_BYTES), SEEK_SET) < 0)
		return -errno;
	return image_write_all(fd, data, length);
}

int image_write_partitions(int fd, const struct image_partition *list, size_t n)
{
	unsigned char boot[IMAGE_BLOCK_BYTES] = {0};

	for (size_t i = 0; i < n; i++) {
		unsigned char *slot = boot + TABLE_AT + (size_t)SLOT_BYTES * list[i].slot;
		uint64_t count = list[i].count < UINT32_MAX ? list[i].count : UINT32_MAX;
		uint32_t numbers[] = {htole32((uint32_t)list[i].start), htole32((uint32_t)count)};

		slot[2] = 2; /* CHS start sector: OSv takes a slot with 0 here for an empty one */
		slot[4] = TYPE_LINUX;
		memcpy(slot + 8, numbers, sizeof(numbers));
	}
	boot[510] = 0x55;
	boot[511] = 0xaa;
	return image_write_at(fd, 0, 0, boot, sizeof(boot));
}
