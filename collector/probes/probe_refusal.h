/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Why the kernel refused the eBPF programs: what libbpf and the verifier say is kept while they are
 * loaded and attached, and one sentence is made of it that names the cause and the fix.
 */

#include <stddef.h>

#include "common/error.h"

struct refusal_words;

/** Begin to keep what libbpf says; where GUESTSCOPE_DEBUG is set it is shown, too. NULL: no memory.
 */
struct refusal_words *refusal_listen(void);

/** Stop, and forget. NULL is fine. Whoever listened to libbpf before does again. */
void refusal_done(struct refusal_words *w);

/** Forget what was said so far. */
void refusal_forget(struct refusal_words *w);

/** The program that libbpf spoke of last, or "". Valid until the next word. */
const char *refusal_program(struct refusal_words *w);

/**
 * Can eBPF programs not be loaded here, whatever they are: no BTF, no rights, bpf() forbidden,
 * lockdown? 0, or -ENOENT, -EPERM, or what bpf() gave, with the cause and the fix.
 */
int refusal_of_machine(struct error *error);

/** What failed. */
struct refusal_of {
	const char *doing; /**< "open", "load" or "attach" */
	char program[64];  /**< its name, or "": not known */
};

/**
 * Say in one line why @of failed with @r, once refusal_of_machine() has found nothing. Where the
 * verifier refused, its last words and the versions of the kernel and of the compiler are in the
 * line; everything goes into a file in @folder (NULL: the temporary one), which is named.
 */
void refusal_explain(struct refusal_words *w, int r, const struct refusal_of *of,
	const char *folder, struct error *error);
