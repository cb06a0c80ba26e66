/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Other programs that help with a report. No shell is involved. */

/**
 * Run @argv to its end in the folder @folder_fd, with no input, its output thrown away and what it
 * says on standard error in @words_fd. Its language is C, and it sees none of gnuplot's variables.
 * After @patience_ms it is killed. Its wait status into @ret.
 *
 * -ENOENT: there is no such program (argv[0] is searched in PATH if it has no slash); -ETIMEDOUT;
 * or the errno of starting it.
 */
int child_run(char *const *argv, int folder_fd, int words_fd, int patience_ms, int *ret);
