/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Looking for a guest's last words in its console. All text there is untrusted. */

#include <stdbool.h>
#include <stddef.h>

/** What our first process in a guest tells the host of the boot begins with this: no words of the program. */
#define CONSOLE_BOOT_WORDS "guestscope-boot:"

/**
 * The last (@first: the first) line of @text that contains @needle, as a slice. False if none does.
 */
bool console_find(const char *text, size_t length, const char *needle, bool first,
	const char **ret_line, size_t *ret_length);

/**
 * Like sscanf("%d") right after @needle in the last line that contains it: 0 with the number, or
 * -ENODATA.
 */
int console_number_after(const char *text, size_t length, const char *needle, int *ret);

/** Copy a line for people, as utf8_clean() makes it: trimmed, cut between characters, NUL-ended. */
void console_quote(char *ret, size_t size, const char *line, size_t length);

/** The last line that is neither empty nor a marker, quoted; "" if there is none. */
void console_last_line(char *ret, size_t size, const char *text, size_t length);

/** Room for console_last_words(). */
#define CONSOLE_WORDS_SIZE 832

/**
 * What was said last, for the end of a message: "; its last words: " and the last lines, at most
 * CONSOLE_WORDS_LINES, that are neither empty nor a marker, quoted, the oldest first, between them " / ". "" if there
 * is none. So everywhere where something failed.
 */
#define CONSOLE_WORDS_LINES 4
void console_last_words(char ret[static CONSOLE_WORDS_SIZE], const char *text, size_t length);
