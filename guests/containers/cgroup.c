/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/containers/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/text_file.h"

/* Is @word one of the comma-separated @list? */
static bool list_has(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (*list) {
		size_t length = strcspn(list, ",\n");

		if (length == n && strncmp(list, word, n) == 0)
			return true;
		list += length + (list[length] != '\0');
	}
	return false;
}

/*
 * The group's path in its hierarchy, from the lines "ID:CONTROLLERS:PATH" of /proc/PID/cgroup;
 * version 2 is the one with no controllers. *ret_v1 tells which it was.
 */
static int read_group(pid_t pid, const char *controller, char **ret_path, bool *ret_v1)
{
	_cleanup_free_ char *line = NULL, *unified = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	char file[64];
	size_t room = 0;

	snprintf(file, sizeof(file), "/proc/%d/cgroup", pid);
	f = fopen(file, "re");
	if (!f)
		return errno == ENOENT ? -ESRCH : -errno;
	while (getline(&line, &room, f) > 0) {
		char *controllers = strchr(line, ':'), *path;

		if (!controllers || !(path = strchr(controllers + 1, ':')))
			continue;
		*controllers++ = '\0';
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		if (list_has(controllers, controller)) {
			*ret_v1 = true;
			*ret_path = strdup(path);
			return *ret_path ? 0 : -ENOMEM;
		}
		if (!*controllers && !unified && !(unified = strdup(path)))
			return -ENOMEM;
	}
	if (!unified)
		return ferror(f) ? -ESRCH : -ENODEV;
	*ret_v1 = false;
	*ret_path = TAKE_PTR(unified);
	return 0;
}

struct mount {
	char *root, *where, *type, *options;
};

/* Split a line of /proc/self/mountinfo (proc(5)) in place; octal escapes are left as they are. */
static bool parse_mount(char *line, struct mount *ret)
{
	char *save = NULL, *field = strtok_r(line, " \n", &save);
	struct mount m = {0};

	for (int i = 0; field && strcmp(field, "-") != 0; i++) {
		if (i == 3)
			m.root = field;
		if (i == 4)
			m.where = field;
		field = strtok_r(NULL, " \n", &save);
	}
	m.type = strtok_r(NULL, " \n", &save);
	(void)strtok_r(NULL, " \n", &save);
	m.options = strtok_r(NULL, " \n", &save);
	if (!m.root || !m.where || !m.type || !m.options)
		return false;
	*ret = m;
	return true;
}

/* Where the group @path shows under mount @m, or NULL: it lies outside (or no memory). */
static char *place(const struct mount *m, const char *path)
{
	size_t n = strcmp(m->root, "/") == 0 ? 0 : strlen(m->root);
	char *folder;

	if (strncmp(path, m->root, n) != 0 || (path[n] && path[n] != '/'))
		return NULL;
	path += n;
	if (strcmp(path, "/") == 0)
		path = "";
	return asprintf(&folder, "%s%s", m->where, path) < 0 ? NULL : folder;
}

int guest_cgroup_of_pid(pid_t pid, const char *controller, char **ret_folder, struct error *error)
{
	_cleanup_free_ char *path = NULL, *line = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	size_t room = 0;
	bool v1 = false;
	int r;

	r = read_group(pid, controller, &path, &v1);
	if (r < 0 || !path)
		return error_set_errno(error, r, "control group of process %d", pid);
	f = fopen("/proc/self/mountinfo", "re");
	if (!f)
		return error_set_errno(error, -errno, "/proc/self/mountinfo");
	while (getline(&line, &room, f) > 0) {
		struct mount m;
		char *folder;

		if (!parse_mount(line, &m) || strcmp(m.type, v1 ? "cgroup" : "cgroup2") != 0 ||
			(v1 && !list_has(m.options, controller)))
			continue;
		folder = place(&m, path);
		if (!folder)
			continue;
		*ret_folder = folder;
		return 0;
	}
	return error_set(
		error, -ENODEV, "the %s control group %s is not mounted here", controller, path);
}

/* The number after "@key " at the start of a line. 0 or -ENODATA. */
static int find_number(const char *text, const char *key, uint64_t *ret)
{
	size_t n = strlen(key);

	while (*text) {
		if (strncmp(text, key, n) == 0 && text[n] == ' ') {
			*ret = strtoull(text + n + 1, NULL, 10);
			return 0;
		}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return -ENODATA;
}

static int read_stat(const char *folder, const char *key_ns, const char *key_us, uint64_t *ret)
{
	char text[4096] = "";
	uint64_t value;
	int r;

	r = (int)file_read_start(text, sizeof(text), "%s/cpu.stat", folder);
	if (r < 0)
		return r == -ENOENT ? -ENODATA : r;
	if (key_ns && find_number(text, key_ns, ret) == 0)
		return 0;
	r = find_number(text, key_us, &value);
	if (r < 0)
		return r;
	*ret = value * 1000;
	return 0;
}

int cgroup_read_usage_ns(const char *folder, uint64_t *ret)
{
	char text[64], *end;
	uint64_t value;
	int r;

	r = (int)file_read_start(text, sizeof(text), "%s/cpuacct.usage", folder);
	if (r == -ENOENT)
		return read_stat(folder, NULL, "usage_usec", ret);
	if (r < 0)
		return r;
	value = strtoull(text, &end, 10);
	if (end == text)
		return -ENODATA;
	*ret = value;
	return 0;
}

int cgroup_read_throttled_ns(const char *folder, uint64_t *ret)
{
	return read_stat(folder, "throttled_time", "throttled_usec", ret);
}

/* "MAX PERIOD" of cpu.max, or two files of version 1; "max" and -1 are no quota. */
static double read_quota(const char *folder)
{
	char text[64], period_text[64];
	double quota, period;

	if (file_read_start(text, sizeof(text), "%s/cpu.max", folder) >= 0)
		return sscanf(text, "%lf %lf", &quota, &period) == 2 && period > 0 ? quota / period
										   : -1;
	if (file_read_start(text, sizeof(text), "%s/cpu.cfs_quota_us", folder) < 0 ||
		file_read_start(period_text, sizeof(period_text), "%s/cpu.cfs_period_us", folder) <
			0)
		return -1;
	quota = strtod(text, NULL);
	period = strtod(period_text, NULL);
	return quota > 0 && period > 0 ? quota / period : -1;
}

struct own_groups {
	double quota; /* in CPUs; negative: none */
	uint64_t throttled_ns;
};

static struct own_groups look_at_own_groups(void)
{
	struct own_groups own = {.quota = -1};
	_cleanup_free_ char *folder = NULL;

	if (guest_cgroup_of_pid(getpid(), "cpu", &folder, NULL) < 0 || !folder)
		return own;
	/* Above the hierarchy's root there are no such files. */
	for (char *slash; (slash = strrchr(folder, '/')) && slash != folder; *slash = '\0') {
		double quota = read_quota(folder);
		uint64_t ns;

		if (quota > 0 && (own.quota < 0 || quota < own.quota))
			own.quota = quota;
		if (quota > 0 && cgroup_read_throttled_ns(folder, &ns) == 0)
			own.throttled_ns += ns;
	}
	return own;
}

int cgroup_own_quota(double *ret_cpus)
{
	struct own_groups own = look_at_own_groups();

	if (own.quota < 0)
		return -ENODATA;
	*ret_cpus = own.quota;
	return 0;
}

uint64_t cgroup_own_throttled_ns(void)
{
	return look_at_own_groups().throttled_ns;
}
