/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/figures/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"

extern char **environ;

/** Variables by which gnuplot's behaviour could be changed from outside. */
static bool is_meddling(const char *variable)
{
	static const char *const prefixes[] = {"GNUPLOT", "GNUTERM", "GNUHELP", "FIT_", "LC_"};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/** Our environment with numbers and texts read one way everywhere. The strings are borrowed. */
static char **make_environment(void)
{
	size_t n = 0, w = 0;
	char **env;

	while (environ[n])
		n++;
	env = calloc(n + 2, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!is_meddling(environ[i]))
			env[w++] = environ[i];
	env[w] = (char *)"LC_ALL=C.UTF-8";
	return env;
}

static int set_actions(posix_spawn_file_actions_t *actions, int folder_fd, int words_fd)
{
	int r = posix_spawn_file_actions_addfchdir_np(actions, folder_fd);

	if (r == 0)
		r = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, words_fd, 2);
	return -r;
}

/** Signals as a program expects them, whatever the caller has blocked or ignores. */
static int set_signals(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	r = posix_spawnattr_setsigmask(attributes, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(attributes, &all);
	if (r == 0)
		r = posix_spawnattr_setflags(
			attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return -r;
}

static int start(char *const *argv, int folder_fd, int words_fd, pid_t *ret)
{
	_cleanup_free_ char **env = make_environment();
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r;

	if (!env)
		return -ENOMEM;
	r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return -r;
	}
	r = set_actions(&actions, folder_fd, words_fd);
	if (r == 0)
		r = set_signals(&attributes);
	if (r == 0)
		r = -posix_spawnp(ret, argv[0], &actions, &attributes, argv, env);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

/** Wait for @pid, at most @patience_ms, then end it. */
static int wait_for(pid_t pid, int patience_ms, int *ret)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n = 1, status = 0;

	/* Without pidfds (before Linux 5.3) there is no bound on the wait. */
	if (fd >= 0)
		do
			n = poll(&p, 1, patience_ms);
		while (n < 0 && errno == EINTR);
	if (n == 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	*ret = status;
	return n == 0 ? -ETIMEDOUT : 0;
}

int child_run(char *const *argv, int folder_fd, int words_fd, int patience_ms, int *ret)
{
	pid_t pid = 0;
	int r = start(argv, folder_fd, words_fd, &pid);

	return r < 0 ? r : wait_for(pid, patience_ms, ret);
}
