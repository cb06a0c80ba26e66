/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/proc_maps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/proc.h"

/* A hexadecimal number that is followed by @after, which is skipped. */
static int parse_hex(char **p, char after, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(*p, &end, 16);
	if (errno || end == *p || *end != after)
		return -EINVAL;
	*p = end + 1;
	return 0;
}

/* Parse one line, which is changed; ret->path points into it. 0 or -EINVAL. */
static int proc_maps_parse(char *line, struct proc_mapping *ret)
{
	struct proc_mapping m = {0};
	char *p = line, *end;

	if (parse_hex(&p, '-', &m.start) < 0 || parse_hex(&p, ' ', &m.end) < 0 || m.end <= m.start)
		return -EINVAL;
	if (strnlen(p, 5) < 5 || p[4] != ' ')
		return -EINVAL;
	m.executable = p[2] == 'x';
	p += 5;
	if (parse_hex(&p, ' ', &m.offset) < 0)
		return -EINVAL;
	p = strchr(p, ' '); /* the device: files are told apart by fstat() later */
	if (!p)
		return -EINVAL;
	errno = 0;
	m.inode = strtoull(p, &end, 10);
	if (errno || end == p)
		return -EINVAL;
	p = end + strspn(end, " ");
	p[strcspn(p, "\n")] = '\0';
	m.path = p;
	*ret = m;
	return 0;
}

static bool is_alive(pid_t tid)
{
	struct proc_stat s;

	return proc_read_stat(tid, &s) == 0 && !strchr("ZX", s.state);
}

pid_t proc_living_thread(pid_t pid)
{
	char path[64];
	struct dirent *e;
	pid_t found = 0;
	DIR *tasks;

	if (is_alive(pid))
		return pid;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	while (tasks && !found && (e = readdir(tasks))) {
		pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);

		if (tid > 0 && is_alive(tid))
			found = tid;
	}
	if (tasks)
		closedir(tasks);
	return found;
}

int proc_maps_each(pid_t pid, proc_maps_each_t each, void *userdata)
{
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (getline(&line, &size, f) > 0) {
		struct proc_mapping m;
		int r;

		if (proc_maps_parse(line, &m) < 0)
			continue;
		r = each(&m, userdata);
		if (r < 0)
			return r;
	}
	return ferror(f) ? -ESRCH : 0;
}

int proc_maps_sizes(pid_t pid, struct proc_maps_sizes *ret)
{
	_cleanup_close_ int fd = -1;
	struct proc_maps_sizes sizes;
	char path[64], text[160];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -ESRCH;
	text[n] = '\0';
	/* Between them what is resident, of that shared, and 0. */
	if (sscanf(text, "%" SCNu64 " %*u %*u %" SCNu64 " %*u %" SCNu64, &sizes.pages, &sizes.text,
		    &sizes.data) != 3 ||
		!sizes.pages)
		return -ESRCH;
	*ret = sizes;
	return 0;
}

bool proc_maps_same_sizes(const struct proc_maps_sizes *a, const struct proc_maps_sizes *b)
{
	return a->pages && a->pages == b->pages && a->text == b->text && a->data == b->data;
}
