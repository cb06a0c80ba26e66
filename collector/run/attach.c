/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/attach.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/run/attach_state.h"
#include "collector/symbols/proc_maps.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/proc.h"
#include "common/text_file.h"

#define CMDLINE_MAX (2 << 20)

/* They are never started or stopped by us: the store and the report want a name, the books want to
 * know what user mode means. */
static const struct guest_ops attached_qemu = {
	.name = "qemu",
	.title = "a virtual machine that ran already",
	.lane_kind = LANES_VCPUS,
	.is_vm = true,
};
static const struct guest_ops attached_container = {
	.name = "container",
	.title = "a container that ran already",
	.lane_kind = LANES_WORKERS,
};
static const struct guest_ops attached_process = {
	.name = "process",
	.title = "a process that ran already",
	.lane_kind = LANES_WORKERS,
};

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define _cleanup_closedir_ _cleanup_(closedirp)

static int parse_pid(const char *text, pid_t *ret)
{
	char *end;
	long n;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	n = strtol(text, &end, 10);
	if (*end || n <= 0 || n > 1 << 22)
		return -EINVAL;
	*ret = (pid_t)n;
	return 0;
}

/* Processes: the one that was named first, then its descendants */

struct family {
	pid_t *pids;
	size_t n;
};

static bool family_has(const struct family *f, pid_t pid)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->pids[i] == pid)
			return true;
	return false;
}

static int family_add(struct family *f, pid_t pid)
{
	return ARRAY_ADD(f->pids, f->n, pid);
}

static pid_t parent_of(pid_t pid)
{
	struct proc_stat s;

	return proc_read_stat(pid, &s) == 0 ? s.ppid : 0;
}

/* Generation by generation: a child has any number, also one below its parent's. */
static int family_find(struct family *f, pid_t pid)
{
	size_t before;
	int r = family_add(f, pid);

	if (r < 0)
		return r;
	do {
		_cleanup_closedir_ DIR *proc = opendir("/proc");
		struct dirent *e;

		before = f->n;
		while (proc && (e = readdir(proc))) {
			pid_t child;

			if (parse_pid(e->d_name, &child) < 0 || family_has(f, child) ||
				!family_has(f, parent_of(child)))
				continue;
			r = family_add(f, child);
			if (r < 0)
				return r;
		}
	} while (f->n > before);
	return 0;
}

/* Threads */

static bool knows(const struct attach *a, pid_t tid)
{
	for (size_t i = 0; i < a->n_threads; i++)
		if (a->threads[i].adoption.tid == tid)
			return true;
	return false;
}

static int add_thread(struct attach *a, pid_t tgid, pid_t tid)
{
	struct attach_thread *t = ARRAY_PUSH(a->threads, a->n_threads);

	if (!t)
		return -ENOMEM;
	*t = (struct attach_thread){
		.adoption = {.tgid = tgid, .tid = tid, .lane = PROBE_LANE_NONE}};
	proc_read_thread_name(tgid, tid, t->name);
	if (!attach_guess_state(&t->adoption))
		a->n_threads--; /* it has exited */
	return 0;
}

static int find_threads(struct attach *a, pid_t tgid)
{
	_cleanup_closedir_ DIR *tasks = NULL;
	struct dirent *e;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", tgid);
	tasks = opendir(path);
	while (tasks && (e = readdir(tasks))) {
		pid_t tid;
		int r;

		if (parse_pid(e->d_name, &tid) < 0 || knows(a, tid))
			continue;
		r = add_thread(a, tgid, tid);
		if (r < 0)
			return r;
	}
	return 0;
}

int attach_find_more(struct attach *a, size_t *ret_first)
{
	struct family family = {0};
	size_t first = a->n_threads;
	int r = family_find(&family, a->pid);

	for (size_t i = 0; i < family.n && r == 0; i++)
		r = find_threads(a, family.pids[i]);
	free(family.pids);
	if (r == 0)
		*ret_first = first;
	return r;
}

/* Lanes */

static int vcpu_number(const char *name)
{
	unsigned n;
	char accel[4];

	if (strcmp(name, "ALL CPUs/TCG") == 0) /* thread=single: one for all */
		return 0;
	if (sscanf(name, "CPU %3u/%3s", &n, accel) != 2 || n >= PROBE_LANES_MAX)
		return -1;
	return strcmp(accel, "KVM") == 0 || strcmp(accel, "TCG") == 0 ? (int)n : -1;
}

static int worker_number(const char *name)
{
	unsigned n;

	/* What follows the number is the program's, as in "worker/1-render". */
	if (sscanf(name, "worker/%8u", &n) != 1 || n >= PROBE_LANES_MAX)
		return -1;
	return (int)n;
}

static const struct lane_names {
	const char *prefix;
	int (*number)(const char *name);
} lane_names[] = {
	{"CPU ", vcpu_number},
	{"worker/", worker_number},
};

/* All of one process: the first that has any. */
static bool lanes_by_name(struct attach *a, const struct lane_names *names)
{
	for (size_t i = 0; i < a->n_threads; i++) {
		struct attach_thread *t = &a->threads[i];
		int lane = names->number(t->name);

		if (lane < 0 || (a->program_tgid && t->adoption.tgid != a->program_tgid))
			continue;
		a->program_tgid = t->adoption.tgid;
		t->adoption.lane = lane;
		if ((unsigned)lane >= a->lanes)
			a->lanes = (unsigned)lane + 1;
	}
	if (a->lanes)
		a->lane_prefix = names->prefix;
	return a->lanes > 0;
}

static void lanes_by_number(struct attach *a)
{
	a->lane_prefix = "";
	a->program_tgid = a->pid;
	for (size_t i = 0; i < a->n_threads; i++) {
		struct probe_adoption *t = &a->threads[i].adoption;

		if (t->tgid != a->pid)
			continue;
		if (a->lanes < ATTACH_LANES_MAX)
			t->lane = (int)a->lanes++;
		else
			a->n_left_out++;
	}
}

size_t attach_count_late(const struct attach *a, size_t first)
{
	size_t n = 0;

	for (size_t i = first; i < a->n_threads; i++) {
		const struct attach_thread *t = &a->threads[i];

		if (t->adoption.tgid != a->program_tgid)
			continue;
		n += a->lane_prefix[0] == '\0';
		for (size_t k = 0; k < ARRAY_SIZE(lane_names); k++)
			n += strcmp(a->lane_prefix, lane_names[k].prefix) == 0 &&
			     lane_names[k].number(t->name) >= 0;
	}
	return n;
}

static void choose_lanes(struct attach *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(lane_names); i++)
		if (lanes_by_name(a, &lane_names[i]))
			return;
	lanes_by_number(a);
}

/* What kind of stack it is */

static bool link_begins(const char *path, const char *begin)
{
	char target[512];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	return strncmp(target, begin, strlen(begin)) == 0;
}

static bool runs_qemu(pid_t pid)
{
	char path[64], target[512];
	const char *name;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", proc_living_thread(pid));
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	name = strrchr(target, '/');
	return name && strncmp(name + 1, "qemu-system-", strlen("qemu-system-")) == 0;
}

static bool has_kvm_open(pid_t pid)
{
	_cleanup_closedir_ DIR *fds = NULL;
	struct dirent *e;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", proc_living_thread(pid));
	fds = opendir(path);
	while (fds && (e = readdir(fds))) {
		char link[352];

		snprintf(link, sizeof(link), "%s/%s", path, e->d_name);
		if (link_begins(link, "anon_inode:kvm-vm"))
			return true;
	}
	return false;
}

static bool in_own_pid_namespace(pid_t pid)
{
	struct stat ours, theirs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", proc_living_thread(pid));
	return stat(path, &theirs) == 0 && stat("/proc/self/ns/pid", &ours) == 0 &&
	       ours.st_ino != theirs.st_ino;
}

static void choose_kind(struct attach *a)
{
	a->accel = ACCEL_NONE;
	if (strcmp(a->lane_prefix, "CPU ") == 0 || runs_qemu(a->pid)) {
		a->ops = &attached_qemu;
		a->accel = has_kvm_open(a->program_tgid) ? ACCEL_KVM : ACCEL_TCG;
	} else {
		a->ops = in_own_pid_namespace(a->pid) ? &attached_container : &attached_process;
	}
}

static int read_command(struct attach *a)
{
	_cleanup_free_ char *text = malloc(CMDLINE_MAX + 1);
	size_t length, n = 0;
	ssize_t got;

	if (!text)
		return -ENOMEM;
	got = proc_read_arguments(proc_living_thread(a->pid), text, CMDLINE_MAX + 1);
	length = got > 0 ? (size_t)got : 0;
	for (size_t i = 0; i < length; i++)
		n += text[i] == '\0';
	a->argv = calloc(n + 2, sizeof(*a->argv));
	if (!a->argv)
		return -ENOMEM;
	n = 0;
	for (size_t at = 0; at < length; at += strlen(text + at) + 1) {
		a->argv[n] = strdup(text + at);
		if (!a->argv[n++])
			return -ENOMEM;
	}
	return 0;
}

/* A thread has a folder in /proc too, which no listing shows. */
static int check_process(pid_t pid, struct error *error)
{
	_cleanup_free_ char *group = file_value("Tgid", "/proc/%d/status", pid);
	int tgid = group ? atoi(group) : 0;

	if (pid == getpid())
		return error_set_user(
			error, -EINVAL, "--attach: the collector cannot watch itself");
	if (!group)
		return error_set(error, -ESRCH, "there is no process %d", pid);
	if (tgid != pid)
		return error_set(
			error, -EINVAL, "%d is a thread of process %d: attach to that", pid, tgid);
	/* Others may go on after its first thread. */
	if (!proc_living_thread(pid))
		return error_set(error, -ESRCH, "process %d has ended already", pid);
	return 0;
}

static int look(struct attach *a, struct error *error)
{
	size_t first;
	int r = check_process(a->pid, error);

	if (r < 0)
		return r;
	a->pidfd = pidfd_open(a->pid, 0);
	if (a->pidfd < 0)
		return error_set_errno(error, -errno, "cannot watch process %d", a->pid);
	r = read_command(a);
	if (r == 0)
		r = attach_find_more(a, &first);
	if (r < 0)
		return error_set_errno(error, r, "cannot attach to process %d", a->pid);
	choose_lanes(a);
	if (!a->lanes)
		return error_set(error, -ESRCH, "process %d has ended already", a->pid);
	choose_kind(a);
	return 0;
}

int attach_open(pid_t pid, struct attach **ret, struct error *error)
{
	struct attach *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->pid = pid;
	a->pidfd = -EBADF;
	r = look(a, error);
	if (r < 0) {
		attach_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void attach_describe(const struct attach *a, FILE *out)
{
	fprintf(out, "attach to process %d: %s", a->pid, a->ops->name);
	if (a->accel != ACCEL_NONE)
		fprintf(out, ", %s", accel_name(a->accel));
	fprintf(out, ", %u %s, %zu threads\n", a->lanes, a->lanes == 1 ? "lane" : "lanes",
		a->n_threads);
	for (size_t i = 0; i < a->n_threads; i++)
		if (a->threads[i].adoption.lane >= 0)
			fprintf(out, "  lane %d: thread %d\n", a->threads[i].adoption.lane,
				a->threads[i].adoption.tid);
}

void attach_free(struct attach *a)
{
	if (!a)
		return;
	close_safe(a->pidfd);
	free(a->threads);
	for (size_t i = 0; a->argv && a->argv[i]; i++)
		free(a->argv[i]);
	free(a->argv);
	free(a);
}
