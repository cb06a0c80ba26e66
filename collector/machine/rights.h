/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The capabilities that measuring needs, what each is for, and which of them this process lacks.
 */

#include <stdbool.h>
#include <stddef.h>

/* Numbers of linux/capability.h, which the oldest headers we build with do not all have. */
#define RIGHT_SYS_ADMIN 21
#define RIGHT_SYSLOG    34
#define RIGHT_PERFMON   38
#define RIGHT_BPF       39

struct right {
	const char *name; /**< as in capabilities(7) */
	unsigned number;
	bool essential;       /**< without it nothing can be measured */
	const char *what_for; /**< a clause: what is lost without it */
};

/** Ended by a row without a name. */
extern const struct right rights_table[];

/**
 * The names of those in the table that are lacking, "CAP_BPF, CAP_PERFMON"; @with_reasons: each
 * with what it is for, in brackets. "": none. Returns how many of them are essential.
 */
unsigned rights_lacking(char *ret, size_t size, bool with_reasons);

/** From now on programs that are started get none of our capabilities, unless we are root. */
void rights_keep(void);

/** Is a filter of system calls (seccomp) laid on this process? */
bool rights_have_seccomp_filter(void);
