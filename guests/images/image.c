/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/images/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/hash_index.h"

#define NAME_BYTES_MAX 255
#define PATH_BYTES_MAX 1023

static int check_path(const char *path, struct error *error)
{
	const char *p = path;

	if (path[0] != '/' || path[1] == '\0')
		return error_set(error, -EINVAL, "path '%.200s' in an image is not absolute", path);
	if (strlen(path) > PATH_BYTES_MAX)
		return error_set(
			error, -ENAMETOOLONG, "path '%.100s...' in an image is too long", path);
	while (*p == '/') {
		size_t length = strcspn(++p, "/");

		if (length == 0 || (length == 1 && p[0] == '.') ||
			(length == 2 && p[0] == '.' && p[1] == '.'))
			return error_set(error, -EINVAL,
				"path '%.200s' in an image has an empty, '.' or '..' part", path);
		if (length > NAME_BYTES_MAX)
			return error_set(error, -ENAMETOOLONG,
				"path '%.100s...' in an image has a part of over %d bytes", path,
				NAME_BYTES_MAX);
		p += length;
	}
	return 0;
}

static bool has_path(const void *entries, size_t i, const void *path)
{
	return strcmp(((const struct image_entry *)entries)[i].path, path) == 0;
}

static uint64_t hash_path(const char *path)
{
	return hash_number(hash_bytes(HASH_FIRST, path, strlen(path)), 0);
}

static void entry_clear(struct image_entry *e)
{
	free(e->path);
	free(e->source);
	free(e->bytes);
}

static int add(struct image *i, enum image_kind kind, const char *path, unsigned mode,
	const char *source, const void *bytes, size_t length, struct error *error)
{
	struct image_entry e = {.kind = kind, .mode = mode & 07777, .length = length};
	int r = check_path(path, error);

	if (r < 0)
		return r;
	if (hash_index_find(&i->by_path, hash_path(path), has_path, i->entries, path) != HASH_NONE)
		return error_set(error, -EEXIST, "path '%s' is in the image twice", path);
	e.path = strdup(path);
	e.source = source ? strdup(source) : NULL;
	e.bytes = bytes ? malloc(length + 1) : NULL;
	if (!e.path || (source && !e.source) || (bytes && !e.bytes) ||
		ARRAY_MORE(i->entries, i->n, 1) < 0 ||
		hash_index_add(&i->by_path, hash_path(path), i->n) < 0) {
		entry_clear(&e);
		return error_set_errno(error, -ENOMEM, "image entry '%s'", path);
	}
	if (bytes) {
		memcpy(e.bytes, bytes, length);
		e.bytes[length] = '\0';
	}
	i->entries[i->n++] = e;
	return 0;
}

int image_add_folder(struct image *i, const char *path, unsigned mode, struct error *error)
{
	return add(i, IMAGE_FOLDER, path, mode, NULL, NULL, 0, error);
}

int image_add_file(
	struct image *i, const char *path, unsigned mode, const char *source, struct error *error)
{
	return add(i, IMAGE_FILE, path, mode, source, NULL, 0, error);
}

int image_add_bytes(struct image *i, const char *path, unsigned mode, const void *bytes,
	size_t length, struct error *error)
{
	return add(i, IMAGE_FILE, path, mode, NULL, bytes, length, error);
}

int image_add_link(struct image *i, const char *path, const char *target, struct error *error)
{
	size_t length = strlen(target);

	if (length == 0 || length > PATH_BYTES_MAX)
		return error_set(
			error, -ENAMETOOLONG, "target of link '%.200s' is empty or too long", path);
	return add(i, IMAGE_LINK, path, 0777, NULL, target, length, error);
}

int image_add_program(struct image *i, const char *program, char **ret_path, struct error *error)
{
	const char *slash = strrchr(program, '/');
	char *path;
	int r;

	if (asprintf(&path, "/bin/%s", slash ? slash + 1 : program) < 0)
		return error_set_errno(error, -ENOMEM, "image entry '%s'", program);
	r = image_add_file(i, path, 0755, program, error);
	if (r < 0)
		free(path);
	else
		*ret_path = path;
	return r;
}

static uint64_t hash_list(uint64_t hash, char *const *list)
{
	for (; list && *list; list++)
		hash = hash_bytes(hash, *list, strlen(*list) + 1);
	return hash_number(hash, 0);
}

static uint64_t hash_start(const struct image_start *s)
{
	uint64_t hash = HASH_FIRST;

	if (!s)
		return hash;
	hash = hash_bytes(hash, s->program, strlen(s->program) + 1);
	hash = hash_list(hash, s->arguments);
	hash = hash_list(hash, s->environment);
	return hash_list(hash, s->options);
}

/*
 * A number that changes when the list or (by size, time, inode) a source file does: for the names
 * of cached images. 0, or -errno of a source that is not there.
 */
static int image_fingerprint(const struct image *i, uint64_t *ret, struct error *error)
{
	uint64_t hash = hash_start(i->start);

	for (size_t k = 0; k < i->n; k++) {
		const struct image_entry *e = &i->entries[k];
		uint64_t head[] = {e->kind, e->mode, e->length, e->source != NULL};
		struct stat st;

		hash = hash_bytes(hash, head, sizeof(head));
		hash = hash_bytes(hash, e->path, strlen(e->path) + 1);
		if (e->bytes)
			hash = hash_bytes(hash, e->bytes, e->length);
		if (!e->source)
			continue;
		if (stat(e->source, &st) < 0)
			return error_set_errno(error, -errno, "cannot read %s", e->source);
		uint64_t identity[] = {st.st_dev, st.st_ino, (uint64_t)st.st_size,
			(uint64_t)st.st_mtim.tv_sec, (uint64_t)st.st_mtim.tv_nsec,
			(uint64_t)st.st_ctim.tv_sec, (uint64_t)st.st_ctim.tv_nsec};
		hash = hash_bytes(hash, identity, sizeof(identity));
	}
	*ret = hash;
	return 0;
}

void image_clear(struct image *i)
{
	for (size_t k = 0; k < i->n; k++)
		entry_clear(&i->entries[k]);
	free(i->entries);
	hash_index_clear(&i->by_path);
	*i = (struct image){0};
}

int image_write_all(int fd, const void *data, size_t length)
{
	const char *p = data;

	while (length) {
		ssize_t n = write(fd, p, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		length -= (size_t)n;
	}
	return 0;
}

int image_copy_source(int fd, const char *source, uint64_t length, struct error *error)
{
	_cleanup_close_ int in = open(source, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *buffer = malloc(1 << 16);

	if (in < 0)
		return error_set_errno(error, -errno, "cannot read %s", source);
	if (!buffer)
		return error_set_errno(error, -ENOMEM, "cannot read %s", source);
	while (length) {
		size_t want = length < (1 << 16) ? (size_t)length : (1 << 16);
		ssize_t n = read(in, buffer, want);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(error, -errno, "cannot read %s", source);
		if (n == 0)
			return error_set(
				error, -EIO, "%s became shorter while it was read", source);
		r = image_write_all(fd, buffer, (size_t)n);
		if (r < 0)
			return error_set_errno(error, r, "cannot write the guest's image");
		length -= (uint64_t)n;
	}
	return 0;
}

int image_write_cached(const struct image *i, image_writer_t writer, const char *folder,
	const char *prefix, char **ret_path, struct error *error)
{
	_cleanup_free_ char *path = NULL, *temporary = NULL;
	_cleanup_close_ int fd = -EBADF;
	uint64_t fingerprint = 0;
	int r;

	r = image_fingerprint(i, &fingerprint, error);
	if (r < 0)
		return r;
	if (asprintf(&path, "%s/%s%016llx.img", folder, prefix, (unsigned long long)fingerprint) <
			0 ||
		asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return error_set_errno(error, -ENOMEM, "cannot write the guest's image");
	if (access(path, R_OK) == 0) {
		*ret_path = TAKE_PTR(path);
		return 0;
	}
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, -errno, "cannot write an image in %s", folder);
	r = writer(fd, i, error);
	/* No fsync: an image is only as good as the experiment's private folder it lies in. */
	if (r == 0 && rename(temporary, path) < 0)
		r = error_set_errno(error, -errno, "cannot write %s", path);
	if (r < 0) {
		unlink(temporary);
		return r;
	}
	*ret_path = TAKE_PTR(path);
	return 0;
}
