/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/exit_status.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "common/console.h"

int exit_status_verdict(const struct guest *g, bool by_shell, const char *who, const char *console,
	size_t length, struct error *error)
{
	int status = WIFEXITED(g->wait_status) ? WEXITSTATUS(g->wait_status) : 0;
	int signal = WIFSIGNALED(g->wait_status) ? WTERMSIG(g->wait_status) : 0;
	char words[CONSOLE_WORDS_SIZE];

	if (g->killed)
		return error_set(error, -EIO,
			"%s said its last word but did not end: the collector ended it", who);
	if (WIFEXITED(g->wait_status) && status == 0)
		return 0;
	console_last_words(words, console, length);
	if (by_shell && status > 128 && status < 128 + 65)
		signal = status - 128;
	if (signal)
		return error_set(error, -EIO, "%s was ended by signal %d (%s)%s", who, signal,
			strsignal(signal), words);
	return error_set(error, -EIO, "%s ended with status %d%s", who, status, words);
}
