/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lets the Python tests reach the image writers:
 *
 *	image_tool rofs|tfs|initramfs FILE ENTRY...	write an image: PATH/ (folder), PATH=SOURCE,
 *PATH:TEXT, PATH>TARGET; what to run: %pPROGRAM, %aARGUMENT, %eNAME=VALUE, %oNAME=VALUE
 * image_tool needs PROGRAM [INSIDE...]	print the interpreter, then
 *NAME\tPATH for each library
 *
 * Exit status 1 and the message on standard error where the library says no.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "guests/images/elf_needs.h"
#include "guests/images/image.h"
#include "guests/images/initramfs.h"
#include "guests/images/rofs.h"
#include "guests/images/tfs.h"

#define WORDS_MAX 100

static char **inside_names;

static const struct {
	const char *name;
	image_writer_t write;
} formats[] = {{"rofs", rofs_write}, {"tfs", tfs_write}, {"initramfs", initramfs_write}};

static char *arguments[WORDS_MAX], *environment[WORDS_MAX], *options[WORDS_MAX];

static bool inside(const char *name)
{
	for (char **p = inside_names; *p; p++)
		if (strcmp(*p, name) == 0)
			return true;
	return false;
}

static int add(struct image *i, char *text, struct error *error)
{
	char *sign = text + strcspn(text, "=:>");
	char kind = *sign;

	if (kind == '\0') {
		size_t length = strlen(text);

		if (length > 1 && text[length - 1] == '/')
			text[length - 1] = '\0';
		return image_add_folder(i, text, 0755, error);
	}
	*sign++ = '\0';
	if (kind == '=')
		return image_add_file(i, text, 0755, sign, error);
	if (kind == ':')
		return image_add_bytes(i, text, 0644, sign, strlen(sign), error);
	return image_add_link(i, text, sign, error);
}

static void add_word(char **list, char *word)
{
	while (*list)
		list++;
	*list = word;
}

/* Whether @text says what to run. */
static bool is_start(char *text, struct image_start *start)
{
	if (text[0] != '%')
		return false;
	if (text[1] == 'p')
		start->program = text + 2;
	else
		add_word(text[1] == 'a'   ? arguments
			 : text[1] == 'e' ? environment
					  : options,
			text + 2);
	return true;
}

static int write_image(const char *format, const char *file, char **entries, struct error *error)
{
	_cleanup_close_ int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct image_start start = {
		.arguments = arguments, .environment = environment, .options = options};
	struct image image = {0};
	int r = fd < 0 ? -1 : 0;

	for (; *entries && r == 0; entries++)
		r = is_start(*entries, &start) ? 0 : add(&image, *entries, error);
	image.start = start.program ? &start : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(formats) && r == 0; i++)
		if (strcmp(format, formats[i].name) == 0)
			r = formats[i].write(fd, &image, error);
	image_clear(&image);
	return r;
}

static int show_needs(const char *program, struct error *error)
{
	struct elf_needs needs = {0};
	int r = elf_needs_find(program, inside, NULL, &needs, error);

	if (r < 0)
		return r;
	printf("%s\n", needs.interpreter ? needs.interpreter : "");
	for (size_t i = 0; i < needs.n; i++)
		printf("%s\t%s\n", needs.items[i].name, needs.items[i].path);
	elf_needs_free(&needs);
	return 0;
}

int main(int argc, char **argv)
{
	struct error error = {0};
	int r;

	if (argc < 3)
		return 2;
	inside_names = argv + 3;
	r = strcmp(argv[1], "needs") == 0 ? show_needs(argv[2], &error)
					  : write_image(argv[1], argv[2], argv + 3, &error);
	if (r < 0)
		fprintf(stderr, "%s\n", error.text);
	return r < 0 ? 1 : 0;
}
