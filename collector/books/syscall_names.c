/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/books/syscall_names.h"

#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>

#define SYSCALLS_MAX 1024

/* Made on demand; the numbers in use are below 500. */
static char *names[SYSCALLS_MAX];

const char *syscall_name(long number)
{
	char *name;

	/* Nothing real has such a number: one name for all of them keeps the table small. */
	if (number < 0 || number >= SYSCALLS_MAX)
		return "syscall_unknown";
	if (names[number])
		return names[number];
	name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, (int)number);
	if (!name && asprintf(&name, "syscall_%ld", number) < 0)
		return "syscall_unknown";
	names[number] = name;
	return name;
}
