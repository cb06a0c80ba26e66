/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/experiment/own_program.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/experiment/file_digest.h"
#include "common/cleanup.h"
#include "common/file_kind.h"
#include "guests/process/command.h"
#include "workload/sha256.h"

/* How runtimes are told how many threads they may have; in a virtual machine they see it anyway. */
static const char *const thread_variables[] = {"OMP_NUM_THREADS", "GOMAXPROCS"};

static bool sets(char *const *environment, const char *name)
{
	size_t length = strlen(name);

	for (; environment && *environment; environment++)
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			return true;
	return false;
}

int own_program_environment(const struct options *o, char ***ret)
{
	struct strv v = {0};

	strv_add_all(&v, o->environment);
	for (size_t i = 0; i < ARRAY_SIZE(thread_variables); i++)
		if (!sets(o->environment, thread_variables[i]))
			strv_addf(&v, "%s={cores}", thread_variables[i]);
	return strv_take(&v, ret);
}

/* @path from the root on, without "." and "..", as words alone tell it: in a stack its links need not
 * be there. Malloced; NULL: no memory. */
static char *whole_path(const char *path)
{
	_cleanup_free_ char *here = path[0] == '/' ? strdup("") : getcwd(NULL, 0);
	_cleanup_free_ char *text = NULL;
	size_t used = 0;
	char *whole, *part, *rest;

	if (!here || asprintf(&text, "%s/%s", here, path) < 0) {
		text = NULL;
		return NULL;
	}
	whole = calloc(1, strlen(text) + 2);
	rest = text;
	while (whole && (part = strsep(&rest, "/"))) {
		char *slash = memrchr(whole, '/', used);

		if (strcmp(part, "..") == 0)
			used = slash ? (size_t)(slash - whole) : 0;
		else if (*part && strcmp(part, ".") != 0)
			used += (size_t)sprintf(whole + used, "/%s", part);
		whole[used] = '\0';
	}
	if (whole && !used)
		whole[0] = '/'; /* and after it all is 0 */
	return whole;
}

/* FILE:PATH is cut at its last ":/", unless there is a file of the whole name. */
static char *cut(char *word)
{
	char *at = NULL;

	if (access(word, F_OK) == 0)
		return NULL;
	for (char *p = strstr(word, ":/"); p; p = strstr(p + 1, ":/"))
		at = p;
	if (!at)
		return NULL;
	*at = '\0';
	return at + 1;
}

static int add_file(
	struct own_program *p, struct strv *words, const char *text, struct error *error)
{
	_cleanup_free_ char *word = strdup(text), *path = NULL, *source = NULL;
	const char *place;
	struct stat st;

	if (!word)
		return error_set_errno(error, -ENOMEM, "--with %s", text);
	place = cut(word);
	source = realpath(word, NULL);
	if (!source || access(source, R_OK) < 0 || stat(source, &st) < 0)
		return error_set_errno(error, -errno, "--with: cannot read %s", word);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return error_set(error, -EINVAL, "--with: %s is %s, not a file or folder", word,
			file_kind(st.st_mode));
	path = whole_path(place ? place : word);
	if (!path)
		return error_set_errno(error, -ENOMEM, "--with %s", text);
	if (strcmp(path, "/") == 0)
		return error_set_user(error, -EINVAL,
			"--with %s: it cannot be the root of the stacks' file systems", text);
	strv_addf(words, "%s:%s", source, path);
	p->with[p->n_with++] = (struct guest_with){TAKE_PTR(source), TAKE_PTR(path)};
	return 0;
}

static int find_files(const struct options *o, struct own_program *p, struct error *error)
{
	_cleanup_(strv_clear) struct strv words = {0};
	int r = 0;

	p->with = calloc(o->n_with + 1, sizeof(*p->with));
	if (!p->with)
		return error_set_errno(error, -ENOMEM, "--with");
	for (size_t i = 0; i < o->n_with && r == 0; i++)
		r = add_file(p, &words, o->with[i], error);
	return r < 0 ? r : strv_take(&words, &p->words);
}

int own_program_open(const struct options *o, struct own_program *ret, struct error *error)
{
	int r = own_program_environment(o, &ret->environment);

	if (r < 0)
		return error_set_errno(error, r, "--env");
	if (o->cwd || !o->image) /* an image has a folder of its own */
		ret->cwd = whole_path(o->cwd ? o->cwd : ".");
	if (!ret->cwd && (o->cwd || !o->image))
		return error_set_errno(error, -ENOMEM, "--cwd");
	return find_files(o, ret, error);
}

void own_program_done(struct own_program *p)
{
	strv_free(p->environment);
	strv_free(p->words);
	free(p->cwd);
	for (size_t i = 0; i < p->n_with; i++) {
		free((char *)(uintptr_t)p->with[i].source);
		free((char *)(uintptr_t)p->with[i].path);
	}
	free(p->with);
	*p = (struct own_program){0};
}

static int compare_names(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int list_folder(const char *folder, FILE *out)
{
	char *const roots[] = {(char *)(uintptr_t)folder, NULL};
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, compare_names);
	FTSENT *e;

	if (!walk)
		return -errno;
	while ((e = fts_read(walk)))
		if (e->fts_info != FTS_DP)
			fprintf(out, "%s %lld\n", e->fts_path + strlen(folder),
				S_ISREG(e->fts_statp->st_mode) ? (long long)e->fts_statp->st_size
							       : -1LL);
	return fts_close(walk) < 0 ? -errno : 0;
}

static int digest_folder(json_t *digests, const char *name, const char *folder, struct error *error)
{
	_cleanup_free_ char *text = NULL;
	char hex[SHA256_HEX_SIZE];
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	int r = f ? list_folder(folder, f) : -ENOMEM;

	if (f && fclose(f) != 0 && r == 0)
		r = -ENOMEM;
	if (r < 0)
		return error_set_errno(error, r, "cannot read %s", folder);
	sha256_hex(text, size, hex);
	return json_object_set_new(digests, name, json_string(hex)) < 0 ? -ENOMEM : 0;
}

int own_program_digest(const struct own_program *p, json_t *digests, struct error *error)
{
	int r = 0;

	for (size_t i = 0; i < p->n_with && r == 0; i++) {
		const struct guest_with *f = &p->with[i];
		struct stat st;

		if (stat(f->source, &st) < 0)
			return error_set_errno(error, -errno, "cannot read %s", f->source);
		r = S_ISDIR(st.st_mode) ? digest_folder(digests, f->path, f->source, error)
					: file_digest_add(digests, f->path, f->source, error);
	}
	return r;
}
