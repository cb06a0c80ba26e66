/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "common/error.h"

/**
 * The workload's binary: @given if not NULL, else mandelbrot beside this program or in its build
 * folder. *ret is absolute and malloced. -ENOENT, -EACCES with a message.
 */
int workload_find(const char *given, char **ret, struct error *error);
