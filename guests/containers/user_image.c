/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/containers/user_image.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "guests/process/command.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* A list of texts, or null. */
static int read_words(const json_t *list, char ***ret)
{
	struct strv v = {0};
	const json_t *word;
	size_t i;

	if (list && !json_is_null(list) && !json_is_array(list))
		return -EPROTO;
	json_array_foreach (list, i, word) {
		if (!json_is_string(word)) {
			strv_clear(&v);
			return -EPROTO;
		}
		strv_add(&v, json_string_value(word));
	}
	return strv_take(&v, ret);
}

static const char *variable(const json_t *environment, const char *name)
{
	size_t length = strlen(name), i;
	const json_t *one;

	json_array_foreach (environment, i, one) {
		const char *text = json_string_value(one);

		if (text && strncmp(text, name, length) == 0 && text[length] == '=')
			return text + length + 1;
	}
	return NULL;
}

static int read_config(const json_t *image, struct user_image *ret)
{
	const json_t *config = json_object_get(image, "Config");
	const char *id = json_string_value(json_object_get(image, "Id"));
	const char *folder = json_string_value(json_object_get(config, "WorkingDir"));
	const char *path = variable(json_object_get(config, "Env"), "PATH");
	int r;

	if (!id || !json_is_object(config))
		return -EPROTO;
	if (strncmp(id, "sha256:", strlen("sha256:")) == 0)
		id += strlen("sha256:");
	if (strlen(id) < 12 || strlen(id) != strspn(id, "0123456789abcdef"))
		return -EPROTO;
	ret->id = strdup(id);
	ret->folder = strdup(folder && folder[0] == '/' ? folder : "/");
	ret->path = strdup(path && *path ? path : DEFAULT_PATH);
	if (!ret->id || !ret->folder || !ret->path)
		return -ENOMEM;
	r = read_words(json_object_get(config, "Entrypoint"), &ret->entry);
	return r < 0 ? r : read_words(json_object_get(config, "Cmd"), &ret->command);
}

int user_image_read(
	const struct engine *e, const char *name, struct user_image *ret, struct error *error)
{
	char *argv[] = {(char *)e->program, "image", "inspect", "--", (char *)name, NULL};
	_cleanup_free_ char *words = NULL;
	json_auto_t *images = NULL;
	const char *begin;
	int status, r;

	r = engine_ask(e, argv, &words, &status, error);
	if (r < 0)
		return r;
	if (status != 0)
		return error_set(error, -ENOENT,
			"there is no image %s here: bring it with %s pull %s", name, e->program,
			name);
	begin = strchr(words, '['); /* clients put warnings before it */
	images = begin ? json_loads(begin, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	r = images ? read_config(json_array_get(images, 0), ret) : -EPROTO;
	if (r == -EPROTO)
		return error_set(error, r, "%s image inspect %s: the answer is not understood",
			e->program, name);
	return r < 0 ? error_set_errno(error, r, "image %s", name) : 0;
}

void user_image_done(struct user_image *i)
{
	free(i->id);
	strv_free(i->entry);
	strv_free(i->command);
	free(i->path);
	free(i->folder);
	*i = (struct user_image){0};
}

/* A container that is not started, to look into. */
static int make_container(
	const struct engine *e, const char *image, const char *container, struct error *error)
{
	char *argv[] = {(char *)e->program, "create", "--pull", "never", "--name",
		(char *)container, "--entrypoint", "/", (char *)image, NULL};
	_cleanup_free_ char *words = NULL;
	int status, r = engine_ask(e, argv, &words, &status, error);

	if (r == 0 && status != 0)
		r = error_set(error, -EIO, "cannot look into image %s: %.*s", image,
			(int)strcspn(words, "\r\n"), words);
	return r;
}

/* Its archive is dropped: that there is one is the answer. 1, 0 or -errno. */
static int is_there(
	const struct engine *e, const char *container, const char *path, struct error *error)
{
	_cleanup_free_ char *source = NULL, *words = NULL;
	int status, r;

	if (asprintf(&source, "%s:%s", container, path) < 0) {
		source = NULL;
		return error_set_errno(error, -ENOMEM, "%s", path);
	}
	r = engine_ask(
		e, (char *[]){(char *)e->program, "cp", source, "-", NULL}, &words, &status, error);
	return r < 0 ? r : status == 0;
}

static int search(const struct engine *e, const struct user_image *i, const char *called,
	const char *container, char **ret, struct error *error)
{
	for (const char *p = i->path; *p; p += *p == ':') {
		size_t length = strcspn(p, ":");
		_cleanup_free_ char *path = NULL;
		int r;

		if (asprintf(&path, "%.*s/%s", (int)length, p, called) < 0) {
			path = NULL;
			return error_set_errno(error, -ENOMEM, "%s", called);
		}
		r = length ? is_there(e, container, path, error) : 0;
		if (r < 0)
			return r;
		if (r == 1) {
			*ret = TAKE_PTR(path);
			return 0;
		}
		p += length;
	}
	return -ENOENT;
}

int user_image_find(const struct engine *e, const char *name, const struct user_image *i,
	const char *called, const char *container, char **ret, struct error *error)
{
	int r, q;

	if (strchr(called, '/')) {
		r = called[0] == '/' ? asprintf(ret, "%s", called)
				     : asprintf(ret, "%s/%s", i->folder, called);
		if (r >= 0)
			return 0;
		*ret = NULL;
		return error_set_errno(error, -ENOMEM, "%s", called);
	}
	r = make_container(e, name, container, error);
	if (r == 0)
		r = search(e, i, called, container, ret, error);
	if (r == -ENOENT)
		r = error_set(error, r,
			"there is no program %s in image %s, in none of the folders %s", called,
			name, i->path);
	q = engine_remove_container(e, container, r < 0 ? NULL : error);
	return r < 0 ? r : q;
}
