/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

typedef long ssize_t;

#define STDOUT_FILENO 1
#define STDERR_FILENO 2

/** To the console, whatever @fd is. */
ssize_t write(int fd, const void *data, size_t bytes);
int close(int fd);

/** Knows SYS_futex only. */
long syscall(long number, ...);
