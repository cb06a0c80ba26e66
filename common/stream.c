/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *name;

/* Asked of the pipe: which write failed, and why, is long forgotten. */
static bool reader_is_gone(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP));
}

static void at_exit(int status, void *userdata)
{
	int failure = *(const int *)userdata;
	bool lost = ferror(stdout) != 0, unread;

	errno = 0;
	if (fflush(stdout) != 0)
		lost = true;
	unread = lost && reader_is_gone();
	/* Closed, since some file systems report a full disk only then. */
	if (fclose(stdout) != 0)
		lost = true;
	if (unread && status == 0) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	if (lost && !unread)
		fprintf(stderr, "%s: cannot write to standard output%s%s\n", name,
			errno ? ": " : "", errno ? strerror(errno) : "");
	if ((lost || ferror(stderr)) && status == 0)
		_exit(failure);
}

void streams_guard(const char *program, int status)
{
	static int failure;

	name = program;
	failure = status;
	/* The other way round: what was closed stays of no use. */
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_WRONLY);
	signal(SIGPIPE, SIG_IGN);
	on_exit(at_exit, &failure);
}

bool stream_is_terminal(FILE *f)
{
	const char *term = getenv("TERM");

	return isatty(fileno(f)) && term && *term && strcmp(term, "dumb") != 0;
}

unsigned stream_columns(FILE *f)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;

	if (!isatty(fileno(f)))
		return 0;
	if (ioctl(fileno(f), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return columns ? (unsigned)strtoul(columns, NULL, 10) : 0;
}

bool stream_has_style(FILE *f)
{
	const char *refused = getenv("NO_COLOR");

	return stream_is_terminal(f) && !(refused && *refused);
}
