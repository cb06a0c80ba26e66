/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text_file.h"

int proc_read_stat(pid_t pid, struct proc_stat *ret)
{
	struct proc_stat s = {0};
	char text[1024], *open_paren, *close_paren;
	size_t length;
	ssize_t n;

	n = file_read_start(text, sizeof(text), "/proc/%d/stat", pid);
	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	open_paren = strchr(text, '(');
	close_paren = strrchr(text, ')'); /* the name itself may hold parentheses and spaces */
	if (!open_paren || !close_paren || close_paren < open_paren)
		return -EBADMSG;
	length = (size_t)(close_paren - open_paren - 1);
	if (length >= sizeof(s.comm))
		length = sizeof(s.comm) - 1;
	memcpy(s.comm, open_paren + 1, length);
	/* Fields 3, 4 and 39: proc(5). */
	if (sscanf(close_paren + 1,
		    " %c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
		    " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %d",
		    &s.state, &s.ppid, &s.cpu) < 2)
		return -EBADMSG;
	*ret = s;
	return 0;
}

#define FIELD_START_DATA 45
#define FIELD_START_BRK  47

int proc_read_variables(pid_t pid, struct proc_variables *ret)
{
	char text[1024], *at;
	ssize_t n = file_read_start(text, sizeof(text), "/proc/%d/stat", pid);

	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	at = strrchr(text, ')'); /* ends field 2 */
	*ret = (struct proc_variables){0, 0};
	for (int field = 3; at && field <= FIELD_START_BRK; field++) {
		at = strchr(at + 1, ' ');
		if (at && field == FIELD_START_DATA)
			ret->data = strtoull(at, NULL, 10);
		else if (at && field == FIELD_START_BRK)
			ret->brk = strtoull(at, NULL, 10);
	}
	return at ? 0 : -EBADMSG;
}

void proc_read_thread_name(pid_t tgid, pid_t tid, char ret[static PROC_NAME_SIZE])
{
	char line[64]; /* a kernel thread's shown name is longer than what the kernel keeps */

	memset(ret, 0, PROC_NAME_SIZE);
	if (file_read_start(line, sizeof(line), "/proc/%d/task/%d/comm", tgid, tid) < 0)
		return;
	line[strcspn(line, "\n")] = '\0';
	memcpy(ret, line, strnlen(line, PROC_NAME_SIZE - 1));
}

ssize_t proc_read_arguments(pid_t pid, char *buffer, size_t size)
{
	return file_read_start(buffer, size, "/proc/%d/cmdline", pid);
}

bool proc_runs_as(pid_t pid, const char *text)
{
	char argv0[PATH_MAX];
	ssize_t n = proc_read_arguments(pid, argv0, sizeof(argv0));

	return n > 0 && strcmp(argv0, text) == 0;
}

bool proc_catches(pid_t pid, int number)
{
	char path[64], line[256];
	unsigned long long caught = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f) && sscanf(line, "SigCgt: %llx", &caught) != 1)
		;
	fclose(f);
	return caught >> (number - 1) & 1;
}

size_t proc_find(bool (*match)(pid_t pid, const void *userdata), const void *userdata, pid_t *ret,
	size_t max)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	size_t n = 0;

	if (!d)
		return 0;
	while (n < max && (e = readdir(d))) {
		long pid;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		pid = strtol(e->d_name, NULL, 10);
		if (pid > 0 && pid <= INT_MAX && match((pid_t)pid, userdata))
			ret[n++] = (pid_t)pid;
	}
	closedir(d);
	return n;
}

static bool is_among(int cpu, const int *cpus, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (cpus[i] == cpu)
			return true;
	return n == 0;
}

uint64_t proc_read_stolen_ns(const char *path, const int *cpus, size_t n)
{
	unsigned long long ticks = 0, stolen;
	long per_second = sysconf(_SC_CLK_TCK);
	FILE *f = fopen(path, "re");
	char line[512];
	int cpu;

	if (!f)
		return 0;
	/* user nice system idle iowait irq softirq steal: proc_stat(5). The line of all CPUs has no
	 * number, and %d would take its first column for one. */
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, "cpu", 3) == 0 && isdigit((unsigned char)line[3]) &&
			sscanf(line, "cpu%d %*u %*u %*u %*u %*u %*u %*u %llu", &cpu, &stolen) ==
				2 &&
			is_among(cpu, cpus, n))
			ticks += stolen;
	fclose(f);
	return ticks * (1000000000ULL / (unsigned long long)per_second);
}
