/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first process of a Linux guest, statically linked: has the kernel at work in two ways, for ever. What reads
 * zeros stands on a system call that reads_zeros() made, what finds pages on an exception in touches_pages().
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define BYTES ((size_t)1 << 20)
#define PAGE  4096

static void __attribute__((noinline)) reads_zeros(int fd, char *to)
{
	for (int i = 0; i < 16; i++)
		if (read(fd, to, BYTES) != (ssize_t)BYTES)
			abort();
}

static void __attribute__((noinline)) touches_pages(void)
{
	volatile char *pages =
		mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		abort();
	for (size_t at = 0; at < BYTES; at += PAGE)
		pages[at] = 1;
	munmap((void *)pages, BYTES);
}

int main(void)
{
	int fd = open("/dev/zero", O_RDONLY);
	char *to = malloc(BYTES);

	if (fd < 0 || !to) {
		puts("no /dev/zero, or no memory");
		abort();
	}
	puts("burning");
	fflush(stdout);
	for (;;) {
		reads_zeros(fd, to);
		touches_pages();
	}
}
