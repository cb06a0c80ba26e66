/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/experiment/output_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/folders.h"

#define LOCK_NAME      ".lock"
#define SAME_NAMES_MAX 1000

char *output_folder_name(const char *suffix)
{
	char when[32], *path;
	time_t now = time(NULL);
	struct tm utc;

	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
	return asprintf(&path, "results/%s%s", when, suffix) < 0 ? NULL : path;
}

/* Does the name still stand for what is open? Whoever held it before may have removed it. */
static bool is_current(int fd, const char *path)
{
	struct stat opened, named;

	return fstat(fd, &opened) == 0 && stat(path, &named) == 0 &&
	       opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

static int say_busy(const char *path, pid_t holder, struct error *error)
{
	return error_set(error, -EBUSY, "another collector (process %d) is using the folder %s",
		holder, path);
}

static int say_no_folder(const char *path, struct error *error)
{
	return error_set(error, -ENOTDIR, "%s is not the folder of an experiment", path);
}

static int check_lock(const char *path, struct error *error)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	_cleanup_free_ char *lock_path = NULL;
	_cleanup_close_ int fd = -EBADF;

	if (asprintf(&lock_path, "%s/" LOCK_NAME, path) < 0) {
		lock_path = NULL;
		return -ENOMEM;
	}
	fd = open(lock_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fcntl(fd, F_GETLK, &whole) < 0 || whole.l_type == F_UNLCK)
		return 0;
	return say_busy(path, whole.l_pid, error);
}

/* Cut off the last name: of the last one "." or "/" is left. */
static void go_up(char *path)
{
	char *slash;

	while ((slash = strrchr(path, '/')) && slash > path && !slash[1])
		*slash = '\0';
	if (!slash)
		memcpy(path, ".", sizeof("."));
	else
		slash[slash == path] = '\0';
}

int output_folder_check(const char *path, struct error *error)
{
	_cleanup_free_ char *nearest = malloc(strlen(path) + 2);
	struct stat status;

	if (!nearest)
		return -ENOMEM;
	memcpy(nearest, path, strlen(path) + 1);
	while (stat(nearest, &status) < 0) {
		if (errno != ENOENT || !*path || strcmp(nearest, ".") == 0)
			return error_set_errno(error, -errno, "cannot make folder %s", path);
		go_up(nearest);
	}
	if (!S_ISDIR(status.st_mode))
		return strcmp(nearest, path) == 0
			       ? say_no_folder(path, error)
			       : error_set_errno(error, -ENOTDIR, "cannot make folder %s", path);
	if (faccessat(AT_FDCWD, nearest, W_OK | X_OK, AT_EACCESS) < 0)
		return error_set_errno(error, -errno, "cannot write to folder %s", nearest);
	return strcmp(nearest, path) == 0 ? check_lock(path, error) : 0;
}

/* A lock of the process's: children do not inherit it, it goes when we do, and NFS knows it. */
static int lock(struct output_folder *f, struct error *error)
{
	for (;;) {
		struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		_cleanup_close_ int fd =
			open(f->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);

		if (fd < 0)
			return error_set_errno(error, -errno, "cannot write %s", f->lock_path);
		if (fcntl(fd, F_SETLK, &whole) < 0) {
			if (errno != EACCES && errno != EAGAIN)
				return error_set_errno(
					error, -errno, "cannot lock %s", f->lock_path);
			if (fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type == F_UNLCK)
				continue;
			return say_busy(f->path, whole.l_pid, error);
		}
		if (!is_current(fd, f->lock_path))
			continue;
		f->lock_fd = TAKE_FD(fd);
		return 0;
	}
}

int output_folder_take(const char *path, struct output_folder *ret, struct error *error)
{
	struct output_folder f = OUTPUT_FOLDER_NONE;
	struct stat status;
	int r;

	if (stat(path, &status) < 0)
		return error_set_errno(error, -errno, "cannot open %s", path);
	if (!S_ISDIR(status.st_mode))
		return say_no_folder(path, error);
	f.path = strdup(path);
	if (!f.path || asprintf(&f.log_path, "%s/logs", path) < 0 ||
		asprintf(&f.lock_path, "%s/" LOCK_NAME, path) < 0)
		r = -ENOMEM;
	else
		r = lock(&f, error);
	if (r == 0)
		r = folders_make(f.log_path, error);
	if (r < 0) {
		output_folder_release(&f);
		return r;
	}
	*ret = f;
	return 0;
}

/* One that is there is another collector's, which began in the same second. */
int output_folder_make_new(const char *name, struct output_folder *ret, struct error *error)
{
	_cleanup_free_ char *path = NULL, *parent = strdup(name);
	char *slash = parent ? strrchr(parent, '/') : NULL;
	int r;

	if (!parent)
		return -ENOMEM;
	if (slash) {
		*slash = '\0';
		r = folders_make(parent, error);
		if (r < 0)
			return r;
	}
	for (unsigned n = 1; n <= SAME_NAMES_MAX; n++) {
		free(TAKE_PTR(path));
		if ((n == 1 ? asprintf(&path, "%s", name) : asprintf(&path, "%s-%u", name, n)) < 0)
			return -ENOMEM;
		if (mkdir(path, 0777) == 0)
			return output_folder_take(path, ret, error);
		if (errno != EEXIST)
			break;
	}
	return error_set_errno(error, -errno, "cannot make folder %s", path);
}

int output_folder_make(const char *path, struct output_folder *ret, struct error *error)
{
	int r = folders_make(path, error);

	return r < 0 ? r : output_folder_take(path, ret, error);
}

void output_folder_release(struct output_folder *f)
{
	if (f->lock_fd >= 0) {
		unlink(f->lock_path);
		close(f->lock_fd);
	}
	free(f->path);
	free(f->log_path);
	free(f->lock_path);
	*f = OUTPUT_FOLDER_NONE;
}
