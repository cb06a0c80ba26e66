/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/images/tfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "guests/images/image_tree.h"

#define TFS_VERSION 5
#define TFS_UUID    "guestscope disk." /* 16 bytes */
#define TFS_LABEL   "guestscope"

/* The 4 KiB before the first partition are where the kernel puts its log when it fails. */
#define BOOT_PARTITION 16
#define BOOT_SECTORS   8
#define ROOT_PARTITION (BOOT_PARTITION + BOOT_SECTORS)

#define FRAME_END    1
#define FRAME_RECORD 2
#define FRAME_LINK   5
/* The log that has the record, at the least; the kernel's own tools make it as large. */
#define LOG_SECTORS_MIN 1024
/* Magic, version, size of the log; the frame with two lengths; the end. */
#define LOG_HEAD_MAX 64
/* What the guest may write: a hole until it does. */
#define ROOM_SECTORS (((uint64_t)4 << 30) / IMAGE_BLOCK_BYTES)
/* A place that takes as many bytes in the record as any. */
#define SECTOR_MAX UINT32_MAX

enum value_type {
	TYPE_SYMBOL,
	TYPE_TUPLE,
	TYPE_VECTOR,
	TYPE_INTEGER,
	TYPE_STRING,
};

static void put_byte(struct image_buffer *b, unsigned char byte)
{
	image_buffer_put(b, &byte, 1);
}

/* The lowest @groups groups of seven bits. */
static void put_groups(struct image_buffer *b, uint64_t value, unsigned groups)
{
	while (groups--)
		put_byte(b, (unsigned char)((value >> (7 * groups) & 0x7f) | (groups ? 0x80 : 0)));
}

static void put_number(struct image_buffer *b, uint64_t value)
{
	unsigned groups = 1;

	while (groups < 9 && value >> (7 * groups))
		groups++;
	put_groups(b, value, groups);
}

static void put_head(struct image_buffer *b, enum value_type type, uint64_t n)
{
	unsigned groups = 0;

	while (groups < 9 && n >> (3 + 7 * groups))
		groups++;
	put_byte(b, (unsigned char)(0x80U | (unsigned)type << 4 | (groups ? 8U : 0U) |
				    (unsigned)(n >> (7 * groups))));
	put_groups(b, n, groups);
}

static void put_text(struct image_buffer *b, enum value_type type, const char *text, size_t length)
{
	put_head(b, type, length);
	image_buffer_put(b, text, length);
}

static void put_symbol(struct image_buffer *b, const char *name)
{
	put_text(b, TYPE_SYMBOL, name, strlen(name));
}

static void put_string(struct image_buffer *b, const char *name, const char *text)
{
	put_symbol(b, name);
	put_text(b, TYPE_STRING, text, strlen(text));
}

static void put_integer(struct image_buffer *b, const char *name, uint64_t value)
{
	put_symbol(b, name);
	put_head(b, TYPE_INTEGER, 0);
	put_number(b, value);
}

static size_t count(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

/* NAME=VALUE, each a member of a tuple. */
static void put_settings(struct image_buffer *b, char *const *list)
{
	for (; list && *list; list++) {
		size_t length = strcspn(*list, "=");
		const char *value = *list + length + ((*list)[length] == '=');

		put_text(b, TYPE_SYMBOL, *list, length);
		put_text(b, TYPE_STRING, value, strlen(value));
	}
}

/* One extent has the whole file. */
static void put_file(struct image_buffer *b, const struct image_node *n)
{
	uint64_t sectors = image_blocks(n->bytes);

	put_head(b, TYPE_TUPLE, 2);
	put_integer(b, "filelength", n->bytes);
	put_symbol(b, "extents");
	put_head(b, TYPE_TUPLE, sectors ? 1 : 0);
	if (!sectors)
		return;
	put_symbol(b, "0");
	put_head(b, TYPE_TUPLE, 3);
	put_integer(b, "length", sectors);
	put_integer(b, "offset", n->first_block);
	put_integer(b, "allocated", sectors);
}

static void put_children(struct image_buffer *b, const struct image_tree *t, size_t number);

static void put_node(struct image_buffer *b, const struct image_tree *t, size_t number)
{
	const struct image_node *n = &t->nodes[number];

	put_text(b, TYPE_SYMBOL, n->name, n->name_length);
	if (image_node_kind(n) == IMAGE_FILE) {
		put_file(b, n);
		return;
	}
	put_head(b, TYPE_TUPLE, 1);
	if (image_node_kind(n) == IMAGE_LINK)
		put_string(b, "linktarget", n->entry->bytes);
	else
		put_children(b, t, number);
}

static void put_children(struct image_buffer *b, const struct image_tree *t, size_t number)
{
	const struct image_node *n = &t->nodes[number];

	put_symbol(b, "children");
	put_head(b, TYPE_TUPLE, n->n_children);
	for (size_t k = 0; k < n->n_children; k++)
		put_node(b, t, t->order[n->first_child + k]);
}

static void put_start(struct image_buffer *b, const struct image_start *s)
{
	put_string(b, "program", s->program);
	put_symbol(b, "arguments");
	put_head(b, TYPE_VECTOR, count(s->arguments));
	for (char *const *a = s->arguments; a && *a; a++)
		put_text(b, TYPE_STRING, *a, strlen(*a));
	put_symbol(b, "environment");
	put_head(b, TYPE_TUPLE, count(s->environment));
	put_settings(b, s->environment);
	put_settings(b, s->options);
}

/* The record: the root of all. */
static void put_root(
	struct image_buffer *b, const struct image_tree *t, const struct image_start *s)
{
	put_head(b, TYPE_TUPLE, 1 + (s ? 3 + count(s->options) : 0));
	if (s)
		put_start(b, s);
	put_children(b, t, 1);
}

static void put_log_head(struct image_buffer *b, uint64_t sectors)
{
	image_buffer_put(b, TFS_MAGIC, strlen(TFS_MAGIC));
	put_number(b, TFS_VERSION);
	put_number(b, sectors);
}

/* Sector 0: the log goes on right behind it. */
static void put_first_log(struct image_buffer *b, uint64_t log_sectors)
{
	put_log_head(b, 1);
	image_buffer_put(b, TFS_UUID, strlen(TFS_UUID));
	image_buffer_put(b, TFS_LABEL, sizeof(TFS_LABEL));
	put_byte(b, FRAME_LINK);
	put_number(b, 1);
	put_number(b, log_sectors);
	put_byte(b, FRAME_END);
}

/* Does the size of the log, for which all files must lie where their numbers are longest. */
static int measure_log(struct image_tree *t, const struct image_start *start, uint64_t *ret_sectors)
{
	struct image_buffer b = {0};

	for (size_t k = 1; k < t->n; k++)
		t->nodes[k].first_block = SECTOR_MAX;
	put_root(&b, t, start);
	*ret_sectors = image_blocks(b.used + LOG_HEAD_MAX);
	if (*ret_sectors < LOG_SECTORS_MIN)
		*ret_sectors = LOG_SECTORS_MIN;
	free(b.data);
	return b.failed ? -ENOMEM : 0;
}

static void put_log(struct image_buffer *b, const struct image_tree *t,
	const struct image_start *start, uint64_t log_sectors)
{
	struct image_buffer record = {0};

	put_root(&record, t, start);
	put_log_head(b, log_sectors);
	put_byte(b, FRAME_RECORD);
	put_number(b, record.used);
	put_number(b, record.used);
	image_buffer_put(b, record.data, record.used);
	put_byte(b, FRAME_END);
	b->failed = b->failed || record.failed;
	free(record.data);
}

/* The kernel takes all from the second partition to the end of the disk. */
static int write_partitions(int fd, uint64_t end)
{
	const struct image_partition partitions[] = {
		{.slot = 0, .start = BOOT_PARTITION, .count = BOOT_SECTORS},
		{.slot = 1, .start = ROOT_PARTITION, .count = end}};

	if (ftruncate(fd, (off_t)((ROOT_PARTITION + end) * IMAGE_BLOCK_BYTES)) < 0)
		return -errno;
	return image_write_partitions(fd, partitions, ARRAY_SIZE(partitions));
}

static int write_logs(
	int fd, const struct image_tree *t, const struct image_start *start, uint64_t log_sectors)
{
	struct image_buffer first = {0}, log = {0};
	int r;

	put_first_log(&first, log_sectors);
	put_log(&log, t, start, log_sectors);
	r = first.failed || log.failed
		    ? -ENOMEM
		    : image_write_at(fd, ROOT_PARTITION, 0, first.data, first.used);
	if (r == 0)
		r = image_write_at(fd, ROOT_PARTITION, 1, log.data, log.used);
	free(first.data);
	free(log.data);
	return r;
}

int tfs_write(int fd, const struct image *i, struct error *error)
{
	struct image_tree t = {0};
	uint64_t log_sectors = 0, end = 0;
	int r = image_tree_build(&t, i, error);

	if (r == 0)
		r = image_tree_size(&t, error);
	if (r == 0 && measure_log(&t, i->start, &log_sectors) < 0)
		r = error_set_errno(error, -ENOMEM, "image");
	if (r == 0)
		r = image_tree_place(&t, 1 + log_sectors, &end, error);
	if (r == 0)
		r = image_tree_write(fd, &t, ROOT_PARTITION, error);
	if (r == 0) {
		r = write_logs(fd, &t, i->start, log_sectors);
		if (r == 0)
			r = write_partitions(fd, end + ROOM_SECTORS);
		if (r < 0)
			error_set_errno(error, r, "cannot write the guest's image");
	}
	image_tree_clear(&t);
	return r;
}
