/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first process of a Linux guest, statically linked: burns time in alpha, beta and gamma_, 60, 25 and 15 % of
 * it, in as many processes as argv[1] says, for ever, or for the seconds of argv[2] (0: for ever); then it powers off.
 * Where argv[3] is, each process is followed by a new one after so many milliseconds; the first whose memory
 * is above 4 GiB, where it was plugged in, is told of. What follows "--" on the kernel's command line are its arguments.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
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

static int lives_high(void)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;
	ssize_t n = pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)&entry / 4096 * 8));

	return n == sizeof(entry) && (entry & (((uint64_t)1 << 55) - 1)) >= (uint64_t)1 << 20;
}

static void begin(uint64_t end)
{
	if (fork() == 0) {
		burn(end);
		_exit(lives_high());
	}
}

static void burn_in_turns(int processes, uint64_t end, uint64_t turn)
{
	int status, said = 0;

	mkdir("/proc", 0755);
	mount("none", "/proc", "proc", 0, NULL);
	for (int i = 0; i < processes; i++)
		begin(now_ns() + turn);
	while (wait(&status) > 0) {
		if (status && !said++) {
			puts("living above 4 GiB");
			fflush(stdout);
		}
		if (!end || now_ns() < end)
			begin(now_ns() + turn);
	}
}

int main(int argc, char **argv)
{
	int processes, seconds, turn;
	uint64_t end;

	/* Words that the kernel does not know, such as "nokaslr", are the first ones. */
	while (argc > 1 && atoi(argv[1]) == 0)
		argc--, argv++;
	processes = argc > 1 ? atoi(argv[1]) : 1;
	seconds = argc > 2 ? atoi(argv[2]) : 0;
	turn = argc > 3 ? atoi(argv[3]) : 0;
	end = seconds ? now_ns() + (uint64_t)seconds * 1000000000 : 0;

	puts("burning");
	fflush(stdout);
	if (turn)
		burn_in_turns(processes, end, (uint64_t)turn * 1000000);
	for (int i = 0; i < processes && !turn; i++)
		begin(end);
	while (wait(NULL) > 0)
		;
	puts("burnt");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 0;
}
