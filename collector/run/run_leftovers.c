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

#include "collector/run/run_program.h"
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

/* Processes that were left, and the names that there is room for. */
struct left {
	size_t n;
	char names[128];
};

static void note_name(struct left *left, const char *comm, size_t length)
{
	_cleanup_free_ char *name = utf8_clean(comm, length, false);
	size_t used = strlen(left->names), room = sizeof(left->names) - used;

	left->n++;
	if (name && strlen(name) + 3 < room)
		snprintf(left->names + used, room, "%s%s", used ? ", " : "", name);
}

static void tell(struct run *run, const struct left *left, const char *who_ended)
{
	if (left->n)
		run_warn(run, "the program left %zu %s still running (%s), which %s ended", left->n,
			left->n == 1 ? "process" : "processes", left->names, who_ended);
}

void run_end_leftovers(struct run *run, const struct child_list *before, bool wait)
{
	struct pollfd first = {.fd = run->guest->pidfd, .events = POLLIN};
	int grace = run->guest->ops->cgroup ? ENGINE_GRACE_MS : GRACE_MS;
	struct child_list orphans;
	struct left left = {0};

	/* It may still take its children along. */
	if (wait && poll(&first, 1, FIRST_PROCESS_MS) != 1)
		return;
	for (find_orphans(run, before, &orphans); orphans.n && grace > 0; grace -= STEP_MS) {
		pause_ms(STEP_MS);
		find_orphans(run, before, &orphans);
	}
	for (int round = 0; orphans.n && round < ROUNDS_MAX; round++) {
		for (size_t i = 0; i < orphans.n; i++) {
			struct proc_stat s = {0};

			(void)proc_read_stat(orphans.pids[i], &s);
			note_name(&left, s.comm, strlen(s.comm));
			end_orphan(orphans.pids[i]);
		}
		find_orphans(run, before, &orphans); /* theirs are ours now */
	}
	if (!run->settings->client) /* a server need not heed that it is to end */
		tell(run, &left, "the collector");
	if (orphans.n)
		run_warn(run, "processes of the program are still there, and cannot be ended");
}

/* In a line of its own each, by the machine's own word. */
static void tell_by_console(struct run *run, const char *words)
{
	const char *at = run->console.text, *end = at + run->console.length;
	struct left left = {0};

	while ((at = memmem(at, (size_t)(end - at), words, strlen(words)))) {
		const char *name = at + strlen(words) + 1,
			   *line = memchr(at, '\n', (size_t)(end - at));

		at = line ? line : end;
		if (name < at)
			note_name(&left, name, strcspn(name, "\r\n"));
	}
	tell(run, &left, "the end of the machine");
}

/* The kernel ends what is left of a container with its first process: they lived when the books
 * ended. */
static void tell_by_threads(struct run *run)
{
	const struct run_result *r = run->result;
	struct left left = {0};

	for (size_t i = 0; i < r->n_threads; i++) {
		const struct run_thread *t = &r->threads[i];

		if (!t->end_ns && t->pid == t->tgid && t->tgid != run->program_tgid)
			note_name(&left, t->name, strlen(t->name));
	}
	tell(run, &left, "the end of the container");
}

void run_tell_leftovers(struct run *run)
{
	const struct guest_ops *ops = run->request->ops;

	if (!run->guest || !run->ended || !run->result->ok || run->settings->client ||
		run->settings->boot_only)
		return;
	if (ops->left_words && run->console.text)
		tell_by_console(run, ops->left_words);
	else if (ops->cgroup && run_lanes_are_cpus(run))
		tell_by_threads(run);
}
