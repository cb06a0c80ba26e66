/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/process/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

#define DEPTH_MAX   64
#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* The length of the path component at @p, which may be followed by a slash. */
static size_t component(const char *p)
{
	return strcspn(p, "/");
}

static bool is_ours_by_name(const char *p)
{
	return strncmp(p, TREE_PREFIX, strlen(TREE_PREFIX)) == 0;
}

int tree_may_remove(const char *path, struct error *error)
{
	bool ours = false;

	if (path[0] != '/')
		return error_set(error, -EPERM, "will not remove %s: not an absolute path", path);
	for (const char *p = path + 1;; p++) {
		size_t n = component(p);

		if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return error_set(
				error, -EPERM, "will not remove %s: its form is not plain", path);
		ours |= is_ours_by_name(p);
		p += n;
		if (!*p)
			break;
	}
	if (!ours)
		return error_set(error, -EPERM,
			"will not remove %s: it is in no folder named " TREE_PREFIX "...", path);
	return 0;
}

static int check_folder(int fd, dev_t *ret_dev)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid())
		return -EPERM;
	*ret_dev = st.st_dev;
	return 0;
}

/* Remove what is in the folder @fd. Goes on after a failure and returns the first. */
static int empty_folder(int fd, dev_t dev, unsigned depth);

static int remove_entry(int parent, const char *name, dev_t dev, unsigned depth)
{
	_cleanup_close_ int fd = -EBADF;
	dev_t inner = 0;
	int r;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	fd = openat(parent, name, OPEN_FOLDER);
	if (fd < 0)
		return -errno;
	r = check_folder(fd, &inner);
	if (r < 0)
		return r;
	if (inner != dev)
		return -EBUSY;
	r = empty_folder(fd, dev, depth + 1);
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT && r == 0)
		r = -errno;
	return r;
}

static int empty_folder(int fd, dev_t dev, unsigned depth)
{
	struct dirent *e;
	int copy, r = 0;
	DIR *d;

	if (depth > DEPTH_MAX)
		return -ELOOP;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	d = fdopendir(copy);
	if (!d) {
		r = -errno;
		close(copy);
		return r;
	}
	for (errno = 0; (e = readdir(d)); errno = 0) {
		int one;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		one = remove_entry(fd, e->d_name, dev, depth);
		if (r == 0)
			r = one;
	}
	if (r == 0 && errno)
		r = -errno;
	closedir(d);
	return r;
}

/*
 * Open the folder that holds the last component of @path. Above the first component of ours links
 * are followed (/tmp may be one), from there on nobody but us may have had a hand in it.
 */
static int open_parent(const char *path, const char **ret_name)
{
	const char *p = path + 1, *slash;
	_cleanup_free_ char *above = NULL;
	_cleanup_close_ int fd = -EBADF;

	while (!is_ours_by_name(p))
		p += component(p) + 1;
	above = strndup(path, (size_t)(p - path));
	if (!above)
		return -ENOMEM;
	fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while ((slash = strchr(p, '/'))) {
		_cleanup_free_ char *name = strndup(p, (size_t)(slash - p));
		dev_t dev;
		int next, r;

		if (!name)
			return -ENOMEM;
		next = openat(fd, name, OPEN_FOLDER);
		if (next < 0)
			return -errno;
		close(fd);
		fd = next;
		r = check_folder(fd, &dev);
		if (r < 0)
			return r;
		p = slash + 1;
	}
	*ret_name = p;
	return TAKE_FD(fd);
}

int tree_remove(const char *path, struct error *error)
{
	_cleanup_close_ int parent = -EBADF, fd = -EBADF;
	const char *name = NULL;
	dev_t dev = 0;
	int r;

	r = tree_may_remove(path, error);
	if (r < 0)
		return r;
	parent = open_parent(path, &name);
	if (parent == -ENOENT)
		return 0;
	if (parent < 0 || !name)
		return error_set_errno(error, parent, "cannot remove %s", path);
	fd = openat(parent, name, OPEN_FOLDER);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return error_set_errno(error, -errno, "cannot remove %s", path);
	r = check_folder(fd, &dev);
	if (r < 0)
		return error_set_errno(error, r, "cannot remove %s", path);
	r = empty_folder(fd, dev, 0);
	if (r == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = -errno;
	if (r < 0)
		return error_set_errno(error, r, "cannot remove all of %s", path);
	return 0;
}
