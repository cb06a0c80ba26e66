/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"

#define PATIENCE_MS 30000

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

/** gnuplot -d SCRIPT...: -d is "no start-up files". The strings are borrowed. */
static char **make_arguments(char *const *scripts, size_t n)
{
	char **argv = calloc(n + 3, sizeof(*argv));

	if (!argv)
		return NULL;
	argv[0] = (char *)"gnuplot";
	argv[1] = (char *)"-d";
	memcpy(argv + 2, scripts, n * sizeof(*scripts));
	return argv;
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

static int start(char *const *scripts, size_t n, int folder_fd, int words_fd, pid_t *ret)
{
	_cleanup_free_ char **argv = make_arguments(scripts, n), **env = make_environment();
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r;

	if (!argv || !env)
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
		r = -posix_spawnp(ret, "gnuplot", &actions, &attributes, argv, env);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

/** Wait for @pid, at most PATIENCE_MS, then end it. Its wait status, or -ETIMEDOUT. */
static int wait_for(pid_t pid)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n = 1, status = 0;

	/* Without pidfds (before Linux 5.3) there is no bound on the wait. */
	if (fd >= 0)
		do
			n = poll(&p, 1, PATIENCE_MS);
		while (n < 0 && errno == EINTR);
	if (n == 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return n == 0 ? -ETIMEDOUT : status;
}

/** The line in which gnuplot says what is wrong: the last that is not empty. */
static void last_line(int fd, char *ret, size_t size)
{
	char words[4096];
	ssize_t n = pread(fd, words, sizeof(words) - 1, 0);
	char *line, *next;

	*ret = '\0';
	if (n <= 0)
		return;
	words[n] = '\0';
	for (line = words; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		line += strspn(line, " \t");
		if (*line && *line != '^') {
			strncpy(ret, line, size - 1);
			ret[size - 1] = '\0';
		}
	}
	for (; *ret; ret++)
		if ((unsigned char)*ret < 0x20 || (unsigned char)*ret >= 0x7f)
			*ret = '?';
}

int gnuplot_draw(int folder_fd, char *const *scripts, size_t n, struct error *error)
{
	_cleanup_close_ int words_fd = memfd_create("gnuplot", MFD_CLOEXEC);
	char words[256];
	pid_t pid = 0;
	int r;

	if (words_fd < 0)
		return error_set_errno(error, -errno, "cannot run gnuplot");
	r = start(scripts, n, folder_fd, words_fd, &pid);
	if (r == -ENOENT)
		return error_set(error, r, "gnuplot is not installed (Debian: gnuplot-nox)");
	if (r < 0)
		return error_set_errno(error, r, "cannot run gnuplot");
	r = wait_for(pid);
	if (r < 0)
		return error_set_errno(error, r, "gnuplot");
	if (WIFEXITED(r) && WEXITSTATUS(r) == 0)
		return 0;
	last_line(words_fd, words, sizeof(words));
	if (WIFSIGNALED(r))
		return error_set(error, -EIO, "gnuplot was ended by signal %d", WTERMSIG(r));
	return error_set(error, -EIO, "gnuplot failed: %s", *words ? words : "it does not say why");
}
