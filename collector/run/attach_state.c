/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/attach_state.h"

#include <linux/futex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/cleanup.h"

static FILE *open_of_thread(pid_t tgid, pid_t tid, const char *file)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", tgid, tid, file);
	return fopen(path, "re");
}

void attach_thread_name(pid_t tgid, pid_t tid, char ret[static PROBE_NAME_SIZE])
{
	_cleanup_fclose_ FILE *f = open_of_thread(tgid, tid, "comm");
	char line[64]; /* a kernel thread's shown name is longer than what the kernel keeps */

	memset(ret, 0, PROBE_NAME_SIZE);
	if (!f || !fgets(line, sizeof(line), f))
		return;
	line[strcspn(line, "\n")] = '\0';
	memcpy(ret, line, strnlen(line, PROBE_NAME_SIZE - 1));
}

static char state_letter(pid_t tgid, pid_t tid)
{
	_cleanup_fclose_ FILE *f = open_of_thread(tgid, tid, "stat");
	char line[512], *close;

	if (!f || !fgets(line, sizeof(line), f))
		return 'X';
	close = strrchr(line, ')');
	return close && close[1] ? close[2] : 'X';
}

static const struct {
	mode_t type;
	unsigned wait;
} file_waits[] = {
	{S_IFIFO, WAIT_PIPE},
	{S_IFSOCK, WAIT_SOCKET},
	{S_IFREG, WAIT_FILE},
	{S_IFCHR, WAIT_CHARDEV},
};

static unsigned wait_on_fd(pid_t tgid, unsigned long fd)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%lu", tgid, fd);
	if (stat(path, &st) < 0)
		return WAIT_PLAIN;
	for (size_t i = 0; i < ARRAY_SIZE(file_waits); i++)
		if ((st.st_mode & S_IFMT) == file_waits[i].type)
			return file_waits[i].wait;
	return WAIT_OTHER_FD;
}

/* The twin of sleep_cause() in probes/sleep.bpf.h. */
static uint64_t sleep_cause(const struct probe_adoption *t)
{
	_cleanup_fclose_ FILE *f = open_of_thread(t->tgid, t->tid, "syscall");
	unsigned long first = 0, second = 0;
	unsigned wait = WAIT_PLAIN;
	long nr;

	if (!f || fscanf(f, "%ld %lx %lx", &nr, &first, &second) < 1)
		return 0;
	if (nr < 0)
		return PROBE_DETAIL(CAUSE_FAULT, 0, 0);
	if (nr == SYS_futex) {
		unsigned long command = second & (unsigned long)FUTEX_CMD_MASK;

		if (command == FUTEX_WAIT)
			wait = WAIT_FUTEX_LOCK;
		else if (command == FUTEX_WAIT_BITSET)
			wait = WAIT_FUTEX_CONDITION;
	} else if (nr == SYS_read || nr == SYS_write || nr == SYS_readv || nr == SYS_writev) {
		wait = wait_on_fd(t->tgid, first);
	}
	return PROBE_DETAIL(CAUSE_SYSCALL, nr, wait);
}

bool attach_guess_state(struct probe_adoption *thread)
{
	static const struct {
		char letter;
		uint64_t detail;
	} causes[] = {
		{'T', PROBE_DETAIL(CAUSE_STOPPED, 0, 0)},
		{'t', PROBE_DETAIL(CAUSE_TRACED, 0, 0)},
	};
	char letter = state_letter(thread->tgid, thread->tid);

	if (letter == 'Z' || letter == 'X')
		return false;
	thread->state = letter == 'R' ? STATE_ONCPU : STATE_BLOCKED;
	thread->detail = 0;
	if (letter == 'R')
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		if (causes[i].letter == letter) {
			thread->detail = causes[i].detail;
			return true;
		}
	}
	thread->detail = sleep_cause(thread);
	return true;
}
