/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_leftovers.h"

/*
 * Processes that a program leaves behind. A daemon leaves its parent, its process group and its
 * session; what it cannot leave is the nearest ancestor that takes in orphans
 * (PR_SET_CHILD_SUBREAPER).
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/proc.h"
#include "common/utf8.h"

#define FIRST_PROCESS_MS 2000 /* from the program's last word to its end */
#define GRACE_MS         200  /* what ends with its parent needs a moment */
#define ENGINE_GRACE_MS  5000 /* the monitor of a container cleans up after it */
#define STEP_MS          10
#define ROUNDS_MAX       64 /* who forks while it is being killed */
#define KILL_MS          5000

static bool is_child(pid_t pid, const void *userdata)
{
	struct proc_stat s;

	(void)userdata;
	return proc_read_stat(pid, &s) == 0 && s.ppid == getpid();
}

void run_note_children(struct child_list *ret)
{
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	ret->n = proc_find(is_child, NULL, ret->pids, CHILDREN_KEPT);
}

static bool has(const struct child_list *list, pid_t pid)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->pids[i] == pid)
			return true;
	return false;
}

/* Orphans that live; those that have ended are reaped. */
static void find_orphans(
	const struct run *run, const struct child_list *before, struct child_list *ret)
{
	struct child_list all = {.n = proc_find(is_child, NULL, all.pids, CHILDREN_KEPT)};

	ret->n = 0;
	for (size_t i = 0; i < all.n; i++) {
		pid_t pid = all.pids[i];

		if (has(before, pid) || (pid == run->guest->pid && !run->guest->reaped))
			continue;
		if (waitpid(pid, NULL, WNOHANG) == 0)
			ret->pids[ret->n++] = pid;
	}
}

static void pause_ms(long ms)
{
	struct timespec t = {.tv_nsec = ms * 1000000};

	nanosleep(&t, NULL);
}

/* As our child its number is its own until we reap it. */
static void end_orphan(pid_t pid)
{
	_cleanup_close_ int pidfd = pidfd_open(pid, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	kill(pid, SIGKILL);
	if (pidfd >= 0 && poll(&p, 1, KILL_MS) == 1)
		(void)waitpid(pid, NULL, 0);
}

static void note_name(pid_t pid, char *names, size_t size)
{
	_cleanup_free_ char *name = NULL;
	struct proc_stat s = {0};
	size_t used = strlen(names);

	if (proc_read_stat(pid, &s) == 0)
		name = utf8_clean(s.comm, strlen(s.comm), false);
	if (name && used + strlen(name) + 3 < size)
		snprintf(names + used, size - used, "%s%s", used ? ", " : "", name);
}

void run_end_leftovers(struct run *run, const struct child_list *before, bool wait)
{
	struct pollfd first = {.fd = run->guest->pidfd, .events = POLLIN};
	int left = run->guest->ops->cgroup ? ENGINE_GRACE_MS : GRACE_MS;
	struct child_list orphans;
	char names[128] = "";
	size_t ended = 0;

	/* It may still take its children along. */
	if (wait && poll(&first, 1, FIRST_PROCESS_MS) != 1)
		return;
	for (find_orphans(run, before, &orphans); orphans.n && left > 0; left -= STEP_MS) {
		pause_ms(STEP_MS);
		find_orphans(run, before, &orphans);
	}
	for (int round = 0; orphans.n && round < ROUNDS_MAX; round++) {
		for (size_t i = 0; i < orphans.n; i++) {
			note_name(orphans.pids[i], names, sizeof(names));
			end_orphan(orphans.pids[i]);
		}
		ended += orphans.n;
		find_orphans(run, before, &orphans); /* theirs are ours now */
	}
	if (ended)
		run_warn(run,
			"the program left %zu %s still running (%s), which the collector ended",
			ended, ended == 1 ? "process" : "processes", names);
	if (orphans.n)
		run_warn(run, "processes of the program are still there, and cannot be ended");
}
