/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/attach.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
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
#include "guests/inside.h"

#define CMDLINE_MAX (2 << 20)

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

static void float_thread(const struct attach *a, struct attach_thread *t)
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
		float_thread(a, t);
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

/* All of it is the number. */
static int plain_number(const char *digits)
{
	unsigned n;
	int length = 0;

	if (sscanf(digits, "%3u%n", &n, &length) != 1 || digits[length] || n >= PROBE_LANES_MAX)
		return -1;
	return (int)n;
}

static int firecracker_number(const char *name)
{
	return strncmp(name, "fc_vcpu ", 8) == 0 ? plain_number(name + 8) : -1;
}

static int cloud_hypervisor_number(const char *name)
{
	return strncmp(name, "vcpu", 4) == 0 ? plain_number(name + 4) : -1;
}

static int crosvm_number(const char *name)
{
	return strncmp(name, "crosvm_vcpu", 11) == 0 ? plain_number(name + 11) : -1;
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
	const char *monitor; /* the virtual machine's, whose vCPUs they are, or NULL */
} lane_names[] = {
	{"CPU ", vcpu_number, ATTACH_MACHINE},
	{"fc_vcpu ", firecracker_number, "firecracker"},
	{"crosvm_vcpu", crosvm_number, "crosvm"},
	{"vcpu", cloud_hypervisor_number, "cloud-hypervisor"},
	{"worker/", worker_number, NULL},
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
	if (a->lanes) {
		a->lane_prefix = names->prefix;
		a->monitor = names->monitor;
	}
	return a->lanes > 0;
}

/* All CPUs that any of its threads may use, and a container's others. */
static int find_cpus(const struct attach *a, cpu_set_t *ret)
{
	cpu_set_t set;

	CPU_ZERO(ret);
	if (a->unit.group)
		attach_group_cpus(a->unit.pid, ret);
	for (size_t i = 0; i < a->n_threads; i++)
		if (sched_getaffinity(a->threads[i].adoption.tid, sizeof(set), &set) == 0)
			CPU_OR(ret, ret, &set);
	return CPU_COUNT(ret);
}

/* No thread says that it is a lane: lanes are CPUs, and threads float. */
static int lanes_by_cpu(struct attach *a, struct error *error)
{
	cpu_set_t cpus;
	int n = find_cpus(a, &cpus);

	if (n == 0)
		return error_set(error, -ESRCH, "process %d has ended already", a->pid);
	if (n > ATTACH_LANES_MAX)
		return error_set(error, -E2BIG,
			"%s may use %d CPUs, which are the lanes of what names none: at most %d can be "
			"watched",
			a->title, n, ATTACH_LANES_MAX);
	a->lane_prefix = "";
	a->program_tgid = a->pid;
	a->lane_cpus = calloc((size_t)n, sizeof(*a->lane_cpus));
	if (!a->lane_cpus)
		return -ENOMEM;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &cpus))
			a->lane_cpus[a->lanes++] = cpu;
	for (size_t i = 0; i < a->n_threads; i++)
		float_thread(a, &a->threads[i]);
	return 0;
}

size_t attach_count_late(const struct attach *a, size_t first)
{
	size_t n = 0;

	for (size_t i = first; i < a->n_threads; i++) {
		const struct attach_thread *t = &a->threads[i];

		if (t->adoption.tgid != a->program_tgid)
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(lane_names); k++)
			n += strcmp(a->lane_prefix, lane_names[k].prefix) == 0 &&
			     lane_names[k].number(t->name) >= 0;
	}
	return n;
}

static int choose_lanes(struct attach *a, struct error *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(lane_names); i++)
		if (lanes_by_name(a, &lane_names[i]))
			return 0;
	return lanes_by_cpu(a, error);
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
	r = choose_lanes(a, error);
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
		fprintf(out, "  the guest's memory: %llu MiB at %#llx\n",
			(unsigned long long)(a->inside->ranges[i].size >> 20),
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
