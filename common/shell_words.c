/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/shell_words.h"

#include <string.h>

/* A tilde at a word's begin and a = before a command mean something, so neither is here alone. */
static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			       "-_./=:,+@%";

void shell_word(FILE *out, const char *word)
{
	if (*word && word[strspn(word, harmless)] == '\0') {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word; word++) {
		if (*word == '\'') /* ends the quotes, stands for itself, begins them again */
			fputs("'\\'", out);
		fputc(*word, out);
	}
	fputc('\'', out);
}

void shell_words(FILE *out, char *const *argv)
{
	for (char *const *word = argv; word && *word; word++) {
		if (word != argv)
			fputc(' ', out);
		shell_word(out, *word);
	}
}
