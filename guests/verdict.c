/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/verdict.h"

#include <errno.h>
#include <string.h>

#include "common/console.h"

#define WORDS_BYTES 400

int verdict_failures(const char *who, const char *const *failures, bool first, const char *console,
	size_t length, struct error *error)
{
	char words[WORDS_BYTES];
	const char *line;
	size_t n;

	for (; *failures; failures++)
		if (console_find(console, length, *failures, first, &line, &n)) {
			console_quote(words, sizeof(words), line, n);
			return error_set(error, -EIO, "%s says: %s", who, words);
		}
	return 0;
}

int verdict_status(const char *saying, const char *where, const char *console, size_t length,
	struct error *error)
{
	char words[CONSOLE_WORDS_SIZE];
	const char *line;
	int status;
	size_t n;

	if (console_number_after(console, length, saying, &status) < 0)
		return -ENODATA;
	if (status == 0)
		return 0;
	console_find(console, length, saying, false, &line, &n);
	console_last_words(words, console, (size_t)(line - console));
	return error_set(error, -EIO, "the program ended with status %d%s%s", status, where, words);
}

int verdict_signal(const char *saying, const char *console, size_t length, struct error *error)
{
	char words[CONSOLE_WORDS_SIZE];
	const char *line;
	int number;
	size_t n;

	if (console_number_after(console, length, saying, &number) < 0)
		return -ENODATA;
	console_find(console, length, saying, false, &line, &n);
	console_last_words(words, console, (size_t)(line - console));
	return error_set(error, -EIO, "the program was ended by signal %d (%s)%s", number,
		strsignal(number), words);
}

int verdict_ended_early(const char *who, const char *console, size_t length, struct error *error)
{
	char words[CONSOLE_WORDS_SIZE];

	console_last_words(words, console, length);
	return error_set(error, -EIO, "%s ended before its program did%s", who,
		words[0] ? words : ", without a word");
}
