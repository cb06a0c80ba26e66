/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int fuzz_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || pwrite(fd, data, size, 0) != (ssize_t)size) {
		perror("a file in memory");
		exit(2);
	}
	return fd;
}

void fuzz_path(int fd, char ret[static FUZZ_PATH_MAX])
{
	snprintf(ret, FUZZ_PATH_MAX, "/proc/self/fd/%d", fd);
}
