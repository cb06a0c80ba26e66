/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "common/error.h"

/**
 * The workload's binary: @given if not NULL, else @program, one of ours, beside this program or in its build
 * folder. *ret is absolute and malloced; its last part may be a link of another name. What the kernel cannot execute is refused, by a child whose
 * exec is stopped before the program's first instruction. -ENOENT, -EACCES, -ENOEXEC, ... with a
 * message.
 */
int workload_find(const char *given, const char *program, char **ret, struct error *error);
