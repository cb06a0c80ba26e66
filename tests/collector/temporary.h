/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** A folder for one test, and the few things that tests do with files. Failures end the test. */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char temporary_dir[] = "/tmp/guestscope-test-XXXXXX";

static inline int temporary_remove_one(
	const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int temporary_make(void **state)
{
	(void)state;
	return mkdtemp(temporary_dir) ? 0 : -1;
}

static inline int temporary_remove(void **state)
{
	(void)state;
	return nftw(temporary_dir, temporary_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/** The name of @file in the folder; the next three calls leave it alone. */
static inline const char *in_dir(const char *file)
{
	static char paths[4][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", temporary_dir, file);
	return path;
}

/** Write @size bytes to @file of the folder, making the folders above it. */
static inline void write_bytes(const char *file, const void *bytes, size_t size)
{
	const char *path = in_dir(file);
	char parent[PATH_MAX];
	FILE *f;

	for (size_t i = strlen(temporary_dir) + 1; path[i]; i++) {
		if (path[i] != '/')
			continue;
		snprintf(parent, sizeof(parent), "%.*s", (int)i, path);
		if (mkdir(parent, 0755) < 0)
			assert_int_equal(errno, EEXIST);
	}
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

static inline void write_text(const char *file, const char *text)
{
	write_bytes(file, text, strlen(text));
}

/** The whole of a file, malloced. */
static inline char *read_bytes(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "r");
	char *bytes;
	long size;

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	assert_true(size > 0);
	rewind(f);
	bytes = malloc((size_t)size);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, (size_t)size, f), size);
	fclose(f);
	*ret_size = (size_t)size;
	return bytes;
}

/** Run a program found in PATH; it must be there and end with 0. */
static inline void run(char *const argv[])
{
	pid_t pid;
	int status;

	assert_int_equal(posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
