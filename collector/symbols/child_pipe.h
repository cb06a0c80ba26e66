/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Work that may break, hang or take long is done by a child process, which writes to a pipe. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** What a child does, with the pipe's end for writing; then it ends. */
typedef void (*child_main_t)(const void *userdata, int out);

/** Start one. *ret_fd is where to read; it is the caller's. The child's number, or -errno. */
pid_t child_pipe_start(child_main_t child, const void *userdata, int *ret_fd);

/** Read exactly @size bytes; false at the end, or when @deadline_ms (clock_ms()) has passed. */
bool child_pipe_read(int fd, void *ret, size_t size, int64_t deadline_ms);
