/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/attach.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/run/attach_lanes.h"
#include "collector/run/attach_state.h"
#include "collector/symbols/proc_maps.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/proc.h"
#include "guests/inside.h"

#define CMDLINE_MAX   (2 << 20)
#define RANGE_TO_SHOW (1 << 20) /* the others are the firmware's */

/* They are never started or stopped by us: the store and the report want a name, the books want to
 * know what user mode means. */
static const struct guest_ops attached_machine = {
	.name = ATTACH_MACHINE,
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

/* Threads */

static bool knows(const struct attach *a, pid_t tgid, pid_t tid)
{
	for (size_t i = 0; i < a->n_threads; i++)
		if (a->threads[i].adoption.tid == tid && a->threads[i].adoption.tgid == tgid)
			return true;
	return false;
}

static int lane_of_cpu(const struct attach *a, int cpu)
{
	for (unsigned i = 0; a->lane_cpus && i < a->lanes; i++)
		if (a->lane_cpus[i] == cpu)
			return (int)i;
	return PROBE_LANE_NONE;
}

void attach_float(const struct attach *a, struct attach_thread *t)
{
	t->adoption.floats = true;
	t->adoption.lane = lane_of_cpu(a, t->cpu);
}

static int add_thread(struct attach *a, pid_t tgid, pid_t tid, pid_t parent)
{
	struct attach_thread *t = ARRAY_PUSH(a->threads, a->n_threads);

	if (!t)
		return -ENOMEM;
	*t = (struct attach_thread){.adoption = {
					    .tgid = tgid,
					    .tid = tid,
					    .lane = PROBE_LANE_NONE,
					    .parent = parent,
				    }};
	proc_read_thread_name(tgid, tid, t->name);
	if (!attach_guess_state(&t->adoption, &t->cpu))
		a->n_threads--; /* it has exited */
	else if (a->lane_cpus)
		attach_float(a, t);
	return 0;
}

static int find_threads(struct attach *a, pid_t tgid, pid_t parent)
{
	_cleanup_closedir_ DIR *tasks = NULL;
	struct dirent *e;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", tgid);
	tasks = opendir(path);
	while (tasks && (e = readdir(tasks))) {
		pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);
		int r;

		if (tid <= 0 || knows(a, tgid, tid))
			continue;
		r = add_thread(a, tgid, tid, parent);
		if (r < 0)
			return r;
	}
	return 0;
}

static int find_threads_of(
	struct attach *a, const struct attach_pids *list, pid_t pid, pid_t parent)
{
	if (pid == getpid())
		return 0;
	return find_threads(a, pid, attach_pids_have(list, parent) ? parent : 0);
}

int attach_find_more(struct attach *a, size_t *ret_first)
{
	struct attach_pids list = {0};
	size_t first = a->n_threads;
	int r = attach_unit_processes(&a->unit, &list);

	for (size_t i = 0; i < list.n && r == 0; i++)
		r = find_threads_of(a, &list, list.pids[i], attach_parent_of(list.pids[i]));
	free(a->seen.pids);
	a->seen = list;
	if (r == 0)
		*ret_first = first;
	return r;
}

int attach_find_joined(struct attach *a, size_t *ret_first)
{
	struct attach_pids list = {0};
	size_t first = a->n_threads;
	int r = attach_unit_processes(&a->unit, &list);

	for (size_t i = 0; i < list.n && r == 0; i++) {
		pid_t pid = list.pids[i], parent;

		if (attach_pids_have(&a->seen, pid))
			continue;
		parent = attach_parent_of(pid);
		/* The probes follow what is made by those that they know. */
		if (!attach_pids_have(&a->seen, parent))
			r = find_threads_of(a, &list, pid, parent);
	}
	free(a->seen.pids);
	a->seen = list;
	if (r == 0)
		*ret_first = first;
	return r;
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

/* "guest=NAME,debug-threads=on", or the name alone before a comma. */
static void find_machine_name(struct attach *a)
{
	const char *option = attach_option(a, "name");
	size_t length;

	if (!option)
		return;
	if (strncmp(option, "guest=", 6) == 0)
		option += 6;
	length = strcspn(option, ",");
	if (length && length < sizeof(a->unit.name)) {
		snprintf(a->unit.name, sizeof(a->unit.name), "%.*s", (int)length, option);
		if (!container_may_be(a->unit.name)) /* it becomes a part of a file's */
			a->unit.name[0] = '\0';
	}
}

static void choose_kind(struct attach *a)
{
	bool qemu = a->monitor ? strcmp(a->monitor, ATTACH_MACHINE) == 0 : runs_qemu(a->pid);

	a->accel = ACCEL_NONE;
	if (a->monitor || qemu) {
		a->ops = attached_machine;
		a->ops.name = qemu ? ATTACH_MACHINE : a->monitor;
		a->unit.name[0] = '\0';
		a->accel = has_kvm_open(a->program_tgid) ? ACCEL_KVM
			   : qemu                        ? ACCEL_TCG
							 : ACCEL_NONE;
		find_machine_name(a);
	} else if (a->unit.group || in_own_pid_namespace(a->pid)) {
		a->ops = attached_container;
	} else {
		a->ops = attached_process;
	}
	if (!a->unit.name[0])
		return;
	snprintf(a->name, sizeof(a->name), "%s-%s", a->ops.name, a->unit.name);
	a->ops.name = a->name;
}

static void free_command(struct attach *a)
{
	for (size_t i = 0; a->argv && a->argv[i]; i++)
		free(a->argv[i]);
	free(a->argv);
	a->argv = NULL;
}

const char *attach_option(const struct attach *a, const char *name)
{
	for (char **word = a->argv; word[0] && word[1]; word++) {
		size_t dashes = strspn(word[0], "-");

		if ((dashes == 1 || dashes == 2) && strcmp(word[0] + dashes, name) == 0)
			return word[1];
	}
	return NULL;
}

static int read_command(struct attach *a)
{
	_cleanup_free_ char *text = malloc(CMDLINE_MAX + 1);
	size_t length, n = 0;
	ssize_t got;

	if (!text)
		return -ENOMEM;
	got = proc_read_arguments(proc_living_thread(a->program_tgid ? a->program_tgid : a->pid),
		text, CMDLINE_MAX + 1);
	length = got > 0 ? (size_t)got : 0;
	for (size_t i = 0; i < length; i++)
		n += text[i] == '\0';
	free_command(a);
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

static int look(struct attach *a, const char *what, struct error *error)
{
	size_t first;
	int r = attach_unit_find(what, &a->unit, error);

	if (r < 0)
		return r;
	a->pid = a->unit.pid;
	if (a->unit.name[0])
		snprintf(a->title, sizeof(a->title), "container %s", a->unit.name);
	else
		snprintf(a->title, sizeof(a->title), "process %d", a->pid);
	/* Others may go on after its first thread. */
	if (!proc_living_thread(a->pid))
		return error_set(error, -ESRCH, "%s has ended already", a->title);
	a->pidfd = pidfd_open(a->pid, 0);
	if (a->pidfd < 0)
		return error_set_errno(error, -errno, "cannot watch process %d", a->pid);
	r = read_command(a);
	if (r == 0)
		r = attach_find_more(a, &first);
	if (r < 0)
		return error_set_errno(error, r, "cannot attach to %s", a->title);
	r = attach_choose_lanes(a, error);
	if (r == 0 && a->program_tgid != a->pid)
		r = read_command(a);
	if (r == 0)
		choose_kind(a);
	return r;
}

int attach_open(const char *what, struct attach **ret, struct error *error)
{
	struct attach *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->pidfd = -EBADF;
	r = look(a, what, error);
	if (r < 0) {
		attach_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void attach_describe(const struct attach *a, FILE *out)
{
	fprintf(out, "attach to %s: %s", a->title, a->ops.name);
	if (a->accel != ACCEL_NONE)
		fprintf(out, ", %s", accel_name(a->accel));
	fprintf(out, ", %u %s, %zu %s\n", a->lanes, a->lanes == 1 ? "lane" : "lanes", a->n_threads,
		a->n_threads == 1 ? "thread" : "threads");
	if (a->no_inside)
		fprintf(out, "  no stacks of the guest: %s\n", a->no_inside);
	for (size_t i = 0; a->inside && i < a->inside->n_ranges; i++)
		if (a->inside->ranges[i].size >= RANGE_TO_SHOW)
			fprintf(out, "  the guest's memory: %#llx bytes at %#llx\n",
				(unsigned long long)a->inside->ranges[i].size,
				(unsigned long long)a->inside->ranges[i].physical);
	if (a->unit.group)
		fprintf(out, "  all processes of its control group, %s\n", a->unit.group);
	for (unsigned i = 0; a->lane_cpus && i < a->lanes; i++)
		fprintf(out, "  lane %u: CPU %d\n", i, a->lane_cpus[i]);
	for (size_t i = 0; !a->lane_cpus && i < a->n_threads; i++)
		if (a->threads[i].adoption.lane >= 0)
			fprintf(out, "  lane %d: thread %d\n", a->threads[i].adoption.lane,
				a->threads[i].adoption.tid);
}

void attach_free(struct attach *a)
{
	if (!a)
		return;
	close_safe(a->pidfd);
	attach_unit_done(&a->unit);
	free(a->seen.pids);
	free(a->lane_cpus);
	free(a->threads);
	free_command(a);
	guest_inside_free(a->inside);
	free(a->no_inside);
	free(a->version);
	free(a);
}
