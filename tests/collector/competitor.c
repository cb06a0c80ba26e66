/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gs-competitor CPU MILLISECONDS: takes the CPU from whoever else is on it, until that much time
 * has passed, then prints "BEGIN END CPU" in ns: CLOCK_MONOTONIC when it began and ended, and the
 * CPU time that the kernel gave it between these.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static unsigned long long now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (unsigned long long)t.tv_sec * 1000000000ULL + (unsigned long long)t.tv_nsec;
}

int main(int argc, char **argv)
{
	unsigned long long cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	unsigned long long begin = now_ns(CLOCK_MONOTONIC), end;
	cpu_set_t set;

	if (argc != 3)
		return 2;
	CPU_ZERO(&set);
	CPU_SET(atoi(argv[1]), &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		return 3;
	end = begin + strtoull(argv[2], NULL, 10) * 1000000ULL;
	while (now_ns(CLOCK_MONOTONIC) < end)
		;
	printf("%llu %llu %llu\n", begin, now_ns(CLOCK_MONOTONIC),
		now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	return 0;
}
