/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/attach_unit.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <hwloc.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/proc.h"
#include "common/text_file.h"
#include "guests/containers/cgroup.h"

#define PID_MAX_LIMIT (1 << 22)
#define GROUPS_DEEP   16
#define SHORT_ID      12
#define LIBVIRT_PIDS  "/run/libvirt/qemu/%s.pid" /* of the machines that run */

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define _cleanup_closedir_ _cleanup_(closedirp)

/* False: it is no number that a process can have. */
static bool parse_pid(const char *text, pid_t *ret)
{
	char *end;
	long n;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || *end || n <= 0 || n > PID_MAX_LIMIT)
		return false;
	*ret = (pid_t)n;
	return true;
}

bool attach_pids_have(const struct attach_pids *list, pid_t pid)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->pids[i] == pid)
			return true;
	return false;
}

static int add(struct attach_pids *list, pid_t pid)
{
	return ARRAY_ADD(list->pids, list->n, pid);
}

pid_t attach_parent_of(pid_t pid)
{
	struct proc_stat s;

	return proc_read_stat(pid, &s) == 0 ? s.ppid : 0;
}

/* Generation by generation: a child has any number, also one below its parent's. */
static int find_descendants(struct attach_pids *list)
{
	size_t before;

	do {
		_cleanup_closedir_ DIR *proc = opendir("/proc");
		struct dirent *e;

		before = list->n;
		while (proc && (e = readdir(proc))) {
			pid_t child;
			int r;

			if (!parse_pid(e->d_name, &child) || attach_pids_have(list, child) ||
				!attach_pids_have(list, attach_parent_of(child)))
				continue;
			r = add(list, child);
			if (r < 0)
				return r;
		}
	} while (list->n > before);
	return 0;
}

/* The kernel's list has each process once; another group's cannot have it, too. */
static int read_members(const char *folder, struct attach_pids *list)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX], line[32];
	pid_t pid;
	int r = 0;

	if (snprintf(path, sizeof(path), "%s/cgroup.procs", folder) >= (int)sizeof(path))
		return 0;
	f = fopen(path, "re");
	while (f && r == 0 && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (parse_pid(line, &pid))
			r = add(list, pid);
	}
	return r;
}

static int find_members(const char *folder, unsigned depth, struct attach_pids *list)
{
	_cleanup_closedir_ DIR *d = NULL;
	struct dirent *e;
	int r = read_members(folder, list);

	if (r < 0 || depth == GROUPS_DEEP)
		return r;
	d = opendir(folder);
	while (d && r == 0 && (e = readdir(d))) {
		char path[PATH_MAX];

		if (e->d_type == DT_DIR && e->d_name[0] != '.' &&
			snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) <
				(int)sizeof(path))
			r = find_members(path, depth + 1, list);
	}
	return r;
}

int attach_unit_processes(const struct attach_unit *u, struct attach_pids *ret)
{
	struct attach_pids list = {0};
	int r;

	if (u->group) {
		r = find_members(u->group, 0, &list);
	} else {
		r = add(&list, u->pid);
		if (r == 0)
			r = find_descendants(&list);
	}
	if (r < 0) {
		free(list.pids);
		return r;
	}
	*ret = list;
	return 0;
}

/* The container's own group among those that @pid is in, by @controller; NULL: there is none. */
static char *group_of(pid_t pid, const char *controller, char ret_id[static CONTAINER_ID_SIZE])
{
	_cleanup_free_ char *group = NULL, *ours = NULL;
	size_t end;

	if (guest_cgroup_of_pid(pid, controller, &group, NULL) < 0 || !group ||
		!container_of_group(group, ret_id, &end))
		return NULL;
	group[end] = '\0';
	/* In a container that we are in ourselves, a process is a process. */
	if (guest_cgroup_of_pid(getpid(), controller, &ours, NULL) == 0 && ours &&
		strncmp(ours, group, end) == 0 && (!ours[end] || ours[end] == '/'))
		return NULL;
	return TAKE_PTR(group);
}

/* The first hierarchy that tells: an engine may use some only. */
static void find_group(struct attach_unit *u)
{
	static const char *const controllers[] = {"cpu", "pids", "memory", "cpuset"};
	char id[CONTAINER_ID_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(controllers) && !u->group; i++)
		u->group = group_of(u->pid, controllers[i], u->id);
	if (!u->group)
		return;
	u->cpu_group = group_of(u->pid, "cpu", id);
	u->usage_group = group_of(u->pid, "cpuacct", id);
}

static void add_cpus(const char *list, cpu_set_t *set)
{
	hwloc_bitmap_t cpus = hwloc_bitmap_alloc();

	if (cpus && hwloc_bitmap_list_sscanf(cpus, list) == 0)
		for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
			if (hwloc_bitmap_isset(cpus, cpu))
				CPU_SET(cpu, set);
	hwloc_bitmap_free(cpus);
}

void attach_group_cpus(pid_t pid, cpu_set_t *ret)
{
	static const char *const files[] = {
		"cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus"};
	_cleanup_free_ char *group = NULL;
	char text[4096];

	if (guest_cgroup_of_pid(pid, "cpuset", &group, NULL) < 0 || !group)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (file_read_start(text, sizeof(text), "%s/%s", group, files[i]) <= 0)
			continue;
		text[strcspn(text, "\n")] = '\0'; /* hwloc takes no number with one behind it */
		add_cpus(text, ret);
		return;
	}
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
	return 0;
}

/* *ret: 0 if the system's libvirt has no machine @name that runs. */
static int find_machine(const char *name, pid_t *ret, struct error *error)
{
	struct container_found found;
	char text[32];

	*ret = 0;
	if (file_read_start(text, sizeof(text), LIBVIRT_PIDS, name) <= 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	if (!parse_pid(text, ret) || container_find(name, &found, NULL) < 0)
		return 0;
	return error_set_user(error, -EINVAL,
		"%s is a container and a virtual machine of libvirt's, process %d: --attach needs the "
		"number of a process",
		name, *ret);
}

int attach_unit_find(const char *what, struct attach_unit *ret, struct error *error)
{
	struct attach_unit u = {0};
	struct container_found found;
	bool by_name = !parse_pid(what, &u.pid);
	int r;

	if (by_name && !container_may_be(what))
		return error_set_user(error, -EINVAL,
			"--attach takes the number of a process, or the name of a container or of a "
			"virtual machine of libvirt's, not '%s'",
			what);
	r = by_name ? find_machine(what, &u.pid, error) : 0;
	if (r < 0)
		return r;
	by_name = by_name && !u.pid;
	r = by_name ? container_find(what, &found, error) : check_process(u.pid, error);
	/* A container's name or identifier may be digits alone. */
	if (r < 0 && by_name && strspn(what, "0123456789") == strlen(what))
		return error_set(error, -ESRCH,
			"there is no process %s, and no container of that name is found", what);
	if (r < 0)
		return r;
	if (by_name)
		u.pid = found.pid;
	find_group(&u);
	if (!by_name && u.group && container_find(u.id, &found, NULL) == 0)
		by_name = true;
	if (by_name)
		memcpy(u.name, found.name, sizeof(u.name));
	else if (u.group)
		snprintf(u.name, sizeof(u.name), "%.*s", SHORT_ID, u.id);
	*ret = u;
	return 0;
}

void attach_unit_done(struct attach_unit *u)
{
	free(u->group);
	free(u->cpu_group);
	free(u->usage_group);
	*u = (struct attach_unit){0};
}
