/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/emit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "common/marker.h"

uint64_t emit_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int emit_marker(const char *format, ...)
{
	char body[MARKER_LINE_MAX], line[MARKER_LINE_MAX + 1];
	va_list ap;
	int n, length;

	va_start(ap, format);
	n = vsnprintf(body, sizeof(body), format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(body))
		return -ENOBUFS;
	length = marker_format(line, sizeof(line), body);
	if (length < 0)
		return length;
	for (int done = 0; done < length;) {
		ssize_t written = write(STDOUT_FILENO, line + done, (size_t)(length - done));

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		done += (int)written;
	}
	return 0;
}

int emit_maps(uintptr_t base, uintptr_t text)
{
	return emit_marker("maps base=%" PRIxPTR " text=%" PRIxPTR, base, text);
}

int emit_phase(const char *name, uint64_t now_ns)
{
	return emit_marker("phase name=%s t=%" PRIu64, name, now_ns);
}

int emit_end(uint64_t now_ns, int status, uint64_t runtime_ns)
{
	return emit_marker(
		"end t=%" PRIu64 " status=%d runtime=%" PRIu64, now_ns, status, runtime_ns);
}
