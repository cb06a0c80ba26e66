/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In OSv, before and after a program of the user's own, which knows nothing of markers:
 *
 *	mark begin FOLDER	go to FOLDER, where the program is to run, and write that its run begins
 *	mark end		write that it has ended
 *
 * All programs there share one process: its folder, and the file in which the begin is kept.
 * What of the disk lies below /tmp is hidden by the memory that OSv mounts there; the host has put it
 * into MARK_TMP, and links lead to it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "guests/init/mark_line.h"
#include "guests/init/words.h"

#define BEGIN_FILE "/tmp/.guestscope"

static void link_all(void)
{
	DIR *d = opendir(MARK_TMP);
	char from[512], to[512];
	struct dirent *e;

	while (d && (e = readdir(d))) {
		snprintf(from, sizeof(from), MARK_TMP "/%.255s", e->d_name);
		snprintf(to, sizeof(to), "/tmp/%.255s", e->d_name);
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
			symlink(from, to) < 0)
			printf("mark: cannot link %s: %s\n", to, strerror(errno));
	}
	if (d)
		closedir(d);
}

static void keep_begin(uint64_t ns)
{
	FILE *f = fopen(BEGIN_FILE, "w");

	if (!f)
		return;
	fprintf(f, "%" PRIu64, ns);
	fclose(f);
}

static uint64_t take_begin(void)
{
	FILE *f = fopen(BEGIN_FILE, "r");
	uint64_t ns = 0;

	if (f && fscanf(f, "%" SCNu64, &ns) != 1)
		ns = 0;
	if (f)
		fclose(f);
	return ns;
}

/* Nobody types. */
static void close_input(void)
{
	int fd = open("/dev/null", O_RDONLY);

	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	close(fd);
}

static int begin(const char *folder)
{
	char body[128];
	uint64_t ns;

	link_all();
	close_input();
	if (chdir(folder) < 0)
		printf("mark: cannot enter %s: %s\n", folder, strerror(errno));
	fflush(stdout);
	keep_begin(clock_ns());
	ns = clock_ns();
	snprintf(body, sizeof(body), "phase name=run by=init t=%" PRIu64, ns);
	return mark_line(body) < 0;
}

/* With which status it ended is OSv's to say. */
static int end(void)
{
	uint64_t ns = clock_ns(), begin_ns = take_begin();
	char body[128];
	int n = snprintf(body, sizeof(body), "end by=init t=%" PRIu64, ns);

	if (begin_ns)
		snprintf(body + n, sizeof(body) - (size_t)n, " runtime=%" PRIu64, ns - begin_ns);
	return mark_line(body) < 0;
}

int main(int argc, char **argv)
{
	return argc > 2 && strcmp(argv[1], "begin") == 0 ? begin(argv[2]) : end();
}
