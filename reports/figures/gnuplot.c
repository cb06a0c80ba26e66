/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/figures/gnuplot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "reports/figures/child.h"

#define PATIENCE_MS 30000

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
	_cleanup_free_ char **argv = make_arguments(scripts, n);
	int status = 0, r;
	char words[256];

	if (words_fd < 0 || !argv)
		return error_set_errno(
			error, words_fd < 0 ? -errno : -ENOMEM, "cannot run gnuplot");
	r = child_run(argv, folder_fd, words_fd, PATIENCE_MS, &status);
	if (r == -ENOENT)
		return error_set(error, r, "gnuplot is not installed (Debian: gnuplot-nox)");
	if (r < 0)
		return error_set_errno(error, r, "cannot run gnuplot");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	last_line(words_fd, words, sizeof(words));
	if (WIFSIGNALED(status))
		return error_set(error, -EIO, "gnuplot was ended by signal %d", WTERMSIG(status));
	return error_set(error, -EIO, "gnuplot failed: %s", *words ? words : "it does not say why");
}
