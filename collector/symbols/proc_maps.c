/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/proc_maps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

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

int proc_maps_parse(char *line, struct proc_mapping *ret)
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
