/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/shell_words.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"

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

struct split {
	const char *at;
	FILE *word; /* the one in the making */
};

static int refuse_sign(char sign, struct error *error)
{
	return error_set(error, -EINVAL, "there is no shell, so a '%c' has to be quoted", sign);
}

static int read_single(struct split *s, struct error *error)
{
	const char *end = strchr(s->at, '\'');

	if (!end)
		return error_set(error, -EINVAL, "a ' has no end");
	fwrite(s->at, 1, (size_t)(end - s->at), s->word);
	s->at = end + 1;
	return 0;
}

static int read_double(struct split *s, struct error *error)
{
	for (; *s->at && *s->at != '"'; s->at++) {
		if (*s->at == '`' || *s->at == '$')
			return refuse_sign(*s->at, error);
		if (*s->at == '\\' && s->at[1] && strchr("\"\\`$", s->at[1]))
			s->at++;
		fputc(*s->at, s->word);
	}
	if (!*s->at)
		return error_set(error, -EINVAL, "a \" has no end");
	s->at++;
	return 0;
}

/* One sign or quotation. */
static int read_part(struct split *s, struct error *error)
{
	char sign = *s->at++;

	if (sign == '\'')
		return read_single(s, error);
	if (sign == '"')
		return read_double(s, error);
	if (strchr("|&;<>()`$", sign))
		return refuse_sign(sign, error);
	if (sign == '\\' && !*s->at)
		return error_set(error, -EINVAL, "a \\ is the last sign");
	fputc(sign == '\\' ? *s->at++ : sign, s->word);
	return 0;
}

static int read_word(const char **at, char **ret, struct error *error)
{
	struct split s = {.at = *at};
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r = 0;

	if (*s.at == '#')
		return refuse_sign('#', error);
	s.word = open_memstream(&text, &size);
	if (!s.word)
		return -ENOMEM;
	while (r == 0 && *s.at && !strchr(" \t\n", *s.at))
		r = read_part(&s, error);
	if (fclose(s.word) != 0 && r == 0)
		r = -ENOMEM;
	*at = s.at;
	if (r == 0)
		*ret = TAKE_PTR(text);
	return r;
}

int shell_split(const char *text, char ***ret, struct error *error)
{
	char **words = NULL;
	size_t n = 0;
	int r = 0;

	for (text += strspn(text, " \t\n"); r == 0 && *text; text += strspn(text, " \t\n")) {
		char *word = NULL;

		r = read_word(&text, &word, error);
		if (r == 0)
			r = ARRAY_MORE(words, n, 2);
		if (r < 0) {
			free(word);
			break;
		}
		words[n++] = word;
		words[n] = NULL;
	}
	if (r == 0 && !n)
		r = error_set(error, -EINVAL, "there is no word");
	if (r == 0)
		*ret = TAKE_PTR(words);
	for (size_t i = 0; words && i < n; i++)
		free(words[i]);
	free(words);
	return r == -ENOMEM ? error_set_errno(error, r, "a command line") : r;
}
