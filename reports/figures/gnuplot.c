/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/figures/gnuplot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/cleanup.h"
#include "common/console.h"
#include "common/spawn.h"

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

int gnuplot_draw(int folder_fd, char *const *scripts, size_t n, struct error *error)
{
	/* By what gnuplot's behaviour could be changed from outside. */
	static const char *const hidden[] = {"GNUPLOT", "GNUTERM", "GNUHELP", "FIT_", "LC_", NULL};
	_cleanup_free_ char **argv = make_arguments(scripts, n), *words = NULL;
	const struct spawn gnuplot = {.argv = argv,
		.variables = (char *[]){(char *)"LC_ALL=C.UTF-8", NULL},
		.hidden = hidden,
		.folder_fd = folder_fd};
	int status = 0, r;
	char line[256];

	if (!argv)
		return error_set_errno(error, -ENOMEM, "cannot run gnuplot");
	r = spawn_and_collect(&gnuplot, PATIENCE_MS, &words, &status, error);
	if (r == -ENOENT)
		return error_set(error, r, "gnuplot is not installed (Debian: gnuplot-nox)");
	if (r < 0)
		return r;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		return error_set(error, -EIO, "gnuplot was ended by signal %d", WTERMSIG(status));
	console_last_line(line, sizeof(line), words, strlen(words));
	return error_set(error, -EIO, "gnuplot failed: %s", *line ? line : "it does not say why");
}
