/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Plays the inputs of a corpus: replay FILE-OR-FOLDER... What is wrong ends the program, or a
 * sanitizer does. */

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "tests/fuzz/fuzz.h"

static unsigned n_played;

static int play_file(const char *path, size_t size)
{
	_cleanup_fclose_ FILE *f = fopen(path, "rbe");
	/* Exactly as large as the input: a sanitizer sees one byte too far. */
	_cleanup_free_ uint8_t *data = malloc(size ? size : 1);

	if (!f || !data || fread(data, 1, size, f) != size) {
		fprintf(stderr, "cannot read %s\n", path);
		return 1;
	}
	fprintf(stderr, "%s, %zu bytes\n", path, size);
	LLVMFuzzerTestOneInput(data, size);
	n_played++;
	return 0;
}

static int play(const char *path)
{
	struct dirent **entries = NULL;
	struct stat st;
	int n, bad = 0;

	if (stat(path, &st) < 0) {
		fprintf(stderr, "there is no %s\n", path);
		return 1;
	}
	if (!S_ISDIR(st.st_mode))
		return play_file(path, (size_t)st.st_size);
	n = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char inside[PATH_MAX];

		snprintf(inside, sizeof(inside), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			bad |= play(inside);
		free(entries[i]);
	}
	free(entries);
	return bad;
}

int main(int argc, char **argv)
{
	int bad = 0;

	for (int i = 1; i < argc; i++)
		bad |= play(argv[i]);
	printf("%u inputs played\n", n_played);
	return bad || !n_played;
}
