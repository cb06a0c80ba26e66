/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/experiment/workload_path.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file_kind.h"
#include "common/program_folder.h"
#include "common/spawn.h"

#define ERRNO_MAX 133 /* all of Linux's, so that one fits into an exit status */

/* The child is stopped by its own exec, before the first instruction of the program. */
static void __attribute__((noreturn)) child_main(const char *path)
{
	char *const argv[] = {(char *)(uintptr_t)path, NULL}, *const environment[] = {NULL};

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(0); /* cannot be told here */
	execve(path, argv, environment);
	_exit(errno <= ERRNO_MAX ? errno : 0);
}

/* Only the kernel knows all that it can execute: it is asked. 0, or the errno of execve(). */
static int try_exec(const char *path)
{
	pid_t child = spawn_fork();
	int status, r;

	if (child < 0)
		return -errno;
	if (child == 0)
		child_main(path);
	r = spawn_wait(child, &status);
	if (r < 0)
		return r;
	if (WIFEXITED(status))
		return -WEXITSTATUS(status);
	kill(child, SIGKILL);
	(void)spawn_wait(child, &status);
	return 0;
}

static int check_executable(const char *path, struct error *error)
{
	int r = access(path, F_OK) < 0 ? 0 : file_check(path, error);

	if (r < 0)
		return r;
	r = access(path, X_OK) < 0 ? -errno : try_exec(path);
	if (r == -ENOEXEC)
		return error_set_errno(error, r,
			"cannot run %s, which is neither a program for this machine nor a script that "
			"begins with #!",
			path);
	if (r == -ENOENT && access(path, F_OK) == 0)
		return error_set_errno(
			error, r, "cannot run %s, whose interpreter is missing", path);
	return r < 0 ? error_set_errno(error, r, "cannot run %s", path) : 0;
}

static const char *name_in(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The file itself, but under its own name: some are several programs, and a link says which. */
static char *whole_path(const char *path)
{
	_cleanup_free_ char *file = realpath(path, NULL), *above = NULL, *folder = NULL;
	const char *name = name_in(path);
	char *whole = NULL;

	if (!file || strcmp(name_in(file), name) == 0)
		return TAKE_PTR(file);
	above = strndup(path, (size_t)(name - path));
	folder = above ? realpath(*above ? above : ".", NULL) : NULL;
	if (!folder || asprintf(&whole, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name) < 0)
		return NULL;
	return whole;
}

/* By path, or by $PATH where a bare name is no file here. */
static int find_given(const char *given, char **ret, struct error *error)
{
	bool bare = !strchr(given, '/') && access(given, F_OK) < 0;
	_cleanup_free_ char *found = NULL;
	int r = bare ? spawn_find_program(given, &found) : 0;

	if (r == -ENOENT)
		return error_set(
			error, r, "there is no program %s, neither here nor in $PATH", given);
	if (r == 0)
		r = check_executable(found ? found : given, error);
	if (r < 0)
		return r;
	*ret = whole_path(found ? found : given);
	return *ret ? 0 : error_set_errno(error, -errno, "cannot run %s", given);
}

int workload_find(const char *given, const char *program, char **ret, struct error *error)
{
	int r;

	if (!given) {
		r = program_folder_workload(program, ret);
		return r < 0 ? error_set(error, r,
				       "the workload, %s, is not beside this program: name "
				       "it by --program",
				       program)
			     : 0;
	}
	return find_given(given, ret, error);
}
