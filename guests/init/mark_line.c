/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/init/mark_line.h"

#include <errno.h>
#include <unistd.h>

#include "common/marker.h"

int mark_line(const char *body)
{
	char line[MARKER_LINE_MAX + 2];
	int n = marker_format(line, sizeof(line), body);

	if (n < 0)
		return n;
	errno = EIO; /* of a short write */
	return write(STDOUT_FILENO, line, (size_t)n) == n ? 0 : -errno;
}
