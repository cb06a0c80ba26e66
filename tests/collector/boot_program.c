/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program whose boot is known: it says when it began and until when it waited (-wait MS, else not
 * at all) before its first marker, by CLOCK_MONOTONIC; then it sleeps until it is ended.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/marker.h"

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
		;
}

int main(int argc, char **argv)
{
	uint64_t begun = now_ns(), wait_ms = 0;
	char body[100], line[MARKER_LINE_MAX + 1];
	int n;

	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "-wait") == 0)
			wait_ms = strtoull(argv[i + 1], NULL, 10);
	sleep_until(begun + wait_ms * 1000000);
	printf("waited %" PRIu64 " %" PRIu64 "\n", begun, now_ns());
	fflush(stdout);
	snprintf(body, sizeof(body), "phase name=render t=%" PRIu64, now_ns());
	n = marker_format(line, sizeof(line), body);
	if (n < 0 || write(STDOUT_FILENO, line, (size_t)n) != n)
		return 1;
	for (;;)
		pause();
}
