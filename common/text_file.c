/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

static int vopen(const char *format, va_list ap)
{
	char path[PATH_MAX];
	int fd;

	if ((size_t)vsnprintf(path, sizeof(path), format, ap) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

ssize_t file_read_start(char *buffer, size_t size, const char *format, ...)
{
	_cleanup_close_ int fd = -EBADF;
	size_t used = 0;
	ssize_t n = 1;
	va_list ap;

	va_start(ap, format);
	fd = vopen(format, ap);
	va_end(ap);
	if (fd < 0)
		return fd;
	while (n > 0 && used < size - 1) {
		n = read(fd, buffer + used, size - 1 - used);
		if (n < 0 && errno != EINTR)
			return -errno;
		used += n > 0 ? (size_t)n : 0;
		n = n < 0 ? 1 : n;
	}
	buffer[used] = '\0';
	return (ssize_t)used;
}

char *file_value(const char *key, const char *format, ...)
{
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	size_t room = 0, n = strlen(key);
	va_list ap;
	int fd;

	va_start(ap, format);
	fd = vopen(format, ap);
	va_end(ap);
	f = fd < 0 ? NULL : fdopen(fd, "r");
	if (!f)
		close_safe(fd);
	while (f && getline(&line, &room, f) > 0) {
		char *colon = line + n;

		if (strncmp(line, key, n) != 0)
			continue;
		colon += strspn(colon, " \t");
		if (*colon != ':')
			continue;
		colon += 1 + strspn(colon + 1, " \t");
		return strndup(colon, strcspn(colon, "\n"));
	}
	return NULL;
}

bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; p && (p = strstr(p, word)); p += n)
		if ((p == text || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}
