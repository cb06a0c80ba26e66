/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In Nanos, whose one process starts no other, a program of the user's own is marked from inside: its
 * dynamic linker loads this library first (LD_PRELOAD), which writes that the run begins, and that it
 * ends when the program returns from main(), or calls exit() or _exit(). It is linked to no C library: the
 * program's own is used, whichever that is.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "guests/init/mark_line.h"

#define CONSOLE_FROM   100 /* above what a program expects to get */
#define STATUS_UNKNOWN (-1)

/* glibc's; its exit() calls with the status, after all else. */
extern int on_exit(void (*function)(int status, void *argument), void *argument)
	__attribute__((weak));

static uint64_t begin_ns;
static int console = -1; /* standard output as it was, whatever the program makes of it */

static void mark_begin(void) __attribute__((constructor));
static void mark_unloaded(void) __attribute__((destructor));

static void mark_end(int status)
{
	static bool done;
	uint64_t ns = clock_ns();
	char body[128];
	int n = 0;

	if (done)
		return;
	done = true;
	if (status != STATUS_UNKNOWN)
		n = snprintf(body, sizeof(body), "end by=init status=%d t=%" PRIu64, status, ns);
	else
		n = snprintf(body, sizeof(body), "end by=init t=%" PRIu64, ns);
	snprintf(body + n, sizeof(body) - (size_t)n, " runtime=%" PRIu64, ns - begin_ns);
	dup2(console, STDOUT_FILENO);
	(void)mark_line(body);
}

/* What the program printed and has not written yet is a part of its run. */
static void mark_exit(int status, void *unused)
{
	(void)unused;
	fflush(NULL);
	mark_end(status & 0xff);
}

static void mark_unloaded(void)
{
	if (!on_exit)
		mark_exit(STATUS_UNKNOWN, NULL);
}

static void mark_begin(void)
{
	char body[128];

	console = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, CONSOLE_FROM);
	if (on_exit)
		(void)on_exit(mark_exit, NULL);
	snprintf(body, sizeof(body), "phase name=run by=init t=%" PRIu64, clock_ns());
	(void)mark_line(body);
	begin_ns = clock_ns();
}

/* In place of the C library's, which calls nothing before it ends the process. */
void _exit(int status)
{
	mark_end(status & 0xff);
	for (;;)
		syscall(SYS_exit_group, status);
}

void _Exit(int status)
{
	_exit(status);
}
