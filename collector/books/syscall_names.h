/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Names of x86-64 system calls (libseccomp).
 *
 * The name of system call @number, such as "futex"; "syscall_N" for a number that has no name,
 * "syscall_unknown" for one that cannot be a number. The
 * text lives as long as the program. Not for use from several threads at once.
 */
const char *syscall_name(long number);
