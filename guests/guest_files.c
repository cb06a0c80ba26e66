/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/guest_files.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "guests/process/command.h"

#define HEAD_BYTES       256 /* of a script's first line, as of the kernel (BINPRM_BUF_SIZE) */
#define INTERPRETERS_MAX 5

/* Where env(1) looks in a stack. */
static const char *const program_folders[] = {
	"/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"};

/* The beginning of a file, NUL-ended; its length, or -errno. */
static ssize_t read_head(const char *path, char ret[static HEAD_BYTES + 1])
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : pread(fd, ret, HEAD_BYTES, 0);

	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return n;
}

static bool is_elf(const char *path)
{
	char head[HEAD_BYTES + 1];

	return read_head(path, head) >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0;
}

/* What env(1) would run: its first word that is neither an option nor a variable. */
static char *find_by_env(char *words)
{
	char *rest = words, *word;

	while ((word = strsep(&rest, " \t"))) {
		char *path;

		if (!*word || *word == '-' || strchr(word, '='))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(program_folders); i++) {
			if (asprintf(&path, "%s/%s", program_folders[i], word) < 0)
				return NULL;
			if (access(path, X_OK) == 0)
				return path;
			free(path);
		}
		return strdup(word);
	}
	return NULL;
}

static int add_interpreter(
	struct strv *v, const char *script, const char *path, struct error *error)
{
	if (access(path, X_OK) < 0)
		return error_set_errno(error, -errno,
			"%s is a script of %s, which a stack would have to take along from here",
			script, path);
	strv_add(v, path);
	return 0;
}

/* The interpreters that the "#!" line of @script names. 1: it has such a line. */
static int add_interpreters(struct strv *v, const char *script, struct error *error)
{
	char head[HEAD_BYTES + 1], *line = head + 2, *name;
	_cleanup_free_ char *found = NULL;
	ssize_t n = read_head(script, head);
	int r;

	if (n < 0)
		return error_set_errno(error, (int)n, "cannot read %s", script);
	if (n < 2 || memcmp(head, "#!", 2) != 0)
		return 0;
	line += strspn(line, " \t");
	line[strcspn(line, "\r\n")] = '\0';
	name = strsep(&line, " \t");
	r = add_interpreter(v, script, name, error);
	if (r < 0 || !line || strcmp(strrchr(name, '/') ? strrchr(name, '/') : "", "/env") != 0)
		return r < 0 ? r : 1;
	found = find_by_env(line);
	if (found)
		r = add_interpreter(v, script, found, error);
	return r < 0 ? r : 1;
}

/* The program and its interpreters. */
static int find_chain(const struct guest_spec *spec, struct strv *ret, struct error *error)
{
	int r = 1;

	strv_add(ret, spec->program);
	for (size_t i = 0; r == 1 && !ret->error && i < INTERPRETERS_MAX; i++)
		r = add_interpreters(ret, ret->items[ret->n - 1], error);
	if (ret->error)
		return error_set_errno(error, ret->error, "%s", spec->program);
	return r < 0 ? r : 0;
}

static bool is_script(const char *path)
{
	char head[HEAD_BYTES + 1];

	return read_head(path, head) >= 2 && memcmp(head, "#!", 2) == 0;
}

int guest_executables(const struct guest_spec *spec, char ***ret, struct error *error)
{
	_cleanup_(strv_clear) struct strv v = {0}, chain = {0};
	int r = find_chain(spec, &chain, error);

	for (size_t i = 0; i < chain.n; i++)
		if (!is_script(chain.items[i]))
			strv_add(&v, chain.items[i]);
	for (size_t i = 0; spec->own && i < spec->n_with; i++)
		if (is_elf(spec->with[i].source))
			strv_add(&v, spec->with[i].source);
	if (r < 0)
		return r;
	r = strv_take(&v, ret);
	return r < 0 ? error_set_errno(error, r, "%s", spec->program) : 0;
}

static int allow_existing(int r)
{
	return r == -EEXIST ? 0 : r;
}

static int add_libraries(const char *file, const struct guest_libraries *how, struct image *image,
	struct error *error)
{
	_cleanup_(elf_needs_free) struct elf_needs needs = {0};
	int r = elf_needs_find(file, how->inside, how->extra, &needs, error);

	return r < 0 ? r : how->add(&needs, image, error);
}

static int add_found(struct image *image, const FTSENT *e, const char *path, struct error *error)
{
	char target[PATH_MAX] = "";

	switch (e->fts_info) {
	case FTS_D:
		return image_add_folder(image, path, e->fts_statp->st_mode, error);
	case FTS_F:
		return image_add_file(image, path, e->fts_statp->st_mode, e->fts_path, error);
	case FTS_SL:
	case FTS_SLNONE:
		if (readlink(e->fts_path, target, sizeof(target) - 1) < 0)
			return error_set_errno(error, -errno, "cannot read %s", e->fts_path);
		return image_add_link(image, path, target, error);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		return error_set_errno(error, -e->fts_errno, "cannot read %s", e->fts_path);
	default: /* after a folder; devices, sockets */
		return 0;
	}
}

static int add_tree(const struct guest_with *with, struct image *image, struct error *error)
{
	char *const roots[] = {(char *)(uintptr_t)with->source, NULL};
	size_t skip = strlen(with->source);
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;
	int r = walk ? 0 : error_set_errno(error, -errno, "cannot read %s", with->source);

	while (r == 0 && (e = fts_read(walk))) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s%s", with->path, e->fts_path + skip) < 0) {
			path = NULL;
			r = error_set_errno(error, -ENOMEM, "%s", with->source);
		} else {
			r = allow_existing(add_found(image, e, path, error));
		}
	}
	if (walk)
		fts_close(walk);
	return r;
}

static int add_cwd(const struct guest_spec *spec, struct image *image, struct error *error)
{
	if (!spec->own || !spec->cwd || strcmp(spec->cwd, "/") == 0)
		return 0;
	return allow_existing(image_add_folder(image, spec->cwd, 0755, error));
}

static int add_programs(
	const struct guest_spec *spec, const char *place, struct image *image, struct error *error)
{
	_cleanup_(strv_clear) struct strv chain = {0};
	int r = find_chain(spec, &chain, error);

	if (r == 0)
		r = image_add_file(image, place, 0755, spec->program, error);
	for (size_t i = 1; r == 0 && i < chain.n; i++)
		r = allow_existing(
			image_add_file(image, chain.items[i], 0755, chain.items[i], error));
	return r;
}

int guest_add_program(const struct guest_spec *spec, const char *place,
	const struct guest_libraries *how, bool outside, struct image *image, struct error *error)
{
	_cleanup_(strv_freep) char **files = NULL;
	int r = guest_executables(spec, &files, error);

	if (r == 0)
		r = add_programs(spec, place, image, error);
	for (size_t i = 0; r == 0 && files[i]; i++)
		r = add_libraries(files[i], how, image, error);
	for (size_t i = 0; r == 0 && spec->own && !outside && i < spec->n_with; i++)
		r = add_tree(&spec->with[i], image, error);
	return r < 0 ? r : add_cwd(spec, image, error);
}

/* Of a folder that goes along, the folder alone is told. */
static bool goes_along(const struct guest_spec *spec, const char *path)
{
	for (size_t i = 0; spec->own && i < spec->n_with; i++) {
		size_t length = strlen(spec->with[i].path);

		if (strncmp(path, spec->with[i].path, length) == 0 &&
			(path[length] == '/' || !path[length]))
			return true;
	}
	return false;
}

int guest_note_copies(struct guest *g, const struct image *image, const char *place,
	const char *with_place, struct error *error)
{
	const struct guest_spec *spec = &g->spec;
	size_t size = 0;
	FILE *f = open_memstream(&g->copies, &size);

	for (size_t i = 0; f && i < image->n; i++) {
		const struct image_entry *e = &image->entries[i];

		if (e->source && !goes_along(spec, e->path))
			fprintf(f, "%s: %s, from %s\n", place, e->path, e->source);
	}
	for (size_t i = 0; f && spec->own && i < spec->n_with; i++)
		fprintf(f, "%s: %s, from %s\n", with_place ? with_place : place, spec->with[i].path,
			spec->with[i].source);
	return f && fclose(f) == 0 ? 0
				   : error_set_errno(error, -ENOMEM, "files of %s", g->ops->name);
}

static int add_plain(const struct elf_needs *needs, struct image *image, struct error *error)
{
	int r = 0;

	if (needs->interpreter)
		r = image_add_file(image, needs->interpreter, 0755, needs->interpreter, error);
	return r < 0 && r != -EEXIST ? r : elf_needs_add(needs, GUEST_LIBRARY_FOLDER, image, error);
}

/* glibc loads it by itself when a thread is cancelled or exits early. */
static const char *const plain_extra[] = {"libgcc_s.so.1", NULL};
const struct guest_libraries guest_plain_libraries = {.extra = plain_extra, .add = add_plain};

char *guest_program_place(const struct guest_spec *spec, const char *folder)
{
	const char *slash = strrchr(spec->program, '/');
	char *place;

	if (spec->own)
		return strdup(spec->program);
	if (asprintf(&place, "%s/%s", folder, slash ? slash + 1 : spec->program) < 0)
		return NULL;
	return place;
}

int guest_files_found(const struct guest_spec *spec, struct error *error)
{
	_cleanup_(strv_freep) char **files = NULL;
	int r = guest_executables(spec, &files, error);

	for (size_t i = 0; r == 0 && files[i]; i++) {
		_cleanup_(elf_needs_free) struct elf_needs needs = {0};

		r = elf_needs_find(files[i], NULL, NULL, &needs, error);
	}
	return r;
}
