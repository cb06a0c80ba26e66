/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first process of a Linux guest, statically linked: burns time in alpha, beta and gamma_, 60, 25 and 15 % of
 * it, in as many processes as argv[1] says, for ever, or for the seconds of argv[2]; then it powers off. What
 * follows "--" on the kernel's command line are its arguments.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Each of its own, so that no two become one. */
#define BURNS(name, number)                                                                        \
	static void __attribute__((noinline)) name(unsigned times)                                 \
	{                                                                                          \
		while (times--)                                                                    \
			for (volatile unsigned i = 0; i < 20000 + (number); i++)                   \
				;                                                                  \
	}

BURNS(alpha, 1)
BURNS(beta, 2)
BURNS(gamma_, 3)

static void __attribute__((noinline)) burn(uint64_t end)
{
	while (!end || now_ns() < end) {
		alpha(12);
		beta(5);
		gamma_(3);
	}
}

int main(int argc, char **argv)
{
	int processes, seconds;
	uint64_t end;

	/* Words that the kernel does not know, such as "nokaslr", are the first ones. */
	while (argc > 1 && atoi(argv[1]) == 0)
		argc--, argv++;
	processes = argc > 1 ? atoi(argv[1]) : 1;
	seconds = argc > 2 ? atoi(argv[2]) : 0;
	end = seconds ? now_ns() + (uint64_t)seconds * 1000000000 : 0;

	puts("burning");
	fflush(stdout);
	for (int i = 0; i < processes; i++)
		if (fork() == 0) {
			burn(end);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	puts("burnt");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 0;
}
