/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/machine/machine_files.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

static FILE *vopen_at(const char *root, const char *format, va_list ap)
{
	char path[PATH_MAX];
	int n, m;

	n = snprintf(path, sizeof(path), "%s", root ? root : "");
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	m = vsnprintf(path + n, sizeof(path) - (size_t)n, format, ap);
	if (m < 0 || (size_t)m >= sizeof(path) - (size_t)n) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	return fopen(path, "re");
}

static char *first_line(FILE *f)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	ssize_t length;

	if (!f)
		return NULL;
	length = getline(&line, &size, f);
	while (length > 0 && strchr(" \t\n", line[length - 1]))
		line[--length] = '\0';
	return length > 0 ? TAKE_PTR(line) : NULL;
}

char *read_line_at(const char *root, const char *format, ...)
{
	_cleanup_fclose_ FILE *f = NULL;
	va_list ap;

	va_start(ap, format);
	f = vopen_at(root, format, ap);
	va_end(ap);
	return first_line(f);
}

int read_u64_at(const char *root, uint64_t *ret, const char *format, ...)
{
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	unsigned long long value;
	char *end;
	va_list ap;

	va_start(ap, format);
	f = vopen_at(root, format, ap);
	va_end(ap);
	line = first_line(f);
	if (!line)
		return -ENOENT;
	errno = 0;
	value = strtoull(line, &end, 10);
	if (errno || end == line || *end)
		return -EINVAL;
	*ret = value;
	return 0;
}
