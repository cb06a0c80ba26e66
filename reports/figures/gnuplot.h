/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * gnuplot as a drawing machine: a program of its own that is handed script files by name. No shell
 * is involved, and it reads none of its user's settings.
 */

#include <stddef.h>

#include "common/error.h"

/**
 * Let one gnuplot draw the @n scripts, one after the other, in the folder @folder_fd, which they
 * name their data and their pictures relative to. It gets half a minute.
 *
 * -ENOENT: gnuplot is not installed; -EIO: it complained (the message has its words); -ETIMEDOUT;
 * or the errno of starting it. What it had drawn until then stays.
 */
int gnuplot_draw(int folder_fd, char *const *scripts, size_t n, struct error *error);
