/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * To be preloaded (LD_PRELOAD): delays the process that is called $BOOT_DELAY_NAME by 300 ms,
 * before its own code begins, or ($BOOT_DELAY_AT is "memfd") where it makes its first memfd, as
 * QEMU does for the guest's memory. Writes from when to when to the file $BOOT_DELAY_LOG,
 * CLOCK_MONOTONIC in ns.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DELAY_NS 300000000

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void delay(const char *at)
{
	const struct timespec pause = {.tv_nsec = DELAY_NS};
	const char *name = getenv("BOOT_DELAY_NAME"), *log = getenv("BOOT_DELAY_LOG");
	const char *wanted = getenv("BOOT_DELAY_AT");
	uint64_t begun = now_ns();
	int fd;

	if (!name || !log || !wanted || strcmp(wanted, at) != 0 ||
		strcmp(program_invocation_short_name, name) != 0)
		return;
	nanosleep(&pause, NULL);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	dprintf(fd, "%" PRIu64 " %" PRIu64 "\n", begun, now_ns());
	close(fd);
}

__attribute__((constructor)) static void begin(void)
{
	delay("begin");
}

int memfd_create(const char *name, unsigned flags)
{
	static int seen;

	if (!seen++)
		delay("memfd");
	return (int)syscall(SYS_memfd_create, name, flags);
}
