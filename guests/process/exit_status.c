/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/process/exit_status.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "guests/process/console.h"

int exit_status_verdict(
	int wait_status, const char *who, const char *console, size_t length, struct error *error)
{
	int status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 0;
	int signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
	char last[200];

	if (WIFEXITED(wait_status) && status == 0)
		return 0;
	console_last_line(last, sizeof(last), console, length);
	if (status > 128 && status < 128 + 65)
		signal = status - 128;
	if (signal)
		return error_set(error, -EIO, "%s was ended by signal %d (%s)%s%s", who, signal,
			strsignal(signal), last[0] ? "; its last words: " : "", last);
	return error_set(
		error, -EIO, "%s ended with status %d%s%s", who, status, last[0] ? ": " : "", last);
}
