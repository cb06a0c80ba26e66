/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a program in a guest sees: its arguments, variables that begin with "SEEN_", its folder; then all that is below
 * the folder that it is given last, each file with its length and a hash (FNV-1a, over words of eight bytes, the last one
 * filled up with zeros). Ends with status 5.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK (1 << 16)

extern char **environ;

static void show_file(const char *path)
{
	static uint64_t words[BLOCK / sizeof(uint64_t)];
	uint64_t hash = 0xcbf29ce484222325ULL, length = 0;
	FILE *f = fopen(path, "r");
	size_t n;

	while (f && (n = fread(words, 1, BLOCK, f)) > 0) {
		memset((char *)words + n, 0, BLOCK - n);
		for (size_t i = 0; i < (n + 7) / 8; i++)
			hash = (hash ^ words[i]) * 0x100000001b3ULL;
		length += n;
	}
	printf("file %s %llu %016llx\n", path, (unsigned long long)length,
		(unsigned long long)hash);
	if (f)
		fclose(f);
	else
		printf("cannot open %s\n", path);
}

static void show_link(const char *path)
{
	char target[1024];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	target[n > 0 ? n : 0] = '\0';
	printf("link %s %s\n", path, target);
}

static void show_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	printf("folder %s\n", path);
	while (d && (e = readdir(d))) {
		char below[2048];
		struct stat st;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, e->d_name);
		if (lstat(below, &st) < 0)
			printf("cannot stat %s\n", below);
		else if (S_ISDIR(st.st_mode))
			show_folder(below);
		else if (S_ISLNK(st.st_mode))
			show_link(below);
		else
			show_file(below);
	}
	if (d)
		closedir(d);
}

int main(int argc, char **argv)
{
	char folder[1024];
	FILE *f;

	for (int i = 0; i < argc; i++)
		printf("argument %d: %s\n", i, argv[i]);
	for (char **e = environ; *e; e++)
		if (strncmp(*e, "SEEN_", 5) == 0)
			printf("variable %s\n", *e);
	printf("runs in %s\n", getcwd(folder, sizeof(folder)) ? folder : "nowhere");
	f = fopen("written", "w");
	if (!f || fputs("x", f) < 0 || fclose(f) != 0)
		printf("cannot write in %s\n", folder);
	show_folder(argv[argc - 1]);
	return 5;
}
