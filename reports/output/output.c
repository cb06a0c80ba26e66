/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/output/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/folders.h"

/* Name of the hidden folder; the process's number follows. */
#define STAGING ".new-"

/* A report takes seconds; one that was not touched for so long is nobody's. */
#define STALE_S 600

#define STREAM_BUFFER ((size_t)64 << 10)

struct output {
	char *path;
	int fd;
	char *staging_path;
	int staging_fd;
	bool replace;
	bool made; /* the folder was not there before */
	bool committed;
	char **names; /* in the order in which they appear */
	size_t n_names;
};

static const char *staging_name(const struct output *o)
{
	return strrchr(o->staging_path, '/') + 1;
}

void output_close(struct output *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->n_names; i++) {
		if (o->staging_fd >= 0)
			unlinkat(o->staging_fd, o->names[i], 0);
		free(o->names[i]);
	}
	free(o->names);
	if (o->staging_fd >= 0)
		unlinkat(o->fd, staging_name(o), AT_REMOVEDIR);
	if (o->made && !o->committed)
		rmdir(o->path);
	close_safe(o->staging_fd);
	close_safe(o->fd);
	free(o->staging_path);
	free(o->path);
	free(o);
}

/** Remove the hidden folder @name of a process that was ended before it could. */
static void remove_stale(const struct output *o, const char *name)
{
	_cleanup_close_ int fd =
		openat(o->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	DIR *folder;

	/* Of another machine's processes, where the folder is shared, nothing is known but this. */
	if (fd < 0 || fstat(fd, &st) < 0 || time(NULL) - st.st_mtime < STALE_S)
		return;
	folder = fdopendir(fd);
	if (!folder)
		return;
	TAKE_FD(fd); /* it is the stream's now */
	for (struct dirent *e; (e = readdir(folder));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(folder), e->d_name, 0);
	closedir(folder);
	unlinkat(o->fd, name, AT_REMOVEDIR);
}

static void remove_all_stale(const struct output *o)
{
	DIR *folder = opendir(o->path);

	if (!folder)
		return;
	for (struct dirent *e; (e = readdir(folder));) {
		char *end = NULL;
		long pid = strncmp(e->d_name, STAGING, sizeof(STAGING) - 1) == 0
				   ? strtol(e->d_name + sizeof(STAGING) - 1, &end, 10)
				   : 0;

		if (pid > 0 && !*end && kill((pid_t)pid, 0) < 0 && errno == ESRCH)
			remove_stale(o, e->d_name);
	}
	closedir(folder);
}

static int make_staging(struct output *o, struct error *error)
{
	remove_all_stale(o);
	if (asprintf(&o->staging_path, "%s/" STAGING "%ld", o->path, (long)getpid()) < 0) {
		o->staging_path = NULL;
		return error_set_errno(error, -ENOMEM, "cannot write to %s", o->path);
	}
	if (mkdirat(o->fd, staging_name(o), 0777) < 0)
		return error_set_errno(error, -errno, "cannot write to the folder %s", o->path);
	o->staging_fd =
		openat(o->fd, staging_name(o), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (o->staging_fd < 0)
		return error_set_errno(error, -errno, "cannot write to the folder %s", o->path);
	return 0;
}

int output_open(const char *path, bool replace, struct output **ret, struct error *error)
{
	_cleanup_output_ struct output *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return error_set_errno(error, -ENOMEM, "cannot write to %s", path);
	o->fd = o->staging_fd = -EBADF;
	o->replace = replace;
	o->path = strdup(path);
	if (!o->path)
		return error_set_errno(error, -ENOMEM, "cannot write to %s", path);
	r = folders_make_above(path, error);
	if (r < 0)
		return r;
	o->made = mkdir(path, 0777) == 0;
	if (!o->made && errno != EEXIST)
		return error_set_errno(error, -errno, "cannot make the folder %s", path);
	o->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o->fd < 0)
		return error_set_errno(error, -errno, "cannot open the folder %s", path);
	r = make_staging(o, error);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
}

/** Is there something that may not be replaced? */
static int check_free(const struct output *o, const char *name, struct error *error)
{
	struct stat st;

	if (fstatat(o->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return error_set_errno(error, -EISDIR, "cannot write %s/%s", o->path, name);
	if (o->replace)
		return 0;
	return error_set(
		error, -EEXIST, "%s/%s exists already: --force replaces it", o->path, name);
}

int output_adopt(struct output *o, const char *name, struct error *error)
{
	if (array_add_text(&o->names, &o->n_names, strdup(name)) < 0)
		return error_set_errno(error, -ENOMEM, "cannot write %s/%s", o->path, name);
	return check_free(o, name, error);
}

/** The error of writing: @r of the filler, or what the stream says. */
static int stream_error(int r, FILE *out)
{
	bool failed = ferror(out);

	errno = 0;
	if (fclose(out) != 0 && (r >= 0 || r == -EIO))
		return errno > 0 ? -errno : -EIO;
	return r >= 0 && failed ? -EIO : r;
}

int output_file(
	struct output *o, const char *name, output_fill_t fill, void *userdata, struct error *error)
{
	int fd, r = output_adopt(o, name, error);
	FILE *out;

	if (r < 0)
		return r;
	fd = openat(
		o->staging_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return error_set_errno(error, -errno, "cannot write %s/%s", o->path, name);
	out = fdopen(fd, "w");
	if (!out) {
		r = -errno;
		close_safe(fd);
		return error_set_errno(error, r, "cannot write %s/%s", o->path, name);
	}
	/* Nobody else writes to it: no lock for each character. */
	__fsetlocking(out, FSETLOCKING_BYCALLER);
	setvbuf(out, NULL, _IOFBF, STREAM_BUFFER);
	r = stream_error(fill(userdata, out), out);
	if (r < 0 && !(error && *error->text))
		return error_set_errno(error, r, "cannot write %s/%s", o->path, name);
	return r;
}

const char *output_staging(const struct output *o)
{
	return o->staging_path;
}

/** RENAME_NOREPLACE where the file system has it: nobody may come in between. */
static int rename_into_place(const struct output *o, const char *name)
{
	if (!o->replace) {
		if (renameat2(o->staging_fd, name, o->fd, name, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EINVAL && errno != ENOSYS)
			return -errno;
	}
	return renameat(o->staging_fd, name, o->fd, name) < 0 ? -errno : 0;
}

int output_commit(struct output *o, output_written_t written, void *userdata, struct error *error)
{
	for (size_t i = 0; i < o->n_names; i++) {
		int r = check_free(o, o->names[i], error);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < o->n_names; i++) {
		_cleanup_free_ char *path = NULL;
		int r = rename_into_place(o, o->names[i]);

		if (r < 0)
			return error_set_errno(
				error, r, "cannot write %s/%s", o->path, o->names[i]);
		o->committed = true;
		if (!written)
			continue;
		if (asprintf(&path, "%s/%s", o->path, o->names[i]) < 0) {
			path = NULL;
			return error_set_errno(error, -ENOMEM, "cannot write to %s", o->path);
		}
		written(path, userdata);
	}
	return 0;
}
