/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The marker lines of the programs here. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/marker.h"

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static inline void say(const char *body)
{
	char line[MARKER_LINE_MAX + 1];
	int n = marker_format(line, sizeof(line), body);

	if (n < 0 || write(STDOUT_FILENO, line, (size_t)n) != n)
		exit(3);
}

static inline void say_phase(const char *name)
{
	char body[100];

	snprintf(body, sizeof(body), "phase name=%s t=%" PRIu64, name, now_ns());
	say(body);
}

/** The program ends well, and has run since @begin. */
static inline void say_end(uint64_t begin)
{
	char body[100];
	uint64_t now = now_ns();

	snprintf(body, sizeof(body), "end t=%" PRIu64 " status=0 runtime=%" PRIu64, now,
		now - begin);
	say(body);
}
