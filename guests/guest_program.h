/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** How the workload is started, the same in every stack. */

#include "guests/guest.h"

/**
 * The workload's command line inside a stack:
 *
 *	@program -cores <spec->lanes> -markers -rows <spec->arguments...> -file @output_file
 *
 * or, of the user's own program, @program and <spec->arguments...>; in the arguments {cores}, {run} and
 * {seed} are replaced. @program is the path where the stack finds the program; @output_file where
 * it may write its picture. *ret is malloced, as is each string; free it with strv_free(). -ENOMEM.
 */
int guest_program_argv(
	const struct guest_spec *spec, const char *program, const char *output_file, char ***ret);

/** @text with these words replaced, malloced; NULL: no memory. */
char *guest_program_word(const struct guest_spec *spec, const char *text);

/** The arguments of the spec alone, with the same words replaced, whoever they are for. Malloced as above. -ENOMEM. */
int guest_program_words(const struct guest_spec *spec, char ***ret);

/** The environment that the user's own program is to have, with the same words replaced: NAME=VALUE,
 * malloced as above; an empty list for the workload. -ENOMEM. */
int guest_program_environment(const struct guest_spec *spec, char ***ret);

/** The command line of a client on the host: the words of @client, in which {port} and {host} are
 * replaced beside the others. As above. */
int guest_client_argv(const struct guest_spec *spec, char *const *client, char ***ret);

/**
 * The first word in braces in @text that looks like one to be replaced, a few small letters, and is none: "{core}". It is
 * handed on as it stands. Of a client's command line the words are more (@client). NULL: there is none.
 */
const char *guest_program_unknown_word(const char *text, bool client, size_t *ret_length);

/**
 * "GUESTSCOPE_PIN=0,2,1,3": the plan's CPUs in the order of lanes, or "none", for a program that
 * runs on the host's kernel. Malloced; NULL: no memory.
 */
char *guest_pin_variable(const struct guest_spec *spec);
